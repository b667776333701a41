using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Conversions;

/// <summary>What a conversion is.</summary>
public enum ConversionKind
{
    /// <summary>An order of a shop.</summary>
    Order,
    /// <summary>A payment that belongs to no order we know of.</summary>
    Payment,
    /// <summary>An appointment.</summary>
    Booking,
    /// <summary>A membership.</summary>
    Membership,
    /// <summary>Somebody who left contact data.</summary>
    Lead,
    /// <summary>A deal that was won.</summary>
    Deal,
    /// <summary>Told through the conversions API.</summary>
    Manual,
}

/// <summary>Where a conversion stands in its life.</summary>
public enum ConversionStatus
{
    /// <summary>Placed or asked for: not paid, not confirmed.</summary>
    Pending,
    /// <summary>An appointment that stands.</summary>
    Confirmed,
    /// <summary>Paid; of what costs nothing: made.</summary>
    Paid,
    /// <summary>The appointment took place.</summary>
    Completed,
    /// <summary>The customer did not come.</summary>
    NoShow,
    /// <summary>Cancelled or deleted.</summary>
    Cancelled,
    /// <summary>The payment was refused.</summary>
    Failed,
    /// <summary>All of its value was given back.</summary>
    Refunded,
}

/// <summary>One thing that happened to a conversion.</summary>
/// <param name="Key">The same for repetitions of one notification.</param>
/// <param name="Action">What happened.</param>
/// <param name="OccurredAt">When (UTC), by the sender's clock where it tells.</param>
/// <param name="Version">The sender's count of changes; null = it does not count.</param>
/// <param name="SenderStatus">The sender's word for the state.</param>
/// <param name="Value">In major units; of a refund: this refund alone.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="RefundedTotal">All that was given back so far, where the sender tells that.</param>
/// <param name="StartsAt">When the appointment begins (UTC).</param>
public sealed record ConversionChange(string Key, InboundAction Action, DateTimeOffset OccurredAt, long? Version = null, string? SenderStatus = null,
    decimal? Value = null, string? Currency = null, decimal? RefundedTotal = null, DateTimeOffset? StartsAt = null);

