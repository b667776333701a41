using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Writes which events are one. What was written before is changed to what is found now; what a person decided stays with the group.</summary>
internal static class GroupStore
{
    /// <summary>Writes the clusters found among some prints, and takes away groups of them that are none any more.</summary>
    /// <param name="connection">In a transaction that has the websites to itself.</param>
    /// <param name="looked">All prints that were compared.</param>
    /// <param name="clusters">What they came to.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyList<ConversionPrint> looked, IReadOnlyList<DuplicateCluster> clusters, DateTimeOffset now, CancellationToken cancel)
    {
        var before = await BeforeAsync(connection, looked, cancel);
        if (before.Count == 0 && clusters.Count == 0)
            return;
        var (taken, groups, moved) = (new HashSet<Guid>(), new List<(Guid Id, DuplicateCluster Cluster)>(), new List<(ConversionPrint Print, Guid Group)>());
        foreach (var cluster in clusters)
        {
            // what a person decided is kept first, then the group most of the events are in
            var id = cluster.Members.Where(m => before.ContainsKey(m.Address)).Select(m => before[m.Address]).Where(b => !taken.Contains(b.Group))
                .GroupBy(b => b).OrderByDescending(g => g.Key.IsDecided).ThenByDescending(g => g.Count()).ThenBy(g => g.Key.Group).FirstOrDefault()?.Key.Group
                ?? Guid.CreateVersion7(now);
            taken.Add(id);
            groups.Add((id, cluster));
            moved.AddRange(cluster.Members.Where(m => !before.TryGetValue(m.Address, out var old) || old.Group != id).Select(m => (m, id)));
        }
        var together = clusters.SelectMany(c => c.Members).Select(m => m.Address).ToHashSet();
        var left = before.Where(b => !together.Contains(b.Key) || moved.Exists(m => m.Print.Address == b.Key)).ToList();
        if (moved.Count == 0 && left.Count == 0)
            return;
        await InsertAsync(connection, groups, now, cancel);
        if (left.Count > 0)
        {
            await using var leave = new NpgsqlCommand("""
                DELETE FROM duplicate_members m USING unnest($1, $2, $3, $4) AS gone(workspace_id, website_id, group_id, id)
                 WHERE m.workspace_id = gone.workspace_id AND m.website_id = gone.website_id AND m.group_id = gone.group_id AND m.id = gone.id
                """, connection).With(left.Select(l => l.Key.WorkspaceId).ToArray(), left.Select(l => l.Key.WebsiteId).ToArray(), left.Select(l => l.Value.Group).ToArray(), left.Select(l => l.Key.Id).ToArray());
            await leave.ExecuteNonQueryAsync(cancel);
        }
        await JoinAsync(connection, [.. moved.Select(m => Member.Of(m.Print, m.Group))], cancel);
        var changed = moved.Select(m => (m.Print.Address.WorkspaceId, m.Print.Address.WebsiteId, m.Group))
            .Concat(left.Select(l => (l.Key.WorkspaceId, l.Key.WebsiteId, l.Value.Group))).Distinct().ToList();
        await SumUpAsync(connection, changed, now, cancel);
    }

