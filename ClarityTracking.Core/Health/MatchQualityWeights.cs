using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>The chances that a website's estimate is made with.</summary>
/// <param name="Keys">All keys, in the order of <see cref="MatchQuality.Keys"/>.</param>
/// <param name="ChangedAt">When somebody last set some (UTC); null = they are ours.</param>
public sealed record WebsiteWeights(IReadOnlyList<WebsiteWeight> Keys, DateTimeOffset? ChangedAt);

/// <summary>One key's chance.</summary>
/// <param name="Key">See <see cref="MatchQuality.Keys"/>.</param>
/// <param name="Label">As people say it.</param>
/// <param name="Chance">In use, 0 to <see cref="MatchQualityWeights.Highest"/>.</param>
/// <param name="Default">Ours.</param>
public sealed record WebsiteWeight(string Key, string Label, decimal Chance, decimal Default);

/// <summary>
/// Chances of single keys (see <see cref="MatchQuality"/>) that a website sets itself: who has measured how well their phones match knows better
/// than we do. Only what differs from ours is kept, so that better defaults reach everybody else.
/// </summary>
public sealed class MatchQualityWeights(ClarityDb database, TimeProvider clock)
{
    /// <summary>No key finds everybody: with 1 every other key would count for nothing.</summary>
    public const decimal Highest = .95m;

    /// <summary>What a website's estimate is made with.</summary>
    public async Task<Result<WebsiteWeights>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? await AllAsync(db, website.Value, cancel) : website.Error;
    }

    /// <summary>Sets the chances that are given; the others stay as they are.</summary>
    public async Task<Result<WebsiteWeights>> ChangeAsync(Caller caller, Guid websiteId, IReadOnlyDictionary<string, decimal>? chances, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        if (Errors(chances) is { Count: > 0 } errors)
            return Error.Invalid(errors);
        var (website, now) = (found.Value, clock.GetUtcNow());
        var own = new Dictionary<string, decimal>(await OwnAsync(db, website, cancel));
        foreach (var (key, chance) in chances!)
            own[key] = chance;
        foreach (var key in MatchQuality.Keys)
            if (own.TryGetValue(key.Key, out var chance) && chance == key.Chance)
                own.Remove(key.Key);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (own.Count == 0)
            await ForgetAsync(db, website, cancel);
        else
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO match_quality_weights (workspace_id, website_id, weights, changed_at)
                VALUES ({website.WorkspaceId}, {website.Id}, {JsonSerializer.Serialize(own)}::jsonb, {now})
                ON CONFLICT (workspace_id, website_id) DO UPDATE SET weights = excluded.weights, changed_at = excluded.changed_at
                """, cancel);
        db.Audit(website.WorkspaceId, caller, "match_quality.weights_changed", $"website {website.Id}",
            string.Join(", ", chances.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {c.Value:0.##}"))), now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return await AllAsync(db, website, cancel);
    }

    /// <summary>Back to ours.</summary>
    public async Task<Result<WebsiteWeights>> ResetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await ForgetAsync(db, found.Value, cancel);
        db.Audit(found.Value.WorkspaceId, caller, "match_quality.weights_reset", $"website {websiteId}", null, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return await AllAsync(db, found.Value, cancel);
    }

    /// <summary>The chances a website set itself; empty when it set none.</summary>
    internal static async Task<IReadOnlyDictionary<string, decimal>> OwnAsync(ClarityDbContext db, Website website, CancellationToken cancel) =>
        (await RowAsync(db, website, cancel))?.Chances ?? [];

    private static async Task<WebsiteWeights> AllAsync(ClarityDbContext db, Website website, CancellationToken cancel)
    {
        var row = await RowAsync(db, website, cancel);
        return new([.. MatchQuality.Keys.Select(key => new WebsiteWeight(key.Key, key.Label, row?.Chances.GetValueOrDefault(key.Key, key.Chance) ?? key.Chance, key.Chance))],
            row?.ChangedAt);
    }

    private static Task<Row?> RowAsync(ClarityDbContext db, Website website, CancellationToken cancel) => db.Database.SqlQuery<Row>($"""
        SELECT weights::text AS "Weights", changed_at AS "ChangedAt" FROM match_quality_weights WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id}
        """).SingleOrDefaultAsync(cancel);

    private static Task<int> ForgetAsync(ClarityDbContext db, Website website, CancellationToken cancel) => db.Database.ExecuteSqlAsync(
        $"DELETE FROM match_quality_weights WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id}", cancel);

    private static List<FieldError> Errors(IReadOnlyDictionary<string, decimal>? chances)
    {
        if (chances is not { Count: > 0 })
            return [new FieldError("weights", "weights must name at least one key and its chance.")];
        var errors = new List<FieldError>();
        foreach (var (key, chance) in chances)
            if (MatchQuality.Keys.All(k => k.Key != key))
                errors.Add(new FieldError("weights", $"weights names the unknown key {(key.Length > 40 ? key[..40] : key)}; known are: {string.Join(", ", MatchQuality.Keys.Select(k => k.Key))}."));
            else if (chance is < 0 or > Highest)
                errors.Add(new FieldError($"weights.{key}", $"weights.{key} must be a chance from 0 to {Highest.ToString(CultureInfo.InvariantCulture)}."));
            else if (decimal.Round(chance, 2) != chance)
                errors.Add(new FieldError($"weights.{key}", $"weights.{key} has more than two decimals."));
        return errors.Count > 20 ? errors[..20] : errors;
    }

    private sealed record Row(string Weights, DateTimeOffset ChangedAt)
    {
        public Dictionary<string, decimal> Chances => JsonSerializer.Deserialize<Dictionary<string, decimal>>(Weights)!;
    }
}
