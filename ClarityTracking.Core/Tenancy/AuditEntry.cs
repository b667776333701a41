namespace ClarityTracking.Core.Tenancy;

/// <summary>Who did what, when, from where. Append-only; never holds secrets or personal data of visitors.</summary>
public sealed class AuditEntry
{
    private AuditEntry() { }

    public AuditEntry(Guid workspaceId, Caller caller, string action, string subject, string? detail, DateTimeOffset now)
    {
        WorkspaceId = workspaceId;
        Id = Guid.CreateVersion7(now);
        At = now;
        UserId = caller.UserId;
        Actor = caller.Label;
        Action = action;
        Subject = subject;
        Detail = detail;
        Ip = caller.Ip;
    }

    public Guid WorkspaceId { get; private set; }

    public Guid Id { get; private set; }

    public DateTimeOffset At { get; private set; }

    /// <summary>The user; null when a key acted.</summary>
    public Guid? UserId { get; private set; }

    /// <summary>Email of the user or hint of the key, as it was then.</summary>
    public string Actor { get; private set; } = "";

    /// <summary>Dotted verb (<c>connection.created</c>).</summary>
    public string Action { get; private set; } = "";

    /// <summary>Kind and id of what it was done to (<c>connection 0199…</c>).</summary>
    public string Subject { get; private set; } = "";

    /// <summary>What changed, in words.</summary>
    public string? Detail { get; private set; }

    public string? Ip { get; private set; }
}
