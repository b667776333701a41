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

    /// <summary>Of one value that many conversions carry (a front desk's browser), so many newest are matched again.</summary>
    private const int MostPerKey = 50;

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
            WITH told AS (
                SELECT t.id, t.profile, t.occurred_at,
                       EXISTS (SELECT FROM touchpoint_keys k WHERE k.workspace_id = $1 AND k.website_id = $2 AND k.touchpoint_id = t.id
                                  AND (k.key >> 60 & 15) IN ({(int)KeyKind.Email}, {(int)KeyKind.EmailHash}, {(int)KeyKind.Phone}, {(int)KeyKind.Surname})) AS says_who
                  FROM touchpoints t WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.id = ANY ($3)),
            span AS (
                SELECT profile, min(occurred_at) AS first_at, max(occurred_at) AS last_at, bool_or(says_who) AS says_who
                  FROM told GROUP BY profile),
            own AS MATERIALIZED (
                SELECT s.profile, p.id FROM span s
                 CROSS JOIN LATERAL (SELECT id FROM touchpoints p WHERE p.workspace_id = $1 AND p.website_id = $2 AND p.profile = s.profile
                    AND p.occurred_at BETWEEN s.first_at - interval '{EvidenceDays} days' AND s.last_at + interval '{EvidenceDays} days'
                  ORDER BY p.occurred_at DESC LIMIT {MostPerKey}) p
                UNION SELECT profile, id FROM told),
            keys AS MATERIALIZED (
                SELECT DISTINCT o.profile, k.key FROM own o JOIN touchpoint_keys k ON k.workspace_id = $1 AND k.website_id = $2 AND k.touchpoint_id = o.id)
            INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at)
            SELECT DISTINCT $1, $2, c.conversion_id, $4::timestamptz FROM keys k JOIN span s USING (profile)
             CROSS JOIN LATERAL (SELECT conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = k.key
                    AND c.occurred_at BETWEEN CASE WHEN s.says_who THEN s.first_at - interval '{EvidenceDays} days' ELSE s.first_at END
                                          AND s.last_at + interval '{EvidenceDays} days'
                  ORDER BY c.occurred_at DESC LIMIT {MostPerKey}) c
             ORDER BY 3 -- in one order everywhere, so that two transactions never wait for each other
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0
            """, connection).With(workspaceId, websiteId, touchpointIds.ToArray(), now);
        return await command.ExecuteNonQueryAsync(cancel);
    }
}
