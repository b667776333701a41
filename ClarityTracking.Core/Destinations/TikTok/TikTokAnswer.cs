using System.Globalization;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>
/// Says what TikTok's answer meant. Errors come with HTTP 200: only <c>code</c> counts. Sources: public integrations and their tests (2026-08).
/// </summary>
static partial class TikTokAnswer
{
    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (!AnswerJson.TryRead(answer.Body, out var json))
            return HttpStatusKind.Unreadable(answer.HttpStatus);
        var code = AnswerJson.Number(json, "code");
        if (code is 0 or 20001)
            return new DeliveryOutcome.Delivered(AnswerJson.Text(json, "request_id"));
        var message = AnswerJson.Text(json, "message");
        var reason = AnswerJson.Reason(code?.ToString(CultureInfo.InvariantCulture) ?? $"HTTP {answer.HttpStatus}", message,
            AnswerJson.Text(json, "request_id") is { } id ? $"(request_id {id})" : null);
        var kind = KindOf(code, answer.HttpStatus);
        return kind == FailureKind.Permanent && Named(message, answer.Events, reason) is { } named ? named : HttpStatusKind.Outcome(kind, reason);
    }

    internal static FailureKind KindOf(int? code, int httpStatus) => code switch
    {
        40100 => FailureKind.RateLimited,
        40001 => FailureKind.Credential,                // may not use this pixel
        > 40100 and < 40200 => FailureKind.Credential,  // token missing, expired, revoked
        >= 40000 and < 50000 => FailureKind.Permanent,
        >= 50000 => FailureKind.Transient,
        _ => httpStatus is >= 200 and < 300 ? FailureKind.Transient : HttpStatusKind.Of(httpStatus),
    };

    /// <summary>The message names the event that spoiled the batch (<c>Batch.3.properties…</c>): the others are sent again without it.</summary>
    static DeliveryOutcome.Mixed? Named(string? message, int events, string reason)
    {
        if (message is null || events < 2)
            return null;
        var outcomes = Enumerable.Repeat<DeliveryOutcome>(DeliveryOutcome.NotTaken.It, events).ToArray();
        var isNamed = false;
        foreach (var match in BatchIndex().EnumerateMatches(message))
            if (int.TryParse(message.AsSpan(match.Index + 6, match.Length - 7), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < events)
            {
                outcomes[index] = new DeliveryOutcome.Refused(FailureKind.Permanent, reason);
                isNamed = true;
            }
        return isNamed ? new DeliveryOutcome.Mixed(outcomes) : null;
    }

    [GeneratedRegex(@"Batch\.[0-9]{1,4}\.", RegexOptions.CultureInvariant)]
    private static partial Regex BatchIndex();
}
