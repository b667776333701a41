using ClarityTracking.Core.Health.Volume;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Reports;

/// <summary>
/// Adds to the hourly sums inside the transaction that decides what is counted, so that each event and delivery counts exactly once.
/// Rows are taken in key order: two transactions that add to the same hours cannot deadlock.
/// </summary>
public sealed class RollupWriter
{
    private readonly VolumeSums _volume = new();
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset Hour, string Name, bool IsTest), (long Events, long DelayMs)> _events = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset Hour, string Name, string Key), long> _keys = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, Guid Connection, DateTimeOffset Hour, string Name, string Status, string Reason), (long Deliveries, long LatencyMs)> _deliveries = [];

    /// <summary>Counts the events of an outbox entry and the match keys they carry.</summary>
    public void Add(Ingestion.Store.OutboxEntry entry)
    {
        _volume.Add(entry);
        foreach (var count in entry.Events)
        {
            var key = (entry.WorkspaceId, entry.WebsiteId, entry.Hour, count.Name, count.IsTest);
            var sum = _events.GetValueOrDefault(key);
            _events[key] = (sum.Events + count.Events, sum.DelayMs + count.DelayMs);
        }
        foreach (var count in entry.Keys)
        {
            var key = (entry.WorkspaceId, entry.WebsiteId, entry.Hour, count.Name, count.Key);
            _keys[key] = _keys.GetValueOrDefault(key) + count.Events;
        }
    }

    /// <summary>Counts a finished delivery.</summary>
    /// <param name="delivery">What was delivered where.</param>
    /// <param name="status">delivered, skipped or dead.</param>
    /// <param name="reason">The reason's word; empty when delivered.</param>
    /// <param name="now">When it finished.</param>
    /// <param name="latency">From arrival to the platform's answer; zero unless delivered.</param>
    public void Add((Guid Workspace, Guid Website, Guid Connection, string Name) delivery, string status, string reason, DateTimeOffset now, TimeSpan latency)
    {
        var key = (delivery.Workspace, delivery.Website, delivery.Connection, HourOf(now), delivery.Name, status, reason);
        var sum = _deliveries.GetValueOrDefault(key);
        _deliveries[key] = (sum.Deliveries + 1, sum.LatencyMs + (long)latency.TotalMilliseconds);
    }

    /// <summary>Counts a delivery that a platform took, with how long it was on its way.</summary>
    /// <param name="delivery">What was delivered where.</param>
    /// <param name="now">When the platform took it.</param>
    /// <param name="latency">From arrival to the platform's answer.</param>
    /// <param name="total">From when it happened; null when that tells nothing: told late by design, or sent anew.</param>
    public void AddDelivered((Guid Workspace, Guid Website, Guid Connection, string Name) delivery, DateTimeOffset now, TimeSpan latency, TimeSpan? total)
    {
        Add(delivery, "delivered", "", now, latency);
        _volume.AddDelivered(delivery, now, latency, total);
    }

    /// <summary>Writes the sums; call it last in the transaction, because it locks rows others add to.</summary>
    public async Task WriteAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        if (_events.Count > 0)
            await ExecuteAsync(connection, """
                INSERT INTO event_rollups AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n(workspace_id, website_id, hour, name, is_test, events, delay_ms)
                ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, hour, name, is_test)
                DO UPDATE SET events = r.events + excluded.events, delay_ms = r.delay_ms + excluded.delay_ms
                """, cancel,
                Column(_events.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Column(_events.Keys, k => k.Website, NpgsqlDbType.Uuid),
                Column(_events.Keys, k => k.Hour, NpgsqlDbType.TimestampTz), Column(_events.Keys, k => k.Name, NpgsqlDbType.Text),
                Column(_events.Keys, k => k.IsTest, NpgsqlDbType.Boolean), Column(_events.Values, v => v.Events, NpgsqlDbType.Bigint),
                Column(_events.Values, v => v.DelayMs, NpgsqlDbType.Bigint));
        if (_keys.Count > 0)
            await ExecuteAsync(connection, """
                INSERT INTO key_rollups AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS n(workspace_id, website_id, hour, name, key, events)
                ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, hour, name, key) DO UPDATE SET events = r.events + excluded.events
                """, cancel,
                Column(_keys.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Column(_keys.Keys, k => k.Website, NpgsqlDbType.Uuid),
                Column(_keys.Keys, k => k.Hour, NpgsqlDbType.TimestampTz), Column(_keys.Keys, k => k.Name, NpgsqlDbType.Text),
                Column(_keys.Keys, k => k.Key, NpgsqlDbType.Text), Column(_keys.Values, v => v, NpgsqlDbType.Bigint));
        if (_deliveries.Count > 0)
            await ExecuteAsync(connection, """
                INSERT INTO delivery_rollups AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
                    AS n(workspace_id, website_id, connection_id, hour, name, status, reason, deliveries, latency_ms)
                ORDER BY 1, 2, 3, 4, 5, 6, 7
                ON CONFLICT (workspace_id, website_id, connection_id, hour, name, status, reason)
                DO UPDATE SET deliveries = r.deliveries + excluded.deliveries, latency_ms = r.latency_ms + excluded.latency_ms
                """, cancel,
                Column(_deliveries.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Column(_deliveries.Keys, k => k.Website, NpgsqlDbType.Uuid),
                Column(_deliveries.Keys, k => k.Connection, NpgsqlDbType.Uuid), Column(_deliveries.Keys, k => k.Hour, NpgsqlDbType.TimestampTz),
                Column(_deliveries.Keys, k => k.Name, NpgsqlDbType.Text), Column(_deliveries.Keys, k => k.Status, NpgsqlDbType.Text),
                Column(_deliveries.Keys, k => k.Reason, NpgsqlDbType.Text), Column(_deliveries.Values, v => v.Deliveries, NpgsqlDbType.Bigint),
                Column(_deliveries.Values, v => v.LatencyMs, NpgsqlDbType.Bigint));
        await _volume.WriteAsync(connection, cancel);
    }

    /// <summary>
    /// Takes finished deliveries of a website out of the sums again, because they are being sent anew. Call it last in the transaction, like
    /// <see cref="WriteAsync"/>, whose order of locking it keeps.
    /// </summary>
    /// <param name="connection">With the transaction.</param>
    /// <param name="workspaceId">The tenant.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="deliveries">As they were counted; the reason empty when there was none.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task TakeBackAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId,
        IReadOnlyCollection<(Guid Connection, string Name, string Status, string Reason, DateTimeOffset FinishedAt)> deliveries, CancellationToken cancel)
    {
        var counts = deliveries.CountBy(d => (d.Connection, Hour: HourOf(d.FinishedAt), d.Name, d.Status, d.Reason)).ToList();
        if (counts.Count > 0)
            await ExecuteAsync(connection, """
                UPDATE delivery_rollups r SET deliveries = greatest(0, r.deliveries - gone.deliveries)
                  FROM (SELECT r.connection_id, r.hour, r.name, r.status, r.reason, n.deliveries
                          FROM unnest($3, $4, $5, $6, $7, $8) AS n(connection_id, hour, name, status, reason, deliveries)
                          JOIN delivery_rollups r USING (connection_id, hour, name, status, reason)
                         WHERE r.workspace_id = $1 AND r.website_id = $2
                         ORDER BY 1, 2, 3, 4, 5 FOR UPDATE OF r) gone
                 WHERE r.workspace_id = $1 AND r.website_id = $2 AND r.connection_id = gone.connection_id AND r.hour = gone.hour AND r.name = gone.name
                   AND r.status = gone.status AND r.reason = gone.reason
                """, cancel,
                new NpgsqlParameter { Value = workspaceId }, new NpgsqlParameter { Value = websiteId },
                Column(counts, c => c.Key.Connection, NpgsqlDbType.Uuid), Column(counts, c => c.Key.Hour, NpgsqlDbType.TimestampTz),
                Column(counts, c => c.Key.Name, NpgsqlDbType.Text), Column(counts, c => c.Key.Status, NpgsqlDbType.Text),
                Column(counts, c => c.Key.Reason, NpgsqlDbType.Text), Column(counts, c => (long)c.Value, NpgsqlDbType.Bigint));
    }

    /// <summary>Start of the hour of a time (UTC).</summary>
    public static DateTimeOffset HourOf(DateTimeOffset time) => new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerHour, TimeSpan.Zero);

    private static NpgsqlParameter Column<TItem, TValue>(IEnumerable<TItem> items, Func<TItem, TValue> value, NpgsqlDbType type) =>
        new() { Value = items.Select(value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params NpgsqlParameter[] columns)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(columns);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
