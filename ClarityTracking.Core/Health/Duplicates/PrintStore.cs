using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Reads conversions out of the log, keeps what tells them apart, and finds those that share it with new ones.</summary>
internal static class PrintStore
{
    /// <summary>Days that prints are kept: as long as order numbers are compared, and a day for those that come late.</summary>
    public static readonly TimeSpan Kept = DuplicateClusters.NumberWindow + TimeSpan.FromDays(1);

    /// <summary>Events looked at for one key on each side, the nearest ones; a till that uses one visitor id all day shares it with thousands.</summary>
    private const int MostPerSide = 32;

    /// <summary>Rounds of "who shares something with those that were found".</summary>
    private const int MostRounds = 6;

    private const string Columns = """
        p.workspace_id, p.website_id, p.id, p.event_id, p.name, p.family, p.source, p.sender, p.host, p.occurred_at, p.visitor_id, p.order_id, p.value, p.currency,
        p.visitors, p.persons, p.path, p.about
        """;

    /// <summary>The real conversions among events: no tests, no bots, no website that is gone.</summary>
    public static async Task<List<ConversionPrint>> ReadAsync(NpgsqlConnection connection, IReadOnlyCollection<EventAddress> events, CancellationToken cancel)
    {
        var prints = new List<ConversionPrint>();
        if (events.Count == 0)
            return prints;
        await using var read = new NpgsqlCommand($"""
            SELECT e.workspace_id, e.website_id, e.id, e.event_id, e.name, e.source, e.occurred_at, e.visitor_id, e.order_id, e.value, e.currency, e.url,
                   e.match_keys -> 'em', e.match_keys -> 'ph', e.match_keys -> 'external_id', e.cookies ->> 'fbp', e.cookies ->> 'ga', e.properties ->> 'source_platform',
                   coalesce(CASE WHEN jsonb_typeof(e.properties -> 'items') = 'array' THEN (
                       SELECT string_agg(concat_ws('x', i ->> 'id', i ->> 'quantity'), ',' ORDER BY i ->> 'id') FROM jsonb_array_elements(e.properties -> 'items') i) END,
                       e.properties ->> 'form_id', e.properties ->> 'form_name')
              FROM {EventAddresses.In("events", "e")}
             WHERE NOT e.is_test AND e.bot_reason IS NULL
               AND (e.name = ANY ($6) OR (e.name <> ALL ($7) AND (e.value IS NOT NULL OR e.order_id IS NOT NULL)))
               AND EXISTS (SELECT FROM websites w WHERE w.workspace_id = e.workspace_id AND w.id = e.website_id)
            """, connection).WithAddresses(events).With(ConversionNames.Standard.ToArray(), ConversionNames.Others.ToArray());
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            if (ConversionNames.FamilyOf(row.GetString(4)) is { } family)
                prints.Add(OfEvent(row, family));
        return prints;
    }

