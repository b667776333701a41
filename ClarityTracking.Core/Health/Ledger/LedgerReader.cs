using System.Runtime.CompilerServices;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Reports;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>Which conversions a ledger holds.</summary>
/// <param name="WorkspaceId">The tenant.</param>
/// <param name="WebsiteId">The website.</param>
/// <param name="From">Made at or after (UTC).</param>
/// <param name="To">Made before (UTC).</param>
/// <param name="Id">This one alone, whenever it was made.</param>
internal sealed record LedgerScope(Guid WorkspaceId, Guid WebsiteId, DateTimeOffset From, DateTimeOffset To, Guid? Id = null);

/// <summary>
/// Reads the facts of a ledger in one pass. It runs outside of row level security, whose policies keep PostgreSQL from leaving partitions out by what it
/// computes; so every condition names the workspace and the website, or an id found so, and who asks has checked the caller before.
/// </summary>
internal static class LedgerReader
{
    // An event is looked up among those of the week and a day before it was acknowledged, as the browser may have told the same before; its deliveries from
    // its own time on. Each lookup touches the two or three weekly partitions of that range. As LATERAL with LIMIT or an aggregate the planner, who knows
    // nothing of a week that has just begun, cannot turn them into a pass over all events or deliveries of the website. Deliveries are asked for by one
    // event's id, the tenant outside the fence of OFFSET 0 (docs/decisions/0017): beside the tenant the planner takes the primary key and goes through them all.
    internal const string Conversions = """
        WITH c AS MATERIALIZED (
            SELECT workspace_id, id, kind, event_name, status, source, connection_id, sender_id, number, is_test, occurred_at, paid_at, updated_at, value, currency, refunded, tracking_id
              FROM conversions
             WHERE workspace_id = @workspace AND website_id = @website AND (@id::uuid IS NULL AND occurred_at >= @from AND occurred_at < @to OR id = @id)),
        owed AS (
            SELECT x.conversion_id, x.name, x.event_id, x.taken_in_at, x.webhook_id, coalesce(x.taken_in_at, c.updated_at) AS at
              FROM c JOIN conversion_events x ON x.workspace_id = c.workspace_id AND x.conversion_id = c.id
            UNION ALL -- what the conversions API recorded goes under an id made of the conversion's
            SELECT c.id, c.event_name, CASE WHEN c.sender_id = c.id::text THEN 'conversion_' || c.id
                   ELSE 'conversion_' || left(encode(sha256(convert_to(c.tracking_id || E'\n' || c.event_name || E'\n' || c.sender_id, 'UTF8')), 'hex'), 32) END,
                   c.occurred_at, NULL, c.occurred_at
              FROM c WHERE c.kind = 'manual')
        SELECT c.id, c.kind, c.event_name, c.status, c.source, c.connection_id, c.sender_id, c.number, c.is_test, c.occurred_at, c.paid_at, c.updated_at, c.value, c.currency,
               c.refunded, o.name, o.event_id, o.taken_in_at, o.webhook_id, w.status, w.reason, e.ids, d.rows, d.details
          FROM c
          LEFT JOIN owed o ON o.conversion_id = c.id
          LEFT JOIN LATERAL (
               SELECT status, reason FROM inbound_webhooks WHERE o.taken_in_at IS NULL AND workspace_id = @workspace AND id = o.webhook_id LIMIT 1) w ON true
          LEFT JOIN LATERAL (
               SELECT array_agg(id ORDER BY id) AS ids FROM (
                   SELECT id FROM (SELECT * FROM events WHERE event_id = o.event_id
                                      AND id >= clarity_lowest_id(o.at - interval '8 days') AND id < clarity_lowest_id(o.at + interval '1 hour') OFFSET 0) told
                    WHERE workspace_id = @workspace AND website_id = @website AND (c.kind = 'manual' OR name = o.name) LIMIT 4) found) e ON true
          LEFT JOIN LATERAL (
               SELECT array_agg(both_of.id || ' ' || connection_id || ' ' || event_id || ' ' || status || ' ' || coalesce(reason, '') || ' ' || finished) AS rows,
                      CASE WHEN @id::uuid IS NOT NULL THEN array_agg(coalesce(detail, '')) END AS details
                 FROM unnest(e.ids) AS own(id) CROSS JOIN LATERAL (
                   SELECT f.id, f.connection_id, f.event_id, f.status, f.reason, f.detail, extract(epoch FROM f.finished_at)::text AS finished
                     FROM (SELECT * FROM deliveries WHERE event_id = own.id AND id >= clarity_lowest_id(o.at - interval '8 days') OFFSET 0) f WHERE f.workspace_id = @workspace
                   UNION ALL
                   SELECT q.id, q.connection_id, q.event_id, CASE WHEN q.attempts = 0 THEN 'pending' ELSE 'retrying' END, q.reason, q.detail, ''
                     FROM (SELECT * FROM delivery_queue WHERE event_id = own.id OFFSET 0) q WHERE q.workspace_id = @workspace
                   OFFSET 0) both_of) d ON true
         ORDER BY c.id DESC, o.at, o.event_id
        """;

