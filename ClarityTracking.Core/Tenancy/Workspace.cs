namespace ClarityTracking.Core.Tenancy;

/// <summary>The tenant: an agency or a business. Every other row belongs to one.</summary>
public sealed class Workspace
{
    private Workspace() { }

    /// <summary>A new workspace without members.</summary>
    public Workspace(string name, DateTimeOffset now)
    {
        Id = Guid.CreateVersion7(now);
        Name = name;
        CreatedAt = now;
    }

    public Guid Id { get; private set; }

    public string Name { get; private set; } = "";

    /// <summary>Holds demo data only, and every page says so.</summary>
    public bool IsDemo { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }
}

/// <summary>What a member may do; each role may do all that the ones before it may.</summary>
public enum Role
{
    /// <summary>Look.</summary>
    Viewer,
    /// <summary>Look, export, replay deliveries.</summary>
    Analyst,
    /// <summary>Change websites, keys, connections, rules.</summary>
    Admin,
    /// <summary>Manage members, delete the workspace.</summary>
    Owner,
}

/// <summary>A user's place in a workspace.</summary>
public sealed class Member
{
    private Member() { }

    public Member(Guid workspaceId, Guid userId, Role role, DateTimeOffset now)
    {
        WorkspaceId = workspaceId;
        UserId = userId;
        Role = role;
        CreatedAt = now;
    }

    public Guid WorkspaceId { get; private set; }

    public Guid UserId { get; private set; }

    public Role Role { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }
}
