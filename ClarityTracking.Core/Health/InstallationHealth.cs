using Npgsql;

namespace ClarityTracking.Core.Health;

/// <summary>How the installation does, told to anybody: numbers only, nothing of a tenant.</summary>
/// <param name="Status">healthy or unhealthy.</param>
/// <param name="Database">healthy or unreachable.</param>
/// <param name="Queue">Work that waits; null when the database is away.</param>
public sealed record InstallationState(string Status, string Database, QueueState? Queue)
{
    public bool IsHealthy => Status == "healthy";
}

/// <summary>Work that waits. Counting ends at 10,000, which is enough to see a backlog.</summary>
/// <param name="Unrouted">Stored events the router has not seen.</param>
/// <param name="OldestUnroutedSeconds">Age of the oldest of them; null when there is none.</param>
/// <param name="Deliveries">Open deliveries.</param>
/// <param name="OldestDueSeconds">How long the delivery that is longest overdue has waited, those being sent left out; null when none is due.</param>
public sealed record QueueState(long Unrouted, double? OldestUnroutedSeconds, long Deliveries, double? OldestDueSeconds);

/// <summary>Looks at database and queues.</summary>
public sealed class InstallationHealth(NpgsqlDataSource database, TimeProvider clock)
{
    /// <summary>The state now; a database that is away is an answer, not an exception.</summary>
    public async Task<InstallationState> GetAsync(CancellationToken cancel)
    {
        try
        {
            await using var command = database.CreateCommand("""
                SELECT (SELECT coalesce(sum(cardinality(event_ids)), 0) FROM (SELECT event_ids FROM outbox LIMIT 10000) o),
                       (SELECT id FROM outbox ORDER BY id LIMIT 1),
                       (SELECT count(*) FROM (SELECT FROM delivery_queue LIMIT 10000) q),
                       (SELECT min(next_attempt_at) FILTER (WHERE claimed_until IS NULL OR claimed_until <= $1)
                          FROM (SELECT next_attempt_at, claimed_until FROM delivery_queue LIMIT 10000) q)
                """);
            var now = clock.GetUtcNow();
            command.Parameters.Add(new NpgsqlParameter { Value = now });
            command.CommandTimeout = 5;
            await using var reader = await command.ExecuteReaderAsync(cancel);
            await reader.ReadAsync(cancel);
            double? oldest = reader.IsDBNull(1) ? null : Math.Max(0, (now - Reports.EventQueries.TimeOf(reader.GetGuid(1))).TotalSeconds);
            double? due = reader.IsDBNull(3) || reader.GetFieldValue<DateTimeOffset>(3) > now ? null : (now - reader.GetFieldValue<DateTimeOffset>(3)).TotalSeconds;
            return new InstallationState("healthy", "healthy", new QueueState(reader.GetInt64(0), oldest, reader.GetInt64(2), due));
        }
        catch (NpgsqlException)
        {
            return new InstallationState("unhealthy", "unreachable", null);
        }
    }
}