/// <summary>What all changes of a conversion together say. The same whatever order they arrived in.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="SenderStatus">The sender's last word.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="StartsAt">When the appointment begins (UTC).</param>
/// <param name="PaidAt">When it was paid (UTC); null = not, as far as we know.</param>
/// <param name="Value">In major units, before refunds; null = unknown.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Refunded">Given back so far, in major units.</param>
/// <param name="TimesMoved">How often the appointment was moved.</param>
public sealed record ConversionState(ConversionKind Kind, ConversionStatus Status, string? SenderStatus, DateTimeOffset OccurredAt, DateTimeOffset? StartsAt,
    DateTimeOffset? PaidAt, decimal? Value, string? Currency, decimal Refunded, int TimesMoved)
{
    /// <summary>Adds up changes, oldest first by the sender's own time.</summary>
    /// <param name="changes">At least one.</param>
    public static ConversionState Of(IEnumerable<ConversionChange> changes)
    {
        var ordered = changes.OrderBy(c => c.OccurredAt).ThenBy(c => c.Version ?? 0).ThenBy(c => Rank(c.Action)).ThenBy(c => c.Key, StringComparer.Ordinal).ToList();
        var first = ordered[0];
        var made = ordered.Find(c => IsMaking(c.Action)) ?? first;
        var state = new ConversionState(KindOf(ordered), ConversionStatus.Pending, null, made.OccurredAt, null, null, null, null, 0, 0);
        foreach (var change in ordered)
            state = state.After(change);
        return state.WithRefunds(ordered);
    }

    /// <summary>Whether two states tell the same, but for the sender's word and the moments it names.</summary>
    internal bool SaysTheSameAs(ConversionState other) => (PaidAt is null) == (other.PaidAt is null)
        && this == other with { SenderStatus = SenderStatus, OccurredAt = OccurredAt, PaidAt = PaidAt, TimesMoved = TimesMoved };

    private ConversionState After(ConversionChange change)
    {
        var moved = StartsAt is { } start && change.StartsAt is { } later && start != later && IsBooking(change.Action);
        var next = this with
        {
            SenderStatus = change.SenderStatus ?? SenderStatus,
            StartsAt = change.StartsAt ?? StartsAt,
            TimesMoved = TimesMoved + (moved ? 1 : 0),
            // what was taken is the value, whatever was asked before; a refund's amount is not
            Value = change.Action == InboundAction.Refund || (PaidAt is not null && !IsPaying(change)) ? Value : change.Value ?? Value,
            Currency = Currency ?? change.Currency,
        };
        return change.Action switch
        {
            InboundAction.OrderCreated or InboundAction.OrderPaid or InboundAction.OrderUpdated or InboundAction.PaymentSucceeded when IsPaying(change) =>
                next with { PaidAt = PaidAt ?? change.OccurredAt, Status = next.Kind == ConversionKind.Booking ? next.Status : Revived(ConversionStatus.Paid) },
            InboundAction.OrderUpdated when change.SenderStatus is "cancelled" or "canceled" or "voided" => next with { Status = ConversionStatus.Cancelled },
            InboundAction.OrderUpdated when change.SenderStatus == "failed" && PaidAt is null => next with { Status = ConversionStatus.Failed },
            InboundAction.OrderDeleted => next with { Status = ConversionStatus.Cancelled },
            InboundAction.PaymentFailed when PaidAt is null && next.Kind != ConversionKind.Booking => next with { Status = ConversionStatus.Failed },
            InboundAction.PaymentPending when PaidAt is null && Status == ConversionStatus.Failed => next with { Status = ConversionStatus.Pending },
            // an appointment that is over is not open again because its notes were changed
            InboundAction.BookingUpdated when Status is ConversionStatus.Completed && !moved => next,
            InboundAction.BookingCreated or InboundAction.BookingUpdated or InboundAction.BookingRescheduled =>
                next with { Status = IsWaiting(change.SenderStatus) ? ConversionStatus.Pending : ConversionStatus.Confirmed },
            // calendars end appointments by the clock, also those nobody came to
            InboundAction.BookingCompleted when Status != ConversionStatus.NoShow => next with { Status = ConversionStatus.Completed },
            InboundAction.BookingNoShow => next with { Status = ConversionStatus.NoShow },
            InboundAction.BookingCanceled => next with { Status = ConversionStatus.Cancelled },
            InboundAction.MembershipActivated or InboundAction.DealWon or InboundAction.Lead => next with { Status = ConversionStatus.Paid, PaidAt = PaidAt ?? change.OccurredAt },
            _ => next,
        };
    }

    /// <summary>Refunds by amount, or by the largest total the sender told, whichever is more: each may come without the other.</summary>
    private ConversionState WithRefunds(List<ConversionChange> changes)
    {
        var each = changes.Where(c => c.Action == InboundAction.Refund).Sum(c => c.Value ?? 0);
        var total = changes.Max(c => c.RefundedTotal) ?? 0;
        var refunded = Math.Max(each, total);
        return this with
        {
            Refunded = refunded,
            Status = refunded > 0 && refunded >= Value && Status is not (ConversionStatus.Cancelled or ConversionStatus.NoShow) ? ConversionStatus.Refunded : Status,
        };
    }

    private ConversionStatus Revived(ConversionStatus status) => Status == ConversionStatus.Cancelled ? Status : status;

    /// <summary>Money has arrived by this change.</summary>
    internal static bool IsPaying(ConversionChange change) => change.Action switch
    {
        InboundAction.OrderPaid or InboundAction.PaymentSucceeded => true,
        InboundAction.OrderCreated => change.SenderStatus is "paid" or "partially_refunded" or "refunded",
        InboundAction.OrderUpdated => change.SenderStatus is "paid" or "partially_refunded" or "refunded" or "processing" or "completed",
        _ => false,
    };

    private static bool IsMaking(InboundAction action) => action is InboundAction.OrderCreated or InboundAction.OrderPaid or InboundAction.PaymentPending
        or InboundAction.PaymentSucceeded or InboundAction.BookingPending or InboundAction.BookingCreated or InboundAction.MembershipActivated
        or InboundAction.Lead or InboundAction.DealWon;

    private static bool IsBooking(InboundAction action) => action is >= InboundAction.BookingCreated and <= InboundAction.BookingNoShow;

    /// <summary>Senders say with different words that an appointment waits for a confirmation.</summary>
    private static bool IsWaiting(string? senderStatus) => senderStatus is not null && senderStatus.Equals("pending", StringComparison.OrdinalIgnoreCase);

    private static ConversionKind KindOf(List<ConversionChange> changes)
    {
        if (changes.Exists(c => IsBooking(c.Action)))
            return ConversionKind.Booking;
        if (changes.Exists(c => c.Action is InboundAction.OrderCreated or InboundAction.OrderPaid or InboundAction.OrderUpdated or InboundAction.OrderDeleted))
            return ConversionKind.Order;
        return changes.Exists(c => c.Action == InboundAction.MembershipActivated) ? ConversionKind.Membership
            : changes.Exists(c => c.Action == InboundAction.DealWon) ? ConversionKind.Deal
            : changes.Exists(c => c.Action == InboundAction.Lead) ? ConversionKind.Lead
            : ConversionKind.Payment;
    }

    /// <summary>What comes first of things that have the same time.</summary>
    private static int Rank(InboundAction action) => action switch
    {
        InboundAction.BookingPending or InboundAction.OrderCreated or InboundAction.PaymentPending => 0,
        InboundAction.BookingCreated => 1,
        InboundAction.BookingUpdated or InboundAction.BookingRescheduled or InboundAction.OrderUpdated => 2,
        InboundAction.OrderPaid or InboundAction.PaymentSucceeded => 3,
        InboundAction.BookingCompleted or InboundAction.BookingNoShow => 4,
        InboundAction.BookingCanceled or InboundAction.OrderDeleted => 5,
        _ => 6,
    };
}
