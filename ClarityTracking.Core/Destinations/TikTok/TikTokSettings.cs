using System.Text.Json;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>What a TikTok connection needs.</summary>
static class TikTokSettings
{
    /// <summary>The setting that names the advertiser whose spend is imported.</summary>
    internal const string Advertiser = "advertiser_id";

    internal static readonly ConnectionField[] Fields =
    [
        new("pixel_code", "Pixel code", "TikTok Ads Manager > Tools > Events > Web events > your pixel > Settings (Pixel ID).", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Id, Wanted: "Must be the pixel's code, as Events Manager shows it."),
        new("access_token", "Access token", "The pixel's Settings > Events API > Generate access token.", IsSecret: true, IsRequired: true),
        new(Advertiser, "Advertiser ID", "For ad spend only: TikTok Ads Manager, the number under the account's name. Connect by TikTok sign-in: an Events API token cannot read spend.", IsSecret: false, IsRequired: false,
            Shape: SettingsCheck.Digits, Wanted: "Must be the advertiser's number."),
        new("test_event_code", "Test event code", "The pixel's Test events. Remove it when you are done.", IsSecret: false, IsRequired: false,
            Shape: SettingsCheck.Id, Wanted: "Must be the code from Test events, such as TEST12345."),
        new("limited_data_use", "Limited Data Use", "Restricts how TikTok uses the data of all people. Set by itself for visitors who refuse personalised ads.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("form_submit = Lead"),
    ];

    internal static string? TestEventCode(JsonElement settings) => ConnectionJson.Text(settings, "test_event_code");

    internal static bool LimitedDataUse(JsonElement settings) => ConnectionJson.Flag(settings, "limited_data_use");
}