    // What says only in its body which order it is about, and could not be read or looked up, became no conversion. Those whose signature does not fit are
    // left out: anybody can send such.
    private const string Unread = """
        SELECT w.id, w.connection_id, k.platform, w.status, w.reason, w.source_event, w.received_at, w.last_received_at, w.delivery_key
          FROM inbound_webhooks w JOIN connections k ON k.workspace_id = w.workspace_id AND k.id = w.connection_id
         WHERE w.workspace_id = @workspace AND w.website_id = @website AND w.status IN ('failed', 'received') AND w.verdict = 'ok'
           AND (@id::uuid IS NULL AND w.id >= @lowest AND w.id < @highest OR w.id = @id)
           AND NOT EXISTS (SELECT FROM conversion_changes x WHERE x.workspace_id = w.workspace_id AND x.webhook_id = w.id)
         ORDER BY w.id DESC
        """;

    /// <summary>The destinations of a website by name, also those that are off.</summary>
    public static async Task<IReadOnlyList<LedgerDestination>> DestinationsAsync(NpgsqlConnection connection, LedgerScope scope, CancellationToken cancel)
    {
        // sources alone have an address for webhooks
        await using var command = new NpgsqlCommand("""
            SELECT id, name, platform, enabled, created_at FROM connections WHERE workspace_id = $1 AND website_id = $2 AND webhook_token IS NULL ORDER BY name, id
            """, connection).With(scope.WorkspaceId, scope.WebsiteId);
        var found = new List<LedgerDestination>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add(new LedgerDestination(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetFieldValue<DateTimeOffset>(4)));
        return found;
    }

