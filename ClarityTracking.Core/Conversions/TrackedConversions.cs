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
                changed.AddRange(await RefundAsync(connection, website, seen, cancel));
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
        await using var find = new NpgsqlCommand($"""
            WITH told AS (SELECT * FROM conversions WHERE workspace_id = $1 AND id = $3 AND source <> '{Source}')
            SELECT t.id, t.visitor_id FROM told o JOIN conversions t ON t.workspace_id = $1 AND t.website_id = $2 AND t.source = '{Source}' AND t.id <> o.id AND t.is_test = o.is_test
             WHERE t.sender_id IN (o.sender_id, o.number, substring(o.sender_id FROM '[^/]+$'))
                OR t.sender_id IN (SELECT i.sender_id FROM conversion_ids i WHERE i.workspace_id = $1 AND i.conversion_id = o.id)
                OR t.id IN (SELECT x.conversion_id FROM conversion_events mine JOIN conversion_events x ON x.workspace_id = $1 AND x.website_id = $2 AND x.event_id = mine.event_id
                             WHERE mine.workspace_id = $1 AND mine.conversion_id = o.id)
                OR (t.visitor_id = o.visitor_id AND t.number IS NULL AND t.occurred_at BETWEEN o.occurred_at - $4 AND o.occurred_at + $4
                    AND (t.value IS NULL OR o.value IS NULL OR (t.value = o.value AND t.currency = o.currency)) AND (t.event_name = o.event_name OR {IsLike("t.event_name", "o.kind")}))
            """, connection).With(workspaceId, websiteId, conversionId, SameMoment);
        var tracked = new List<(Guid Id, string? Visitor)>();
        await using (var row = await find.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                tracked.Add((row.GetGuid(0), row.IsDBNull(1) ? null : row.GetString(1)));
        foreach (var (id, visitor) in tracked)
        {
            await LearnAsync(connection, workspaceId, conversionId, visitor, cancel);
            await using var remove = new NpgsqlCommand("DELETE FROM conversions WHERE workspace_id = $1 AND id = $2", connection).With(workspaceId, id);
            await remove.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <summary>SQL: an event of this name is what a source calls so.</summary>
    private static string IsLike(string name, string kind) =>
        $"({string.Join(" OR ", Kinds.Where(k => k.Value.TakenOverBy.Length > 0).Select(k => $"{name} = '{k.Key}' AND {kind} IN ('{string.Join("', '", k.Value.TakenOverBy)}')"))})";

    /// <summary>The conversion of a source that an event is about.</summary>
    private static async Task<Guid?> ToldByOthersAsync(NpgsqlConnection connection, Event seen, string[] kinds, CancellationToken cancel)
    {
        await using var find = new NpgsqlCommand($"""
            SELECT id FROM (
                SELECT c.id FROM conversion_events x JOIN conversions c ON c.workspace_id = $1 AND c.id = x.conversion_id
                 WHERE x.workspace_id = $1 AND x.website_id = $2 AND x.event_id = $3 AND c.source <> '{Source}'
                UNION ALL SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND sender_id IN ($3, $4) AND source <> '{Source}'
                UNION ALL SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND number = $4 AND source <> '{Source}'
                UNION ALL SELECT i.conversion_id FROM connections k JOIN conversion_ids i ON i.workspace_id = $1 AND i.connection_id = k.id AND i.sender_id = $4
                           WHERE k.workspace_id = $1 AND k.website_id = $2
                UNION ALL SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND visitor_id = $5 AND $4 IS NULL AND (kind = ANY ($6) OR event_name = $11) AND source <> '{Source}'
                             AND occurred_at BETWEEN $7 - $8 AND $7 + $8 AND (value IS NULL OR $9::numeric IS NULL OR (value = $9 AND currency = $10))) told
             LIMIT 1
            """, connection);
        find.With(seen.WorkspaceId, seen.WebsiteId, seen.EventId);
        find.Parameters.Add(Text(seen.OrderId));
        find.Parameters.Add(Text(seen.VisitorId));
        find.With(kinds, seen.OccurredAt, SameMoment, seen.Value);
        find.Parameters.Add(Text(seen.Currency));
        find.With(seen.Name);
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

    private async Task<Guid> AddAsync(NpgsqlConnection connection, TouchpointWebsite website, Event seen, ConversionKind kind, ConversionStatus status, CancellationToken cancel)
    {
        // one order is one conversion, whatever events tell of it: that it was paid is the most
        var known = await KnownAsync(connection, seen, cancel);
        var id = known ?? Guid.CreateVersion7(seen.ReceivedAt);
        var isPaid = status == ConversionStatus.Paid;
        var (user, ip) = (seen.Personal?.User ?? UserData.Nothing, seen.Personal?.Ip);
        await using var write = new NpgsqlCommand("""
            INSERT INTO conversions AS c (workspace_id, website_id, id, source, kind, sender_id, number, status, is_test, occurred_at, paid_at, value, currency, location, visitor_id, attribution, items,
                                          match_keys, personal_sealed, told_at, updated_at, event_name)
            VALUES ($1, $2, $3, 'event', $4, $5, $6::text, $7, $8, $9, $10::timestamptz, $11::numeric, $12::text, $13::text, $14::text, $15, $16, $17, $18::bytea, $9, $19, $20)
            ON CONFLICT (workspace_id, id) DO UPDATE SET
                kind = CASE WHEN excluded.kind = 'booking' THEN 'booking' ELSE c.kind END, event_name = CASE WHEN excluded.paid_at IS NOT NULL THEN excluded.event_name ELSE c.event_name END,
                status = CASE WHEN c.refunded > 0 AND c.refunded >= coalesce(excluded.value, c.value, 0) THEN 'refunded' WHEN 'booking' IN (c.kind, excluded.kind) THEN 'confirmed'
                              WHEN c.paid_at IS NOT NULL THEN c.status ELSE excluded.status END, occurred_at = least(c.occurred_at, excluded.occurred_at),
                paid_at = coalesce(c.paid_at, excluded.paid_at), value = CASE WHEN excluded.paid_at IS NOT NULL THEN coalesce(excluded.value, c.value) ELSE coalesce(c.value, excluded.value) END,
                currency = coalesce(c.currency, excluded.currency), location = coalesce(c.location, excluded.location), visitor_id = coalesce(c.visitor_id, excluded.visitor_id),
                attribution = coalesce(excluded.attribution, '{}') || coalesce(c.attribution, '{}'), items = coalesce(c.items, excluded.items), match_keys = coalesce(c.match_keys, excluded.match_keys),
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

    /// <summary>Lowers the order's worth. Of an order that nobody has told yet a row waits for it.</summary>
    private static async Task<IReadOnlyList<Guid>> RefundAsync(NpgsqlConnection connection, TouchpointWebsite website, Event seen, CancellationToken cancel)
    {
        if (seen.OrderId is null || seen.Value is not > 0 || await ToldByOthersAsync(connection, seen, [], cancel) is not null)
            return []; // a source tells its refunds itself
        var known = await KnownAsync(connection, seen, cancel);
        await using var write = new NpgsqlCommand("""
            INSERT INTO conversions AS c (workspace_id, website_id, id, source, kind, sender_id, number, status, is_test, occurred_at, refunded, currency, told_at, updated_at, event_name)
            VALUES ($1, $2, $3, 'event', 'order', $4, $4, 'refunded', $5, $6, $7, $8, $6, $9, 'purchase')
            ON CONFLICT (workspace_id, id) DO UPDATE SET refunded = c.refunded + excluded.refunded, updated_at = excluded.updated_at,
                status = CASE WHEN c.refunded + excluded.refunded >= c.value THEN 'refunded' ELSE c.status END
            """, connection).With(seen.WorkspaceId, seen.WebsiteId, known ?? Guid.CreateVersion7(seen.ReceivedAt), seen.OrderId, seen.IsTest, seen.OccurredAt, seen.Value,
            seen.Currency ?? website.Currency, seen.ReceivedAt);
        await write.ExecuteNonQueryAsync(cancel);
        return known is { } id ? [id] : [];
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
