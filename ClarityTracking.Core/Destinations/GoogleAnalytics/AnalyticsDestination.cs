using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>Google Analytics 4 over the Measurement Protocol. The rules and their sources are in this folder's README.</summary>
public sealed class AnalyticsDestination : IDestination
{
    static readonly string[] Keys =
        ["ga", MatchKeyCheck.ReadableImpersonalId, MatchKeyNames.EmailAnalytics, MatchKeyNames.PhoneE164, MatchKeyCheck.NameAnalytics];
    static readonly string[] KeysWithoutConsent = ["ga", MatchKeyCheck.ReadableImpersonalId];

    /// <summary>Later events are moved to 72 hours ago instead of refused, and a request takes its time.</summary>
    static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("google_analytics", "Google Analytics", MaxBatch: 25, MaxAge: TimeSpan.FromHours(72) - Margin,
        new Uri("https://www.google-analytics.com"), AnalyticsSettings.Fields, IsForAds: false, TestSetting: "test")
    {
        DefaultConsent = [ConsentRule.AnalyticsStorage],
    };

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(AnalyticsSettings.Fields, settings, credentials, AnalyticsEventNames.IsName,
            "Must be letters, digits and underscores, at most 40, beginning with a letter and not one of Google's reserved names; or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        if (@event.Consent is { Signal: "dnt" })
            return new Skip(SkipReason.Consent, "The visitor did not allow analytics.");
        if (ConsentRule.ReasonToSkip(@event, Info, settings) is { } refused)
            return refused;
        var name = AnalyticsEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, AnalyticsSettings.IsTest(settings), now) is { } skip)
            return skip;
        return AnalyticsBrowser.ClientId(@event) is null
            ? new Skip(SkipReason.MissingKeys, "Google Analytics needs to know the browser: its cookie _ga, or a visitor.")
            : null;
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        AnalyticsPayload.Write(@event, AnalyticsEventNames.Find(@event.Name, settings) ?? @event.Name);

    /// <summary>Each event alone: a request holds events of one client.</summary>
    public object? CallOf(byte[] payload) => payload;

    /// <summary>The person's data goes only where the visitor said yes.</summary>
    public IReadOnlyList<string> MatchKeysFor(Event @event) => @event.Consent?.AdUserData == true ? Keys : KeysWithoutConsent;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var id = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "measurement_id") ?? "");
        var secret = ConnectionJson.Text(access.Credentials, "api_secret") ?? "";
        var path = AnalyticsSettings.IsTest(access.Settings) ? "debug/mp/collect" : "mp/collect";
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url($"{path}?measurement_id={id}&api_secret={Uri.EscapeDataString(secret)}")),
            payloads[0], new Dictionary<string, string>(), [secret]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => AnalyticsAnswer.Judge(answer);
}
