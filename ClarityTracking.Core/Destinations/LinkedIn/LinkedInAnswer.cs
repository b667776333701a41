using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.LinkedIn;

/// <summary>
/// Says what LinkedIn's answer meant. A batch has a status for each element; an invalid one refuses the whole batch and is named by its path.
/// Sources: LinkedIn's conversions FAQ, RudderStack's linkedin_ads (2026-08).
/// </summary>
static partial class LinkedInAnswer
{
    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        var isJson = AnswerJson.TryRead(answer.Body, out var json);
        if (isJson && answer.HttpStatus is >= 200 and < 300 && EachOf(AnswerJson.Member(json, "elements"), answer.Events) is { } each)
            return each.All(outcome => outcome is DeliveryOutcome.Delivered) ? each[0] : new DeliveryOutcome.Mixed(each);
        if (isJson && answer.HttpStatus is 400 or 422 && Named(answer, Reason(json)) is { } named)
            return named;
        if (isJson && answer.HttpStatus == 426) // the version has ended: a person must choose a newer one, and no event is to blame
            return new DeliveryOutcome.TryLater(FailureKind.Credential, AnswerJson.Reason(Reason(json), "Set a newer version in the connection's settings."));
        return HttpStatusKind.Judge(answer, Reason);
    }

    static string Reason(JsonElement error) => AnswerJson.Reason(AnswerJson.Text(error, "code"),
        AnswerJson.Number(error, "serviceErrorCode")?.ToString(CultureInfo.InvariantCulture), AnswerJson.Text(error, "message"));

    /// <summary>One outcome per element; null when the list is not about the events that were sent.</summary>
    static DeliveryOutcome[]? EachOf(JsonElement list, int events)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != events || events == 0)
            return null;
        return [.. list.EnumerateArray().Select(entry => AnswerJson.Number(entry, "status") is { } status and (< 200 or >= 300)
            ? HttpStatusKind.Outcome(HttpStatusKind.Of(status), AnswerJson.Reason($"HTTP {status}", Reason(AnswerJson.Member(entry, "error"))))
            : new DeliveryOutcome.Delivered(null))];
    }

    /// <summary>The elements that the answer names anywhere (<c>/elements/3/user…</c>) are refused; the others were not taken.</summary>
    static DeliveryOutcome.Mixed? Named(DestinationAnswer answer, string reason)
    {
        if (answer.Events < 2)
            return null;
        var outcomes = Enumerable.Repeat<DeliveryOutcome>(DeliveryOutcome.NotTaken.It, answer.Events).ToArray();
        var isNamed = false;
        foreach (var match in ElementPath().EnumerateMatches(answer.Body))
        {
            var digits = answer.Body.AsSpan(match.Index + Before.Length, match.Length - Before.Length);
            var index = int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
            if (index < outcomes.Length)
            {
                outcomes[index] = new DeliveryOutcome.Refused(FailureKind.Permanent, reason);
                isNamed = true;
            }
        }
        return isNamed ? new DeliveryOutcome.Mixed(outcomes) : null;
    }

    const string Before = "/elements/";

    [GeneratedRegex("/elements/[0-9]{1,5}", RegexOptions.CultureInvariant)]
    private static partial Regex ElementPath();
}
