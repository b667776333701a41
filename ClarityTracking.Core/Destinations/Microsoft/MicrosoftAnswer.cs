using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.Microsoft;

/// <summary>
/// Says what Microsoft's answer meant. Its errors name the events by their index; with 2xx the others were taken, with 400 they are sent again
/// (the event id makes that harmless). Source: the guide to the UET Conversions API and Segment's destination (2026-08).
/// </summary>
static class MicrosoftAnswer
{
    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (answer.HttpStatus is (>= 200 and < 300) or 400 && AnswerJson.TryRead(answer.Body, out var json) && Named(json, answer) is { } named)
            return named;
        return HttpStatusKind.Judge(answer, static json => Reason(AnswerJson.Member(json, "error"), default), receipt: "traceId");
    }

    static DeliveryOutcome? Named(JsonElement json, DestinationAnswer answer)
    {
        var error = AnswerJson.Member(json, "error");
        if (AnswerJson.Member(error, "details") is not { ValueKind: JsonValueKind.Array } details)
            return null;
        DeliveryOutcome others = answer.HttpStatus == 400 ? DeliveryOutcome.NotTaken.It : new DeliveryOutcome.Delivered(AnswerJson.Text(json, "traceId"));
        var outcomes = Enumerable.Repeat(others, answer.Events).ToArray();
        var isNamed = false;
        foreach (var detail in details.EnumerateArray())
            if (AnswerJson.Number(detail, "index") is { } index and >= 0 && index < outcomes.Length)
            {
                outcomes[index] = new DeliveryOutcome.Refused(FailureKind.Permanent, Reason(error, detail));
                isNamed = true;
            }
        return !isNamed ? null : outcomes.Length == 1 ? outcomes[0] : new DeliveryOutcome.Mixed(outcomes);
    }

    static string Reason(JsonElement error, JsonElement detail) => AnswerJson.Reason(AnswerJson.Text(error, "code"),
        AnswerJson.Text(detail, "propertyName"), AnswerJson.Text(detail, "errorMessage") ?? AnswerJson.Text(error, "message"));
}
