using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>
/// How much arrived, how fast and from where, gathered for one transaction and added to the sums in one round trip. Part of
/// <see cref="RollupWriter"/>, whose rules hold: each event counts once, rows are taken in key order.
/// </summary>
internal sealed class VolumeSums
{
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset At, string Name, string Source), long> _hours = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset At, string Name, string Source), (long Events, DateTimeOffset Last)> _minutes = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset Hour, string Stage, string Via, string Name, short Bucket), long> _latencies = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, DateTimeOffset Hour, string Served, string Transport), long> _ways = [];
    private readonly Dictionary<(Guid Workspace, Guid Website, string Source, string Host), SeenPage> _pages = [];

    /// <summary>Counts the events of an outbox entry; bots, tests, and those of before volume was counted by source are left out.</summary>
    public void Add(OutboxEntry entry)
    {
        var at = EventQueries.TimeOf(entry.Id);
        var minute = new DateTimeOffset(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMinute, TimeSpan.Zero);
        foreach (var count in entry.Events)
        {
            if (count.IsTest || count.Source is not { } source)
                continue;
            var fresh = count.Events;
            foreach (var (code, events) in count.Delays ?? new Dictionary<int, long>())
            {
                var (stage, bucket) = Arrival.Read(code);
                fresh -= stage == ArrivalStage.History ? events : 0;
                AddLatency((entry.WorkspaceId, entry.WebsiteId, entry.Hour, stage.Word(), source, count.Name, bucket), events);
            }
            if (fresh <= 0)
                continue; // an import of history: nothing happens now
            var hour = (entry.WorkspaceId, entry.WebsiteId, entry.Hour, count.Name, source);
            _hours[hour] = _hours.GetValueOrDefault(hour) + fresh;
            var now = (entry.WorkspaceId, entry.WebsiteId, minute, count.Name, source);
            var sum = _minutes.GetValueOrDefault(now);
            _minutes[now] = (sum.Events + fresh, sum.Last > at ? sum.Last : at);
        }
        foreach (var way in entry.Seen?.Ways ?? [])
        {
            var key = (entry.WorkspaceId, entry.WebsiteId, entry.Hour, way.Served, way.Transport);
            _ways[key] = _ways.GetValueOrDefault(key) + way.Events;
        }
        foreach (var page in entry.Seen?.Pages ?? [])
        {
            var key = (entry.WorkspaceId, entry.WebsiteId, page.Source, page.Host);
            if (!_pages.TryGetValue(key, out var newest) || newest.At < page.At)
                _pages[key] = page;
        }
    }

    /// <summary>Counts a delivery that a platform took.</summary>
    /// <param name="delivery">What was delivered where.</param>
    /// <param name="now">When.</param>
    /// <param name="latency">From arrival to the platform's answer.</param>
    /// <param name="total">From when it happened; null when it was told late by design, or sent anew.</param>
    public void AddDelivered((Guid Workspace, Guid Website, Guid Connection, string Name) delivery, DateTimeOffset now, TimeSpan latency, TimeSpan? total)
    {
        var (hour, via) = (RollupWriter.HourOf(now), delivery.Connection.ToString());
        AddLatency((delivery.Workspace, delivery.Website, hour, "delivered", via, delivery.Name, LatencyBuckets.Of(latency)), 1);
        if (total is { } whole)
            AddLatency((delivery.Workspace, delivery.Website, hour, "total", via, delivery.Name, LatencyBuckets.Of(whole)), 1);
    }

    private void AddLatency((Guid Workspace, Guid Website, DateTimeOffset Hour, string Stage, string Via, string Name, short Bucket) key, long events) =>
        _latencies[key] = _latencies.GetValueOrDefault(key) + events;

    /// <summary>Adds to the sums.</summary>
    public async Task WriteAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (_hours.Count > 0)
            Add(batch, """
                INSERT INTO volume_hours AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, hour, name, source) DO UPDATE SET events = r.events + excluded.events
                """,
                Of(_hours.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Of(_hours.Keys, k => k.Website, NpgsqlDbType.Uuid), Of(_hours.Keys, k => k.At, NpgsqlDbType.TimestampTz),
                Of(_hours.Keys, k => k.Name, NpgsqlDbType.Text), Of(_hours.Keys, k => k.Source, NpgsqlDbType.Text), Of(_hours.Values, v => v, NpgsqlDbType.Bigint));
        if (_minutes.Count > 0)
            Add(batch, """
                INSERT INTO volume_minutes AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, minute, name, source)
                DO UPDATE SET events = r.events + excluded.events, last_at = greatest(r.last_at, excluded.last_at)
                """,
                Of(_minutes.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Of(_minutes.Keys, k => k.Website, NpgsqlDbType.Uuid), Of(_minutes.Keys, k => k.At, NpgsqlDbType.TimestampTz),
                Of(_minutes.Keys, k => k.Name, NpgsqlDbType.Text), Of(_minutes.Keys, k => k.Source, NpgsqlDbType.Text), Of(_minutes.Values, v => v.Events, NpgsqlDbType.Bigint),
                Of(_minutes.Values, v => v.Last, NpgsqlDbType.TimestampTz));
        if (_latencies.Count > 0)
            Add(batch, """
                INSERT INTO latency_rollups AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) ORDER BY 1, 2, 3, 4, 5, 6, 7
                ON CONFLICT (workspace_id, website_id, hour, stage, via, name, bucket) DO UPDATE SET events = r.events + excluded.events
                """,
                Of(_latencies.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Of(_latencies.Keys, k => k.Website, NpgsqlDbType.Uuid), Of(_latencies.Keys, k => k.Hour, NpgsqlDbType.TimestampTz),
                Of(_latencies.Keys, k => k.Stage, NpgsqlDbType.Text), Of(_latencies.Keys, k => k.Via, NpgsqlDbType.Text), Of(_latencies.Keys, k => k.Name, NpgsqlDbType.Text),
                Of(_latencies.Keys, k => k.Bucket, NpgsqlDbType.Smallint), Of(_latencies.Values, v => v, NpgsqlDbType.Bigint));
        if (_ways.Count > 0)
            Add(batch, """
                INSERT INTO arrival_ways AS r SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, hour, served, transport) DO UPDATE SET events = r.events + excluded.events
                """,
                Of(_ways.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Of(_ways.Keys, k => k.Website, NpgsqlDbType.Uuid), Of(_ways.Keys, k => k.Hour, NpgsqlDbType.TimestampTz),
                Of(_ways.Keys, k => k.Served, NpgsqlDbType.Text), Of(_ways.Keys, k => k.Transport, NpgsqlDbType.Text), Of(_ways.Values, v => v, NpgsqlDbType.Bigint));
        if (_pages.Count > 0)
            Add(batch, """
                -- a host only where it is the website's own: with the public key anybody can send any
                INSERT INTO last_seen AS r
                SELECT DISTINCT ON (1, 2, 3, 4) n.workspace_id, n.website_id, n.source, CASE WHEN own THEN n.host ELSE '' END, n.at, n.at, n.event_id, CASE WHEN own THEN n.path END
                  FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n(workspace_id, website_id, source, host, at, event_id, path)
                  JOIN websites w ON w.workspace_id = n.workspace_id AND w.id = n.website_id
                 CROSS JOIN LATERAL (SELECT n.host = w.domain OR 'www.' || n.host = w.domain OR right(n.host, length(w.domain) + 1) = '.' || w.domain AS own) o
                 ORDER BY 1, 2, 3, 4, n.at DESC
                ON CONFLICT (workspace_id, website_id, source, host) DO UPDATE SET last_at = excluded.last_at, event_id = excluded.event_id, path = excluded.path
                 WHERE r.last_at <= excluded.last_at
                """,
                Of(_pages.Keys, k => k.Workspace, NpgsqlDbType.Uuid), Of(_pages.Keys, k => k.Website, NpgsqlDbType.Uuid), Of(_pages.Keys, k => k.Source, NpgsqlDbType.Text),
                Of(_pages.Keys, k => k.Host, NpgsqlDbType.Text), Of(_pages.Values, v => v.At, NpgsqlDbType.TimestampTz), Of(_pages.Values, v => v.EventId, NpgsqlDbType.Uuid),
                Of(_pages.Values, v => v.Path, NpgsqlDbType.Text));
        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancel);
    }

    private static void Add(NpgsqlBatch batch, string sql, params ReadOnlySpan<NpgsqlParameter> columns)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var column in columns)
            command.Parameters.Add(column);
        batch.BatchCommands.Add(command);
    }

    private static NpgsqlParameter Of<TItem, TValue>(IEnumerable<TItem> items, Func<TItem, TValue> value, NpgsqlDbType type) =>
        new() { Value = items.Select(value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
