using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>
/// Says what an answer meant. Google Analytics takes whatever arrives and answers 2xx, even to a wrong secret; only its validation server says
/// what is wrong.
/// </summary>
static class AnalyticsAnswer
{
    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (answer.HttpStatus is >= 200 and < 300 && AnswerJson.TryRead(answer.Body, out var json)
            && AnswerJson.Member(json, "validationMessages") is { ValueKind: JsonValueKind.Array } messages && messages.GetArrayLength() > 0)
            return new DeliveryOutcome.Refused(FailureKind.Permanent,
                AnswerJson.Reason(AnswerJson.Text(messages[0], "validationCode"), AnswerJson.Text(messages[0], "fieldPath"),
                    AnswerJson.Text(messages[0], "description")));
        return HttpStatusKind.Judge(answer, static error => AnswerJson.Reason(AnswerJson.Text(AnswerJson.Member(error, "error"), "message")));
    }
}
