using System.Net;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Reports;

/// <summary>Reports over HTTP, from rows in the tables.</summary>
public sealed class ReportTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset End = new(2026, 9, 10, 12, 0, 0, TimeSpan.Zero);
    private const string Period = "from=2026-09-01&to=2026-09-30";
    private static readonly string[] Models = ["first_touch", "last_touch", "last_non_direct", "linear", "position_based", "time_decay", "markov", "shapley", "shapley_rate"];

    [Fact]
    public async Task Window_CountsWholeDays_AndNothingAfterTheConversion()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 10, (new TimeSpan(30, 23, 59, 59), "in"));
        await site.JourneyAsync(End, 20, (TimeSpan.FromDays(31), "out"));
        await site.JourneyAsync(End, 40, (TimeSpan.Zero, "same"), (-TimeSpan.FromMilliseconds(1), "after"));
        var report = await site.GetAsync(Period);
        Assert.Equal([("in", (1.0, 10.0)), ("same", (1.0, 40.0))], ReportSite.Rows(report).Where(r => r.Value.Conversions > 0).OrderBy(r => r.Key).Select(r => (r.Key, r.Value)));
        Assert.Equal((1, 20m), (report.GetProperty("unattributed").GetProperty("conversions").GetInt64(), report.GetProperty("unattributed").GetProperty("revenue").GetDecimal()));
        Assert.Equal((3, 70m), (report.GetProperty("totals").GetProperty("conversions").GetInt64(), report.GetProperty("totals").GetProperty("revenue").GetDecimal()));
        Assert.Equal((1.0, 20.0), ReportSite.Rows(await site.GetAsync($"{Period}&windowDays=31"))["out"]);
    }

    [Fact]
    public async Task Window_OfALink_IsItsOwn_UnlessOneIsAskedFor()
    {
        var site = await ReportSite.CreateAsync(app);
        var (week, year) = (await site.LinkAsync("week", 7), await site.LinkAsync("quarter", 90));
        foreach (var (link, days) in new[] { (week, 7.9), (week, 8.0), (year, 90.9), (year, 91.0) })
        {
            var conversion = await site.ConversionAsync(End, 10);
            await site.MatchAsync(conversion, 1, "matched", await site.TouchAsync($"v{link}{days}", End.AddDays(-days), "email", link));
        }
        var report = await site.GetAsync($"{Period}&by=link");
        Assert.True(report.GetProperty("linksHaveOwnWindows").GetBoolean());
        Assert.Equal([("quarter", (1.0, 10.0)), ("week", (1.0, 10.0))], ReportSite.Rows(report).OrderBy(r => r.Key).Select(r => (r.Key, r.Value)));
        Assert.Equal(2.0, ReportSite.Rows(await site.GetAsync($"{Period}&by=link&windowDays=8"))["week"].Conversions);
        Assert.Equal(2.0, ReportSite.Rows(await site.GetAsync($"{Period}&by=link&windowDays=365"))["quarter"].Conversions);
    }

    [Fact]
    public async Task Credits_OfEveryModel_SumToTheTotals()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 100, (TimeSpan.FromDays(5), "facebook"), (TimeSpan.FromDays(2), "email"), (TimeSpan.FromHours(1), "direct"));
        await site.JourneyAsync(End.AddHours(1), 33.33m, (TimeSpan.FromDays(5), "facebook"), (TimeSpan.FromDays(3), "facebook"));
        await site.JourneyAsync(End.AddHours(2), 0, (TimeSpan.FromDays(1), "direct"));
        await site.JourneyAsync(End.AddHours(3), 66.67m, (TimeSpan.FromDays(40), "tiktok"));
        await site.TouchAsync("lost", End, "tiktok");
        foreach (var model in Models)
        {
            var report = await site.GetAsync($"{Period}&model={model}");
            var rows = ReportSite.Rows(report).Values;
            Assert.Equal(model, report.GetProperty("model").GetString());
            Assert.Equal(3, rows.Sum(r => r.Conversions), 9);
            Assert.Equal(133.33, rows.Sum(r => r.Revenue), 9);
            Assert.Equal(200m, report.GetProperty("totals").GetProperty("revenue").GetDecimal());
            Assert.Equal(66.67m, report.GetProperty("unattributed").GetProperty("revenue").GetDecimal());
            Assert.Equal(model == "markov" ? JsonValueKind.Number : JsonValueKind.Null, report.GetProperty("order").ValueKind);
        }
        var compared = await site.GetAsync(Period, "/compare");
        foreach (var model in Models[..^1])
            Assert.Equal(3, compared.GetProperty("rows").EnumerateArray().Sum(r => r.GetProperty("models").GetProperty(model).GetProperty("conversions").GetDouble()), 9);
    }

    [Fact]
    public async Task RefundAndNoShow_RestateYesterday()
    {
        var site = await ReportSite.CreateAsync(app);
        var order = await site.JourneyAsync(End, 100, (TimeSpan.FromDays(1), "facebook"));
        var booking = await site.JourneyAsync(End, 80, (TimeSpan.FromDays(1), "facebook"));
        await site.RunAsync("UPDATE conversions SET kind = 'booking', status = 'completed' WHERE id = $1", booking);
        var row = (await site.GetAsync(Period)).GetProperty("rows")[0];
        Assert.Equal((180, 180, 2), (row.GetProperty("revenue").GetDouble(), row.GetProperty("trueRevenue").GetDouble(), row.GetProperty("kept").GetDouble()));
        await site.RunAsync("UPDATE conversions SET refunded = 30 WHERE id = $1", order);
        await site.RunAsync("UPDATE conversions SET status = 'no_show' WHERE id = $1", booking);
        var report = await site.GetAsync(Period);
        row = report.GetProperty("rows")[0];
        Assert.Equal((70, 70, 1), (row.GetProperty("revenue").GetDouble(), row.GetProperty("trueRevenue").GetDouble(), row.GetProperty("kept").GetDouble()));
        Assert.Equal(2, row.GetProperty("conversions").GetDouble());
        Assert.Equal(1, row.GetProperty("lifecycle").GetProperty("no_show").GetDouble());
        Assert.Equal(70m, report.GetProperty("totals").GetProperty("revenue").GetDecimal());
        await site.RunAsync("UPDATE conversions SET refunded = 100, status = 'refunded' WHERE id = $1", order);
        Assert.Equal(0, (await site.GetAsync(Period)).GetProperty("rows")[0].GetProperty("revenue").GetDouble());
        // a booking that has not taken place yet is worth something, but is not earned
        await site.RunAsync("UPDATE conversions SET status = 'confirmed' WHERE id = $1", booking);
        row = (await site.GetAsync(Period)).GetProperty("rows")[0];
        Assert.Equal((80, 0), (row.GetProperty("revenue").GetDouble(), row.GetProperty("trueRevenue").GetDouble()));
    }

    [Fact]
    public async Task Matches_RejectedOrBelowTheThreshold_EarnNothing()
    {
        var site = await ReportSite.CreateAsync(app);
        foreach (var (channel, confidence, decision) in new[] { ("sure", .9, "matched"), ("review", .6, "review"), ("weak", .4, "unmatched"), ("rejected", .9, "rejected"), ("confirmed", .3, "confirmed") })
        {
            var conversion = await site.ConversionAsync(End, 10);
            await site.MatchAsync(conversion, confidence, decision, await site.TouchAsync(channel, End.AddDays(-1), channel));
        }
        var report = await site.GetAsync(Period);
        Assert.Equal(["confirmed", "review", "sure"], ReportSite.Rows(report).Where(r => r.Value.Conversions > 0).Select(r => r.Key).Order());
        Assert.Equal((2, 1), (report.GetProperty("unattributed").GetProperty("conversions").GetInt64(), report.GetProperty("toReview").GetInt32()));
        Assert.Equal(.9, report.GetProperty("rows").EnumerateArray().Single(r => r.GetProperty("key").GetString() == "sure").GetProperty("confidence").GetDouble(), 9);
        await site.RunAsync("INSERT INTO match_settings (workspace_id, website_id, credit_from, updated_at) VALUES ($1, $2, 0.8, now())", site.Site.WorkspaceId, site.Site.Id);
        Assert.Equal(["confirmed", "sure"], ReportSite.Rows(await site.GetAsync(Period)).Where(r => r.Value.Conversions > 0).Select(r => r.Key).Order());
    }

    [Fact]
    public async Task NullPaths_ArePeopleWithoutConversion_StitchedAndEndingInThePeriod()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 10, (TimeSpan.FromDays(2), "email"));
        // one person by two browsers: one path, which ends with what was last seen
        var (person, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await site.RunAsync("INSERT INTO persons (workspace_id, website_id, id, merged_into, created_at, last_seen_at) VALUES ($1, $2, $3, NULL, now(), now()), ($1, $2, $4, $3, now(), now())",
            site.Site.WorkspaceId, site.Site.Id, person, other);
        await site.RunAsync("""
            INSERT INTO person_ids (workspace_id, website_id, kind, token, person_id, source, first_seen_at, last_seen_at)
            VALUES ($1, $2, 'visitor', 'phone', $3, 'event', now(), now()), ($1, $2, 'visitor', 'laptop', $4, 'event', now(), now())
            """, site.Site.WorkspaceId, site.Site.Id, person, other);
        await site.TouchAsync("phone", End.AddDays(-3), "facebook");
        await site.TouchAsync("laptop", End.AddDays(-1), "tiktok");
        await site.TouchAsync("laptop", End, null, kind: "call");
        await site.TouchAsync("old", End.AddDays(-40), "facebook");
        await site.TouchAsync("later", End.AddDays(60), "facebook");
        await site.TouchAsync("later", End.AddDays(-1), "facebook");
        await site.TouchAsync("unnamed", End, null, kind: "call");
        // somebody whose visitor was passed through, though nothing was matched
        await site.TouchAsync("buyer", End.AddDays(-1), "facebook");
        await site.ConversionAsync(End.AddDays(30), 5, visitor: "buyer");
        var paths = await site.GetAsync(Period, "/paths");
        Assert.Equal((1, 1), (paths.GetProperty("conversions").GetInt32(), paths.GetProperty("nulls").GetInt32()));
        Assert.Equal(["email", "facebook > tiktok"], paths.GetProperty("items").EnumerateArray().Select(p => string.Join(" > ", p.GetProperty("path").EnumerateArray().Select(k => k.GetString()))));
        Assert.Equal(2.0, paths.GetProperty("items")[0].GetProperty("meanDays").GetDouble(), 6);
        Assert.Equal(1, (await site.GetAsync($"{Period}&model=markov")).GetProperty("nullPaths").GetInt32());
    }

    [Fact]
    public async Task Spend_IsLaidBesideChannelsAndCampaigns()
    {
        var site = await ReportSite.CreateAsync(app);
        var conversion = await site.ConversionAsync(End, 300, status: "completed", kind: "booking");
        await site.MatchAsync(conversion, 1, "matched", await site.TouchAsync("a", End.AddDays(-1), "facebook", campaign: "autumn", source: "facebook"));
        await site.TouchAsync("b", End.AddDays(-1), "google_cpc", campaign: "brand", source: "google");
        foreach (var (platform, campaign, spend, currency) in new[] { ("meta", "Autumn", 100m, "EUR"), ("google_ads", "Brand", 50m, "EUR"), ("tiktok", "Dance", 25m, "EUR"), ("meta", "Autumn", 7m, "USD") })
            await site.RunAsync("""
                INSERT INTO ad_spend (workspace_id, website_id, day, platform, origin, account_id, campaign_id, campaign_name, impressions, clicks, spend, currency, imported_at)
                VALUES ($1, $2, '2026-09-09', $3, 'api', '1', $4, $4, 1, 1, $5, $6, now())
                """, site.Site.WorkspaceId, site.Site.Id, platform, campaign, spend, currency);
        foreach (var by in new[] { "channel", "campaign" })
        {
            var report = await site.GetAsync($"{Period}&model={(by == "channel" ? "markov" : "linear")}&by={by}");
            var row = report.GetProperty("rows")[0];
            Assert.Equal((100m, 3.0, 3.0, 100.0), (row.GetProperty("spend").GetDecimal(), row.GetProperty("roas").GetDouble(), row.GetProperty("trueRoas").GetDouble(), row.GetProperty("cac").GetDouble()));
            Assert.Equal((50m, 0.0), (report.GetProperty("rows")[1].GetProperty("spend").GetDecimal(), report.GetProperty("rows")[1].GetProperty("roas").GetDouble()));
            Assert.Equal(["no_touches tiktok 25", "other_currency meta 7"], report.GetProperty("unplacedSpend").EnumerateArray()
                .Select(u => $"{u.GetProperty("reason").GetString()} {u.GetProperty("platform").GetString()} {u.GetProperty("spend").GetDecimal():0}").Order());
            Assert.Equal(175m, report.GetProperty("totals").GetProperty("spend").GetDecimal());
        }
        // Facebook and Instagram are paid in one account
        await site.TouchAsync("c", End.AddDays(-1), "instagram");
        await site.MatchAsync(await site.ConversionAsync(End, 10), 1, "matched", await site.TouchAsync("d", End.AddDays(-1), "instagram"));
        var divided = await site.GetAsync(Period);
        Assert.Equal(100m, divided.GetProperty("rows").EnumerateArray().Where(r => r.GetProperty("key").GetString() is "facebook" or "instagram").Sum(r => r.GetProperty("spend").GetDecimal()));
        Assert.Contains(divided.GetProperty("notes").EnumerateArray(), n => n.GetProperty("code").GetString() == "spend_divided");
    }

    [Fact]
    public async Task OtherCurrencies_CountAndStandApart()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 10, (TimeSpan.FromDays(1), "facebook"));
        var foreign = await site.JourneyAsync(End, 1000, (TimeSpan.FromDays(1), "facebook"));
        await site.RunAsync("UPDATE conversions SET currency = 'USD' WHERE id = $1", foreign);
        var test = await site.JourneyAsync(End, 5, (TimeSpan.FromDays(1), "facebook"));
        await site.RunAsync("UPDATE conversions SET is_test = true WHERE id = $1", test);
        var report = await site.GetAsync(Period);
        Assert.Equal((2.0, 10.0), ReportSite.Rows(report)["facebook"]);
        Assert.Equal(("USD", 1000m), (report.GetProperty("otherCurrencies")[0].GetProperty("currency").GetString(), report.GetProperty("otherCurrencies")[0].GetProperty("revenue").GetDecimal()));
    }

    [Fact]
    public async Task Conversions_BehindANumber_AddUpToIt()
    {
        var site = await ReportSite.CreateAsync(app);
        for (var i = 0; i < 5; i++)
            await site.JourneyAsync(End.AddMinutes(i), 10, (TimeSpan.FromDays(2), "facebook"), (TimeSpan.FromDays(1), "email"));
        await site.JourneyAsync(End, 10, (TimeSpan.FromDays(2), "email"));
        await site.JourneyAsync(End, 7);
        foreach (var model in Models)
        {
            var credit = ReportSite.Rows(await site.GetAsync($"{Period}&model={model}"))["facebook"].Conversions;
            var (rows, cursor) = (new List<JsonElement>(), "");
            do
            {
                var page = await site.GetAsync($"{Period}&model={model}&key=facebook&limit=2{cursor}", "/conversions");
                rows.AddRange(page.GetProperty("items").EnumerateArray());
                cursor = page.GetProperty("nextCursor").GetString() is { } next ? $"&cursor={next}" : "";
            } while (cursor.Length > 0 && rows.Count < 100);
            Assert.Equal(rows.Count, rows.Select(r => r.GetProperty("id").GetGuid()).Distinct().Count());
            if (model is "markov" or "shapley_rate") // credit is given to the channel as a whole
                Assert.All(rows, r => Assert.Equal(JsonValueKind.Null, r.GetProperty("share").ValueKind));
            else
                Assert.Equal(credit, rows.Sum(r => r.GetProperty("share").GetDouble()), 9);
        }
        var without = (await site.GetAsync($"{Period}&unattributed=true", "/conversions")).GetProperty("items");
        Assert.Equal(7m, Assert.Single(without.EnumerateArray()).GetProperty("value").GetDecimal());
        Assert.Equal(7, (await site.GetAsync(Period, "/conversions")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task LagAndFunnel_TellHowLongAndHowFar()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 10, (TimeSpan.FromDays(8), "facebook"), (TimeSpan.FromHours(2), "direct"));
        var booking = await site.JourneyAsync(End, 10, (TimeSpan.FromHours(3), "email"));
        await site.RunAsync("UPDATE conversions SET kind = 'booking', status = 'confirmed' WHERE id = $1", booking);
        await site.TouchAsync("looker", End, "tiktok");
        await site.TouchAsync("typed", End, "direct");
        await site.TouchAsync("asked", End, "tiktok");
        await site.TouchAsync("asked", End, null, kind: "lead");
        await site.JourneyAsync(End, 5);
        var lag = await site.GetAsync(Period, "/time-lag");
        Assert.Equal([(0, 1, 2), (7, 1, 0)], lag.GetProperty("items").EnumerateArray().Where(i => i.GetProperty("sinceFirst").GetInt32() + i.GetProperty("sinceLast").GetInt32() > 0)
            .Select(i => (i.GetProperty("fromDay").GetInt32(), i.GetProperty("sinceFirst").GetInt32(), i.GetProperty("sinceLast").GetInt32())));
        var funnel = await site.GetAsync(Period, "/funnel");
        Assert.Equal([("visitors", 5), ("touched", 4), ("lead", 3), ("booked", 2), ("completed", 1)],
            funnel.GetProperty("steps").EnumerateArray().Select(s => (s.GetProperty("step").GetString()!, s.GetProperty("people").GetInt32())));
        Assert.Equal(1, funnel.GetProperty("unattributed").GetInt32());
    }

    [Fact]
    public async Task Location_AndLanding_TellTouchesApart()
    {
        var site = await ReportSite.CreateAsync(app);
        var conversion = await site.ConversionAsync(End, 10);
        await site.MatchAsync(conversion, 1, "matched", await site.TouchAsync("a", End.AddDays(-2), "facebook", landing: "/offer", location: "north"), await site.TouchAsync("a", End.AddDays(-1), "direct", landing: "/book"));
        Assert.Equal(("/book", 1.0), Top(await site.GetAsync($"{Period}&by=landing")));
        Assert.Equal(("/offer", 1.0), Top(await site.GetAsync($"{Period}&by=landing&model=last_non_direct")));
        Assert.Equal(("north", 1.0), Top(await site.GetAsync($"{Period}&by=location")));
        await site.RunAsync("UPDATE conversions SET location = 'south' WHERE id = $1", conversion);
        Assert.Equal(("south", 1.0), Top(await site.GetAsync($"{Period}&by=location")));

        static (string, double) Top(JsonElement report) => (report.GetProperty("rows")[0].GetProperty("key").GetString()!, report.GetProperty("rows")[0].GetProperty("conversions").GetDouble());
    }

    [Theory]
    [InlineData("model=best", "unknown_model")]
    [InlineData("by=planet", "unknown_by")]
    [InlineData("model=markov&order=4", "invalid_order")]
    [InlineData("windowDays=0", "invalid_window")]
    [InlineData("windowDays=366", "invalid_window")]
    [InlineData("from=yesterday", "invalid_period")]
    [InlineData("from=2026-09-02&to=2026-09-01", "invalid_period")]
    [InlineData("from=2020-01-01&to=2026-01-01", "invalid_period")]
    public async Task BadWords_AreNamed(string query, string code)
    {
        var site = await ReportSite.CreateAsync(app);
        Assert.Equal(code, (await AppFixture.ProblemOf(await site.Client.GetAsync($"/api/websites/{site.Site.Id}/attribution?{query}"), 422)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Period_IsTheWebsitesDays_OrMoments()
    {
        var site = await ReportSite.CreateAsync(app, timeZone: "America/New_York");
        await site.ConversionAsync(new DateTimeOffset(2026, 9, 10, 3, 59, 0, TimeSpan.Zero), 1); // the 9th in New York
        await site.ConversionAsync(new DateTimeOffset(2026, 9, 10, 4, 0, 0, TimeSpan.Zero), 2);
        Assert.Equal(2m, (await site.GetAsync("from=2026-09-10&to=2026-09-10")).GetProperty("totals").GetProperty("revenue").GetDecimal());
        Assert.Equal(1m, (await site.GetAsync("from=2026-09-10T00:00:00Z&to=2026-09-10T04:00:00Z")).GetProperty("totals").GetProperty("revenue").GetDecimal());
        Assert.Equal(0m, (await site.GetAsync("")).GetProperty("totals").GetProperty("revenue").GetDecimal()); // the last 30 days
    }

    [Fact]
    public async Task AnswerNone_EarnsNothing_WhereSomebodyCouldHaveBeenNamed()
    {
        var site = await ReportSite.CreateAsync(app);
        await NoneAsync(.6, (3, "facebook"), (1, "direct"));
        await NoneAsync(.8, (1, "direct"));
        await NoneAsync(.7, (40, "email"));
        var report = await site.GetAsync($"{Period}&model=last_touch&windowDays=60");
        Assert.Equal([("direct", (1.0, 10.0)), ("email", (1.0, 10.0))], ReportSite.Rows(report).Where(r => r.Value.Conversions > 0).OrderBy(r => r.Key).Select(r => (r.Key, r.Value)));
        Assert.Equal(1, report.GetProperty("unattributed").GetProperty("conversions").GetInt64());
        // not how sure it is that there is none
        Assert.Equal([.7, .8], report.GetProperty("rows").EnumerateArray().Where(r => r.GetProperty("conversions").GetDouble() > 0).Select(r => Math.Round(r.GetProperty("confidence").GetDouble(), 6)).Order());

        async Task NoneAsync(double confidence, params (int Days, string Channel)[] touches)
        {
            var (conversion, ids) = (await site.ConversionAsync(End, 10), new List<Guid>());
            foreach (var (days, channel) in touches)
                ids.Add(await site.TouchAsync($"v{conversion}", End.AddDays(-days), channel));
            await site.MatchAsync(conversion, confidence, "unmatched", [.. ids]);
            await site.RunAsync("UPDATE matches SET touchpoint_id = NULL, confidence = .93 WHERE conversion_id = $1", conversion);
        }
    }

    [Fact]
    public async Task LinkWindowBeyondMatching_IsNoted()
    {
        var site = await ReportSite.CreateAsync(app);
        await site.JourneyAsync(End, 10, (TimeSpan.FromDays(1), "facebook"));
        Assert.DoesNotContain(await NotesAsync(), n => n == "window_beyond_matching");
        await site.LinkAsync("year", 365);
        Assert.Contains(await NotesAsync(), n => n == "window_beyond_matching");

        async Task<List<string>> NotesAsync() => [.. (await site.GetAsync(Period)).GetProperty("notes").EnumerateArray().Select(n => n.GetProperty("code").GetString()!)];
    }

    [Fact]
    public async Task AnotherTenantsWebsite_IsNotFound()
    {
        var (site, other) = (await ReportSite.CreateAsync(app), await ReportSite.CreateAsync(app));
        foreach (var part in (string[])["", "/compare", "/paths", "/time-lag", "/funnel", "/conversions"])
            Assert.Equal(HttpStatusCode.NotFound, (await other.Client.GetAsync($"/api/websites/{site.Site.Id}/attribution{part}")).StatusCode);
    }

    [Fact]
    public async Task Nothing_IsAnEmptyReport()
    {
        var site = await ReportSite.CreateAsync(app);
        foreach (var model in Models)
            Assert.Equal(0, (await site.GetAsync($"model={model}")).GetProperty("rows").GetArrayLength());
        Assert.Equal(0, (await site.GetAsync("", "/compare")).GetProperty("totals").GetProperty("conversions").GetInt32());
    }
}
