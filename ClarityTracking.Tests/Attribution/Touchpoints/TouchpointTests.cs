using System.Web;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Touchpoints;

/// <summary>From events over HTTP to rows of touchpoints.</summary>
public sealed class TouchpointTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow.AddHours(-6);

    [Fact]
    public async Task Visits_BeginAfterThirtyMinutesOrWithANewSource()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(
            TouchSite.View("v1", Now, "/?utm_source=ig&utm_medium=social", type: "session_start"),
            TouchSite.View("v1", Now, "/?utm_source=ig&utm_medium=social"), // the same moment, the same page
            TouchSite.View("v1", Now.AddMinutes(20), "/prices"),
            TouchSite.View("v1", Now.AddMinutes(40), "/?utm_source=ig&utm_medium=social"), // looked at again
            TouchSite.View("v1", Now.AddMinutes(50), "/", "https://www.google.com/"), // came in anew
            TouchSite.View("v1", Now.AddMinutes(55), "/book", "https://checkout.stripe.com/"), // back from paying
            TouchSite.View("v1", Now.AddMinutes(85)), // thirty minutes to the second are still the visit
            TouchSite.View("v1", Now.AddMinutes(115).AddSeconds(1)),
            TouchSite.View("v2", Now));
        Assert.Equal("instagram google_organic direct", await site.TouchesAsync("channel", "visitor_id = 'v1'"));
        Assert.Equal("direct", await site.TouchesAsync("channel", "visitor_id = 'v2'"));
        Assert.Equal("mobile ios safari", await site.TouchesAsync("concat_ws(' ', device, os, browser)", "visitor_id = 'v2'"));
        Assert.Equal("www.google.com", (await site.TouchesAsync("'www.' || referrer", "channel = 'google_organic'")));
        await site.FollowedAsync();
    }

    [Fact]
    public async Task OldClickIds_AreOfAnOlderVisit()
    {
        var site = await TouchSite.StartAsync(app);
        var clickIds = new { fbclid = new { value = "IwAR0x", first_seen = Now } };
        await site.BrowseAsync(
            TouchSite.View("v1", Now, "/?fbclid=IwAR0x", clickIds: clickIds),
            TouchSite.View("v1", Now.AddHours(2), clickIds: clickIds));
        Assert.Equal("facebook|fbclid.IwAR0x direct|", await site.TouchesAsync("concat(channel, '|', click_id)"));
    }

    [Fact]
    public async Task LinkClickAndItsLanding_AreOneTouch()
    {
        var site = await TouchSite.StartAsync(app);
        var (link, target) = await site.ClickAsync(new { name = "Bio", targetUrl = "https://shop.example.com/book", channel = "Instagram Bio", campaign = "spring", utm = new { source = "ig" } });
        var query = new Uri(target).PathAndQuery;
        var at = DateTimeOffset.UtcNow;
        await site.FollowedAsync();
        Assert.Equal("click instagram_bio -", await site.TouchesAsync("concat_ws(' ', kind, channel, coalesce(visitor_id, '-'))"));

        await site.BrowseAsync(TouchSite.View("v1", at, query, type: "session_start"), TouchSite.View("v1", at, query), TouchSite.View("v1", at.AddSeconds(1), "/book/2"));
        await site.BrowseAsync(TouchSite.View("v1", at.AddSeconds(2), query)); // reloaded
        Assert.Equal($"click|instagram_bio|spring|v1|v1|{link}|/book|{HttpUtility.ParseQueryString(new Uri(target).Query)["ct_tracking_id"]}",
            await site.TouchesAsync("concat_ws('|', kind, channel, campaign, visitor_id, profile, link_id, landing, event_id)"));
        // found by the visitor, the click and the address
        Assert.Equal("1 2 9", await app.ValueAsync<string>($"SELECT string_agg(DISTINCT (key >> 60 & 15)::text, ' ') FROM touchpoint_keys WHERE website_id = '{site.Site.Id}'"));

        await site.BrowseAsync(TouchSite.View("v2", at.AddSeconds(3), query)); // an address that was passed on
        Assert.Equal("click:v1 visit:v2", await site.TouchesAsync("kind || ':' || visitor_id"));
    }

    [Fact]
    public async Task NextPageThatKeepsTheClickId_IsNoNewTouch()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(
            TouchSite.View("v1", Now, "/?gclid=x1", "https://www.google.com/", clickIds: new { gclid = "x1" }),
            TouchSite.View("v1", Now.AddMinutes(1), "/prices?gclid=x1", "https://shop.example.com/?gclid=x1", clickIds: new { gclid = "x1" }),
            TouchSite.View("v1", Now.AddMinutes(2), "/book?gclid=x1", clickIds: new { gclid = "x1" }),
            TouchSite.View("v1", Now.AddMinutes(3), "/?gclid=x2", clickIds: new { gclid = "x2" })); // another ad
        Assert.Equal("gclid.x1 gclid.x2", await site.TouchesAsync("click_id"));
    }

    [Fact]
    public async Task ServersTellChannels_AndPagesDoNot()
    {
        var site = await TouchSite.StartAsync(app);
        var long_ago = new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);
        object Told(string id, int minute, string? channel, string type = "page_view") => new
        {
            event_id = id,
            event_type = type,
            timestamp = long_ago.AddMinutes(minute).ToUnixTimeMilliseconds(),
            visitor_id = "v1",
            properties = new { channel, utm_source = "facebook", utm_campaign = "spring", location = "L1", service = "haircut", device = "mobile", os = "ios", browser = "safari", source = type == "lead" ? "platform" : null },
            click_ids = new { fbclid = id },
            user = new { ip = "203.0.113.7", name = "Doe, Jane", email_sha256 = new string('a', 64) },
        };
        await site.TrackAsync(Told("a", 0, "facebook"), Told("b", 1, "facebook"), Told("c", 2, "google_cpc", "lead"));
        Assert.Equal("visit|facebook|fbclid.a visit|facebook|fbclid.b platform_lead|google_cpc|fbclid.c", await site.TouchesAsync("concat_ws('|', kind, channel, click_id)"));
        Assert.Equal("facebook|spring|L1|haircut|mobile|ios|safari", await site.TouchesAsync("concat_ws('|', source, campaign, location, service, device, os, browser)", "event_id = 'a'"));
        Assert.Equal("2026-03-01", await site.TouchesAsync("to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", "event_id = 'a'"));
        // visitor, click id, surname, given name, address, hash
        Assert.Equal("1 10 2 7 8 9", await app.ValueAsync<string>($"SELECT string_agg(DISTINCT (key >> 60 & 15)::text, ' ') FROM touchpoint_keys WHERE website_id = '{site.Site.Id}'"));
        Assert.Equal(new string('a', 64), await app.ValueAsync<string>($"SELECT match_keys -> 'em' ->> 0 FROM events WHERE website_id = '{site.Site.Id}' LIMIT 1"));

        await site.BrowseAsync(new { event_type = "page_view", timestamp = Now, visitor_id = "v9", properties = new { url = "https://shop.example.com/", channel = "google_cpc", utm_source = "x" } });
        Assert.Equal("direct", await site.TouchesAsync("concat(channel, source)", "visitor_id = 'v9'"));
    }

    [Fact]
    public async Task StepsTowardsABooking_TellWhoAndEarnNothing()
    {
        var site = await TouchSite.StartAsync(app);
        object Step(string type, int second, object properties, object? user = null) => new { event_type = type, timestamp = Now.AddSeconds(second), visitor_id = "v1", properties, user };
        await site.BrowseAsync(
            Step("click", 1, new { link_url = "tel:[redacted]" }),
            Step("click", 2, new { link_url = "https://book.squareup.com/appointments/x" }),
            Step("click", 3, new { link_url = "https://www.example.org/" }),
            Step("click", 4, new { text = "Menu" }),
            Step("custom", 5, new { event_name = "call_click" }),
            Step("custom", 6, new { event_name = "widget_open" }),
            Step("form_submit", 7, new { form = "search" }),
            Step("form_submit", 8, new { form = "contact" }, new { email = "jane@example.com" }),
            Step("auto_identify", 9, new { }, new { phone = "+1 512 778 2877" }),
            Step("lead", 10, new { }),
            Step("purchase", 11, new { value = 10, currency = "EUR" }, new { email = "jane@example.com" }),
            Step("scroll", 12, new { depth = 50 }, new { email = "jane@example.com" }));
        Assert.Equal("call outbound call outbound identify identify lead identify", await site.TouchesAsync("kind", "kind <> 'visit'"));
        Assert.Equal("", await site.TouchesAsync("channel", "kind <> 'visit'"));
    }

    [Fact]
    public async Task BotsAreNoTouch_AndTestsAreFoundByNobody()
    {
        var site = await TouchSite.StartAsync(app);
        using (var bot = app.Anonymous())
        {
            bot.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)");
            await bot.PostAsync($"/api/v1/collect?key={site.Site.PublishableKey}", System.Net.Http.Json.JsonContent.Create(new { events = new[] { TouchSite.View("bot", Now) } }));
        }
        await site.BrowseAsync(new { event_type = "page_view", timestamp = Now, visitor_id = "v1", test = true, properties = new { url = "https://shop.example.com/?gclid=x" } });
        Assert.Equal("v1|t", await site.TouchesAsync("concat_ws('|', visitor_id, is_test)"));
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM touchpoint_keys WHERE website_id = '{site.Site.Id}'"));
    }

    [Fact]
    public async Task PrivacyMode_KeepsKeysAndNothingReadable()
    {
        var site = await TouchSite.StartAsync(app);
        await app.RunAsync($"UPDATE websites SET privacy_mode = true WHERE id = '{site.Site.Id}'");
        await site.TrackAsync(new { event_type = "identify", visitor_id = "v1", user = new { email = "jane@example.com", ip = "203.0.113.7" } });
        Assert.Equal("identify t", await site.TouchesAsync("concat_ws(' ', kind, personal_sealed IS NULL)"));
        Assert.Equal("1 10", await app.ValueAsync<string>($"SELECT string_agg(DISTINCT (key >> 60 & 15)::text, ' ') FROM touchpoint_keys WHERE website_id = '{site.Site.Id}'"));
    }
}
