using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>
/// Says what the Graph API's answer meant. The error code decides, not the HTTP status: rate limits and dead tokens have been seen with
/// status 500 and passing troubles with 400. Sources: Graph API error handling (2026-09-12) and public integrations' tests.
/// </summary>
static class MetaAnswer
{
    const int LongestReason = 300;

    /// <summary>Codes that mean the same whatever else the answer says.</summary>
    static readonly FrozenDictionary<int, FailureKind> ByCode = new Dictionary<int, FailureKind>
    {
        [1] = FailureKind.Transient,        // unknown error
        [2] = FailureKind.Transient,        // service unavailable
        [341] = FailureKind.Transient,      // application limit
        [368] = FailureKind.Transient,      // temporarily blocked
        [5000] = FailureKind.Transient,
        [21009] = FailureKind.Transient,
        [4] = FailureKind.RateLimited,      // app
        [17] = FailureKind.RateLimited,     // user
        [32] = FailureKind.RateLimited,     // page
        [613] = FailureKind.RateLimited,    // calls of one kind
        [80003] = FailureKind.RateLimited,  // business use case
        [80004] = FailureKind.RateLimited,
        [3] = FailureKind.Credential,       // capability
        [10] = FailureKind.Credential,      // permission
        [102] = FailureKind.Credential,     // session
        [190] = FailureKind.Credential,     // token
    }.ToFrozenDictionary();

    /// <summary>Subcodes of 100 (invalid parameter) that are not the event's fault or have a kind of their own; all others are permanent.</summary>
    static readonly FrozenDictionary<int, FailureKind> BySubcodeOf100 = new Dictionary<int, FailureKind>
    {
        [33] = FailureKind.Credential,      // dataset does not exist or may not be used
        [2804003] = FailureKind.TooOld,
    }.ToFrozenDictionary();

    internal static DeliveryOutcome Judge(int httpStatus, string body)
    {
        if (Failure(httpStatus, body, out var answer) is { } failure)
            return HttpStatusKind.Outcome(failure.Kind, failure.Reason);
        // an answer without the count is taken as good: sending again would risk counting twice
        return AnswerJson.Number(answer, "events_received") is not <= 0
            ? new DeliveryOutcome.Delivered(AnswerJson.Text(answer, "fbtrace_id"))
            : Unreadable(httpStatus);
    }

    /// <summary>What went wrong with a call, whatever it asked for; null when the answer is a JSON object that is no refusal.</summary>
    internal static (FailureKind Kind, string Reason)? Failure(int httpStatus, string body, out JsonElement answer)
    {
        if (!AnswerJson.TryRead(body, out answer))
            return Of(Unreadable(httpStatus));
        if (answer.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object)
            return (KindOf(httpStatus, error), Reason(error));
        return httpStatus is >= 200 and < 300 ? null : Of(Unreadable(httpStatus));

        static (FailureKind, string) Of(DeliveryOutcome.TryLater later) => (later.Kind, later.Reason);
    }

    static FailureKind KindOf(int httpStatus, JsonElement error)
    {
        var code = AnswerJson.Number(error, "code");
        if (code is { } known && ByCode.TryGetValue(known, out var kind))
            return kind;
        if (code is >= 200 and <= 299)
            return FailureKind.Credential; // permissions
        if (code == 100 && AnswerJson.Number(error, "error_subcode") is { } subcode && BySubcodeOf100.TryGetValue(subcode, out kind))
            return kind;
        if (error.TryGetProperty("is_transient", out var transient) && transient.ValueKind == JsonValueKind.True)
            return FailureKind.Transient;
        return code == 100 ? FailureKind.Permanent : HttpStatusKind.Of(httpStatus);
    }

    /// <summary>Whatever the status: the Graph API answers in JSON, so what does not is a proxy in between.</summary>
    static DeliveryOutcome.TryLater Unreadable(int httpStatus) =>
        new(httpStatus == 429 ? FailureKind.RateLimited : FailureKind.Transient,
            string.Create(CultureInfo.InvariantCulture, $"HTTP {httpStatus} with an answer that is not the Graph API's."));

    /// <summary>Code and words of the answer; Meta's messages name fields, not values.</summary>
    static string Reason(JsonElement error)
    {
        var code = string.Create(CultureInfo.InvariantCulture, $"{AnswerJson.Number(error, "code")}");
        var subcode = AnswerJson.Number(error, "error_subcode") is { } number ? string.Create(CultureInfo.InvariantCulture, $"/{number}") : "";
        var words = string.Join(": ", new[] { AnswerJson.Text(error, "message"), AnswerJson.Text(error, "error_user_title"), AnswerJson.Text(error, "error_user_msg") }
            .Where(text => !string.IsNullOrWhiteSpace(text)).Distinct());
        var trace = AnswerJson.Text(error, "fbtrace_id") is { } id ? $" (fbtrace_id {id})" : "";
        if (words.Length > LongestReason)
            words = words[..LongestReason];
        return $"{code}{subcode} {words}{trace}".Trim();
    }
}
