using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;

namespace ClarityTracking.Tests.Delivery;

/// <summary>From an event at the intake to what each platform takes or refuses, over HTTP to servers that are as strict as the platforms.</summary>
public sealed class PlatformDeliveryTests(AppWithPlatforms app) : IClassFixture<AppWithPlatforms>, IAsyncLifetime
{
    private Account _owner = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        (app.Platforms.Token, app.Platforms.Refuses, app.Platforms.TikTokSays) = ("good-token", _ => null, null);
        _owner = await app.RegisterAsync();
        _http = app.ClientFor(_owner);
    }

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    private static readonly Dictionary<string, object> SettingsOf = new()
    {
        ["tiktok"] = new { pixel_code = "C4A" },
        ["pinterest"] = new { ad_account_id = "549755885175" },
        ["snapchat"] = new { pixel_id = "0a1b" },
        ["reddit"] = new { pixel_id = "a2_abc" },
    };

    /// <summary>A browser purchase with all that platforms could use; Gmail with dots, an apostrophe and a British postcode on purpose.</summary>
    private static string Purchase(string id, string more = "") => $$"""
        {"event_id":"{{id}}","event_type":"purchase","session_id":"s1",
         "properties":{"value":149.9,"currency":"EUR","order_id":"{{id}}","url":"https://shop.example.com/thanks?ttclid=T.1&epik=E.1&ScCid=S.1&rdt_cid=R.1","referrer":"https://shop.example.com/cart",
           "items":[{"id":"SKU-1","name":"Blue shirt","category":"Shirts","brand":"Exempla","price":99.9,"quantity":1},{"id":"SKU-2","price":"25.00","quantity":2}],"coupon":"WELCOME10"},
         "user":{"email":"Jane.Doe+x@gmail.com","phone":"020 7946 0958","first_name":"Anne-Marie","last_name":"O'Brien","city":"London","zip":"SW1A 1AA","country":"GB","external_id":"Cust 1001"},
         "click_ids":{"ttclid":"T.1","epik":"E.1","ScCid":"S.1","rdt_cid":"R.1"},
         "cookies":{"ttp":"P.1","epik":"E.0","sc_cookie1":"C.1","rdt_uuid":"1684189007728.7c73f5e0-a7b1-4a5d-bf6f-3a9f1c0a0001"}{{more}} }
        """;

    [Theory]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("snapchat")]
    [InlineData("reddit")]
    public async Task Deliver_PurchaseFromTheIntake_IsTakenByTheStrictPlatform(string platform)
    {
        var site = await SiteAsync(platform);
        await SendAsync(site, Purchase($"full-{platform}"));
        var delivery = (await TraceAsync(site, $"full-{platform}", "delivered")).GetProperty("deliveries")[0];
        Assert.Equal(platform, delivery.GetProperty("platform").GetString());
        var attempt = Assert.Single(delivery.GetProperty("attempts").EnumerateArray());
        Assert.Contains($"full-{platform}", attempt.GetProperty("request").ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("good-token", delivery.GetRawText(), StringComparison.Ordinal);
        Assert.Single(app.Platforms.Taken, t => t.EventId == $"full-{platform}");
    }

    [Fact]
    public async Task Deliver_PersonOfTheIntake_ReachesEachPlatformByItsOwnRules()
    {
        var site = await SiteAsync("tiktok", "pinterest", "snapchat", "reddit");
        await SendAsync(site, Purchase("rules-1"));
        foreach (var platform in SettingsOf.Keys)
            await TakenAsync(platform, "rules-1");
        var (plain, canonical, digits) = (Sha("jane.doe+x@gmail.com"), Sha("janedoe@gmail.com"), Sha("442079460958"));

        var tiktok = (await TakenAsync("tiktok", "rules-1")).GetProperty("user");
        Assert.Equal((plain, Sha("+442079460958"), Sha("cust 1001"), Sha("anne-marie"), Sha("o'brien"), "london", "gb", "T.1", "P.1"),
            (First(tiktok, "email"), First(tiktok, "phone"), First(tiktok, "external_id"), Text(tiktok, "first_name"), Text(tiktok, "last_name"),
                Text(tiktok, "city"), Text(tiktok, "country"), Text(tiktok, "ttclid"), Text(tiktok, "ttp")));
        var pinterest = (await TakenAsync("pinterest", "rules-1")).GetProperty("user_data");
        Assert.Equal((plain, digits, Sha("o'brien"), Sha("cust1001"), "E.1"),
            (First(pinterest, "em"), First(pinterest, "ph"), First(pinterest, "ln"), First(pinterest, "external_id"), Text(pinterest, "click_id")));
        Assert.False(pinterest.TryGetProperty("zp", out _)); // a British postcode has letters
        var snapchat = (await TakenAsync("snapchat", "rules-1")).GetProperty("user_data");
        Assert.Equal((plain, digits, Sha("obrien"), Sha("sw1a1aa"), "S.1", "C.1"),
            (First(snapchat, "em"), First(snapchat, "ph"), Text(snapchat, "ln"), Text(snapchat, "zp"), Text(snapchat, "sc_click_id"), Text(snapchat, "sc_cookie1")));
        var reddit = (await TakenAsync("reddit", "rules-1")).GetProperty("user");
        Assert.Equal((canonical, Sha("+442079460958"), Sha("Cust 1001"), "7c73f5e0-a7b1-4a5d-bf6f-3a9f1c0a0001"),
            (Text(reddit, "email"), Text(reddit, "phone_number"), Text(reddit, "external_id"), Text(reddit, "uuid")));

        // each fact is shown and counted once, whatever rules it was hashed by
        var keys = (await TraceAsync(site, "rules-1", "delivered")).GetProperty("event").GetProperty("keys").EnumerateArray().Select(k => k.GetString()!).ToList();
        Assert.Equal(["country", "ct", "em", "external_id", "fn", "ln", "ph", "zp"], keys.Order(StringComparer.Ordinal));
        Assert.Equal(0L, await app.ValueAsync<long>("SELECT count(*) FROM key_rollups WHERE key LIKE '%.%'"));
        Assert.True(await app.ValueAsync<long>($"SELECT count(*) FROM key_rollups WHERE website_id = '{site.Id}' AND key = 'em'") > 0);
    }

    [Fact]
    public async Task Deliver_PrivacyMode_StillHashesByEachRuleAndSendsNothingReadable()
    {
        var site = await SiteAsync("tiktok", "reddit");
        Assert.Equal(HttpStatusCode.OK, (await _http.PatchAsJsonAsync($"/api/websites/{site.Id}", new { privacyMode = true })).StatusCode);
        // the node keeps a website's settings for a moment
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        await SendAsync(site, Purchase("private-1"));
        var tiktok = await TakenAsync("tiktok", "private-1");
        var user = tiktok.GetProperty("user");
        Assert.Equal((Sha("+442079460958"), Sha("o'brien")), (First(user, "phone"), Text(user, "last_name")));
        Assert.All((string[])["city", "country", "ip"], name => Assert.False(user.TryGetProperty(name, out _), name));
        Assert.Equal(Sha("janedoe@gmail.com"), Text((await TakenAsync("reddit", "private-1")).GetProperty("user"), "email"));
    }

    [Fact]
    public async Task Deliver_PersonalisedAdsRefused_GoesWithTheLimitOfEachPlatform()
    {
        var site = await SiteAsync("tiktok", "pinterest", "snapchat", "reddit");
        await SendAsync(site, Purchase("limited-1", ""","consent":{"ad_user_data":"granted","ad_personalization":"denied"}"""));
        Assert.True((await TakenAsync("tiktok", "limited-1")).GetProperty("limited_data_use").GetBoolean());
        var pinterest = await TakenAsync("pinterest", "limited-1");
        Assert.True(pinterest.GetProperty("opt_out").GetBoolean());
        Assert.Equal("LDP", Text(pinterest.GetProperty("custom_data"), "opt_out_type"));
        Assert.Equal("LMU", First(await TakenAsync("snapchat", "limited-1"), "data_processing_options"));
        Assert.Equal("LDU", First((await TakenAsync("reddit", "limited-1")).GetProperty("user").GetProperty("data_processing_options"), "modes"));
    }

    [Fact]
    public async Task TikTok_NamesTheEventThatSpoilsABatch_OthersGoAtOnceWithoutIt()
    {
        var site = await SiteAsync("tiktok");
        app.Platforms.Refuses = id => id == "tt-poison" ? "properties.contents.0.content_id: Not a valid string" : null;
        await PauseAsync(site, () => SendAsync(site, string.Join(',', Enumerable.Range(0, 20).Select(i => Purchase($"tt-{i}")).Append(Purchase("tt-poison")))));
        var dead = (await TraceAsync(site, "tt-poison", "dead")).GetProperty("deliveries")[0];
        Assert.Equal("permanent", dead.GetProperty("reason").GetString());
        Assert.Contains("content_id: Not a valid string", dead.GetProperty("detail").GetString(), StringComparison.Ordinal);
        var attempt = Assert.Single(dead.GetProperty("attempts").EnumerateArray());
        Assert.Equal(200, attempt.GetProperty("httpStatus").GetInt32());
        Assert.Equal("tt-poison", attempt.GetProperty("request").GetProperty("event_id").GetString());
        for (var i = 0; i < 20; i++)
            await TraceAsync(site, $"tt-{i}", "delivered");
        Assert.All(Enumerable.Range(0, 20), i => Assert.Single(app.Platforms.Taken, t => t.EventId == $"tt-{i}"));
        Assert.Equal([(21, 200), (20, 200)], app.Platforms.Calls.Where(c => c.Platform == "tiktok" && c.Events > 1).TakeLast(2).Select(c => (c.Events, c.Status)));
    }

    [Fact]
    public async Task TikTok_NamesManyBadEventsOneByOne_EveryGoodOneIsTakenOnce()
    {
        var site = await SiteAsync("tiktok");
        app.Platforms.Refuses = id => id.StartsWith("many-bad", StringComparison.Ordinal) ? "event: Not a valid choice" : null;
        var ids = Enumerable.Range(0, 12).SelectMany(i => new[] { $"many-bad-{i}", $"many-good-{i}", $"many-fine-{i}" }).ToList();
        await PauseAsync(site, () => SendAsync(site, string.Join(',', ids.Select(id => Purchase(id)))));
        foreach (var id in ids)
            await TraceAsync(site, id, id.Contains("bad", StringComparison.Ordinal) ? "dead" : "delivered");
        Assert.Equal(24, app.Platforms.Taken.Count(t => t.EventId.StartsWith("many-", StringComparison.Ordinal)));
        Assert.Equal(24, app.Platforms.Taken.Where(t => t.EventId.StartsWith("many-", StringComparison.Ordinal)).DistinctBy(t => t.EventId).Count());
    }

    [Fact]
    public async Task Pinterest_RefusesOneEventOfABatch_TheOthersAreDeliveredByTheSameCall()
    {
        var site = await SiteAsync("pinterest");
        app.Platforms.Refuses = id => id == "pin-poison" ? "'event_time' is invalid" : null;
        await PauseAsync(site, () => SendAsync(site, string.Join(',', Enumerable.Range(0, 20).Select(i => Purchase($"pin-{i}")).Append(Purchase("pin-poison")))));
        var dead = (await TraceAsync(site, "pin-poison", "dead")).GetProperty("deliveries")[0];
        Assert.Equal("permanent", dead.GetProperty("reason").GetString());
        Assert.Contains("'event_time' is invalid", dead.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(422, dead.GetProperty("attempts")[0].GetProperty("httpStatus").GetInt32());
        Assert.Equal("pin-poison", dead.GetProperty("attempts")[0].GetProperty("request").GetProperty("event_id").GetString());
        for (var i = 0; i < 20; i++)
        {
            var delivered = (await TraceAsync(site, $"pin-{i}", "delivered")).GetProperty("deliveries")[0].GetProperty("attempts")[0];
            Assert.Equal(($"pin-{i}", "delivered"), (delivered.GetProperty("request").GetProperty("event_id").GetString(), delivered.GetProperty("outcome").GetString()));
            Assert.Single(app.Platforms.Taken, t => t.EventId == $"pin-{i}");
        }
        Assert.Single(app.Platforms.Calls, c => c is { Platform: "pinterest", Events: 21 });
        Assert.Equal("healthy", await StateAsync(site));
    }

    [Fact]
    public async Task Reddit_RefusesTheWholeBatch_HalvesFindTheOneEvent()
    {
        var site = await SiteAsync("reddit");
        app.Platforms.Refuses = id => id == "rd-poison" ? "event_at timestamp must be less than 168h0m0s old" : null;
        await PauseAsync(site, () => SendAsync(site, string.Join(',', Enumerable.Range(0, 9).Select(i => Purchase($"rd-{i}")).Append(Purchase("rd-poison")))));
        var dead = (await TraceAsync(site, "rd-poison", "dead")).GetProperty("deliveries")[0];
        Assert.Equal("too_old", dead.GetProperty("reason").GetString());
        Assert.Contains("168h0m0s", dead.GetProperty("detail").GetString(), StringComparison.Ordinal);
        for (var i = 0; i < 9; i++)
        {
            await TraceAsync(site, $"rd-{i}", "delivered");
            Assert.Single(app.Platforms.Taken, t => t.EventId == $"rd-{i}");
        }
    }

    [Fact]
    public async Task TikTok_WrongTokenWithStatus200_PausesUntilAnotherIsEntered()
    {
        var site = await SiteAsync("tiktok");
        app.Platforms.Token = "new-token";
        await SendAsync(site, Purchase("token-1"));
        var waiting = (await TraceAsync(site, "token-1", "retrying")).GetProperty("deliveries")[0];
        Assert.Equal("credential", waiting.GetProperty("reason").GetString());
        Assert.Equal("paused", await StateAsync(site));
        Assert.Equal(HttpStatusCode.OK, (await _http.PatchAsJsonAsync(await ConnectionUrlAsync(site), new { credentials = new { access_token = "new-token" } })).StatusCode);
        await TraceAsync(site, "token-1", "delivered");
        Assert.Equal("healthy", await StateAsync(site));
    }

    [Theory]
    [InlineData("""{"code":40100,"message":"Too many requests. Please retry in some time."}""", "rate_limited")]
    [InlineData("""{"code":51010,"message":"Internal service error."}""", "transient")]
    [InlineData("<html>Please wait</html>", "transient")]
    public async Task TikTok_NotNowWithStatus200_IsTriedAgain(string says, string reason)
    {
        var site = await SiteAsync("tiktok");
        app.Platforms.TikTokSays = says;
        var id = $"later-{Guid.NewGuid():N}";
        await SendAsync(site, Purchase(id));
        var waiting = (await TraceAsync(site, id, "retrying")).GetProperty("deliveries")[0];
        Assert.Equal(reason, waiting.GetProperty("reason").GetString());
        Assert.Equal("degraded", await StateAsync(site));
    }

    [Theory]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("snapchat")]
    [InlineData("reddit")]
    public async Task TestOfAConnection_SendsAnEventThatThePlatformTakes(string platform)
    {
        var site = await SiteAsync(platform);
        var test = await AppFixture.JsonOf(await _http.PostAsync($"{await ConnectionUrlAsync(site)}/test", null));
        Assert.True(test.GetProperty("outcome").GetString() == "delivered", test.ToString());
        Assert.Contains(app.Platforms.Taken, t => t.Platform == platform && t.EventId == test.GetProperty("eventId").GetString());
    }

    private async Task<NewSite> SiteAsync(params string[] platforms)
    {
        var site = await app.CreateWebsiteAsync(_owner);
        foreach (var platform in platforms)
            await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
                new { platform, name = platform, settings = SettingsOf[platform], credentials = new { access_token = "good-token" }, enabled = true }));
        return site;
    }

    /// <summary>Lets events gather so that they go as one batch: the lane waits while the connection may not be tried.</summary>
    private async Task PauseAsync(NewSite site, Func<Task> send)
    {
        await app.RunAsync($"UPDATE connections SET not_before = now() + interval '1 hour' WHERE website_id = '{site.Id}'");
        await send();
        for (var i = 0; i < 100 && await app.ValueAsync<long>($"SELECT count(*) FROM events e WHERE website_id = '{site.Id}' AND NOT EXISTS (SELECT 1 FROM delivery_queue q WHERE q.event_id = e.id)") > 0; i++)
            await Task.Delay(50);
        await app.RunAsync($"UPDATE connections SET not_before = NULL WHERE website_id = '{site.Id}'");
    }

    private async Task SendAsync(NewSite site, string events)
    {
        using var anonymous = app.Anonymous();
        anonymous.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0");
        using var content = new StringContent($$"""{"events":[{{events}}]}""", Encoding.UTF8, "application/json");
        var answer = await anonymous.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content);
        Assert.Equal(0, (await AppFixture.JsonOf(answer)).GetProperty("rejected").GetArrayLength());
    }

    /// <summary>The event as a platform took it.</summary>
    private async Task<JsonElement> TakenAsync(string platform, string eventId)
    {
        for (var i = 0; i < 200; i++)
        {
            foreach (var taken in app.Platforms.Taken)
                if (taken.Platform == platform && taken.EventId == eventId)
                    return taken.Event;
            await Task.Delay(50);
        }
        throw new Xunit.Sdk.XunitException($"{platform} never took {eventId}; its last answers: {string.Join(" | ", app.Platforms.Calls.Where(c => c.Platform == platform).TakeLast(3))}");
    }

    /// <summary>The event's trace once its delivery has this status.</summary>
    private async Task<JsonElement> TraceAsync(NewSite site, string eventId, string status)
    {
        var last = "";
        for (var i = 0; i < 200; i++)
        {
            var answer = await _http.GetAsync($"/api/websites/{site.Id}/events/{eventId}");
            last = await answer.Content.ReadAsStringAsync();
            if (answer.IsSuccessStatusCode && JsonElement.Parse(last) is var trace && trace.GetProperty("deliveries").GetArrayLength() > 0
                && trace.GetProperty("deliveries")[0].GetProperty("status").GetString() == status)
                return trace;
            await Task.Delay(50);
        }
        throw new Xunit.Sdk.XunitException($"{eventId} did not become {status}: {last}");
    }

    private async Task<string> ConnectionUrlAsync(NewSite site) =>
        $"/api/websites/{site.Id}/connections/{await app.ValueAsync<Guid>($"SELECT id FROM connections WHERE website_id = '{site.Id}'")}";

    private async Task<string?> StateAsync(NewSite site) => (await AppFixture.JsonOf(await _http.GetAsync(await ConnectionUrlAsync(site)))).GetProperty("state").GetString();

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();

    private static string? First(JsonElement from, string name) => Assert.Single(from.GetProperty(name).EnumerateArray()).GetString();

    private static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
