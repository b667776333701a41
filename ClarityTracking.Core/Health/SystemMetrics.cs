using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Health;

/// <summary>Deliveries of a platform, all connections together.</summary>
/// <param name="Platform">Which.</param>
/// <param name="Connections">Connections that are on.</param>
/// <param name="Troubled">Of them: paused or not answering as they should.</param>
/// <param name="Waiting">Open deliveries; counting ends at 100,000 of all platforms.</param>
/// <param name="OldestDueSeconds">How long the longest overdue has waited; null = none is due.</param>
/// <param name="DeliveredLastHour">Taken by the platform in this hour and the one before.</param>
/// <param name="DeadLastHour">Given up in the same time.</param>
public sealed record LaneMetric(string Platform, long Connections, long Troubled, long Waiting, double? OldestDueSeconds, long DeliveredLastHour, long DeadLastHour);

/// <summary>A scheduled job.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">The scheduler's word for its trigger.</param>
/// <param name="LastAt">When it last ran (UTC); null = not yet.</param>
/// <param name="NextAt">When it runs next (UTC).</param>
public sealed record JobMetric(string Name, string State, DateTimeOffset? LastAt, DateTimeOffset? NextAt);

/// <summary>The whole installation, for its operator: numbers only.</summary>
/// <param name="At">When they were read (UTC).</param>
/// <param name="EventsThisHour">Events taken in during this hour.</param>
/// <param name="EventsLastHour">During the one before.</param>
/// <param name="DatabaseBytes">Size of the database.</param>
/// <param name="Connections">Open connections to it.</param>
/// <param name="Queues">Work that waits.</param>
/// <param name="Lanes">Deliveries by platform.</param>
/// <param name="Jobs">Scheduled jobs.</param>
public sealed record SystemState(DateTimeOffset At, long EventsThisHour, long EventsLastHour, long DatabaseBytes, long Connections, IReadOnlyList<WorkQueue> Queues,
    IReadOnlyList<LaneMetric> Lanes, IReadOnlyList<JobMetric> Jobs);

/// <summary>How the installation does, in numbers; only its operator sees all tenants' together.</summary>
public sealed class SystemMetrics(NpgsqlDataSource database, WorkQueues queues, TimeProvider clock)
{
    private const int Patience = 10; // seconds

    private const string Lanes = """
        SELECT c.platform, count(*) FILTER (WHERE c.enabled), count(*) FILTER (WHERE c.enabled AND c.state <> 'healthy'), coalesce(sum(q.waiting), 0)::bigint, min(q.due),
               coalesce(sum(r.delivered), 0)::bigint, coalesce(sum(r.dead), 0)::bigint
          FROM connections c
          LEFT JOIN (SELECT workspace_id, connection_id, count(*) AS waiting, min(next_attempt_at) FILTER (WHERE claimed_until IS NULL OR claimed_until <= $1) AS due
                       FROM (SELECT workspace_id, connection_id, next_attempt_at, claimed_until FROM delivery_queue LIMIT 100000) d GROUP BY 1, 2) q
                 ON q.workspace_id = c.workspace_id AND q.connection_id = c.id
          LEFT JOIN (SELECT workspace_id, connection_id, sum(deliveries) FILTER (WHERE status = 'delivered') AS delivered, sum(deliveries) FILTER (WHERE status = 'dead') AS dead
                       FROM delivery_rollups WHERE hour >= $2 GROUP BY 1, 2) r
                 ON r.workspace_id = c.workspace_id AND r.connection_id = c.id
         GROUP BY c.platform ORDER BY c.platform
        """;

    /// <summary>The state now. Refused for everybody but the operator.</summary>
    public async Task<Result<SystemState>> GetAsync(Caller caller, CancellationToken cancel)
    {
        if (!caller.IsOperator)
            return Error.Forbidden("the operator of the installation");
        var now = clock.GetUtcNow();
        var thisHour = Reports.RollupWriter.HourOf(now);
        await using var connection = await database.OpenConnectionAsync(cancel);
        var lanes = new List<LaneMetric>();
        await using (var command = Command(connection, Lanes, now, thisHour.AddHours(-1)))
        await using (var row = await command.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                lanes.Add(new LaneMetric(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), Since(row.IsDBNull(4) ? null : row.GetFieldValue<DateTimeOffset>(4), now), row.GetInt64(5), row.GetInt64(6)));
        await using var sums = Command(connection, """
            SELECT coalesce(sum(events) FILTER (WHERE hour = $1), 0)::bigint, coalesce(sum(events) FILTER (WHERE hour < $1), 0)::bigint, pg_database_size(current_database()),
                   (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
              FROM event_rollups WHERE hour >= $2
            """, thisHour, thisHour.AddHours(-1));
        await using var sum = await sums.ExecuteReaderAsync(cancel);
        await sum.ReadAsync(cancel);
        var (current, last, size, open) = (sum.GetInt64(0), sum.GetInt64(1), sum.GetInt64(2), sum.GetInt64(3));
        await sum.CloseAsync();
        return new SystemState(now, current, last, size, open, await queues.GetAsync(cancel), lanes, await JobsAsync(connection, cancel));
    }

    /// <summary>Out of the scheduler's own tables, which are not there before a node has scheduled anything.</summary>
    private static async Task<List<JobMetric>> JobsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        var jobs = new List<JobMetric>();
        await using (var exists = Command(connection, "SELECT to_regclass('qrtz_triggers') IS NOT NULL"))
            if (!(bool)(await exists.ExecuteScalarAsync(cancel))!)
                return jobs;
        await using var command = Command(connection, "SELECT job_name, lower(trigger_state), prev_fire_time, next_fire_time FROM qrtz_triggers ORDER BY job_name");
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            jobs.Add(new JobMetric(row.GetString(0), row.GetString(1), Fired(row, 2), Fired(row, 3)));
        return jobs;
    }

    /// <summary>Quartz keeps ticks of .NET, 0 or less where there is no time.</summary>
    private static DateTimeOffset? Fired(NpgsqlDataReader row, int column) => row.IsDBNull(column) || row.GetInt64(column) <= 0 ? null : new DateTimeOffset(row.GetInt64(column), TimeSpan.Zero);

    private static double? Since(DateTimeOffset? oldest, DateTimeOffset now) => oldest is { } at && at <= now ? (now - at).TotalSeconds : null;

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object?[] values) => new NpgsqlCommand(sql, connection) { CommandTimeout = Patience }.With(values);
}
