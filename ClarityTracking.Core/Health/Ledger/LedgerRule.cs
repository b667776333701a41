using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>
/// Where a conversion stands at a destination. Pure, and the one place that says so: lists, sums, files and alerts all ask it. The rules in words are
/// in docs/ledger.md.
/// </summary>
public static class LedgerRule
{
    /// <summary>How long a delivery may be on its way before it counts as not arrived.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    /// <summary>How long intake may take; longer, and it has refused.</summary>
    private static readonly TimeSpan IntakePatience = TimeSpan.FromMinutes(5);

    /// <summary>An event that was stored while the ledger was read stands in no queue that was looked at before.</summary>
    private static readonly TimeSpan RoutingPatience = TimeSpan.FromSeconds(5);

    /// <summary>Skips that are right: the visitor's word, a person's rule or mapping, or no customer at all. Others are data that the platform was owed.</summary>
    private static readonly HashSet<string> RightSkips =
        [.. new[] { SkipReason.Consent, SkipReason.Filter, SkipReason.Bot, SkipReason.Test, SkipReason.Unmapped }.Select(r => r.Word())];

    /// <summary>Events that say a conversion was made. All others tell of a change of it.</summary>
    private static readonly HashSet<string> Making = new(StringComparer.Ordinal) { "purchase", "schedule", "subscribe", "lead", "deal_won" };

    /// <summary>Where a conversion stands at one destination.</summary>
    public static LedgerVerdict At(LedgerConversion conversion, LedgerDestination destination, LedgerMoment moment)
    {
        if (conversion.Kind is null)
            return OfWebhook(conversion, moment);
        var verdicts = conversion.Events.Select(e => (Event: e, Verdict: Of(conversion, e, destination, moment))).ToList();
        if (NotMade(conversion) is { } name)
            verdicts.Add((new LedgerEvent(name, "", null, null, null, null, [], []), new LedgerVerdict(LedgerState.Missing, MissingCause.NoEvent.Word(), LedgerWeight.Loss, name)));
        if (verdicts.Count == 0)
            return new LedgerVerdict(LedgerState.NotExpected, null, LedgerWeight.None);
        // What is lost or open counts first, whichever event it is: a refund that did not arrive makes the conversion's number wrong. Where all arrived or
        // were kept back, what it was made by decides: a change that the platform has no event for does not undo a purchase that it took.
        var made = verdicts.Where(v => conversion.Kind == ConversionKind.Manual || Making.Contains(v.Event.Name)).ToList();
        var changed = verdicts.Except(made).ToList();
        foreach (var state in Troubles)
            foreach (var (_, verdict) in made.Concat(changed))
                if (verdict.State == state && verdict.Weight is LedgerWeight.Loss or LedgerWeight.Open)
                    return verdict;
        return (made.Count > 0 ? made : changed).Select(v => v.Verdict).MinBy(v => Array.IndexOf(Calm, v.State))!;
    }

    /// <summary>Where a conversion stands over all destinations: where it stands worst.</summary>
    public static LedgerVerdict Overall(IEnumerable<LedgerVerdict> verdicts) =>
        verdicts.OrderBy(v => v.Weight switch { LedgerWeight.Loss => 0, LedgerWeight.Open => 1, LedgerWeight.Hit => 2, LedgerWeight.Right => 3, LedgerWeight.None => 4 })
            .ThenBy(v => Array.IndexOf(Troubles, v.State)).FirstOrDefault() ?? new LedgerVerdict(LedgerState.NotExpected, null, LedgerWeight.None);

    /// <summary>Delivered of what was to be delivered, 0 to 1; null when nothing was.</summary>
    /// <param name="expected">All but those of <see cref="LedgerWeight.None"/>.</param>
    /// <param name="delivered">Those of <see cref="LedgerWeight.Hit"/>.</param>
    /// <param name="rightlyIgnored">Those of <see cref="LedgerWeight.Right"/>.</param>
    /// <param name="open">Those of <see cref="LedgerWeight.Open"/>.</param>
    public static double? Accuracy(long expected, long delivered, long rightlyIgnored, long open) =>
        expected - rightlyIgnored - open is > 0 and var due ? (double)delivered / due : null;

    private static readonly LedgerState[] Troubles = [LedgerState.Missing, LedgerState.Failed, LedgerState.Retrying, LedgerState.Pending, LedgerState.Ignored];

    private static readonly LedgerState[] Calm = [LedgerState.Delivered, LedgerState.Ignored, LedgerState.Missing, LedgerState.Unknown];

