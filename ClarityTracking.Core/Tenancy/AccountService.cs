using ClarityTracking.Core.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Tenancy;

/// <summary>What a person tells when registering.</summary>
/// <param name="Email">Also the user name.</param>
/// <param name="Password">At least 8, at most 256 characters.</param>
/// <param name="Name">How the person wants to be called.</param>
/// <param name="WorkspaceName">Name of the first workspace; made from the name or email when absent.</param>
public sealed record NewAccount(string? Email, string? Password, string? Name, string? WorkspaceName);

/// <summary>A new account with its first workspace.</summary>
public sealed record Registered(User User, Guid WorkspaceId);

/// <summary>
/// Accounts and who a caller is. The one place of the management side that reads as the system, because it is what decides what a
/// caller may see; everything else goes through <see cref="ClarityDb.For"/>.
/// </summary>
/// <param name="users">Identity.</param>
/// <param name="accounts">The context Identity's store of this scope writes through, so that all of it is one transaction.</param>
/// <param name="database">Fresh contexts for reading.</param>
/// <param name="clock">The clock.</param>
public sealed class AccountService(UserManager<User> users, ClarityDbContext accounts, ClarityDb database, TimeProvider clock)
{
    private const int ShortestPassword = 8, LongestPassword = 256;

    /// <summary>Makes the user, their first workspace and the ownership of it, or nothing. The first account becomes the operator.</summary>
    public async Task<Result<Registered>> RegisterAsync(NewAccount account, string? ip, CancellationToken cancel)
    {
        var rules = new FieldRules();
        var email = rules.Email("email", account.Email);
        var name = rules.Name("name", account.Name);
        var workspaceName = rules.Name("workspaceName", account.WorkspaceName);
        if (account.Password is not { Length: >= ShortestPassword and <= LongestPassword })
            rules.Add("password", $"The password must have {ShortestPassword} to {LongestPassword} characters.");
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);

