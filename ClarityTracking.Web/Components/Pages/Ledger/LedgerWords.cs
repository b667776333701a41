using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Ledger;

/// <summary>The ledger in words: what a conversion is called, and what to do about a cause.</summary>
static class LedgerWords
{
    /// <summary>What it is, and which.</summary>
    public static string Title(LedgerItem item) => item.Kind == LedgerFilter.Webhook ? $"Webhook {Words.Middle(item.Name is { } said ? said.Replace('_', ' ') : item.SenderId, 24)}"
        : $"{(item.Kind == ConversionKind.Manual.Word() && item.Name is { } name ? EventWords.Name(name) : Kind(item.Kind))} {Words.Middle(item.Number ?? Short(item.SenderId), 24)}";

    /// <summary>A kind's word as people read it.</summary>
    public static string Kind(string kind) => EnumText.Parse<ConversionKind>(kind) is { } known ? ConversionWords.Kind(known) : "Webhook";

    /// <summary>What to do about it, in a sentence.</summary>
    public static string Advice(LedgerState state, string? cause) => (state, cause) switch
    {
        (LedgerState.Delivered, _) => "The platform took it.",
        (LedgerState.NotExpected, _) => "It is not paid or not confirmed, so no platform is told.",
        (LedgerState.Unknown, _) => "It is older than deliveries are kept.",
        (LedgerState.Ignored, "consent") => "The visitor refused; nobody may overrule that.",
        (LedgerState.Ignored, "filter") => "One of your rules keeps it back.",
        (LedgerState.Ignored, "bot") => "It came from a bot, so no platform is told.",
        (LedgerState.Ignored, "test") => "A test; no platform counts it.",
        (LedgerState.Ignored, "unmapped") => "The connection has no event for it. Name one there to send it.",
        (LedgerState.Ignored, "missing_keys") => "Ask for an email or phone at checkout, or pass the visitor through, so that the platform can match it.",
        (LedgerState.Ignored, "missing_field") => "The platform needs a field that the event lacks; see the event.",
        (LedgerState.Ignored, "too_old") or (LedgerState.Failed, "too_old") => "It came later than the platform takes. It cannot be sent any more.",
        (LedgerState.Failed, _) => "Correct what the platform names, then send it again.",
        (LedgerState.Retrying, "credential") => "Renew the connection's credentials; it is sent by itself then.",
        (LedgerState.Retrying, _) => "It is tried again by itself. You can send it now.",
        (LedgerState.Pending, "sending") => "It waits for its turn, or its connection is paused.",
        (LedgerState.Pending, _) => "It is on its way.",
        (LedgerState.Missing, "webhook_failed") => "The webhook could not be processed. See why, then replay it.",
        (LedgerState.Missing, "no_event") or (LedgerState.Missing, "refused_by_intake") => "Its event never came in. Correct what the webhook names, then replay it.",
        (LedgerState.Missing, "event_gone") => "Its event was deleted, so it cannot be sent any more.",
        (LedgerState.Missing, "connection_added_later") => "It is older than the connection. A backfill sends what the platform still takes.",
        (LedgerState.Missing, "connection_off") => "The connection was switched off then. A backfill sends what the platform still takes.",
        _ => "",
    };

    /// <summary>Of an id that is an address, its last part.</summary>
    private static string Short(string senderId) => senderId.StartsWith("https://", StringComparison.Ordinal) ? senderId[(senderId.LastIndexOf('/') + 1)..] : senderId;
}
