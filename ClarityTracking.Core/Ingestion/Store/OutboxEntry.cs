using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Core.Reports;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>How many events of a name.</summary>
/// <param name="Name">Event name.</param>
/// <param name="IsTest">Test events.</param>
/// <param name="Events">How many.</param>
/// <param name="DelayMs">The milliseconds between happening and arriving, summed.</param>
/// <param name="Source">Word of <see cref="EventSource"/>; null for bots, which say nothing of volume, and in entries of before it was counted.</param>
/// <param name="Delays">The same milliseconds as events by <see cref="Arrival.Code"/>; null like <paramref name="Source"/>.</param>
public sealed record EventCount(string Name, bool IsTest, long Events, long DelayMs, string? Source = null, IReadOnlyDictionary<int, long>? Delays = null);

/// <summary>Real events of people, of a source and host, and the newest of them.</summary>
/// <param name="Source">Word of <see cref="EventSource"/>.</param>
/// <param name="Host">Of the page; empty where there is none.</param>
/// <param name="Path">Of the newest one's page.</param>
/// <param name="EventId">The newest one.</param>
/// <param name="At">When it arrived (UTC).</param>
public sealed record SeenPage(string Source, string Host, string? Path, Guid EventId, DateTimeOffset At);

/// <summary>How many real events of browsers took a way, see <see cref="ArrivalWay"/>.</summary>
public sealed record WayCount(string Served, string Transport, long Events);

/// <summary>What a commit tells of the pages that sent its events.</summary>
public sealed record SeenCounts(IReadOnlyList<SeenPage> Pages, IReadOnlyList<WayCount> Ways);

/// <summary>How many events of a name carried a match key, see <see cref="KeyCoverage"/>.</summary>
public sealed record KeyCount(string Name, string Key, long Events);

