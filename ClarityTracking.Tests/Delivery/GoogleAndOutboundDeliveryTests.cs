using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Delivery;

/// <summary>From an event at the intake over real HTTP to what Google, Microsoft and a customer's webhook take or refuse.</summary>
public sealed class GoogleAndOutboundDeliveryTests(AppWithReceivers app) : IClassFixture<AppWithReceivers>, IAsyncLifetime
{
    private Account _owner = null!;
    private NewSite _site = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(_owner);
        _http = app.ClientFor(_owner);
    }

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task GoogleAds_AccessTokenExpired_OneRefreshAndDelivered()
    {
        var given = app.Receivers.TokensGiven;
        await ConnectAsync("google_ads", new { customer_id = "123-456-7890", conversion_actions = new { purchase = 987 } }, new { refresh_token = StrictReceivers.RefreshToken + "-own" });
        await SendAsync(Event("ads-1", "purchase"));
        await TraceAsync("ads-1", "delivered");
        Assert.Equal(given + 1, app.Receivers.TokensGiven);

        app.Receivers.FirstGoodToken = app.Receivers.TokensGiven + 1; // before the time that Google named
        await SendAsync(Event("ads-2", "purchase"));
        var trace = await TraceAsync("ads-2", "delivered");
        Assert.Equal(["transient", "delivered"], trace.GetProperty("deliveries")[0].GetProperty("attempts").EnumerateArray().Select(a => a.Text("outcome")));
        Assert.Equal(given + 2, app.Receivers.TokensGiven);
        Assert.Equal("data_manager 987", Assert.Single(app.Receivers.Taken, t => t.Id == "ads-2").Place);
        Assert.All((string[])[$"token-{given + 1}", $"token-{given + 2}", StrictReceivers.RefreshToken, StrictReceivers.ClientSecret],
            secret => Assert.DoesNotContain(secret, trace.GetRawText(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task GoogleAds_RefreshTokenRevoked_PausesUntilAnotherIsEntered()
    {
        var connection = await ConnectAsync("google_ads", new { customer_id = "1234567890", conversion_actions = new { purchase = "987" } }, new { refresh_token = "revoked" });
        await SendAsync(Event("ads-revoked", "purchase"));
        Assert.Contains("invalid_grant", await PausedAsync(connection), StringComparison.Ordinal);
        Assert.DoesNotContain(app.Receivers.Taken, t => t.Id == "ads-revoked");
        await ChangeAsync(connection, new { credentials = new { refresh_token = StrictReceivers.RefreshToken } });
        await TraceAsync("ads-revoked", "delivered");
    }

    [Fact]
    public async Task GoogleAds_ActionsAndConsentsInABatch_EachPairIsOneCall()
    {
        await ConnectAsync("google_ads", new { customer_id = "1234567890", conversion_actions = new { purchase = 11, lead = 22 } }, new { refresh_token = StrictReceivers.RefreshToken });
        await SendAsync(Event("pair-1", "purchase"), Event("pair-2", "lead"), Event("pair-3", "purchase"), Event("pair-4", "purchase", more: ""","consent":{"ad_user_data":"granted"}"""));
        foreach (var id in (string[])["pair-1", "pair-2", "pair-3", "pair-4"])
            await TraceAsync(id, "delivered");
        var taken = app.Receivers.Taken.Where(t => t.Id.StartsWith("pair-", StringComparison.Ordinal)).ToDictionary(t => t.Id, t => t.Place);
        Assert.Equal(("data_manager 11", "data_manager 22", "data_manager 11", "data_manager 11"), (taken["pair-1"], taken["pair-2"], taken["pair-3"], taken["pair-4"]));
    }

    [Fact]
    public async Task GoogleAds_UploadAndRefund_GoToTheirCallsAndAnExpiredRowIsDead()
    {
        await ConnectAsync("google_ads",
            new { customer_id = "1234567890", manager_id = "999-888-7777", transport = "google_ads_api", conversion_actions = new { purchase = 987 } },
            new { refresh_token = StrictReceivers.RefreshToken, developer_token = StrictReceivers.DeveloperToken });
        await SendAsync(Event("up-1", "purchase"), Event("expired-1", "purchase"), Event("up-2", "purchase"),
            """{"event_id":"ref-1","event_type":"custom","properties":{"event_name":"refund","order_id":"up-1","value":49.9,"currency":"EUR","remaining_value":100,"url":"https://shop.example.com/"} }""");
        await TraceAsync("up-1", "delivered");
        await TraceAsync("up-2", "delivered");
        await TraceAsync("ref-1", "delivered");
        var dead = (await TraceAsync("expired-1", "dead")).GetProperty("deliveries")[0];
        Assert.Equal("too_old", dead.Text("reason"));
        Assert.Contains("expired-1", dead.GetProperty("attempts")[0].GetProperty("request").ToString(), StringComparison.Ordinal);
        var refund = Assert.Single(app.Receivers.Taken, t => t.Place == "conversionAdjustments").Event;
        Assert.Equal(("RESTATEMENT", "up-1", 100m), (refund.Text("adjustmentType"), refund.Text("orderId"), refund.GetProperty("restatementValue").GetProperty("adjustedValue").GetDecimal()));
        Assert.Equal(2, app.Receivers.Taken.Count(t => t.Place == "conversions" && t.Id.StartsWith("up-", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Microsoft_TwoBadEventsInABatch_OnlyThoseAreDead()
    {
        await ConnectAsync("microsoft", new { uet_tag_id = 343012345 }, new { access_token = StrictReceivers.MicrosoftToken });
        await SendAsync([.. Enumerable.Range(0, 12).Select(i => Event($"ms-{i}", "purchase")), Event("poison-1", "purchase"), Event("poison-2", "purchase")]);
        for (var i = 0; i < 12; i++)
            await TraceAsync($"ms-{i}", "delivered");
        foreach (var id in (string[])["poison-1", "poison-2"])
        {
            var dead = (await TraceAsync(id, "dead")).GetProperty("deliveries")[0];
            Assert.Equal("permanent", dead.Text("reason"));
            Assert.Contains("customData.transactionId", dead.GetRawText(), StringComparison.Ordinal);
        }
        Assert.Equal(12, app.Receivers.Taken.Count(t => t.Place == "microsoft" && t.Id.StartsWith("ms-", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Analytics_VisitorRefusesAds_GetsTheEventDeniedWhereAdsGetNone()
    {
        await ConnectAsync("google_analytics", new { measurement_id = "G-ABC123" }, new { api_secret = "ga-secret" });
        await ConnectAsync("microsoft", new { uet_tag_id = 343012345 }, new { access_token = StrictReceivers.MicrosoftToken });
        await SendAsync(Event("no-ads", "purchase", more: ""","consent":{"ad_user_data":"denied","ad_personalization":"denied"}"""));
        var deliveries = await DeliveriesAsync("no-ads", all => all.Count == 2 && all.Any(d => d.Text("status") == "delivered"));
        Assert.Equal(("delivered", "skipped", "consent"), (StatusOf(deliveries, "google_analytics"), StatusOf(deliveries, "microsoft"), deliveries.Single(d => d.Text("platform") == "microsoft").Text("reason")));
        var body = Assert.Single(app.Receivers.Taken, t => t.Place == "google_analytics" && t.Id == "no-ads").Event;
        Assert.Equal("DENIED", body.GetProperty("consent").Text("ad_user_data"));
        Assert.False(body.TryGetProperty("user_data", out _));
        Assert.DoesNotContain("ga-secret", string.Concat(deliveries.Select(d => d.GetRawText())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Webhook_SignedMessage_IsVerifiedAndATamperedSecretPauses()
    {
        app.Receivers.WebhookKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        var secret = "whsec_" + Convert.ToBase64String(app.Receivers.WebhookKey);
        var connection = await ConnectAsync("webhook", new { url = app.Receivers.Url + "/hook", events = new { purchase = "order.paid", page_view = false } }, new { secret });
        await SendAsync(Event("hook-1", "purchase"), Event("hook-2", "click"), Event("hook-3", "page_view"));
        await TraceAsync("hook-1", "delivered");
        await TraceAsync("hook-2", "delivered");
        await TraceAsync("hook-3", "skipped");
        var message = Assert.Single(app.Receivers.Taken, t => t.Id == "hook-1").Event;
        Assert.Equal("order.paid", message.Text("type"));
        Assert.DoesNotContain("jane", message.GetRawText(), StringComparison.OrdinalIgnoreCase);

        await ChangeAsync(connection, new { credentials = new { secret = "whsec_" + Convert.ToBase64String(new byte[32]) } });
        await SendAsync(Event("hook-4", "purchase"));
        Assert.Contains("401", await PausedAsync(connection), StringComparison.Ordinal);
        Assert.DoesNotContain(app.Receivers.Taken, t => t.Id == "hook-4");

        await ChangeAsync(connection, new { credentials = new { secret } });
        await TraceAsync("hook-4", "delivered");
    }

    [Fact]
    public async Task Webhook_Redirect_IsNotFollowed()
    {
        await ConnectAsync("webhook", new { url = app.Receivers.Url + "/away" }, new { secret = "more-than-sixteen-characters" });
        await SendAsync(Event("away-1", "purchase"));
        var waiting = (await TraceAsync("away-1", "retrying")).GetProperty("deliveries")[0];
        Assert.Equal(302, waiting.GetProperty("attempts")[0].GetProperty("httpStatus").GetInt32());
        Assert.DoesNotContain(app.Receivers.Taken, t => t.Id == "away-1");
    }

    [Fact]
    public async Task OwnTables_EventsOfAllKinds_ArriveAsRowsOnce()
    {
        var sheets = await ConnectAsync("google_sheets", new { spreadsheet_id = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", sheet = "Events log" },
            new { client_email = StrictReceivers.ServiceAccount, private_key = app.Receivers.ServiceKey.ExportPkcs8PrivateKeyPem().Replace("\n", "\\n", StringComparison.Ordinal) });
        await ConnectAsync("tinybird", new { data_source = "clarity_events" }, new { token = "tinybird-token" });
        await ConnectAsync("supabase", new { url = app.Receivers.Url, table = "clarity_events" }, new { api_key = "sb_secret_1" });
        string[] ids = ["row-1", "row-2", "row-3"];
        await SendAsync(Event("row-1", "purchase"), Event("row-2", "scroll", more: ""","consent":{"ad_user_data":"denied"}"""), """{"event_id":"row-3","event_type":"page_view","properties":{} }""");
        Assert.Contains("Unable to parse range", await PausedAsync(sheets), StringComparison.Ordinal);
        await ChangeAsync(sheets, new { settings = new { sheet = "Event log" }, credentials = new { client_email = StrictReceivers.ServiceAccount } });
        foreach (var id in ids)
        {
            var deliveries = await DeliveriesAsync(id, all => all.Count == 3 && all.All(d => d.Text("status") == "delivered"));
            var request = deliveries.Single(d => d.Text("platform") == "tinybird").GetProperty("attempts")[0].GetProperty("request");
            Assert.Equal(id, request.Text("event_id")); // its own line, not the whole batch
            foreach (var place in (string[])["google_sheets", "tinybird", "supabase"])
                Assert.Single(app.Receivers.Taken, t => t.Place == place && t.Id == id);
        }
        Assert.Equal("denied", Assert.Single(app.Receivers.Taken, t => t.Place == "supabase" && t.Id == "row-2").Event.GetProperty("consent").Text("ad_user_data"));
    }

    private static string Event(string id, string type, string more = "") =>
        $$$"""{"event_id":"{{{id}}}","event_type":"{{{type}}}","visitor_id":"v-1","properties":{"value":149.9,"currency":"EUR","order_id":"{{{id}}}","url":"https://shop.example.com/thanks"},"user":{"email":"Jane.Doe@example.com"}{{{more}}} }""";

    private async Task<Guid> ConnectAsync(string platform, object settings, object credentials) =>
        (await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections", new { platform, name = platform, settings, credentials, enabled = true }))).GetProperty("id").GetGuid();

    private async Task ChangeAsync(Guid connection, object changes) =>
        Assert.Equal(HttpStatusCode.OK, (await _http.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{connection}", changes)).StatusCode);

    private async Task SendAsync(params string[] events)
    {
        using var anonymous = app.Anonymous();
        using var content = new StringContent($$"""{"events":[{{string.Join(',', events)}}]}""", Encoding.UTF8, "application/json");
        var answer = await AppFixture.JsonOf(await anonymous.PostAsync($"/api/v1/collect?key={_site.PublishableKey}", content));
        Assert.Equal(events.Length, answer.GetProperty("accepted").GetInt32());
    }

    /// <summary>Why the connection is paused, once it is.</summary>
    private async Task<string> PausedAsync(Guid connection)
    {
        for (var i = 0; i < 300; i++)
        {
            var json = await AppFixture.JsonOf(await _http.GetAsync($"/api/websites/{_site.Id}/connections/{connection}"));
            if (json.Text("state") == "paused")
                return json.Text("stateReason")!;
            await Task.Delay(100);
        }
        throw new Xunit.Sdk.XunitException("The connection was not paused.");
    }

    private async Task<JsonElement> TraceAsync(string eventId, string status)
    {
        await DeliveriesAsync(eventId, all => all.Count > 0 && all[0].Text("status") == status);
        return await AppFixture.JsonOf(await _http.GetAsync($"/api/websites/{_site.Id}/events/{eventId}"));
    }

    private async Task<List<JsonElement>> DeliveriesAsync(string eventId, Func<List<JsonElement>, bool> isReached)
    {
        var last = "";
        for (var i = 0; i < 300; i++)
        {
            var answer = await _http.GetAsync($"/api/websites/{_site.Id}/events/{eventId}");
            last = await answer.Content.ReadAsStringAsync();
            if (answer.IsSuccessStatusCode && JsonElement.Parse(last).GetProperty("deliveries").EnumerateArray().ToList() is var deliveries && isReached(deliveries))
                return deliveries;
            await Task.Delay(100);
        }
        throw new Xunit.Sdk.XunitException($"{eventId} did not get there: {last}");
    }

    private static string? StatusOf(List<JsonElement> deliveries, string platform) => deliveries.Single(d => d.Text("platform") == platform).Text("status");
}
