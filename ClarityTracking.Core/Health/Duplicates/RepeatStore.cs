using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>
/// What intake ended as a repeat (the same name and id within 7 days): counted by hour and by who told it, and, for conversions, a group with the event that
/// was stored. A browser and a server that tell one conversion under one id are the good case: a pair.
/// </summary>
internal static class RepeatStore
{
    /// <summary>Events of a group that are kept, the first ones; the others are counted: a sender may repeat one event for a week.</summary>
    private const int MostMembers = 50;

    /// <summary>A repeat with what it repeats; nulls when that is no longer there.</summary>
    private sealed record Repeat(EventAddress Address, string EventId, string Name, EventSource Source, DateTimeOffset ReceivedAt, GroupStore.Member? First, bool FirstIsTest);

    /// <summary>Counts repeats and groups those of conversions.</summary>
    /// <param name="connection">In a transaction that has the websites to itself.</param>
    /// <param name="dropped">Addresses in <c>dropped_events</c>.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyCollection<EventAddress> dropped, DateTimeOffset now, CancellationToken cancel)
    {
        var repeats = await ReadAsync(connection, dropped, cancel);
        repeats.RemoveAll(r => r.FirstIsTest);
        if (repeats.Count == 0)
            return;
        await CountAsync(connection, repeats, cancel);
        var pairs = repeats.FindAll(r => r.First is { } first && ConversionNames.FamilyOf(first.Name) is not null
            && (ConversionNames.Standard.Contains(first.Name) || (!ConversionNames.Others.Contains(first.Name) && (first.Value is not null || first.OrderId is not null))));
        if (pairs.Count > 0)
            await GroupAsync(connection, pairs, now, cancel);
    }

