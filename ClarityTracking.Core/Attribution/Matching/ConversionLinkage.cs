using System.Text.Json;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.People;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Keeps what conversions can be found by, and puts them and those that share it with them into the queue.</summary>
public sealed class ConversionLinkage(LinkageKeys linkage, ConversionWriter conversions, TimeProvider clock)
{
    /// <summary>Conversions with a value that are matched again because one more carries it.</summary>
    private const int MostNeighbours = 20;

    /// <summary>Writes the keys of conversions anew and queues these; in the transaction of whoever follows conversions.</summary>
    /// <param name="connection">Inside the transaction.</param>
    /// <param name="workspaceId">Their workspace.</param>
    /// <param name="websiteId">Their website.</param>
    /// <param name="country">The website's country, for numbers without a calling code.</param>
    /// <param name="conversionIds">New or changed ones; those that are gone or tests are left out.</param>
    /// <param name="cancel">Cancels before the commit.</param>
    public async Task LinkAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, string? country, IReadOnlyCollection<Guid> conversionIds, CancellationToken cancel)
    {
        if (conversionIds.Count == 0)
            return;
        var found = new List<(Guid Id, DateTimeOffset At, Identity Identity)>();
        await using (var read = new NpgsqlCommand("""
            SELECT id, occurred_at, visitor_id, attribution::text, match_keys::text, personal_sealed, tracking_id::text FROM conversions
             WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) AND NOT is_test ORDER BY id
            """, connection).With(workspaceId, websiteId, conversionIds.ToArray()))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
            {
                var told = row.IsDBNull(3) ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(3))!;
                var hashes = row.IsDBNull(4) ? MatchKeys.None : new MatchKeys(JsonSerializer.Deserialize<Dictionary<string, IReadOnlyList<string>>>(row.GetString(4))!);
                var stored = MatchReader.OrNothing(() => conversions.OpenPerson(workspaceId, row.GetGuid(0), row.IsDBNull(5) ? null : row.GetFieldValue<byte[]>(5)), ConversionWriter.StoredPerson.Nothing);
                var clicks = ClickIdsOf(told);
                if (!row.IsDBNull(6))
                    clicks.Add($"ct_tracking_id.{row.GetString(6)}");
                found.Add((row.GetGuid(0), row.GetFieldValue<DateTimeOffset>(1),
                    new Identity(row.IsDBNull(2) ? null : row.GetString(2), clicks, PersonOf(stored.Customer, stored.Ip, country, hashes.Sha256(MatchKeyNames.Email)))));
            }
        foreach (var (id, at, identity) in found)
            await WriteAsync(connection, workspaceId, websiteId, id, at, identity, cancel);
    }

    internal async Task WriteAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, DateTimeOffset at, Identity identity, CancellationToken cancel)
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

    /// <summary>The person of a conversion, normalised.</summary>
    internal static TouchpointPerson PersonOf(InboundCustomer? customer, string? ip, string? country, IEnumerable<string>? emailHashes = null) => TouchpointPerson.Of(
        [$"{customer?.FirstName} {customer?.LastName}"], [customer?.Email], [customer?.Phone], ip?.Split(',')[0], emailHashes ?? [], customer?.Country ?? country);

    /// <summary>Click ids as kind and value.</summary>
    internal static List<string> ClickIdsOf(IReadOnlyDictionary<string, string> told) =>
        [.. told.Where(t => ClickIdNames.All.ContainsKey(t.Key) && t.Key != "ct_campaign_link_id").Select(t => $"{ClickIdNames.All.GetValueOrDefault(t.Key)}.{t.Value}")];
}
