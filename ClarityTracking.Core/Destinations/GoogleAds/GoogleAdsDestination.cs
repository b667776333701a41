using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>Google Ads, over the Data Manager API or the older click conversion upload. The rules and their sources are in this folder's README.</summary>
public sealed class GoogleAdsDestination : IDestination
{
    static readonly string[] Keys = ["gclid", MatchKeyNames.EmailGoogle, MatchKeyNames.PhoneE164];
    static readonly string[] KeysBesideOtherClicks = ["gclid"];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("google_ads", "Google Ads", MaxBatch: 2000, MaxAge: TimeSpan.FromDays(90),
        new Uri("https://datamanager.googleapis.com"), GoogleAdsSettings.Fields,
        Rate: RateLimit.PerMinute(300, burst: 10), TestSetting: "test"); // Data Manager API limits (2026-11); per Cloud project, which several connections may share

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => GoogleAdsSettings.Check(settings, credentials);

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var isAdjustment = GoogleAdsActions.IsAdjustment(@event.Name);
        if (isAdjustment && !GoogleAdsSettings.IsClickUpload(settings))
            return new Skip(SkipReason.Unmapped, "The Data Manager API takes no refunds and cancellations; correct the conversion in Google Ads.");
        var action = GoogleAdsActions.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, action, Info.DisplayName, Info.MaxAge, GoogleAdsSettings.IsTest(settings), now) is { } skip)
            return skip;
        if (isAdjustment)
            return string.IsNullOrEmpty(@event.OrderId) ? new Skip(SkipReason.MissingField, "Google Ads needs the order_id of the conversion to adjust.")
                : GoogleAdsActions.ValueLeft(@event) is null ? new Skip(SkipReason.MissingField, "Google Ads needs remaining_value: what is left of the order, 0 for nothing.")
                : null;
        var (emails, phones) = GoogleAdsPerson.Identifiers(@event, most: 1);
        return GoogleAdsPerson.Click(@event) is not null || emails.Count + phones.Count > 0
            ? null
            : new Skip(SkipReason.MissingKeys, "Google Ads could match nobody: gclid, gbraid, wbraid, an email or a phone is needed.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings)
    {
        // no action: its mapping was switched off after the event was routed
        var action = GoogleAdsActions.Find(@event.Name, settings) ?? throw new InvalidOperationException($"no conversion action for {@event.Name}.");
        return !GoogleAdsSettings.IsClickUpload(settings) ? DataManager.Write(@event, action)
            : GoogleAdsActions.IsAdjustment(@event.Name) ? ClickUpload.WriteAdjustment(@event, action, settings)
            : ClickUpload.Write(@event, action, settings);
    }

    /// <summary>Data Manager: one call per conversion action and consent; upload: conversions and adjustments apart.</summary>
    public object? CallOf(byte[] payload) => payload.AsSpan().StartsWith("{\"action\""u8) ? DataManager.CallOf(payload) : ClickUpload.CallOf(payload);

    /// <summary>Adjustments name the conversion, not a person; gbraid and wbraid stand for people who must not be identified.</summary>
    public IReadOnlyList<string> MatchKeysFor(Event @event) =>
        GoogleAdsActions.IsAdjustment(@event.Name) ? [] : GoogleAdsPerson.Click(@event) is { Name: not "gclid" } ? KeysBesideOtherClicks : Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var token = access.AccessToken ?? ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        var headers = new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" };
        if (!GoogleAdsSettings.IsClickUpload(access.Settings))
            return new DestinationRequest(HttpMethod.Post, new Uri(access.Url("v1/events:ingest")), DataManager.Body(payloads, access.Settings), headers, [token]);

        var developer = ConnectionJson.Text(access.Credentials, "developer_token") ?? "";
        headers["developer-token"] = developer;
        if (GoogleAdsSettings.Account(access.Settings, "manager_id") is { } manager)
            headers["login-customer-id"] = manager;
        // the operator's address stands in for both of Google's
        var api = access.BaseUrl == Info.DefaultBaseUrl ? access with { BaseUrl = ClickUpload.BaseUrl } : access;
        var version = ConnectionJson.Text(access.Settings, "api_version") ?? GoogleAdsSettings.DefaultApiVersion;
        var url = api.Url($"{version}/customers/{GoogleAdsSettings.Account(access.Settings, "customer_id")}:{ClickUpload.CallOf(payloads[0])}");
        return new DestinationRequest(HttpMethod.Post, new Uri(url), ClickUpload.Body(payloads, access.Settings), headers, [token, developer]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => GoogleAdsAnswer.Judge(answer);

    /// <inheritdoc />
    public TokenGrant? Grant(JsonElement credentials) =>
        ConnectionJson.Text(credentials, "refresh_token") is { } token ? new TokenGrant.Refresh("Google", token) : null;
}
