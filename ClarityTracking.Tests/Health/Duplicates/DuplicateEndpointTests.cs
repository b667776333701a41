using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Health.Duplicates;

/// <summary>Duplicates from an event on its way in to what people see and decide, over HTTP and with all workers.</summary>
public sealed class DuplicateEndpointTests(AppWithMeta app) : IClassFixture<AppWithMeta>
{
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    [Fact]
    public async Task List_OfEventsUnderDifferentIds_HasThemGroupedWithTheirReason()
    {
        var shop = await ShopAsync();
        await shop.BrowserAsync(Purchase("a-1", "v-a", "1001"), Purchase("a-2", "v-b", "1001"),   // the same order
            Purchase("b-1", "v-c"), Purchase("b-2", "v-c"),                                        // the same visitor and value
            Purchase("c-1", "v-d", "1002"), Purchase("c-2", "v-d", "1003"),                        // two orders of one visitor
            Purchase("d-1", "v-e"), Purchase("d-2", "v-e", minutesAgo: 30),                        // half an hour apart
            Purchase("t-1", "v-c", test: true), Purchase("t-2", "v-t", test: true), Purchase("t-3", "v-t", test: true), // tests are no conversions
            new { event_id = "p-1", event_type = "page_view", visitor_id = "v-f" }, new { event_id = "p-2", event_type = "page_view", visitor_id = "v-f" }); // pages repeat by nature
        await shop.LookedAsync();
        Assert.Equal(["same_order: a-1, a-2", "same_visitor_and_value: b-1, b-2"], await shop.GroupsAsync());
        var group = (await shop.ListAsync("?kind=different_ids&state=open&limit=1")).GetProperty("items")[0];
        Assert.Equal(("counted_twice", 2, 49.9m, "EUR"), (Text(group, "verdict"), group.GetProperty("count").GetInt32(), group.GetProperty("extraValue").GetDecimal(), Text(group, "currency")));
        Assert.Equal([true, false], group.GetProperty("events").EnumerateArray().Reverse().Select(e => e.GetProperty("isOriginal").GetBoolean()));
    }

    [Fact]
    public async Task List_WithACursor_GoesThroughAllGroupsOnce()
    {
        var shop = await ShopAsync();
        await shop.BrowserAsync([.. Enumerable.Range(1, 5).SelectMany(n => new[] { Purchase($"{n}-a", $"v-{n}", $"o-{n}"), Purchase($"{n}-b", $"v-{n}", $"o-{n}") })]);
        await shop.LookedAsync();
        var (ids, cursor) = (new List<string>(), (string?)null);
        do
        {
            var page = await shop.ListAsync($"?limit=2{(cursor is null ? "" : "&cursor=" + cursor)}");
            ids.AddRange(page.GetProperty("items").EnumerateArray().Select(g => Text(g, "id")!));
            cursor = Text(page, "nextCursor");
        }
        while (cursor is not null);
        Assert.Equal((5, 5), (ids.Count, ids.Distinct().Count()));
    }

