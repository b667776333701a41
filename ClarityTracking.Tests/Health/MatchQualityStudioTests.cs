using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;

namespace ClarityTracking.Tests.Health;

/// <summary>The studio over real events and a real database: what counts, how it is calibrated, and what leads to which rows.</summary>
public sealed class MatchQualityStudioTests(AppWithScores app) : IClassFixture<AppWithScores>
{
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    [Fact]
    public async Task Studio_OfRealEvents_CountsUsableKeysOfEventsThatAdPlatformsGet()
    {
        var (client, site) = await SiteAsync();
        await SendAsync(site,
            Purchase("whole", new { email = "a@example.com", phone = "+4930123456", ip = "2001:4860:4860::8888", user_agent = Agent }),
            Purchase("no-country", new { email = "b@example.com", phone = "0171 2345678", ip = "2001:4860:4860::8888", user_agent = Agent }),
            Purchase("no-phone", new { email = "c@example.com", ip = "10.0.0.1", user_agent = Agent }),
            Purchase("hashed", new { email = "9e107d9d372bb6826bd81d3542a419d6", phone = "+4930123457", ip = "8.8.8.8", user_agent = Agent }),
            new { event_id = "refused", event_type = "purchase", user = new { email = "d@example.com" }, consent = new { ad_user_data = "denied" }, properties = Order },
            new { event_id = "test", event_type = "purchase", test = true, user = new { email = "e@example.com" }, properties = Order });
        var studio = await StudioAsync(client, site, counted: 4);

        Assert.Equal("purchase", Text(studio, "eventName"));
        Assert.Equal([("em", 0.75m, 1L), ("ph", 0.5m, 2L), ("fbc", 0m, 4L), ("fbp", 0m, 4L), ("client_ip_address", 0.75m, 1L), ("client_user_agent", 1m, 0L)],
            studio.GetProperty("keys").EnumerateArray().Take(6).Select(k => (Text(k, "key"), k.GetProperty("share").GetDecimal(), k.GetProperty("without").GetInt64())));
        // em .75, ph .5, IPv6 .5, IPv4 .25: 10 · (1 − 0.5875 · 0.775 · 0.85 · 0.9325)
        Assert.Equal(6.4m, Estimate(studio, "raw"));
        var gain = studio.GetProperty("estimate").GetProperty("gains").EnumerateArray().Single(g => Text(g, "key") == "ph");
        Assert.Equal((6.4m, 7.4m), (gain.GetProperty("from").GetDecimal(), gain.GetProperty("to").GetDecimal())); // 10 · (1 − 0.5875 · 0.55 · 0.85 · 0.9325)

        // each number leads to its rows, also where only the opened event tells
        Assert.Equal(["no-country", "no-phone"], await WithoutAsync(client, site, "ph"));
        Assert.Equal(["hashed"], await WithoutAsync(client, site, "em"));
        Assert.Equal(["no-phone"], await WithoutAsync(client, site, "client_ip_address"));
        Assert.Equal(["hashed", "no-country", "no-phone", "whole"], await WithoutAsync(client, site, "fbc"));
        Assert.Empty(await WithoutAsync(client, site, "client_user_agent"));

        // the advice is of the asked stack
        var wordpress = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?stack=wordpress"));
        Assert.Contains("WooCommerce", Text(wordpress.GetProperty("estimate").GetProperty("gains").EnumerateArray().Single(g => Text(g, "key") == "ph"), "how"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EventsWithout_OverMorePagesThanOne_ListEachOnce()
    {
        var (client, site) = await SiteAsync();
        await SendAsync(site, [.. Enumerable.Range(0, 30).Select(i => i % 3 == 0
            ? Purchase($"bare-{i}", new { ip = "8.8.8.8", user_agent = Agent }) : Purchase($"full-{i}", new { email = $"p{i}@example.com" }))]);
        var (found, cursor, pages) = (new List<string?>(), (string?)null, 0);
        do
        {
            var page = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/events?without=em&limit=4{(cursor is null ? "" : "&cursor=" + cursor)}"));
            found.AddRange(page.GetProperty("items").EnumerateArray().Select(i => Text(i, "eventId")));
            cursor = page.GetProperty("nextCursor").GetString();
            pages++;
        }
        while (cursor is not null && pages < 10);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"bare-{3 * i}").Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task Studio_WithThePlatformsScores_CalibratesOverTime()
    {
        var (client, site) = await SiteAsync();
        var dataset = "880001";
        app.Scores.Datasets[dataset] = """{"web":[]}""";
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        // ten days of ten purchases an hour, all with an email, half of them with fbp: 10 · (1 − 0.45 · 0.85) = 6.2
        await PlantHoursAsync(site, "purchase", days: 10, ("*", 10), ("em", 10), ("fbp", 5));
        await PlantScoreAsync(site, meta, dataset, "Purchase", daysAgo: 3, 7.2m); // off by 1.0
        await PlantScoreAsync(site, meta, dataset, "purchase", daysAgo: 2, 6.2m); // 1.0 + 0.3 · (0.0 − 1.0) = 0.7
        await PlantScoreAsync(site, meta, dataset, "Purchase", daysAgo: 1, 8.2m); // 0.7 + 0.3 · (2.0 − 0.7) = 1.09
        await PlantScoreAsync(site, meta, dataset, "Lead", daysAgo: 1, 2.0m); // another event's
        await PlantScoreAsync(site, meta, "999", "Purchase", daysAgo: 1, 1.0m); // another dataset's

        var studio = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?connectionId={meta}&event=purchase&days=7"));
        Assert.Equal((6.2m, 1.1m, 7.3m), (Estimate(studio, "raw"), Estimate(studio, "offset"), Estimate(studio, "shown")));
        Assert.Equal(3, studio.GetProperty("estimate").GetProperty("calibratedDays").GetInt32());
        var gain = studio.GetProperty("estimate").GetProperty("gains")[0];
        Assert.Equal((7.3m, 9.0m), (gain.GetProperty("from").GetDecimal(), gain.GetProperty("to").GetDecimal())); // ph or fbc: 10 · (1 − 0.45 · 0.55 · 0.85) = 7.9, and 1.1
        Assert.Equal(8.2m, studio.GetProperty("score").GetProperty("latest").GetProperty("score").GetDecimal());
        var days = studio.GetProperty("days").EnumerateArray().ToList();
        Assert.Equal(8, days.Count);
        Assert.All(days, d => Assert.Equal((1m, .5m, 6.2m), (d.GetProperty("shares").GetProperty("em").GetDecimal(), d.GetProperty("shares").GetProperty("fbp").GetDecimal(), d.GetProperty("raw").GetDecimal())));
        // what was shown on a day knew no later score
        Assert.Equal([6.2m, 7.2m, 6.9m, 7.3m, 7.3m], days.TakeLast(5).Select(d => d.GetProperty("shown").GetDecimal()));
        Assert.Equal([null, 7.2m, 6.2m, 8.2m, (decimal?)null], days.TakeLast(5).Select(d => d.GetProperty("platformScore").ValueKind == JsonValueKind.Null ? (decimal?)null : d.GetProperty("platformScore").GetDecimal()));

        // the same in the website's health
        await app.RunAsync($"""
            INSERT INTO delivery_rollups VALUES ('{site.WorkspaceId}', '{site.Id}', '{meta}', date_trunc('hour', now()), 'purchase', 'delivered', '', 10, 1000);
            INSERT INTO event_rollups VALUES ('{site.WorkspaceId}', '{site.Id}', date_trunc('hour', now()), 'purchase', false, 10, 0) ON CONFLICT DO NOTHING
            """);
        var health = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/health"));
        var quality = health.GetProperty("byEvent")[0].GetProperty("destinations")[0].GetProperty("quality");
        Assert.Equal((7.3m, 8.2m, 3), (quality.GetProperty("emqEstimate").GetDecimal(), quality.GetProperty("platformScore").GetDecimal(), quality.GetProperty("calibratedDays").GetInt32()));
        Assert.Equal([7.2m, 6.2m, 8.2m], quality.GetProperty("history").EnumerateArray().Select(h => h.GetProperty("score").GetDecimal()));
        Assert.Contains("48 hours", Text(quality, "lag"), StringComparison.Ordinal);
        Assert.Equal(6.2m, health.GetProperty("byEvent")[0].GetProperty("emqEstimate").GetDecimal());
    }

    [Fact]
    public async Task Studio_EventsThatThePlatformKnowsAsOne_CalibrateTogether()
    {
        var (client, site) = await SiteAsync();
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = "880002", events = new { form_submit = "Lead" } });
        await PlantHoursAsync(site, "lead", days: 5, ("*", 10), ("em", 10)); // 5.5 alone
        await PlantHoursAsync(site, "form_submit", days: 5, ("*", 10), ("fbp", 10)); // 3.0 alone; together em .5 and fbp .5: 10 · (1 − 0.725 · 0.85) = 3.8
        await PlantScoreAsync(site, meta, "880002", "Lead", daysAgo: 1, 5.0m);
        var studio = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?connectionId={meta}&event=lead"));
        Assert.Equal((5.5m, 1.2m, 6.7m), (Estimate(studio, "raw"), Estimate(studio, "offset"), Estimate(studio, "shown")));
    }

    [Fact]
    public async Task Studio_OfAPlatformWithoutPublicScore_ShowsItsKeysAndSaysSo()
    {
        var (client, site) = await SiteAsync();
        var tiktok = await ConnectAsync(client, site, "tiktok", new { pixel_code = "C0PIXEL" });
        await SendAsync(site, new
        {
            event_id = "t-1",
            event_type = "lead",
            properties = new { url = "https://shop.example.com/" },
            user = new { email = "a@example.com", city = "Berlin", ip = "8.8.8.8", user_agent = Agent },
            cookies = new { ttp = "ttp-1" },
        });
        var studio = await StudioAsync(client, site, counted: 1, $"?connectionId={tiktok}");
        Assert.Equal(("tiktok", false, JsonValueKind.Null), (Text(studio, "platform"), studio.GetProperty("score").GetProperty("isPublic").GetBoolean(), studio.GetProperty("estimate").ValueKind));
        var shares = studio.GetProperty("keys").EnumerateArray().ToDictionary(k => Text(k, "key")!, k => k.GetProperty("share").GetDecimal());
        Assert.Equal((1m, 0m, 1m, 0m, 1m, 1m, 1m), (shares["em"], shares["ph"], shares["ttp"], shares["ttclid"], shares["client_ip_address"], shares["client_user_agent"], shares["ct"]));
        // what it takes readable is not there in privacy mode
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { privacyMode = true }));
        studio = await StudioAsync(client, site, counted: 1, $"?connectionId={tiktok}");
        Assert.Equal(0m, studio.GetProperty("keys").EnumerateArray().Single(k => Text(k, "key") == "ct").GetProperty("share").GetDecimal());
    }

    [Fact]
    public async Task Phone_WithoutCountryInPrivacyMode_CountsAsAbsentThoughNothingReadableIsKept()
    {
        var (client, site) = await SiteAsync();
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { privacyMode = true }));
        await SendAsync(site, Purchase("p-1", new { email = "a@example.com", phone = "0171 2345678" }), Purchase("p-2", new { email = "a@example.com", phone = "+491712345678" }));
        var studio = await StudioAsync(client, site, counted: 2);
        Assert.Equal(0.5m, studio.GetProperty("keys").EnumerateArray().Single(k => Text(k, "key") == "ph").GetProperty("share").GetDecimal());
    }

    [Fact]
    public async Task Weights_OfAWebsite_AreCheckedTakenAndReset()
    {
        var (client, site) = await SiteAsync();
        await PlantHoursAsync(site, "purchase", days: 2, ("*", 10), ("em", 10), ("fbp", 10)); // 10 · (1 − 0.45 · 0.7) = 6.9
        var path = $"/api/websites/{site.Id}/match-quality/weights";
        foreach (var (weights, field) in new (object, string)[]
        {
            (new { em = 0.99 }, "weights.em"), (new { em = -0.1 }, "weights.em"), (new { em = 0.555 }, "weights.em"), (new { email = 0.5 }, "weights"), (new { }, "weights"),
        })
        {
            var problem = await AppFixture.ProblemOf(await client.PutAsJsonAsync(path, new { weights }), 422);
            Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
        }
        await AppFixture.ProblemOf(await client.PutAsync(path, new StringContent("""{"weights":{"em":"much"}}""", System.Text.Encoding.UTF8, "application/json")), 400);

        var changed = await AppFixture.JsonOf(await client.PutAsJsonAsync(path, new { weights = new { em = 0.8, fbp = 0.3 } }));
        Assert.Equal((0.8m, 0.55m), (Weight(changed, "em", "chance"), Weight(changed, "em", "default")));
        var studio = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality"));
        Assert.Equal((8.6m, true), (Estimate(studio, "raw"), studio.GetProperty("estimate").GetProperty("hasOwnWeights").GetBoolean())); // 10 · (1 − 0.2 · 0.7)
        await AppFixture.JsonOf(await client.PutAsJsonAsync(path, new { weights = new { fbp = 0 } })); // the others stay
        Assert.Equal(8.0m, Estimate(await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality")), "raw"));

        var reset = await AppFixture.JsonOf(await client.DeleteAsync(path));
        Assert.Equal((0.55m, JsonValueKind.Null), (Weight(reset, "em", "chance"), reset.GetProperty("changedAt").ValueKind));
        Assert.Equal(6.9m, Estimate(await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality")), "raw"));
    }

    [Fact]
    public async Task Studio_AskedWrongly_SaysWhatIsWrong()
    {
        var (client, site) = await SiteAsync();
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?days=0"), 422);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?days=91"), 422);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?connectionId={Guid.NewGuid()}"), 404);
        var empty = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality"));
        Assert.Equal((JsonValueKind.Null, 0, 0), (empty.GetProperty("eventName").ValueKind, empty.GetProperty("counted").GetInt32(), empty.GetProperty("days").GetArrayLength()));
    }

    private static readonly object Order = new { url = "https://shop.example.com/thanks", value = 10, currency = "EUR" };

    private static object Purchase(string id, object user) => new { event_id = id, event_type = "purchase", properties = Order, user };

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();

    private static decimal Estimate(JsonElement studio, string name) => studio.GetProperty("estimate").GetProperty(name).GetDecimal();

    private static decimal Weight(JsonElement weights, string key, string name) =>
        weights.GetProperty("keys").EnumerateArray().Single(k => Text(k, "key") == key).GetProperty(name).GetDecimal();

    private async Task<(HttpClient Client, NewSite Site)> SiteAsync()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        return (app.ClientFor(site.SecretKey), site);
    }

    private async Task SendAsync(NewSite site, params object[] events)
    {
        using var server = app.ClientFor(site.SecretKey);
        var answer = await AppFixture.JsonOf(await server.PostAsJsonAsync("/event/track", new { events }));
        Assert.Equal(events.Length, answer.GetProperty("accepted").GetInt32());
    }

    private static Task<JsonElement> StudioAsync(HttpClient client, NewSite site, int counted, string query = "") => Eventually.GetAsync(async () =>
        await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality{query}")) is var studio && studio.GetProperty("counted").GetInt32() == counted
            ? studio : (JsonElement?)null, $"{counted} counted events");

    private static async Task<IEnumerable<string?>> WithoutAsync(HttpClient client, NewSite site, string key) =>
        (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/events?name=purchase&without={key}"))).GetProperty("items").EnumerateArray()
            .Select(i => Text(i, "eventId")).Order(StringComparer.Ordinal);

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, object settings) =>
        (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform, settings, credentials = new { access_token = StrictScores.Token } }))).GetProperty("id").GetGuid();

    [Fact]
    public async Task Coverage_HoursFromBeforeTheWholeWasCounted_AreLeftOut()
    {
        var (client, site) = await SiteAsync();
        await PlantHoursAsync(site, "purchase", days: 2, ("*", 4), ("em", 1));
        await app.RunAsync($"""
            DELETE FROM key_rollups WHERE website_id = '{site.Id}' AND key = '*' AND hour < now() - interval '12 hours';
            UPDATE key_rollups SET events = 10 WHERE website_id = '{site.Id}' AND key = 'em' AND hour < now() - interval '12 hours'
            """);
        var health = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/health"));
        Assert.Equal(0.25m, health.GetProperty("byEvent")[0].GetProperty("keyCoverage").GetProperty("em").GetDecimal());
        var studio = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/match-quality?event=purchase"));
        Assert.Equal(0.25m, studio.GetProperty("keys")[0].GetProperty("share").GetDecimal());
    }

    /// <summary>Rollups as the router writes them, each hour the same.</summary>
    private Task PlantHoursAsync(NewSite site, string name, int days, params (string Key, int Events)[] keys) => app.RunAsync($"""
        INSERT INTO event_rollups SELECT '{site.WorkspaceId}', '{site.Id}', h, '{name}', false, 10, 0
          FROM generate_series(date_trunc('hour', now()) - interval '{days} days', date_trunc('hour', now()), '1 hour') h;
        INSERT INTO key_rollups SELECT '{site.WorkspaceId}', '{site.Id}', h, '{name}', k.key, k.events
          FROM generate_series(date_trunc('hour', now()) - interval '{days} days', date_trunc('hour', now()), '1 hour') h,
               (VALUES {string.Join(", ", keys.Select(k => $"('{k.Key}', {k.Events})"))}) AS k(key, events)
        """);

    private Task PlantScoreAsync(NewSite site, Guid connection, string source, string name, int daysAgo, decimal score) => app.RunAsync($$$"""
        INSERT INTO platform_scores (workspace_id, website_id, connection_id, source, day, event_name, score, verdict, detail, fetched_at)
        VALUES ('{{{site.WorkspaceId}}}', '{{{site.Id}}}', '{{{connection}}}', '{{{source}}}', (now() AT TIME ZONE 'UTC')::date - {{{daysAgo}}}, '{{{name}}}',
                {{{score.ToString(CultureInfo.InvariantCulture)}}}, 'scored', '{"keys":[],"facts":[],"answer":{}}', now() - interval '{{{daysAgo}}} days')
        """);
}
