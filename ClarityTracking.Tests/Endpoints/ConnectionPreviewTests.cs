using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>What the test panel shows is what a platform gets, and its test is marked as one.</summary>
public sealed class ConnectionPreviewTests(AppWithMeta app) : IClassFixture<AppWithMeta>
{
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    [Fact]
    public async Task Preview_OfADeliveredEvent_IsByteForByteWhatWasSent()
    {
        var (owner, site, client) = await SiteAsync();
        var connection = await ConnectAsync(client, site, new { dataset_id = "111" });
        await SendAsync(site, Purchase("zürich-1", """,{"id":"SKU <&> '1'","name":"Crème + „Größe“","price":74.95,"quantity":2}"""));
        var delivered = await SentAsync("zürich-1");

        var preview = (await Tester.PreviewAsync(CallerOf(owner), site.Id, connection, "zürich-1", CancellationToken.None)).Value!;
        Assert.Equal(Encoding.UTF8.GetBytes(delivered.GetRawText()), Encoding.UTF8.GetBytes(preview.Payload!.Value.GetRawText()));
        Assert.Contains("zürich-1", preview.Payload.Value.GetRawText(), StringComparison.Ordinal);

        var before = app.Meta.Seen.Count;
        var json = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/preview", new { eventId = preview.Id }));
        Assert.Equal(before, app.Meta.Seen.Count); // looking sends nothing
        Assert.Equal("zürich-1", json.Text("eventId"));
        Assert.Equal(JsonValueKind.Null, json.GetProperty("skip").ValueKind);
        Assert.True(JsonElement.DeepEquals(delivered, json.GetProperty("payload")), json.ToString());
        Assert.DoesNotContain("anna@example.com", json.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("token-good", json.ToString(), StringComparison.Ordinal);
        var keys = json.GetProperty("keys").EnumerateArray().ToDictionary(k => k.Text("key")!, k => (k.Text("state"), k.Text("hint")));
        Assert.Equal(("present", null), keys["em"]);
        Assert.Equal("invalid", keys["ph"].Item1);
        Assert.Contains("calling code", keys["ph"].Item2, StringComparison.Ordinal);
        Assert.Equal("missing", keys["fbc"].Item1);
        // email alone by the product's own figures: the phone without country counts for nothing, the address of the test is private
        Assert.Equal(5.5m, json.GetProperty("estimate").GetProperty("score").GetDecimal());
        Assert.Contains(json.GetProperty("estimate").GetProperty("gains").EnumerateArray(), g => g.Text("key") == "ph");

        var test = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "zürich-1", testCode = "TEST77" }));
        Assert.Equal(("delivered", 200, "zürich-1"), (test.Text("outcome"), test.GetProperty("httpStatus").GetInt32(), test.Text("eventId")));
        Assert.Equal("TEST77", test.GetProperty("request").GetProperty("body").Text("test_event_code"));
        var tested = JsonElement.Parse(app.Meta.Seen.Last().Body);
        Assert.Equal("TEST77", tested.Text("test_event_code"));
        Assert.Equal(delivered.GetRawText(), Assert.Single(tested.GetProperty("data").EnumerateArray()).GetRawText());
        // typed once, kept nowhere
        Assert.DoesNotContain("TEST77", (await client.GetStringAsync(Path(site, connection))), StringComparison.Ordinal);
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{site.WorkspaceId}' AND action = 'connection.tested' AND detail = 'event {preview.Id}'"));
    }

    [Fact]
    public async Task Preview_WithoutAnId_ShowsTheNewestOfTheMostValuableNameThatIsSent()
    {
        var (_, site, client) = await SiteAsync();
        var connection = await ConnectAsync(client, site, new { dataset_id = "111" });
        await AppFixture.ProblemOf(await client.PostAsync($"{Path(site, connection)}/preview", null), 404);
        await SendAsync(site, Simple("lead-1", "lead"), Purchase("old-1"));
        await SentAsync("old-1");
        await SendAsync(site, Purchase("new-1"), Simple("view-1", "page_view"));
        await SentAsync("new-1");
        await SentAsync("view-1");
        Assert.Equal("new-1", (await PreviewAsync(client, site, connection)).Text("eventId"));
        await AppFixture.JsonOf(await client.PatchAsJsonAsync(Path(site, connection), new { settings = new { events = new { purchase = false } } }));
        Assert.Equal("lead-1", (await PreviewAsync(client, site, connection)).Text("eventId"));
        var skipped = await PreviewAsync(client, site, connection, "new-1");
        Assert.Equal(("unmapped", JsonValueKind.Null), (skipped.GetProperty("skip").Text("reason"), skipped.GetProperty("payload").ValueKind));
    }

    [Fact]
    public async Task Preview_OfASkippedEvent_HasTheTracesWords()
    {
        var (_, site, client) = await SiteAsync();
        var connection = await ConnectAsync(client, site, new { dataset_id = "111" });
        await SendAsync(site, """{"event_id":"no-consent","event_type":"lead","session_id":"s","properties":{"url":"https://shop.example.com/"},"consent":{"ad_user_data":"denied"} }""",
            """{"event_id":"no-value","event_type":"purchase","session_id":"s","properties":{"url":"https://shop.example.com/"} }""");
        foreach (var id in (string[])["no-consent", "no-value"])
        {
            var delivery = (await DeliveriesAsync(client, site, id))[0];
            var skip = (await PreviewAsync(client, site, connection, id)).GetProperty("skip");
            Assert.Equal((delivery.Text("reason"), delivery.Text("detail")), (skip.Text("reason"), skip.Text("detail")));
            var before = app.Meta.Seen.Count;
            var test = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = id, testCode = "TEST1" }));
            Assert.Equal((false, "skipped", $"{skip.Text("reason")}: {skip.Text("detail")}"), (test.GetProperty("sent").GetBoolean(), test.Text("outcome"), test.Text("reason")));
            Assert.Equal(before, app.Meta.Seen.Count);
        }
    }

    [Fact]
    public async Task Test_OfARealEventWithoutTestMode_AsksFirst()
    {
        var (_, site, client) = await SiteAsync();
        var connection = await ConnectAsync(client, site, new { dataset_id = "111" });
        await SendAsync(site, Purchase("real-1"));
        await SentAsync("real-1");
        Assert.Equal("needs_code", (await PreviewAsync(client, site, connection, "real-1")).Text("testMode"));
        var before = app.Meta.Seen.Count;
        var refused = await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1" }), 422);
        Assert.Equal("no_test_mode", refused.Text("code"));
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1", testCode = "not a code!" }), 422);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1", testCode = " " }), 422);
        Assert.Equal(before, app.Meta.Seen.Count);
        var sent = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1", asReal = true }));
        Assert.Equal("delivered", sent.Text("outcome"));
        Assert.False(sent.GetProperty("request").GetProperty("body").TryGetProperty("test_event_code", out _));

        await AppFixture.JsonOf(await client.PatchAsJsonAsync(Path(site, connection), new { settings = new { test_event_code = "TEST5" } }));
        Assert.Equal("on", (await PreviewAsync(client, site, connection, "real-1")).Text("testMode"));
        var bySettings = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1" }));
        Assert.Equal("TEST5", bySettings.GetProperty("request").GetProperty("body").Text("test_event_code"));
        var byCode = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/test", new { eventId = "real-1", testCode = "TEST6" }));
        Assert.Equal("TEST6", byCode.GetProperty("request").GetProperty("body").Text("test_event_code"));
    }

    [Fact]
    public async Task AnothersEvent_OnMyConnection_IsNotFound()
    {
        var (_, theirs, theirClient) = await SiteAsync();
        await SendAsync(theirs, Simple("secret-1", "lead"));
        var id = await app.ValueAsync<Guid>($"SELECT id FROM events WHERE website_id = '{theirs.Id}'");
        var (_, mine, client) = await SiteAsync();
        var connection = await ConnectAsync(client, mine, new { dataset_id = "111", test_event_code = "TEST1" });
        var before = app.Meta.Seen.Count;
        foreach (var eventId in (string[])["secret-1", id.ToString()])
            foreach (var call in (string[])["preview", "test"])
                await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{Path(mine, connection)}/{call}", new { eventId }), 404);
        Assert.Equal(before, app.Meta.Seen.Count);
        // another website of the same workspace is another's too
        var other = await app.CreateWebsiteAsync(await app.RegisterAsync());
        using var key = app.ClientFor(other.SecretKey);
        await AppFixture.ProblemOf(await key.PostAsync($"{Path(mine, connection)}/preview", null), 404);
        theirClient.Dispose();
    }

    [Fact]
    public async Task Search_ByNameOrId_FindsOnlyTheWebsitesOwn()
    {
        var (owner, site, client) = await SiteAsync();
        await SendAsync(site, Simple("find-1", "lead"));
        await SendAsync(site, Simple("find-2", "page_view"));
        var queries = app.Services.GetRequiredService<EventQueries>();
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM event_rollups WHERE website_id = '{site.Id}'") == 2 ? true : (bool?)null, "the sums");
        var ours = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/events/find-1"))).GetProperty("event").Text("id")!;
        foreach (var (text, found) in new[] { (null, "find-2 find-1"), (" ", "find-2 find-1"), ("LEA", "find-1"), ("Page view", "find-2"), ("find-1", "find-1"), (ours, "find-1"), ("find", ""), ("%", "") })
            Assert.Equal((text, found), (text, await FoundAsync(CallerOf(owner), text)));
        var (stranger, _, _) = await SiteAsync();
        Assert.Equal("not_found", (await queries.SearchAsync(CallerOf(stranger), site.Id, "find-1", 8, CancellationToken.None)).Error!.Code);

        async Task<string> FoundAsync(Caller caller, string? text) =>
            string.Join(' ', (await queries.SearchAsync(caller, site.Id, text, 8, CancellationToken.None)).Value!.Select(e => e.EventId));
    }

    private ConnectionTester Tester => app.Services.GetRequiredService<ConnectionTester>();

    private static Caller CallerOf(Account account) =>
        new() { Label = "test", UserId = account.UserId, Workspaces = new Dictionary<Guid, Role> { [account.WorkspaceId] = Role.Owner } };

    private async Task<(Account, NewSite, HttpClient)> SiteAsync()
    {
        var account = await app.RegisterAsync();
        return (account, await app.CreateWebsiteAsync(account), app.ClientFor(account));
    }

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, object settings) => (await AppFixture.JsonOf(
        await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new { platform = "meta", settings, credentials = new { access_token = "token-good" } }))).GetProperty("id").GetGuid();

    private static string Path(NewSite site, Guid connection) => $"/api/websites/{site.Id}/connections/{connection}";

    private static async Task<JsonElement> PreviewAsync(HttpClient client, NewSite site, Guid connection, string? eventId = null) =>
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"{Path(site, connection)}/preview", new { eventId }));

    private static string Purchase(string id, string items = "") => $$$"""
        {"event_id":"{{{id}}}","event_type":"purchase","session_id":"s","properties":{"url":"https://shop.example.com/thanks?a=1&b=ü","value":149.9,"currency":"EUR",
         "items":[{"id":"SKU-0","quantity":1}{{{items}}}]},"user":{"email":"Anna@example.com","phone":"0171 2345678"}}
        """;

    private static string Simple(string id, string type) =>
        $$$"""{"event_id":"{{{id}}}","event_type":"{{{type}}}","session_id":"s","properties":{"url":"https://shop.example.com/"},"user":{"email":"anna@example.com"} }""";

    private async Task SendAsync(NewSite site, params string[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.UserAgent.ParseAdd(Agent);
        using var content = new StringContent($$"""{"events":[{{string.Join(',', events)}}]}""", Encoding.UTF8, "application/json");
        Assert.Equal(events.Length, (await AppFixture.JsonOf(await browser.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content))).GetProperty("accepted").GetInt32());
    }

    /// <summary>The event as it came to the platform.</summary>
    private Task<JsonElement> SentAsync(string eventId) => Eventually.GetAsync<JsonElement>(() => Task.FromResult(app.Meta.Seen
        .SelectMany(call => JsonElement.Parse(call.Body).GetProperty("data").EnumerateArray()).Where(e => e.Text("event_id") == eventId)
        .Select(e => (JsonElement?)e).FirstOrDefault()), $"{eventId} at the platform");

    private static async Task<List<JsonElement>> DeliveriesAsync(HttpClient client, NewSite site, string eventId)
    {
        var trace = await Eventually.GetAsync(async () => await client.GetAsync($"/api/websites/{site.Id}/events/{eventId}") is { IsSuccessStatusCode: true } answer
            && await AppFixture.JsonOf(answer) is var json && json.GetProperty("deliveries").GetArrayLength() > 0 ? json : (JsonElement?)null, $"the delivery of {eventId}");
        return [.. trace.GetProperty("deliveries").EnumerateArray()];
    }
}