    /// <summary>What it owes by its state and has not: the name of the event. Writing notes what is owed together with the state, so this is a mistake of ours.</summary>
    private static string? NotMade(LedgerConversion conversion)
    {
        if (conversion.Kind != ConversionKind.Manual && conversion.Events.All(e => !Making.Contains(e.Name)))
        {
            if (conversion.PaidAt is not null)
                return conversion.Kind switch { ConversionKind.Membership => "subscribe", ConversionKind.Lead => "lead", ConversionKind.Deal => "deal_won", _ => "purchase" };
            if (conversion is { Kind: ConversionKind.Booking, Status: ConversionStatus.Confirmed or ConversionStatus.Completed })
                return "schedule";
        }
        if (conversion is { Kind: ConversionKind.Manual, Events.Count: 0 })
            return conversion.Name;
        return conversion.Refunded > 0 && conversion.Events.All(e => e.Name != "refund") ? "refund" : null;
    }

    private static LedgerVerdict OfWebhook(LedgerConversion webhook, LedgerMoment moment) => webhook.Webhook == InboundStatus.Received
        ? Waiting(LedgerState.Pending, WaitsFor.Webhook.Word(), webhook.OccurredAt, moment)
        : new LedgerVerdict(LedgerState.Missing, MissingCause.WebhookFailed.Word(), LedgerWeight.Loss);

    private static LedgerVerdict Of(LedgerConversion conversion, LedgerEvent owed, LedgerDestination destination, LedgerMoment moment) =>
        (Delivered(owed, destination, moment) ?? (owed.Stored.Count == 0 ? NotStored(conversion, owed, moment) : NotRouted(owed, destination, moment))) with { Event = owed.Name };

    /// <summary>By its deliveries: one that arrived is enough, then one that may still arrive, then the last word.</summary>
    private static LedgerVerdict? Delivered(LedgerEvent owed, LedgerDestination destination, LedgerMoment moment)
    {
        var here = owed.Deliveries.Where(d => d.ConnectionId == destination.Id).ToList();
        var found = here.Find(d => d.Status == DeliveryStatus.Delivered) ?? here.Find(d => d.Status is DeliveryStatus.Pending or DeliveryStatus.Retrying)
            ?? here.MaxBy(d => d.FinishedAt);
        if (found is null)
            return null;
        return (found.Status switch
        {
            DeliveryStatus.Delivered => new LedgerVerdict(LedgerState.Delivered, null, LedgerWeight.Hit),
            DeliveryStatus.Pending => Waiting(LedgerState.Pending, WaitsFor.Sending.Word(), EventQueries.TimeOf(found.EventId), moment),
            DeliveryStatus.Retrying => Waiting(LedgerState.Retrying, found.Reason, EventQueries.TimeOf(found.EventId), moment),
            DeliveryStatus.Skipped => new LedgerVerdict(LedgerState.Ignored, found.Reason, RightSkips.Contains(found.Reason ?? "") ? LedgerWeight.Right : LedgerWeight.Loss),
            DeliveryStatus.Dead => new LedgerVerdict(LedgerState.Failed, found.Reason, LedgerWeight.Loss),
        }) with
        { EventId = found.EventId, DeliveryId = found.Id };
    }

    private static LedgerVerdict NotStored(LedgerConversion conversion, LedgerEvent owed, LedgerMoment moment)
    {
        if (owed.TakenInAt is { } taken)
            return taken < moment.EventsKnownSince ? new LedgerVerdict(LedgerState.Unknown, null, LedgerWeight.None) : Missing(MissingCause.EventGone);
        if (owed.Webhook == InboundStatus.Received)
            return Waiting(LedgerState.Pending, WaitsFor.Webhook.Word(), conversion.UpdatedAt, moment);
        if (owed.Webhook != InboundStatus.Failed && moment.Now - conversion.UpdatedAt < IntakePatience)
            return Waiting(LedgerState.Pending, WaitsFor.Intake.Word(), conversion.UpdatedAt, moment);
        return Missing(MissingCause.RefusedByIntake);
    }

    private static LedgerVerdict NotRouted(LedgerEvent owed, LedgerDestination destination, LedgerMoment moment)
    {
        var (id, stored) = (owed.Stored[^1], EventQueries.TimeOf(owed.Stored[^1]));
        if (moment.Now - stored < RoutingPatience || (moment.FirstUnrouted is { } first && EventQueries.TimeOf(first) <= stored))
            return Waiting(LedgerState.Pending, WaitsFor.Routing.Word(), stored, moment) with { EventId = id };
        if (stored < moment.DeliveriesKnownSince)
            return new LedgerVerdict(LedgerState.Unknown, null, LedgerWeight.None, EventId: id);
        // nothing was owed to a connection that was not there; a backfill makes up for it
        return (destination.CreatedAt > stored ? Missing(MissingCause.ConnectionAddedLater) with { Weight = LedgerWeight.None } : Missing(MissingCause.ConnectionOff)) with { EventId = id };
    }

    private static LedgerVerdict Missing(MissingCause cause) => new(LedgerState.Missing, cause.Word(), LedgerWeight.Loss);

    private static LedgerVerdict Waiting(LedgerState state, string? cause, DateTimeOffset since, LedgerMoment moment) =>
        new(state, cause, moment.Now - since > Patience ? LedgerWeight.Loss : LedgerWeight.Open);
}
