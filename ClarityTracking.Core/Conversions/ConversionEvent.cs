using System.Text.Json;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Conversions;

/// <summary>An event that a conversion gives rise to, once.</summary>
/// <param name="Name">Canonical event name.</param>
/// <param name="EventId">The id it goes to platforms under; for what the browser may have told too, the id the snippet gives it.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="Value">In major units; null = none is sent.</param>
/// <param name="Remaining">Of a refund: what is left of the value after it.</param>
/// <param name="Total">Of a refund that the sender tells only by the total so far: that total.</param>
public sealed record ConversionEvent(string Name, string EventId, DateTimeOffset OccurredAt, decimal? Value, decimal? Remaining = null, decimal? Total = null)
{
    /// <summary>Names that a conversion can give rise to more than once; of all others there is one.</summary>
    internal static readonly string[] Repeating = ["refund", "booking_rescheduled"];

    /// <summary>All events that a conversion has given rise to so far; those that were given already are left out by who asks.</summary>
    /// <param name="senderId">The id we keep it under.</param>
    /// <param name="state">Its state.</param>
    /// <param name="changes">All of its changes.</param>
    public static IEnumerable<ConversionEvent> Of(string senderId, ConversionState state, IReadOnlyList<ConversionChange> changes)
    {
        var id = ShortId(senderId);
        if (state.PaidAt is { } paid && MadeBy(state.Kind) is { } made)
            yield return new ConversionEvent(made.Name, $"{made.Prefix}_{id}", made.IsPurchase ? paid : state.OccurredAt, state.Value);
        if (state.Kind == ConversionKind.Booking)
        {
            // not for a no-show alone: its booking may be told later, under the id it had before it was moved
            if (changes.Any(c => c.Action is InboundAction.BookingCreated or InboundAction.BookingRescheduled or InboundAction.BookingCompleted)
                && !(state.Status == ConversionStatus.Pending))
                yield return new ConversionEvent("schedule", $"schedule_{id}", state.OccurredAt, state.Value);
            foreach (var (action, name) in Lifecycle)
                if (!(action == InboundAction.BookingCompleted && state.Status == ConversionStatus.NoShow) && changes.Where(c => c.Action == action).MaxBy(c => c.OccurredAt) is { } change)
                    yield return new ConversionEvent(name, $"{name}_{id}", change.OccurredAt, state.Value);
            foreach (var start in Moves(changes))
                yield return new ConversionEvent("booking_rescheduled", $"booking_rescheduled_{id}_{start.StartsAt!.Value.ToUnixTimeSeconds()}", start.OccurredAt, state.Value);
        }
        foreach (var refund in Refunds(id, state, changes))
            yield return refund;
    }

    /// <summary>What tells platforms that an appointment came to an end.</summary>
    private static readonly (InboundAction Action, string Name)[] Lifecycle =
    [
        (InboundAction.BookingCompleted, "booking_completed"),
        (InboundAction.BookingNoShow, "booking_no_show"),
        (InboundAction.BookingCanceled, "booking_canceled"),
    ];

    private static (string Name, string Prefix, bool IsPurchase)? MadeBy(ConversionKind kind) => kind switch
    {
        ConversionKind.Order or ConversionKind.Payment or ConversionKind.Booking => ("purchase", "purchase", true),
        ConversionKind.Membership => ("subscribe", "subscribe", false),
        ConversionKind.Lead => ("lead", "lead", false),
        ConversionKind.Deal => ("deal_won", "deal_won", false),
        _ => null,
    };

    private static IEnumerable<ConversionChange> Moves(IReadOnlyList<ConversionChange> changes)
    {
        DateTimeOffset? start = null;
        foreach (var change in changes.Where(c => c.StartsAt is not null).OrderBy(c => c.OccurredAt).ThenBy(c => c.Version ?? 0))
        {
            if (start is not null && change.StartsAt != start && change.Action is InboundAction.BookingUpdated or InboundAction.BookingRescheduled)
                yield return change;
            start = change.StartsAt;
        }
    }

    /// <summary>One event per refund; where the sender tells totals only, one per growth of the total.</summary>
    private static IEnumerable<ConversionEvent> Refunds(string id, ConversionState state, IReadOnlyList<ConversionChange> changes)
    {
        var refunded = 0m;
        foreach (var change in changes.OrderBy(c => c.OccurredAt).ThenBy(c => c.RefundedTotal ?? 0).ThenBy(c => c.Key, StringComparer.Ordinal))
        {
            var amount = change.Action == InboundAction.Refund ? change.Value ?? 0 : (change.RefundedTotal ?? 0) - refunded;
            if (amount <= 0)
                continue;
            refunded += amount;
            var name = change.Action == InboundAction.Refund ? change.Key["refund:".Length..].Replace(':', '_') : $"{id}_{Money.Text(change.RefundedTotal!.Value, state.Currency)}";
            yield return new ConversionEvent("refund", $"refund_{name}", change.OccurredAt, amount, state.Value is { } value ? Math.Max(0, value - refunded) : null,
                change.Action == InboundAction.Refund ? null : change.RefundedTotal);
        }
    }

    /// <summary>Of an id that is an address (Calendly's), its last part, as the snippet sees it too; long ids are cut to what an event id may be.</summary>
    internal static string ShortId(string senderId)
    {
        var id = senderId.StartsWith("https://", StringComparison.Ordinal) ? senderId[(senderId.LastIndexOf('/') + 1)..] : senderId;
        return id.Length > 128 ? id[..128] : id;
    }
}
