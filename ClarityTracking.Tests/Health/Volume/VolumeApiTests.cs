using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Health.Volume;

/// <summary>What is counted of real requests, and what the API says of it.</summary>
public sealed class VolumeApiTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    [Fact]
    public async Task Freshness_LiveLateImportedAndSkewed_AreToldApart()
    {
        var (owner, site) = await SiteAsync();
        var now = DateTimeOffset.UtcNow;
        await CollectAsync(site.PublishableKey, [("page_view", now.AddSeconds(-4)), ("page_view", now.AddSeconds(-4)), ("page_view", now.AddHours(-5)), ("lead", now.AddSeconds(90))]);
        await CollectAsync(site.SecretKey, [("purchase", now.AddDays(-90)), ("purchase", now.AddSeconds(-1))]);
        await CountedAsync(site, 5); // what happened 90 days ago is no volume of now
        using var client = app.ClientFor(owner);
        var answer = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/freshness"));
        var all = answer.GetProperty("all");
        Assert.Equal(3, all.GetProperty("received").GetProperty("events").GetInt64());
        Assert.InRange(all.GetProperty("received").GetProperty("p50").GetDouble(), 3.5, 9);
        Assert.Equal(1, all.GetProperty("late").GetProperty("events").GetInt64());
        Assert.InRange(all.GetProperty("late").GetProperty("p50").GetDouble(), 4.5 * 3600, 5.5 * 3600);
        Assert.Equal(1, all.GetProperty("history").GetProperty("events").GetInt64());
        Assert.Equal(1, all.GetProperty("ahead").GetProperty("events").GetInt64());
        Assert.Equal(0.0865, answer.GetProperty("relativeError").GetDouble());
        Assert.Equal("page_view", answer.GetProperty("byEvent")[0].GetProperty("name").GetString());
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/freshness?from=2026-05-02&to=2026-05-01"), 422);
    }

    [Fact]
    public async Task Ways_FetchBeaconAndImage_AreCountedByWhatTheBrowserSays()
    {
        var (_, site) = await SiteAsync();
        await CollectAsync(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)], ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors"));
        await CollectAsync(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)], ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"));
        using (var browser = Browser(("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")))
            Assert.True((await browser.GetAsync($"/{site.ScriptAlias}?body={Uri.EscapeDataString(Body(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)]))}")).IsSuccessStatusCode);
        await CountedAsync(site, 3);
        Assert.Equal("cross_site beacon 1, cross_site_alias image 1, first_party fetch 1",
            await app.ValueAsync<string>($"SELECT string_agg(served || ' ' || transport || ' ' || events, ', ' ORDER BY served, transport) FROM arrival_ways WHERE website_id = '{site.Id}'"));
        Assert.Equal("shop.example.com /a", await app.ValueAsync<string>($"SELECT host || ' ' || path FROM last_seen WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task Volume_BotsAndForeignHosts_AreNoVolumeAndNoHosts()
    {
        var (_, site) = await SiteAsync();
        using (var bot = app.Anonymous())
        {
            bot.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)");
            await AppFixture.JsonOf(await bot.PostAsync("/api/v1/collect", new StringContent(Body(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow), ("lead", DateTimeOffset.UtcNow)]))));
        }
        using (var browser = Browser())
            foreach (var host in (string[])["shop.example.com", "help.shop.example.com", "notshop.example.com", "elsewhere.example.org"])
                await AppFixture.JsonOf(await browser.PostAsync("/api/v1/collect",
                    new StringContent(Body(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)]).Replace("shop.example.com", host, StringComparison.Ordinal))));
        await CountedAsync(site, 4);
        Assert.Equal(6L, await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT sum(events)::bigint FROM event_rollups WHERE website_id = '{site.Id}'") is 6 ? 6L : (long?)null, "bots in the counts"));
        Assert.Equal(4L, await app.ValueAsync<long>($"SELECT sum(events)::bigint FROM volume_minutes WHERE website_id = '{site.Id}'"));
        Assert.Equal(4L, await app.ValueAsync<long>($"SELECT sum(events)::bigint FROM latency_rollups WHERE website_id = '{site.Id}'"));
        Assert.Equal("help.shop.example.com /a, shop.example.com /a, ",
            await app.ValueAsync<string>($"SELECT string_agg(host || coalesce(' ' || path, ''), ', ' ORDER BY host = '', host) FROM last_seen WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public void Domains_OfAHost_AreThoseAboveIt() =>
        Assert.Equal(["www.a.shop.example.com", "a.shop.example.com", "shop.example.com", "example.com", "com"], IntakeNotes.DomainsOf("a.shop.example.com"));

    [Fact]
    public async Task Silence_AfterAKeyWasRevoked_NamesIt()
    {
        var (owner, site) = await SiteAsync("revoked.example.com");
        using var client = app.ClientFor(owner);
        await CollectAsync(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)]);
        await CountedAsync(site, 1);
        var keys = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/keys"));
        var key = keys.GetProperty("items").EnumerateArray().First(k => k.GetProperty("kind").GetString() == "publishable").GetProperty("id").GetString();
        Assert.True((await client.DeleteAsync($"/api/websites/{site.Id}/keys/{key}")).IsSuccessStatusCode);
        using (var browser = Browser(("Origin", "https://revoked.example.com")))
            await AppFixture.ProblemOf(await browser.PostAsync("/api/v1/collect", new StringContent(Body(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)]))), 401);
        using (var browser = Browser(("Referer", "https://revoked.example.com/")))
            Assert.True((await browser.GetAsync("/t.js")).IsSuccessStatusCode);
        await app.Services.GetRequiredService<IntakeNotes>().FlushAsync(CancellationToken.None);
        var silence = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/silence"));
        Assert.Equal("revoked_key", silence.GetProperty("causes")[0].GetProperty("code").GetString());
        Assert.Equal(12, silence.GetProperty("scriptVersion").GetString()!.Length);
        Assert.Equal("", silence.GetProperty("seen")[0].GetProperty("host").GetString()); // the page was none of this website
    }

    [Fact]
    public async Task Capture_ClicksAndWhatTheBrowserTold_IsAShareWithItsInterval()
    {
        var (owner, site) = await SiteAsync();
        using var client = app.ClientFor(owner);
        var empty = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/capture"));
        Assert.Contains("100 are needed", empty.GetProperty("needed").GetString(), StringComparison.Ordinal);
        var link = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/links", new { name = "Link", targetUrl = "https://shop.example.com/a" }));
        for (var i = 0; i < 10; i++)
        {
            using var visitor = Browser();
            var target = (await visitor.GetAsync($"/r/{link.GetProperty("slug").GetString()}")).Headers.Location!;
            var tracking = HttpUtility.ParseQueryString(target.Query)["ct_tracking_id"];
            if (i < 8)
                await CollectAsync(site.PublishableKey, [("page_view", DateTimeOffset.UtcNow)], tracking, []);
        }
        await CountedAsync(site, 18);
        // clicks of the last hour do not count yet: two hours later
        await app.RunAsync($"""
            UPDATE events SET id = (left(clarity_lowest_id(received_at - interval '2 hours')::text, 13) || substr(id::text, 14))::uuid, received_at = received_at - interval '2 hours'
             WHERE website_id = '{site.Id}'
            """);
        async Task<JsonElement> CaptureAsync() => await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/capture"));
        var capture = await CaptureAsync();
        var clicks = capture.GetProperty("clicks");
        Assert.Equal((10, 8, .8, .4902, .9433), (clicks.GetProperty("known").GetInt32(), clicks.GetProperty("told").GetInt32(), clicks.GetProperty("rate").GetDouble(),
            clicks.GetProperty("low").GetDouble(), clicks.GetProperty("high").GetDouble()));
        Assert.Equal(JsonValueKind.Null, capture.GetProperty("gain").ValueKind);
        // told an hour after the click, it is another visit
        await app.RunAsync($"""
            UPDATE events SET id = (left(clarity_lowest_id(received_at + interval '61 minutes')::text, 13) || substr(id::text, 14))::uuid, received_at = received_at + interval '61 minutes'
             WHERE website_id = '{site.Id}' AND id = (SELECT id FROM events WHERE website_id = '{site.Id}' AND source = 'browser' LIMIT 1)
            """);
        Assert.Equal(7, (await CaptureAsync()).GetProperty("clicks").GetProperty("told").GetInt32());
    }

    [Fact]
    public void Gain_OfTwoWays_NeedsEnoughOfBoth()
    {
        CaptureWay Way(string served, long known, long told) => new(served, 10, CaptureShare.Of(known, told));
        Assert.Null(CaptureQueries.Gain([Way("cross_site", 500, 300)]));
        Assert.Null(CaptureQueries.Gain([Way("cross_site", 500, 300), Way("first_party_alias", 99, 90)]));
        var gain = CaptureQueries.Gain([Way("cross_site", 500, 300), Way("first_party_alias", 400, 320)])!;
        Assert.Equal(("first_party_alias", "cross_site", .2), (gain.Better, gain.Worse, gain.Difference));
        Assert.InRange(gain.Low, .13, .15);
        Assert.InRange(gain.High, .25, .27);
    }

    [Fact]
    public async Task Volume_OfAWebsiteWithWeeks_HasTheBand()
    {
        var (owner, site) = await SiteAsync();
        await app.RunAsync($"""
            INSERT INTO volume_hours SELECT '{site.WorkspaceId}', '{site.Id}', h, 'page_view', 'browser', 600
              FROM generate_series(date_trunc('hour', now()) - interval '40 days', date_trunc('hour', now()) - interval '1 hour', '1 hour') h
            """);
        using var client = app.ClientFor(owner);
        var volume = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/volume?name=page_view"));
        var points = volume.GetProperty("points").EnumerateArray().ToList();
        Assert.Equal(168 + 1, points.Count, 1.0);
        var whole = points[^5];
        Assert.Equal((600, 600), (whole.GetProperty("events").GetInt32(), whole.GetProperty("usual").GetDouble()));
        Assert.InRange(whole.GetProperty("low").GetDouble(), 300, 480);
        Assert.Equal(JsonValueKind.Null, volume.GetProperty("learningUntil").ValueKind);
        // forty days are known, and nothing comes
        Assert.Contains(volume.GetProperty("now").EnumerateArray(), n => n.GetProperty("state").GetString() == "drop" && n.GetProperty("isFinding").GetBoolean());
        Assert.Equal(0, (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/volume?name=unknown"))).GetProperty("weeks").GetInt32());
    }

    [Fact]
    public async Task Analyze_OfThisWeeksPartitions_GivesThemStatistics()
    {
        await using var database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());
        var now = new DateTimeOffset(2031, 3, 5, 12, 0, 0, TimeSpan.Zero);
        await Partitions.EnsureAsync(database, now, CancellationToken.None);
        await using (var fill = database.CreateCommand("""
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, attempts, created_at, finished_at)
            SELECT gen_random_uuid(), gen_random_uuid(), (left(clarity_lowest_id('2031-03-05Z')::text, 23) || '-' || lpad(to_hex(i), 12, '0'))::uuid, gen_random_uuid(), gen_random_uuid(), 'purchase', 'delivered', 1, now(), now()
              FROM generate_series(1, 500) i
            """))
            await fill.ExecuteNonQueryAsync();
        Assert.Equal(["events_20310303", "events_20310310", "deliveries_20310303", "deliveries_20310310"], await Partitions.AnalyzeAsync(database, now, CancellationToken.None));
        await using var look = database.CreateCommand("SELECT reltuples FROM pg_class WHERE relname = 'deliveries_20310303'");
        Assert.Equal(500f, await look.ExecuteScalarAsync());
    }

    private async Task<(Account Owner, NewSite Site)> SiteAsync(string domain = "shop.example.com")
    {
        var owner = await app.RegisterAsync();
        return (owner, await app.CreateWebsiteAsync(owner, "Shop", domain));
    }

    private HttpClient Browser(params (string Name, string Value)[] headers)
    {
        var client = app.Anonymous();
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", Agent);
        foreach (var (name, value) in headers)
            client.DefaultRequestHeaders.TryAddWithoutValidation(name, value);
        return client;
    }

    private async Task CollectAsync(string key, (string Name, DateTimeOffset At)[] events, params (string Name, string Value)[] headers) => await CollectAsync(key, events, null, headers);

    private async Task CollectAsync(string key, (string Name, DateTimeOffset At)[] events, string? tracking, params (string Name, string Value)[] headers)
    {
        using var client = Browser(headers);
        await AppFixture.JsonOf(await client.PostAsync("/api/v1/collect", new StringContent(Body(key, events, tracking))));
    }

    private static string Body(string key, (string Name, DateTimeOffset At)[] events, string? tracking = null) => JsonSerializer.Serialize(new
    {
        apiKey = key,
        events = events.Select(e => new
        {
            event_id = Guid.NewGuid().ToString(),
            event_type = e.Name,
            timestamp = e.At,
            session_id = "s",
            visitor_id = "v",
            properties = new { url = "https://shop.example.com/a?x=1", value = e.Name == "purchase" ? 10 : (int?)null },
            click_ids = tracking is null ? null : new Dictionary<string, string> { ["ct_tracking_id"] = tracking },
        }),
    });

    private async Task CountedAsync(NewSite site, long events)
    {
        for (var i = 0; i < 200; i++, await Task.Delay(50))
            if (await app.ValueAsync<long>($"SELECT coalesce(sum(events), 0)::bigint FROM volume_hours WHERE website_id = '{site.Id}'") == events)
                return;
        Assert.Fail($"{await app.ValueAsync<long>($"SELECT coalesce(sum(events), 0)::bigint FROM volume_hours WHERE website_id = '{site.Id}'")} of {events} events were counted");
    }
}
