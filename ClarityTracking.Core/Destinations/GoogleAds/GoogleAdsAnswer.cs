using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>
/// Says what an answer of either transport meant. The Google Ads API answers 200 and lists the rows that failed; the Data Manager API refuses
/// the whole request and may name the field. Sources: googleapis' conversion_upload_error, conversion_adjustment_upload_error and Data Manager
/// error protos (2026-11-20).
/// </summary>
static partial class GoogleAdsAnswer
{
    /// <summary>Clicks and new actions become known to the upload six hours after they happened.</summary>
    static readonly TimeSpan UntilKnown = TimeSpan.FromHours(6);

    enum Meaning { Taken, NotYet, TooOld, Settings, Busy, Broken }

    /// <summary>What error codes mean; one that is not here is for good.</summary>
    static readonly FrozenDictionary<string, Meaning> Meanings = Table(
        (Meaning.Taken, """
            CLICK_CONVERSION_ALREADY_EXISTS ORDER_ID_ALREADY_IN_USE DUPLICATE_ORDER_ID DUPLICATE_CLICK_CONVERSION_IN_REQUEST
            CONVERSION_ALREADY_RETRACTED RESTATEMENT_ALREADY_EXISTS DUPLICATE_ADJUSTMENT_IN_REQUEST
            """),
        // taken, but no click was found to count it for: a warning to ignore
        (Meaning.Taken, "CLICK_NOT_FOUND"),
        (Meaning.NotYet, "TOO_RECENT_EVENT TOO_RECENT_CONVERSION_ACTION TOO_RECENT_CONVERSION"),
        (Meaning.TooOld, "EXPIRED_EVENT CONVERSION_EXPIRED"),
        (Meaning.Settings, """
            NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION INVALID_CONVERSION_ACTION_TYPE INVALID_CONVERSION_ACTION_ID UNAUTHORIZED_CUSTOMER
            INVALID_CUSTOMER_FOR_CLICK CUSTOM_VARIABLE_NOT_ENABLED CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS
            CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS
            CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE UNSUPPORTED_VERSION PERMISSION_DENIED NOT_FOUND INVALID_DESTINATION
            TERMS_AND_CONDITIONS_NOT_SIGNED DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED
            DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS
            DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS
            """),
        (Meaning.Busy, "RESOURCE_EXHAUSTED RESOURCE_TEMPORARILY_EXHAUSTED"),
        (Meaning.Broken, "INTERNAL_ERROR TRANSIENT_ERROR DEADLINE_EXCEEDED UNAVAILABLE INTERNAL"));

    internal static DeliveryOutcome Judge(DestinationAnswer answer)
    {
        if (!AnswerJson.TryRead(answer.Body, out var json))
            return HttpStatusKind.Unreadable(answer.HttpStatus);
        var isTaken = answer.HttpStatus is >= 200 and < 300;
        var failure = AnswerJson.Member(json, isTaken ? "partialFailureError" : "error");
        if (isTaken && failure.ValueKind != JsonValueKind.Object)
            return new DeliveryOutcome.Delivered(AnswerJson.Text(json, "requestId"));

        var errors = ErrorsIn(failure, answer.HttpStatus).ToList();
        if (Named(errors, answer.Events, isTaken) is { } named)
            return named;
        return errors.Count > 0 ? errors[0].Outcome
            : isTaken ? new DeliveryOutcome.TryLater(FailureKind.Transient, "Some rows failed, and the answer does not say which.")
            : HttpStatusKind.Outcome(HttpStatusKind.Of(answer.HttpStatus), Reason(failure, null));
    }

    /// <summary>
    /// One outcome per event when the errors name their rows. The others were taken with a 200, and must be sent again where the whole request
    /// was refused.
    /// </summary>
    static DeliveryOutcome? Named(List<(int? Index, DeliveryOutcome Outcome)> errors, int events, bool othersTaken)
    {
        var outcomes = Enumerable.Repeat<DeliveryOutcome>(othersTaken ? new DeliveryOutcome.Delivered(null) : DeliveryOutcome.NotTaken.It, events).ToArray();
        var isNamed = false;
        foreach (var (index, outcome) in errors)
            if (index is { } row && row < events && outcomes[row] is DeliveryOutcome.Delivered or DeliveryOutcome.NotTaken)
            {
                outcomes[row] = outcome;
                isNamed = true;
            }
        return !isNamed ? null : outcomes.Length == 1 ? outcomes[0] : new DeliveryOutcome.Mixed(outcomes);
    }

