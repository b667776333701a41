using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>What a Pinterest connection needs.</summary>
static class PinterestSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("ad_account_id", "Ad account ID", "Ads Manager > Account overview, the number beside the account's name.", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Digits, Wanted: "Must be the ad account's number."),
        new("access_token", "Conversion access token", "Ads Manager > Conversions > Conversions API > Generate new token.", IsSecret: true, IsRequired: true),
        new("test", "Test mode", "Pinterest checks all events and records none. Switch it off when you are done.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        new("limited_data_use", "Limited Data Processing", "Restricts how Pinterest uses the data of all people. Set by itself for visitors who refuse personalised ads.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("form_submit = lead"),
    ];

    internal static bool IsTest(JsonElement settings) => ConnectionJson.Flag(settings, "test");

    internal static bool LimitedDataUse(JsonElement settings) => ConnectionJson.Flag(settings, "limited_data_use");
}
