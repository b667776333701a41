using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>The contract of filter rules: made, listed, replaced, deleted, tried on real events; who may, and what is refused.</summary>
public sealed class FilterRuleEndpointTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly object Staff = new { field = "url_path", op = "starts_with", value = "/admin" };
    private static readonly object Exclude = new { action = "exclude" };

    [Fact]
    public async Task Rule_FromMakingToDeleting_IsWhatWasWritten()
    {
        var (site, client) = await SiteAsync();
        var rules = $"/api/websites/{site.Id}/rules";
        var made = await client.PostAsJsonAsync(rules, new { name = " No staff ", when = new { all = new[] { Staff } }, then = Exclude });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var rule = await AppFixture.JsonOf(made);
        Assert.EndsWith($"{rules}/{rule.Text("id")}", made.Headers.Location!.ToString(), StringComparison.Ordinal);
        Assert.Equal(("No staff", 10, true, JsonValueKind.Null), (rule.Text("name"), rule.GetProperty("priority").GetInt32(), rule.GetProperty("enabled").GetBoolean(), rule.GetProperty("connectionId").ValueKind));
        Assert.Equal("/admin", rule.GetProperty("when").GetProperty("all")[0].Text("value"));
        var first = await AppFixture.JsonOf(await client.PostAsJsonAsync(rules, new { name = "First", priority = 1, when = new { }, then = new { action = "include" }, enabled = false }));
        var last = await AppFixture.JsonOf(await client.PostAsJsonAsync(rules, new { name = "Last", when = new { }, then = new { action = "include" } }));
        Assert.Equal(20, last.GetProperty("priority").GetInt32());
        var list = await AppFixture.JsonOf(await client.GetAsync(rules));
        Assert.Equal(["First", "No staff", "Last"], list.GetProperty("items").EnumerateArray().Select(r => r.Text("name")));
        Assert.Equal(JsonValueKind.Null, list.GetProperty("nextCursor").ValueKind);

        var path = $"{rules}/{rule.Text("id")}";
        var changed = await AppFixture.JsonOf(await client.PutAsJsonAsync(path, new { name = "No staff at all", when = Staff, then = Exclude, enabled = false }));
        Assert.Equal(("No staff at all", 10, false), (changed.Text("name"), changed.GetProperty("priority").GetInt32(), changed.GetProperty("enabled").GetBoolean()));
        Assert.True(changed.GetProperty("updatedAt").GetDateTimeOffset() > rule.GetProperty("updatedAt").GetDateTimeOffset());
        Assert.True(JsonElement.DeepEquals(changed, await AppFixture.JsonOf(await client.GetAsync(path))));
        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(path)).StatusCode);
        foreach (var call in new[] { client.GetAsync(path), client.DeleteAsync(path), client.PutAsJsonAsync(path, new { name = "x", when = Staff, then = Exclude }) })
            await AppFixture.ProblemOf(await call, 404);
        Assert.Equal("rule.created rule.created rule.created rule.changed rule.deleted", await app.ValueAsync<string>(
            $"SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log WHERE workspace_id = '{site.WorkspaceId}' AND action LIKE 'rule.%'"));
        Assert.NotEqual(first.Text("id"), last.Text("id"));
    }

    [Theory]
    [InlineData("""{"when":{},"then":{"action":"exclude"}}""", 422, "name")]
    [InlineData("""{"name":"x","then":{"action":"exclude"}}""", 422, "when")]
    [InlineData("""{"name":"x","when":{}}""", 422, "then")]
    [InlineData("""{"name":"x","priority":-1,"when":{},"then":{"action":"exclude"}}""", 422, "priority")]
    [InlineData("""{"name":"x","connectionId":"00000000-0000-0000-0000-00000000000a","when":{},"then":{"action":"exclude"}}""", 422, "connectionId")]
    [InlineData("""{"name":"x","when":{},"then":{"action":"route","connections":["00000000-0000-0000-0000-00000000000a"]}}""", 422, "then.connections[0]")]
    [InlineData("""{"name":"x","when":{"all":[{"field":"url","op":"exists"},{"field":"value","op":"greater"}]},"then":{"action":"exclude"}}""", 422, "when.all[1].value")]
    [InlineData("""{"name":"x","when":{"field":"url","op":"matches","value":"("},"then":{"changes":[{"set":"visitor_id","value":"x"}]}}""", 422, "then.changes[0].set when.value")]
    [InlineData("""{"name":"x","when":[],"then":1}""", 422, "then when")]
    [InlineData("""{"name":"x","when":{},"then":""", 400, null)]
    [InlineData("""{"name":"x\u0000","when":{},"then":{"action":"exclude"}}""", 422, "name")]
    [InlineData("""{"name":"x","when":{"field":"properties.a\u0000","op":"exists"},"then":{"action":"exclude"}}""", 422, "when.field")]
    public async Task Rule_ThatIsWrong_IsRefusedByPlace(string body, int status, string? places)
    {
        var (site, client) = await SiteAsync();
        var problem = await AppFixture.ProblemOf(await PostAsync(client, $"/api/websites/{site.Id}/rules", body), status);
        if (places is not null)
            Assert.Equal(places, string.Join(' ', problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal)));
        if (places is null || places == "name")
            return;
        // a rule that is tried is judged the same
        var tried = await AppFixture.ProblemOf(await PostAsync(client, $"/api/websites/{site.Id}/rules/preview", $$"""{"rule":{{body}}}"""), status);
        Assert.Equal(problem.GetProperty("errors").GetRawText(), tried.GetProperty("errors").GetRawText());
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM filter_rules WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task Rules_BeyondTheLimit_AreRefused()
    {
        var (site, client) = await SiteAsync();
        await app.RunAsync($$"""
            INSERT INTO filter_rules SELECT '{{site.WorkspaceId}}', '{{site.Id}}', gen_random_uuid(), 'r', n, NULL, true, '{}', '{"action":"exclude"}', now(), now() FROM generate_series(1, 100) n
            """);
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules", new { name = "x", when = Staff, then = Exclude }), 409);
        Assert.Equal("too_many_rules", problem.Text("code"));
        var large = new { name = "x", when = new { field = "url", op = "in", value = Enumerable.Repeat(new string('a', 900), 100) }, then = Exclude };
        Assert.Equal("when", (await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules", large), 422)).GetProperty("errors").EnumerateObject().Single().Name);
    }

    [Fact]
    public async Task Rules_OfAnotherWebsiteOrByAViewer_AreOutOfReach()
    {
        var (site, client) = await SiteAsync();
        var (theirs, theirClient) = await SiteAsync();
        var rule = (await AppFixture.JsonOf(await theirClient.PostAsJsonAsync($"/api/websites/{theirs.Id}/rules", new { name = "Theirs", when = Staff, then = Exclude }))).Text("id");
        // my website, another's rule or connection in it
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/rules/{rule}"), 404);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules/preview", new { ruleId = rule }), 404);
        var connection = await ConnectAsync(theirClient, theirs, "meta", new { dataset_id = "1" });
        foreach (var body in new object[] { new { name = "x", when = Staff, then = Exclude, connectionId = connection }, new { name = "x", when = Staff, then = new { action = "route", connections = new[] { connection } } } })
            await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules", body), 422);
        // a viewer reads, and writes nothing
        await app.RunAsync($"UPDATE members SET role = 'viewer' WHERE workspace_id = '{theirs.WorkspaceId}'");
        var path = $"/api/websites/{theirs.Id}/rules";
        Assert.Equal(1, (await AppFixture.JsonOf(await theirClient.GetAsync(path))).GetProperty("items").GetArrayLength());
        foreach (var call in new[] { theirClient.PostAsJsonAsync(path, new { name = "x", when = Staff, then = Exclude }), theirClient.DeleteAsync($"{path}/{rule}"), theirClient.PostAsJsonAsync($"{path}/preview", new { }) })
            await AppFixture.ProblemOf(await call, 403);
    }

    [Fact]
    public async Task Rules_OfAConnection_GoWithItAndAllWithTheWebsite()
    {
        var (site, client) = await SiteAsync();
        var connection = await ConnectAsync(client, site, "meta", new { dataset_id = "1" });
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules", new { name = "Of one", connectionId = connection, when = Staff, then = Exclude }));
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules", new { name = "Of all", when = Staff, then = Exclude }));
        Assert.True((await client.DeleteAsync($"/api/websites/{site.Id}/connections/{connection}")).IsSuccessStatusCode);
        Assert.Equal("Of all", Assert.Single((await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/rules"))).GetProperty("items").EnumerateArray()).Text("name"));
        Assert.True((await client.DeleteAsync($"/api/websites/{site.Id}")).IsSuccessStatusCode);
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM filter_rules WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task Preview_OfADraftAndOfTheSavedRules_CountsOnRealEvents()
    {
        var (site, client) = await SiteAsync();
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = "1" });
        var tinybird = await ConnectAsync(client, site, "tinybird", new { data_source = "events" });
        await SendAsync(site,
            new { event_id = "staff", event_type = "page_view", properties = new { url = "https://shop.example.com/admin", plan = "x", address_book = new { size = 1 } }, user = new { email = "anna@example.com" } },
            new { event_id = "view", event_type = "page_view", properties = new { url = "https://shop.example.com/?a=1" }, user = new { email = "anna@example.com" } },
            new { event_id = "denied", event_type = "page_view", properties = new { url = "https://shop.example.com/" }, consent = new { ad_user_data = "denied" } });
        await SendAsync(site, new { event_id = "order", event_type = "purchase", properties = new { url = "https://shop.example.com/thanks?b=2", value = 149.9, currency = "EUR" }, user = new { email = "anna@example.com" } });
        var path = $"/api/websites/{site.Id}/rules";

        // nothing saved, nothing tried
        var none = await PreviewAsync(new { });
        Assert.Equal((4, 0), (none.GetProperty("events").GetInt32(), none.GetProperty("matched").GetInt32()));
        Assert.Equal((3, 0, 1, 0), Of(none, meta));
        Assert.Equal((4, 0, 0, 0), Of(none, tinybird));
        Assert.Equal(["page_view", "purchase"], none.GetProperty("eventNames").EnumerateArray().Select(n => n.GetString()));
        Assert.Equal(["properties.address_book.size", "properties.plan"], none.GetProperty("fields").EnumerateArray().Select(n => n.GetString()));

        // a draft without a name
        var draft = await PreviewAsync(new { rule = new { when = Staff, then = Exclude } });
        Assert.Equal(1, draft.GetProperty("matched").GetInt32());
        Assert.Equal((2, 1, 1, 0), Of(draft, meta));
        var sample = Assert.Single(draft.GetProperty("samples").EnumerateArray());
        Assert.Equal(("staff", "filter", "The rule \"This rule\" excludes it."), (sample.Text("eventId"), sample.GetProperty("outcomes")[0].GetProperty("skip").Text("reason"), sample.GetProperty("outcomes")[0].GetProperty("skip").Text("detail")));

        // changes, with what was before
        var changing = await PreviewAsync(new { rule = new { connectionId = meta, when = new { }, then = new { changes = new object[] { new { remove = "url_query" }, new { set = "event_name", value = "lead" } } } } });
        Assert.Equal((4, (3, 0, 1, 3), (4, 0, 0, 0)), (changing.GetProperty("matched").GetInt32(), Of(changing, meta), Of(changing, tinybird)));
        var order = changing.GetProperty("samples").EnumerateArray().Single(s => s.Text("eventId") == "order");
        Assert.Equal("url https://shop.example.com/thanks?b=2 -> https://shop.example.com/thanks, event_name purchase -> lead", string.Join(", ",
            order.GetProperty("outcomes").EnumerateArray().SelectMany(o => o.GetProperty("changes").EnumerateArray()).Select(c => $"{c.Text("field")} {c.Text("before")} -> {c.Text("after")}")));
        Assert.Equal("order", changing.GetProperty("samples")[0].Text("eventId")); // newest first

        // saved rules hold beside the draft; an edited one takes the place of itself; one that is off does not count
        var saved = (await AppFixture.JsonOf(await client.PostAsJsonAsync(path, new { name = "No staff", when = Staff, then = Exclude }))).Text("id");
        await client.PostAsJsonAsync(path, new { name = "Off", enabled = false, when = new { }, then = Exclude });
        Assert.Equal((2, 1, 1, 0), Of(await PreviewAsync(new { }), meta));
        Assert.Equal((1, 2, 1, 0), Of(await PreviewAsync(new { rule = new { when = new { field = "event_name", op = "equals", value = "purchase" }, then = Exclude } }), meta));
        Assert.Equal((2, 1, 1, 0), Of(await PreviewAsync(new { ruleId = saved, rule = new { when = new { field = "event_name", op = "equals", value = "purchase" }, then = Exclude } }), meta));
        Assert.Equal(1, (await PreviewAsync(new { limit = 1 })).GetProperty("events").GetInt32());
        foreach (var limit in (int[])[0, 501])
            await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{path}/preview", new { limit }), 422);
        // nothing personal in it, and nothing done
        Assert.DoesNotContain("anna@example.com", changing.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(2L, await app.ValueAsync<long>($"SELECT count(*) FROM filter_rules WHERE website_id = '{site.Id}'"));

        async Task<JsonElement> PreviewAsync(object trial) => await AppFixture.JsonOf(await client.PostAsJsonAsync($"{path}/preview", trial));
    }

    private static (int Included, int Excluded, int Skipped, int Changed) Of(JsonElement preview, Guid connection)
    {
        var effect = preview.GetProperty("connections").EnumerateArray().Single(c => c.GetProperty("connectionId").GetGuid() == connection);
        return (effect.GetProperty("included").GetInt32(), effect.GetProperty("excluded").GetInt32(), effect.GetProperty("skipped").GetInt32(), effect.GetProperty("changed").GetInt32());
    }

    private async Task<(NewSite Site, HttpClient Client)> SiteAsync()
    {
        var account = await app.RegisterAsync();
        return (await app.CreateWebsiteAsync(account), app.ClientFor(account));
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await client.PostAsync(path, content);
    }

    /// <summary>Off, so that nothing leaves the test.</summary>
    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, object settings) => (await AppFixture.JsonOf(await client.PostAsJsonAsync(
        $"/api/websites/{site.Id}/connections", new { platform, settings, credentials = new { access_token = "t", token = "t" }, enabled = false }))).GetProperty("id").GetGuid();

    private async Task SendAsync(NewSite site, params object[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        Assert.Equal(events.Length, (await AppFixture.JsonOf(await browser.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new { events }))).GetProperty("accepted").GetInt32());
    }
}
