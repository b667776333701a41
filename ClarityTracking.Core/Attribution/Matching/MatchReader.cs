using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.People;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Reads what matching looks at: the conversion, what may be its customer's, and how often values are shared.</summary>
internal sealed class MatchReader(SecretProtector protector, ConversionWriter conversions, TimeProvider clock)
{
    private static readonly TimeSpan CountsFor = TimeSpan.FromMinutes(1);
    private const int MostSurnames = 2000, MostSharers = 60;
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Guid, (long Count, DateTimeOffset At)> _conversions = new();

    /// <summary>The conversion; null = it is gone.</summary>
    public async Task<MatchSubject?> SubjectAsync(NpgsqlConnection connection, Guid workspaceId, Guid conversionId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT c.occurred_at, c.kind, c.source, c.location, c.attribution, c.items -> 0 ->> 'name', c.personal_sealed, w.default_country,
                   ARRAY(SELECT k.key FROM conversion_keys k WHERE k.workspace_id = $1 AND k.conversion_id = $2), t.id, t.occurred_at, t.profile, t.channel
              FROM conversions c JOIN websites w ON w.workspace_id = c.workspace_id AND w.id = c.website_id
              LEFT JOIN LATERAL (
                SELECT id, occurred_at, profile, channel FROM touchpoints t
                 WHERE t.workspace_id = $1 AND t.website_id = c.website_id AND t.click_id = 'ct_tracking_id.' || c.tracking_id::text AND t.click_id LIKE 'ct\_tracking\_id.%'
                   AND t.kind IN ('click', 'visit') AND t.channel IS NOT NULL AND NOT t.is_test AND t.occurred_at <= c.occurred_at ORDER BY t.kind, t.occurred_at, t.id LIMIT 1) t ON true
             WHERE c.workspace_id = $1 AND c.id = $2
            """, connection).With(workspaceId, conversionId);
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        var told = row.IsDBNull(4) ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(4))!;
        var stored = OrNothing(() => conversions.OpenPerson(workspaceId, conversionId, row.IsDBNull(6) ? null : row.GetFieldValue<byte[]>(6)), ConversionWriter.StoredPerson.Nothing);
        return new MatchSubject(conversionId, row.GetFieldValue<DateTimeOffset>(0), IntakeOf(told.GetValueOrDefault("channel"), row.GetString(1), row.GetString(2)),
            ConversionLinkage.PersonOf(stored.Customer, stored.Ip, row.IsDBNull(7) ? null : row.GetString(7)), row.GetFieldValue<long[]>(8), AgentOf(told, stored.UserAgent), Word(Text(row, 3)), Word(Text(row, 5)))
        {
            Recorded = row.IsDBNull(9) ? null : new MatchTouch(row.GetGuid(9), row.GetFieldValue<DateTimeOffset>(10), TouchKind.Visit, row.GetString(11), IsOnPath: true,
                EarnsCredit: row.GetString(12) != Channel.Direct, TouchpointPerson.Nothing, [], default, null, null),
        };
    }

    /// <summary>What was sealed; what cannot be opened any more (sealed under a former master key) says nothing, instead of stopping every conversion near it.</summary>
    internal static T OrNothing<T>(Func<T> open, T nothing)
    {
        try
        {
            return open();
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or JsonException)
        {
            return nothing;
        }
    }

    /// <summary>
    /// What may be the customer's: the newest touchpoints that share a key with the conversion, all of their profiles, and those that share an address, a number
    /// or a device's address with these. Other conversions stand beside them: they show whose browser it was; leads do not, their touchpoint says the same. One statement, an index range for each key.
    /// </summary>
    public async Task<List<MatchTouch>> CandidatesAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, MatchSubject subject, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(CandidateSql, connection)
            .With(workspaceId, websiteId, subject.Keys.ToArray(), subject.At, subject.Id);
        await command.PrepareAsync(cancel); // planning it takes a third of the time
        var touches = new List<MatchTouch>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (id, isConversion) = (row.GetGuid(0), row.GetBoolean(1));
            var sealedPerson = row.IsDBNull(6) ? null : row.GetFieldValue<byte[]>(6);
            TouchpointPerson person;
            Agent agent;
            if (isConversion)
            {
                var stored = OrNothing(() => conversions.OpenPerson(workspaceId, id, sealedPerson), ConversionWriter.StoredPerson.Nothing);
                person = ConversionLinkage.PersonOf(stored.Customer, stored.Ip, row.IsDBNull(12) ? null : row.GetString(12));
                agent = AgentOf(row.IsDBNull(13) ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(13))!, stored.UserAgent);
            }
            else
            {
                person = OrNothing(() => TouchpointPerson.Open(protector, workspaceId, id, sealedPerson), TouchpointPerson.Nothing);
                agent = new Agent(Text(row, 7), Text(row, 8), Text(row, 9));
            }
            var channel = Text(row, 5);
            touches.Add(new MatchTouch(id, row.GetFieldValue<DateTimeOffset>(2), isConversion ? TouchKind.Conversion : KindOf(row.GetString(3)), row.GetString(4), channel is not null,
                channel is not null and not Channel.Direct, person, row.GetFieldValue<long[]>(14), agent, Word(Text(row, 10)), Word(Text(row, 11))));
        }
        return touches;
    }

    /// <summary>How rare the customer's family name is, and which values so many people share that they identify none.</summary>
    public async Task<KeyStatistics> StatisticsAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, MatchSubject subject, List<MatchTouch> candidates, CancellationToken cancel)
    {
        var surname = subject.Keys.Where(k => LinkageKeys.KindOf(k) == KeyKind.Surname).Take(1).ToArray();
        var shareable = subject.Keys.Concat(candidates.SelectMany(c => c.Keys)).Where(k => MatchCandidates.MayBeShared.Contains(LinkageKeys.KindOf(k))).Distinct().ToArray();
        var all = await ConversionsOfAsync(connection, workspaceId, websiteId, cancel);
        await using var command = new NpgsqlCommand($"""
            SELECT NULL::bigint, false, (SELECT count(*) FROM (SELECT FROM conversion_keys WHERE workspace_id = $1 AND website_id = $2 AND key = ANY ($3) LIMIT {MostSurnames}) n)
            UNION ALL
            SELECT w.key, false, people.count FROM unnest($4) AS w(key)
             CROSS JOIN LATERAL (
                SELECT count(DISTINCT s.key) FROM (
                    SELECT conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = w.key ORDER BY c.occurred_at DESC LIMIT {MostSharers}) c
                  JOIN conversion_keys s ON s.workspace_id = $1 AND s.conversion_id = c.conversion_id AND (s.key >> 60 & 15) = {(int)KeyKind.Surname}) people
             WHERE people.count >= {MatchCandidates.FewestSurnames}
            UNION ALL
            SELECT w.key, true, 0 FROM unnest($5) AS w(key)
             CROSS JOIN LATERAL (
                SELECT count(DISTINCT o.email) AS emails, count(DISTINCT o.phone) AS phones FROM (
                    SELECT conversion_id FROM conversion_keys c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.key = w.key ORDER BY c.occurred_at DESC LIMIT {MostSharers}) c
                 CROSS JOIN LATERAL (
                    -- one address has several hashes: the first of them stands for it
                    SELECT min(s.key) FILTER (WHERE (s.key >> 60 & 15) = {(int)KeyKind.EmailHash}) AS email, min(s.key) FILTER (WHERE (s.key >> 60 & 15) = {(int)KeyKind.Phone}) AS phone
                      FROM conversion_keys s WHERE s.workspace_id = $1 AND s.conversion_id = c.conversion_id) o) told
             WHERE told.emails > 1 OR told.phones > 1
            """, connection).With(workspaceId, websiteId, surname, shareable, subject.Keys.Where(k => LinkageKeys.KindOf(k) == KeyKind.Visitor).ToArray());
        await command.PrepareAsync(cancel);
        var (sameSurname, shared, crowded) = (0L, new HashSet<long>(), new HashSet<long>());
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            if (row.IsDBNull(0))
                sameSurname = row.GetInt64(2);
            else
                (row.GetBoolean(1) ? crowded : shared).Add(row.GetInt64(0));
        return new KeyStatistics(MatchCandidates.Share(sameSurname, all), shared) { CrowdedVisitors = crowded };
    }

    /// <summary>How many conversions the website has; counted anew every minute at most.</summary>
    private async Task<long> ConversionsOfAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (_conversions.TryGetValue(websiteId, out var known) && now - known.At < CountsFor)
            return known.Count;
        await using var command = new NpgsqlCommand("SELECT count(*) FROM conversions WHERE workspace_id = $1 AND website_id = $2", connection).With(workspaceId, websiteId);
        var count = (long)(await command.ExecuteScalarAsync(cancel))!;
        if (_conversions.Count > 10_000)
            _conversions.Clear();
        _conversions[websiteId] = (count, now);
        return count;
    }

    internal static IntakeKind IntakeOf(string? channel, string kind, string source) => channel?.Trim().ToLowerInvariant() switch
    {
        "website" or "web" or "online" or "site" or "form" => IntakeKind.Website,
        "widget" or "stripe" or "payment_link" or "checkout" or "portal" or "app" => IntakeKind.Elsewhere,
        "phone" or "call" or "telephone" => IntakeKind.Phone,
        "walk_in" or "walk-in" or "walkin" or "pos" or "in_store" or "front_desk" => IntakeKind.WalkIn,
        _ => source is "shopify" or "woocommerce" or "api" ? IntakeKind.Website
            : source is "calendly" or "calcom" or "acuity" or "square" or "stripe" or "whop" or "skool" || kind == "payment" ? IntakeKind.Elsewhere : IntakeKind.Unknown,
    };

    private static Agent AgentOf(Dictionary<string, string> told, string? userAgent)
    {
        var read = BrowserWords.Of(userAgent);
        return new Agent(told.GetValueOrDefault("device")?.ToLowerInvariant() ?? read.Device, told.GetValueOrDefault("os")?.ToLowerInvariant() ?? read.Os,
            told.GetValueOrDefault("browser")?.ToLowerInvariant() ?? read.Browser);
    }

    private static TouchKind KindOf(string kind) => kind switch
    {
        "platform_lead" => TouchKind.PlatformLead,
        "lead" => TouchKind.Lead,
        "identify" => TouchKind.Identify,
        "call" => TouchKind.Call,
        "outbound" => TouchKind.Outbound,
        _ => TouchKind.Visit,
    };

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>Branches and services are written by people: compared without regard to case.</summary>
    private static string? Word(string? text) => text?.Trim().ToLowerInvariant() is { Length: > 0 } word ? word : null;

    private static string Kinds(IEnumerable<KeyKind> kinds) => string.Join(", ", kinds.Select(k => (int)k));

    /// <summary>Touchpoints and conversions around the conversion that have a key.</summary>
    /// <param name="table">Table of keys.</param>
    /// <param name="id">Its column of what has the key.</param>
    /// <param name="most">On either side.</param>
    private static string Near(string table, string id, int most) => $"""
        (SELECT k.{id} AS id FROM {table} k WHERE k.workspace_id = $1 AND k.website_id = $2 AND k.key = w.key
            AND k.occurred_at BETWEEN $4 - interval '{MatchQueue.EvidenceDays} days' AND $4 ORDER BY k.occurred_at DESC LIMIT {most})
        UNION ALL
        (SELECT k.{id} FROM {table} k WHERE k.workspace_id = $1 AND k.website_id = $2 AND k.key = w.key
            AND k.occurred_at > $4 AND k.occurred_at <= $4 + interval '{MatchQueue.EvidenceDays} days' ORDER BY k.occurred_at LIMIT {most})
        """;

    private static string TouchesOf(string profiles) => $"""
        SELECT t.* FROM {profiles} p CROSS JOIN LATERAL (
            SELECT t.id, t.occurred_at, t.kind, t.profile, t.channel, t.personal_sealed, t.device, t.os, t.browser, t.location, t.service, t.keys
              FROM touchpoints t WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.profile = p.profile AND NOT t.is_test
               AND t.occurred_at BETWEEN $4 - interval '{MatchQueue.EvidenceDays} days' AND $4 + interval '{MatchQueue.EvidenceDays} days'
             ORDER BY t.occurred_at DESC LIMIT {MatchCandidates.PerProfile}) t
        """;

    private static string ConversionsOf(string profiles) => $"""
        SELECT c.id FROM {profiles} p CROSS JOIN LATERAL (
            SELECT c.id FROM (SELECT * FROM conversions c WHERE c.visitor_id = p.profile OFFSET 0) c WHERE c.workspace_id = $1 AND c.website_id = $2 AND NOT c.is_test AND c.kind <> 'lead'
               AND c.occurred_at BETWEEN $4 - interval '{MatchQueue.EvidenceDays} days' AND $4 + interval '{MatchQueue.EvidenceDays} days'
             ORDER BY c.occurred_at DESC LIMIT {MatchCandidates.PerProfile}) c
        """;

    /// <summary>Whose they are.</summary>
    private static string ProfilesOf(string touches, string conversions) => $"""
        SELECT t.profile FROM {touches} h CROSS JOIN LATERAL (
            SELECT t.profile FROM touchpoints t WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.id = h.id AND NOT t.is_test OFFSET 0) t
        UNION
        SELECT coalesce(c.visitor_id, h.id::text) FROM {conversions} h CROSS JOIN LATERAL (
            SELECT c.visitor_id FROM conversions c WHERE c.workspace_id = $1 AND c.id = h.id AND NOT c.is_test AND c.kind <> 'lead' OFFSET 0) c
        """;

    // OFFSET 0 keeps each look-up one by its key (docs/decisions/0017): the planner knows neither how few are asked for nor how many rows the website has.
    private static readonly string CandidateSql = $"""
        WITH touch_hits AS MATERIALIZED (SELECT DISTINCT h.id FROM unnest($3) AS w(key) CROSS JOIN LATERAL ({Near("touchpoint_keys", "touchpoint_id", MatchCandidates.PerKey)}) h),
        conversion_hits AS MATERIALIZED (
            SELECT DISTINCT h.id FROM unnest($3) AS w(key) CROSS JOIN LATERAL ({Near("conversion_keys", "conversion_id", MatchCandidates.PerKey)}) h
             WHERE h.id <> $5 AND (w.key >> 60 & 15) <> {(int)KeyKind.Slot}),
        first AS MATERIALIZED ({ProfilesOf("touch_hits", "conversion_hits")}),
        first_touches AS MATERIALIZED ({TouchesOf("first")}),
        first_conversions AS MATERIALIZED ({ConversionsOf("first")} UNION SELECT id FROM conversion_hits),
        lead AS MATERIALIZED (
            SELECT DISTINCT k.key FROM first_touches f CROSS JOIN LATERAL unnest(f.keys) AS k(key) WHERE (k.key >> 60 & 15) IN ({Kinds(MatchCandidates.LeadsOn)})
            UNION
            SELECT k.key FROM first_conversions f CROSS JOIN LATERAL (
                SELECT key FROM conversion_keys k WHERE k.workspace_id = $1 AND k.conversion_id = f.id AND (k.key >> 60 & 15) IN ({Kinds(MatchCandidates.LeadsOn)}) OFFSET 0) k),
        led AS MATERIALIZED (
            SELECT w.key, h.ids FROM lead w CROSS JOIN LATERAL (SELECT array_agg(id) AS ids FROM ({Near("touchpoint_keys", "touchpoint_id", MatchCandidates.MostOfCommon)}) h) h
             WHERE w.key <> ALL ($3) AND cardinality(h.ids) <= {MatchCandidates.MostOfCommon}),
        led_conversions AS MATERIALIZED (
            SELECT w.key, h.ids FROM lead w CROSS JOIN LATERAL (SELECT array_agg(id) AS ids FROM ({Near("conversion_keys", "conversion_id", MatchCandidates.MostOfCommon)}) h) h
             WHERE w.key <> ALL ($3) AND cardinality(h.ids) <= {MatchCandidates.MostOfCommon}),
        second_conversions AS MATERIALIZED (SELECT DISTINCT unnest(ids) AS id FROM led_conversions),
        second AS MATERIALIZED (({ProfilesOf("(SELECT DISTINCT unnest(ids) AS id FROM led)", "second_conversions")}) EXCEPT SELECT profile FROM first),
        others AS MATERIALIZED (SELECT id FROM first_conversions UNION SELECT id FROM second_conversions UNION {ConversionsOf("second")})
        SELECT t.id, false, t.occurred_at, t.kind, t.profile, t.channel, t.personal_sealed, t.device, t.os, t.browser, t.location, t.service, NULL, NULL, t.keys
          FROM (SELECT * FROM first_touches UNION ALL {TouchesOf("second")}) t
        UNION ALL
        SELECT c.id, true, c.occurred_at, 'conversion', coalesce(c.visitor_id, c.id::text), NULL, c.personal_sealed, NULL, NULL, NULL, NULL, NULL, w.default_country, c.attribution::text,
               ARRAY(SELECT k.key FROM conversion_keys k WHERE k.workspace_id = $1 AND k.conversion_id = f.id AND (k.key >> 60 & 15) <> {(int)KeyKind.Slot})
          FROM others f CROSS JOIN LATERAL (SELECT * FROM conversions c WHERE c.workspace_id = $1 AND c.id = f.id AND c.id <> $5 AND NOT c.is_test AND c.kind <> 'lead' OFFSET 0) c
          JOIN websites w ON w.workspace_id = $1 AND w.id = $2
        """;
}
