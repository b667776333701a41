using System.Text.Json;

using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.People;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Keeps what a conversion can be found by, and puts it and those that look at it into the queue; part of the transaction that writes the conversion.
/// </summary>
public sealed class ConversionLinkage(LinkageKeys linkage, TimeProvider clock)
{
    /// <summary>Newest conversions with a value that are matched again because one more carries it.</summary>
    private const int MostNeighbours = 20;

    /// <summary>Writes the keys of a conversion anew and queues it.</summary>
    /// <param name="connection">Inside the transaction that wrote the conversion.</param>
    /// <param name="workspaceId">Its workspace.</param>
    /// <param name="websiteId">Its website.</param>
    /// <param name="conversionId">The conversion.</param>
    /// <param name="at">When it was made.</param>
    /// <param name="identity">Who made it.</param>
    /// <param name="cancel">Cancels before the commit.</param>
    public async Task WriteAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, DateTimeOffset at, Identity identity, CancellationToken cancel)
    {
        var keys = linkage.OfConversion(websiteId, identity, at).ToArray();
        // Whoever shares a browser, an address or a number with this one learns from it: whose they are, or that they are the front desk's.
        var telling = keys.Where(k => LinkageKeys.KindOf(k) is KeyKind.Visitor or KeyKind.Email or KeyKind.Phone).ToArray();
        await using var command = new NpgsqlCommand($"""
            WITH told AS (SELECT key FROM conversion_keys WHERE workspace_id = $1 AND conversion_id = $3),
            gone AS (DELETE FROM conversion_keys WHERE workspace_id = $1 AND conversion_id = $3 AND NOT (occurred_at = $4 AND key = ANY ($5))),
            added AS (
                INSERT INTO conversion_keys (workspace_id, website_id, key, occurred_at, conversion_id) SELECT $1, $2, key, $4, $3 FROM unnest($5) AS k(key)
                ON CONFLICT DO NOTHING)
            INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at)
            SELECT $1, $2, $3::uuid, $7::timestamptz
            UNION
            SELECT $1, $2, near.conversion_id, $7 FROM unnest($6) AS k(key)
             CROSS JOIN LATERAL (SELECT c.conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = k.key
                    AND c.occurred_at BETWEEN $4 - interval '{MatchQueue.EvidenceDays} days' AND $4 + interval '{MatchQueue.EvidenceDays} days' ORDER BY c.occurred_at DESC LIMIT {MostNeighbours}) near
             WHERE k.key NOT IN (SELECT key FROM told)
             ORDER BY 3 -- in one order everywhere, so that two transactions never wait for each other
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0
            """, connection).With(workspaceId, websiteId, conversionId, at, keys, telling, clock.GetUtcNow());
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Who a sender's record says it was.</summary>
    /// <param name="record">All that is known of the conversion.</param>
    /// <param name="country">The website's country.</param>
    public static Identity IdentityOf(InboundRecord record, string? country)
    {
        var told = record.Attribution ?? new Dictionary<string, string>();
        return new Identity(told.GetValueOrDefault("visitor_id"), ClickIdsOf(told), PersonOf(record.Customer, record.Ip, country));
    }

    /// <summary>The person of a conversion, normalised.</summary>
    internal static TouchpointPerson PersonOf(InboundCustomer? customer, string? ip, string? country) => TouchpointPerson.Of(
        [$"{customer?.FirstName} {customer?.LastName}"], [customer?.Email], [customer?.Phone], ip?.Split(',')[0], [], country);

    /// <summary>Click ids as kind and value.</summary>
    internal static List<string> ClickIdsOf(IReadOnlyDictionary<string, string> told) =>
        [.. told.Where(t => ClickIdNames.All.ContainsKey(t.Key) && t.Key != "ct_campaign_link_id").Select(t => $"{ClickIdNames.All.GetValueOrDefault(t.Key)}.{t.Value}")];
}
