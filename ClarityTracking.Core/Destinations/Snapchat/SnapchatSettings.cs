using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Snapchat;

/// <summary>What a Snapchat connection needs.</summary>
static class SnapchatSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("pixel_id", "Pixel ID", "Ads Manager > Events Manager > your pixel.", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Id, Wanted: "Must be the pixel's id, as Events Manager shows it."),
        new("access_token", "Access token", "Ads Manager > Business details > Conversions API tokens.", IsSecret: true, IsRequired: true),
        new("test_id", "Test event code", "Events Manager > Test events. Remove it when you are done.", IsSecret: false, IsRequired: false,
            Shape: SettingsCheck.Id, Wanted: "Must be the code from Test events."),
        new("limited_data_use", "Limited Data Use", "Restricts how Snapchat uses the data of all people. Set by itself for visitors who refuse personalised ads.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("form_submit = SIGN_UP"),
    ];

    internal static string? TestId(JsonElement settings) => ConnectionJson.Text(settings, "test_id");

    internal static bool LimitedDataUse(JsonElement settings) => ConnectionJson.Flag(settings, "limited_data_use");
}
