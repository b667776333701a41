using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Reddit;

/// <summary>Reddit Conversions API v3. The rules and their sources are in this folder's README.</summary>
public sealed class RedditDestination : IDestination
{
    static readonly string[] Keys =
    [
        MatchKeyNames.EmailReddit, MatchKeyNames.PhoneE164, "rdt_cid", "rdt_uuid", MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyNames.ExternalIdAsGiven,
    ];

    /// <summary>The limit is below 168 hours, and a request takes its time.</summary>
    static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("reddit", "Reddit", MaxBatch: 1000, MaxAge: TimeSpan.FromHours(168) - Margin,
        new Uri("https://ads-api.reddit.com"), RedditSettings.Fields, TestSetting: "test_id");

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(RedditSettings.Fields, settings, credentials, RedditEventNames.IsName,
            "Must be one of Reddit's types, or the name of a custom event (at most 64 characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = RedditEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, RedditSettings.TestId(settings) is not null, now) is { } skip)
            return skip;
        var keys = @event.MatchKeys;
        return keys.Sha256(MatchKeyNames.EmailReddit).Count > 0 || keys.Sha256(MatchKeyNames.PhoneE164).Count > 0 || keys.Sha256(MatchKeyNames.ExternalIdAsGiven).Count > 0
            || @event.ClickId("rdt_cid") is not null || RedditPayload.BrowserId(@event) is not null || @event.HasAddressAndAgent
            ? null
            : new Skip(SkipReason.MissingKeys, "Reddit could match nobody: an email, phone, external id, click id, browser id, or the address with the user agent is needed.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        RedditPayload.Write(@event, RedditEventNames.Find(@event.Name, settings) ?? @event.Name, RedditSettings.LimitedDataUse(settings));

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json =>
        {
            json.WriteStartObject("data"u8);
            json.WriteText("test_id"u8, RedditSettings.TestId(access.Settings));
            json.WriteAll("events"u8, payloads);
            json.WriteEndObject();
        }, PayloadJson.SizeOf(payloads));
        var pixel = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "pixel_id") ?? "");
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url($"api/v3/pixels/{pixel}/conversion_events")), body,
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    /// <summary>By the status; one invalid event refuses the whole request, and the answer does not say which.</summary>
    public DeliveryOutcome Judge(DestinationAnswer answer)
    {
        var outcome = HttpStatusKind.Judge(answer, Reason);
        return outcome is DeliveryOutcome.Refused refused && refused.Reason.Contains("168h", StringComparison.Ordinal)
            ? refused with { Kind = FailureKind.TooOld }
            : outcome;
    }

    static string Reason(JsonElement error)
    {
        var details = AnswerJson.Member(error, "error");
        var invalid = AnswerJson.Member(error, "invalid_events");
        var first = invalid.ValueKind == JsonValueKind.Array && invalid.GetArrayLength() > 0 ? AnswerJson.Text(invalid[0], "error_message") : null;
        return AnswerJson.Reason(AnswerJson.Text(details, "reason"), AnswerJson.Text(details, "explanation"), AnswerJson.Text(details, "message"),
            AnswerJson.Text(error, "message"), first);
    }
}