    /// <summary>Keeps prints and their keys.</summary>
    public static async Task AddAsync(NpgsqlConnection connection, IReadOnlyList<ConversionPrint> prints, CancellationToken cancel)
    {
        if (prints.Count == 0)
            return;
        await using var add = new NpgsqlCommand("""
            INSERT INTO duplicate_events (workspace_id, website_id, id, event_id, name, family, source, sender, host, occurred_at, visitor_id, order_id, value, currency,
                   visitors, persons, path, about)
            SELECT workspace_id, website_id, id, event_id, name, family, source, sender, host, occurred_at, visitor_id, order_id, value, currency, visitors, persons, path, about
              FROM jsonb_to_recordset($1::jsonb) AS p(workspace_id uuid, website_id uuid, id uuid, event_id text, name text, family text, source text, sender text, host text,
                   occurred_at timestamptz, visitor_id text, order_id text, value numeric, currency text, visitors bigint[], persons bigint[], path bigint, about bigint)
                ON CONFLICT DO NOTHING
            """, connection).With(JsonOf(prints));
        await add.ExecuteNonQueryAsync(cancel);
        var keys = prints.SelectMany(p => p.Keys().Select(k => (Print: p, k.Key))).Distinct().ToList();
        await using var index = new NpgsqlCommand("""
            INSERT INTO duplicate_keys (workspace_id, website_id, key, occurred_at, id) SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
            """, connection).With(keys.Select(k => k.Print.Address.WorkspaceId).ToArray(), keys.Select(k => k.Print.Address.WebsiteId).ToArray(), keys.Select(k => k.Key).ToArray(),
                keys.Select(k => k.Print.OccurredAt).ToArray(), keys.Select(k => k.Print.Address.Id).ToArray());
        await index.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Prints with all that may be one with any of them, and what may be one with those, as far as it goes.</summary>
    /// <param name="connection">Open.</param>
    /// <param name="fresh">Kept already.</param>
    /// <param name="windowOf">Of a website.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task<List<ConversionPrint>> WithNeighboursAsync(
        NpgsqlConnection connection, IReadOnlyList<ConversionPrint> fresh, Func<Guid, TimeSpan> windowOf, CancellationToken cancel)
    {
        var (all, looked) = (fresh.ToDictionary(p => p.Address), new HashSet<(Guid, long, DateTimeOffset)>());
        var frontier = fresh;
        for (var round = 0; round < MostRounds && frontier.Count > 0; round++)
        {
            var found = await SharingAsync(connection, frontier, windowOf, looked, cancel);
            found.ExceptWith(all.Keys);
            frontier = await LoadAsync(connection, found, cancel);
            foreach (var print in frontier)
                all[print.Address] = print;
        }
        return [.. all.Values];
    }

