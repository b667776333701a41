using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using ClarityTracking.Core.Links;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Links;

/// <summary>Campaign links and the conversions API over HTTP, rule by rule.</summary>
public sealed class LinkTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

    [Fact]
    public async Task Click_IsStoredBeforeTheRedirect_AndTheTargetCarriesItsId()
    {
        var link = await LinkedAsync(new { name = "Flyer", targetUrl = "https://shop.example.com/book?a=1&utm_source=own#times", utm = new { source = "flyer", medium = "print", campaign = "spring" } });
        var (status, target) = await link.FollowAsync("?fbclid=IwAR0x&secret=1", Phone);

        Assert.Equal(HttpStatusCode.Found, status);
        var query = HttpUtility.ParseQueryString(new Uri(target).Query);
        Assert.Equal(("1", "own", "print", "spring", "IwAR0x"), (query["a"], query["utm_source"], query["utm_medium"], query["utm_campaign"], query["fbclid"]));
        Assert.Null(query["secret"]); // only what ad platforms add goes on
        Assert.EndsWith("#times", target, StringComparison.Ordinal);
        Assert.Equal(link.Id.ToString(), query["ct_campaign_link_id"]);
        Assert.Equal($"link|{query["ct_tracking_id"]}|print", await app.ValueAsync<string>(
            $"SELECT concat_ws('|', source, event_id, utm ->> 'medium') FROM events WHERE website_id = '{link.Site.Id}' AND name = 'link_click'"));
    }

    [Theory]
    [InlineData("HEAD", Phone, null)]
    [InlineData("GET", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", null)]
    [InlineData("GET", Phone, "prefetch;prerender")]
    public async Task NobodyClicked_IsLedOnAndNotCounted(string method, string userAgent, string? purpose)
    {
        var link = await LinkedAsync();
        var (status, target) = await link.FollowAsync("", userAgent, method, purpose);
        Assert.Equal((HttpStatusCode.Found, "https://shop.example.com/"), (status, target));
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{link.Site.Id}'"));
    }

    [Fact]
    public async Task Address_IsKeptCutToItsNetwork()
    {
        Assert.Equal("203.0.113.0", LinkRedirect.Truncated(IPAddress.Parse("203.0.113.77")));
        Assert.Equal("2001:db8:85a3::", LinkRedirect.Truncated(IPAddress.Parse("2001:db8:85a3:8d3:1319:8a2e:370:7348")));
        var link = await LinkedAsync();
        using var unknown = app.Anonymous();
        Assert.Equal(HttpStatusCode.NotFound, (await unknown.GetAsync("/r/never-made")).StatusCode);
        using var client = app.ClientFor(link.Account);
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{link.Site.Id}/links/{link.Id}", new { expiresAt = DateTimeOffset.UtcNow.AddDays(-1) }));
        Assert.Equal(HttpStatusCode.Gone, (await link.FollowAsync("", Phone)).Status);
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{link.Site.Id}/links/{link.Id}", new { noExpiry = true }));
        Assert.Equal(HttpStatusCode.Found, (await link.FollowAsync("", Phone)).Status);
    }

    [Fact]
    public async Task Management_MakesChangesListsDeletes()
    {
        var link = await LinkedAsync(new { name = "Bio", targetUrl = "https://shop.example.com/", slug = $"bio-{Guid.NewGuid():N}"[..20], channel = "Instagram", windowDays = 7 });
        using var client = app.ClientFor(link.Account);
        var path = $"/api/websites/{link.Site.Id}/links";
        await AppFixture.ProblemOf(await client.PostAsJsonAsync(path, new { name = "Again", targetUrl = "https://x.example.com", slug = link.Slug.ToUpperInvariant() }), 409);
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync(path, new { targetUrl = "javascript:alert(1)", slug = "a b", windowDays = 366, utm = new { nope = "x" } }), 422);
        Assert.Equal(["name", "slug", "targetUrl", "utm.nope", "windowDays"], problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order());
        await link.FollowAsync("", Phone);
        var listed = (await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("items")[0];
        Assert.Equal(("instagram", 7, 1L), (listed.GetProperty("channel").GetString(), listed.GetProperty("windowDays").GetInt32(), listed.GetProperty("clicks").GetInt64()));
        var svg = await client.GetAsync($"{path}/{link.Id}/qr");
        Assert.Equal("image/svg+xml", svg.Content.Headers.ContentType!.MediaType);
        var png = await client.GetByteArrayAsync($"{path}/{link.Id}/qr?format=png");
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync($"{path}/{link.Id}")).StatusCode);
        Assert.Equal(HttpStatusCode.Gone, (await link.FollowAsync("", Phone)).Status);
        await AppFixture.ProblemOf(await client.DeleteAsync($"{path}/{link.Id}"), 404);
    }

    [Fact]
    public async Task Conversion_OfAClick_IsRecordedOnceAndRead()
    {
        var link = await LinkedAsync();
        var tracking = await link.ClickAsync(Phone);
        var order = new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "purchase", revenue_amount = 149.9, event_data = new { order_id = "O-1" } };
        using var page = app.Anonymous();
        var first = await page.PostAsJsonAsync("/api/conversions", order);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        var again = await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", order));
        Assert.True(again.GetProperty("duplicate").GetBoolean());
        Assert.Equal((await AppFixture.JsonOf(first)).GetProperty("id").GetGuid(), again.GetProperty("id").GetGuid());
        await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "lead" }));
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{link.Site.Id}' AND name IN ('purchase', 'lead')"));

        foreach (var client in new[] { app.ClientFor(link.Account), app.ClientFor(link.Site.SecretKey) })
            using (client)
            {
                var attribution = await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/attribution/{tracking}"));
                Assert.Equal((true, 149.9m, 2), (attribution.GetProperty("window_valid").GetBoolean(), attribution.GetProperty("total_revenue").GetDecimal(), attribution.GetProperty("conversions").GetArrayLength()));
                var funnel = await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/funnel/{link.Id}"));
                Assert.Equal((1L, 1L, 2L, 149.9m), (funnel.GetProperty("clicks").GetInt64(), funnel.GetProperty("converted").GetInt64(), funnel.GetProperty("conversions").GetInt64(), funnel.GetProperty("revenue").GetDecimal()));
                var types = await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/types/{link.Id}"));
                Assert.Equal(["lead", "purchase"], types.GetProperty("items").EnumerateArray().Select(t => t.GetProperty("event_type").GetString()).Order());
            }
        var stranger = await app.RegisterAsync();
        using var other = app.ClientFor(stranger);
        foreach (var path in new[] { $"attribution/{tracking}", $"funnel/{link.Id}", $"types/{link.Id}" })
            await AppFixture.ProblemOf(await other.GetAsync($"/api/conversions/{path}"), 404);
    }

    public static TheoryData<string, string?, int, string?> Revenues => new()
    {
        { "purchase", "149.9", 201, null }, { "purchase", "0.01", 201, null }, { "purchase", "10000", 201, null }, { "purchase", "10000.01", 201, "10,000" },
        { "purchase", null, 422, null }, { "purchase", "0", 422, null }, { "purchase", "-1", 422, null }, { "purchase", "1.999", 422, null }, { "purchase", "1.990", 201, null },
        { "purchase", "\"12.50\"", 201, null }, { "purchase", "\"twelve\"", 422, null }, { "purchase", "true", 422, null },
        { "course_enrollment", null, 201, null }, { "course_enrollment", "0", 422, null }, { "course_enrollment", "99", 201, null },
        { "newsletter_signup", null, 201, null }, { "newsletter_signup", "5", 201, "newsletter_signup" }, { "lead", "0", 201, null }, { "no_such_type", "1", 422, null },
    };

    [Theory, MemberData(nameof(Revenues))]
    public async Task Revenue_FollowsTheRules(string type, string? amount, int status, string? warning)
    {
        var link = await LinkedAsync();
        var tracking = await link.ClickAsync(Phone);
        using var page = app.Anonymous();
        var body = $$"""{"tracking_id":"{{tracking}}","campaign_link_id":"{{link.Id}}","event_type":"{{type}}"{{(amount is null ? "" : $",\"revenue_amount\":{amount}")}}}""";
        var answer = await page.PostAsync($"/api/conversions?key={link.Site.PublishableKey}", new StringContent(body, null, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, text);
        if (status == 201)
        {
            var warnings = JsonDocument.Parse(text).RootElement.GetProperty("warnings").EnumerateArray().Select(w => w.GetString()!).ToList();
            Assert.Equal(warning is null ? 0 : 1, warnings.Count);
            if (warning is not null)
                Assert.Contains(warning, warnings[0], StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, int, bool> Windows => new()
    {
        { "0:00:00", 30, true }, { "30.23:59:59", 30, true }, { "31.00:00:00", 30, false }, { "-0:00:01", 30, false }, { "7.23:59:59.999", 7, true }, { "8.00:00:00", 7, false },
        { "0.23:59:59", 0, true }, { "1.00:00:00", 0, false },
    };

    [Theory, MemberData(nameof(Windows))]
    public void Window_CountsWholeDays(string age, int windowDays, bool inside)
    {
        var clicked = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(inside, CampaignLink.IsInside(clicked, clicked + TimeSpan.Parse(age, CultureInfo.InvariantCulture), windowDays));
    }

    [Fact]
    public async Task UnknownClick_UnknownLink_ForeignLink_OldClick_AreRefused()
    {
        var (link, other) = (await LinkedAsync(), await LinkedAsync());
        var tracking = await link.ClickAsync(Phone);
        using var page = app.Anonymous();
        Task<HttpResponseMessage> Post(object trackingId, object linkId, string? key = null) => page.PostAsJsonAsync($"/api/conversions{(key is null ? "" : $"?key={key}")}",
            new { tracking_id = trackingId, campaign_link_id = linkId, event_type = "lead" });
        await AppFixture.ProblemOf(await Post(Guid.CreateVersion7(), link.Id), 404);
        await AppFixture.ProblemOf(await Post(tracking, Guid.CreateVersion7()), 404);
        await AppFixture.ProblemOf(await Post(tracking, other.Id), 404); // the click is not of that link
        await AppFixture.ProblemOf(await Post(tracking, link.Id, other.Site.PublishableKey), 404); // the key is of another website
        await AppFixture.ProblemOf(await Post(tracking, link.Id, "pk_live_00000000000000000000000000000000"), 401);
        await AppFixture.ProblemOf(await Post("x", "y"), 422);
        await app.RunAsync($"UPDATE events SET occurred_at = occurred_at - interval '31 days' WHERE event_id = '{tracking}'");
        var expired = await AppFixture.ProblemOf(await Post(tracking, link.Id), 422);
        Assert.Equal("attribution_window_expired", expired.GetProperty("code").GetString());
        await app.RunAsync($"UPDATE events SET occurred_at = now() - interval '30 days 23 hours 59 minutes' WHERE event_id = '{tracking}'");
        Assert.Equal(HttpStatusCode.Created, (await Post(tracking, link.Id)).StatusCode);
        await app.RunAsync($"UPDATE events SET occurred_at = now() + interval '1 hour' WHERE event_id = '{tracking}'");
        Assert.Equal("attribution_window_expired", (await AppFixture.ProblemOf(await Post(tracking, link.Id), 422)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_data":{"a":1,"a":2}}""", 400)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_data":{"deep":{"a":1,"\u0061":2}}}""", 400)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_type":"lead"}""", 400)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"purchase","revenue_amount":"\ud800"}""", 400)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_data":{"order_id":"\ud800"}}""", 400)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_data":{"order_id":"a\u0000"}}""", 422)]
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"lead","event_data":{"url":5}}""", 422)] // intake refuses it
    [InlineData("""{"tracking_id":"T","campaign_link_id":"L","event_type":"custom","event_data":{"event_name":" link_click"}}""", 422)]
    public async Task RefusedConversion_LeavesNothing(string body, int status)
    {
        var link = await LinkedAsync();
        var tracking = await link.ClickAsync(Phone);
        using var page = app.Anonymous();
        var answer = await page.PostAsync("/api/conversions", new StringContent(body.Replace("\"T\"", $"\"{tracking}\"").Replace("\"L\"", $"\"{link.Id}\""), null, "application/json"));
        var problem = await AppFixture.ProblemOf(answer, status);
        if (status == 400)
            Assert.Equal("invalid_json", problem.GetProperty("code").GetString());
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{link.Site.Id}'"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{link.Site.Id}'")); // the click
    }

    [Fact]
    public async Task Repetition_OfALongOwnId_AndAfterALostRow_IsRecordedOnce()
    {
        var link = await LinkedAsync();
        var tracking = await link.ClickAsync(Phone);
        using var page = app.Anonymous();
        foreach (var own in new object[] { new { order_id = new string('o', 150) }, new { event_id = new string('e', 500) } })
        {
            Task<HttpResponseMessage> Post() => page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "lead", event_data = own });
            Assert.False((await AppFixture.JsonOf(await Post())).GetProperty("duplicate").GetBoolean());
            Assert.True((await AppFixture.JsonOf(await Post())).GetProperty("duplicate").GetBoolean());
            await app.RunAsync($"DELETE FROM conversions WHERE website_id = '{link.Site.Id}'"); // as after a failure between the event and its row
            Assert.False((await AppFixture.JsonOf(await Post())).GetProperty("duplicate").GetBoolean());
        }
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{link.Site.Id}' AND name = 'lead'"));
    }

    [Theory]
    [InlineData("Sec-GPC", false, "gpc")]
    [InlineData("DNT", false, "dnt")]
    [InlineData("Sec-GPC", true, "gpc")]
    public async Task PrivacySignal_OfTheRequestOrTheClick_RefusesAds(string header, bool atClick, string signal)
    {
        var link = await LinkedAsync();
        using var page = app.Anonymous();
        page.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", Phone);
        if (atClick)
            page.DefaultRequestHeaders.TryAddWithoutValidation(header, "1");
        using var click = await page.GetAsync($"/r/{link.Slug}");
        var tracking = HttpUtility.ParseQueryString(click.Headers.Location!.Query)["ct_tracking_id"];
        page.DefaultRequestHeaders.Remove(header);
        if (!atClick)
            page.DefaultRequestHeaders.TryAddWithoutValidation(header, "1");
        await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "lead" }));
        Assert.Equal($"{signal}|false", await app.ValueAsync<string>(
            $"SELECT concat_ws('|', consent ->> 'signal', consent ->> 'ad_user_data') FROM events WHERE website_id = '{link.Site.Id}' AND name = 'lead'"));
    }

    [Fact]
    public async Task Sums_AreOfTheWebsitesCurrency_OthersApart_TestsNowhere()
    {
        var link = await LinkedAsync();
        var tracking = await link.ClickAsync(Phone);
        var own = await app.ValueAsync<string>($"SELECT currency FROM websites WHERE id = '{link.Site.Id}'");
        using var page = app.Anonymous();
        foreach (var (currency, amount) in new[] { (own, 10m), (own, 5m), ("JPY", 9000m) })
            await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions",
                new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "purchase", revenue_amount = amount, event_data = new { currency } }));
        await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "lead" }));
        var test = await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link.Id, event_type = "purchase", revenue_amount = 70 }));
        await app.RunAsync($"UPDATE conversions SET is_test = true WHERE id = '{test.GetProperty("id").GetGuid()}'");

        using var client = app.ClientFor(link.Account);
        var attribution = await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/attribution/{tracking}"));
        Assert.Equal((15m, 4), (attribution.GetProperty("total_revenue").GetDecimal(), attribution.GetProperty("conversions").GetArrayLength()));
        var funnel = await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/funnel/{link.Id}"));
        Assert.Equal((15m, 4L), (funnel.GetProperty("revenue").GetDecimal(), funnel.GetProperty("conversions").GetInt64()));
        foreach (var answer in new[] { attribution, funnel })
        {
            var other = Assert.Single(answer.GetProperty("other_currencies").EnumerateArray());
            Assert.Equal(("JPY", 9000m, 1L), (other.GetProperty("currency").GetString(), other.GetProperty("revenue").GetDecimal(), other.GetProperty("conversions").GetInt64()));
        }
        var types = (await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/types/{link.Id}"))).GetProperty("items");
        Assert.Equal((15m, 3L), (types[0].GetProperty("revenue").GetDecimal(), types[0].GetProperty("conversions").GetInt64()));
        var listed = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{link.Site.Id}/links/{link.Id}"));
        Assert.Equal((15m, 4L), (listed.GetProperty("revenue").GetDecimal(), listed.GetProperty("conversions").GetInt64()));
    }

    [Fact]
    public async Task ForgedClick_IsNone()
    {
        var link = await LinkedAsync();
        await link.ClickAsync(Phone);
        var forged = Guid.CreateVersion7();
        using var page = app.Anonymous();
        await AppFixture.JsonOf(await page.PostAsJsonAsync($"/api/v1/collect?key={link.Site.PublishableKey}", new
        {
            events = new[] { new { event_id = forged, event_type = "custom", properties = new { event_name = "link_click", url = "https://shop.example.com/" },
                click_ids = new { ct_tracking_id = forged, ct_campaign_link_id = link.Id }, user = new { user_agent = Phone } } },
        }));
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{link.Site.Id}' AND name = 'link_click'"));
        await AppFixture.ProblemOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = forged, campaign_link_id = link.Id, event_type = "lead" }), 404);
        using var client = app.ClientFor(link.Account);
        Assert.Equal(1, (await AppFixture.JsonOf(await client.GetAsync($"/api/conversions/funnel/{link.Id}"))).GetProperty("clicks").GetInt64());
        Assert.Equal(1, (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{link.Site.Id}/links/{link.Id}"))).GetProperty("clicks").GetInt64());
    }

    [Theory]
    [InlineData("https://shop.example.com/Ärzte?q=ä b#ü", "https://shop.example.com/%C3%84rzte?q=%C3%A4%20b#%C3%BC")]
    [InlineData("https://München.example.com:8443/a", "https://xn--mnchen-3ya.example.com:8443/a")]
    [InlineData("https://Shop.example.com/%7Ea", "https://Shop.example.com/%7Ea")]
    [InlineData("nowhere at all", null)]
    public async Task Target_LeadsOnInAscii(string target, string? ascii)
    {
        Assert.Equal(ascii, LinkTarget.Ascii(target));
        if (ascii is null)
            return;
        var link = await LinkedAsync(new { name = "Words", targetUrl = target });
        Assert.Equal(ascii, await app.ValueAsync<string>($"SELECT target_url FROM campaign_links WHERE id = '{link.Id}'"));
        Assert.Equal((HttpStatusCode.Found, ascii), await link.FollowAsync("", Phone, "HEAD"));
    }

    [Fact]
    public async Task Target_StoredBefore_LeadsOnInAscii()
    {
        var link = await LinkedAsync();
        await app.RunAsync($"UPDATE campaign_links SET target_url = 'https://shop.example.com/é' WHERE id = '{link.Id}'");
        var (status, target) = await link.FollowAsync("", Phone);
        Assert.Equal(HttpStatusCode.Found, status);
        Assert.StartsWith("https://shop.example.com/%C3%A9?ct_tracking_id=", target, StringComparison.Ordinal);
    }

    private sealed record Linked(AppFixture App, Account Account, NewSite Site, Guid Id, string Slug)
    {
        public async Task<(HttpStatusCode Status, string Target)> FollowAsync(string query, string userAgent, string method = "GET", string? purpose = null)
        {
            using var client = App.Anonymous();
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/r/{Slug}{query}");
            request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
            if (purpose is not null)
                request.Headers.TryAddWithoutValidation("Sec-Purpose", purpose);
            using var answer = await client.SendAsync(request);
            return (answer.StatusCode, answer.Headers.Location?.OriginalString ?? "");
        }

        public async Task<string> ClickAsync(string userAgent) => HttpUtility.ParseQueryString(new Uri((await FollowAsync("", userAgent)).Target).Query)["ct_tracking_id"]!;
    }

    private async Task<Linked> LinkedAsync(object? values = null)
    {
        var account = await app.RegisterAsync($"{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var link = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/links", values ?? new { name = "Link", targetUrl = "https://shop.example.com/" }));
        return new Linked(app, account, site, link.GetProperty("id").GetGuid(), link.GetProperty("slug").GetString()!);
    }
}
