using System.Globalization;
using System.Net.Http.Json;
using System.Web;
using ClarityTracking.Tests.Attribution.Touchpoints;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.People;

/// <summary>From events and webhooks over HTTP to persons, and conversions of the website's own events.</summary>
public sealed class StitchingTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow.AddHours(-3);

    private Task<long> CountAsync(NewSite site, string table, string where = "true") => app.ValueAsync<long>($"SELECT count(*) FROM {table} WHERE website_id = '{site.Id}' AND {where}");

    [Fact]
    public async Task LateIdentification_ReachesBackToEarlierVisits()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(TouchSite.View("v1", Now, "/?gclid=abc"));
        Assert.Equal(0, await CountAsync(site.Site, "persons"));
        await site.BrowseAsync(new { event_type = "identify", timestamp = Now.AddHours(1), visitor_id = "v1", user = new { email = "jane@example.com" } });
        Assert.Equal("google_cpc", await app.ValueAsync<string>($"""
            SELECT t.channel FROM persons p JOIN person_ids i ON i.person_id = p.id AND i.kind = 'visitor' JOIN touchpoints t ON t.website_id = p.website_id AND t.profile = i.token
             WHERE p.website_id = '{site.Site.Id}' AND t.kind = 'visit'
            """));
    }

    [Fact]
    public async Task ABookingAndItsVisitor_AreOnePerson()
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        await site.BrowseAsync(new { event_type = "identify", timestamp = Now, visitor_id = "abc123", user = new { email = "Jane.Doe@gmail.com" } });
        await sender.PostAsync("booking.created", new { booking_id = "BK-1", value = "38.50", customer = new { email = "janedoe+spa@gmail.com", phone = "+15127782877", name = "Jane Doe" }, ip = "203.0.113.9", device = "mobile", channel = "phone" });
        await sender.ProcessedAsync();
        await site.FollowedAsync();
        Assert.Equal("1 abc123", await app.ValueAsync<string>($"""
            SELECT count(DISTINCT p.id) || ' ' || min(i.token) FILTER (WHERE i.kind = 'visitor') FROM persons p JOIN person_ids i ON i.person_id = p.id WHERE p.website_id = '{site.Site.Id}'
            """));
        Assert.Equal("phone|mobile|t", await app.ValueAsync<string>($"""
            SELECT concat_ws('|', c.attribution ->> 'channel', c.attribution ->> 'device', c.person_id = p.id) FROM conversions c JOIN persons p ON p.website_id = c.website_id WHERE c.website_id = '{site.Site.Id}'
            """));
    }

    [Fact]
    public async Task PlaceholdersLinkNobody_AndNoWebsiteKnowsAnothersPeople()
    {
        var site = await TouchSite.StartAsync(app);
        var other = await TouchSite.StartAsync(app, site.Owner);
        object Identify(string visitor, object user) => new { event_type = "identify", timestamp = Now, visitor_id = visitor, user };
        await site.TrackAsync(
            Identify("p1", new { email = "none@none.com", phone = "0000000000" }), Identify("p2", new { email = "none@none.com", phone = "5555555555" }),
            Identify("p3", new { external_id = "0" }), Identify("p4", new { external_id = "anonymous" }));
        Assert.Equal(0, await CountAsync(site.Site, "persons"));
        await site.TrackAsync(Identify("v1", new { email = "jane@example.com" }));
        await other.TrackAsync(Identify("v1", new { email = "jane@example.com" }));
        Assert.Equal("1 1", $"{await CountAsync(site.Site, "persons")} {await CountAsync(other.Site, "persons")}");
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(DISTINCT token) FROM person_ids WHERE website_id IN ('{site.Site.Id}', '{other.Site.Id}') AND kind = 'email' AND (token::bigint >> 60 & 15) = 3"));
    }

    [Fact]
    public async Task APoisonEvent_IsLeftOutAlone()
    {
        var site = await TouchSite.StartAsync(app);
        await app.RunAsync($"""
            ALTER TABLE touchpoints ADD CONSTRAINT poison CHECK (NOT (website_id = '{site.Site.Id}' AND visitor_id = 'poison'))
            """);
        await site.BrowseAsync(TouchSite.View("v1", Now), TouchSite.View("poison", Now.AddSeconds(1)), TouchSite.View("v2", Now.AddSeconds(2)));
        await site.BrowseAsync(TouchSite.View("v3", Now.AddSeconds(3)));
        Assert.Equal("v1 v2 v3", await site.TouchesAsync("visitor_id"));
    }

    private Task<string> TrackedAsync(NewSite site) => app.ValueAsync<string>(
        $"SELECT coalesce(string_agg(concat_ws('|', source, kind, status, sender_id, trim_scale(value), trim_scale(refunded), visitor_id), ' ' ORDER BY id), '') FROM conversions WHERE website_id = '{site.Id}'");

    private static object Bought(string type, string? order, decimal value, string visitor = "v1", string? id = null) =>
        new { event_id = id, event_type = type, timestamp = Now, visitor_id = visitor, properties = new { value, currency = "EUR", order_id = order }, user = new { email = "jane@example.com" } };

    [Fact]
    public async Task OwnEvents_BecomeConversionsOnce()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(Bought("purchase", "5001", 50, id: "purchase_5001"), Bought("schedule", "5001", 50));
        await site.TrackAsync(Bought("purchase", "5001", 50, id: "other-id")); // the server tells it too
        await site.BrowseAsync(new { event_type = "lead", event_id = "L1", timestamp = Now, visitor_id = "v1" });
        Assert.Equal("event|booking|confirmed|5001|50|0|v1 event|lead|paid|L1|0|v1", await TrackedAsync(site.Site));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(DISTINCT person_id) FROM conversions WHERE website_id = '{site.Site.Id}'"));

        await site.TrackAsync(new { event_type = "custom", timestamp = Now, properties = new { event_name = "refund", order_id = "5001", value = 20, currency = "EUR" } });
        Assert.StartsWith("event|booking|confirmed|5001|50|20|v1", await TrackedAsync(site.Site), StringComparison.Ordinal);
        await site.TrackAsync(new { event_type = "custom", timestamp = Now, properties = new { event_name = "refund", order_id = "5001", value = 30, currency = "EUR" } });
        Assert.StartsWith("event|booking|refunded|5001|50|50|v1", await TrackedAsync(site.Site), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefundBeforeItsPurchase_LowersIt()
    {
        var site = await TouchSite.StartAsync(app);
        await site.TrackAsync(new { event_type = "custom", timestamp = Now, properties = new { event_name = "refund", order_id = "7", value = 10, currency = "EUR" } });
        Assert.Equal("0 0", await CountedAsync(site)); // it waits, and no report counts it
        await site.TrackAsync(Bought("purchase", "7", 50));
        Assert.Equal("event|order|paid|7|50|10|v1", await TrackedAsync(site.Site));
    }

    private static object GivenBack(string order, decimal value, string id, string currency = "EUR") =>
        new { event_id = id, event_type = "custom", timestamp = Now, properties = new { event_name = "refund", order_id = order, value, currency } };

    /// <summary>Conversions and revenue of the overview.</summary>
    private static async Task<string> CountedAsync(TouchSite site)
    {
        var overview = await site.CallAsync(HttpMethod.Get, "analytics/overview");
        return string.Create(CultureInfo.InvariantCulture, $"{overview.GetProperty("conversions").GetInt32()} {overview.GetProperty("revenue").GetDecimal():0.##}");
    }

    private Task<string> NamedAsync(NewSite site) => app.ValueAsync<string>($"SELECT concat_ws('|', kind, event_name, status, trim_scale(value), currency, trim_scale(refunded)) FROM conversions WHERE website_id = '{site.Id}'");

    [Fact]
    public async Task ARefundThatIsReadTwice_LowersItOnce()
    {
        var site = await TouchSite.StartAsync(app);
        await site.TrackAsync(GivenBack("7", 10, "r1"), Bought("purchase", "7", 50));
        await site.TrackAsync(GivenBack("7", 5, "r2"), GivenBack("7", 5, "r3", "USD"));
        await app.RunAsync($"""
            INSERT INTO event_feed (follower, id, workspace_id, website_id, event_ids)
            SELECT 'touchpoints', gen_random_uuid(), workspace_id, website_id, ARRAY[id] FROM events WHERE website_id = '{site.Site.Id}'
            """); // as a release of events that were held back may do
        await site.FollowedAsync();
        Assert.Equal("order|purchase|paid|50|EUR|15", await NamedAsync(site.Site));
    }

    [Theory]
    [InlineData("order|purchase|paid|50|EUR|0", "lead", "purchase")]
    [InlineData("order|purchase|paid|50|EUR|0", "purchase", "lead")]
    [InlineData("booking|purchase|confirmed|50|EUR|0", "schedule", "purchase")]
    public async Task APaidOrder_WinsOverAnEnquiryWithItsNumber(string expected, string first, string second)
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(Bought(first, "31", first == "purchase" ? 50 : 20));
        await site.BrowseAsync(Bought(second, "31", second == "purchase" ? 50 : 20));
        Assert.Equal(expected, await NamedAsync(site.Site));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task APurchaseWithoutANumber_ThatASourceTellsToo_CountsOnce(bool pageFirst)
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        Task Page() => site.BrowseAsync(Bought("purchase", null, 49, "abc123"));
        async Task Source()
        {
            await sender.PostAsync("order.paid", new { order_id = "O-49", value = "49.00", currency = "EUR", attribution = new { visitor_id = "abc123" } }, at: Now.AddMinutes(1));
            await sender.ProcessedAsync();
            await site.FollowedAsync();
        }
        foreach (var step in pageFirst ? new[] { Page, Source } : [Source, Page])
            await step();
        Assert.Equal("1", (await CountedAsync(site)).Split(' ')[0]);
        Assert.Equal("generic|order|paid|O-49|49|0|abc123", await TrackedAsync(sender.Site));
    }

    [Fact]
    public async Task ATestOrder_TakesNoRealOnesPlace()
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        await sender.PostAsync("order.paid", new { order_id = "1001", value = "49.00", currency = "EUR", test = true });
        await sender.ProcessedAsync();
        await site.FollowedAsync();
        await site.BrowseAsync(Bought("purchase", "1001", 49));
        Assert.Equal("generic|true| event|false|v1", await app.ValueAsync<string>(
            $"SELECT string_agg(source || '|' || is_test || '|' || coalesce(visitor_id, ''), ' ' ORDER BY is_test DESC) FROM conversions WHERE website_id = '{site.Site.Id}'"));
    }

    /// <summary>Records a purchase through the conversions API.</summary>
    private async Task<Guid> RecordAsync(TouchSite site, decimal amount, object data)
    {
        var (link, target) = await site.ClickAsync(new { name = "Ad", targetUrl = "https://shop.example.com/" });
        var tracking = HttpUtility.ParseQueryString(new Uri(target).Query)["ct_tracking_id"];
        await site.BrowseAsync(new { event_type = "page_view", visitor_id = "v1", properties = new { url = target } });
        using var page = app.Anonymous();
        var recorded = await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions",
            new { tracking_id = tracking, campaign_link_id = link, event_type = "purchase", revenue_amount = amount, event_data = data }));
        await site.FollowedAsync();
        return recorded.GetProperty("id").GetGuid();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public async Task WhatTheConversionsApiTells_AndThePageToo_IsOneOrder(bool pageFirst, bool withNumber)
    {
        var site = await TouchSite.StartAsync(app);
        var id = Guid.Empty;
        async Task Page()
        {
            await site.BrowseAsync(new { event_type = "purchase", visitor_id = "v1", properties = new { value = 49, currency = "EUR", order_id = "1001" } });
            await site.TrackAsync(GivenBack("1001", 9, "r1"));
        }
        async Task Api() => id = await RecordAsync(site, 49, withNumber ? new { event_id = "e1", order_id = "1001", currency = "EUR" } : new { event_id = "e1", currency = "EUR" });
        foreach (var step in pageFirst ? new[] { Page, Api } : [Api, Page])
            await step();
        // of an order without a number no refund can tell; what was refunded before stays
        Assert.Equal($"manual|purchase|paid|49|EUR|{(withNumber || pageFirst ? 9 : 0)}", await app.ValueAsync<string>(
            $"SELECT concat_ws('|', kind, event_name, status, trim_scale(value), currency, trim_scale(refunded)) FROM conversions WHERE website_id = '{site.Site.Id}' AND status <> 'failed'"));
        if (withNumber)
        {
            await site.TrackAsync(GivenBack("1001", 9, "r1"), GivenBack("1001", 40, "r2")); // the first is known
            Assert.Equal("manual|purchase|refunded|49|EUR|49", await NamedAsync(site.Site));
        }
        var shown = await site.CallAsync(HttpMethod.Get, $"bookings/{id}");
        Assert.Contains("purchase", shown.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task WhatAMemberDecided_OutlivesThePagesRow()
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        await site.BrowseAsync(Bought("purchase", "BK-1", 38.5m, "abc123"));
        await app.RunAsync($"""
            INSERT INTO matches (workspace_id, website_id, conversion_id, confidence, decision, reasons, evidence, model, matched_at, decided_at)
            SELECT workspace_id, website_id, id, 1, 'rejected', '[]', '[]', 'test', now(), now() FROM conversions WHERE website_id = '{site.Site.Id}'
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET decision = 'rejected', decided_at = now()
            """);
        await sender.PostAsync("order.paid", new { order_id = "BK-1", value = "38.50", currency = "EUR" });
        await sender.ProcessedAsync();
        await site.FollowedAsync();
        Assert.Equal("generic|rejected", await app.ValueAsync<string>(
            $"SELECT c.source || '|' || m.decision FROM conversions c JOIN matches m ON m.workspace_id = c.workspace_id AND m.conversion_id = c.id WHERE c.website_id = '{site.Site.Id}'"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASourcesOwnWord_TakesThePlaceOfAnEvents(bool pageFirst)
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        Task Page() => site.BrowseAsync(Bought("purchase", "BK-1", 38.5m, "abc123"));
        async Task Source()
        {
            await sender.PostAsync("order.paid", new { order_id = "BK-1", value = "38.50", currency = "EUR", customer = new { email = "jane@example.com" } });
            await sender.ProcessedAsync();
            await site.FollowedAsync();
        }
        foreach (var step in pageFirst ? new[] { Page, Source } : [Source, Page])
            await step();
        Assert.Equal("generic|order|paid|BK-1|38.5|0|abc123", await TrackedAsync(sender.Site));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WithoutACommonOrder_TheSameVisitorAndValueAreOne(bool pageFirst)
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        Task Page() => site.BrowseAsync(new { event_type = "schedule", timestamp = Now, visitor_id = "abc123", properties = new { } });
        async Task Source()
        {
            await sender.PostAsync("booking.created", new { booking_id = "BK-9", value = "38.50", currency = "EUR", attribution = new { visitor_id = "abc123" } }, at: Now.AddMinutes(2));
            await sender.ProcessedAsync();
            await site.FollowedAsync();
        }
        foreach (var step in pageFirst ? new[] { Page, Source } : [Source, Page])
            await step();
        Assert.Equal("generic|booking|confirmed|BK-9|38.5|0|abc123", await TrackedAsync(sender.Site));
    }
}