    /// <summary>One look into the index for each key of each print; LATERAL and LIMIT keep the planner from reading the whole table, whatever it knows of it.</summary>
    private static async Task<HashSet<EventAddress>> SharingAsync(NpgsqlConnection connection, IReadOnlyList<ConversionPrint> prints, Func<Guid, TimeSpan> windowOf,
        HashSet<(Guid, long, DateTimeOffset)> looked, CancellationToken cancel)
    {
        var keys = prints.SelectMany(p => p.Keys().Select(k => (p.Address, k.Key, p.OccurredAt, Reach: k.IsNumber ? DuplicateClusters.NumberWindow : windowOf(p.Address.WebsiteId))))
            .Where(k => looked.Add((k.Address.WebsiteId, k.Key, k.OccurredAt))).ToList();
        var found = new HashSet<EventAddress>();
        if (keys.Count == 0)
            return found;
        await using var look = new NpgsqlCommand($"""
            SELECT DISTINCT wanted.workspace_id, wanted.website_id, k.id
              FROM unnest($1, $2, $3, $4, $5, $6) AS wanted(workspace_id, website_id, key, first, at, last)
             CROSS JOIN LATERAL (
                   (SELECT d.id FROM duplicate_keys d
                     WHERE d.workspace_id = wanted.workspace_id AND d.website_id = wanted.website_id AND d.key = wanted.key AND d.occurred_at BETWEEN wanted.first AND wanted.at
                     ORDER BY d.occurred_at DESC LIMIT {MostPerSide})
                   UNION ALL
                   (SELECT d.id FROM duplicate_keys d
                     WHERE d.workspace_id = wanted.workspace_id AND d.website_id = wanted.website_id AND d.key = wanted.key AND d.occurred_at > wanted.at AND d.occurred_at <= wanted.last
                     ORDER BY d.occurred_at LIMIT {MostPerSide})) k
            """, connection).With(keys.Select(k => k.Address.WorkspaceId).ToArray(), keys.Select(k => k.Address.WebsiteId).ToArray(), keys.Select(k => k.Key).ToArray(),
                keys.Select(k => Moved(k.OccurredAt, -k.Reach)).ToArray(), keys.Select(k => k.OccurredAt.ToUniversalTime()).ToArray(), keys.Select(k => Moved(k.OccurredAt, k.Reach)).ToArray());
        await using var row = await look.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add(new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)));
        return found;
    }

    private static async Task<List<ConversionPrint>> LoadAsync(NpgsqlConnection connection, HashSet<EventAddress> wanted, CancellationToken cancel)
    {
        var prints = new List<ConversionPrint>();
        if (wanted.Count == 0)
            return prints;
        await using var read = new NpgsqlCommand($"""
            SELECT {Columns} FROM unnest($1, $2, $3) AS wanted(workspace_id, website_id, id)
             CROSS JOIN LATERAL (SELECT * FROM duplicate_events d
                                  WHERE d.workspace_id = wanted.workspace_id AND d.website_id = wanted.website_id AND d.id = wanted.id LIMIT 1) p
            """, connection).With(wanted.Select(e => e.WorkspaceId).ToArray(), wanted.Select(e => e.WebsiteId).ToArray(), wanted.Select(e => e.Id).ToArray());
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            prints.Add(new ConversionPrint
            {
                Address = new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)),
                EventId = row.GetString(3),
                Name = row.GetString(4),
                Family = row.GetString(5),
                Source = EnumText.Parse<EventSource>(row.GetString(6))!.Value,
                Sender = Text(row, 7),
                Host = Text(row, 8),
                OccurredAt = row.GetFieldValue<DateTimeOffset>(9),
                VisitorId = Text(row, 10),
                OrderId = Text(row, 11),
                Value = row.IsDBNull(12) ? null : row.GetDecimal(12),
                Currency = Text(row, 13),
                Visitors = row.GetFieldValue<long[]>(14),
                Persons = row.GetFieldValue<long[]>(15),
                Path = row.IsDBNull(16) ? null : row.GetInt64(16),
                About = row.IsDBNull(17) ? null : row.GetInt64(17),
            });
        return prints;
    }

    private static ConversionPrint OfEvent(NpgsqlDataReader row, string family)
    {
        var url = Uri.TryCreate(Text(row, 11), UriKind.Absolute, out var address) ? address : null;
        var browserIds = new[] { ("visitor", Text(row, 7)), ("fbp", Text(row, 15)), ("ga", Text(row, 16)) };
        return new ConversionPrint
        {
            Address = new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)),
            EventId = row.GetString(3),
            Name = row.GetString(4),
            Family = family,
            Source = EnumText.Parse<EventSource>(row.GetString(5))!.Value,
            Sender = Text(row, 17),
            Host = url?.Host is { Length: > 0 } host ? host : null,
            OccurredAt = row.GetFieldValue<DateTimeOffset>(6),
            VisitorId = Text(row, 7),
            OrderId = Text(row, 8),
            Value = row.IsDBNull(9) ? null : row.GetDecimal(9),
            Currency = Text(row, 10),
            Visitors = [.. browserIds.Where(b => !string.IsNullOrEmpty(b.Item2)).Select(b => ConversionPrint.Hash(b.Item1, b.Item2)).Distinct()],
            Persons = [.. Enumerable.Range(0, 3).SelectMany(kind => Hashes(row, 12 + kind).Select(h => ConversionPrint.PersonHash(kind, h))).Distinct()],
            Path = url is null ? null : ConversionPrint.Hash(url.AbsolutePath.TrimEnd('/')),
            About = Text(row, 18) is { Length: > 0 } about ? ConversionPrint.Hash(about) : null,
        };
    }

    /// <summary>The hashes of a match key; a person seldom has more than two, and a list of hundreds must not become hundreds of keys.</summary>
    private static IEnumerable<string> Hashes(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? [] : JsonSerializer.Deserialize<string[]>(row.GetString(column))!.Take(8);

    private static string JsonOf(IReadOnlyList<ConversionPrint> prints) => JsonSerializer.Serialize(prints.Select(p => new
    {
        workspace_id = p.Address.WorkspaceId,
        website_id = p.Address.WebsiteId,
        id = p.Address.Id,
        event_id = p.EventId,
        name = p.Name,
        family = p.Family,
        source = p.Source.Word(),
        sender = p.Sender,
        host = p.Host,
        occurred_at = p.OccurredAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
        visitor_id = p.VisitorId,
        order_id = p.OrderId,
        value = p.Value,
        currency = p.Currency,
        visitors = p.Visitors,
        persons = p.Persons,
        path = p.Path,
        about = p.About,
    }));

    /// <summary>A moment that far away, within the calendar.</summary>
    private static DateTimeOffset Moved(DateTimeOffset at, TimeSpan by) =>
        at.UtcDateTime.Year is < 2 or > 9998 ? at.ToUniversalTime() : at.ToUniversalTime() + by;

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
