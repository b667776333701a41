using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Health.Duplicates;

/// <summary>The app without workers: what follows the log is run by the test.</summary>
public sealed class StillApp : AppFixture
{
    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Clarity:Roles"] = "web,collect" };
}

/// <summary>
/// A generated day through the real intake, router and follower: what is planted is found and nothing else, in time, and looking for it costs no more
/// when there is more history. <c>bench/run duplicates</c> runs the same with 200,000 events (CLARITY_DAY_EVENTS) and up to 2,000,000 of history.
/// </summary>
public sealed class GeneratedDayTests(AppFixture app, StillApp still, ITestOutputHelper output) : IClassFixture<AppFixture>, IClassFixture<StillApp>
{
    private const double Aim = .98;
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    private static readonly int DayEvents = int.TryParse(Environment.GetEnvironmentVariable("CLARITY_DAY_EVENTS"), CultureInfo.InvariantCulture, out var count) ? count : 8000;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _sent = new();

    [Fact]
    public async Task ADay_WithPlantedDuplicates_IsReadRight()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var day = new GeneratedDay(DayEvents, DateTimeOffset.UtcNow.AddMinutes(-1));
        Say($"{day.Events.Count:N0} events, {day.Plan.Count:N0} conversions and groups of them");
        await SendAsync(app, site, day.Before);
        await DrainedAsync(app);
        await app.RunAsync("UPDATE event_keys SET seen_at = seen_at - interval '7 days 1 hour'");

        var clock = Stopwatch.StartNew();
        await SendAsync(app, site, day.Events);
        var taken = clock.Elapsed;
        await DrainedAsync(app);
        Say($"taken in within {taken.TotalSeconds:N1} s, {day.Events.Count / taken.TotalSeconds:N0} events/s; all looked at {(clock.Elapsed - taken).TotalSeconds:N1} s later");