/// <summary>
/// The events of one website and hour that one commit stored, for the router: their ids, and what is counted of them, so that events
/// nobody is connected to need not be read back. One row a commit instead of one an event.
/// </summary>
public sealed record OutboxEntry(
    Guid Id, Guid WorkspaceId, Guid WebsiteId, DateTimeOffset Hour, IReadOnlyList<Guid> EventIds, IReadOnlyList<EventCount> Events, IReadOnlyList<KeyCount> Keys,
    SeenCounts? Seen = null)
{
    /// <summary>Entries for the events of a commit.</summary>
    internal static IEnumerable<OutboxEntry> For(IEnumerable<Event> stored, DateTimeOffset now) =>
        from e in stored
        group e by (e.WorkspaceId, e.WebsiteId, Hour: RollupWriter.HourOf(e.ReceivedAt)) into site
        select new OutboxEntry(Guid.CreateVersion7(now), site.Key.WorkspaceId, site.Key.WebsiteId, site.Key.Hour, site.Select(e => e.Id).ToList(),
            EventCounts(site), KeyCounts(site), SeenOf(site));

    /// <summary>Adds entries to the outbox.</summary>
    internal static async Task CopyAsync(NpgsqlConnection connection, IEnumerable<OutboxEntry> entries)
    {
        await using var copy = await connection.BeginBinaryImportAsync(
            "COPY outbox (id, workspace_id, website_id, hour, event_ids, event_counts, key_counts, seen) FROM STDIN (FORMAT binary)");
        foreach (var entry in entries)
        {
            copy.StartRow();
            copy.Write(entry.Id, NpgsqlDbType.Uuid);
            copy.Write(entry.WorkspaceId, NpgsqlDbType.Uuid);
            copy.Write(entry.WebsiteId, NpgsqlDbType.Uuid);
            copy.Write(entry.Hour.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(entry.EventIds.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Uuid);
            copy.Write(JsonSerializer.SerializeToUtf8Bytes(entry.Events, JsonColumn.Options), NpgsqlDbType.Jsonb);
            copy.Write(JsonSerializer.SerializeToUtf8Bytes(entry.Keys, JsonColumn.Options), NpgsqlDbType.Jsonb);
            copy.Write(JsonSerializer.SerializeToUtf8Bytes(entry.Seen, JsonColumn.Options), NpgsqlDbType.Jsonb);
        }
        await copy.CompleteAsync();
    }

    /// <summary>
    /// Takes entries out, oldest first, until they hold <paramref name="mostEvents"/> events. What another node is taking is left out.
    /// Says too whether there may be more.
    /// </summary>
    internal static async Task<(List<OutboxEntry> Entries, bool MayBeMore)> TakeAsync(NpgsqlConnection connection, int mostEvents, CancellationToken cancel)
    {
        const int mostEntries = 200;
        var entries = new List<OutboxEntry>();
        var (seen, events) = (0, 0);
        await using (var look = new NpgsqlCommand("""
            SELECT id, workspace_id, website_id, hour, event_ids, event_counts, key_counts, seen FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
            """, connection))
        {
            look.Parameters.Add(new NpgsqlParameter { Value = mostEntries });
            await using var reader = await look.ExecuteReaderAsync(cancel);
            for (; await reader.ReadAsync(cancel); seen++)
            {
                if (events >= mostEvents)
                    continue;
                var entry = new OutboxEntry(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetFieldValue<DateTimeOffset>(3),
                    reader.GetFieldValue<Guid[]>(4), Counts<EventCount>(reader, 5), Counts<KeyCount>(reader, 6),
                    reader.IsDBNull(7) ? null : JsonSerializer.Deserialize<SeenCounts>(reader.GetFieldValue<byte[]>(7), JsonColumn.Options));
                entries.Add(entry);
                events += entry.EventIds.Count;
            }
        }
        await using var delete = new NpgsqlCommand("DELETE FROM outbox WHERE id = ANY ($1)", connection);
        delete.Parameters.Add(new NpgsqlParameter { Value = entries.ConvertAll(e => e.Id) });
        if (entries.Count > 0)
            await delete.ExecuteNonQueryAsync(cancel);
        return (entries, seen == mostEntries || seen > entries.Count);
    }

    private static List<EventCount> EventCounts(IEnumerable<Event> events) =>
        [.. events.GroupBy(e => (e.Name, e.IsTest, Source: e.BotReason is null ? e.Source : (EventSource?)null))
            .Select(g => new EventCount(g.Key.Name, g.Key.IsTest, g.Count(), g.Sum(DelayMs), g.Key.Source?.Word(), g.Key.Source is null ? null : Delays(g)))];

    private static Dictionary<int, long> Delays(IEnumerable<Event> events)
    {
        var counts = new Dictionary<int, long>();
        foreach (var stored in events)
        {
            var (stage, bucket) = Arrival.Of(stored.OccurredAt, stored.ReceivedAt, stored.Source);
            var code = Arrival.Code(stage, bucket);
            counts[code] = counts.GetValueOrDefault(code) + 1;
        }
        return counts;
    }

    private static SeenCounts? SeenOf(IEnumerable<Event> events)
    {
        var pages = new Dictionary<(EventSource Source, string Host), SeenPage>();
        var ways = new Dictionary<ArrivalWay, long>();
        foreach (var stored in events.Where(e => !e.IsTest && e.BotReason is null))
        {
            var (host, path) = PageAddress.Of(stored.Url);
            if (!pages.TryGetValue((stored.Source, host), out var page) || page.At <= stored.ReceivedAt)
                pages[(stored.Source, host)] = new SeenPage(stored.Source.Word(), host, path, stored.Id, stored.ReceivedAt);
            if (stored.Way is { } way)
                ways[way] = ways.GetValueOrDefault(way) + 1;
        }
        return pages.Count == 0 ? null : new SeenCounts([.. pages.Values], [.. ways.Select(w => new WayCount(w.Key.Served, w.Key.Transport, w.Value))]);
    }

    private static List<KeyCount> KeyCounts(IEnumerable<Event> events)
    {
        var counts = new Dictionary<(string Name, string Key), long>();
        foreach (var stored in events.Where(KeyCoverage.IsCounted))
            foreach (var key in KeyCoverage.KeysOf(stored).Append(KeyCoverage.All))
                counts[(stored.Name, key)] = counts.GetValueOrDefault((stored.Name, key)) + 1;
        return [.. counts.Select(c => new KeyCount(c.Key.Name, c.Key.Key, c.Value))];
    }

    /// <summary>Nothing when the sender's clock is ahead.</summary>
    private static long DelayMs(Event stored) => Math.Max(0, (long)(stored.ReceivedAt - stored.OccurredAt).TotalMilliseconds);

    private static List<T> Counts<T>(NpgsqlDataReader reader, int column) =>
        JsonSerializer.Deserialize<List<T>>(reader.GetFieldValue<byte[]>(column), JsonColumn.Options)!;
}
