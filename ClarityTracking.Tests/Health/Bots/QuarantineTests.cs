using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Health.Bots;

/// <summary>Events that look like bots, from the request that brings them to their release and back, over HTTP.</summary>
public sealed class QuarantineTests(AppWithMeta app) : IClassFixture<AppWithMeta>
{
    private const string Browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
    private const string Crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    private static int _datasets = 7000;

    private sealed record Shop(NewSite Site, HttpClient Client);

    [Fact]
    public async Task Bot_Released_IsRoutedAsIfItHadJustArrived_AndUndoneIsHeldAgain()
    {
        var shop = await ShopAsync();
        await SendAsync(shop, Crawler, Event("b1", "lead"), Event("b2", "lead"));
        await SendAsync(shop, Browser, Event("h1", "lead"));
        await UntilAsync(shop, "b2", "skipped");
        await UntilAsync(shop, "h1", "delivered");
        var held = await SummaryAsync(shop);
        Assert.Equal((3, 2), (held.GetProperty("events").GetInt32(), held.GetProperty("bots").GetInt32()));
        var group = Assert.Single(held.GetProperty("groups").EnumerateArray());
        Assert.Equal(("known crawler", "known crawler: Googlebot", Crawler, 2), (group.Text("category"), group.Text("reason"), group.Text("userAgent"), group.GetProperty("events").GetInt32()));
        var listed = await AppFixture.JsonOf(await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/events?bot=known%20crawler%3A%20Googlebot"));
        Assert.Equal(["b1", "b2"], listed.GetProperty("items").EnumerateArray().Select(e => e.Text("eventId")).Order());

        var plan = await ReviewAsync(shop, new { isBot = false, reason = "known crawler: Googlebot", dryRun = true });
        Assert.Equal((2, 0), (plan.GetProperty("matched").GetInt32(), plan.GetProperty("changed").GetInt32()));
        Assert.Equal("skipped", (await TraceAsync(shop, "b1")).GetProperty("deliveries")[0].Text("status"));
        var released = await ReviewAsync(shop, new { isBot = false, reason = "known crawler: Googlebot" });
        Assert.Equal(2, released.GetProperty("changed").GetInt32());
        await UntilAsync(shop, "b1", "delivered");
        await UntilAsync(shop, "b2", "delivered");
        Assert.Single((await TraceAsync(shop, "b1")).GetProperty("deliveries").EnumerateArray()); // the skip is gone
        Assert.Equal(0, (await SummaryAsync(shop)).GetProperty("bots").GetInt32());
        Assert.Equal("0/3", await app.ValueAsync<string>($"""
            SELECT coalesce(sum(deliveries) FILTER (WHERE reason = 'bot'), 0) || '/' || sum(deliveries) FILTER (WHERE status = 'delivered') FROM delivery_rollups WHERE website_id = '{shop.Site.Id}'
            """));
        Assert.Equal(3L, await app.ValueAsync<long>($"SELECT sum(events)::bigint FROM event_rollups WHERE website_id = '{shop.Site.Id}'")); // counted once

        var undone = await AppFixture.JsonOf(await shop.Client.PostAsync($"/api/websites/{shop.Site.Id}/bots/review/{released.GetProperty("reviewId").GetString()}/undo", null));
        Assert.Equal(2, undone.GetProperty("changed").GetInt32());
        Assert.Equal("known crawler: Googlebot", (await TraceAsync(shop, "b1")).GetProperty("event").Text("botReason")); // as it was, not "marked"
        Assert.Equal("delivered", (await TraceAsync(shop, "b1")).GetProperty("deliveries")[0].Text("status")); // what was sent stays sent
        await AppFixture.ProblemOf(await shop.Client.PostAsync($"/api/websites/{shop.Site.Id}/bots/review/{released.GetProperty("reviewId").GetString()}/undo", null), 404);
    }

    [Fact]
    public async Task Visitor_HeldBackByAMember_WaitsNoMore_AndSaysWho()
    {
        var shop = await ShopAsync();
        await SendAsync(shop, Browser, Event("m1", "lead", visitor: "visitor-m"), Event("m2", "lead", visitor: "visitor-n"));
        await UntilAsync(shop, "m1", "delivered");
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{shop.Site.Id}'") == 2 ? true : (bool?)null, "two leads");
        var held = await ReviewAsync(shop, new { isBot = true, visitorId = "visitor-m" });
        Assert.Equal(1, held.GetProperty("changed").GetInt32());
        Assert.Equal("marked by a member", (await TraceAsync(shop, "m1")).GetProperty("event").Text("botReason"));
        Assert.Equal(JsonValueKind.Null, (await TraceAsync(shop, "m2")).GetProperty("event").GetProperty("botReason").ValueKind);
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{shop.Site.Id}'") == 1 ? true : (bool?)null, "the lead of a bot to be none");
        // taken back it is a lead again, and no platform gets it twice
        await AppFixture.JsonOf(await shop.Client.PostAsync($"/api/websites/{shop.Site.Id}/bots/review/{held.GetProperty("reviewId").GetString()}/undo", null));
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{shop.Site.Id}'") == 2 ? true : (bool?)null, "the lead to be back");
        Assert.Single((await TraceAsync(shop, "m1")).GetProperty("deliveries").EnumerateArray());
        await ReviewAsync(shop, new { isBot = true, visitorId = "visitor-m" });
        var problem = await AppFixture.ProblemOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/bots/review", new { isBot = true }), 422);
        Assert.Equal("validation_failed", problem.Text("code"));
        Assert.Equal(2L, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{shop.Site.WorkspaceId}' AND action = 'bots.held_back'"));
    }

    [Fact]
    public async Task Rules_OnAddressAgentAndProperty_DecideBeforeOurVerdict()
    {
        var shop = await ShopAsync();
        await RuleAsync(shop, "Friendly crawler", "human", new { field = "user_agent", op = "contains", value = "Googlebot" });
        await RuleAsync(shop, "Office", "bot", new { field = "ip", op = "in", value = new[] { "127.0.0.0/8", "::1" } });
        await SendAsync(shop, Crawler, Event("r1", "lead"));
        await SendAsync(shop, Browser, Event("r2", "lead"));
        Assert.Equal(JsonValueKind.Null, (await TraceAsync(shop, "r1")).GetProperty("event").GetProperty("botReason").ValueKind);
        Assert.Equal("own rule: Office", (await TraceAsync(shop, "r2")).GetProperty("event").Text("botReason"));

        var preview = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/bot-rules/preview",
            new { verdict = "bot", when = new { field = "properties.plan", op = "equals", value = "test" } }));
        Assert.Equal((2, 0), (preview.GetProperty("events").GetInt32(), preview.GetProperty("matched").GetInt32()));
        var rule = await RuleAsync(shop, "Plan", "bot", new { field = "properties.plan", op = "equals", value = "test" });
        await AppFixture.JsonOf(await shop.Client.PutAsJsonAsync($"/api/websites/{shop.Site.Id}/bot-rules/{rule}",
            new { name = "Plan", verdict = "bot", enabled = false, when = new { field = "properties.plan", op = "equals", value = "test" } }));
        foreach (var other in (await AppFixture.JsonOf(await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/bot-rules"))).GetProperty("items").EnumerateArray().Where(r => r.Text("name") == "Office"))
            Assert.True((await shop.Client.DeleteAsync($"/api/websites/{shop.Site.Id}/bot-rules/{other.Text("id")}")).IsSuccessStatusCode);
        await SendAsync(shop, Browser, Event("r3", "lead", plan: "test"));
        Assert.Equal(JsonValueKind.Null, (await TraceAsync(shop, "r3")).GetProperty("event").GetProperty("botReason").ValueKind); // switched off
    }

    [Theory]
    [InlineData("""{"name":"x","verdict":"bot","when":{}}""", "when")]
    [InlineData("""{"name":"x","when":{"field":"ip","op":"equals","value":"1.2.3.4"}}""", "verdict")]
    [InlineData("""{"name":"x","verdict":"bot","when":{"field":"ip","op":"equals","value":"office"}}""", "when.value")]
    [InlineData("""{"name":"x","verdict":"bot","when":{"field":"ip","op":"in","value":["203.0.113.0/33"]}}""", "when.value[0]")]
    [InlineData("""{"verdict":"bot","when":{"field":"ip","op":"exists"}}""", "name")]
    public async Task Rule_ThatIsWrong_SaysWhere(string body, string field)
    {
        var shop = await ShopAsync();
        var problem = await AppFixture.ProblemOf(await shop.Client.PostAsync($"/api/websites/{shop.Site.Id}/bot-rules", new StringContent(body, System.Text.Encoding.UTF8, "application/json")), 422);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
    }

    [Fact]
    public async Task Visitor_FasterThanAPerson_IsHeldBackFromThere_OthersAreNot()
    {
        var shop = await ShopAsync();
        var minute = DateTimeOffset.UtcNow.AddMinutes(-3);
        object Page(int n, string visitor, DateTimeOffset at) => new { event_id = $"{visitor}-{n}", event_type = "page_view", timestamp = at, session_id = "s", visitor_id = visitor, properties = new { url = $"https://shop.example.com/{n}" } };
        await SendAsync(shop, Browser, [.. Enumerable.Range(0, 130).Select(n => Page(n, "fast", minute)), .. Enumerable.Range(0, 30).Select(n => Page(n, "slow", minute)),
            .. Enumerable.Range(0, 200).Select(n => Page(n, "offline", minute.AddSeconds(-n * 5)))]); // told all at once, seen over a quarter of an hour
        Assert.Equal("fast 10", await app.ValueAsync<string>($"""
            SELECT string_agg(visitor_id || ' ' || n, ', ') FROM (SELECT visitor_id, count(*) AS n FROM events WHERE website_id = '{shop.Site.Id}' AND bot_reason LIKE 'too fast%' GROUP BY 1) held
            """));
    }

    private static object Event(string id, string type, string? visitor = null, string? plan = null) => new
    {
        event_id = id,
        event_type = type,
        timestamp = DateTimeOffset.UtcNow,
        session_id = "s",
        visitor_id = visitor,
        properties = new { url = "https://shop.example.com/", value = 20, currency = "EUR", plan },
        user = new { email = $"{id}@example.com" },
    };

    private async Task<Shop> ShopAsync()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        var client = app.ClientFor(account);
        var dataset = Interlocked.Increment(ref _datasets).ToString(System.Globalization.CultureInfo.InvariantCulture);
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = dataset }, credentials = new { access_token = "token-good" }, enabled = true }));
        return new Shop(site, client);
    }

    private async Task SendAsync(Shop shop, string agent, params object[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", agent);
        browser.DefaultRequestHeaders.Add("X-API-Key", shop.Site.PublishableKey);
        foreach (var batch in events.Chunk(500))
            Assert.Equal(batch.Length, (await AppFixture.JsonOf(await browser.PostAsJsonAsync("/api/v1/collect", new { events = batch }))).GetProperty("accepted").GetInt32());
    }

    private static async Task<string> RuleAsync(Shop shop, string name, string verdict, object when) =>
        (await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/bot-rules", new { name, verdict, when }))).Text("id")!;

    private static async Task<JsonElement> SummaryAsync(Shop shop) => await AppFixture.JsonOf(await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/bots"));

    private static async Task<JsonElement> ReviewAsync(Shop shop, object review) => await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/bots/review", review));

    private static async Task<JsonElement> TraceAsync(Shop shop, string eventId) => await AppFixture.JsonOf(await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/events/{eventId}"));

    private static Task<bool> UntilAsync(Shop shop, string eventId, string status) =>
        Eventually.GetAsync(async () => (await TraceAsync(shop, eventId)).GetProperty("deliveries").EnumerateArray().Any(d => d.Text("status") == status) ? true : (bool?)null,
            $"{eventId} {status}");
}
