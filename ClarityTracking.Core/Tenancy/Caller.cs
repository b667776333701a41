namespace ClarityTracking.Core.Tenancy;

/// <summary>
/// Who asks, and what they may see. Every read or write for a caller goes through a database connection that is narrowed to exactly
/// this (row level security), so a forgotten condition finds nothing instead of another tenant's rows.
/// </summary>
public sealed record Caller
{
    /// <summary>The signed-in user; null when a key asks.</summary>
    public Guid? UserId { get; init; }

    /// <summary>Email of the user or hint of the key, for the audit log.</summary>
    public required string Label { get; init; }

    /// <summary>Workspaces with the role in each.</summary>
    public required IReadOnlyDictionary<Guid, Role> Workspaces { get; init; }

    /// <summary>When a key asks: the one website it is for.</summary>
    public Guid? WebsiteId { get; init; }

    /// <summary>The sign-in that asks, the same from login to logout; null when a key asks.</summary>
    public string? Session { get; init; }

    /// <summary>Operator of the installation.</summary>
    public bool IsOperator { get; init; }

    /// <summary>Where the request came from.</summary>
    public string? Ip { get; init; }

    /// <summary>May the caller do in this workspace what needs at least this role?</summary>
    public bool Can(Guid workspaceId, Role atLeast) => Workspaces.TryGetValue(workspaceId, out var role) && role >= atLeast;
}
