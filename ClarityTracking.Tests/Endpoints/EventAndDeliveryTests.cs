using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>One event from intake through a server in Meta's place to every answer of the management API.</summary>
public sealed class EventAndDeliveryTests(AppWithMeta app) : IClassFixture<AppWithMeta>
{
    private const string Taken = """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""";
    private const string BadToken = """{"error":{"message":"Invalid OAuth access token.","type":"OAuthException","code":190,"fbtrace_id":"t"}}""";
    private const string BadEvent = """{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"is_transient":false,"error_user_title":"No","error_user_msg":"Not this event","fbtrace_id":"t"}}""";

    [Fact]
    public async Task Trace_OfADeliveredEvent_ShowsEveryStepAndTheExactRequest()
    {
        var (client, site, connection) = await WithMetaAsync();
        app.Meta.Answer = (200, Taken);
        await SendAsync(site, Purchase("order-1"));
        var trace = await TraceAsync(client, site, "order-1", "delivered");

        var stored = trace.GetProperty("event");
        Assert.Equal(("order-1", "purchase", "browser"), (Text(stored, "eventId"), Text(stored, "name"), Text(stored, "source")));
        Assert.Equal(49.9m, stored.GetProperty("value").GetDecimal());
        Assert.DoesNotContain("anna@example.com", trace.ToString(), StringComparison.Ordinal);
        Assert.Equal(["collect", "validate", "enrich", "identify", "store", "route"], trace.GetProperty("decisions").EnumerateArray().Select(d => Text(d, "stage")));
        var delivery = Assert.Single(trace.GetProperty("deliveries").EnumerateArray());
        Assert.Equal((connection, "meta"), (delivery.GetProperty("connectionId").GetGuid(), Text(delivery, "platform")));
        var attempt = Assert.Single(delivery.GetProperty("attempts").EnumerateArray());
        Assert.Equal((200, "delivered"), (attempt.GetProperty("httpStatus").GetInt32(), Text(attempt, "outcome")));
        Assert.Equal("order-1", Text(attempt.GetProperty("request"), "event_id"));
        Assert.Equal(1, attempt.GetProperty("response").GetProperty("events_received").GetInt32());
        Assert.DoesNotContain("token-good", trace.ToString(), StringComparison.Ordinal);

        // by our id it is the same
        var byId = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/events/{stored.GetProperty("id").GetGuid()}"));
        Assert.Equal("order-1", Text(byId.GetProperty("event"), "eventId"));
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/events/unknown"), 404);
    }

    [Fact]
    public async Task Reveal_PersonalData_OpensItAndIsWrittenDown()
    {
        var (client, site, _) = await WithMetaAsync();
        await SendAsync(site, Purchase("order-r"));
        var id = (await TraceAsync(client, site, "order-r", null)).GetProperty("event").GetProperty("id").GetGuid();
        var revealed = await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{site.Id}/events/{id}/reveal", null));
        Assert.Equal("anna@example.com", revealed.GetProperty("personal").GetProperty("user").GetProperty("email")[0].GetString());
        var log = await AppFixture.JsonOf(await client.GetAsync($"/api/workspaces/{site.WorkspaceId}/audit-log?limit=1"));
        Assert.Equal("personal_data.revealed", Text(log.GetProperty("items")[0], "action"));
    }

    [Fact]
    public async Task List_WithFiltersAndCursor_PagesNewestFirst()
    {
        var (client, site, _) = await WithMetaAsync();
        await SendAsync(site, [.. Enumerable.Range(1, 5).Select(i => Event("page_view", $"view-{i}", "v-1"))]);
        await SendAsync(site, Event("lead", "lead-1", "v-2"));
        var path = $"/api/websites/{site.Id}/events";
        var first = await AppFixture.JsonOf(await client.GetAsync($"{path}?limit=4"));
        Assert.Equal("lead-1", Text(first.GetProperty("items")[0], "eventId"));
        var second = await AppFixture.JsonOf(await client.GetAsync($"{path}?limit=4&cursor={first.GetProperty("nextCursor").GetGuid()}"));
        Assert.Equal(2, second.GetProperty("items").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("nextCursor").ValueKind);
        var ids = first.GetProperty("items").EnumerateArray().Concat(second.GetProperty("items").EnumerateArray()).Select(e => Text(e, "eventId")).ToList();
        Assert.Equal(6, ids.Distinct().Count());

        foreach (var (query, count) in new[] { ("name=lead", 1), ("visitor=v-1", 5), ("source=browser", 6), ("source=server", 0),
            ("from=2001-01-01T00:00:00%2B05:30", 6), ("to=2001-01-01T00:00:00Z", 0), ("from=1901-01-01T00:00:00Z", 6), ("limit=0", 1) })
            Assert.Equal((query, count), (query, (await AppFixture.JsonOf(await client.GetAsync($"{path}?{query}"))).GetProperty("items").GetArrayLength()));
    }

