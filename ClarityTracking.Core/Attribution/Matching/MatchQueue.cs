using ClarityTracking.Core.Data;
using ClarityTracking.Core.People;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Conversions wait to be matched.</summary>
public sealed class ConversionsQueued : Signal;

/// <summary>Which conversions are to be matched, for the first time or again. Whoever queues some raises <see cref="ConversionsQueued"/> after its commit.</summary>
internal static class MatchQueue
{
    /// <summary>How far from a conversion what tells who a visitor is still counts, on either side.</summary>
    public const int EvidenceDays = 90;

    /// <summary>Of one value that many conversions carry (a front desk's browser), so many are matched again.</summary>
    private const int MostPerKey = 50;

    /// <summary>Kinds of keys that say who somebody is, as numbers for SQL.</summary>
    private static readonly string Who = string.Join(", ", new[] { KeyKind.Email, KeyKind.EmailHash, KeyKind.Phone, KeyKind.Surname }.Select(k => (int)k));

    /// <summary>Kinds that few share; a touchpoint after a conversion is looked for by these alone.</summary>
    private static readonly string Strong = string.Join(", ", new[] { KeyKind.Visitor, KeyKind.Email, KeyKind.EmailHash, KeyKind.Phone, KeyKind.Click }.Select(k => (int)k));

    /// <summary>Queues a conversion.</summary>
    public static async Task AddAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, DateTimeOffset dueAt, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0
            """, connection).With(workspaceId, websiteId, conversionId, dueAt);
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>
    /// Queues the conversions that touchpoints may belong to, so that the order of arrival does not matter. Call it in the transaction that
    /// writes the touchpoints, after them and their keys. What is known of the same visitor already leads to conversions too: a visit that is told late
    /// carries no more than the visitor's id. A visit after a conversion changes nothing; an email, a phone or a name told after it does.
    /// </summary>
    /// <returns>How many were queued.</returns>
    public static async Task<int> RequeueForAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, IReadOnlyCollection<Guid> touchpointIds,
        DateTimeOffset now, CancellationToken cancel)
    {
        if (touchpointIds.Count == 0)
            return 0;
        await using var command = new NpgsqlCommand($"""
            WITH told AS MATERIALIZED (
                SELECT t.profile, t.occurred_at, t.keys, EXISTS (SELECT FROM unnest(t.keys) k WHERE (k >> 60 & 15) IN ({Who})) AS says_who FROM unnest($3) AS w(id)
                 CROSS JOIN LATERAL (SELECT * FROM touchpoints t WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.id = w.id OFFSET 0) t),
            span AS MATERIALIZED (SELECT profile, min(occurred_at) AS first_at, max(occurred_at) AS last_at, bool_or(says_who) AS says_who FROM told GROUP BY profile),
            own AS (
                SELECT s.profile, p.keys FROM span s
                 CROSS JOIN LATERAL (SELECT p.keys FROM touchpoints p WHERE p.workspace_id = $1 AND p.website_id = $2 AND p.profile = s.profile
                    AND p.occurred_at BETWEEN s.first_at - interval '{EvidenceDays} days' AND s.last_at + interval '{EvidenceDays} days'
                  ORDER BY p.occurred_at DESC LIMIT {MostPerKey}) p
                UNION ALL SELECT profile, keys FROM told),
            keys AS MATERIALIZED (SELECT DISTINCT o.profile, k.key FROM own o CROSS JOIN LATERAL unnest(o.keys) AS k(key))
            INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at)
            SELECT DISTINCT $1, $2, c.conversion_id, $4::timestamptz FROM keys k JOIN span s USING (profile)
             CROSS JOIN LATERAL (
                (SELECT conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = k.key
                    AND c.occurred_at BETWEEN s.first_at AND s.last_at + interval '{EvidenceDays} days' ORDER BY c.occurred_at LIMIT {MostPerKey})
                UNION ALL
                (SELECT conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = k.key
                    AND s.says_who AND (k.key >> 60 & 15) IN ({Strong})
                    AND c.occurred_at BETWEEN s.first_at - interval '{EvidenceDays} days' AND s.first_at ORDER BY c.occurred_at DESC LIMIT {MostPerKey})) c
             ORDER BY 3 -- in one order everywhere, so that two transactions never wait for each other
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0
            """, connection).With(workspaceId, websiteId, touchpointIds.ToArray(), now);
        return await command.ExecuteNonQueryAsync(cancel);
    }
}
