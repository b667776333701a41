using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using ClarityTracking.Tests.Attribution.Touchpoints;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Matching;

/// <summary>From touchpoints and bookings over HTTP to answers, and what people say to them.</summary>
public sealed class MatchTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow.AddHours(-3);

    private static object Visit(string id, string? visitor, DateTimeOffset at, string channel = "facebook") =>
        new { event_type = "page_view", event_id = id, timestamp = at, visitor_id = visitor, properties = new { channel, service = "haircut" } };

    private static object Lead(string id, string visitor, DateTimeOffset at, string email, string name) =>
        new { event_type = "lead", event_id = id, timestamp = at, visitor_id = visitor, properties = new { }, user = new { email, name } };

    private static object Booking(string email, string name) => new { channel = "phone", value = "40.00", currency = "USD", customer = new { email, name } };

    [Theory]
    [InlineData("touchpoints first")]
    [InlineData("booking first")]
    [InlineData("between")]
    public async Task OrderOfArrival_DoesNotMatter(string order)
    {
        var site = await MatchSite.StartAsync(app);
        var (visit, lead) = (Visit("T1", "v1", Now.AddDays(-3)), Lead("T2", "v1", Now.AddDays(-4), "bob@example.com", "Bob Smith"));
        if (order != "booking first")
            await site.TrackAsync(order == "between" ? [lead] : [lead, visit]);
        await site.BookAsync("K1", Now, Booking("BOB@example.com", "Robert Smith"));
        await site.SettledAsync(1);
        if (order != "touchpoints first")
            await site.TrackAsync(order == "between" ? [visit] : [visit, lead]); // the visit alone carries no more than its visitor's id
        var lines = await ThatAsync(site, "K1", line => line.GetProperty("tp_id").GetString() == "T1");
        Assert.InRange(lines.GetProperty("confidence").GetDouble(), .9, 1);
        Assert.Equal("T1", lines.GetProperty("matches")[0].GetProperty("tp_id").GetString());
        Assert.Contains("same email", lines.GetProperty("reasons").EnumerateArray().Select(r => r.GetString()));
    }

    [Fact]
    public async Task AnotherWebsitesTouchpoint_IsNeverMatched()
    {
        var site = await MatchSite.StartAsync(app);
        var other = await MatchSite.StartAsync(app, site.Owner);
        await other.TrackAsync(Visit("T1", "v1", Now.AddDays(-3)), Lead("T2", "v1", Now.AddDays(-3), "bob@example.com", "Bob Smith"));
        await site.BookAsync("K1", Now, new { channel = "website", customer = new { email = "bob@example.com", name = "Bob Smith" }, attribution = new { visitor_id = "v1" } });
        var line = (await site.SettledAsync(1))["K1"];
        Assert.Equal(JsonValueKind.Null, line.GetProperty("tp_id").ValueKind);
        Assert.Empty(line.GetProperty("matches").EnumerateArray());
        // nor can it be confirmed
        await AppFixture.ProblemOf(await site.CallAsync(HttpMethod.Post, $"matches/{await site.ConversionAsync("K1")}/confirm", new { touchpointId = await other.TouchpointAsync("T1") }), 422);
        await AppFixture.ProblemOf(await other.CallAsync(HttpMethod.Post, $"matches/{await site.ConversionAsync("K1")}/reject"), 404);
    }

    [Fact]
    public async Task Decision_StaysUntilItIsUndone_AndTeaches()
    {
        var site = await MatchSite.StartAsync(app);
        await site.TrackAsync(Visit("T1", "v1", Now.AddDays(-3)), Lead("T2", "v1", Now.AddDays(-3), "bob@example.com", "Bob Smith"), Visit("T3", "v2", Now.AddDays(-2), "tiktok"));
        await site.BookAsync("K1", Now, Booking("bob@example.com", "Bob Smith"));
        Assert.Equal("T1", (await site.SettledAsync(1))["K1"].GetProperty("tp_id").GetString());
        var (conversion, path) = (await site.ConversionAsync("K1"), "matches/");
        path += conversion;

        var confirmed = await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Post, $"{path}/confirm", new { touchpointId = await site.TouchpointAsync("T3") }));
        Assert.Equal(("confirmed", 1.0, "T3"), (confirmed.GetProperty("decision").GetString(), confirmed.GetProperty("confidence").GetDouble(), confirmed.GetProperty("touchpoint").GetProperty("eventId").GetString()));
        await site.TrackAsync(Visit("T4", "v1", Now.AddDays(-1))); // speaks for another one
        Assert.Equal("T3", (await site.SettledAsync(1))["K1"].GetProperty("tp_id").GetString());
        Assert.Equal("1 1.0", await app.ValueAsync<string>(
            $"SELECT (SELECT count(*) FROM matching_models WHERE workspace_id = '{site.Owner.WorkspaceId}' AND decisions = 1) || ' ' || (SELECT confidence::numeric(2, 1) FROM match_touches WHERE conversion_id = '{conversion}' AND touchpoint_id = '{await site.TouchpointAsync("T3")}')"));

        await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Post, $"{path}/undo"));
        await ThatAsync(site, "K1", line => line.GetProperty("tp_id").GetString() == "T4");
        var rejected = await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Post, $"{path}/reject"));
        Assert.Equal(("rejected", JsonValueKind.Null), (rejected.GetProperty("decision").GetString(), rejected.GetProperty("touchpoint").ValueKind));
        var line = (await site.LinesAsync())["K1"];
        Assert.Equal((JsonValueKind.Null, 0), (line.GetProperty("tp_id").ValueKind, line.GetProperty("matches").GetArrayLength()));
        Assert.Contains("match.rejected", await app.ValueAsync<string>($"SELECT string_agg(action, ' ') FROM audit_log WHERE workspace_id = '{site.Owner.WorkspaceId}'"));
    }

    [Fact]
    public async Task ConfirmingAnotherVisitor_TakesTheReplacedOneOffThePath()
    {
        var site = await MatchSite.StartAsync(app);
        await site.TrackAsync(Visit("T1", "v1", Now.AddDays(-3)), Visit("T0", "v1", Now.AddDays(-5)), Lead("T2", "v1", Now.AddDays(-3), "bob@example.com", "Bob Smith"),
            Visit("T3", "v2", Now.AddDays(-8), "tiktok"), Visit("T4", "v2", Now.AddDays(-120), "email"), Visit("T5", "v2", Now.AddDays(-130), "email"));
        await site.BookAsync("K1", Now, Booking("bob@example.com", "Bob Smith"));
        Assert.Equal("T1", (await site.SettledAsync(1))["K1"].GetProperty("tp_id").GetString());
        var conversion = await site.ConversionAsync("K1");
        Assert.Equal("T0 T1", await PathAsync());

        await ConfirmAsync("T3");
        Assert.Equal("T3", await PathAsync());
        await ConfirmAsync("T4"); // older than matching looks back: it alone
        Assert.Equal("T4 T3", await PathAsync());
        await ConfirmAsync("T1"); // the machine's answer after all
        Assert.Equal("T0 T1", await PathAsync());
        await ConfirmAsync("T0"); // the same visitor's: nothing goes
        Assert.Equal("T0 T1", await PathAsync());

        async Task ConfirmAsync(string touch) =>
            await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Post, $"matches/{conversion}/confirm", new { touchpointId = await site.TouchpointAsync(touch) }));
        Task<string> PathAsync() => app.ValueAsync<string>($"""
            SELECT coalesce(string_agg(t.event_id, ' ' ORDER BY t.occurred_at), '') FROM match_touches x JOIN touchpoints t ON t.website_id = x.website_id AND t.id = x.touchpoint_id
             WHERE x.conversion_id = '{conversion}'
            """);
    }

    [Fact]
    public async Task RecordedWithAClick_IsThatClick_WhateverItsAge()
    {
        var site = await TouchSite.StartAsync(app);
        var (link, target) = await site.ClickAsync(new { name = "Bio", targetUrl = "https://shop.example.com/book", channel = "Instagram Bio", windowDays = 365 });
        var tracking = HttpUtility.ParseQueryString(new Uri(target).Query)["ct_tracking_id"];
        await site.FollowedAsync();
        using var page = app.Anonymous();
        await AppFixture.JsonOf(await page.PostAsJsonAsync("/api/conversions", new { tracking_id = tracking, campaign_link_id = link, event_type = "purchase", revenue_amount = 149.9, event_data = new { order_id = "A1" } }));
        Assert.Equal($"{tracking} 0.99 recorded with this click|clicked just before", await AnswerAsync(""));
        // half a year old
        await app.RunAsync($"UPDATE touchpoints SET occurred_at = now() - interval '180 days 1 hour' WHERE website_id = '{site.Site.Id}'");
        await app.RunAsync($"INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at) SELECT workspace_id, website_id, id, now() FROM conversions WHERE website_id = '{site.Site.Id}'");
        Assert.Equal($"{tracking} 0.99 recorded with this click|clicked 180 days before", await AnswerAsync("180 days"));
        Assert.Equal(.99, await app.ValueAsync<double>($"SELECT confidence FROM match_touches WHERE website_id = '{site.Site.Id}' AND occurred_at < now() - interval '179 days'"));
        // such a decision teaches nothing: the click was never in doubt
        var conversion = await app.ValueAsync<Guid>($"SELECT id FROM conversions WHERE website_id = '{site.Site.Id}'");
        await site.CallAsync(HttpMethod.Post, $"matches/{conversion}/reject");
        Assert.Equal(0, await app.ValueAsync<int>($"SELECT decisions FROM matching_models WHERE workspace_id = '{site.Site.WorkspaceId}'"));

        async Task<string> AnswerAsync(string told)
        {
            var answer = "";
            for (var patience = 0; patience < 100; patience++, await Task.Delay(100))
            {
                answer = await app.ValueAsync<string>($"""
                    SELECT coalesce((SELECT concat_ws(' ', t.event_id, m.confidence, replace(btrim(m.reasons::text, '[]"'), '", "', '|')) FROM matches m
                        LEFT JOIN touchpoints t ON t.website_id = m.website_id AND t.id = m.touchpoint_id
                       WHERE m.website_id = '{site.Site.Id}' AND NOT EXISTS (SELECT FROM match_queue q WHERE q.website_id = m.website_id)), '')
                    """);
                if (answer.Length > 0 && answer.Contains(told, StringComparison.Ordinal))
                    break;
            }
            return answer;
        }
    }

    [Fact]
    public async Task ValueSealedUnderAFormerKey_SaysNothing_AndStopsNobody()
    {
        var site = await MatchSite.StartAsync(app);
        await site.TrackAsync(Visit("T1", "v1", Now.AddDays(-3)), Lead("T2", "v1", Now.AddDays(-3), "bob@example.com", "Bob Smith"));
        for (var patience = 0; patience < 100 && await app.ValueAsync<long>($"SELECT count(*) FROM touchpoints WHERE website_id = '{site.Id}'") < 2; patience++)
            await Task.Delay(100);
        await app.RunAsync($"UPDATE touchpoints SET personal_sealed = set_byte(personal_sealed, 20, 255 - get_byte(personal_sealed, 20)) WHERE website_id = '{site.Id}' AND personal_sealed IS NOT NULL");
        await site.BookAsync("K1", Now, Booking("bob@example.com", "Bob Smith"));
        Assert.Equal("T1", (await site.SettledAsync(1))["K1"].GetProperty("tp_id").GetString()); // by the keys
    }

    [Fact]
    public async Task Thresholds_DecideWhatIsAskedAndCredited()
    {
        var site = await MatchSite.StartAsync(app);
        Assert.Equal((.5, .8), Of(await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Get, "match-settings"))));
        await AppFixture.ProblemOf(await site.CallAsync(HttpMethod.Put, "match-settings", new { creditFrom = 1.1, reviewBelow = .8 }), 422);
        await site.TrackAsync(Visit("T1", "v1", Now.AddDays(-3)), Lead("T2", "v1", Now.AddDays(-3), "bob@example.com", "Bob Smith"));
        await site.BookAsync("K1", Now, Booking("bob@example.com", "Bob Smith"));
        await site.SettledAsync(1);
        Assert.Equal((.2, 1.0), Of(await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Put, "match-settings", new { creditFrom = .2, reviewBelow = 1.0 }))));
        await site.SettledAsync(1);
        var review = (await AppFixture.JsonOf(await site.CallAsync(HttpMethod.Get, "matches?decision=review"))).GetProperty("items");
        Assert.Contains(review.EnumerateArray(), m => m.GetProperty("bookingId").GetString() == "K1");
        await site.CallAsync(HttpMethod.Put, "match-settings", new { creditFrom = 1.0, reviewBelow = .1 });
        Assert.Equal(JsonValueKind.Null, (await site.SettledAsync(1))["K1"].GetProperty("tp_id").ValueKind);
        await AppFixture.ProblemOf(await site.CallAsync(HttpMethod.Get, "matches?decision=nonsense"), 422);

        static (double, double) Of(JsonElement settings) => (settings.GetProperty("creditFrom").GetDouble(), settings.GetProperty("reviewBelow").GetDouble());
    }

    [Fact]
    public async Task FrontDesk_IsFoundByWhoBooksFromIt()
    {
        var site = await MatchSite.StartAsync(app);
        await site.TrackAsync(Visit("T1", "desk", Now.AddHours(-5)));
        string[] people = ["Bob Smith", "Mei Tanaka", "Aoife Murphy", "Omar Khan"];
        for (var i = 0; i < people.Length; i++)
            await site.BookAsync($"K{i}", Now.AddMinutes(i), new { channel = "website", customer = new { email = $"person{i}@example.com", name = people[i] }, attribution = new { visitor_id = "desk" } });
        await ThatAsync(site, "K0", line => line.GetProperty("tp_id").ValueKind == JsonValueKind.Null); // also those that came before it was known
        Assert.All((await site.SettledAsync(4)).Values, line => Assert.Equal(JsonValueKind.Null, line.GetProperty("tp_id").ValueKind));
    }

    private static async Task<JsonElement> ThatAsync(MatchSite site, string booking, Func<JsonElement, bool> holds)
    {
        JsonElement line = default;
        for (var patience = 0; patience < 40; patience++)
            if ((await site.SettledAsync(1)).TryGetValue(booking, out line) && holds(line))
                return line;
            else
                await Task.Delay(250);
        Assert.Fail($"{booking} became {line}.");
        return line;
    }
}
