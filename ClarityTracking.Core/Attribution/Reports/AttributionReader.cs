using System.Buffers.Binary;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.People;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>What besides the conversions' own paths is to be read.</summary>
[Flags]
internal enum AttributionParts
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>People who did not convert: their paths, and how far they came.</summary>
    People,
}

/// <summary>
/// Reads conversions with the touches that matching joined to them, and the paths of people who did not convert. Touches come in any order and
/// are sorted in memory; keys that a report has too many of are folded into one.
/// </summary>
internal sealed class AttributionReader(ClarityDbContext db, Website website, AttributionAsk ask)
{
    /// <summary>More keys than a person reads, and than a chain is solved for in a moment: the rarest stand together.</summary>
    public const int MostKeys = 200;

    /// <summary>What stands for the rarest keys.</summary>
    public const string OtherKey = "(other)";

    /// <summary>A read that takes longer is given up; the report says so.</summary>
    public static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(90);

    public const string Direct = "direct";

    /// <summary>A browser that was seen with so many people (a front desk's) is nobody's.</summary>
    private static readonly string OfOne = $"AND cardinality(p.others) < {PersonGraph.MostOthers}";

    private readonly Keys _keys = new();
    private readonly Dictionary<Guid, short> _windows = [];
    private double _creditFrom = 0.5; // where the website has set nothing

    /// <summary>How far before a conversion a touch may lie.</summary>
    private int LongestWindow => Math.Max(ask.WindowDays ?? AttributionAsk.DefaultWindowDays, ask.WindowDays is null ? _windows.Values.DefaultIfEmpty((short)0).Max() : 0);

    public async Task<AttributionData> ReadAsync(AttributionParts parts, CancellationToken cancel)
    {
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await db.Database.OpenConnectionAsync(cancel);
        // one state of the tables for all that follows
        await using var snapshot = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancel);
        var links = await LinksAsync(connection, cancel);
        await using (var settings = new NpgsqlCommand("SELECT credit_from FROM match_settings WHERE workspace_id = $1 AND website_id = $2", connection)
            .With(website.WorkspaceId, website.Id))
            _creditFrom = await settings.ExecuteScalarAsync(cancel) as double? ?? _creditFrom;
        var conversions = await ConversionsAsync(connection, cancel);
        var touches = await TouchesAsync(connection, conversions, cancel);
        var people = parts.HasFlag(AttributionParts.People) ? await PeopleAsync(connection, conversions, cancel) : null;
        if (people is null)
            await SeenAsync(connection, cancel);
        var waiting = await WaitingAsync(connection, cancel);
        var campaigns = ask.By == AttributionBy.Campaign ? await CampaignsAsync(connection, cancel) : [];
        await snapshot.CommitAsync(cancel);