/// <summary>The same of platforms whose requests have another shape, each against its strict double.</summary>
public sealed class ConnectionPreviewOfOthersTests(AppWithReceivers app) : IClassFixture<AppWithReceivers>
{
    public static TheoryData<string, string, string, string> Connections => new()
    {
        { "google_ads", """{"customer_id":"1234567890","conversion_actions":{"purchase":"987"}}""", $$"""{"refresh_token":"{{StrictReceivers.RefreshToken}}-panel"}""", "on" },
        { "google_analytics", """{"measurement_id":"G-ABC123"}""", """{"api_secret":"ga-secret"}""", "on" },
        { "microsoft", """{"uet_tag_id":343012345}""", $$"""{"access_token":"{{StrictReceivers.MicrosoftToken}}"}""", "none" },
        { "tinybird", """{"data_source":"clarity_events"}""", """{"token":"tinybird-token"}""", "on" },
        { "supabase", $$"""{"url":"URL","table":"clarity_events"}""", """{"api_key":"sb_secret_1"}""", "on" },
    };

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Preview_OfADeliveredEvent_IsWhatWasSent(string platform, string settings, string credentials, string testMode)
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var client = app.ClientFor(owner);
        var connection = (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new
        {
            platform,
            settings = JsonElement.Parse(settings.Replace("URL", app.Receivers.Url, StringComparison.Ordinal)),
            credentials = JsonElement.Parse(credentials),
        }))).GetProperty("id").GetGuid();
        var id = "panel-" + platform;
        using var anonymous = app.Anonymous();
        await AppFixture.JsonOf(await anonymous.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new
        {
            events = new[] { new { event_id = id, event_type = "purchase", visitor_id = "v-1", properties = new { value = 149.9, currency = "EUR", order_id = id, url = "https://shop.example.com/thanks?ü=1&b" }, user = new { email = "jane@example.com" } } },
        }));
        var delivered = await Eventually.GetAsync<JsonElement>(() => Task.FromResult(app.Receivers.Taken.Where(t => t.Id == id).Select(t => (JsonElement?)t.Event).FirstOrDefault()), $"{id} at {platform}");

        var caller = new Caller { Label = "test", UserId = owner.UserId, Workspaces = new Dictionary<Guid, Role> { [owner.WorkspaceId] = Role.Owner } };
        var preview = (await app.Services.GetRequiredService<ConnectionTester>().PreviewAsync(caller, site.Id, connection, id, CancellationToken.None)).Value!;
        Assert.Equal(Encoding.UTF8.GetBytes(delivered.GetRawText()), Encoding.UTF8.GetBytes(preview.Payload!.Value.GetRawText()));
        Assert.Equal(testMode, JsonNamingPolicy.SnakeCaseLower.ConvertName(preview.TestMode.ToString()));
        Assert.Null(preview.Estimate);

        var test = await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections/{connection}/test", new { eventId = id });
        if (testMode == "none")
        {
            Assert.Equal("no_test_mode", (await AppFixture.ProblemOf(test, 422)).Text("code"));
            return;
        }
        var request = (await AppFixture.JsonOf(test)).GetProperty("request");
        Assert.True(platform switch
        {
            "google_ads" => request.GetProperty("body").GetProperty("validateOnly").GetBoolean(),
            "google_analytics" => request.Text("url")!.Contains("/debug/mp/collect", StringComparison.Ordinal),
            "tinybird" => request.GetProperty("body").ToString().Contains("\"is_test\":true", StringComparison.Ordinal),
            _ => request.GetProperty("body")[0].GetProperty("is_test").GetBoolean(),
        }, request.ToString());
        Assert.DoesNotContain("ga-secret", request.ToString(), StringComparison.Ordinal);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections/{connection}/test", new { eventId = id, testCode = "TEST1" }), 422);
    }
}
