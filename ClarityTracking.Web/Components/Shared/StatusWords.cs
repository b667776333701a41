using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>A state as it stands on pages: the colour of its dot and its words.</summary>
/// <param name="Kind">good, warn, bad, info, or empty.</param>
/// <param name="Words">Sentence case.</param>
public sealed record StatusText(string Kind, string Words);

/// <summary>The words of states and reasons, the same on every page.</summary>
public static class StatusWords
{
    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        // skips
        ["consent"] = "no consent",
        ["bot"] = "looks like a bot",
        ["test"] = "test event",
        ["unmapped"] = "not mapped",
        ["missing_keys"] = "too few match keys",
        ["missing_field"] = "a field is missing",
        ["filter"] = "filter rule",
        ["too_old"] = "too old",
        ["erased"] = "person erased",
        // left out of a replay or backfill
        ["already_delivered"] = "already delivered",
        ["gone"] = "no longer there",
        // failures
        ["transient"] = "no usable answer",
        ["rate_limited"] = "rate limited",
        ["credential"] = "credentials refused",
        ["permanent"] = "refused by the platform",
    };

    /// <summary>Why a conversion of the ledger waits or is missing; all other causes are <see cref="Reasons"/>.</summary>
    private static readonly Dictionary<string, string> LedgerCauses = new(StringComparer.Ordinal)
    {
        ["webhook"] = "its webhook is being processed",
        ["intake"] = "being taken in",
        ["routing"] = "being routed",
        ["sending"] = "waits to be sent",
        ["webhook_failed"] = "its webhook failed",
        ["no_event"] = "no event was made",
        ["refused_by_intake"] = "event refused by intake",
        ["event_gone"] = "event deleted",
        ["connection_added_later"] = "connection added later",
        ["connection_off"] = "connection was off",
    };

    private static readonly Dictionary<string, string> Verdicts = new(StringComparer.Ordinal)
    {
        ["ok"] = "signature fits",
        ["missing_header"] = "no signature",
        ["malformed_header"] = "signature unreadable",
        ["signature_mismatch"] = "signature does not fit",
        ["timestamp_too_old"] = "signed too long ago",
        ["timestamp_too_new"] = "signed in the future",
    };

    /// <summary>A reason's word as people read it; a platform's own sentence stays as it is.</summary>
    public static string Reason(string reason) =>
        Reasons.GetValueOrDefault(reason) ?? (reason.Contains(' ', StringComparison.Ordinal) ? reason : reason.Replace('_', ' '));

    /// <summary>Does this reason have words of its own?</summary>
    internal static bool Knows(string reason) => Reasons.ContainsKey(reason);

    /// <summary>A platform's word about the quality of events (<c>scored</c>, <c>good</c>, <c>unknown</c> …).</summary>
    public static string Verdict(string verdict) => verdict switch
    {
        "unknown" => "Not known",
        "coverage_only" => "Coverage only",
        _ => Words.Sentence(verdict),
    };

    /// <summary>Where a delivery stands.</summary>
    public static StatusText Of(DeliveryStatus status, string? reason, DateTimeOffset? nextAttemptAt, DateTimeOffset now) => status switch
    {
        DeliveryStatus.Pending => new("info", "Pending"),
        DeliveryStatus.Retrying => new("warn", nextAttemptAt is not { } next ? "Retrying" : next > now ? $"Retrying in {Words.Span(next - now)}" : "Retrying now"),
        DeliveryStatus.Delivered => new("good", "Delivered"),
        DeliveryStatus.Skipped => new("", With("Skipped", reason)),
        DeliveryStatus.Dead => new("bad", With("Dead", reason)),
    };

    /// <summary>Where a conversion stands in its life.</summary>
    public static StatusText Of(ConversionStatus status) => status switch
    {
        ConversionStatus.Pending => new("warn", "Pending"),
        ConversionStatus.Confirmed => new("info", "Confirmed"),
        ConversionStatus.Paid => new("good", "Paid"),
        ConversionStatus.Completed => new("good", "Completed"),
        ConversionStatus.NoShow => new("bad", "No show"),
        ConversionStatus.Cancelled => new("", "Cancelled"),
        ConversionStatus.Failed => new("bad", "Payment failed"),
        ConversionStatus.Refunded => new("", "Refunded"),
    };

    /// <summary>Why a conversion of the ledger stands where it does.</summary>
    public static string LedgerCause(string cause) => LedgerCauses.GetValueOrDefault(cause) ?? Reason(cause);

    /// <summary>Where a conversion of the ledger stands.</summary>
    public static StatusText Of(LedgerState state, string? cause)
    {
        var why = cause is { Length: > 0 } ? $": {LedgerCause(cause)}" : "";
        return state switch
        {
            LedgerState.NotExpected => new("", "Nothing owed yet"),
            LedgerState.Delivered => new("good", "Delivered"),
            LedgerState.Ignored => new(cause is "missing_keys" or "missing_field" or "too_old" ? "warn" : "", $"Ignored{why}"),
            LedgerState.Pending => new("info", $"Pending{why}"),
            LedgerState.Retrying => new("warn", $"Retrying{why}"),
            LedgerState.Failed => new("bad", $"Failed{why}"),
            LedgerState.Missing => new(cause == "connection_added_later" ? "" : "bad", $"Missing{why}"),
            LedgerState.Unknown => new("", "No longer kept"),
        };
    }

    /// <summary>Where a received webhook stands.</summary>
    public static StatusText Of(InboundStatus status, string verdict, int attempts, DateTimeOffset? nextAttemptAt, DateTimeOffset now) => status switch
    {
        InboundStatus.Received when attempts > 0 => new("warn", nextAttemptAt > now ? $"Retrying in {Words.Span(nextAttemptAt.Value - now)}" : "Retrying now"),
        InboundStatus.Received => new("info", "Being processed"),
        InboundStatus.Processed => new("good", "Processed"),
        InboundStatus.Ignored => new("", "Ignored"),
        InboundStatus.Failed => new("bad", "Failed"),
        InboundStatus.Refused => new("bad", $"Refused: {Signature(verdict)}"),
    };

    /// <summary>A webhook's status alone, for filters.</summary>
    public static string Of(InboundStatus status) => status == InboundStatus.Received ? "Waiting" : Words.Sentence(status.ToString());

    /// <summary>What the check of a webhook's signature said.</summary>
    public static string Signature(string verdict) => Verdicts.GetValueOrDefault(verdict) ?? verdict.Replace('_', ' ');

    /// <summary>A delivery status alone, for filters.</summary>
    public static string Of(DeliveryStatus status) => Words.Sentence(status.ToString());

    /// <summary>How far a replay or backfill is.</summary>
    public static StatusText Of(JobStatus status) => status switch
    {
        JobStatus.Queued => new("info", "Queued"),
        JobStatus.Running => new("info", "Running"),
        JobStatus.Done => new("good", "Done"),
        JobStatus.Cancelled => new("", "Cancelled"),
        JobStatus.Failed => new("bad", "Failed"),
    };

    /// <summary>How an import of ad spend goes (<c>queued</c>, <c>running</c>, <c>done</c> or <c>failed</c>).</summary>
    public static StatusText Import(string status, string? failure, DateTimeOffset? nextAt, DateTimeOffset now) => status switch
    {
        "running" => new("info", "Running"),
        "done" => new("good", "Imported"),
        "failed" => new("bad", With("Failed", failure)),
        _ => failure is null ? new("info", "Queued") : new("warn", With(nextAt > now ? $"Tried again in {Words.Span(nextAt.Value - now)}" : "Tried again now", failure)),
    };

    /// <summary>How a connection does.</summary>
    public static StatusText Of(ConnectionState state, bool enabled, string? reason) => (enabled, state) switch
    {
        (false, _) => new("", "Switched off"),
        (true, ConnectionState.Healthy) => new("good", "Healthy"),
        (true, ConnectionState.Degraded) => new("warn", With("Degraded", reason)),
        (true, ConnectionState.Paused) => new("bad", With("Paused", reason)),
    };

    /// <summary>How a connected account does.</summary>
    public static StatusText Of(OAuthStatus status) => status switch
    {
        OAuthStatus.Connected => new("good", "Connected"),
        OAuthStatus.EndsSoon => new("warn", "Ends soon"),
        OAuthStatus.ReconnectNeeded => new("bad", "Reconnect needed"),
    };

    /// <summary>The outcome of one attempt (<c>delivered</c> or a failure kind).</summary>
    public static StatusText Attempt(string outcome) => outcome switch
    {
        "delivered" => new("good", "Delivered"),
        "permanent" or "too_old" => new("bad", Words.Sentence(Reason(outcome))),
        _ => new("warn", Words.Sentence(Reason(outcome))),
    };

    /// <summary>Where an alert stands.</summary>
    public static StatusText Of(AlertState state, AlertSeverity severity, DateTimeOffset? snoozedUntil, DateTimeOffset now) => state switch
    {
        AlertState.Open => severity == AlertSeverity.Critical ? new("bad", "Open, critical") : new("warn", "Open"),
        AlertState.Acknowledged => new("info", "Acknowledged"),
        AlertState.Snoozed => new("", snoozedUntil > now ? $"Snoozed for {Words.Span(snoozedUntil.Value - now)}" : "Snoozed"),
        AlertState.Resolved => new("good", "Over"),
    };

    /// <summary>Where a message of an alert stands (<c>waiting</c>, <c>left_out</c>, <c>queued</c>, <c>sent</c> or <c>failed</c>; null = it is no more).</summary>
    public static StatusText Told(string? state, string? why) => state switch
    {
        "sent" => new("good", "Sent"),
        "failed" => new("bad", "Given up"),
        "queued" => why is null ? new("info", "Being sent") : new("warn", "Tried again"),
        "waiting" => new("info", "Waits for its time"),
        "left_out" => new("", "Left out"),
        _ => new("", "Told"),
    };

    private static string With(string state, string? reason) => reason is { Length: > 0 } ? $"{state}: {Reason(reason)}" : state;
}