    [Fact]
    public async Task Connection_CreateChangeTest_KeepsCredentialsToItself()
    {
        var (client, site, connection) = await WithMetaAsync();
        var path = $"/api/websites/{site.Id}/connections/{connection}";
        var got = await AppFixture.JsonOf(await client.GetAsync(path));
        Assert.Equal(["access_token"], got.GetProperty("credentials").EnumerateArray().Select(c => c.GetString()));
        Assert.DoesNotContain("token-good", got.ToString(), StringComparison.Ordinal);

        var changed = await AppFixture.JsonOf(await client.PatchAsJsonAsync(path, new { settings = new { test_event_code = "TEST123" }, enabled = false }));
        Assert.Equal(("111", "TEST123", false), (Text(changed.GetProperty("settings"), "dataset_id"), Text(changed.GetProperty("settings"), "test_event_code"),
            changed.GetProperty("enabled").GetBoolean()));
        await AppFixture.ProblemOf(await client.PatchAsJsonAsync(path, new { settings = new { dataset_id = (string?)null } }), 422);

        app.Meta.Answer = (200, Taken);
        var test = await AppFixture.JsonOf(await client.PostAsync($"{path}/test", null));
        Assert.Equal(("delivered", 200), (Text(test, "outcome"), test.GetProperty("httpStatus").GetInt32()));
        Assert.Equal("TEST123", Text(test.GetProperty("request").GetProperty("body"), "test_event_code"));
        Assert.Contains("access_token=***", Text(test.GetProperty("request"), "url"), StringComparison.Ordinal);
        Assert.Contains(app.Meta.Seen, call => call.PathAndQuery.Contains("access_token=token-good", StringComparison.Ordinal) && call.Body.Contains(Text(test, "eventId")!, StringComparison.Ordinal));

        app.Meta.Answer = (400, BadToken);
        var refused = await AppFixture.JsonOf(await client.PostAsync($"{path}/test", null));
        Assert.Equal("credential", Text(refused, "outcome"));
        app.Meta.Answer = (200, Taken);

        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(path)).StatusCode);
        await AppFixture.ProblemOf(await client.GetAsync(path), 404);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/connections/{connection}/health"), 404);
    }

    [Fact]
    public async Task Connection_PausedByABadToken_SendsWhatWaitedOnceTheTokenIsNew()
    {
        var (client, site, connection) = await WithMetaAsync();
        app.Meta.Answer = (400, BadToken);
        await SendAsync(site, Purchase("order-p"));
        var health = await Eventually.GetAsync(async () =>
            await AppFixture.JsonOf(await client.GetAsync($"/api/connections/{connection}/health")) is var h && Text(h, "state") == "paused" ? h : (JsonElement?)null, "the pause");
        Assert.Equal((1, 400), (health.GetProperty("backlog").GetInt32(), health.GetProperty("lastHttpStatus").GetInt32()));
        Assert.Contains("Invalid OAuth access token", health.GetProperty("lastError").GetString(), StringComparison.Ordinal);

        app.Meta.Answer = (200, Taken);
        await app.RunAsync($"UPDATE delivery_queue SET next_attempt_at = now() + interval '1 day' WHERE connection_id = '{connection}'");
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}/connections/{connection}", new { credentials = new { access_token = "token-new" } }));
        var trace = await TraceAsync(client, site, "order-p", "delivered");
        Assert.Equal(["credential", "delivered"], trace.GetProperty("deliveries")[0].GetProperty("attempts").EnumerateArray().Select(a => Text(a, "outcome")));
        Assert.Contains(app.Meta.Seen, call => call.PathAndQuery.Contains("access_token=token-new", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Replay_OfADeadDelivery_SendsItAgainUnderTheSameIds()
    {
        var (client, site, connection) = await WithMetaAsync();
        app.Meta.Answer = (400, BadEvent);
        await SendAsync(site, Purchase("order-d"), Purchase("order-old"));
        var dead = (await TraceAsync(client, site, "order-d", "dead")).GetProperty("deliveries")[0];
        await TraceAsync(client, site, "order-old", "dead");
        app.Meta.Answer = (200, Taken);
        await app.RunAsync($"UPDATE events SET occurred_at = now() - interval '8 days' WHERE website_id = '{site.Id}' AND event_id = 'order-old'");

        var deliveries = $"/api/websites/{site.Id}/deliveries";
        Assert.Equal(2, (await AppFixture.JsonOf(await client.GetAsync($"{deliveries}?status=dead&connectionId={connection}"))).GetProperty("items").GetArrayLength());
        Assert.Equal(2, (await AppFixture.JsonOf(await client.GetAsync($"{deliveries}/counts"))).GetProperty("dead").GetInt32());
        var failures = (await AppFixture.JsonOf(await client.GetAsync($"{deliveries}/failures"))).GetProperty("items");
        Assert.Equal(2, Assert.Single(failures.EnumerateArray()).GetProperty("count").GetInt32());

        var plan = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{deliveries}/replay", new { status = "dead", dryRun = true }));
        Assert.Equal((2, 1, 0, 1), Plan(plan));
        Assert.Equal(2L, await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Id}' AND status = 'dead'"));
        Assert.Equal((2, 1, 0, 1), Plan(await AppFixture.JsonOf(await client.PostAsJsonAsync($"{deliveries}/replay", new { status = "dead" }))));
        var trace = await TraceAsync(client, site, "order-d", "delivered");
        Assert.Equal(dead.GetProperty("id").GetGuid(), trace.GetProperty("deliveries")[0].GetProperty("id").GetGuid());
        var outcomes = trace.GetProperty("deliveries")[0].GetProperty("attempts").EnumerateArray().Select(a => Text(a, "outcome")).ToList();
        Assert.Equal(("permanent", "delivered"), (outcomes[0], outcomes[^1]));

        var again = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{deliveries}/replay", new { ids = new[] { dead.GetProperty("id").GetGuid() } }));
        Assert.Equal((1, 0, 1, 0), Plan(again));
    }

    [Fact]
    public async Task Replay_OfASkippedDelivery_NeedsItsId()
    {
        var (client, site, _) = await WithMetaAsync();
        await SendAsync(site, Event("purchase", "no-value", "v-3"));
        var skipped = (await TraceAsync(client, site, "no-value", "skipped")).GetProperty("deliveries")[0];
        Assert.Equal("missing_field", Text(skipped, "reason"));
        var replay = $"/api/websites/{site.Id}/deliveries/replay";
        Assert.Equal((0, 0, 0, 0), Plan(await AppFixture.JsonOf(await client.PostAsJsonAsync(replay, new { }))));
        Assert.Equal((1, 0, 0, 1), Plan(await AppFixture.JsonOf(await client.PostAsJsonAsync(replay, new { ids = new[] { skipped.GetProperty("id").GetGuid() } }))));
        // the worker looks at it again and finds that it still has no value
        await TraceAsync(client, site, "no-value", "skipped");
    }

    [Fact]
    public async Task Health_OfAWebsite_CountsEventsKeysDuplicatesAndOutcomes()
    {
        var (client, site, connection) = await WithMetaAsync();
        app.Meta.Answer = (200, Taken);
        await SendAsync(site, Purchase("h-1"), Purchase("h-2"), Event("purchase", "h-3", "v-9"));
        await SendAsync(site, Purchase("h-1"));
        await TraceAsync(client, site, "h-1", "delivered");
        await TraceAsync(client, site, "h-2", "delivered");
        await TraceAsync(client, site, "h-3", "skipped");
        var health = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/health"));
        var purchase = Assert.Single(health.GetProperty("byEvent").EnumerateArray());
        Assert.Equal(("purchase", 3, 1), (Text(purchase, "name"), purchase.GetProperty("events").GetInt32(), purchase.GetProperty("duplicates").GetInt32()));
        Assert.Equal(0.25, purchase.GetProperty("duplicateRate").GetDouble());
        Assert.Equal(0.667, purchase.GetProperty("keyCoverage").GetProperty("em").GetDouble(), 3);
        Assert.InRange(purchase.GetProperty("emqEstimate").GetDouble(), 3, 10);
        var meta = Assert.Single(purchase.GetProperty("destinations").EnumerateArray());
        Assert.Equal((connection, 2, 1.0), (meta.GetProperty("connectionId").GetGuid(), meta.GetProperty("delivered").GetInt32(), meta.GetProperty("successRate").GetDouble()));
        Assert.Equal(1, meta.GetProperty("skipped").GetProperty("missing_field").GetInt32());
    }

    [Fact]
    public async Task Portfolio_OfACaller_ShowsVolumeLastEventAndConnections()
    {
        var account = await app.RegisterAsync();
        var (busy, quiet) = (await app.CreateWebsiteAsync(account, "A busy", "busy.example.com"), await app.CreateWebsiteAsync(account, "B quiet", "quiet.example.com"));
        using var client = app.ClientFor(account);
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{busy.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "token-good" } }));
        app.Meta.Answer = (200, Taken);
        await SendAsync(busy, Purchase("o-1"), Purchase("o-2"));
        await TraceAsync(client, busy, "o-2", "delivered");
        var caller = new Caller { Label = "test", Workspaces = new Dictionary<Guid, Role> { [account.WorkspaceId] = Role.Viewer } };
        var rows = await app.Services.GetRequiredService<PortfolioQueries>().ListAsync(caller, CancellationToken.None);
        Assert.Equal([(busy.Id, 2L, 1), (quiet.Id, 0L, 0)], rows.Select(r => (r.Website.Id, r.Events, r.Connections.Count)));
        Assert.InRange(rows[0].LastEventAt!.Value, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
        Assert.Null(rows[1].LastEventAt);
        Assert.Equal(ConnectionState.Healthy, rows[0].Connections[0].State);
    }

    [Fact]
    public async Task Live_SinceAnEvent_HoldsWhatCameAfterAndTheSecondsBefore()
    {
        var (client, site, _) = await WithMetaAsync();
        var caller = new Caller { Label = "test", Workspaces = new Dictionary<Guid, Role> { [site.WorkspaceId] = Role.Viewer } };
        var events = app.Services.GetRequiredService<EventQueries>();
        await SendAsync(site, Event("page_view", "l-1", "v-1"));
        var first = Assert.Single((await events.ListSinceAsync(caller, site.Id, new EventFilter(), null, 50, CancellationToken.None)).Value!);
        await SendAsync(site, Event("page_view", "l-2", "v-1"));
        var second = Assert.Single((await events.ListSinceAsync(caller, site.Id, new EventFilter(), first.Id, 50, CancellationToken.None)).Value!);
        Assert.Equal("l-2", second.EventId);
        // one that was committed late, with an earlier id
        Assert.Equal("l-1", Assert.Single((await events.ListSinceAsync(caller, site.Id, new EventFilter(), second.Id, 50, CancellationToken.None)).Value!).EventId);
        await app.RunAsync($"DELETE FROM events WHERE event_id = 'l-1' AND website_id = '{site.Id}'");
        Assert.Empty((await events.ListSinceAsync(caller, site.Id, new EventFilter(), second.Id, 50, CancellationToken.None)).Value!);
        client.Dispose();
    }

    private async Task<(HttpClient Client, NewSite Site, Guid Connection)> WithMetaAsync()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        var client = app.ClientFor(account);
        var made = await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "token-good" } });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        return (client, site, (await AppFixture.JsonOf(made)).GetProperty("id").GetGuid());
    }

    private async Task SendAsync(NewSite site, params object[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.Add("X-API-Key", site.PublishableKey);
        browser.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        var answer = await AppFixture.JsonOf(await browser.PostAsJsonAsync("/api/v1/collect", new { events }));
        Assert.Equal(0, answer.GetProperty("rejected").GetArrayLength());
    }

    private static object Purchase(string id) => new
    {
        event_id = id,
        event_type = "purchase",
        timestamp = DateTimeOffset.UtcNow,
        session_id = "s-1",
        visitor_id = "v-1",
        properties = new { url = "https://shop.example.com/thanks", value = 49.9m, currency = "EUR" },
        user = new { email = "anna@example.com" },
    };

    private static object Event(string type, string id, string visitor) => new
    {
        event_id = id,
        event_type = type,
        timestamp = DateTimeOffset.UtcNow,
        session_id = "s-1",
        visitor_id = visitor,
        properties = new { url = "https://shop.example.com/" },
    };

    private static Task<JsonElement> TraceAsync(HttpClient client, NewSite site, string eventId, string? status) => Eventually.GetAsync(async () =>
    {
        var answer = await client.GetAsync($"/api/websites/{site.Id}/events/{eventId}");
        if (answer.StatusCode == HttpStatusCode.NotFound)
            return null;
        var trace = await AppFixture.JsonOf(answer);
        var statuses = trace.GetProperty("deliveries").EnumerateArray().Select(d => Text(d, "status")).ToList();
        return status is null || (statuses.Count > 0 && statuses.All(s => s == status)) ? trace : (JsonElement?)null;
    }, $"the delivery of {eventId} to be {status}");

    private static (int, int, int, int) Plan(JsonElement plan) => (plan.GetProperty("matched").GetInt32(), plan.GetProperty("tooOld").GetInt32(),
        plan.GetProperty("alreadyDelivered").GetInt32(), plan.GetProperty("willSend").GetInt32());

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();
}
