using System.Collections.Frozen;
using System.Text.Json;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.People;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Conversions;

/// <summary>
/// Conversions that nobody but the website's own events tell of, so that one without webhooks has something to attribute: rows of source <c>event</c>.
/// What a source (or the conversions API) tells of the same order takes their place, whichever came first. The caller's transaction holds the website's lock.
/// </summary>
public sealed class TrackedConversions(ConversionWriter conversions)
{
    /// <summary>The source of these rows.</summary>
    public const string Source = "event";

    private const string Refund = "refund";

    /// <summary>These rows' source, and those that never tell a refund.</summary>
    private static readonly string[] Own = [Source], WithoutRefunds = [Source, RecordedConversions.Source];

    /// <summary>A page and a webhook that name no common order speak of one when they do so within this time.</summary>
    private static readonly TimeSpan SameMoment = TimeSpan.FromMinutes(30);

    /// <summary>Events that are conversions, what they are, and what a source calls the same.</summary>
    private static readonly FrozenDictionary<string, (ConversionKind Kind, ConversionStatus Status, string[] TakenOverBy)> Kinds = new Dictionary<string, (ConversionKind, ConversionStatus, string[])>
    {
        ["purchase"] = (ConversionKind.Order, ConversionStatus.Paid, ["order", "payment", "booking"]),
        ["schedule"] = (ConversionKind.Booking, ConversionStatus.Confirmed, ["booking"]),
        ["subscribe"] = (ConversionKind.Membership, ConversionStatus.Paid, ["membership", "payment"]),
        ["lead"] = (ConversionKind.Lead, ConversionStatus.Paid, ["lead"]),
        ["contact"] = (ConversionKind.Lead, ConversionStatus.Paid, ["lead"]),
        ["complete_registration"] = (ConversionKind.Lead, ConversionStatus.Paid, []),
        ["course_enrollment"] = (ConversionKind.Lead, ConversionStatus.Paid, ["order", "payment"]),
        ["newsletter_signup"] = (ConversionKind.Lead, ConversionStatus.Paid, []),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Names of the events that matter here.</summary>
    internal static readonly string[] Names = [.. Kinds.Keys, Refund];

    /// <summary>Makes conversions of these events, where none stands behind them.</summary>
    /// <returns>Those that are new or changed, and those of sources that learnt something.</returns>
    public async Task<IReadOnlyList<Guid>> TakeAsync(NpgsqlConnection connection, TouchpointWebsite website, IEnumerable<Event> events, CancellationToken cancel)
    {
        var changed = new List<Guid>();
        foreach (var seen in events.Where(e => e.BotReason is null && e.Source is EventSource.Browser or EventSource.Server).OrderBy(e => e.OccurredAt).ThenBy(e => e.Id))
            if (seen.Name == Refund)
                changed.AddRange(await RefundAsync(connection, seen, cancel));
            else if (Kinds.TryGetValue(seen.Name, out var kind))
            {
                if (await ToldByOthersAsync(connection, seen, kind.TakenOverBy, cancel) is { } told)
                {
                    if (await LearnAsync(connection, seen.WorkspaceId, told, seen.VisitorId, cancel))
                        changed.Add(told);
                }
                else
                    changed.Add(await AddAsync(connection, website, seen, kind.Kind, kind.Status, cancel));
            }
        return changed;
    }

    /// <summary>
    /// What a source tells of an order takes the place of what the page told of it, and learns from it which visitor that was.
    /// </summary>
    public static async Task GiveWayAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, CancellationToken cancel)
    {
        // Each arm has an index of its own; LATERAL with OFFSET 0 holds the planner to it (docs/decisions/0017).
        await using var find = new NpgsqlCommand($"""
            WITH told AS MATERIALIZED (SELECT * FROM conversions WHERE workspace_id = $1 AND id = $3 AND source <> '{Source}'),
            names AS (
                SELECT unnest(ARRAY[sender_id, number, substring(sender_id FROM '[^/]+$')]) AS name FROM told
                UNION SELECT sender_id FROM conversion_ids WHERE workspace_id = $1 AND conversion_id = $3),
            found AS (
                SELECT t.id, true AS is_sure FROM names n CROSS JOIN LATERAL (SELECT * FROM conversions t WHERE t.sender_id = n.name OFFSET 0) t
                           WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.source = '{Source}'
                UNION ALL SELECT x.conversion_id, true FROM told o CROSS JOIN LATERAL (SELECT * FROM conversion_events x WHERE x.event_id = o.sender_id OFFSET 0) x
                           WHERE x.workspace_id = $1 AND x.website_id = $2
                UNION ALL SELECT x.conversion_id, true FROM conversion_events mine CROSS JOIN LATERAL (SELECT * FROM conversion_events x WHERE x.event_id = mine.event_id OFFSET 0) x
                           WHERE x.workspace_id = $1 AND x.website_id = $2 AND mine.workspace_id = $1 AND mine.conversion_id = $3
                UNION ALL SELECT t.id, t.number IS NULL FROM told o CROSS JOIN LATERAL (SELECT * FROM conversions t WHERE t.visitor_id = o.visitor_id OFFSET 0) t
                           WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.source = '{Source}' AND (t.number IS NULL OR o.number IS NULL) AND t.occurred_at BETWEEN o.occurred_at - $4 AND o.occurred_at + $4
                             AND (t.value IS NULL OR o.value IS NULL OR (t.value = o.value AND t.currency = o.currency)) AND (t.event_name = o.event_name OR {IsLike("t.event_name", "o.kind")}))
            SELECT t.id, t.visitor_id, bool_or(f.is_sure) AS is_sure FROM found f CROSS JOIN LATERAL (SELECT * FROM conversions t WHERE t.workspace_id = $1 AND t.id = f.id OFFSET 0) t JOIN told o ON o.is_test = t.is_test
             WHERE t.website_id = $2 AND t.source = '{Source}' GROUP BY t.id, t.visitor_id, t.occurred_at, o.occurred_at
             ORDER BY is_sure DESC, abs(extract(epoch FROM t.occurred_at - o.occurred_at)), t.id
            """, connection).With(workspaceId, websiteId, conversionId, SameMoment);
        var tracked = new List<(Guid Id, string? Visitor, bool IsSure)>();
        await using (var row = await find.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                tracked.Add((row.GetGuid(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetBoolean(2)));
        // the nearest order with a number of its own is meant where nothing surer is known
        foreach (var (id, visitor, _) in tracked.Where((t, place) => t.IsSure || place == 0))
        {
            await LearnAsync(connection, workspaceId, conversionId, visitor, cancel);
            await HandOverAsync(connection, workspaceId, id, conversionId, cancel);
            await using var remove = new NpgsqlCommand("DELETE FROM conversions WHERE workspace_id = $1 AND id = $2", connection).With(workspaceId, id);
            await remove.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <summary>What a member decided outlives the row it was decided for, and so do refunds of an order that the conversions API tells: it knows of none.</summary>
    private static async Task HandOverAsync(NpgsqlConnection connection, Guid workspaceId, Guid from, Guid to, CancellationToken cancel)
    {
        foreach (var sql in new[]
        {
            """
            DELETE FROM matches m WHERE m.workspace_id = $1 AND m.conversion_id = $3 AND m.decision NOT IN ('confirmed', 'rejected')
               AND EXISTS (SELECT FROM matches d WHERE d.workspace_id = $1 AND d.conversion_id = $2 AND d.decision IN ('confirmed', 'rejected'))
            """,
            """
            WITH moved AS (
                UPDATE matches SET conversion_id = $3 WHERE workspace_id = $1 AND conversion_id = $2 AND decision IN ('confirmed', 'rejected')
                   AND NOT EXISTS (SELECT FROM matches m WHERE m.workspace_id = $1 AND m.conversion_id = $3)
                RETURNING 1),
            gone AS (DELETE FROM match_touches WHERE workspace_id = $1 AND conversion_id = $3 AND EXISTS (SELECT FROM moved)
                        AND touchpoint_id NOT IN (SELECT touchpoint_id FROM match_touches WHERE workspace_id = $1 AND conversion_id = $2))
            INSERT INTO match_touches (workspace_id, website_id, conversion_id, touchpoint_id, occurred_at, confidence)
            SELECT workspace_id, website_id, $3, touchpoint_id, occurred_at, confidence FROM match_touches WHERE workspace_id = $1 AND conversion_id = $2 AND EXISTS (SELECT FROM moved)
            ON CONFLICT (workspace_id, conversion_id, touchpoint_id) DO UPDATE SET confidence = excluded.confidence
            """,
            $"""
            WITH owner AS (
                UPDATE conversions c SET refunded = c.refunded + t.refunded, status = CASE WHEN c.refunded + t.refunded >= c.value THEN 'refunded' ELSE c.status END
                  FROM conversions t WHERE c.workspace_id = $1 AND c.id = $3 AND c.source = '{RecordedConversions.Source}' AND t.workspace_id = $1 AND t.id = $2 AND t.refunded > 0
                   AND (t.currency IS NULL OR c.currency IS NULL OR t.currency = c.currency)
                RETURNING c.id)
            INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, taken_in_at)
            SELECT x.workspace_id, x.website_id, owner.id, x.name, x.event_id, x.taken_in_at FROM owner JOIN conversion_events x ON x.workspace_id = $1 AND x.conversion_id = $2 AND x.name = '{Refund}'
            ON CONFLICT DO NOTHING
            """,
        })
        {
            await using var command = new NpgsqlCommand(sql, connection).With(workspaceId, from, to);
            await command.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <summary>SQL: an event of this name is what a source calls so.</summary>
    private static string IsLike(string name, string kind) =>
        $"({string.Join(" OR ", Kinds.Where(k => k.Value.TakenOverBy.Length > 0).Select(k => $"{name} = '{k.Key}' AND {kind} IN ('{string.Join("', '", k.Value.TakenOverBy)}')"))})";

    /// <summary>The conversion of a source that an event is about; tests and what is real never meet.</summary>
    private static async Task<Guid?> ToldByOthersAsync(NpgsqlConnection connection, Event seen, string[] kinds, CancellationToken cancel)
    {
        await using var find = new NpgsqlCommand("""
            SELECT c.id FROM (
                SELECT conversion_id AS id FROM conversion_events WHERE workspace_id = $1 AND website_id = $2 AND event_id = $3
                UNION ALL SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND sender_id IN ($3, $4)
                UNION ALL SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND number = $4
                UNION ALL SELECT i.conversion_id FROM connections k JOIN conversion_ids i ON i.workspace_id = $1 AND i.connection_id = k.id AND i.sender_id = $4
                           WHERE k.workspace_id = $1 AND k.website_id = $2
                UNION ALL SELECT id FROM (SELECT * FROM conversions WHERE visitor_id = $5 OFFSET 0) c WHERE workspace_id = $1 AND website_id = $2 AND ($4 IS NULL OR number IS NULL) AND (kind = ANY ($6) OR event_name = $11)
                             AND occurred_at BETWEEN $7 - $8 AND $7 + $8 AND (value IS NULL OR $9::numeric IS NULL OR (value = $9 AND currency = $10))) told
             CROSS JOIN LATERAL (SELECT * FROM conversions c WHERE c.workspace_id = $1 AND c.id = told.id OFFSET 0) c
             WHERE c.is_test = $12 AND c.source <> ALL ($13) LIMIT 1
            """, connection);
        find.With(seen.WorkspaceId, seen.WebsiteId, seen.EventId);
        find.Parameters.Add(Text(seen.OrderId));
        find.Parameters.Add(Text(seen.VisitorId));
        find.With(kinds, seen.OccurredAt, SameMoment, seen.Value);
        find.Parameters.Add(Text(seen.Currency));
        find.With(seen.Name, seen.IsTest, seen.Name == Refund ? WithoutRefunds : Own);
        return await find.ExecuteScalarAsync(cancel) as Guid?;
    }

    /// <summary>A source that did not carry the visitor's id learns it from the page.</summary>
    private static async Task<bool> LearnAsync(NpgsqlConnection connection, Guid workspaceId, Guid conversionId, string? visitor, CancellationToken cancel)
    {
        if (visitor is null)
            return false;
        await using var learn = new NpgsqlCommand("""
            UPDATE conversions SET visitor_id = $3::text, attribution = coalesce(attribution, '{}') || jsonb_build_object('visitor_id', $3::text) WHERE workspace_id = $1 AND id = $2 AND visitor_id IS NULL
            """, connection).With(workspaceId, conversionId, visitor);
        return await learn.ExecuteNonQueryAsync(cancel) == 1;
    }

    /// <summary>SQL: what is told now of a known order says more than what was: that it was paid, which an enquiry with its number does not.</summary>
    private const string TellsMore = $"(c.event_name = '{Refund}' OR (excluded.paid_at IS NOT NULL AND (excluded.kind <> 'lead' OR c.kind = 'lead')))";

    /// <summary>SQL: what was given back before the order was told; money of another currency is none of it.</summary>
    private const string Refunded = "CASE WHEN c.value IS NULL AND c.currency <> excluded.currency THEN 0 ELSE c.refunded END";

    private async Task<Guid> AddAsync(NpgsqlConnection connection, TouchpointWebsite website, Event seen, ConversionKind kind, ConversionStatus status, CancellationToken cancel)
    {
        // one order is one conversion, whatever events tell of it: that it was paid is the most
        var known = await KnownAsync(connection, seen, cancel);
        var id = known ?? Guid.CreateVersion7(seen.ReceivedAt);
        var isPaid = status == ConversionStatus.Paid;
        var (user, ip) = (seen.Personal?.User ?? UserData.Nothing, seen.Personal?.Ip);
        await using var write = new NpgsqlCommand($"""
            INSERT INTO conversions AS c (workspace_id, website_id, id, source, kind, sender_id, number, status, is_test, occurred_at, paid_at, value, currency, location, visitor_id, attribution, items,
                                          match_keys, personal_sealed, told_at, updated_at, event_name)
            VALUES ($1, $2, $3, 'event', $4, $5, $6::text, $7, $8, $9, $10::timestamptz, $11::numeric, $12::text, $13::text, $14::text, $15, $16, $17, $18::bytea, $9, $19, $20)
            ON CONFLICT (workspace_id, id) DO UPDATE SET
                kind = CASE WHEN excluded.kind = 'booking' THEN 'booking' WHEN c.kind = 'lead' OR c.event_name = '{Refund}' THEN excluded.kind ELSE c.kind END,
                event_name = CASE WHEN {TellsMore} THEN excluded.event_name ELSE c.event_name END,
                status = CASE WHEN {Refunded} > 0 AND {Refunded} >= coalesce(excluded.value, c.value, 0) THEN 'refunded' WHEN 'booking' IN (c.kind, excluded.kind) THEN 'confirmed'
                              WHEN c.paid_at IS NOT NULL THEN c.status ELSE excluded.status END, occurred_at = least(c.occurred_at, excluded.occurred_at),
                paid_at = coalesce(c.paid_at, excluded.paid_at), value = CASE WHEN {TellsMore} THEN coalesce(excluded.value, c.value) ELSE coalesce(c.value, excluded.value) END,
                currency = CASE WHEN {TellsMore} OR c.value IS NULL THEN coalesce(excluded.currency, c.currency) ELSE c.currency END, refunded = {Refunded},
                location = coalesce(c.location, excluded.location), visitor_id = coalesce(c.visitor_id, excluded.visitor_id),
                attribution = coalesce(excluded.attribution, '{"{}"}') || coalesce(c.attribution, '{"{}"}'), items = coalesce(c.items, excluded.items), match_keys = coalesce(c.match_keys, excluded.match_keys),
                personal_sealed = coalesce(c.personal_sealed, excluded.personal_sealed), updated_at = excluded.updated_at
            """, connection).With(seen.WorkspaceId, seen.WebsiteId, id, kind.Word(), seen.OrderId ?? seen.EventId, seen.OrderId, status.Word(), seen.IsTest, seen.OccurredAt,
            isPaid ? seen.OccurredAt : null, seen.Value, seen.Value is null ? null : seen.Currency ?? website.Currency, seen.Properties.Text("location"), seen.VisitorId);
        write.Parameters.Add(Json(AttributionOf(seen)));
        write.Parameters.Add(Json(ItemsOf(seen)));
        write.Parameters.Add(Json(seen.MatchKeys.Count == 0 ? null : seen.MatchKeys.Values));
        write.With(website.PrivacyMode || (user.IsEmpty && ip is null) ? null : conversions.SealPerson(seen.WorkspaceId, id, CustomerOf(user), ip, seen.UserAgent), seen.ReceivedAt, seen.Name);
        await write.ExecuteNonQueryAsync(cancel);
        await using var note = new NpgsqlCommand("""
            INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, taken_in_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
            """, connection).With(seen.WorkspaceId, seen.WebsiteId, id, seen.Name, seen.EventId, seen.ReceivedAt);
        await note.ExecuteNonQueryAsync(cancel);
        return id;
    }

    /// <summary>The tracked conversion of the same order, or of the same event told twice.</summary>
    private static async Task<Guid?> KnownAsync(NpgsqlConnection connection, Event seen, CancellationToken cancel)
    {
        await using var find = new NpgsqlCommand($"""
            SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND source = '{Source}' AND is_test = $6
               AND (($3::text IS NOT NULL AND sender_id = $3) OR (sender_id = $4 AND event_name = $5)) LIMIT 1
            """, connection);
        find.With(seen.WorkspaceId, seen.WebsiteId);
        find.Parameters.Add(Text(seen.OrderId));
        find.With(seen.EventId, seen.Name, seen.IsTest);
        return await find.ExecuteScalarAsync(cancel) as Guid?;
    }

    /// <summary>
    /// Lowers the order's worth, once however often the event comes by. Of an order that nobody has told yet a row waits for it that no report counts
    /// (<c>failed</c>). Money of another currency than the order's is left out.
    /// </summary>
    private static async Task<IReadOnlyList<Guid>> RefundAsync(NpgsqlConnection connection, Event seen, CancellationToken cancel)
    {
        if (seen.OrderId is null || seen.Value is not > 0 || await ToldByOthersAsync(connection, seen, [], cancel) is not null)
            return []; // a source tells its refunds itself
        var known = await RefundedAsync(connection, seen, cancel);
        var id = known ?? Guid.CreateVersion7(seen.ReceivedAt);
        if (known is null)
        {
            await using var wait = new NpgsqlCommand($"""
                INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, number, status, is_test, occurred_at, told_at, updated_at, event_name)
                VALUES ($1, $2, $3, '{Source}', 'order', $4, $4, 'failed', $5, $6, $6, $7, '{Refund}')
                """, connection).With(seen.WorkspaceId, seen.WebsiteId, id, seen.OrderId, seen.IsTest, seen.OccurredAt, seen.ReceivedAt);
            await wait.ExecuteNonQueryAsync(cancel);
        }
        await using var lower = new NpgsqlCommand($"""
            WITH noted AS (
                INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, taken_in_at) VALUES ($1, $2, $3, '{Refund}', $4, $7) ON CONFLICT DO NOTHING RETURNING 1)
            UPDATE conversions c SET refunded = c.refunded + $5, currency = coalesce(c.currency, $6), updated_at = $7, status = CASE WHEN c.refunded + $5 >= c.value THEN 'refunded' ELSE c.status END
             WHERE c.workspace_id = $1 AND c.id = $3 AND EXISTS (SELECT FROM noted) AND (c.currency IS NULL OR $6 IS NULL OR c.currency = $6)
            """, connection).With(seen.WorkspaceId, seen.WebsiteId, id, seen.EventId, seen.Value);
        lower.Parameters.Add(Text(seen.Currency));
        lower.With(seen.ReceivedAt);
        return await lower.ExecuteNonQueryAsync(cancel) == 1 && known is not null ? [id] : [];
    }

    /// <summary>The order that money was given back of: as the conversions API tells it, else as the website's events do.</summary>
    private static async Task<Guid?> RefundedAsync(NpgsqlConnection connection, Event seen, CancellationToken cancel)
    {
        await using var find = new NpgsqlCommand($"""
            SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND (sender_id = $3 OR number = $3) AND is_test = $4 AND source IN ('{Source}', '{RecordedConversions.Source}')
             ORDER BY source = '{RecordedConversions.Source}' DESC, value DESC NULLS LAST, id LIMIT 1
            """, connection).With(seen.WorkspaceId, seen.WebsiteId, seen.OrderId, seen.IsTest);
        return await find.ExecuteScalarAsync(cancel) as Guid?;
    }

    private static Dictionary<string, string>? AttributionOf(Event seen)
    {
        var told = new Dictionary<string, string>();
        foreach (var (name, value) in seen.Utm)
            told[$"utm_{name}"] = value;
        foreach (var (name, click) in seen.ClickIds)
            told[name] = click.Value;
        var browser = BrowserWords.Of(seen.UserAgent);
        foreach (var (name, value) in new[] { ("device", browser.Device), ("os", browser.Os), ("browser", browser.Browser) })
            if (value is not null)
                told[name] = value;
        return told.Count == 0 ? null : told;
    }

    private static List<InboundItem>? ItemsOf(Event seen) =>
        OrderItem.Of(seen).ConvertAll(i => new InboundItem { Id = i.Id, Name = i.Name, Quantity = i.Quantity, UnitPrice = i.Price is { } price ? Money.Text(price, seen.Currency) : null }) is { Count: > 0 } items
            ? items : null;

    private static InboundCustomer CustomerOf(UserData user) => new()
    {
        ExternalId = user.ExternalId.Count > 0 ? user.ExternalId[0] : null,
        Email = user.Email.FirstOrDefault(e => e.Contains('@', StringComparison.Ordinal)),
        Phone = user.Phone.Count > 0 ? user.Phone[0] : null,
        FirstName = user.FirstName,
        LastName = user.LastName,
        City = user.City,
        Region = user.State,
        PostalCode = user.Zip,
        Country = user.Country,
    };

    private static NpgsqlParameter Text(string? text) => new() { Value = text ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter Json<T>(T? value) where T : class =>
        new() { Value = value is null ? DBNull.Value : JsonSerializer.Serialize(value, ConversionWriter.Shape), NpgsqlDbType = NpgsqlDbType.Jsonb };
}
