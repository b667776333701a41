using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Validate;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Tenancy;

/// <summary>A website as a caller sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="WorkspaceId">The tenant.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Domain">Host name.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="TimeZone">IANA name.</param>
/// <param name="DefaultCountry">ISO 3166-1 alpha-2; null = unknown.</param>
/// <param name="PrivacyMode">Nothing readable about persons is stored.</param>
/// <param name="ScriptAlias">Script and intake also stand at <c>/{alias}.js</c> and <c>/{alias}</c>, which no blocker lists.</param>
/// <param name="FormerScriptAliases">Aliases of before that still work.</param>
/// <param name="FormerScriptAliasesUntil">When they stop working (UTC); null when there are none.</param>
/// <param name="PublishableKey">The newest live key for the snippet; null when all were revoked.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Role">What the caller may do with it.</param>
public sealed record WebsiteInfo(Guid Id, Guid WorkspaceId, string Name, string Domain, string Currency, string TimeZone,
    string? DefaultCountry, bool PrivacyMode, string ScriptAlias, IReadOnlyList<string> FormerScriptAliases, DateTimeOffset? FormerScriptAliasesUntil,
    string? PublishableKey, DateTimeOffset CreatedAt, Role Role);

/// <summary>A new website with its two first keys.</summary>
/// <param name="Website">The website.</param>
/// <param name="SecretKey">Shown this once.</param>
public sealed record NewWebsite(WebsiteInfo Website, string SecretKey);

/// <summary>What can be set; null = as it is, or the default for a new website. An empty country = unknown.</summary>
public sealed record WebsiteValues(string? Name, string? Domain, string? Currency, string? TimeZone, string? DefaultCountry, bool? PrivacyMode,
    string? ScriptAlias = null);

/// <summary>Websites.</summary>
public sealed class WebsiteService(ClarityDb database, KeyDirectory directory, ScriptAliasDirectory aliases, TimeProvider clock)
{
    /// <summary>The websites the caller sees, by name.</summary>
    public async Task<IReadOnlyList<WebsiteInfo>> ListAsync(Caller caller, Guid? workspaceId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        return await ReadAsync(db, caller, w => workspaceId == null || w.WorkspaceId == workspaceId, cancel);
    }

    /// <summary>One website.</summary>
    public async Task<Result<WebsiteInfo>> GetAsync(Caller caller, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        return await ReadAsync(db, caller, w => w.Id == id, cancel) is [var website] ? website : Error.NotFound("website");
    }

    /// <summary>Makes a website with a publishable and a secret live key.</summary>
    /// <param name="caller">Admin of the workspace.</param>
    /// <param name="workspaceId">Null = the caller's only workspace where they may.</param>
    /// <param name="values">Name and domain at least.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<NewWebsite>> CreateAsync(Caller caller, Guid? workspaceId, WebsiteValues values, CancellationToken cancel)
    {
        if (caller.WebsiteId is not null)
            return Error.Forbidden("a signed-in user; a secret key is for one website");
        var mayIn = caller.Workspaces.Where(w => w.Value >= Role.Admin).Select(w => w.Key).ToList();
        if (workspaceId is { } named && !caller.Workspaces.ContainsKey(named))
            return Error.NotFound("workspace");
        if (workspaceId is null && mayIn.Count > 1)
            return Error.Invalid(new FieldError("workspaceId", "workspaceId is missing; you may make websites in several workspaces."));
        workspaceId ??= mayIn.Count == 1 ? mayIn[0] : null;
        if (workspaceId is not { } id || !caller.Can(id, Role.Admin))
            return Error.Forbidden("the role Admin or a higher one");
        var given = Checked(values, isNew: true);
        if (!given.IsOk)
            return given.Error;
        values = given.Value;

        var now = clock.GetUtcNow();
        await using var db = database.For(caller);
        var website = new Website(id, values.Name!, values.Domain!, now);
        website.Change(null, null, values.Currency, values.TimeZone, values.DefaultCountry, values.PrivacyMode);
        var (publishable, publishableKey) = ApiKey.Create(website, ApiKeyKind.Publishable, isTest: false, "Snippet", now);
        var (secret, secretKey) = ApiKey.Create(website, ApiKeyKind.Secret, isTest: false, "Server", now);
        db.Websites.Add(website);
        db.ApiKeys.AddRange(publishable, secret);
        db.Audit(id, caller, "website.created", $"website {website.Id}", $"{website.Name} ({website.Domain})", now);
        await db.SaveChangesAsync(cancel);
        aliases.Forget();
        return new NewWebsite(Info(website, publishableKey, caller), secretKey);
    }

