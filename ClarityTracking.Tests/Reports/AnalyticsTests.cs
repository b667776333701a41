using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Attribution.Reports;
using ClarityTracking.Tests.Attribution.Touchpoints;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Reports;

/// <summary>What happened on a website, over HTTP.</summary>
public sealed class AnalyticsTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Overview_Series_AndBreakdown_CountTheSameEvents()
    {
        var site = await ReportSite.CreateAsync(app);
        var now = DateTimeOffset.UtcNow;
        await TrackAsync(site,
            View("a", "s1", now.AddDays(-1), "https://shop.example.com/offer?x=1", "https://news.example.org/a", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile"),
            View("a", "s1", now.AddDays(-1).AddMinutes(1), "https://shop.example.com/book", "https://shop.example.com/offer"),
            View("b", "s2", now.AddMinutes(-5), "https://shop.example.com/offer#top", null),
            new { event_id = "t", event_type = "page_view", timestamp = ReportSite.Iso(now), visitor_id = "c", test = true },
            new { event_id = "old", event_type = "page_view", timestamp = ReportSite.Iso(now.AddDays(-40)), visitor_id = "d", session_id = "s3" },
            new { event_id = "p", event_type = "purchase", timestamp = ReportSite.Iso(now.AddMinutes(-4)), visitor_id = "b", session_id = "s2", properties = new { value = 49.5, currency = "EUR", order_id = "7" } });
        await new TouchSite(app, site.Account, site.Site).FollowedAsync(); // the purchase has become a conversion
        await site.ConversionAsync(now.AddDays(-2), 100, status: "completed", kind: "booking");
        await site.ConversionAsync(now.AddDays(-2), 80, status: "no_show", kind: "booking");
        await site.ConversionAsync(now.AddDays(-2), 5, currency: "USD");
        await site.ConversionAsync(now.AddDays(-45), 30);

        var overview = await GetAsync(site, "overview", "");
        Assert.Equal((3, 2, 2, 4, 149.5m), (Number(overview, "pageViews"), Number(overview, "visitors"), Number(overview, "sessions"), Number(overview, "conversions"), overview.GetProperty("revenue").GetDecimal()));
        Assert.Equal(("USD", 5m), (overview.GetProperty("otherCurrencies")[0].GetProperty("currency").GetString(), overview.GetProperty("otherCurrencies")[0].GetProperty("revenue").GetDecimal()));
        var previous = overview.GetProperty("previous");
        Assert.Equal((1, 1, 1, 30m), (Number(previous, "pageViews"), Number(previous, "visitors"), Number(previous, "conversions"), previous.GetProperty("revenue").GetDecimal()));

        var series = (await GetAsync(site, "timeseries", "")).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(30, series.Count);
        Assert.Equal((3, 4, 149.5m), (series.Sum(p => Number(p, "pageViews")), series.Sum(p => Number(p, "conversions")), series.Sum(p => p.GetProperty("revenue").GetDecimal())));
        var hours = await GetAsync(site, "timeseries", $"from={ReportSite.Iso(now.AddHours(-30))}&to={ReportSite.Iso(now.AddHours(1))}");
        Assert.Equal(("hour", 3), (hours.GetProperty("interval").GetString(), hours.GetProperty("items").EnumerateArray().Sum(p => Number(p, "pageViews"))));

        Assert.Equal([("/offer", 2), ("/book", 1)], await RowsAsync(site, "page"));
        Assert.Equal([("", 1), ("news.example.org", 1)], (await RowsAsync(site, "referrer")).OrderBy(r => r.Key, StringComparer.Ordinal));
        Assert.Equal([("page_view", 3), ("purchase", 0)], await RowsAsync(site, "event"));
        Assert.Contains(("mobile", 1), await RowsAsync(site, "device"));
        Assert.Equal([("summer", 3)], (await RowsAsync(site, "utm_campaign")).Where(r => r.Key.Length > 0));
        await site.TouchAsync("a", now.AddDays(-1), "facebook");
        Assert.Contains("facebook", (await RowsAsync(site, "channel")).Select(r => r.Key));
    }

    [Theory]
    [InlineData("breakdown?by=shoe_size", "unknown_by")]
    [InlineData("timeseries?interval=minute", "unknown_interval")]
    [InlineData("overview?from=2026-11-02&to=2026-11-01", "invalid_period")]
    public async Task BadWords_AreNamed(string query, string code)
    {
        var site = await ReportSite.CreateAsync(app);
        Assert.Equal(code, (await AppFixture.ProblemOf(await site.Client.GetAsync($"/api/websites/{site.Site.Id}/analytics/{query}"), 422)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Dashboard_ShowsOwnWebsites_MetricsOnlyTheOperator()
    {
        var (first, site) = (await ReportSite.CreateAsync(app), await ReportSite.CreateAsync(app));
        var rows = (await AppFixture.JsonOf(await site.Client.GetAsync("/api/dashboard"))).GetProperty("items");
        Assert.Equal(site.Site.Id, Assert.Single(rows.EnumerateArray()).GetProperty("website").GetProperty("id").GetGuid());
        Assert.Equal(HttpStatusCode.Forbidden, (await site.Client.GetAsync("/api/metrics")).StatusCode);
        await app.RunAsync($"UPDATE users SET is_operator = (id = '{first.Account.UserId}')");
        var metrics = await AppFixture.JsonOf(await first.Client.GetAsync("/api/metrics"));
        Assert.Contains("routing", metrics.GetProperty("queues").EnumerateArray().Select(q => q.GetProperty("name").GetString()));
        Assert.Contains("retention", metrics.GetProperty("jobs").EnumerateArray().Select(j => j.GetProperty("name").GetString()));
        Assert.Equal(HttpStatusCode.NotFound, (await site.Client.GetAsync($"/api/websites/{first.Site.Id}/analytics/overview")).StatusCode);
    }

    private async Task TrackAsync(ReportSite site, params object[] events)
    {
        using var server = app.ClientFor(site.Site.SecretKey);
        Assert.Equal(events.Length, (await AppFixture.JsonOf(await server.PostAsJsonAsync("/event/track", new { events }))).GetProperty("accepted").GetInt32());
    }

    private static object View(string visitor, string session, DateTimeOffset at, string url, string? referrer, string? agent = null) => new
    {
        event_id = $"{visitor}{at.Ticks}",
        event_type = "page_view",
        timestamp = ReportSite.Iso(at),
        visitor_id = visitor,
        session_id = session,
        utm = new { campaign = "summer" },
        properties = new { url, referrer },
        user = agent is null ? null : new { user_agent = agent },
    };

    private static async Task<JsonElement> GetAsync(ReportSite site, string part, string query) => await AppFixture.JsonOf(await site.Client.GetAsync($"/api/websites/{site.Site.Id}/analytics/{part}?{query}"));

    private static async Task<List<(string Key, int PageViews)>> RowsAsync(ReportSite site, string by) =>
        [.. (await GetAsync(site, "breakdown", $"by={by}")).GetProperty("items").EnumerateArray().Select(r => (r.GetProperty("key").GetString()!, Number(r, "pageViews")))];

    private static int Number(JsonElement from, string name) => from.GetProperty(name).GetInt32();
}
