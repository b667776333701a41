using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>Reads and checks a Google Ads connection's settings and credentials.</summary>
static partial class GoogleAdsSettings
{
    internal const string DataManager = "data_manager", ClickUpload = "google_ads_api", Actions = "conversion_actions";

    /// <summary>The newest that the public error reference (2026-11-20) covers in full; a version lives about a year.</summary>
    internal const string DefaultApiVersion = "v24";

    const string WantedAction = "Must be the conversion action's number, or false to not send the event.";

    internal static readonly ConnectionField[] Fields =
    [
        new("customer_id", "Customer ID", "Google Ads, top right: the account that tracks the conversions, such as 123-456-7890.", IsSecret: false, IsRequired: true,
            Shape: CustomerId(), Wanted: "Must be the account's number, such as 123-456-7890."),
        new("manager_id", "Manager ID", "Only when access is through a manager account: its number.", IsSecret: false, IsRequired: false,
            Shape: CustomerId(), Wanted: "Must be the manager account's number, such as 123-456-7890."),
        new(Actions, "Conversion actions", "One line per event, such as purchase = 987654321: the number after ctId= in the address of the action's page.", IsSecret: false, IsRequired: true, FieldKind.Pairs),
        new("transport", "Transport", $"Leave empty for {DataManager}. {ClickUpload} is for developer tokens that uploaded conversions before June 2026.", IsSecret: false, IsRequired: false,
            Shape: Transport(), Wanted: $"Must be {DataManager} or {ClickUpload}."),
        new("api_version", "Google Ads API version", $"For {ClickUpload} and ad spend only. Leave empty for {DefaultApiVersion}.", IsSecret: false, IsRequired: false,
            Shape: Version(), Wanted: $"Must look like {DefaultApiVersion}."),
        new("refresh_token", "Refresh token", "Comes with connecting the Google account. Access tokens are fetched with it.", IsSecret: true, IsRequired: false),
        new("access_token", "Access token", "Instead of a refresh token; Google ends it after an hour.", IsSecret: true, IsRequired: false),
        new("developer_token", "Developer token", $"For {ClickUpload} and ad spend only: the manager account's API Center.", IsSecret: true, IsRequired: false),
        new("test", "Test mode", "Google checks all events and records none. Switch it off when you are done.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("page_view = 987654321"),
    ];

    internal static bool IsTest(JsonElement settings) => ConnectionJson.Flag(settings, "test");

    internal static bool IsClickUpload(JsonElement settings) => ConnectionJson.Text(settings, "transport") == ClickUpload;

    /// <summary>An account's number without dashes; null when there is none.</summary>
    internal static string? Account(JsonElement settings, string name) => ConnectionJson.Text(settings, name)?.Replace("-", "", StringComparison.Ordinal);

    internal static bool IsAction(string text) => SettingsCheck.Digits.IsMatch(text);

    internal static List<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SettingsCheck.Run(Fields, settings, credentials, IsAction, WantedAction);
        if (settings.ValueKind != JsonValueKind.Object)
            return errors;
        SettingsCheck.CheckPairs(errors, settings, Actions, IsAction, WantedAction, numbersToo: true);
        if (credentials is not { ValueKind: JsonValueKind.Object } secrets)
            return errors;
        if (ConnectionJson.Text(secrets, "refresh_token") is null && ConnectionJson.Text(secrets, "access_token") is null)
            errors.Add(new("credentials.refresh_token", "Is required, or an access_token."));
        if (IsClickUpload(settings) && ConnectionJson.Text(secrets, "developer_token") is null)
            errors.Add(new("credentials.developer_token", $"Is required for the transport {ClickUpload}."));
        return errors;
    }

    [GeneratedRegex(@"^[0-9](-?[0-9]){5,14}\z")]
    private static partial Regex CustomerId();

    [GeneratedRegex($"^({DataManager}|{ClickUpload})\\z")]
    private static partial Regex Transport();

    [GeneratedRegex(@"^v[0-9]{1,3}\z")]
    private static partial Regex Version();
}
