using ClarityTracking.Core.Data;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Tenancy;

/// <summary>Finds what a caller names and checks the role: not visible is not found, visible with too small a role is forbidden.</summary>
internal static class Access
{
    /// <summary>The website, when the caller sees it and has at least the role.</summary>
    public static async Task<Result<Website>> WebsiteAsync(this ClarityDbContext db, Caller caller, Guid websiteId, Role atLeast, CancellationToken cancel)
    {
        var website = await db.Websites.SingleOrDefaultAsync(w => w.Id == websiteId, cancel);
        if (website is null)
            return Error.NotFound("website");
        return caller.Can(website.WorkspaceId, atLeast) ? website : Error.Forbidden(RoleName(atLeast));
    }

    /// <summary>
    /// The workspace, when the caller is a member with at least the role. A key belongs to one website and does nothing for the whole
    /// workspace, so it is refused here.
    /// </summary>
    public static async Task<Result<Workspace>> WorkspaceAsync(this ClarityDbContext db, Caller caller, Guid workspaceId, Role atLeast, CancellationToken cancel)
    {
        var workspace = await db.Workspaces.SingleOrDefaultAsync(w => w.Id == workspaceId, cancel);
        if (workspace is null)
            return Error.NotFound("workspace");
        if (caller.WebsiteId is not null)
            return Error.Forbidden("a signed-in user; a secret key is for one website");
        return caller.Can(workspaceId, atLeast) ? workspace : Error.Forbidden(RoleName(atLeast));
    }

    /// <summary>Adds a line to the audit log; saved together with what it tells about.</summary>
    public static void Audit(this ClarityDbContext db, Guid workspaceId, Caller caller, string action, string subject, string? detail, DateTimeOffset now) =>
        db.AuditLog.Add(new AuditEntry(workspaceId, caller, action, subject, detail is { Length: > 2000 } ? detail[..2000] : detail, now));

    private static string RoleName(Role role) => $"the role {role} or a higher one";
}
