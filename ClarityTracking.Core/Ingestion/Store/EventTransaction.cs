using ClarityTracking.Core.Data;
using ClarityTracking.Core.Routing;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>
/// One writer loop's connection and its transaction: claims the events' identities, copies those that are new into the log and the
/// outbox, keeps the dropped ones, commits.
/// </summary>
internal sealed class EventTransaction(NpgsqlDataSource database, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>How long an event id is remembered.</summary>
    public static readonly TimeSpan DuplicateWindow = TimeSpan.FromDays(7);

    // ORDER BY key: two transactions that claim the same identities take them in the same order and cannot deadlock.
    private const string ClaimSql = """
        WITH incoming AS (SELECT * FROM unnest($1, $2) AS t(workspace_id, key)),
        fresh AS (
            INSERT INTO event_keys AS k (workspace_id, key, seen_at)
            SELECT workspace_id, key, $3 FROM incoming ORDER BY workspace_id, key
            ON CONFLICT (workspace_id, key) DO UPDATE SET seen_at = excluded.seen_at WHERE k.seen_at < $4
            RETURNING workspace_id, key)
        SELECT i.workspace_id, i.key FROM incoming i
         WHERE (SELECT count(*) FROM fresh) < (SELECT count(*) FROM incoming) -- else, and that is nearly always, nobody need look
           AND NOT EXISTS (SELECT FROM fresh f WHERE f.workspace_id = i.workspace_id AND f.key = i.key)
        """;

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
        var fresh = new List<EventRow>(candidates.Count);
        foreach (var (row, request) in candidates)
        {
            if (row.Key is { } key && known.Contains((row.Event.WorkspaceId, key)))
            {
                duplicates[request]++;
                dropped.Add(DuplicateOf(row.Event));
            }
            else
                fresh.Add(row);
        }
        if (fresh.Count > 0)
        {
            await EventCopy.WriteAsync(connection, fresh);
            await OutboxEntry.CopyAsync(connection, OutboxEntry.For(fresh.Select(r => r.Event), clock.GetUtcNow()));
        }
        if (dropped.Count > 0)
        {
            await DroppedEventCopy.WriteAsync(connection, dropped);
            await EventFeed.AddRepeatsAsync(connection, dropped.Where(d => d.Source is not null), clock.GetUtcNow());
        }
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

    /// <summary>Claims the identities of a commit; answers those that are stored already, nearly always none.</summary>
    private async Task<HashSet<(Guid WorkspaceId, Guid Key)>> ClaimAsync(List<(EventRow Row, int Request)> candidates)
    {
        var known = new HashSet<(Guid, Guid)>();
        var keyed = candidates.FindAll(c => c.Row.Key is not null);
        if (keyed.Count == 0)
            return known;
        if (_claim is null)
        {
            _claim = new NpgsqlCommand(ClaimSql, _connection);
            foreach (var type in (NpgsqlDbType[])[NpgsqlDbType.Array | NpgsqlDbType.Uuid, NpgsqlDbType.Array | NpgsqlDbType.Uuid, NpgsqlDbType.TimestampTz, NpgsqlDbType.TimestampTz])
                _claim.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
            await _claim.PrepareAsync();
        }
        var now = clock.GetUtcNow();
        _claim.Parameters[0].Value = keyed.ConvertAll(c => c.Row.Event.WorkspaceId);
        _claim.Parameters[1].Value = keyed.ConvertAll(c => c.Row.Key!.Value);
        _claim.Parameters[2].Value = now;
        _claim.Parameters[3].Value = now - DuplicateWindow;
        await using var reader = await _claim.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            known.Add((reader.GetGuid(0), reader.GetGuid(1)));
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
        Source = stored.Source,
        Reason = DropReason.Duplicate.Word(),
        Detail = "Stored already within the last 7 days.",
    };
}
