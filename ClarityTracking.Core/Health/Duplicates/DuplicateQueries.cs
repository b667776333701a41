using System.Buffers.Binary;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Reads what <see cref="DuplicateWorker"/> found.</summary>
public sealed class DuplicateQueries(ClarityDb database, TimeProvider clock)
{
    private const int MostShown = 50, MostPairs = 20;

    // a rule that was switched off, or says something else by now, stops nothing
    private const string StateSql = $"""
        CASE WHEN g.ended THEN 'ended' WHEN g.ignored_at IS NOT NULL THEN 'ignored'
             WHEN EXISTS (SELECT FROM duplicate_stops s JOIN filter_rules r ON {GroupStore.RuleSql}
                           WHERE s.workspace_id = g.workspace_id AND s.website_id = g.website_id AND s.rule_id = g.rule_id) THEN 'stopped' ELSE 'open' END
        """;

    /// <summary>What is counted: neither ended by intake, nor ignored, nor kept back by a rule before it was sent.</summary>
    private const string CountedSql = "NOT g.ended AND g.ignored_at IS NULL AND NOT g.prevented";

    /// <summary>Groups whose newest event happened in the asked time (7 days when not told), those found last first.</summary>
    public async Task<Result<Page<DuplicateGroup>>> ListAsync(Caller caller, Guid websiteId, DuplicateFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        limit = Page.Clamp(limit);
        var (kind, state, from) = (filter.Kind?.Word(), filter.State?.Word(), filter.From ?? clock.GetUtcNow() - TimeSpan.FromDays(7));
        var rows = await db.Database.SqlQueryRaw<Row>($$"""
            SELECT * FROM (SELECT {{RowSql}} FROM duplicate_groups g
             WHERE g.workspace_id = {0} AND g.website_id = {1} AND g.last_at >= {2} AND ({3}::timestamptz IS NULL OR g.last_at < {3}) AND ({4}::uuid IS NULL OR g.id < {4})
               AND ({5}::text IS NULL OR g.kind = {5}) AND ({6}::text IS NULL OR g.name = {6}) AND g.ended = ({7}::text IS NOT NULL AND {7} = 'ended')) n
             WHERE {7}::text IS NULL OR n."State" = {7}
             ORDER BY n."Id" DESC LIMIT {8}
            """, found.Value.WorkspaceId, websiteId, from, Value(filter.To, "timestamptz"), Value(cursor, "uuid"), Value(kind, "text"), Value(filter.Name, "text"), Value(state, "text"), limit + 1).ToListAsync(cancel);
        var groups = await WithEventsAsync(db, found.Value, rows, cancel);
        return Page.Of(groups, limit, g => g.Id);
    }