    /// <summary>In which group events are, and whether a person or a rule decided about it. Groups of intake's repeats are apart.</summary>
    private static async Task<Dictionary<EventAddress, (Guid Group, bool IsDecided)>> BeforeAsync(NpgsqlConnection connection, IReadOnlyList<ConversionPrint> prints, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand("""
            SELECT wanted.workspace_id, wanted.website_id, wanted.id, g.id, g.ignored_at IS NOT NULL OR g.rule_id IS NOT NULL
              FROM unnest($1, $2, $3) AS wanted(workspace_id, website_id, id)
             CROSS JOIN LATERAL (SELECT group_id FROM duplicate_members m WHERE m.workspace_id = wanted.workspace_id AND m.website_id = wanted.website_id AND m.id = wanted.id OFFSET 0) m
             CROSS JOIN LATERAL (SELECT * FROM duplicate_groups g WHERE g.workspace_id = wanted.workspace_id AND g.website_id = wanted.website_id AND g.id = m.group_id OFFSET 0) g
             WHERE NOT g.ended
            """, connection).With(prints.Select(p => p.Address.WorkspaceId).ToArray(), prints.Select(p => p.Address.WebsiteId).ToArray(), prints.Select(p => p.Address.Id).ToArray());
        var before = new Dictionary<EventAddress, (Guid, bool)>();
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            before[new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2))] = (row.GetGuid(3), row.GetBoolean(4));
        return before;
    }

    private static async Task InsertAsync(NpgsqlConnection connection, IReadOnlyList<(Guid Id, DuplicateCluster Cluster)> groups, DateTimeOffset now, CancellationToken cancel)
    {
        await using var write = new NpgsqlCommand("""
            INSERT INTO duplicate_groups AS g (workspace_id, website_id, id, kind, reason, name, family, first_at, last_at, found_at, changed_at, events, extra_value, original_id, ended)
            SELECT workspace_id, website_id, id, kind, reason, name, family, first_at, first_at, $2, $2, 0, 0, original_id, false
              FROM jsonb_to_recordset($1::jsonb) AS n(workspace_id uuid, website_id uuid, id uuid, kind text, reason text, name text, family text, first_at timestamptz, original_id uuid)
                ON CONFLICT (workspace_id, website_id, id) DO UPDATE SET kind = excluded.kind, reason = excluded.reason
            """, connection).With(JsonSerializer.Serialize(groups.Select(g => new
        {
            workspace_id = g.Cluster.Members[0].Address.WorkspaceId,
            website_id = g.Cluster.Members[0].Address.WebsiteId,
            id = g.Id,
            kind = g.Cluster.Kind.Word(),
            reason = g.Cluster.Reason.Word(),
            name = g.Cluster.Members[0].Name,
            family = g.Cluster.Members[0].Family,
            first_at = g.Cluster.Members[0].OccurredAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            original_id = g.Cluster.Members[0].Address.Id,
        })), now);
        await write.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Adds events to groups.</summary>
    internal static async Task JoinAsync(NpgsqlConnection connection, IReadOnlyList<Member> members, CancellationToken cancel)
    {
        if (members.Count == 0)
            return;
        await using var join = new NpgsqlCommand("""
            INSERT INTO duplicate_members (workspace_id, website_id, group_id, id, event_id, name, source, sender, host, occurred_at, visitor_id, order_id, value, currency, keys, stored)
            SELECT workspace_id, website_id, group_id, id, event_id, name, source, sender, host, occurred_at, visitor_id, order_id, value, currency, keys, stored
              FROM jsonb_to_recordset($1::jsonb) AS m(workspace_id uuid, website_id uuid, group_id uuid, id uuid, event_id text, name text, source text, sender text, host text,
                   occurred_at timestamptz, visitor_id text, order_id text, value numeric, currency text, keys integer, stored boolean)
                ON CONFLICT DO NOTHING
            """, connection).With(JsonSerializer.Serialize(members, JsonColumn.Options));
        await join.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Adds up groups from their events; one that has fewer than two left is none.</summary>
    private static async Task SumUpAsync(NpgsqlConnection connection, IReadOnlyList<(Guid WorkspaceId, Guid WebsiteId, Guid Id)> groups, DateTimeOffset now, CancellationToken cancel)
    {
        await using var sum = new NpgsqlCommand("""
            WITH changed AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3) AS c(workspace_id, website_id, id)),
            placed AS (
                SELECT m.*, row_number() OVER w AS place, first_value(m.currency) OVER w AS first_currency
                  FROM changed c JOIN duplicate_members m ON m.workspace_id = c.workspace_id AND m.website_id = c.website_id AND m.group_id = c.id
                WINDOW w AS (PARTITION BY m.workspace_id, m.website_id, m.group_id ORDER BY m.id)),
            sums AS (
                SELECT workspace_id, website_id, group_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at, (array_agg(id ORDER BY place))[1] AS original_id,
                       (array_agg(name ORDER BY place))[1] AS name, (array_agg(value ORDER BY place))[1] AS value, (array_agg(currency ORDER BY place))[1] AS currency,
                       coalesce(sum(value) FILTER (WHERE place > 1 AND currency IS NOT DISTINCT FROM first_currency), 0) AS extra_value,
                       (array_agg(order_id ORDER BY place) FILTER (WHERE order_id IS NOT NULL))[1] AS order_id,
                       (array_agg(visitor_id ORDER BY place) FILTER (WHERE visitor_id IS NOT NULL))[1] AS visitor_id
                  FROM placed GROUP BY workspace_id, website_id, group_id),
            stopped AS (
                SELECT c.workspace_id, c.website_id, c.id, min(s.rule_id::text)::uuid AS rule_id
                  FROM changed c JOIN duplicate_groups g ON g.workspace_id = c.workspace_id AND g.website_id = c.website_id AND g.id = c.id AND g.rule_id IS NULL
                  JOIN duplicate_stops s ON s.workspace_id = c.workspace_id AND s.website_id = c.website_id AND s.family = g.family
                  JOIN filter_rules r ON RULE
                 WHERE (SELECT count(*) FILTER (WHERE FIELD IS DISTINCT FROM s.value) = 1 AND count(*) > 1
                          FROM duplicate_members m WHERE m.workspace_id = c.workspace_id AND m.website_id = c.website_id AND m.group_id = c.id)
                 GROUP BY c.workspace_id, c.website_id, c.id)
            UPDATE duplicate_groups g
               SET events = s.events, first_at = s.first_at, last_at = s.last_at, original_id = s.original_id, name = s.name, value = s.value, currency = s.currency,
                   extra_value = s.extra_value, order_id = s.order_id, visitor_id = s.visitor_id, changed_at = $4,
                   rule_id = coalesce(g.rule_id, t.rule_id), prevented = g.prevented OR t.rule_id IS NOT NULL
              FROM sums s LEFT JOIN stopped t ON t.workspace_id = s.workspace_id AND t.website_id = s.website_id AND t.id = s.group_id
             WHERE g.workspace_id = s.workspace_id AND g.website_id = s.website_id AND g.id = s.group_id
            """.Replace("FIELD", FieldSql, StringComparison.Ordinal).Replace("RULE", RuleSql, StringComparison.Ordinal), connection)
            .With(groups.Select(g => g.WorkspaceId).ToArray(), groups.Select(g => g.WebsiteId).ToArray(), groups.Select(g => g.Id).ToArray(), now);
        await sum.ExecuteNonQueryAsync(cancel);
        await using var none = new NpgsqlCommand("""
            DELETE FROM duplicate_groups g USING unnest($1, $2, $3) AS c(workspace_id, website_id, id)
             WHERE g.workspace_id = c.workspace_id AND g.website_id = c.website_id AND g.id = c.id
               AND (SELECT count(*) FROM duplicate_members m WHERE m.workspace_id = c.workspace_id AND m.website_id = c.website_id AND m.group_id = c.id) < 2
            """, connection).With(groups.Select(g => g.WorkspaceId).ToArray(), groups.Select(g => g.WebsiteId).ToArray(), groups.Select(g => g.Id).ToArray());
        await none.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The value that a member <c>m</c> has in the field of a stop <c>s</c>.</summary>
    internal const string FieldSql = "CASE s.field WHEN 'source' THEN m.source WHEN 'properties.source_platform' THEN m.sender WHEN 'url_host' THEN m.host WHEN 'event_name' THEN m.name END";

    /// <summary>Is <c>r</c> the filter rule of a stop <c>s</c>, switched on, and does it still say what it said?</summary>
    internal const string RuleSql =
        """r.workspace_id = s.workspace_id AND r.website_id = s.website_id AND r.id = s.rule_id AND r.enabled AND r."when" = s."when" AND r."then" = s."then" AND r.connection_id IS NULL""";

    /// <summary>A row of <c>duplicate_members</c>, as it is written.</summary>
    internal sealed record Member(Guid WorkspaceId, Guid WebsiteId, Guid GroupId, Guid Id, string EventId, string Name, string Source, string? Sender, string? Host, DateTimeOffset OccurredAt,
        string? VisitorId, string? OrderId, decimal? Value, string? Currency, int Keys, bool Stored)
    {
        public static Member Of(ConversionPrint print, Guid group) => new(print.Address.WorkspaceId, print.Address.WebsiteId, group, print.Address.Id, print.EventId, print.Name,
            print.Source.Word(), print.Sender, print.Host, print.OccurredAt, print.VisitorId, print.OrderId, print.Value, print.Currency, print.Visitors.Count + print.Persons.Count, Stored: true);
    }
}
