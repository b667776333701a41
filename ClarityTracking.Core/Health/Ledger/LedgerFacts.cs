using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>A destination of the website.</summary>
/// <param name="Id">The connection.</param>
/// <param name="Name">As the user calls it.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="Enabled">It is on now.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record LedgerDestination(Guid Id, string Name, string Platform, bool Enabled, DateTimeOffset CreatedAt);

/// <summary>The moment that a ledger is read at.</summary>
/// <param name="Now">UTC.</param>
/// <param name="FirstUnrouted">The oldest event of the website that the router has not seen yet; null = it has seen them all.</param>
/// <param name="EventsKnownSince">Events from before are deleted with age (UTC).</param>
/// <param name="DeliveriesKnownSince">Deliveries from before are deleted with age (UTC).</param>
public sealed record LedgerMoment(DateTimeOffset Now, Guid? FirstUnrouted, DateTimeOffset EventsKnownSince, DateTimeOffset DeliveriesKnownSince);

/// <summary>A conversion of the source of truth with all that is known of its way.</summary>
/// <param name="Id">Of the conversion; of a webhook that became none, the webhook's.</param>
/// <param name="Kind">What it is; null = a webhook that became no conversion.</param>
/// <param name="Name">Of what came through the conversions API: its event type. Of a webhook: the sender's word.</param>
/// <param name="Status">Where it stands in its life.</param>
/// <param name="Source">Platform that told it; <c>api</c> = the conversions API.</param>
/// <param name="ConnectionId">The source connection.</param>
/// <param name="SenderId">The sender's id.</param>
/// <param name="Number">The number people know it by.</param>
/// <param name="IsTest">Made to try things out.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="PaidAt">When it was paid (UTC).</param>
/// <param name="UpdatedAt">When we last heard of it (UTC).</param>
/// <param name="Value">In major units of <paramref name="Currency"/>, before refunds.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Refunded">Given back, in major units.</param>
/// <param name="Events">What it owes, each with what became of it.</param>
/// <param name="Webhook">Of a webhook that became no conversion: where it stands.</param>
/// <param name="Detail">Of such a webhook: why, in a sentence.</param>
public sealed record LedgerConversion(Guid Id, ConversionKind? Kind, string? Name, ConversionStatus Status, string Source, Guid? ConnectionId, string SenderId, string? Number, bool IsTest,
    DateTimeOffset OccurredAt, DateTimeOffset? PaidAt, DateTimeOffset UpdatedAt, decimal? Value, string? Currency, decimal Refunded, IReadOnlyList<LedgerEvent> Events,
    InboundStatus? Webhook = null, string? Detail = null);

/// <summary>An event that a conversion owes.</summary>
/// <param name="Name">Event name.</param>
/// <param name="SenderEventId">The id it goes to platforms under.</param>
/// <param name="TakenInAt">When intake acknowledged it (UTC); null = not, as far as we know.</param>
/// <param name="WebhookId">The webhook that it came of.</param>
/// <param name="Webhook">Where that webhook stands, read only while intake has not acknowledged the event.</param>
/// <param name="Reason">That webhook's reason.</param>
/// <param name="Stored">Our ids of the stored events with this name and id; more than one when the same came again after a week.</param>
/// <param name="Deliveries">What became of them, at all connections.</param>
public sealed record LedgerEvent(string Name, string SenderEventId, DateTimeOffset? TakenInAt, Guid? WebhookId, InboundStatus? Webhook, string? Reason, IReadOnlyList<Guid> Stored,
    IReadOnlyList<LedgerDelivery> Deliveries);

/// <summary>A delivery of such an event.</summary>
/// <param name="Id">UUIDv7 of when the router decided.</param>
/// <param name="ConnectionId">Where to.</param>
/// <param name="EventId">Our id of the event.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Reason">A word of <see cref="Routing.SkipReason"/> or <see cref="FailureKind"/>.</param>
/// <param name="Detail">One sentence more; read only for one conversion.</param>
/// <param name="FinishedAt">UTC; null = open.</param>
public sealed record LedgerDelivery(Guid Id, Guid ConnectionId, Guid EventId, DeliveryStatus Status, string? Reason, string? Detail, DateTimeOffset? FinishedAt);
