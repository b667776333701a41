namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>An event we did not store, and why: the rows behind the numbers "duplicates" and "rejected".</summary>
public sealed class DroppedEvent
{
    public Guid WorkspaceId { get; init; }

    public Guid WebsiteId { get; init; }

    /// <summary>UUIDv7 of when it arrived.</summary>
    public Guid Id { get; init; }

    public DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The sender's id, when it gave one that can be stored.</summary>
    public string? EventId { get; init; }

    /// <summary>The event name, when it gave one that can be stored.</summary>
    public string? Name { get; init; }

    /// <summary>Who told it, of a duplicate; read by what counts duplicates only.</summary>
    public EventSource? Source { get; init; }

    /// <summary>A stable code of <see cref="DropReason"/>.</summary>
    public string Reason { get; init; } = "";

    /// <summary>One sentence for a person.</summary>
    public string? Detail { get; init; }
}