    /// <summary>The moment to judge by. Ask it before the conversions, so that what is routed in between is not taken for lost.</summary>
    public static async Task<LedgerMoment> MomentAsync(NpgsqlConnection connection, RetentionOptions retention, LedgerScope scope, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT event_ids[1] FROM outbox WHERE workspace_id = $1 AND website_id = $2 ORDER BY id LIMIT 1
            """, connection).With(scope.WorkspaceId, scope.WebsiteId);
        return new LedgerMoment(now, await command.ExecuteScalarAsync(cancel) as Guid?, Partitions.MondayOf(now.AddDays(-retention.EventDays)), retention.DeliveriesKnownSince(now));
    }

    /// <summary>All conversions of a scope, the one we heard of last first, and among them the webhooks that became none.</summary>
    public static async IAsyncEnumerable<LedgerConversion> ReadAsync(NpgsqlConnection connection, LedgerScope scope, [EnumeratorCancellation] CancellationToken cancel)
    {
        var unread = new Queue<LedgerConversion>(await UnreadAsync(connection, scope, cancel));
        await foreach (var conversion in ConversionsAsync(connection, scope, cancel))
        {
            while (unread.TryPeek(out var webhook) && EventQueries.TimeOf(webhook.Id) > EventQueries.TimeOf(conversion.Id))
                yield return unread.Dequeue();
            yield return conversion;
        }
        foreach (var webhook in unread)
            yield return webhook;
    }

    private static async IAsyncEnumerable<LedgerConversion> ConversionsAsync(NpgsqlConnection connection, LedgerScope scope, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var command = Command(connection, Conversions, scope);
        await using var row = await command.ExecuteReaderAsync(cancel);
        LedgerConversion? current = null;
        var events = new List<LedgerEvent>();
        while (await row.ReadAsync(cancel))
        {
            if (current is null || current.Id != row.GetGuid(0))
            {
                if (current is not null)
                    yield return current;
                events = [];
                current = ConversionOf(row, events);
            }
            if (!row.IsDBNull(16))
                events.Add(EventOf(row));
        }
        if (current is not null)
            yield return current;
    }

    private static LedgerConversion ConversionOf(NpgsqlDataReader row, List<LedgerEvent> events) => new(row.GetGuid(0), EnumText.Parse<ConversionKind>(row.GetString(1)) ?? ConversionKind.Manual,
        Text(row, 2), EnumText.Parse<ConversionStatus>(row.GetString(3)) ?? ConversionStatus.Pending, row.GetString(4), row.IsDBNull(5) ? null : row.GetGuid(5), row.GetString(6), Text(row, 7),
        row.GetBoolean(8), row.GetFieldValue<DateTimeOffset>(9), row.IsDBNull(10) ? null : row.GetFieldValue<DateTimeOffset>(10), row.GetFieldValue<DateTimeOffset>(11),
        row.IsDBNull(12) ? null : row.GetDecimal(12), Text(row, 13), row.GetDecimal(14), events);

    private static LedgerEvent EventOf(NpgsqlDataReader row) => new(Text(row, 15) ?? "", row.GetString(16), row.IsDBNull(17) ? null : row.GetFieldValue<DateTimeOffset>(17),
        row.IsDBNull(18) ? null : row.GetGuid(18), EnumText.Parse<InboundStatus>(Text(row, 19)), Text(row, 20), row.IsDBNull(21) ? [] : row.GetFieldValue<Guid[]>(21),
        row.IsDBNull(22) ? [] : Deliveries(row.GetFieldValue<string[]>(22), row.IsDBNull(23) ? null : row.GetFieldValue<string[]>(23)));

    /// <summary>Each is one text, its parts apart by blanks.</summary>
    private static LedgerDelivery[] Deliveries(string[] rows, string[]? details)
    {
        var deliveries = new LedgerDelivery[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            var parts = rows[i].Split(' ');
            deliveries[i] = new LedgerDelivery(Guid.Parse(parts[0]), Guid.Parse(parts[1]), Guid.Parse(parts[2]), EnumText.Parse<DeliveryStatus>(parts[3]) ?? DeliveryStatus.Pending,
                parts[4].Length == 0 ? null : parts[4], details?[i] is { Length: > 0 } detail ? detail : null,
                parts[5].Length == 0 ? null : DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(parts[5], System.Globalization.CultureInfo.InvariantCulture)));
        }
        return deliveries;
    }

    private static async Task<List<LedgerConversion>> UnreadAsync(NpgsqlConnection connection, LedgerScope scope, CancellationToken cancel)
    {
        await using var command = Command(connection, Unread, scope);
        var found = new List<LedgerConversion>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add(new LedgerConversion(row.GetGuid(0), null, Text(row, 5), ConversionStatus.Pending, row.GetString(2), row.GetGuid(1), row.GetString(8), null, false,
                row.GetFieldValue<DateTimeOffset>(6), null, row.GetFieldValue<DateTimeOffset>(7), null, null, 0, [], EnumText.Parse<InboundStatus>(row.GetString(3)), Text(row, 4)));
        return found;
    }

    internal static NpgsqlCommand Command(NpgsqlConnection connection, string sql, LedgerScope scope)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 60 };
        command.Parameters.AddWithValue("workspace", scope.WorkspaceId);
        command.Parameters.AddWithValue("website", scope.WebsiteId);
        command.Parameters.AddWithValue("from", scope.From);
        command.Parameters.AddWithValue("to", scope.To);
        command.Parameters.AddWithValue("lowest", Partitions.LowestId(scope.From));
        command.Parameters.AddWithValue("highest", Partitions.LowestId(scope.To));
        command.Parameters.Add(new NpgsqlParameter("id", NpgsqlDbType.Uuid) { Value = (object?)scope.Id ?? DBNull.Value });
        return command;
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
