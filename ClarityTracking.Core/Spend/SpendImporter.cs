using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Spend;

/// <summary>What one run of the job did.</summary>
public sealed record SpendRun(int Done, int Failed, int Later);

/// <summary>
/// Imports what was spent. Once a day for each enabled connection with an ad account, and always the last <see cref="DaysAgain"/> days again,
/// because platforms restate them; and the days a person asked for. Days are replaced, never added up.
/// </summary>
public sealed class SpendImporter(ClarityDb database, NpgsqlDataSource source, IEnumerable<ISpendReader> readers, ConnectionService connections,
    DestinationCatalog catalog, DestinationClient client, AccessTokens tokens, TimeProvider clock)
{
    /// <summary>Days imported anew each day.</summary>
    public const int DaysAgain = 7;

    private const int AtOnce = 4, MostTries = 8, MostCalls = 2000, LongestReason = 1000;

    /// <summary>A new day begins then (UTC): for most accounts the day before is over.</summary>
    private static readonly TimeSpan HourOfDay = TimeSpan.FromHours(4);

    /// <summary>An import that has not called for so long has died with its process.</summary>
    private static readonly TimeSpan Lease = DeliveryLane.LongestCall + TimeSpan.FromMinutes(2);

    private static readonly TimeSpan ShortPause = TimeSpan.FromMinutes(5), RatePause = TimeSpan.FromHours(1), LongestPause = TimeSpan.FromHours(12);

    private readonly Dictionary<string, ISpendReader> _readers = readers.ToDictionary(r => r.Platform, StringComparer.Ordinal);

    /// <summary>Queues what is due today and works off the queue. Safe to run again, and on several nodes at once.</summary>
    public async Task<SpendRun> RunDueAsync(CancellationToken cancel)
    {
        await QueueDailyAsync(cancel);
        var (done, failed, later) = (0, 0, 0);
        await Parallel.ForEachAsync(Enumerable.Range(0, AtOnce), cancel, async (_, stop) =>
        {
            while (await ClaimAsync(stop) is { } claim)
                switch (await WorkAsync(claim, stop))
                {
                    case true: Interlocked.Increment(ref done); break;
                    case false: Interlocked.Increment(ref failed); break;
                    case null: Interlocked.Increment(ref later); break;
                }
        });
        return new SpendRun(done, failed, later);
    }

    /// <summary>The day whose daily import is due, and the days it takes.</summary>
    internal static (DateOnly Due, SpendDays Days) Today(DateTimeOffset now)
    {
        var due = DateOnly.FromDateTime((now - HourOfDay).UtcDateTime);
        return (due, new SpendDays(due.AddDays(-DaysAgain), due.AddDays(-1)));
    }

    private sealed record Claim(Guid WorkspaceId, Guid WebsiteId, Guid Id, Guid ConnectionId, DateOnly Next, DateOnly To, int Tries, int Number);

    private sealed record Stop(SpendFailure Failure, TimeSpan? RetryAfter = null);

    private async Task QueueDailyAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var (due, days) = Today(now);
        var missing = new List<(Guid Workspace, Guid Website, Guid Id)>();
        await using (var command = Command(source, """
            SELECT c.workspace_id, c.website_id, c.id, c.platform, c.settings::text FROM connections c
             WHERE c.enabled AND c.platform = ANY ($1)
               AND NOT EXISTS (SELECT FROM spend_imports i WHERE i.workspace_id = c.workspace_id AND i.connection_id = c.id AND i.kind = 'daily' AND i.due_day = $2)
            """, _readers.Keys.ToArray(), due))
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
                if (_readers[reader.GetString(3)].AccountOf(JsonElement.Parse(reader.GetString(4))) is not null)
                    missing.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2)));
        foreach (var (workspace, website, id) in missing)
        {
            await using var insert = Command(source, """
                INSERT INTO spend_imports (workspace_id, website_id, id, connection_id, kind, due_day, from_day, to_day, next_day, status, not_before, created_by, created_at)
                SELECT $1, $2, $3, id, 'daily', $5, $6, $7, $6, 'queued', $8, 'schedule', $8 FROM connections WHERE workspace_id = $1 AND id = $4
                ON CONFLICT DO NOTHING
                """, workspace, website, Guid.CreateVersion7(now), id, due, days.From, days.To, now);
            await insert.ExecuteNonQueryAsync(cancel);
        }
    }

    private async Task<Claim?> ClaimAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = Command(source, """
            UPDATE spend_imports SET status = 'running', claims = claims + 1, not_before = $2
             WHERE (workspace_id, id) = (SELECT workspace_id, id FROM spend_imports WHERE status IN ('queued', 'running') AND not_before <= $1
                                          ORDER BY not_before LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING workspace_id, website_id, id, connection_id, next_day, to_day, tries, claims
            """, now, now + Lease);
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new Claim(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetGuid(3), row.GetFieldValue<DateOnly>(4), row.GetFieldValue<DateOnly>(5), row.GetInt32(6), row.GetInt32(7))
            : null;
    }

    /// <summary>True = all days imported, false = failed for good, null = later, or another node's.</summary>
    private async Task<bool?> WorkAsync(Claim claim, CancellationToken cancel)
    {
        await using var db = database.System();
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.WorkspaceId == claim.WorkspaceId && c.Id == claim.ConnectionId, cancel) is not { } connection)
            return null; // and its imports went with it
        var reader = _readers[connection.Platform];
        var settings = JsonElement.Parse(connection.Settings);
        if (reader.AccountOf(settings) is not { } account)
            return await EndAsync(claim, new Stop(new SpendFailure(FailureKind.Permanent, reader.HowToSetAccount)), reader, cancel);
        for (var from = claim.Next; from <= claim.To; from = from.AddDays(reader.DaysAtOnce))
        {
            var to = from.AddDays(reader.DaysAtOnce - 1);
            var walk = reader.Begin(new SpendDays(from, to < claim.To ? to : claim.To));
            if (await WalkAsync(walk, connection, settings, claim, cancel) is { } stop)
                return await EndAsync(claim, stop, reader, cancel);
            if (!await StoreAsync(claim, connection.Platform, account, walk, from, to < claim.To ? to : claim.To, cancel))
                return null;
        }
        return true;
    }

    /// <summary>All calls of a walk; null when it came to its end.</summary>
    private async Task<Stop?> WalkAsync(SpendWalk walk, Connection connection, JsonElement settings, Claim claim, CancellationToken cancel)
    {
        var destination = catalog.Find(connection.Platform)!;
        var credentials = connections.Opened(connection);
        for (var calls = 0; ; calls++)
        {
            var access = new DestinationAccess(client.BaseUrl(destination.Info), settings, credentials, clock.GetUtcNow());
            if (destination.Grant(credentials) is { } grant)
            {
                var token = await tokens.GetAsync(grant, cancel); // ends within the hour, so asked for at every call
                if (token.Failure is { } failure)
                    return new Stop(new SpendFailure(failure.Kind, failure.Reason), token.RetryAfter);
                access = access with { AccessToken = token.Value };
            }
            if (walk.Next(access) is not { } request)
                return null;
            if (calls == MostCalls)
                return new Stop(new SpendFailure(FailureKind.Permanent, $"The platform's pages did not end after {MostCalls} calls."));
            await ExecuteAsync("UPDATE spend_imports SET not_before = $4 WHERE workspace_id = $1 AND id = $2 AND claims = $3", cancel, claim.WorkspaceId, claim.Id, claim.Number, clock.GetUtcNow() + Lease);
            var answer = await client.SendAsync(request, cancel);
            if ((answer.HttpStatus is { } status ? walk.Take(status, answer.Body) : new SpendFailure(FailureKind.Transient, answer.Body)) is { } refused)
                return new Stop(refused, answer.RetryAfter);
        }
    }

    /// <summary>Days and progress in one transaction. False when another node has taken over, or the import is gone.</summary>
    private async Task<bool> StoreAsync(Claim claim, string platform, string account, SpendWalk walk, DateOnly from, DateOnly to, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        // a list that changes while it is paged may tell an ad twice
        var rows = walk.Rows.Where(r => r.Day >= from && r.Day <= to).GroupBy(r => (r.Day, KeyOf(r.Campaign), KeyOf(r.Group), KeyOf(r.Ad))).Select(g => g.Last()).ToList();
        await using var connection = await source.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var progress = Command(connection, """
            UPDATE spend_imports SET next_day = $4, row_count = row_count + $5, tries = 0, failure = NULL, reason = NULL, not_before = $6,
                   status = CASE WHEN $4 > to_day THEN 'done' ELSE status END, finished_at = CASE WHEN $4 > to_day THEN $7::timestamptz END
             WHERE workspace_id = $1 AND id = $2 AND claims = $3 AND status = 'running'
            """, claim.WorkspaceId, claim.Id, claim.Number, to.AddDays(1), (long)rows.Count, now + Lease, now))
            if (await progress.ExecuteNonQueryAsync(cancel) == 0)
                return false;
        await SpendRows.LockAsync(connection, claim.WebsiteId, cancel);
        // what was uploaded for the same account, or for none, was this
        await using (var forget = Command(connection, """
            DELETE FROM ad_spend WHERE workspace_id = $1 AND website_id = $2 AND platform = $3 AND day BETWEEN $5 AND $6
               AND (account_id = $4 OR (origin = 'csv' AND account_id = ''))
            """, claim.WorkspaceId, claim.WebsiteId, platform, account, from, to))
            await forget.ExecuteNonQueryAsync(cancel);
        await SpendRows.InsertAsync(connection, claim.WorkspaceId, claim.WebsiteId,
            rows.ConvertAll(r => new StoredSpend(r.Day, platform, "api", account, walk.TimeZone, "", r, walk.Currency!)), now, cancel);
        await transaction.CommitAsync(cancel);
        return true;

        static string KeyOf(SpendName name) => name.Id.Length > 0 ? name.Id : name.Name;
    }

    /// <summary>Keeps why it stopped, and when it goes on from the day it stopped at.</summary>
    private async Task<bool?> EndAsync(Claim claim, Stop stop, ISpendReader reader, CancellationToken cancel)
    {
        var (kind, reason, tries) = (stop.Failure.Kind, stop.Failure.Reason, claim.Tries + 1);
        if (kind == FailureKind.Credential)
            reason = $"{reason.TrimEnd('.')}. {reader.Access}";
        var isOver = tries >= MostTries || kind is FailureKind.Credential or FailureKind.Permanent or FailureKind.TooOld;
        var pause = kind == FailureKind.RateLimited ? Longer(stop.RetryAfter ?? TimeSpan.Zero, RatePause) : ShortPause * Math.Pow(2, Math.Min(tries, 10) - 1);
        var now = clock.GetUtcNow();
        await ExecuteAsync("""
            UPDATE spend_imports SET status = $4, failure = $5, reason = $6, tries = $7, not_before = $8, finished_at = CASE WHEN $4 = 'failed' THEN $9::timestamptz END
             WHERE workspace_id = $1 AND id = $2 AND claims = $3
            """, cancel, claim.WorkspaceId, claim.Id, claim.Number, isOver ? "failed" : "queued", kind.Word(), SpendJson.Clean(reason.Length > LongestReason ? reason[..LongestReason] : reason), tries,
            now + (pause < LongestPause ? pause : LongestPause), now);
        return isOver ? false : null;
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private async Task ExecuteAsync(string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = Command(source, sql, values);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlCommand Command(NpgsqlDataSource to, string sql, params ReadOnlySpan<object> values) => With(to.CreateCommand(sql), values);

    private static NpgsqlCommand Command(NpgsqlConnection to, string sql, params ReadOnlySpan<object> values) => With(new NpgsqlCommand(sql, to), values);

    private static NpgsqlCommand With(NpgsqlCommand command, ReadOnlySpan<object> values)
    {
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}

/// <summary>A row as it is stored.</summary>
internal sealed record StoredSpend(DateOnly Day, string Platform, string Origin, string AccountId, string? TimeZone, string Medium, SpendRow Row, string Currency);

/// <summary>Writes <c>ad_spend</c>.</summary>
internal static class SpendRows
{
    /// <summary>One writer a website at a time, until its transaction ends: a back-fill and a daily import may meet on a day.</summary>
    public static async Task LockAsync(NpgsqlConnection to, Guid websiteId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('ad_spend ' || $1::text, 0))", to);
        command.Parameters.Add(new NpgsqlParameter { Value = websiteId });
        await command.ExecuteNonQueryAsync(cancel);
    }

    public static async Task InsertAsync(NpgsqlConnection to, Guid workspaceId, Guid websiteId, IReadOnlyList<StoredSpend> rows, DateTimeOffset now, CancellationToken cancel)
    {
        if (rows.Count == 0)
            return;
        await using var command = new NpgsqlCommand("""
            INSERT INTO ad_spend (workspace_id, website_id, imported_at, day, platform, origin, account_id, time_zone, medium, campaign_id, campaign_name, group_id, group_name, ad_id, ad_name,
                                  impressions, clicks, spend, currency)
            SELECT $1, $2, $3, r.* FROM unnest($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) AS r
            """, to);
        command.Parameters.Add(new NpgsqlParameter { Value = workspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = websiteId });
        command.Parameters.Add(new NpgsqlParameter { Value = now });
        command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(r => r.Day).ToArray() });
        foreach (var text in (Func<StoredSpend, string?>[])[r => r.Platform, r => r.Origin, r => r.AccountId, r => r.TimeZone, r => r.Medium, r => r.Row.Campaign.Id, r => r.Row.Campaign.Name,
            r => r.Row.Group.Id, r => r.Row.Group.Name, r => r.Row.Ad.Id, r => r.Row.Ad.Name])
            command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(text).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(r => r.Row.Impressions).ToArray() });
        command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(r => r.Row.Clicks).ToArray() });
        command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(r => r.Row.Spend).ToArray() });
        command.Parameters.Add(new NpgsqlParameter { Value = rows.Select(r => r.Currency).ToArray() });
        await command.ExecuteNonQueryAsync(cancel);
    }
}
