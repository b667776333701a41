namespace ClarityTracking.Core.Reports;

/// <summary>How many events of a name a website had in an hour. Written by the router, exactly once per event.</summary>
public sealed class EventRollup
{
    public Guid WorkspaceId { get; private set; }

    public Guid WebsiteId { get; private set; }

    /// <summary>Start of the hour of arrival (UTC).</summary>
    public DateTimeOffset Hour { get; private set; }

    public string Name { get; private set; } = "";

    public bool IsTest { get; private set; }

    public long Events { get; private set; }

    /// <summary>Milliseconds between happening and arriving, summed over the events.</summary>
    public long DelayMs { get; private set; }
}

/// <summary>How many of those events carried a match key (hashed keys, <c>fbc</c>, <c>fbp</c>, <c>ip_ua</c> ...).</summary>
public sealed class KeyRollup
{
    public Guid WorkspaceId { get; private set; }

    public Guid WebsiteId { get; private set; }

    /// <summary>Start of the hour of arrival (UTC).</summary>
    public DateTimeOffset Hour { get; private set; }

    public string Name { get; private set; } = "";

    public string Key { get; private set; } = "";

    public long Events { get; private set; }
}

/// <summary>How many deliveries of an event name to a connection finished in an hour, and how.</summary>
public sealed class DeliveryRollup
{
    public Guid WorkspaceId { get; private set; }

    public Guid WebsiteId { get; private set; }

    public Guid ConnectionId { get; private set; }

    /// <summary>Start of the hour in which it finished (UTC).</summary>
    public DateTimeOffset Hour { get; private set; }

    public string Name { get; private set; } = "";

    /// <summary>delivered, skipped or dead.</summary>
    public string Status { get; private set; } = "";

    /// <summary>The reason's word; empty when delivered.</summary>
    public string Reason { get; private set; } = "";

    public long Deliveries { get; private set; }

    /// <summary>Milliseconds between arrival and the platform's answer, summed; 0 unless delivered.</summary>
    public long LatencyMs { get; private set; }
}
