using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Routing;

/// <summary>Rules on their way from the request that makes them to what a platform gets, with two connections of which only one is meant.</summary>
public sealed class FilterRuleRoutingTests(AppWithMeta app) : IClassFixture<AppWithMeta>
{
    private static int _datasets = 1000;

    [Fact]
    public async Task Rules_OfAWebsite_DecideWhatEachConnectionGets()
    {
        var shop = await ShopAsync();
        await RuleAsync(shop, "No staff", new { field = "url_path", op = "starts_with", value = "/admin" }, new { action = "exclude" });
        await RuleAsync(shop, "Big only to A", new { all = new object[] { new { field = "event_name", op = "equals", value = "purchase" }, new { field = "value", op = "greater", value = 100 } } },
            new { action = "route", connections = new[] { shop.A } });
        await RuleAsync(shop, "Clean for B", new { }, new { changes = new object[] { new { remove = "url_query" }, new { set = "currency", value = "USD" }, new { rename = "properties.label", to = "properties.content_name" } } }, shop.B);

        await SendAsync(shop, Event("staff", "page_view", "https://shop.example.com/admin/orders"), Event("big", "purchase", value: 149.9m), Event("small", "purchase", value: 10));

        var staff = await DeliveriesAsync(shop, "staff");
        Assert.All(staff, d => Assert.Equal(("skipped", "filter", "The rule \"No staff\" excludes it."), (d.Text("status"), d.Text("reason"), d.Text("detail"))));
        var big = (await DeliveriesAsync(shop, "big")).ToDictionary(d => d.GetProperty("connectionId").GetGuid());
        Assert.Equal(("filter", "The rule \"Big only to A\" sends it to other connections only."), (big[shop.B].Text("reason"), big[shop.B].Text("detail")));
        Assert.Equal("delivered", big[shop.A].Text("status"));
        var trace = await AppFixture.JsonOf(await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/events/big"));
        Assert.Contains(trace.GetProperty("decisions").EnumerateArray(), d => d.Text("outcome") == "skipped" && d.Text("reason") == "meta: filter (The rule \"Big only to A\" sends it to other connections only.)");

        // the body is really another for the one, the same for the other, and the stored event knows nothing of it
        var (forA, forB) = (await SentAsync(shop.DatasetA, "small"), await SentAsync(shop.DatasetB, "small"));
        Assert.Equal(("https://shop.example.com/thanks?step=2", "EUR"), (forA.Text("event_source_url"), forA.GetProperty("custom_data").Text("currency")));
        Assert.Equal(("https://shop.example.com/thanks", "USD"), (forB.Text("event_source_url"), forB.GetProperty("custom_data").Text("currency")));
        Assert.False(forA.GetProperty("custom_data").TryGetProperty("content_name", out _));
        Assert.Equal("Serum", forB.GetProperty("custom_data").Text("content_name"));
        Assert.Equal((forA.Text("event_id"), forA.GetProperty("event_time").GetInt64(), forA.GetProperty("user_data").GetProperty("em").ToString()),
            (forB.Text("event_id"), forB.GetProperty("event_time").GetInt64(), forB.GetProperty("user_data").GetProperty("em").ToString()));
        Assert.Equal("https://shop.example.com/thanks?step=2 EUR", await app.ValueAsync<string>($"SELECT url || ' ' || currency FROM events WHERE website_id = '{shop.Site.Id}' AND event_id = 'small'"));
        Assert.DoesNotContain(app.Meta.Seen, s => s.PathAndQuery.Contains(shop.DatasetB, StringComparison.Ordinal) && s.Body.Contains("\"big\"", StringComparison.Ordinal));

        // the test panel shows and sends the same
        foreach (var (connection, url) in new[] { (shop.A, "https://shop.example.com/thanks?step=2"), (shop.B, "https://shop.example.com/thanks") })
        {
            var path = $"/api/websites/{shop.Site.Id}/connections/{connection}";
            var preview = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"{path}/preview", new { eventId = "small" }));
            Assert.Equal(url, preview.GetProperty("payload").Text("event_source_url"));
            var test = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"{path}/test", new { eventId = "small", testCode = "TEST1" }));
            Assert.Equal(url, test.GetProperty("request").GetProperty("body").GetProperty("data")[0].Text("event_source_url"));
        }
        var skipped = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/connections/{shop.A}/preview", new { eventId = "staff" }));
        Assert.Equal("filter", skipped.GetProperty("skip").Text("reason"));
        // whether a connection works is no rule's business
        await RuleAsync(shop, "Nothing at all", new { }, new { action = "exclude" });
        var nobody = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/connections/{shop.A}/test", new { testCode = "TEST1" }));
        Assert.Equal("delivered", nobody.Text("outcome"));
    }

    [Fact]
    public async Task Rule_ChangedOrSwitchedOff_CountsFromTheNextEventOn()
    {
        var shop = await ShopAsync();
        var when = new { field = "event_name", op = "equals", value = "lead" };
        var rule = await RuleAsync(shop, "No leads", when, new { action = "exclude" });
        await SendAsync(shop, Event("lead-1", "lead"));
        Assert.All(await DeliveriesAsync(shop, "lead-1"), d => Assert.Equal("filter", d.Text("reason")));
        await AppFixture.JsonOf(await shop.Client.PutAsJsonAsync(Path(shop, rule), new { name = "No leads", enabled = false, when, then = new { action = "exclude" } }));
        await SendAsync(shop, Event("lead-2", "lead"));
        Assert.All(await DeliveriesAsync(shop, "lead-2"), d => Assert.Equal("delivered", d.Text("status")));
        await AppFixture.JsonOf(await shop.Client.PutAsJsonAsync(Path(shop, rule), new { name = "Leads are contacts", enabled = true, when, then = new { changes = new[] { new { set = "event_name", value = "contact" } } } }));
        await SendAsync(shop, Event("lead-3", "lead"));
        await DeliveriesAsync(shop, "lead-3");
        Assert.Equal("Contact", (await SentAsync(shop.DatasetA, "lead-3")).Text("event_name"));
        Assert.True((await shop.Client.DeleteAsync(Path(shop, rule))).IsSuccessStatusCode);
        await SendAsync(shop, Event("lead-4", "lead"));
        Assert.Equal("Lead", (await SentAsync(shop.DatasetA, "lead-4")).Text("event_name"));
    }

    [Fact]
    public async Task Replay_OfWhatWasGivenUp_AppliesTheRulesAgain()
    {
        var shop = await ShopAsync();
        var rule = await RuleAsync(shop, "Dollars", new { }, new { changes = new[] { new { set = "currency", value = "USD" } } }, shop.A);
        // A refuses for good, B takes it
        app.Meta.RespondAsync = (path, _) => Task.FromResult(path.Contains(shop.DatasetA, StringComparison.Ordinal)
            ? (400, """{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"fbtrace_id":"t"}}""", (int?)null)
            : (200, """{"events_received":1,"messages":[],"fbtrace_id":"t"}""", null));
        await SendAsync(shop, Event("again", "purchase", value: 20));
        var dead = Assert.Single(await DeliveriesAsync(shop, "again"), d => d.Text("status") == "dead");
        app.Meta.RespondAsync = null;
        Assert.Equal("USD", (await SentAsync(shop.DatasetA, "again")).GetProperty("custom_data").Text("currency"));

        // the same rule: the same body
        var before = app.Meta.Seen.Count;
        await ReplayAsync(shop, dead);
        await EventuallySentAsync(shop.DatasetA, "again", before, "USD");

        // an event kept back is sent by its id when the rule is gone, and kept back again while it is there
        var exclude = await RuleAsync(shop, "Out", new { field = "event_name", op = "equals", value = "lead" }, new { action = "exclude" }, shop.A);
        await SendAsync(shop, Event("kept", "lead", value: 5));
        var kept = Assert.Single(await DeliveriesAsync(shop, "kept"), d => d.Text("status") == "skipped");
        await ReplayAsync(shop, kept);
        Assert.Equal("skipped", Assert.Single(await DeliveriesAsync(shop, "kept"), d => d.Text("id") == kept.Text("id")).Text("status"));
        await shop.Client.DeleteAsync(Path(shop, exclude));
        await ReplayAsync(shop, kept);
        await Eventually.GetAsync(async () => (await DeliveriesAsync(shop, "kept")).Single(d => d.Text("id") == kept.Text("id")).Text("status") == "delivered" ? true : (bool?)null, "the replayed one");
        Assert.Equal("USD", (await SentAsync(shop.DatasetA, "kept")).GetProperty("custom_data").Text("currency"));
        Assert.NotEqual(rule, exclude);
    }

    [Fact]
    public async Task Rule_MadeWhileDeliveriesWait_HoldsForThemToo()
    {
        var shop = await ShopAsync();
        app.Meta.RespondAsync = (_, _) => Task.FromResult((500, "{}", (int?)null));
        await SendAsync(shop, Event("waits", "purchase", value: 20));
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE website_id = '{shop.Site.Id}' AND attempts > 0") == 2 ? true : (bool?)null, "the first attempts");
        await RuleAsync(shop, "Not to A", new { }, new { action = "exclude" }, shop.A);
        app.Meta.RespondAsync = null;
        await app.RunAsync($"UPDATE connections SET not_before = NULL, state = 'healthy' WHERE website_id = '{shop.Site.Id}'; UPDATE delivery_queue SET next_attempt_at = now() WHERE website_id = '{shop.Site.Id}'");
        var ends = (await DeliveriesAsync(shop, "waits")).ToDictionary(d => d.GetProperty("connectionId").GetGuid());
        Assert.Equal(("skipped", "filter", "delivered"), (ends[shop.A].Text("status"), ends[shop.A].Text("reason"), ends[shop.B].Text("status")));
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT deliveries FROM delivery_rollups WHERE website_id = '{shop.Site.Id}' AND status = 'skipped' AND reason = 'filter'"));
    }

    [Fact]
    public async Task Consent_ThatAConnectionNeeds_IsItsOwnSetting()
    {
        var shop = await ShopAsync();
        var b = $"/api/websites/{shop.Site.Id}/connections/{shop.B}";
        Assert.Equal("settings.consent[0]", (await AppFixture.ProblemOf(await shop.Client.PatchAsJsonAsync(b, new { settings = new { consent = new[] { "all" } } }), 422)).GetProperty("errors").EnumerateObject().Single().Name);
        await AppFixture.JsonOf(await shop.Client.PatchAsJsonAsync(b, new { settings = new { consent = new[] { "ad_personalization" } } }));
        await SendAsync(shop, new { event_id = "denied", event_type = "lead", properties = new { url = "https://shop.example.com/" }, user = new { email = "anna@example.com" }, consent = new { ad_user_data = "granted", ad_personalization = "denied" } });
        var ends = (await DeliveriesAsync(shop, "denied")).ToDictionary(d => d.GetProperty("connectionId").GetGuid());
        Assert.Equal(("delivered", "skipped", "consent", "The visitor did not allow personalised ads."),
            (ends[shop.A].Text("status"), ends[shop.B].Text("status"), ends[shop.B].Text("reason"), ends[shop.B].Text("detail")));
    }

    private sealed record Shop(NewSite Site, HttpClient Client, Guid A, string DatasetA, Guid B, string DatasetB);

    private async Task<Shop> ShopAsync()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        var client = app.ClientFor(account);
        var (a, b) = ($"{Interlocked.Increment(ref _datasets)}77", $"{Interlocked.Increment(ref _datasets)}77");
        return new Shop(site, client, await ConnectAsync("A", a), a, await ConnectAsync("B", b), b);

        async Task<Guid> ConnectAsync(string name, string dataset) => (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name, settings = new { dataset_id = dataset }, credentials = new { access_token = "token-good" } }))).GetProperty("id").GetGuid();
    }

    private static string Path(Shop shop, Guid rule) => $"/api/websites/{shop.Site.Id}/rules/{rule}";

    private static async Task<Guid> RuleAsync(Shop shop, string name, object when, object then, Guid? connectionId = null) => (await AppFixture.JsonOf(
        await shop.Client.PostAsJsonAsync($"/api/websites/{shop.Site.Id}/rules", new { name, connectionId, when, then }))).GetProperty("id").GetGuid();

    private static object Event(string id, string type, string url = "https://shop.example.com/thanks?step=2", decimal? value = null) => new
    {
        event_id = id,
        event_type = type,
        session_id = "s",
        properties = new { url, value, currency = value is null ? null : "EUR", label = "Serum" },
        user = new { email = "anna@example.com" },
    };

    private async Task SendAsync(Shop shop, params object[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        var answer = await AppFixture.JsonOf(await browser.PostAsJsonAsync($"/api/v1/collect?key={shop.Site.PublishableKey}", new { events }));
        Assert.Equal(events.Length, answer.GetProperty("accepted").GetInt32());
    }

    private static async Task ReplayAsync(Shop shop, JsonElement delivery)
    {
        var deliveries = $"/api/websites/{shop.Site.Id}/deliveries";
        var started = await AppFixture.JsonOf(await shop.Client.PostAsJsonAsync($"{deliveries}/replay", new { ids = new[] { delivery.GetProperty("id").GetGuid() } }));
        await Eventually.GetAsync(async () => (await AppFixture.JsonOf(await shop.Client.GetAsync($"{deliveries}/jobs/{started.Text("jobId")}"))).Text("status") == "done" ? true : (bool?)null, "the replay");
    }

    /// <summary>The event's deliveries to both connections, once both have ended.</summary>
    private static async Task<List<JsonElement>> DeliveriesAsync(Shop shop, string eventId)
    {
        var trace = await Eventually.GetAsync(async () => await shop.Client.GetAsync($"/api/websites/{shop.Site.Id}/events/{eventId}") is { IsSuccessStatusCode: true } answer
            && await AppFixture.JsonOf(answer) is var json && json.GetProperty("deliveries").EnumerateArray().Count(d => d.Text("status") is "delivered" or "skipped" or "dead") == 2
            ? json : (JsonElement?)null, $"the deliveries of {eventId}");
        return [.. trace.GetProperty("deliveries").EnumerateArray()];
    }

    private Task<JsonElement> SentAsync(string dataset, string eventId) => Eventually.GetAsync(() => Task.FromResult(Sent(dataset, eventId, 0)), $"{eventId} at {dataset}");

    private Task<bool> EventuallySentAsync(string dataset, string eventId, int after, string currency) => Eventually.GetAsync(() =>
        Task.FromResult(Sent(dataset, eventId, after)?.GetProperty("custom_data").Text("currency") == currency ? true : (bool?)null), $"{eventId} again at {dataset} in {currency}");

    private JsonElement? Sent(string dataset, string eventId, int after) => app.Meta.Seen.Skip(after).Where(call => call.PathAndQuery.Contains(dataset, StringComparison.Ordinal))
        .SelectMany(call => JsonElement.Parse(call.Body).GetProperty("data").EnumerateArray()).Where(e => e.Text("event_id") == eventId).Select(e => (JsonElement?)e).FirstOrDefault();
}