        var journeys = new Journeys();
        var places = _keys.Into(journeys);
        var conversionOf = new List<int>(conversions.Count);
        var paths = new PathTouch[conversions.Count][];
        for (var i = 0; i < conversions.Count; i++)
        {
            paths[i] = [.. touches[i].Select(t => t with { Key = places[t.Key] }).OrderBy(t => t.At).ThenBy(t => t.Sequence)];
            var own = conversions[i].Currency == website.Currency ? (double)conversions[i].Revenue : 0;
            Span<Touch> path = [.. paths[i].Select(t => t.ToTouch())];
            if (journeys.Add(path, conversions[i].OccurredAt.ToUnixTimeMilliseconds(), own) >= 0)
                conversionOf.Add(i);
        }
        var nulls = people?.AddNulls(journeys, places, ask);
        conversionOf.AddRange(Enumerable.Repeat(-1, journeys.Count - conversionOf.Count));
        return new AttributionData
        {
            Website = website,
            Ask = ask,
            Conversions = conversions,
            Touches = paths,
            Journeys = journeys,
            ConversionOf = conversionOf,
            Links = links,
            Campaigns = campaigns,
            NullPaths = nulls,
            People = people?.Counts(ask, conversions),
            Waiting = waiting,
        };
    }

    /// <summary>The column that tells touches apart. A conversion's own branch goes before where the touch happened.</summary>
    private string KeyColumn(bool withConversion) => ask.By switch
    {
        AttributionBy.Channel => "t.channel",
        AttributionBy.Campaign => "t.campaign",
        AttributionBy.Link => "t.link_id::text",
        AttributionBy.Landing => "t.landing",
        AttributionBy.Location => withConversion ? "coalesce(c.location, t.location)" : "t.location",
    };

    private async Task<Dictionary<string, LinkFact>> LinksAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT id, name, channel, campaign, window_days FROM campaign_links WHERE workspace_id = $1 AND website_id = $2", connection)
            .With(website.WorkspaceId, website.Id);
        var links = new Dictionary<string, LinkFact>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            links[row.GetGuid(0).ToString()] = new LinkFact(row.GetString(1), Text(row, 2), Text(row, 3), row.GetInt32(4));
            _windows[row.GetGuid(0)] = (short)Math.Clamp(row.GetInt32(4), 0, AttributionAsk.LongestWindowDays);
        }
        return links;
    }

    private async Task<List<ConversionFact>> ConversionsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT c.id, c.sender_id, c.number, c.kind, c.event_name, c.status, c.occurred_at, coalesce(c.value, 0), c.refunded, coalesce(c.currency, $5), c.location,
                   m.confidence, m.decision, m.touchpoint_id IS NOT NULL
              FROM conversions c LEFT JOIN matches m ON m.workspace_id = c.workspace_id AND m.conversion_id = c.id
             WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.occurred_at >= $3 AND c.occurred_at < $4 AND NOT c.is_test AND c.status <> 'failed'
             ORDER BY c.occurred_at, c.id
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, ask.From, ask.To, website.Currency);
        var conversions = new List<ConversionFact>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            conversions.Add(new ConversionFact(row.GetGuid(0), row.GetString(1), Text(row, 2), EnumText.Parse<ConversionKind>(row.GetString(3)) ?? ConversionKind.Manual, Text(row, 4),
                EnumText.Parse<ConversionStatus>(row.GetString(5)) ?? ConversionStatus.Pending, row.GetFieldValue<DateTimeOffset>(6), row.GetDecimal(7), row.GetDecimal(8), row.GetString(9),
                Text(row, 10), row.IsDBNull(11) ? null : row.GetDouble(11), Text(row, 12))
            { IsNamed = row.GetBoolean(13) });
        return conversions;
    }

    /// <summary>Touches joined to the conversions that can earn credit, by the conversion's place.</summary>
    private async Task<List<PathTouch>[]> TouchesAsync(NpgsqlConnection connection, List<ConversionFact> conversions, CancellationToken cancel)
    {
        var touches = conversions.Select(_ => new List<PathTouch>()).ToArray();
        if (conversions.Count == 0)
            return touches;
        var placeOf = new Dictionary<Guid, int>(conversions.Count);
        for (var i = 0; i < conversions.Count; i++)
            placeOf[conversions[i].Id] = i;
        await using var command = new NpgsqlCommand($"""
            SELECT x.conversion_id, t.id, t.occurred_at, {KeyColumn(withConversion: true)}, t.link_id, x.confidence, t.channel
              FROM conversions c
              JOIN match_touches x ON x.workspace_id = c.workspace_id AND x.conversion_id = c.id
              JOIN touchpoints t ON t.workspace_id = x.workspace_id AND t.website_id = x.website_id AND t.id = x.touchpoint_id
              LEFT JOIN matches m ON m.workspace_id = c.workspace_id AND m.conversion_id = c.id
             WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.occurred_at >= $3 AND c.occurred_at < $4 AND NOT c.is_test AND c.status <> 'failed'
               AND x.website_id = $2 AND x.occurred_at >= $5 AND t.channel IS NOT NULL AND NOT t.is_test AND m.decision IS DISTINCT FROM 'rejected'
               AND (x.confidence >= $6 OR (m.decision = 'confirmed' AND m.touchpoint_id = x.touchpoint_id))
               -- Where the answer is "none" although a visitor who came from somewhere might be the customer, nobody is. Direct and older visits could not be the answer: they stay
               AND (m.touchpoint_id IS NOT NULL OR NOT EXISTS (
                    SELECT FROM match_touches y JOIN touchpoints n ON n.workspace_id = y.workspace_id AND n.website_id = y.website_id AND n.id = y.touchpoint_id
                     WHERE y.workspace_id = c.workspace_id AND y.conversion_id = c.id AND y.confidence >= $6 AND n.channel <> '{Direct}' AND NOT n.is_test
                       AND y.occurred_at > c.occurred_at - interval '{Matcher.WindowDays + 1} days'))
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, ask.From, ask.To, Earliest, _creditFrom);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            if (!row.IsDBNull(3) && placeOf.TryGetValue(row.GetGuid(0), out var place))
                touches[place].Add(new PathTouch(row.GetFieldValue<DateTimeOffset>(2), _keys.Place(row.GetString(3)), row.GetDouble(5),
                    Window(row.IsDBNull(4) ? null : row.GetGuid(4)), SequenceOf(row.GetGuid(1)), row.GetString(6) == Direct));
        for (var i = 0; i < conversions.Count; i++)
            if (!conversions[i].IsNamed && touches[i].Count > 0)
                conversions[i] = conversions[i] with { PathConfidence = touches[i].Average(t => t.Confidence) };
        return touches;
    }

    /// <summary>Keys that brought visits and earned nothing belong into the report as well: they may have cost something.</summary>
    private async Task SeenAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand($"""
            SELECT DISTINCT {KeyColumn(withConversion: false)} FROM touchpoints t
             WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.occurred_at >= $3 AND t.occurred_at < $4 AND t.channel IS NOT NULL AND NOT t.is_test
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, Earliest, ask.To);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            if (!row.IsDBNull(0))
                _keys.Place(row.GetString(0));
    }

    /// <summary>Everybody who was seen, from a window before the period on. A person is the identified one, else the visitor, else the event alone.</summary>
    private async Task<People> PeopleAsync(NpgsqlConnection connection, List<ConversionFact> conversions, CancellationToken cancel)
    {
        var people = new People(await MergedAsync(connection, cancel));
        await using (var command = new NpgsqlCommand($"""
            SELECT hashtextextended(t.profile, 0), p.person_id, t.id, t.occurred_at, {KeyColumn(withConversion: false)}, t.link_id, t.channel, t.kind
              FROM touchpoints t LEFT JOIN person_ids p ON p.workspace_id = t.workspace_id AND p.website_id = t.website_id AND p.kind = 'visitor' AND p.token = t.visitor_id {OfOne}
             WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.occurred_at >= $3 AND NOT t.is_test
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, Earliest))
        await using (var row = await command.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
            {
                var channel = Text(row, 6);
                var key = channel is null || row.IsDBNull(4) ? -1 : _keys.Place(row.GetString(4));
                people.Saw(row.GetInt64(0), row.IsDBNull(1) ? null : row.GetGuid(1), row.GetFieldValue<DateTimeOffset>(3).ToUnixTimeMilliseconds(), SequenceOf(row.GetGuid(2)),
                    key, Window(row.IsDBNull(5) ? null : row.GetGuid(5)), isNamed: channel is not null and not Direct, isLead: row.GetString(7) is "lead" or "identify" or "platform_lead");
            }
        var places = new Dictionary<Guid, int>(conversions.Count);
        for (var i = 0; i < conversions.Count; i++)
            places[conversions[i].Id] = i;
        // whoever ever converted, by the person, by the visitor that was passed through, and by what matching joined
        await using (var command = new NpgsqlCommand($"""
            SELECT c.id, c.person_id, hashtextextended(c.visitor_id, 0), p.person_id FROM conversions c
              LEFT JOIN person_ids p ON p.workspace_id = c.workspace_id AND p.website_id = c.website_id AND p.kind = 'visitor' AND p.token = c.visitor_id {OfOne}
             WHERE c.workspace_id = $1 AND c.website_id = $2 AND NOT c.is_test AND c.status <> 'failed' AND (c.person_id IS NOT NULL OR c.visitor_id IS NOT NULL)
            UNION ALL
            SELECT c.id, NULL, hashtextextended(t.profile, 0), p.person_id FROM match_touches x
              JOIN conversions c ON c.workspace_id = x.workspace_id AND c.id = x.conversion_id AND NOT c.is_test AND c.status <> 'failed'
              JOIN touchpoints t ON t.workspace_id = x.workspace_id AND t.website_id = x.website_id AND t.id = x.touchpoint_id
              LEFT JOIN matches m ON m.workspace_id = x.workspace_id AND m.conversion_id = x.conversion_id
              LEFT JOIN person_ids p ON p.workspace_id = t.workspace_id AND p.website_id = t.website_id AND p.kind = 'visitor' AND p.token = t.visitor_id {OfOne}
             WHERE x.workspace_id = $1 AND x.website_id = $2 AND x.occurred_at >= $3 AND m.decision IS DISTINCT FROM 'rejected' AND x.confidence >= $4
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, Earliest, _creditFrom))
        await using (var row = await command.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                people.Converted(places.GetValueOrDefault(row.GetGuid(0), -1), row.IsDBNull(1) ? null : row.GetGuid(1), row.IsDBNull(2) ? null : row.GetInt64(2), row.IsDBNull(3) ? null : row.GetGuid(3));
        return people;
    }

    private async Task<Dictionary<Guid, Guid>> MergedAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT id, merged_into FROM persons WHERE workspace_id = $1 AND website_id = $2 AND merged_into IS NOT NULL", connection)
            .With(website.WorkspaceId, website.Id);
        var merged = new Dictionary<Guid, Guid>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            merged[row.GetGuid(0)] = row.GetGuid(1);
        return merged;
    }

    private async Task<long> WaitingAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT count(*) FROM (SELECT FROM match_queue WHERE workspace_id = $1 AND website_id = $2 LIMIT 100000) q", connection)
            .With(website.WorkspaceId, website.Id);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }

    private async Task<Dictionary<string, CampaignFact>> CampaignsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT DISTINCT ON (campaign) campaign, channel, source, medium FROM touchpoints
             WHERE workspace_id = $1 AND website_id = $2 AND occurred_at >= $3 AND occurred_at < $4 AND channel IS NOT NULL AND campaign IS NOT NULL
             ORDER BY campaign, occurred_at DESC
            """, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(website.WorkspaceId, website.Id, Earliest, ask.To);
        var campaigns = new Dictionary<string, CampaignFact>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            campaigns[row.GetString(0)] = new CampaignFact(Text(row, 1), Text(row, 2), Text(row, 3));
        return campaigns;
    }

    /// <summary>The earliest touch that a conversion of the period may look back to: windows count whole days, so one more.</summary>
    private DateTimeOffset Earliest => ask.From.AddDays(-LongestWindow - 1);

    private int Window(Guid? link) => ask.WindowDays ?? (link is { } id && _windows.TryGetValue(id, out var own) ? own : AttributionAsk.DefaultWindowDays);

    /// <summary>Time of arrival and place in its request: the upper half of a UUIDv7.</summary>
    private static long SequenceOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadInt64BigEndian(bytes);
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>Keys as they come, with how often; the rarest are folded when it is known which they are.</summary>
    private sealed class Keys
    {
        private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
        private readonly List<string> _names = [];
        private readonly List<long> _counts = [];

        public int Place(string name)
        {
            if (!_places.TryGetValue(name, out var place))
            {
                _places[name] = place = _names.Count;
                _names.Add(name);
                _counts.Add(0);
            }
            _counts[place]++;
            return place;
        }

        /// <summary>Gives the journeys their keys; the answer leads from places here to places there.</summary>
        public int[] Into(Journeys journeys)
        {
            var all = Enumerable.Range(0, _names.Count);
            var kept = all.OrderByDescending(i => _counts[i]).ThenBy(i => _names[i], StringComparer.Ordinal).Take(_names.Count > MostKeys ? MostKeys - 1 : MostKeys).ToHashSet();
            return [.. all.Select(i => journeys.Key(kept.Contains(i) ? _names[i] : OtherKey))];
        }
    }
}
