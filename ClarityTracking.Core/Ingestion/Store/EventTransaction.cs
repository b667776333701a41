using ClarityTracking.Core.Data;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>
/// One writer loop's connection and its transaction: claims the events' identities and queues them for the router in one statement,
/// copies those that are new into the log, keeps the dropped ones, commits.
/// </summary>
internal sealed class EventTransaction(NpgsqlDataSource database, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>How long an event id is remembered.</summary>
    public static readonly TimeSpan DuplicateWindow = TimeSpan.FromDays(7);

    // ORDER BY key: two transactions that claim the same identities take them in the same order and cannot deadlock.
    private const string ClaimSql = """
        WITH incoming AS (
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS t(id, workspace_id, website_id, key, name, is_test, delay_ms, match_keys)),
        fresh AS (
            INSERT INTO event_keys AS k (workspace_id, key, seen_at)
            SELECT workspace_id, key, $9 FROM incoming WHERE key IS NOT NULL ORDER BY workspace_id, key
            ON CONFLICT (workspace_id, key) DO UPDATE SET seen_at = excluded.seen_at WHERE k.seen_at < $10
            RETURNING workspace_id, key),
        known AS (
            SELECT id FROM incoming i
             WHERE i.key IS NOT NULL AND NOT EXISTS (SELECT FROM fresh f WHERE f.workspace_id = i.workspace_id AND f.key = i.key)),
        queued AS (
            INSERT INTO outbox (id, workspace_id, website_id, name, is_test, delay_ms, match_keys)
            SELECT i.id, i.workspace_id, i.website_id, i.name, i.is_test, i.delay_ms, i.match_keys FROM incoming i
             WHERE NOT EXISTS (SELECT FROM known k WHERE k.id = i.id))
        SELECT id FROM known
        """;

    private static readonly NpgsqlDbType[] ClaimColumns =
        [NpgsqlDbType.Uuid, NpgsqlDbType.Uuid, NpgsqlDbType.Uuid, NpgsqlDbType.Uuid, NpgsqlDbType.Text, NpgsqlDbType.Boolean, NpgsqlDbType.Bigint, NpgsqlDbType.Text];

    private NpgsqlConnection? _connection;
    private NpgsqlCommand? _claim;

    /// <summary>Stores all requests or none.</summary>
    /// <returns>For each request, how many of its rows were stored already.</returns>
    public async Task<int[]> CommitAsync(IReadOnlyList<WriteRequest> group)
    {
        var connection = _connection ??= await database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var duplicates = new int[group.Count];
        var (candidates, repeats) = Candidates(group, duplicates);
        var known = await ClaimAsync(candidates);

        var dropped = group.SelectMany(r => r.Dropped).Concat(repeats).ToList();
        foreach (var (row, request) in candidates.Where(c => known.Contains(c.Row.Event.Id)))
        {
            duplicates[request]++;
            dropped.Add(DuplicateOf(row.Event));
        }
        if (known.Count < candidates.Count)
            await EventCopy.WriteAsync(connection, candidates.Where(c => !known.Contains(c.Row.Event.Id)).Select(c => c.Row));
        if (dropped.Count > 0)
            await DroppedEventCopy.WriteAsync(connection, dropped);
        await transaction.CommitAsync();
        return duplicates;
    }

    /// <summary>Drops the connection, whatever state it is in.</summary>
    public async Task ResetAsync()
    {
        var (connection, claim) = (_connection, _claim);
        (_connection, _claim) = (null, null);
        try
        {
            if (claim is not null)
                await claim.DisposeAsync();
            if (connection is not null)
                await connection.DisposeAsync();
        }
        catch (Exception error) when (error is NpgsqlException or IOException or InvalidOperationException)
        {
            // it was broken already; the next commit opens a new one
        }
    }

    public async ValueTask DisposeAsync() => await ResetAsync();

    /// <summary>All rows, the same identity once: the first one counts, later ones are duplicates of it.</summary>
    private static (List<(EventRow Row, int Request)> Candidates, List<DroppedEvent> Repeats) Candidates(IReadOnlyList<WriteRequest> group, int[] duplicates)
    {
        var candidates = new List<(EventRow, int)>();
        var repeats = new List<DroppedEvent>();
        var seen = new HashSet<Guid>();
        for (var i = 0; i < group.Count; i++)
            foreach (var row in group[i].Rows)
            {
                if (row.Key is { } key && !seen.Add(key))
                {
                    duplicates[i]++;
                    repeats.Add(DuplicateOf(row.Event));
                }
                else
                    candidates.Add((row, i));
            }
        return (candidates, repeats);
    }

    /// <summary>Claims identities and queues the new events; answers the ids of those that are stored already, nearly always none.</summary>
    private async Task<HashSet<Guid>> ClaimAsync(List<(EventRow Row, int Request)> candidates)
    {
        if (candidates.Count == 0)
            return [];
        if (_claim is null)
        {
            _claim = new NpgsqlCommand(ClaimSql, _connection);
            foreach (var type in ClaimColumns)
                _claim.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | type });
            for (var i = 0; i < 2; i++)
                _claim.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.TimestampTz });
            await _claim.PrepareAsync();
        }
        var now = clock.GetUtcNow();
        _claim.Parameters[0].Value = candidates.ConvertAll(c => c.Row.Event.Id);
        _claim.Parameters[1].Value = candidates.ConvertAll(c => c.Row.Event.WorkspaceId);
        _claim.Parameters[2].Value = candidates.ConvertAll(c => c.Row.Event.WebsiteId);
        _claim.Parameters[3].Value = candidates.ConvertAll(c => c.Row.Key);
        _claim.Parameters[4].Value = candidates.ConvertAll(c => c.Row.Event.Name);
        _claim.Parameters[5].Value = candidates.ConvertAll(c => c.Row.Event.IsTest);
        _claim.Parameters[6].Value = candidates.ConvertAll(c => c.Row.DelayMs);
        _claim.Parameters[7].Value = candidates.ConvertAll(c => c.Row.KeyNames);
        _claim.Parameters[8].Value = now;
        _claim.Parameters[9].Value = now - DuplicateWindow;
        var known = new HashSet<Guid>();
        await using var reader = await _claim.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            known.Add(reader.GetGuid(0));
        return known;
    }

    private static DroppedEvent DuplicateOf(Event stored) => new()
    {
        WorkspaceId = stored.WorkspaceId,
        WebsiteId = stored.WebsiteId,
        Id = stored.Id,
        ReceivedAt = stored.ReceivedAt,
        EventId = stored.EventId,
        Name = stored.Name,
        Reason = DropReason.Duplicate.Word(),
        Detail = "Stored already within the last 7 days.",
    };
}
