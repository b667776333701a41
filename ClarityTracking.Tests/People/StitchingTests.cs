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
        await site.TrackAsync(Bought("purchase", "7", 50));
        Assert.Equal("event|order|paid|7|50|10|v1", await TrackedAsync(site.Site));
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
