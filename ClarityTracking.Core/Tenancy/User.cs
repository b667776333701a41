using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Core.Tenancy;

/// <summary>A person who signs in. Belongs to workspaces as a <see cref="Member"/>.</summary>
public sealed class User : IdentityUser<Guid>
{
    public User() => Id = Guid.CreateVersion7();

    /// <summary>How the person wants to be called; null = not told.</summary>
    public string? Name { get; set; }

    /// <summary>The operator of this installation: the first account that registered.</summary>
    public bool IsOperator { get; set; }

    /// <summary>When the account was made (UTC).</summary>
    public DateTimeOffset CreatedAt { get; set; }
}
