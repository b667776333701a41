using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Reddit;

/// <summary>What a Reddit connection needs.</summary>
static class RedditSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("pixel_id", "Pixel ID", "Ads Manager > Events Manager > your pixel, such as a2_abc (or t2_abc).", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Id, Wanted: "Must be the pixel's id, as Events Manager shows it."),
        new("access_token", "Conversion access token", "Events Manager > Conversions API > Generate access token. It does not expire.", IsSecret: true, IsRequired: true),
        new("test_id", "Test ID", "Events Manager > Event testing. Remove it when you are done.", IsSecret: false, IsRequired: false,
            Shape: SettingsCheck.Id, Wanted: "Must be the test id from Event testing, such as t2_abc."),
        new("limited_data_use", "Limited Data Use", "Restricts how Reddit uses the data of all people. Set by itself for visitors who refuse personalised ads.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("form_submit = LEAD"),
    ];

    internal static string? TestId(JsonElement settings) => ConnectionJson.Text(settings, "test_id");

    internal static bool LimitedDataUse(JsonElement settings) => ConnectionJson.Flag(settings, "limited_data_use");
}