    /// <summary>The errors of an answer, with the row that each is about where it says so.</summary>
    static IEnumerable<(int? Index, DeliveryOutcome Outcome)> ErrorsIn(JsonElement failure, int httpStatus)
    {
        foreach (var detail in Entries(failure, "details"))
        {
            foreach (var error in Entries(detail, "errors"))
                yield return (Row(error), Outcome(CodeOf(error), Reason(error, CodeOf(error)), httpStatus));
            foreach (var violation in Entries(detail, "fieldViolations"))
            {
                var (code, field) = (AnswerJson.Text(violation, "reason"), AnswerJson.Text(violation, "field"));
                yield return (Row(field), Outcome(code, AnswerJson.Reason(code, field, AnswerJson.Text(violation, "description")), httpStatus));
            }
        }
        // a reason without a row is about the request; those with one are more exact and came before
        foreach (var detail in Entries(failure, "details"))
            if (AnswerJson.Text(detail, "reason") is { } reason)
                yield return (null, Outcome(reason, Reason(failure, reason), httpStatus));
    }

    static DeliveryOutcome Outcome(string? code, string reason, int httpStatus) => code is not null && Meanings.TryGetValue(code, out var meaning)
        ? meaning switch
        {
            Meaning.Taken => new DeliveryOutcome.Delivered(code),
            Meaning.NotYet => new DeliveryOutcome.TryLater(FailureKind.Transient, reason, UntilKnown),
            Meaning.TooOld => new DeliveryOutcome.Refused(FailureKind.TooOld, reason),
            Meaning.Settings => new DeliveryOutcome.TryLater(FailureKind.Credential, reason),
            Meaning.Busy => new DeliveryOutcome.TryLater(FailureKind.RateLimited, reason),
            Meaning.Broken => new DeliveryOutcome.TryLater(FailureKind.Transient, reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        }
        : httpStatus is >= 200 and < 300 ? new DeliveryOutcome.Refused(FailureKind.Permanent, reason)
        : HttpStatusKind.Outcome(HttpStatusKind.Of(httpStatus), reason);

    /// <summary>The code is the value of the one member, whose name is the family (<c>conversionUploadError</c>).</summary>
    static string? CodeOf(JsonElement error) =>
        AnswerJson.Member(error, "errorCode") is { ValueKind: JsonValueKind.Object } code
            && code.EnumerateObject().FirstOrDefault() is { Value.ValueKind: JsonValueKind.String } member
            ? AnswerJson.Text(code, member.Name) : null;

    static int? Row(JsonElement error)
    {
        foreach (var element in Entries(AnswerJson.Member(error, "location"), "fieldPathElements"))
            if (AnswerJson.Text(element, "fieldName") is "conversions" or "conversion_adjustments" or "conversionAdjustments" or "operations")
                return AnswerJson.Number(element, "index") is { } index and >= 0 ? index : null;
        return null;
    }

    static int? Row(string? field) =>
        field is not null && EventIndex().Match(field) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : null;

    static string Reason(JsonElement error, string? code) =>
        AnswerJson.Reason(code, AnswerJson.Text(error, "status"), AnswerJson.Text(error, "message"));

    static IEnumerable<JsonElement> Entries(JsonElement from, string name) =>
        AnswerJson.Member(from, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : Enumerable.Empty<JsonElement>();

    static FrozenDictionary<string, Meaning> Table(params ReadOnlySpan<(Meaning Meaning, string Codes)> rows)
    {
        var table = new Dictionary<string, Meaning>(StringComparer.Ordinal);
        foreach (var (meaning, codes) in rows)
            foreach (var code in codes.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                table.Add(code, meaning);
        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }

    [GeneratedRegex(@"\bevents\[([0-9]{1,5})\]", RegexOptions.CultureInvariant)]
    private static partial Regex EventIndex();
}
