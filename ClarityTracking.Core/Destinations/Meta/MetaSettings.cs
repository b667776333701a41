using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Reads and checks a Meta connection's settings and credentials.</summary>
static partial class MetaSettings
{
    /// <summary>Supported until 2028-07-29 (Graph API changelog, 2026-11-20).</summary>
    internal const string DefaultApiVersion = "v25.0";

    // Meta's own limit for custom event names
    const int LongestEventName = 50;

    /// <summary>The setting that names the ad account whose spend is imported.</summary>
    internal const string AdAccount = "ad_account_id";

    internal static readonly ConnectionField[] Fields =
    [
        new("dataset_id", "Dataset ID", "Events Manager > Data sources > your dataset > Settings (formerly Pixel ID).", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Id, Wanted: "Must be the dataset's number, as Events Manager shows it."),
        new("access_token", "Access token", "Events Manager > Settings > Conversions API > Generate access token.", IsSecret: true, IsRequired: true),
        new("app_secret", "App secret", "Only if your Meta app requires proof of the secret: App settings > Basic.", IsSecret: true, IsRequired: false),
        new(AdAccount, "Ad account ID", "For ad spend only: Ads Manager > account menu, the number under the account's name. Its token needs ads_read.", IsSecret: false, IsRequired: false,
            Shape: AdAccountId(), Wanted: "Must be the ad account's number, such as 1234567890 or act_1234567890."),
        new("test_event_code", "Test event code", "Events Manager > Test events. Remove it when you are done: such events still count.", IsSecret: false, IsRequired: false,
            Shape: SettingsCheck.Id, Wanted: "Must be the code from Events Manager > Test events, such as TEST12345."),
        new("limited_data_use", "Limited Data Use", "Restricts how Meta uses the data of people in US states with such a law.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        new("api_version", "Graph API version", $"Leave empty for {DefaultApiVersion}.", IsSecret: false, IsRequired: false,
            Shape: Version(), Wanted: $"Must look like {DefaultApiVersion}."),
        SettingsCheck.EventsField("form_submit = Lead"),
    ];

    internal static bool LimitedDataUse(JsonElement settings) => ConnectionJson.Flag(settings, "limited_data_use");

    internal static List<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SettingsCheck.Run(Fields, settings, credentials, static name => name.Length <= LongestEventName,
            $"Must be Meta's event name (at most {LongestEventName} characters), or false to not send it.");
        if (ConnectionJson.Text(settings, "dataset_id")?.StartsWith("act_", StringComparison.Ordinal) == true)
            errors.Add(new("settings.dataset_id", "This is an ad account (act_…); enter the dataset's number."));
        return errors;
    }

    [GeneratedRegex(@"^(act_)?[0-9]{1,32}\z")]
    private static partial Regex AdAccountId();

    [GeneratedRegex(@"^v[0-9]{1,3}\.[0-9]\z")]
    private static partial Regex Version();
}