    /// <summary>One group, what each platform makes of it, and how to stop such.</summary>
    public async Task<Result<DuplicateDetails>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return found.IsOk ? await FindAsync(db, found.Value, id, cancel) : found.Error;
    }

    internal static async Task<Result<DuplicateDetails>> FindAsync(ClarityDbContext db, Website website, Guid id, CancellationToken cancel)
    {
        var rows = await db.Database.SqlQueryRaw<Row>($$"""
            SELECT {{RowSql}} FROM duplicate_groups g WHERE g.workspace_id = {0} AND g.website_id = {1} AND g.id = {2}
            """, website.WorkspaceId, website.Id, id).ToListAsync(cancel);
        if (rows is not [var row])
            return Error.NotFound("duplicate");
        var group = (await WithEventsAsync(db, website, rows, cancel))[0];
        var oldestFirst = group.Events.Reverse().ToList();
        var pairs = oldestFirst.Skip(1).Take(MostPairs).Select(e => PairOf(group, oldestFirst[0], e)).ToList();
        var fix = group.State == DuplicateState.Ended ? null : await CountedAsync(db, website, group, DuplicateFixes.Of(group.Reason, oldestFirst), cancel);
        return new DuplicateDetails(group, pairs, fix, row.IgnoredBy);
    }

    /// <summary>A website's duplicates in short, by day in its time zone.</summary>
    public async Task<Result<DuplicateSummary>> SummaryAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var (workspaceId, zone, now) = (found.Value.WorkspaceId, found.Value.TimeZone, clock.GetUtcNow());
        var (first, last) = (from ?? now - TimeSpan.FromDays(7), to ?? now);
        string[] standard = [.. ConversionNames.Standard];
        var sums = await db.Database.SqlQueryRaw<SumRow>($$"""
            SELECT (date_trunc('day', g.last_at AT TIME ZONE {4}))::date AS "Day", CASE WHEN g.extra_value > 0 THEN g.currency END AS "Currency", count(*) FILTER (WHERE {{CountedSql}}) AS "Groups",
                   coalesce(sum(g.events - 1) FILTER (WHERE {{CountedSql}}), 0)::bigint AS "Duplicates", coalesce(sum(g.extra_value) FILTER (WHERE {{CountedSql}}), 0) AS "Extra",
                   count(*) FILTER (WHERE g.ended AND g.kind = 'browser_and_server') AS "Paired"
              FROM duplicate_groups g WHERE g.workspace_id = {0} AND g.website_id = {1} AND g.last_at >= {2} AND g.last_at < {3} GROUP BY 1, 2
            """, workspaceId, websiteId, first, last, zone).ToListAsync(cancel);
        var conversions = await db.Database.SqlQuery<DayRow>($"""
            SELECT (date_trunc('day', r.hour AT TIME ZONE {zone}))::date AS "Day", sum(r.events)::bigint AS "Events" FROM event_rollups r
             WHERE r.workspace_id = {workspaceId} AND r.website_id = {websiteId} AND r.hour >= date_trunc('hour', {first}) AND r.hour < {last} AND NOT r.is_test
               AND (r.name = ANY ({standard}) OR r.name IN (SELECT DISTINCT g.name FROM duplicate_groups g
                    WHERE g.workspace_id = {workspaceId} AND g.website_id = {websiteId} AND g.last_at >= {first} AND g.last_at < {last}))
             GROUP BY 1
            """).ToListAsync(cancel);
        var repeats = await db.Database.SqlQuery<RepeatCount>($"""
            SELECT (date_trunc('day', r.hour AT TIME ZONE {zone}))::date AS "Day", r.name AS "Name", r.source AS "Source", r.first_source AS "FirstSource", sum(r.events)::bigint AS "Events"
              FROM duplicate_repeats r
             WHERE r.workspace_id = {workspaceId} AND r.website_id = {websiteId} AND r.hour >= date_trunc('hour', {first}) AND r.hour < {last}
             GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 5 DESC LIMIT 1000
            """).ToListAsync(cancel);
        var (all, duplicates) = (conversions.Sum(c => c.Events), sums.Sum(s => s.Duplicates));
        var timeZone = TimeZoneInfo.FindSystemTimeZoneById(zone);
        var days = new List<DuplicateDay>();
        for (var day = DayOf(first, timeZone); day <= DayOf(last, timeZone) && days.Count < 400; day = day.AddDays(1))
            days.Add(new DuplicateDay(day, conversions.Where(c => c.Day == day).Sum(c => c.Events), sums.Where(s => s.Day == day).Sum(s => s.Duplicates)));
        return new DuplicateSummary(first, last, all, duplicates, all == 0 ? null : Math.Min(1, (double)duplicates / all), sums.Sum(s => s.Groups),
            [.. sums.Where(s => s.Extra > 0).GroupBy(s => s.Currency).Select(g => new DuplicateValue(g.Key, g.Sum(s => s.Extra))).OrderByDescending(v => v.Value)],
            sums.Sum(s => s.Paired), days, repeats);
    }

    private static async Task<List<DuplicateGroup>> WithEventsAsync(ClarityDbContext db, Website website, List<Row> rows, CancellationToken cancel)
    {
        Guid[] ids = [.. rows.Select(r => r.Id)];
        if (ids.Length == 0)
            return [];
        var events = (await db.Database.SqlQuery<EventRow>($"""
            SELECT m.group_id AS "GroupId", m.id AS "Id", m.event_id AS "EventId", m.source AS "Source", m.occurred_at AS "OccurredAt", m.name AS "Name", m.order_id AS "OrderId",
                   m.visitor_id AS "VisitorId", m.value AS "Value", m.currency AS "Currency", m.sender AS "Sender", m.host AS "Host", m.keys AS "Keys", m.stored AS "IsStored"
              FROM unnest({ids}) AS wanted(id)
             CROSS JOIN LATERAL (SELECT * FROM duplicate_members d WHERE d.workspace_id = {website.WorkspaceId} AND d.website_id = {website.Id} AND d.group_id = wanted.id
                                  ORDER BY d.id LIMIT {MostShown}) m
            """).ToListAsync(cancel)).ToLookup(e => e.GroupId);
        var oldest = Partitions.LowestId(rows.Min(r => ReceivedAt(r.OriginalId)));
        var platforms = (await db.Database.SqlQuery<PlatformRow>($"""
            SELECT m.group_id AS "GroupId", c.platform AS "Platform"
              FROM duplicate_members m JOIN delivery_states d ON d.workspace_id = m.workspace_id AND d.event_id = m.id AND d.status = 'delivered' AND d.id >= {oldest}
              JOIN connections c ON c.workspace_id = d.workspace_id AND c.id = d.connection_id
             WHERE m.workspace_id = {website.WorkspaceId} AND m.website_id = {website.Id} AND m.group_id = ANY ({ids}) AND m.stored
             GROUP BY m.group_id, c.platform, c.id HAVING count(DISTINCT m.id) > 1
            """).ToListAsync(cancel)).ToLookup(p => p.GroupId, p => p.Platform);
        return rows.ConvertAll(r => r.ToGroup([.. platforms[r.Id].Distinct().Order(StringComparer.Ordinal)],
            [.. events[r.Id].OrderByDescending(e => e.Id).Select(e => e.ToEvent(e.Id == r.OriginalId))]));
    }

    /// <summary>How many events of the last days the rule would keep back, and how many of them have a twin.</summary>
    private static async Task<DuplicateFix> CountedAsync(ClarityDbContext db, Website website, DuplicateGroup group, DuplicateFix fix, CancellationToken cancel)
    {
        if (fix.Field is null)
            return fix;
        string[] names = [.. group.Events.Where(e => string.Equals(ValueOf(e, fix.Field), fix.Value, StringComparison.OrdinalIgnoreCase)).Select(e => e.Name).Distinct()];
        var counts = await db.Database.SqlQueryRaw<CountRow>($$"""
            SELECT count(*) AS "Matching", count(*) FILTER (WHERE EXISTS (
                       SELECT FROM duplicate_members t JOIN duplicate_groups g ON g.workspace_id = t.workspace_id AND g.website_id = t.website_id AND g.id = t.group_id AND NOT g.ended AND g.ignored_at IS NULL
                        WHERE t.workspace_id = m.workspace_id AND t.website_id = m.website_id AND t.id = m.id)) AS "WithTwin"
              FROM duplicate_events m CROSS JOIN (SELECT {3} AS field) s
             WHERE m.workspace_id = {0} AND m.website_id = {1} AND m.name = ANY ({2}) AND lower({{GroupStore.FieldSql}}) = lower({4})
            """, website.WorkspaceId, website.Id, names, fix.Field, fix.Value!).SingleAsync(cancel);
        return fix with { Matching = counts.Matching, WithTwin = counts.WithTwin };
    }

    private static string? ValueOf(DuplicateEvent e, string field) => field switch
    {
        "source" => e.Source,
        "properties.source_platform" => e.Sender,
        "url_host" => e.Host,
        _ => e.Name,
    };

    private static DuplicatePair PairOf(DuplicateGroup group, DuplicateEvent first, DuplicateEvent second)
    {
        var (apart, received) = (second.OccurredAt - first.OccurredAt, second.ReceivedAt - first.ReceivedAt);
        var isAcross = first.Source == "browser" != (second.Source == "browser");
        var facts = new DedupFacts(first.Name, first.Name == second.Name, first.EventId == second.EventId, TransactionOf(first) == TransactionOf(second), received.Duration(), isAcross,
            first.VisitorId is not null && first.VisitorId == second.VisitorId, first.Source == "browser");
        return new DuplicatePair(first.Id, second.Id, apart.TotalSeconds, received.TotalSeconds, facts, PlatformDedup.Of(facts));
    }

    private static string TransactionOf(DuplicateEvent e) => string.IsNullOrEmpty(e.OrderId) ? e.EventId : e.OrderId;

    private static DateOnly DayOf(DateTimeOffset at, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, zone).DateTime);

    /// <summary>The time in a UUIDv7: when we received it.</summary>
    private static DateTimeOffset ReceivedAt(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16);
    }

    /// <summary>A parameter whose type is known also when it is null.</summary>
    private static Npgsql.NpgsqlParameter Value(object? value, string type) => new Npgsql.NpgsqlParameter { Value = value ?? DBNull.Value, DataTypeName = type };

    private const string RowSql = $"""
        g.id AS "Id", g.kind AS "Kind", g.reason AS "Reason", g.name AS "Name", g.order_id AS "OrderId", g.visitor_id AS "VisitorId", g.value AS "Value", g.currency AS "Currency",
        {StateSql} AS "State", g.first_at AS "FirstAt", g.last_at AS "LastAt", g.found_at AS "FoundAt", g.events AS "Events", g.extra_value AS "ExtraValue", g.rule_id AS "RuleId",
        g.original_id AS "OriginalId", g.ignored_by AS "IgnoredBy"
        """;

    private sealed record Row(Guid Id, string Kind, string Reason, string Name, string? OrderId, string? VisitorId, decimal? Value, string? Currency, string State, DateTimeOffset FirstAt,
        DateTimeOffset LastAt, DateTimeOffset FoundAt, int Events, decimal ExtraValue, Guid? RuleId, Guid OriginalId, string? IgnoredBy)
    {
        public DuplicateGroup ToGroup(IReadOnlyList<string> platforms, IReadOnlyList<DuplicateEvent> events)
        {
            var (kind, state) = (EnumText.Parse<DuplicateKind>(Kind)!.Value, EnumText.Parse<DuplicateState>(State)!.Value);
            var verdict = state != DuplicateState.Ended ? DuplicateVerdict.CountedTwice : kind == DuplicateKind.BrowserAndServer ? DuplicateVerdict.Paired : DuplicateVerdict.Ended;
            return new DuplicateGroup(Id, kind, EnumText.Parse<DuplicateReason>(Reason)!.Value, Name, OrderId, VisitorId, Value, Currency, state, verdict, FirstAt, LastAt, FoundAt, Events,
                ExtraValue, platforms, RuleId, events);
        }
    }

    private sealed record EventRow(Guid GroupId, Guid Id, string EventId, string Source, DateTimeOffset OccurredAt, string Name, string? OrderId, string? VisitorId, decimal? Value, string? Currency,
        string? Sender, string? Host, int Keys, bool IsStored)
    {
        public DuplicateEvent ToEvent(bool isOriginal) =>
            new(Id, EventId, Source, OccurredAt, DuplicateQueries.ReceivedAt(Id), Name, OrderId, VisitorId, Value, Currency, Sender, Host, Keys, isOriginal, IsStored);
    }

    private sealed record PlatformRow(Guid GroupId, string Platform);

    private sealed record SumRow(DateOnly Day, string? Currency, long Groups, long Duplicates, decimal Extra, long Paired);

    private sealed record DayRow(DateOnly Day, long Events);

    private sealed record CountRow(long Matching, long WithTwin);
}
