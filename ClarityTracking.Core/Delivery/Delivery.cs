namespace ClarityTracking.Core.Delivery;

/// <summary>Where a delivery stands. The same words in API, table, trace and alert.</summary>
public enum DeliveryStatus
{
    /// <summary>Waits for its first attempt.</summary>
    Pending,
    /// <summary>Failed for now; tried again at <see cref="Delivery.NextAttemptAt"/>.</summary>
    Retrying,
    /// <summary>The platform took it.</summary>
    Delivered,
    /// <summary>Not sent on purpose; <see cref="Delivery.Reason"/> says why.</summary>
    Skipped,
    /// <summary>Will not be tried again by itself; kept for replay.</summary>
    Dead,
}

/// <summary>
/// One event's way to one connection. Open ones (pending, retrying) live in <c>delivery_queue</c>, finished ones are appended to the
/// partitioned <c>deliveries</c>; both are read as one through the view <c>delivery_states</c>, which this maps to.
/// </summary>
public sealed class Delivery
{
    public Guid WorkspaceId { get; private set; }

    public Guid WebsiteId { get; private set; }

    /// <summary>UUIDv7 of when the router decided.</summary>
    public Guid Id { get; private set; }

    public Guid ConnectionId { get; private set; }

    /// <summary><see cref="Ingestion.Store.Event.Id"/>.</summary>
    public Guid EventId { get; private set; }

    public string EventName { get; private set; } = "";

    public DeliveryStatus Status { get; private set; }

    /// <summary>A word of <see cref="Routing.SkipReason"/> or <see cref="FailureKind"/>; null when pending or delivered.</summary>
    public string? Reason { get; private set; }

    /// <summary>One sentence more, without personal data.</summary>
    public string? Detail { get; private set; }

    public int Attempts { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>When it is tried next (UTC); null when finished.</summary>
    public DateTimeOffset? NextAttemptAt { get; private set; }

    /// <summary>When it was finished (UTC); null when open.</summary>
    public DateTimeOffset? FinishedAt { get; private set; }
}

/// <summary>One try of one delivery that failed. The one that delivered has no row: <c>deliveries.call_id</c> names its call.</summary>
public sealed class DeliveryAttempt
{
    public Guid WorkspaceId { get; private set; }

    public Guid DeliveryId { get; private set; }

    /// <summary>UUIDv7 of the try.</summary>
    public Guid Id { get; private set; }

    /// <summary>1 for the first.</summary>
    public int Number { get; private set; }

    /// <summary>The HTTP call it went with.</summary>
    public Guid CallId { get; private set; }

    /// <summary>Its place in the call's batch, from 0.</summary>
    public int Position { get; private set; }

    public DateTimeOffset At { get; private set; }

    /// <summary>A word of <see cref="FailureKind"/>; <c>delivered</c> in rows from before <c>deliveries.call_id</c> was there.</summary>
    public string Outcome { get; private set; } = "";

    /// <summary>In the platform's words.</summary>
    public string? Reason { get; private set; }
}

/// <summary>One HTTP call to a platform: the exact request and answer, kept once for the whole batch.</summary>
public sealed class DeliveryCall
{
    public Guid WorkspaceId { get; private set; }

    public Guid WebsiteId { get; private set; }

    public Guid ConnectionId { get; private set; }

    /// <summary>UUIDv7 of the call.</summary>
    public Guid Id { get; private set; }

    public DateTimeOffset At { get; private set; }

    /// <summary>Milliseconds until the answer was read.</summary>
    public int DurationMs { get; private set; }

    public string Method { get; private set; } = "";

    /// <summary>With secrets masked.</summary>
    public string Url { get; private set; } = "";

    /// <summary>The body, secrets masked, as <see cref="CallArchive"/> keeps it.</summary>
    public byte[] Request { get; private set; } = [];

    /// <summary>Null when no answer came.</summary>
    public int? HttpStatus { get; private set; }

    /// <summary>The answer's first 16 KiB, or the network error in words.</summary>
    public string? Response { get; private set; }

    /// <summary>How many events it carried.</summary>
    public int Events { get; private set; }
}