    private static async Task<List<Repeat>> ReadAsync(NpgsqlConnection connection, IReadOnlyCollection<EventAddress> dropped, CancellationToken cancel)
    {
        var repeats = new List<Repeat>();
        if (dropped.Count == 0)
            return repeats;
        // The stored one is looked for in the log: it may have come a moment ago, and the router has not seen it yet. OFFSET 0: by its id, not through all of
        // the website's events from the newest on.
        await using var read = new NpgsqlCommand($"""
            SELECT d.workspace_id, d.website_id, d.id, d.event_id, d.name, d.source, d.received_at,
                   e.id, e.source, e.occurred_at, e.visitor_id, e.order_id, e.value, e.currency, e.is_test OR e.bot_reason IS NOT NULL,
                   coalesce(jsonb_array_length(e.match_keys -> 'em'), 0) + coalesce(jsonb_array_length(e.match_keys -> 'ph'), 0)
                     + coalesce(jsonb_array_length(e.match_keys -> 'external_id'), 0) + (e.visitor_id IS NOT NULL)::int
              FROM {EventAddresses.In("dropped_events", "d")}
              LEFT JOIN LATERAL (
                   SELECT * FROM (SELECT * FROM events e
                    WHERE e.workspace_id = d.workspace_id AND e.website_id = d.website_id AND e.event_id = d.event_id AND e.name = d.name
                      AND e.id BETWEEN clarity_lowest_id(d.received_at - interval '8 days') AND clarity_lowest_id(d.received_at + interval '1 day') OFFSET 0) e
                    ORDER BY e.id DESC LIMIT 1) e ON true
             WHERE d.event_id IS NOT NULL AND d.name IS NOT NULL AND d.source IS NOT NULL
               AND EXISTS (SELECT FROM websites w WHERE w.workspace_id = d.workspace_id AND w.id = d.website_id)
            """, connection).WithAddresses(dropped);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var address = new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2));
            var first = row.IsDBNull(7) ? null : new GroupStore.Member(address.WorkspaceId, address.WebsiteId, default, row.GetGuid(7), row.GetString(3), row.GetString(4), row.GetString(8), null, null,
                row.GetFieldValue<DateTimeOffset>(9), Text(row, 10), Text(row, 11), row.IsDBNull(12) ? null : row.GetDecimal(12), Text(row, 13), row.GetInt32(15), Stored: true);
            repeats.Add(new Repeat(address, row.GetString(3), row.GetString(4), EnumText.Parse<EventSource>(row.GetString(5))!.Value, row.GetFieldValue<DateTimeOffset>(6),
                first, !row.IsDBNull(14) && row.GetBoolean(14)));
        }
        return repeats;
    }

    private static async Task CountAsync(NpgsqlConnection connection, IReadOnlyList<Repeat> repeats, CancellationToken cancel)
    {
        var counts = repeats.GroupBy(r => (r.Address.WorkspaceId, r.Address.WebsiteId, Hour: HourOf(r.ReceivedAt), r.Name, Source: r.Source.Word(), First: r.First?.Source ?? ""))
            .Select(g => (g.Key, Events: (long)g.Count())).ToList();
        await using var count = new NpgsqlCommand("""
            INSERT INTO duplicate_repeats AS r (workspace_id, website_id, hour, name, source, first_source, events) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (workspace_id, website_id, hour, name, source, first_source) DO UPDATE SET events = r.events + excluded.events
            """, connection).With(counts.Select(c => c.Key.WorkspaceId).ToArray(), counts.Select(c => c.Key.WebsiteId).ToArray(), counts.Select(c => c.Key.Hour).ToArray(),
                counts.Select(c => c.Key.Name).ToArray(), counts.Select(c => c.Key.Source).ToArray(), counts.Select(c => c.Key.First).ToArray(), counts.Select(c => c.Events).ToArray());
        await count.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>One group for each stored event, whatever number of repeats it has; a repeat by the other side makes it a pair.</summary>
    private static async Task GroupAsync(NpgsqlConnection connection, IReadOnlyList<Repeat> pairs, DateTimeOffset now, CancellationToken cancel)
    {
        var groups = pairs.GroupBy(p => p.First!.Id).Select(g => new
        {
            workspace_id = g.First().Address.WorkspaceId,
            website_id = g.First().Address.WebsiteId,
            id = Guid.CreateVersion7(now),
            kind = (g.Any(p => p.Source == EventSource.Browser != (p.First!.Source == EventSource.Browser.Word())) ? DuplicateKind.BrowserAndServer : DuplicateKind.SameId).Word(),
            name = g.First().Name,
            family = ConversionNames.FamilyOf(g.First().Name),
            order_id = g.First().First!.OrderId,
            visitor_id = g.First().First!.VisitorId,
            first_at = g.First().First!.OccurredAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            last_at = g.Max(p => p.ReceivedAt).UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            events = g.Count(),
            value = g.First().First!.Value,
            currency = g.First().First!.Currency,
            original_id = g.Key,
        }).ToList();
        var (ids, added) = (new Dictionary<Guid, (Guid Group, int Room)>(), groups.ToDictionary(g => g.original_id, g => g.events));
        await using (var write = new NpgsqlCommand("""
            INSERT INTO duplicate_groups AS g (workspace_id, website_id, id, kind, reason, name, family, order_id, visitor_id, first_at, last_at, found_at, changed_at, events, value, currency,
                   extra_value, original_id, ended)
            SELECT workspace_id, website_id, id, kind, 'same_id', name, family, order_id, visitor_id, first_at, last_at, $2, $2, events + 1, value, currency, 0, original_id, true
              FROM jsonb_to_recordset($1::jsonb) AS n(workspace_id uuid, website_id uuid, id uuid, kind text, name text, family text, order_id text, visitor_id text, first_at timestamptz,
                   last_at timestamptz, events integer, value numeric, currency text, original_id uuid)
                ON CONFLICT (workspace_id, website_id, original_id) WHERE ended DO UPDATE
               SET kind = CASE WHEN excluded.kind = 'browser_and_server' THEN excluded.kind ELSE g.kind END, events = g.events + excluded.events - 1,
                   last_at = greatest(g.last_at, excluded.last_at), changed_at = $2
            RETURNING g.original_id, g.id, g.events
            """, connection).With(JsonSerializer.Serialize(groups), now))
        await using (var row = await write.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                ids[row.GetGuid(0)] = (row.GetGuid(1), MostMembers - (row.GetInt32(2) - added[row.GetGuid(0)]));
        await GroupStore.JoinAsync(connection, [.. pairs.Select(p => p.First!).DistinctBy(f => f.Id).Select(f => f with { GroupId = ids[f.Id].Group }),
            .. pairs.GroupBy(p => p.First!.Id).SelectMany(g => g.Take(Math.Max(0, ids[g.Key].Room))).Select(p => p.First! with
            {
                GroupId = ids[p.First!.Id].Group,
                Id = p.Address.Id,
                Source = p.Source.Word(),
                OccurredAt = p.ReceivedAt,
                Keys = 0,
                Stored = false,
            })], cancel);
    }

    private static DateTimeOffset HourOf(DateTimeOffset at) => Reports.RollupWriter.HourOf(at);

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
