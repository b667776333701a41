using ClarityTracking.Core.Reports;
using Npgsql;

namespace ClarityTracking.Core.Health;

/// <summary>Work that waits for a worker, of the whole installation: numbers only, nothing of a tenant.</summary>
/// <param name="Name">Stable word.</param>
/// <param name="Waiting">Rows that wait, counted up to 10,000: enough to see a backlog.</param>
/// <param name="OldestSeconds">How long the oldest has been due; null = none is.</param>
/// <param name="Limit">Seconds from which it is late.</param>
public sealed record WorkQueue(string Name, long Waiting, double? OldestSeconds, int Limit)
{
    /// <summary>Older than it should ever be.</summary>
    public bool IsLate => OldestSeconds > Limit;
}

/// <summary>Looks into every queue of the database.</summary>
public sealed class WorkQueues(NpgsqlDataSource database, TimeProvider clock)
{
    private const int Most = 10_000;

    /// <summary>Queues whose rows carry the time they became due by their UUIDv7 id, or by a column; what is being sent is due when its claim ends. Those that an index gives in order are read
    /// oldest first, so that of a long one the oldest is known. One line a queue.</summary>
    private static readonly (string Name, string Rows, string? DueAt, int Limit)[] Queues =
    [
        ("routing", "outbox", null, 30),
        ("touchpoints", "event_feed WHERE follower IN ('touchpoints', 'conversions')", null, 60),
        ("duplicates", "event_feed WHERE follower IN ('duplicates', 'repeats')", null, 60),
        ("webhooks", "inbound_webhooks WHERE status = 'received' ORDER BY next_attempt_at", "next_attempt_at", 300),
        ("pulls", "source_pulls WHERE status IN ('queued', 'running') ORDER BY next_step_at", "next_step_at", 300),
        ("deliveries", "delivery_queue", "greatest(next_attempt_at, claimed_until)", 300),
        ("matching", "match_queue ORDER BY due_at", "due_at", 120),
        ("replays", "delivery_jobs WHERE status IN ('queued', 'running') ORDER BY next_batch_at", "next_batch_at", 120),
        ("install_checks", "install_checks WHERE status IN ('queued', 'running') ORDER BY next_at", "next_at", 120),
        ("alert_messages", "alert_messages WHERE state = 'queued' ORDER BY next_attempt_at", "next_attempt_at", 300),
    ];

    /// <summary>All queues, in the order of an event's way.</summary>
    public async Task<IReadOnlyList<WorkQueue>> GetAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var found = new List<WorkQueue>();
        await using var connection = await database.OpenConnectionAsync(cancel);
        foreach (var (name, rows, dueAt, limit) in Queues)
        {
            await using var command = new NpgsqlCommand(dueAt is null
                ? $"SELECT (SELECT count(*) FROM (SELECT FROM {rows} LIMIT {Most}) q), (SELECT id FROM {rows} ORDER BY id LIMIT 1), NULL::timestamptz"
                : $"SELECT count(*), NULL::uuid, min(due) FROM (SELECT {dueAt} AS due FROM {rows} LIMIT {Most}) q", connection);
            command.CommandTimeout = 5;
            await using var row = await command.ExecuteReaderAsync(cancel);
            await row.ReadAsync(cancel);
            DateTimeOffset? oldest = !row.IsDBNull(1) ? EventQueries.TimeOf(row.GetGuid(1)) : row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2);
            found.Add(new WorkQueue(name, row.GetInt64(0), oldest is null || oldest > now ? null : (now - oldest.Value).TotalSeconds, limit));
        }
        return found;
    }
}
