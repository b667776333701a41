using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>
/// Says what Pinterest's answer meant. It takes the good events of a batch and lists what became of each, in the order they were sent; with 422
/// that list stands in <c>details</c> (whose shape is not documented, so it is looked for in both places).
/// </summary>
static class PinterestAnswer
{
    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (answer.HttpStatus is (>= 200 and < 300) or 422 && AnswerJson.TryRead(answer.Body, out var json)
            && (EachOf(AnswerJson.Member(json, "events"), answer.Events) ?? EachOf(AnswerJson.Member(AnswerJson.Member(json, "details"), "events"), answer.Events)) is { } each)
            return each.All(outcome => outcome is DeliveryOutcome.Delivered) ? each[0] : new DeliveryOutcome.Mixed(each);
        return HttpStatusKind.Judge(answer, static error =>
            AnswerJson.Reason(AnswerJson.Number(error, "code")?.ToString(System.Globalization.CultureInfo.InvariantCulture), AnswerJson.Text(error, "message")));
    }

    /// <summary>One outcome per event; null when the list is not about the events that were sent.</summary>
    static DeliveryOutcome[]? EachOf(JsonElement list, int events)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != events || events == 0)
            return null;
        var outcomes = new DeliveryOutcome[events];
        var index = 0;
        foreach (var entry in list.EnumerateArray())
            outcomes[index++] = AnswerJson.Text(entry, "status") == "failed"
                ? new DeliveryOutcome.Refused(FailureKind.Permanent, AnswerJson.Reason(AnswerJson.Text(entry, "error_message") ?? "Pinterest names no reason."))
                : new DeliveryOutcome.Delivered(null);
        return outcomes;
    }
}
