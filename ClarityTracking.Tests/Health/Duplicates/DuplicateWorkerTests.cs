using System.Net.Http.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Health.Duplicates;

/// <summary>The follower when things go wrong: two nodes, a death in between, an event that cannot be read.</summary>
public sealed class DuplicateWorkerTests(StillApp app) : IClassFixture<StillApp>
{
    [Fact]
    public async Task TwoNodes_WithHalvesOfEachPairEach_FindAllOnce()
    {
        var site = await SiteAsync();
        for (var n = 0; n < 30; n++)
        {
            // entries of their own: the two halves of a pair may be taken by different nodes
            await SendAsync(site, Purchase($"{n}-a", $"o-{n}"));
            await SendAsync(site, Purchase($"{n}-b", $"o-{n}"));
            await RouteAsync();
        }
        var nodes = Enumerable.Range(0, 2).Select(_ => ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services)).ToList();
        await Task.WhenAll(nodes.Select(node => Task.Run(async () =>
        {
            while (await node.FollowBatchAsync(CancellationToken.None) > 0)
            {
                // until there is none left
            }
        })));
        Assert.Equal((30L, 60L, 0L), (await CountAsync("duplicate_groups", site), await CountAsync("duplicate_members", site), await FedAsync()));
    }

    [Fact]
    public async Task ADeath_BetweenTakingAndWriting_LosesNothing()
    {
        var site = await SiteAsync();
        await SendAsync(site, Purchase("k-1", "k"), Purchase("k-2", "k"), Purchase("k-2", "k"));
        await RouteAsync();
        var worker = ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services);
        await using (var other = new NpgsqlConnection(app.ConnectionString))
        {
            // the worker has taken its entries and waits for the website, which another node has
            await other.OpenAsync();
            await using var held = await other.BeginTransactionAsync();
            await using var hold = new NpgsqlCommand($"SELECT pg_advisory_xact_lock(hashtextextended('clarity duplicates {site.Id}', 0))", other);
            await hold.ExecuteNonQueryAsync();
            var following = Task.Run(() => worker.FollowBatchAsync(CancellationToken.None));
            await Eventually.GetAsync(async () => await app.ValueAsync<long>("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0 ? true : (bool?)null, "the waiting worker");
            await app.RunAsync("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
            await Assert.ThrowsAnyAsync<Exception>(() => following);
        }
        Assert.Equal((0L, 0L), (await CountAsync("duplicate_groups", site), await CountAsync("duplicate_events", site)));
        await FollowAsync(worker);
        Assert.Equal((2L, 2L, 0L), (await CountAsync("duplicate_groups", site), await CountAsync("duplicate_events", site), await FedAsync()));
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT sum(events)::bigint FROM duplicate_repeats WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task AnEventThatCannotBeRead_IsLeftOutAndTheOthersAreFound()
    {
        var site = await SiteAsync();
        await SendAsync(site, Purchase("bad", "x"), Purchase("q-1", "q"), Purchase("q-2", "q"));
        await RouteAsync();
        await app.RunAsync($$"""UPDATE events SET match_keys = '{"em": "no list"}' WHERE website_id = '{{site.Id}}' AND event_id = 'bad'""");
        await FollowAsync(ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services));
        Assert.Equal((1L, 2L, 0L), (await CountAsync("duplicate_groups", site), await CountAsync("duplicate_events", site), await FedAsync()));
    }

    [Fact]
    public async Task AnEventToldOverAndOver_IsCountedAndTheFirstFiftyAreKept()
    {
        var site = await SiteAsync();
        var worker = ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services);
        for (var i = 0; i < 3; i++)
        {
            await SendAsync(site, [.. Enumerable.Repeat(Purchase("m-1", "m"), 30)]);
            await RouteAsync();
            await FollowAsync(worker);
        }
        Assert.Equal(90, await app.ValueAsync<int>($"SELECT events FROM duplicate_groups WHERE website_id = '{site.Id}'"));
        Assert.Equal(50L, await CountAsync("duplicate_members", site));
    }

    [Fact]
    public async Task ManyEventsOfOneVisitor_TheNearestAreComparedFirst()
    {
        // a till that sold for an hour under one visitor id before: its twin is the one told a second ago
        var site = await SiteAsync();
        await SendAsync(site, Purchase("t-1", "till"), Purchase("t-2", "till"));
        await RouteAsync();
        await FollowAsync(ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services));
        await app.RunAsync($"""
            INSERT INTO duplicate_keys SELECT workspace_id, website_id, key, occurred_at - i * interval '1 second', gen_random_uuid()
              FROM duplicate_keys, generate_series(1, 100) i WHERE website_id = '{site.Id}';
            """);
        await SendAsync(site, Purchase("t-3", "till"));
        await RouteAsync();
        await FollowAsync(ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services));
        Assert.Equal(3, await app.ValueAsync<int>($"SELECT events FROM duplicate_groups WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task AWebsiteThatIsGone_LeavesNothingAndBlocksNothing()
    {
        var (gone, site) = (await SiteAsync(), await SiteAsync());
        await SendAsync(gone, Purchase("g-1", "g"), Purchase("g-2", "g"), Purchase("g-2", "g"));
        await SendAsync(site, Purchase("h-1", "h"), Purchase("h-2", "h"));
        await RouteAsync();
        await app.RunAsync($"DELETE FROM websites WHERE id = '{gone.Id}'");
        await FollowAsync(ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services));
        Assert.Equal((0L, 1L, 0L), (await CountAsync("duplicate_groups", gone), await CountAsync("duplicate_groups", site), await FedAsync()));
    }

    [Fact]
    public async Task Retention_RemovesWhatIsComparedNoMoreAndKeepsGroups()
    {
        var site = await SiteAsync();
        await SendAsync(site, Purchase("n-1", "n"), Purchase("n-2", "n"));
        await RouteAsync();
        await FollowAsync(ActivatorUtilities.CreateInstance<DuplicateWorker>(app.Services));
        var old = Partitions.LowestId(DateTimeOffset.UtcNow - PrintStore.Kept - TimeSpan.FromHours(1));
        await app.RunAsync($"""
            UPDATE duplicate_keys SET id = '{old}' WHERE id = (SELECT min(id::text)::uuid FROM duplicate_keys WHERE website_id = '{site.Id}');
            UPDATE duplicate_events SET id = '{old}' WHERE id = (SELECT min(id::text)::uuid FROM duplicate_events WHERE website_id = '{site.Id}');
            """);
        await ActivatorUtilities.CreateInstance<Retention>(app.Services).RunAsync(CancellationToken.None);
        Assert.Equal((1L, 1L), (await CountAsync("duplicate_events", site), await CountAsync("duplicate_groups", site)));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM duplicate_keys WHERE id = '{old}'"));
    }

    private async Task<NewSite> SiteAsync() => await app.CreateWebsiteAsync(await app.RegisterAsync());

    private async Task SendAsync(NewSite site, params object[] events)
    {
        using var server = app.ClientFor(site.SecretKey);
        await AppFixture.JsonOf(await server.PostAsJsonAsync("/event/track", new { events }));
    }

    private async Task RouteAsync()
    {
        var router = ActivatorUtilities.CreateInstance<EventRouter>(app.Services);
        while (await app.ValueAsync<bool>("SELECT EXISTS (SELECT FROM outbox)"))
            await router.RouteBatchAsync(CancellationToken.None);
    }

    private static async Task FollowAsync(DuplicateWorker worker)
    {
        while (await worker.FollowBatchAsync(CancellationToken.None) > 0)
        {
            // until there is none left
        }
    }

    private Task<long> CountAsync(string table, NewSite site) => app.ValueAsync<long>($"SELECT count(*) FROM {table} WHERE website_id = '{site.Id}'");

    private Task<long> FedAsync() => app.ValueAsync<long>("SELECT count(*) FROM event_feed WHERE follower IN ('duplicates', 'repeats')");

    private static object Purchase(string id, string order) => new
    {
        event_id = id,
        event_type = "purchase",
        properties = new { url = "https://shop.example.com/thanks", value = 20, currency = "EUR", order_id = order },
        user = new { email = $"{order}@example.com" },
    };
}
