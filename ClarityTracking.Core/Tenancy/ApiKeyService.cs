using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Validate;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Tenancy;

/// <summary>A key as a caller sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Publishable or secret.</param>
/// <param name="IsTest">Marks events as test.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Hint">Beginning and end.</param>
/// <param name="Key">The key itself: always for publishable ones, for secret ones only in the answer that made it.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="RevokedAt">When it stopped working (UTC); null = it works.</param>
public sealed record ApiKeyInfo(Guid Id, ApiKeyKind Kind, bool IsTest, string Name, string Hint, string? Key, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt);

/// <summary>Keys of a website. To rotate: make a new one, put it to use, revoke the old one.</summary>
public sealed class ApiKeyService(ClarityDb database, KeyDirectory directory, TimeProvider clock)
{
    /// <summary>All keys, newest first, revoked ones included.</summary>
    public async Task<Result<IReadOnlyList<ApiKeyInfo>>> ListAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var keys = await db.ApiKeys.AsNoTracking().Where(k => k.WebsiteId == websiteId).OrderByDescending(k => k.Id).ToListAsync(cancel);
        return keys.ConvertAll(k => Info(k, k.Publishable));
    }

    /// <summary>Makes a key.</summary>
    public async Task<Result<ApiKeyInfo>> CreateAsync(Caller caller, Guid websiteId, ApiKeyKind kind, bool isTest, string? name, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var rules = new FieldRules();
        name = rules.Name("name", name ?? (kind == ApiKeyKind.Publishable ? "Snippet" : "Server"));
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        var now = clock.GetUtcNow();
        var (row, key) = ApiKey.Create(website.Value, kind, isTest, name!, now);
        db.ApiKeys.Add(row);
        db.Audit(row.WorkspaceId, caller, "api_key.created", $"api_key {row.Id}", row.Hint, now);
        await db.SaveChangesAsync(cancel);
        return Info(row, key);
    }

    /// <summary>Ends a key. Twice is the same as once.</summary>
    public async Task<Result<Done>> RevokeAsync(Caller caller, Guid websiteId, Guid keyId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if (await db.ApiKeys.SingleOrDefaultAsync(k => k.WebsiteId == websiteId && k.Id == keyId, cancel) is not { } key)
            return Error.NotFound("key");
        if (key.RevokedAt is null)
        {
            var now = clock.GetUtcNow();
            key.Revoke(now);
            db.Audit(key.WorkspaceId, caller, "api_key.revoked", $"api_key {keyId}", key.Hint, now);
            await db.SaveChangesAsync(cancel);
            directory.Forget();
        }
        return Done.It;
    }

    private static ApiKeyInfo Info(ApiKey k, string? key) => new(k.Id, k.Kind, k.IsTest, k.Name, k.Hint, key, k.CreatedAt, k.RevokedAt);
}