        var rows = await RowsAsync(app, site);
        JudgeEnded(day, rows);
        JudgeOpen(day, rows);
        JudgeDelays(rows);
    }

    [Fact]
    public async Task NewEvents_WithTenTimesTheHistory_CostTheSame()
    {
        var fresh = Math.Max(1000, DayEvents / 10);
        var site = await still.CreateWebsiteAsync(await still.RegisterAsync());
        await FollowedAsync(site, fresh, seed: 1); // the first time is slower for other reasons
        await still.RunAsync("ALTER TABLE duplicate_keys SET (autovacuum_enabled = off); ALTER TABLE duplicate_events SET (autovacuum_enabled = off)"); // it reads too
        await HistoryAsync(site, 0, DayEvents);
        var (few, blocksOfFew) = await CostAsync(site, fresh, seed: 2);
        await HistoryAsync(site, DayEvents, DayEvents * 10);
        var (many, blocksOfMany) = await CostAsync(site, fresh, seed: 3);
        Say($"following {fresh:N0} new events with {DayEvents:N0} conversions of history: {few.TotalMilliseconds:N0} ms, {blocksOfFew:N0} blocks looked at; with {DayEvents * 10:N0}: {many.TotalMilliseconds:N0} ms, {blocksOfMany:N0} blocks; ratio of blocks {(double)blocksOfMany / blocksOfFew:N2}, of time {many / few:N2}");
        // by blocks: the time says as much about who else uses the machine. An index that is ten times as large is one level deeper.
        Assert.True(blocksOfMany < blocksOfFew * 2, $"ten times the history cost {(double)blocksOfMany / blocksOfFew:N1} times as much");
    }

    // --- judging ---

    /// <summary>Kind (a) and the good part of (c): what intake ended.</summary>
    private void JudgeEnded(GeneratedDay day, IReadOnlyList<Row> rows)
    {
        foreach (var (planted, kind, name) in new[] { (PlantedKind.Repeat, DuplicateKind.SameId, "(a) sent again under its id"), (PlantedKind.Paired, DuplicateKind.BrowserAndServer, "(c) browser and server under one id") })
        {
            var truth = day.Plan.Where(p => p.Kind == planted).SelectMany(p => p.EventIds.Skip(1)).ToList();
            var found = rows.Where(r => r is { Ended: true, Stored: false } && r.Kind == kind).Select(r => r.EventId).ToList();
            Judge(name, truth.Count, found.Count, Common(truth, found));
        }
    }

    /// <summary>Late (a), (b) and the bad part of (c): pairs of events that are one.</summary>
    private void JudgeOpen(GeneratedDay day, IReadOnlyList<Row> rows)
    {
        foreach (var (planted, kind, name) in new[]
        {
            (PlantedKind.LateRepeat, DuplicateKind.SameId, "(a) sent again after 7 days"), (PlantedKind.DifferentIds, DuplicateKind.DifferentIds, "(b) told twice by one side"),
            (PlantedKind.Unpaired, DuplicateKind.BrowserAndServer, "(c) browser and server under different ids"),
        })
        {
            var truth = day.Plan.Where(p => p.Kind == planted).SelectMany(p => PairsOf(p.EventIds)).ToList();
            var found = rows.Where(r => !r.Ended && r.Kind == kind).GroupBy(r => r.Group).SelectMany(g => PairsOf([.. g.Select(r => r.EventId)])).ToList();
            Judge(name, truth.Count, found.Count, Common(truth, found));
        }
        var stories = day.Plan.SelectMany(p => p.EventIds.Select(id => (id, p))).DistinctBy(p => p.id).ToDictionary(p => p.id, p => p.p);
        var wrong = rows.Where(r => !r.Ended).GroupBy(r => r.Group).Where(g => g.Select(r => stories[r.EventId]).Distinct().Count() > 1)
            .GroupBy(g => string.Join(" + ", g.Select(r => stories[r.EventId].Story).Distinct().Order(StringComparer.Ordinal)));
        foreach (var story in wrong)
            Say($"  wrongly joined: {story.Count()} times {story.Key}");
        var undecidable = day.Plan.Where(p => !p.IsDecidable).GroupBy(p => p.Story).Select(g => $"{g.Count()} {g.Key}");
        Say($"  counted in, though nobody could tell: {string.Join(", ", undecidable)}");
    }

    private void JudgeDelays(IReadOnlyList<Row> rows)
    {
        var delays = rows.GroupBy(r => r.Group).Select(g => (g.First().ChangedAt - g.Max(r => _sent[r.EventId])).TotalSeconds).Order().ToList();
        Say($"from sent to found: median {delays[delays.Count / 2]:N1} s, p99 {delays[delays.Count * 99 / 100]:N1} s, longest {delays[^1]:N1} s, {delays.Count:N0} groups");
        Assert.True(delays[^1] <= 60, $"one was found after {delays[^1]:N1} s");
    }

    private void Judge(string name, int planted, int found, int right)
    {
        var (precision, recall) = ((double)right / found, (double)right / planted);
        Say($"{name}: {planted:N0} planted, {found:N0} found, precision {precision:N4}, recall {recall:N4}");
        Assert.True(planted > 0 && precision >= Aim && recall >= Aim, $"{name}: precision {precision:N4}, recall {recall:N4}");
    }

    private static IEnumerable<string> PairsOf(IReadOnlyList<string> ids)
    {
        for (var i = 0; i < ids.Count; i++)
            for (var j = i + 1; j < ids.Count; j++)
                yield return string.CompareOrdinal(ids[i], ids[j]) < 0 ? $"{ids[i]} {ids[j]}" : $"{ids[j]} {ids[i]}";
    }

    private static int Common(IEnumerable<string> truth, IEnumerable<string> found)
    {
        var left = truth.CountBy(t => t).ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
        var common = 0;
        foreach (var one in found)
            if (left.GetValueOrDefault(one) is > 0 and var times)
            {
                left[one] = times - 1;
                common++;
            }
        return common;
    }

    private sealed record Row(Guid Group, DuplicateKind Kind, bool Ended, string EventId, bool Stored, DateTimeOffset ChangedAt);

    private static async Task<List<Row>> RowsAsync(AppFixture app, NewSite site)
    {
        await using var database = NpgsqlDataSource.Create(app.ConnectionString);
        await using var command = database.CreateCommand($"""
            SELECT g.id, g.kind, g.ended, m.event_id, m.stored, g.changed_at FROM duplicate_groups g JOIN duplicate_members m ON m.workspace_id = g.workspace_id AND m.website_id = g.website_id AND m.group_id = g.id
             WHERE g.website_id = '{site.Id}'
            """);
        var rows = new List<Row>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            rows.Add(new Row(row.GetGuid(0), Core.Data.EnumText.Parse<DuplicateKind>(row.GetString(1))!.Value, row.GetBoolean(2), row.GetString(3), row.GetBoolean(4), row.GetFieldValue<DateTimeOffset>(5)));
        return rows;
    }

    // --- running ---

    /// <summary>Through the real intake, minute by minute and side by side as they arrive.</summary>
    private async Task SendAsync(AppFixture to, NewSite site, IReadOnlyList<DayEvent> events)
    {
        var pipeline = to.Services.GetRequiredService<IngestPipeline>();
        var keys = to.Services.GetRequiredService<KeyDirectory>();
        var (browser, server) = ((await keys.FindAsync(site.PublishableKey))!, (await keys.FindAsync(site.SecretKey))!);
        var batches = events.GroupBy(e => (Minute: e.ReceivedAt.Ticks / TimeSpan.TicksPerMinute, e.Source)).OrderBy(g => g.Key.Minute).SelectMany(g => g.Chunk(500));
        await Parallel.ForEachAsync(batches, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (batch, _) =>
        {
            var context = new IngestContext
            {
                Owner = batch[0].Source == EventSource.Browser ? browser : server,
                Source = batch[0].Source,
                ReceivedAt = batch.Max(e => e.ReceivedAt),
                Ip = "203.0.113.7",
                UserAgent = batch[0].Source == EventSource.Browser ? Agent : null,
            };
            var result = await pipeline.TakeInAsync([.. batch.Select(e => e.ToJson())], context);
            Assert.Empty(result.Rejected);
            var now = DateTimeOffset.UtcNow;
            foreach (var e in batch)
                _sent[e.EventId] = now;
        });
    }

    private static async Task DrainedAsync(AppFixture of)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        while (await of.ValueAsync<bool>("SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM event_feed WHERE follower IN ('duplicates', 'repeats'))"))
            await Task.Delay(200, patience.Token);
    }

    /// <summary>How long the follower takes for some new events, and how many blocks of the tables that grow with history it looks at.</summary>
    private async Task<(TimeSpan Time, long Blocks)> CostAsync(NewSite site, int events, int seed)
    {
        var before = await BlocksAsync();
        var time = await FollowedAsync(site, events, seed);
        return (time, await BlocksAsync() - before);
    }

    /// <summary>Blocks looked at so far, told when nobody adds to them any more.</summary>
    private async Task<long> BlocksAsync()
    {
        still.Services.GetRequiredService<NpgsqlDataSource>().Clear(); // a backend tells what it has counted when it ends
        var before = -1L;
        for (var patience = 0; patience < 20; patience++)
        {
            var blocks = await still.ValueAsync<long>("""
                SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint FROM pg_statio_user_tables WHERE relname IN ('duplicate_keys', 'duplicate_events')
                """);
            if (blocks == before)
                break;
            before = blocks;
            await Task.Delay(1000);
        }
        return before;
    }

    /// <summary>How long the follower alone takes for some new events.</summary>
    private async Task<TimeSpan> FollowedAsync(NewSite site, int events, int seed)
    {
        var day = new GeneratedDay(events, DateTimeOffset.UtcNow.AddMinutes(-1), seed);
        await SendAsync(still, site, [.. day.Events.Select(e => e with { EventId = $"{seed}-{e.EventId}", Order = e.Order is null ? null : $"{seed}-{e.Order}", Visitor = e.Visitor is null ? null : $"{seed}-{e.Visitor}" })]);
        var router = ActivatorUtilities.CreateInstance<EventRouter>(still.Services);
        while (await still.ValueAsync<bool>("SELECT EXISTS (SELECT FROM outbox)"))
            await router.RouteBatchAsync(CancellationToken.None);
        var worker = still.Services.GetRequiredService<DuplicateWorker>();
        var clock = Stopwatch.StartNew();
        while (await worker.FollowBatchAsync(CancellationToken.None) > 0)
        {
            // until there is none left
        }
        return clock.Elapsed;
    }

    /// <summary>Conversions of the eight days before, each with four keys, as the follower keeps them; the planner is told as autovacuum would tell it.</summary>
    private async Task HistoryAsync(NewSite site, int from, int to)
    {
        const int PerStatement = 100_000; // more would exceed the time that one may take
        for (var first = from + 1; first <= to; first += PerStatement)
            await still.RunAsync($$"""
                INSERT INTO duplicate_events (workspace_id, website_id, id, event_id, name, family, source, occurred_at, visitor_id, order_id, value, currency, visitors, persons)
                SELECT '{{site.WorkspaceId}}', '{{site.Id}}', md5('h' || n)::uuid, 'h-' || n, 'purchase', 'purchase', 'server', now() - interval '1 second' * (n % 690000), 'hv-' || n, 'h' || n, 49.9, 'EUR',
                       ARRAY[hashtextextended('v' || n, 0)], ARRAY[hashtextextended('p' || n, 0)] FROM generate_series({{first}}, {{Math.Min(to, first + PerStatement - 1)}}) n;
                INSERT INTO duplicate_keys SELECT '{{site.WorkspaceId}}', '{{site.Id}}', hashtextextended(k || n, 1), now() - interval '1 second' * (n % 690000), md5('h' || n)::uuid
                  FROM generate_series({{first}}, {{Math.Min(to, first + PerStatement - 1)}}) n, unnest(ARRAY['i', 'o', 'v', 'p']) k;
                """);
        await still.RunAsync("ANALYZE duplicate_keys; ANALYZE duplicate_events; CHECKPOINT");
    }

    private void Say(FormattableString text)
    {
        var line = text.ToString(CultureInfo.InvariantCulture);
        output.WriteLine(line);
        if (Environment.GetEnvironmentVariable("CLARITY_DAY_REPORT") is { Length: > 0 } file)
            File.AppendAllText(file, line + Environment.NewLine);
    }
}