    [Fact]
    public async Task BrowserAndServer_UnderOneId_ArePairedAndUnderTwoIdsCountedTwice()
    {
        var shop = await ShopAsync();
        await shop.BrowserAsync(Purchase("purchase_1", "v-1", "1"), Purchase("own-2", "v-2"));
        await shop.ServerAsync(Purchase("purchase_1", "v-1", "1"), Purchase("srv-2", "v-2", "2"));
        await shop.BrowserAsync(Purchase("purchase_1", "v-1", "1")); // and a page that is loaded again
        await shop.LookedAsync();
        var ended = (await shop.ListAsync("?state=ended")).GetProperty("items");
        var pair = Assert.Single(ended.EnumerateArray());
        Assert.Equal(("browser_and_server", "paired", 3, 0m), (Text(pair, "kind"), Text(pair, "verdict"), pair.GetProperty("count").GetInt32(), pair.GetProperty("extraValue").GetDecimal()));
        var open = Assert.Single((await shop.ListAsync("")).GetProperty("items").EnumerateArray());
        Assert.Equal("browser_and_server", Text(open, "kind"));

        var details = await shop.GetAsync(Text(open, "id")!);
        var verdicts = details.GetProperty("pairs")[0].GetProperty("verdicts").EnumerateArray().ToDictionary(v => Text(v, "platform")!, v => Text(v, "outcome"));
        Assert.Equal(("uncertain", "counted_twice", "counted_twice"), (verdicts["meta"], verdicts["tiktok"], verdicts["google_ads"]));
        await AppFixture.ProblemOf(await shop.PostAsync(Text(pair, "id")!, "ignore"), 409);
        await AppFixture.ProblemOf(await shop.PostAsync(Text(pair, "id")!, "stop"), 409);

        var summary = await shop.SummaryAsync();
        Assert.Equal((3, 1, 1, 1), (summary.GetProperty("conversions").GetInt32(), summary.GetProperty("duplicates").GetInt32(), summary.GetProperty("groups").GetInt32(), summary.GetProperty("paired").GetInt32()));
        Assert.Equal(1 / 3d, summary.GetProperty("rate").GetDouble(), 6);
        Assert.Equal(49.9m, summary.GetProperty("extraValue")[0].GetProperty("value").GetDecimal());
        Assert.Equal(["browser after browser: 1", "server after browser: 1"],
            summary.GetProperty("repeats").EnumerateArray().Select(r => $"{Text(r, "source")} after {Text(r, "firstSource")}: {r.GetProperty("events")}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Ignore_IsKeptForLaterMembersAndRestoreUndoesIt()
    {
        var shop = await ShopAsync();
        await shop.BrowserAsync(Purchase("i-1", "v-1", "77"), Purchase("i-2", "v-1", "77"));
        await shop.LookedAsync();
        var id = Text((await shop.ListAsync("")).GetProperty("items")[0], "id")!;
        var ignored = await AppFixture.JsonOf(await shop.PostAsync(id, "ignore"));
        Assert.Equal("ignored", Text(ignored.GetProperty("group"), "state"));
        Assert.Equal(0, (await shop.SummaryAsync()).GetProperty("duplicates").GetInt32());
        await shop.BrowserAsync(Purchase("i-3", "v-9", "77"));
        await shop.LookedAsync();
        var group = (await shop.GetAsync(id)).GetProperty("group");
        Assert.Equal(("ignored", 3), (Text(group, "state"), group.GetProperty("count").GetInt32()));
        var restored = (await AppFixture.JsonOf(await shop.PostAsync(id, "restore"))).GetProperty("group");
        Assert.Equal("open", Text(restored, "state"));
        Assert.Equal(2, (await shop.SummaryAsync()).GetProperty("duplicates").GetInt32());
    }

    [Fact]
    public async Task Stop_MakesARuleThatKeepsTheTwinBackAndRestoreDeletesIt()
    {
        var shop = await ShopAsync(withMeta: true);
        app.Meta.Answer = (200, """{"events_received":1,"messages":[],"fbtrace_id":"x"}""");
        await shop.BrowserAsync(Purchase("x-1", "v-1"), Purchase("x-2", "v-2"));
        await shop.ServerAsync(Purchase("y-1", "v-1", "1"), Purchase("y-2", "v-2", "2"));
        await shop.LookedAsync();
        var items = (await shop.ListAsync("")).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(2, items.Count);
        var id = Text(items[0], "id")!;

        // what it would do, first
        var fix = (await shop.GetAsync(id)).GetProperty("fix");
        Assert.Equal(("source", "browser", 2, 2), (Text(fix, "field"), Text(fix, "value"), fix.GetProperty("matching").GetInt32(), fix.GetProperty("withTwin").GetInt32()));
        var dry = await AppFixture.JsonOf(await shop.PostAsync(id, "stop", new { dryRun = true }));
        Assert.Equal((4, 2), (dry.GetProperty("preview").GetProperty("events").GetInt32(), dry.GetProperty("preview").GetProperty("matched").GetInt32()));
        Assert.Equal(0, (await shop.RulesAsync()).GetArrayLength());

        var stopped = (await AppFixture.JsonOf(await shop.PostAsync(id, "stop"))).GetProperty("group").GetProperty("group");
        Assert.Equal("stopped", Text(stopped, "state"));
        await AppFixture.JsonOf(await shop.PostAsync(id, "stop")); // twice is once
        Assert.Equal(1, (await shop.RulesAsync()).GetArrayLength());
        Assert.Equal(["stopped", "stopped"], (await shop.ListAsync("")).GetProperty("items").EnumerateArray().Select(g => Text(g, "state")));

        // later ones are stopped with it, and only one goes out
        await shop.BrowserAsync(Purchase("x-3", "v-3"));
        await shop.ServerAsync(Purchase("y-3", "v-3", "3"));
        await shop.LookedAsync();
        Assert.Equal(["stopped", "stopped", "stopped"], (await shop.ListAsync("")).GetProperty("items").EnumerateArray().Select(g => Text(g, "state")));
        Assert.Equal(2, (await shop.SummaryAsync()).GetProperty("duplicates").GetInt32()); // those before the rule
        Assert.Equal(["x-3: filter"], await shop.SkippedAsync("x-3", "y-3"));

        // the rule says something else now: it stops nothing any more, neither these nor later ones
        await app.RunAsync($$"""UPDATE filter_rules SET "when" = '{"all": [{"field": "event_name", "op": "equals", "value": "lead"}]}' WHERE id = '{{Text((await shop.RulesAsync())[0], "id")}}'""");
        await shop.BrowserAsync(Purchase("x-4", "v-4"));
        await shop.ServerAsync(Purchase("y-4", "v-4", "4"));
        await shop.LookedAsync();
        Assert.Equal(["open", "open", "open", "open"], (await shop.ListAsync("")).GetProperty("items").EnumerateArray().Select(g => Text(g, "state")));
        await AppFixture.JsonOf(await shop.PostAsync(id, "stop"));
        Assert.Equal(["stopped", "stopped", "stopped", "stopped"], (await shop.ListAsync("")).GetProperty("items").EnumerateArray().Select(g => Text(g, "state")));

        // undone: the rule is gone, the groups are open
        await AppFixture.JsonOf(await shop.PostAsync(id, "restore"));
        Assert.Equal(1, (await shop.RulesAsync()).GetArrayLength()); // the other one
        Assert.Equal(["open", "open", "open", "open"], (await shop.ListAsync("")).GetProperty("items").EnumerateArray().Select(g => Text(g, "state")));
    }

    [Fact]
    public async Task Stop_WhereNoRuleCanTellThemApart_SaysWhatToChange()
    {
        var shop = await ShopAsync();
        await shop.BrowserAsync(Purchase("r-1", "v-1"), Purchase("r-2", "v-1"));
        await shop.LookedAsync();
        var id = Text((await shop.ListAsync("")).GetProperty("items")[0], "id")!;
        var fix = (await shop.GetAsync(id)).GetProperty("fix");
        Assert.Equal(JsonValueKind.Null, fix.GetProperty("rule").ValueKind);
        Assert.Equal("""ClarityTracking.trackPurchase(49.90, {currency: "EUR", orderId: "1001"});""", Text(fix, "code"));
        var problem = await AppFixture.ProblemOf(await shop.PostAsync(id, "stop"), 409);
        Assert.Equal("no_rule_possible", Text(problem, "code"));
        Assert.Contains("trackPurchase", Text(problem, "detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Platforms_ThatTookMoreThanOne_AreNamed()
    {
        var shop = await ShopAsync(withMeta: true);
        app.Meta.Answer = (200, """{"events_received":1,"messages":[],"fbtrace_id":"x"}""");
        await shop.BrowserAsync(Purchase("m-1", "v-1", "1"), Purchase("m-2", "v-1", "1"));
        await shop.LookedAsync();
        var platforms = await Eventually.GetAsync<JsonElement>(async () =>
            (await shop.ListAsync("")).GetProperty("items")[0].GetProperty("platforms") is var p && p.GetArrayLength() > 0 ? p : null, "two deliveries");
        Assert.Equal(["meta"], platforms.EnumerateArray().Select(p => p.GetString()));
    }

    [Fact]
    public async Task Settings_OfTheWindow_CountFromTheNextEventOn()
    {
        var shop = await ShopAsync();
        Assert.Equal(10, (await shop.SettingsAsync()).GetProperty("windowMinutes").GetInt32());
        await AppFixture.ProblemOf(await shop.SetAsync(0), 422);
        await AppFixture.ProblemOf(await shop.SetAsync(1441), 422);
        await AppFixture.ProblemOf(await shop.SetAsync(null), 422);
        await AppFixture.JsonOf(await shop.SetAsync(45));
        await shop.BrowserAsync(Purchase("w-1", "v-1", minutesAgo: 40));
        await shop.BrowserAsync(Purchase("w-2", "v-1"));
        await shop.LookedAsync();
        Assert.Equal(["same_visitor_and_value: w-1, w-2"], await shop.GroupsAsync());
    }

    [Fact]
    public async Task AnotherWebsite_WithTheSameOrders_IsAnotherWebsite()
    {
        var (one, other) = (await ShopAsync(), await ShopAsync());
        await one.BrowserAsync(Purchase("o-1", "v-1", "1"));
        await other.BrowserAsync(Purchase("o-2", "v-1", "1"));
        await one.LookedAsync();
        Assert.Empty(await one.GroupsAsync());
        Assert.Empty(await other.GroupsAsync());
    }

    [Fact]
    public async Task Late_OutOfOrderAndTwoRealOrders_ComeToTheSame()
    {
        var shop = await ShopAsync();
        // the pages come first and look like a reload ...
        await shop.BrowserAsync(Purchase("p-2", "v-1", minutesAgo: 10), Purchase("p-1", "v-1", minutesAgo: 15));
        await shop.LookedAsync();
        Assert.Equal(["same_visitor_and_value: p-1, p-2"], await shop.GroupsAsync());
        // ... until the servers tell that there were two orders
        await shop.ServerAsync(Purchase("s-2", "v-1", "2", minutesAgo: 10), Purchase("s-1", "v-1", "1", minutesAgo: 15));
        await shop.LookedAsync();
        Assert.Equal(["same_visitor_and_value: p-1, s-1", "same_visitor_and_value: p-2, s-2"], await shop.GroupsAsync());
    }

    private async Task<Shop> ShopAsync(bool withMeta = false)
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        var shop = new Shop(app, account, site);
        if (withMeta)
            await shop.ConnectAsync();
        return shop;
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static object Purchase(string id, string visitor, string? order = null, int minutesAgo = 0, bool test = false) => new
    {
        event_id = id,
        event_type = "purchase",
        timestamp = DateTimeOffset.UtcNow.AddMinutes(-minutesAgo),
        test,
        visitor_id = visitor,
        properties = new { url = "https://shop.example.com/thanks", value = 49.9m, currency = "EUR", order_id = order },
        user = new { email = $"{visitor}@example.com", ip = "8.8.8.8", user_agent = Agent },
    };

    private sealed class Shop(AppFixture app, Account account, NewSite site)
    {
        private string Path => $"/api/websites/{site.Id}/duplicates";

        public Task BrowserAsync(params object[] events) => SendAsync(site.PublishableKey, events);

        public Task ServerAsync(params object[] events) => SendAsync(site.SecretKey, events);

        public async Task<JsonElement> ListAsync(string query) => await AppFixture.JsonOf(await Client.GetAsync(Path + query));

        public async Task<JsonElement> GetAsync(string id) => await AppFixture.JsonOf(await Client.GetAsync($"{Path}/{id}"));

        public async Task<JsonElement> SummaryAsync() => await AppFixture.JsonOf(await Client.GetAsync(Path + "/summary"));

        public async Task<JsonElement> SettingsAsync() => await AppFixture.JsonOf(await Client.GetAsync(Path + "/settings"));

        public Task<HttpResponseMessage> SetAsync(int? minutes) => Client.PutAsJsonAsync(Path + "/settings", new { windowMinutes = minutes });

        public Task<HttpResponseMessage> PostAsync(string id, string act, object? body = null) => Client.PostAsJsonAsync($"{Path}/{id}/{act}", body ?? new { });

        public async Task<JsonElement> RulesAsync() => (await AppFixture.JsonOf(await Client.GetAsync($"/api/websites/{site.Id}/rules"))).GetProperty("items");

        public async Task<List<string>> GroupsAsync() => [.. (await ListAsync("")).GetProperty("items").EnumerateArray()
            .Select(g => $"{Text(g, "reason")}: {string.Join(", ", g.GetProperty("events").EnumerateArray().Select(e => Text(e, "eventId")).Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal)];

        public async Task ConnectAsync() => await AppFixture.JsonOf(await Client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "token-good" } }));

        /// <summary>All that was sent is routed and looked at.</summary>
        public async Task LookedAsync() => await Eventually.GetAsync(async () =>
            await app.ValueAsync<bool>("SELECT NOT EXISTS (SELECT FROM outbox) AND NOT EXISTS (SELECT FROM event_feed WHERE follower IN ('duplicates', 'repeats'))") ? true : (bool?)null, "the follower");

        /// <summary>Of events that were routed, those a connection did not get, and why.</summary>
        public async Task<List<string>> SkippedAsync(params string[] eventIds) => [.. (await app.ValueAsync<string[]>($"""
            SELECT coalesce(array_agg(e.event_id || ': ' || d.reason), ARRAY[]::text[]) FROM events e JOIN delivery_states d ON d.workspace_id = e.workspace_id AND d.event_id = e.id
             WHERE e.website_id = '{site.Id}' AND d.status = 'skipped' AND e.event_id = ANY (ARRAY['{string.Join("','", eventIds)}'])
            """))];

        private HttpClient Client { get; } = app.ClientFor(account);

        private async Task SendAsync(string key, object[] events)
        {
            using var sender = app.Anonymous();
            sender.DefaultRequestHeaders.Add("X-API-Key", key);
            sender.DefaultRequestHeaders.UserAgent.ParseAdd(Agent);
            var answer = await AppFixture.JsonOf(await sender.PostAsJsonAsync("/api/v1/collect", new { events }));
            Assert.Equal(0, answer.GetProperty("rejected").GetArrayLength());
        }
    }
}
