using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations;

/// <summary>What an HTTP status says about a failed call where the platform's own words say nothing. The one switch for all platforms.</summary>
static class HttpStatusKind
{
    /// <summary>The kind of a failure; statuses below 400 were no answer of the platform's API at all.</summary>
    internal static FailureKind Of(int httpStatus) => httpStatus switch
    {
        401 or 403 => FailureKind.Credential,
        408 or 425 => FailureKind.Transient,
        429 => FailureKind.RateLimited,
        >= 400 and < 500 => FailureKind.Permanent,
        _ => FailureKind.Transient,
    };

    /// <summary>Refused or later, as the kind demands.</summary>
    internal static DeliveryOutcome Outcome(FailureKind kind, string reason) => kind is FailureKind.Permanent or FailureKind.TooOld
        ? new DeliveryOutcome.Refused(kind, reason)
        : new DeliveryOutcome.TryLater(kind, reason);

    /// <summary>
    /// A body that is not the platform's: a proxy's page, nothing, or cut off. It says nothing about the events, so they are tried again,
    /// whatever the status; only "too many requests" and "not allowed" are believed.
    /// </summary>
    internal static DeliveryOutcome.TryLater Unreadable(int httpStatus) => new(
        httpStatus switch { 429 => FailureKind.RateLimited, 401 => FailureKind.Credential, _ => FailureKind.Transient },
        $"HTTP {httpStatus} with an answer that is not the platform's.");

    /// <summary>A refusal that is no event's fault (an unknown table, tab or version): the connection waits for a person, and the events with it.</summary>
    internal static DeliveryOutcome ForAPerson(DeliveryOutcome outcome) =>
        outcome is DeliveryOutcome.Refused refused ? new DeliveryOutcome.TryLater(FailureKind.Credential, refused.Reason) : outcome;

    /// <summary>
    /// Judges by the status alone: for platforms whose answers are not documented, or say no more. Nothing at all is an answer; a page of
    /// HTML is not, whatever its status.
    /// </summary>
    /// <param name="answer">The answer.</param>
    /// <param name="reason">The platform's words out of a failed answer.</param>
    /// <param name="receipt">Name of the member of a success that holds the platform's own id; null = there is none.</param>
    internal static DeliveryOutcome Judge(DestinationAnswer answer, Func<JsonElement, string> reason, string? receipt = null)
    {
        var isJson = AnswerJson.TryRead(answer.Body, out var json);
        if (!isJson && !string.IsNullOrWhiteSpace(answer.Body))
            return Unreadable(answer.HttpStatus);
        if (answer.HttpStatus is >= 200 and < 300)
            return new DeliveryOutcome.Delivered(receipt is null ? null : AnswerJson.Text(json, receipt));
        return isJson ? Outcome(Of(answer.HttpStatus), AnswerJson.Reason($"HTTP {answer.HttpStatus}", reason(json)))
            : answer.HttpStatus is >= 400 and < 500 ? Outcome(Of(answer.HttpStatus), $"HTTP {answer.HttpStatus} without a reason.")
            : Unreadable(answer.HttpStatus);
    }
}
