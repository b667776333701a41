using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Thresholds of a website.</summary>
public sealed class MatchSettings(ClarityDb tenants, NpgsqlDataSource database, ConversionsQueued queued, TimeProvider clock)
{
    private const int QueuedAtOnce = 5000;

    /// <summary>The thresholds; the defaults when none were set.</summary>
    public async Task<Result<MatchThresholds>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        await using var connection = await database.OpenConnectionAsync(cancel);
        return await ReadAsync(connection, website.Value.WorkspaceId, websiteId, cancel);
    }

    /// <summary>Sets them and matches the website's conversions again in the background; what people decided stays.</summary>
    public async Task<Result<MatchThresholds>> SetAsync(Caller caller, Guid websiteId, MatchThresholds thresholds, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        if (new[] { ("creditFrom", thresholds.CreditFrom), ("reviewBelow", thresholds.ReviewBelow) }.Where(t => t.Item2 is not (>= 0 and <= 1)).ToList() is { Count: > 0 } wrong)
            return Error.Invalid(wrong.ConvertAll(w => new FieldError(w.Item1, $"{w.Item1} must be 0 to 1.")));
        var (workspaceId, now) = (website.Value.WorkspaceId, clock.GetUtcNow());
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using (var command = new NpgsqlCommand("""
            INSERT INTO match_settings (workspace_id, website_id, credit_from, review_below, updated_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (workspace_id, website_id) DO UPDATE SET credit_from = excluded.credit_from, review_below = excluded.review_below, updated_at = excluded.updated_at
            """, connection).With(workspaceId, websiteId, thresholds.CreditFrom, thresholds.ReviewBelow, now))
            await command.ExecuteNonQueryAsync(cancel);
        // not cancelled any more: the thresholds are set, and all conversions are to follow them
        for (Guid? last = Guid.Empty; last is not null; queued.Raise())
            last = await AgainAsync(connection, workspaceId, websiteId, last.Value, now);
        db.Audit(workspaceId, caller, "match_settings.changed", $"website {websiteId}", FormattableString.Invariant($"credit from {thresholds.CreditFrom}, review below {thresholds.ReviewBelow}"), now);
        await db.SaveChangesAsync(cancel);
        return thresholds;
    }

    /// <summary>
    /// Queues the next conversions, each time in a transaction of its own under the website's lock, so that whoever queues some of them meanwhile neither
    /// waits long nor forms a deadlock with it. Answers the last one; null = these were all.
    /// </summary>
    private static async Task<Guid?> AgainAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid after, DateTimeOffset now)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await TouchpointWorker.LockAsync(connection, websiteId, CancellationToken.None);
        await using var command = new NpgsqlCommand($"""
            WITH batch AS MATERIALIZED (
                SELECT workspace_id, website_id, conversion_id FROM matches
                 WHERE workspace_id = $1 AND website_id = $2 AND decision NOT IN ('confirmed', 'rejected') AND conversion_id > $3 ORDER BY conversion_id LIMIT {QueuedAtOnce}),
            queued AS (
                INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at) SELECT workspace_id, website_id, conversion_id, $4 FROM batch ORDER BY conversion_id
                ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0)
            SELECT conversion_id FROM batch ORDER BY conversion_id DESC LIMIT 1
            """, connection).With(workspaceId, websiteId, after, now);
        var last = await command.ExecuteScalarAsync() as Guid?;
        await transaction.CommitAsync();
        return last;
    }

    internal static async Task<MatchThresholds> ReadAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT credit_from, review_below FROM match_settings WHERE workspace_id = $1 AND website_id = $2", connection).With(workspaceId, websiteId);
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new MatchThresholds(row.GetDouble(0), row.GetDouble(1)) : MatchThresholds.Default;
    }
}
