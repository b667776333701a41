using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Tenancy;

/// <summary>A workspace as a caller sees it.</summary>
public sealed record WorkspaceInfo(Guid Id, string Name, Role Role, bool IsDemo, DateTimeOffset CreatedAt);

/// <summary>A member of a workspace.</summary>
public sealed record MemberInfo(Guid UserId, string Email, string? Name, Role Role, DateTimeOffset CreatedAt);

/// <summary>One line of the audit log.</summary>
public sealed record AuditInfo(Guid Id, DateTimeOffset At, Guid? UserId, string Actor, string Action, string Subject, string? Detail, string? Ip);

/// <summary>Workspaces, their members and their audit log.</summary>
public sealed class WorkspaceService(ClarityDb database, AccountService accounts, TimeProvider clock)
{
    /// <summary>The caller's workspaces, by name.</summary>
    public async Task<IReadOnlyList<WorkspaceInfo>> ListAsync(Caller caller, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var rows = await db.Workspaces.AsNoTracking().OrderBy(w => w.Name).ThenBy(w => w.Id).ToListAsync(cancel);
        return [.. rows.Select(w => Info(w, caller.Workspaces[w.Id]))];
    }

    /// <summary>Makes a workspace; the caller becomes its owner.</summary>
    public async Task<Result<WorkspaceInfo>> CreateAsync(Caller caller, string? name, CancellationToken cancel)
    {
        if (caller.UserId is null)
            return Error.Forbidden("a signed-in user; a secret key is for one website");
        var rules = new FieldRules();
        name = rules.Name("name", name, required: true);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        return Info(await accounts.CreateWorkspaceAsync(caller, name!, cancel), Role.Owner);
    }

    /// <summary>Who belongs to it, by email.</summary>
    public async Task<Result<IReadOnlyList<MemberInfo>>> MembersAsync(Caller caller, Guid workspaceId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Viewer, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        return await (from m in db.Members
                      join u in db.Users on m.UserId equals u.Id
                      where m.WorkspaceId == workspaceId
                      orderby u.Email
                      select new MemberInfo(u.Id, u.Email!, u.Name, m.Role, m.CreatedAt)).ToListAsync(cancel);
    }

    /// <summary>Adds the account with this email.</summary>
    public async Task<Result<MemberInfo>> AddMemberAsync(Caller caller, Guid workspaceId, string? email, Role role, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Owner, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        var rules = new FieldRules();
        email = rules.Email("email", email);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        if (await accounts.FindUserIdAsync(email, cancel) is not { } userId)
            return new Error(ErrorKind.Invalid, "account_not_found", "There is no account with this email; the person must register first.",
                [new FieldError("email", "There is no account with this email; the person must register first.")]);
        var now = clock.GetUtcNow();
        db.Members.Add(new Member(workspaceId, userId, role, now));
        db.Audit(workspaceId, caller, "member.added", $"user {userId}", $"{email} as {role.Word()}", now);
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return new Error(ErrorKind.Conflict, "already_member", "This person is already a member; change the role instead.", []);
        }
        return await db.Users.Where(u => u.Id == userId).Select(u => new MemberInfo(u.Id, u.Email!, u.Name, role, now)).SingleAsync(cancel);
    }

    /// <summary>Changes what a member may do; null removes them. A workspace keeps at least one owner.</summary>
    public async Task<Result<Done>> ChangeMemberAsync(Caller caller, Guid workspaceId, Guid userId, Role? role, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Owner, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // Two owners who remove each other at once: one waits here and then sees that the other is the last.
        await db.Database.ExecuteSqlAsync($"SELECT id FROM workspaces WHERE id = {workspaceId} FOR UPDATE", cancel);
        var owners = await db.Members.Where(m => m.WorkspaceId == workspaceId && m.Role == Role.Owner).Select(m => m.UserId).ToListAsync(cancel);
        if (role != Role.Owner && owners is [var last] && last == userId)
            return new Error(ErrorKind.Conflict, "last_owner", "A workspace needs an owner; make another member owner first.", []);
        var members = db.Members.Where(m => m.WorkspaceId == workspaceId && m.UserId == userId);
        var found = role is { } to
            ? await members.ExecuteUpdateAsync(set => set.SetProperty(m => m.Role, to), cancel)
            : await members.ExecuteDeleteAsync(cancel);
        if (found == 0)
            return Error.NotFound("member");
        db.Audit(workspaceId, caller, role is null ? "member.removed" : "member.changed", $"user {userId}", role?.Word(), clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return Done.It;
    }

    /// <summary>The audit log, newest first.</summary>
    public async Task<Result<Page<AuditInfo>>> AuditLogAsync(Caller caller, Guid workspaceId, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Admin, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        limit = Page.Clamp(limit);
        var rows = await db.AuditLog.AsNoTracking()
            .Where(a => a.WorkspaceId == workspaceId && (cursor == null || a.Id < cursor))
            .OrderByDescending(a => a.Id).Take(limit + 1)
            .Select(a => new AuditInfo(a.Id, a.At, a.UserId, a.Actor, a.Action, a.Subject, a.Detail, a.Ip)).ToListAsync(cancel);
        return Page.Of(rows, limit, a => a.Id);
    }

    private static WorkspaceInfo Info(Workspace w, Role role) => new(w.Id, w.Name, role, w.IsDemo, w.CreatedAt);
}
