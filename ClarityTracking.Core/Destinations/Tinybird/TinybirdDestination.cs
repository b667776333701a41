using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Tinybird;

/// <summary>Rows for a Tinybird data source over its Events API. The rules and their sources are in this folder's README.</summary>
public sealed class TinybirdDestination : IDestination
{
    const int LongestName = 100;

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("tinybird", "Tinybird", MaxBatch: 500, OwnSystemEvent.MaxAge,
        new Uri("https://api.tinybird.co"), TinybirdSettings.Fields, IsForAds: false);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(TinybirdSettings.Fields, settings, credentials, static name => name.Length <= LongestName,
            $"Must be a name (at most {LongestName} characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now) =>
        EventFacts.ReasonToSkip(@event, EventNames.FindOwn(@event.Name, settings), Info.DisplayName, Info.MaxAge, hasTestMode: true, now);

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) => PayloadJson.Write(json =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        OwnSystemEvent.Write(json, @event, EventNames.FindOwn(@event.Name, settings) ?? @event.Name, withNulls: true));

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var source = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "data_source") ?? "");
        var token = ConnectionJson.Text(access.Credentials, "token") ?? "";
        // the operator's address goes before the region's
        var api = access.BaseUrl == Info.DefaultBaseUrl && ConnectionJson.Text(access.Settings, "host") is { } host
            ? access with { BaseUrl = new Uri($"https://{host}") } : access;
        return new DestinationRequest(HttpMethod.Post, new Uri(api.Url($"v0/events?name={source}&wait=true")), Lines(payloads),
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token], ContentType: "application/x-ndjson");
    }

    /// <summary>One event per line (NDJSON); the payloads hold no line breaks.</summary>
    static byte[] Lines(IReadOnlyList<byte[]> payloads)
    {
        var body = new byte[payloads.Sum(payload => payload.Length + 1)];
        var end = 0;
        foreach (var payload in payloads)
        {
            payload.CopyTo(body, end);
            end += payload.Length;
            body[end++] = (byte)'\n';
        }
        return body;
    }

    /// <summary>
    /// Rows that do not fit the schema go into quarantine with a 200. When none fitted, that is the schema's fault; when some did, they may not be
    /// sent again, and the answer does not say which.
    /// </summary>
    public DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (answer.HttpStatus is >= 200 and < 300 && AnswerJson.TryRead(answer.Body, out var json)
            && AnswerJson.Number(json, "quarantined_rows") is > 0 and { } quarantined && AnswerJson.Number(json, "successful_rows") is 0 or null)
        {
            var refused = new DeliveryOutcome.Refused(FailureKind.Permanent, $"Tinybird put all {quarantined} rows into quarantine: they do not fit the schema.");
            return answer.Events == 1 ? refused : new DeliveryOutcome.Mixed([.. Enumerable.Repeat(refused, answer.Events)]);
        }
        var outcome = HttpStatusKind.Judge(answer, static error => AnswerJson.Reason(AnswerJson.Text(error, "error"), AnswerJson.Text(error, "message")));
        return answer.HttpStatus == 404 ? HttpStatusKind.ForAPerson(outcome) : outcome;
    }
}