    /// <summary>Changes what is given.</summary>
    public async Task<Result<WebsiteInfo>> ChangeAsync(Caller caller, Guid id, WebsiteValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var given = Checked(values, isNew: false);
        if (!given.IsOk)
            return given.Error;
        var (website, v) = (found.Value, given.Value);
        var now = clock.GetUtcNow();
        website.Change(v.Name, v.Domain, v.Currency, v.TimeZone, v.DefaultCountry, v.PrivacyMode);
        if (v.ScriptAlias is { } alias && alias != website.ScriptAlias)
        {
            if (await aliases.IsOfAnotherAsync(alias, id, cancel))
                return AliasTaken;
            website.ChangeScriptAlias(alias, now);
        }
        var changed = db.Entry(website).Properties
            .Where(p => p.IsModified && p.Metadata.Name is not (nameof(Website.FormerScriptAliases) or nameof(Website.ScriptAliasChangedAt)))
            .Select(p => $"{p.Metadata.Name}: {p.OriginalValue} -> {p.CurrentValue}").ToList();
        if (changed.Count > 0)
            db.Audit(website.WorkspaceId, caller, "website.changed", $"website {id}", string.Join(", ", changed), now);
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return AliasTaken; // another website was quicker
        }
        directory.Forget();
        aliases.Forget();
        return (await ReadAsync(db, caller, w => w.Id == id, cancel)).Single();
    }

    private static readonly Error AliasTaken = new(ErrorKind.Conflict, "script_alias_taken", "Another website has this alias; choose another.",
        [new FieldError("scriptAlias", "scriptAlias is taken; choose another.")]);

    /// <summary>
    /// Deletes a website with its keys, connections and open deliveries. What it collected is out of reach at once and leaves the event
    /// log with its partitions.
    /// </summary>
    public async Task<Result<Done>> DeleteAsync(Caller caller, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        db.Websites.Remove(found.Value);
        db.Audit(found.Value.WorkspaceId, caller, "website.deleted", $"website {id}", $"{found.Value.Name} ({found.Value.Domain})", clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        directory.Forget();
        return Done.It;
    }

    private static Result<WebsiteValues> Checked(WebsiteValues given, bool isNew)
    {
        var rules = new FieldRules();
        var values = new WebsiteValues(
            rules.Name("name", given.Name, required: isNew),
            rules.Domain("domain", given.Domain, required: isNew),
            rules.Currency("currency", given.Currency),
            rules.TimeZone("timeZone", given.TimeZone),
            given.DefaultCountry?.Trim() is "" ? "" : rules.Country("defaultCountry", given.DefaultCountry),
            given.PrivacyMode,
            rules.ScriptAliasWord("scriptAlias", given.ScriptAlias));
        return rules.Errors.Count > 0 ? Error.Invalid(rules.Errors) : values;
    }

    private async Task<List<WebsiteInfo>> ReadAsync(ClarityDbContext db, Caller caller,
        System.Linq.Expressions.Expression<Func<Website, bool>> which, CancellationToken cancel)
    {
        var rows = await db.Websites.AsNoTracking().Where(which).OrderBy(w => w.Name).ThenBy(w => w.Id)
            .Select(w => new
            {
                Website = w,
                Key = db.ApiKeys.Where(k => k.WorkspaceId == w.WorkspaceId && k.WebsiteId == w.Id && k.Kind == ApiKeyKind.Publishable && !k.IsTest && k.RevokedAt == null)
                    .OrderByDescending(k => k.Id).Select(k => k.Publishable).FirstOrDefault(),
            }).ToListAsync(cancel);
        return rows.ConvertAll(r => Info(r.Website, r.Key, caller));
    }

    private WebsiteInfo Info(Website w, string? publishableKey, Caller caller)
    {
        var formerUntil = w.FormerScriptAliases.Length > 0 ? w.ScriptAliasChangedAt + ScriptAlias.FormerWorkFor : null;
        var former = formerUntil > clock.GetUtcNow() ? w.FormerScriptAliases : [];
        return new WebsiteInfo(w.Id, w.WorkspaceId, w.Name, w.Domain, w.Currency, w.TimeZone, w.DefaultCountry, w.PrivacyMode,
            w.ScriptAlias, former, former.Length > 0 ? formerUntil : null, publishableKey, w.CreatedAt, caller.Workspaces[w.WorkspaceId]);
    }
}