        var now = clock.GetUtcNow();
        await using var transaction = await accounts.Database.BeginTransactionAsync(cancel);
        // Two first registrations at once wait for each other, so that there is one operator.
        if (!await accounts.Users.AnyAsync(cancel))
            await accounts.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('clarity first account'))", cancel);
        var user = new User { UserName = email, Email = email, Name = name, CreatedAt = now, IsOperator = !await accounts.Users.AnyAsync(cancel) };
        try
        {
            var created = await users.CreateAsync(user, account.Password!);
            if (!created.Succeeded)
                return created.Errors.Any(e => e.Code is "DuplicateUserName" or "DuplicateEmail")
                    ? EmailTaken
                    : Error.Invalid([.. created.Errors.Select(e => new Destinations.FieldError("password", e.Description))]);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return EmailTaken;
        }
        var caller = new Caller { UserId = user.Id, Label = email, Workspaces = new Dictionary<Guid, Role>(), Ip = ip };
        var workspace = AddWorkspace(accounts, caller, workspaceName ?? $"{name ?? email.Split('@')[0]}'s workspace", now);
        accounts.Audit(workspace.Id, caller, "account.registered", $"user {user.Id}", user.IsOperator ? "operator of the installation" : null, now);
        await accounts.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return new Registered(user, workspace.Id);
    }

    /// <summary>
    /// The user of an email and password. Unknown, wrong and locked answer the same after the same work, so that nobody learns which
    /// emails have accounts; five wrong passwords lock the account for some minutes (Identity's lockout).
    /// </summary>
    public async Task<Result<User>> CheckPasswordAsync(string? email, string? password)
    {
        password ??= "";
        var user = email is { Length: > 0 and <= 254 } && password.Length <= LongestPassword && FieldRules.IsStorable(email)
            ? await users.FindByEmailAsync(email.Trim()) : null;
        if (user is null)
        {
            users.PasswordHasher.HashPassword(new User(), password.Length <= LongestPassword ? password : "");
            return WrongCredentials;
        }
        var isLocked = await users.IsLockedOutAsync(user);
        if (!await users.CheckPasswordAsync(user, password))
        {
            if (!isLocked)
                await users.AccessFailedAsync(user);
            return WrongCredentials;
        }
        if (isLocked)
            return WrongCredentials;
        if (user.AccessFailedCount > 0)
            await users.ResetAccessFailedCountAsync(user);
        return user;
    }

    /// <summary>The signed-in user as a caller, with their workspaces as they are now; null when the account is gone.</summary>
    /// <param name="userId">From the cookie or token.</param>
    /// <param name="ip">Where the request came from.</param>
    /// <param name="securityStamp">From the token; when given and no longer the account's, the sign-in has been ended and the answer is null.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Caller?> CallerOfAsync(Guid userId, string? ip, CancellationToken cancel, string? securityStamp = null)
    {
        await using var db = database.System();
        var user = await db.Users.AsNoTracking().Where(u => u.Id == userId)
            .Select(u => new { u.Email, u.IsOperator, u.SecurityStamp }).SingleOrDefaultAsync(cancel);
        if (user is null || (securityStamp is not null && securityStamp != user.SecurityStamp))
            return null;
        var workspaces = await db.Members.Where(m => m.UserId == userId).ToDictionaryAsync(m => m.WorkspaceId, m => m.Role, cancel);
        return new Caller { UserId = userId, Label = user.Email!, Workspaces = workspaces, IsOperator = user.IsOperator, Ip = ip };
    }

    /// <summary>A secret key as a caller: Admin of its one website. Null when it is unknown, revoked or only publishable.</summary>
    public async Task<Caller?> CallerOfKeyAsync(string key, string? ip, CancellationToken cancel)
    {
        var hash = ApiKey.HashOf(key);
        await using var db = database.System();
        var row = await db.ApiKeys.AsNoTracking().Where(k => k.Hash == hash && k.RevokedAt == null && k.Kind == ApiKeyKind.Secret)
            .Select(k => new { k.WorkspaceId, k.WebsiteId, k.Hint }).SingleOrDefaultAsync(cancel);
        return row is null ? null : new Caller
        {
            Label = row.Hint,
            Workspaces = new Dictionary<Guid, Role> { [row.WorkspaceId] = Role.Admin },
            WebsiteId = row.WebsiteId,
            Ip = ip,
        };
    }

    /// <summary>Makes a workspace owned by the caller. Only the system can: until it exists, nobody may see it.</summary>
    internal async Task<Workspace> CreateWorkspaceAsync(Caller caller, string name, CancellationToken cancel)
    {
        await using var db = database.System();
        var workspace = AddWorkspace(db, caller, name, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        return workspace;
    }

    /// <summary>The account of an email, which a caller cannot see before it is a fellow member.</summary>
    internal async Task<Guid?> FindUserIdAsync(string email, CancellationToken cancel)
    {
        var normalized = users.NormalizeEmail(email);
        await using var db = database.System();
        return await db.Users.Where(u => u.NormalizedEmail == normalized).Select(u => (Guid?)u.Id).SingleOrDefaultAsync(cancel);
    }

    private static Workspace AddWorkspace(ClarityDbContext db, Caller caller, string name, DateTimeOffset now)
    {
        var workspace = new Workspace(name, now);
        db.Workspaces.Add(workspace);
        db.Members.Add(new Member(workspace.Id, caller.UserId!.Value, Role.Owner, now));
        db.Audit(workspace.Id, caller, "workspace.created", $"workspace {workspace.Id}", name, now);
        return workspace;
    }

    private static readonly Error EmailTaken = new(ErrorKind.Conflict, "email_taken", "There is already an account with this email.",
        [new("email", "There is already an account with this email.")]);

    private static readonly Error WrongCredentials = new(ErrorKind.Unauthorized, "invalid_credentials",
        "Email or password is wrong. After several wrong passwords an account is locked for some minutes.", []);
}
