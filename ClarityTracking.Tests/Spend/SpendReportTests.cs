using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Spend;

/// <summary>Files and reports over HTTP.</summary>
public sealed class SpendReportTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly string Today = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Yesterday = DateTime.UtcNow.AddDays(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Csv_DryRunThenStoredThenStoredAgain_CountsOnce()
    {
        var (client, site) = await SiteAsync();
        var file = $"date,source,campaign,clicks,impressions,spend,currency\n{Yesterday},linkedin,Autumn,10,1000,100.50,EUR\n{Today},linkedin,Autumn,5,400,49.50,EUR\n{Today},podcast,Spot,,,20,USD\n";
        var tried = await AppFixture.JsonOf(await PostAsync(client, site, file, "?dryRun=true"));
        Assert.Equal((3, 0L, 2), (tried.GetProperty("rows").GetInt32(), tried.GetProperty("replaces").GetInt64(), tried.GetProperty("sums").GetArrayLength()));
        Assert.Equal(0L, await CountAsync(site));
        await AppFixture.JsonOf(await PostAsync(client, site, file));
        var again = await AppFixture.JsonOf(await PostAsync(client, site, file));
        Assert.Equal(3L, again.GetProperty("replaces").GetInt64());
        Assert.Equal(3L, await CountAsync(site));
        // less of a day replaces all of that day's source, and nothing else
        await AppFixture.JsonOf(await PostAsync(client, site, $"date,source,campaign,spend,currency\n{Today},linkedin,Other,1,EUR\n"));
        Assert.Equal("Autumn 100.5,Other 1,Spot 20", await app.ValueAsync<string>(
            $"SELECT string_agg(campaign_name || ' ' || trim_scale(spend), ',' ORDER BY campaign_name) FROM ad_spend WHERE website_id = '{site.Id}'"));

        var report = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend?by=platform"));
        Assert.Equal([("linkedin", "EUR", 101.5m), ("podcast", "USD", 20m)],
            report.GetProperty("items").EnumerateArray().Select(i => (Text(i, "platform"), Text(i, "currency"), i.GetProperty("spend").GetDecimal())));
        Assert.Equal(10.15m, report.GetProperty("items")[0].GetProperty("cpc").GetDecimal());
        Assert.Equal(2, report.GetProperty("totals").GetArrayLength()); // currencies stay apart
    }

    [Fact]
    public async Task Csv_SameFileManyTimesAtOnce_CountsOnce()
    {
        var (client, site) = await SiteAsync();
        var file = $"date,source,campaign,spend\n{Today},x,a,1\n{Today},x,b,2\n";
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PostAsync(client, site, file)));
        Assert.All(answers, a => Assert.True(a.IsSuccessStatusCode));
        Assert.Equal(2L, await CountAsync(site));
    }

    [Fact]
    public async Task Csv_WithAWrongLine_StoresNothingAndNamesIt()
    {
        var (client, site) = await SiteAsync();
        var file = $"date,source,spend\n{Today},x,1\n{Today},y,\"1,234\"\n";
        var problem = await AppFixture.ProblemOf(await PostAsync(client, site, file), 422);
        Assert.Equal("csv_invalid", Text(problem, "code"));
        Assert.Contains("line 3", problem.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(0L, await CountAsync(site));
        var tried = await AppFixture.JsonOf(await PostAsync(client, site, file, "?dryRun=true"));
        Assert.Equal(3, tried.GetProperty("errors")[0].GetProperty("line").GetInt32());
    }

    [Fact]
    public async Task Csv_TooLargeOrOfAnotherType_IsRefused()
    {
        var (client, site) = await SiteAsync();
        Assert.Equal("file_too_large", Text(await AppFixture.ProblemOf(await PostAsync(client, site, new string('x', (5 * 1024 * 1024) + 1)), 413), "code"));
        Assert.Equal("not_csv", Text(await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/spend/csv", new { }), 415), "code"));
        var example = await client.GetAsync($"/api/websites/{site.Id}/spend/csv/example");
        Assert.Equal("text/csv", example.Content.Headers.ContentType!.MediaType);
        await AppFixture.JsonOf(await PostAsync(client, site, await example.Content.ReadAsStringAsync(), "?dryRun=true"));
    }

    [Fact]
    public async Task Csv_OfDaysThatAConnectionTells_IsRefused()
    {
        var (client, site) = await SiteAsync();
        await SpendAsync(site, "meta", "77", "1", "Autumn", 5m);
        var problem = await AppFixture.ProblemOf(await PostAsync(client, site, $"date,source,spend\n{Today},facebook,1\n"), 422);
        Assert.Contains("count twice", problem.GetRawText(), StringComparison.Ordinal);
        await AppFixture.JsonOf(await PostAsync(client, site, $"date,source,spend,account\n{Today},facebook,1,another\n"));
    }

    [Fact]
    public async Task Report_ByCampaign_JoinsConversionsByTheirOwnWordsAndClicks()
    {
        var (client, site) = await SiteAsync();
        await SpendAsync(site, "meta", "77", "11", "Autumn", 50m);
        await SpendAsync(site, "google_ads", "88", "22", "Winter", 20m);
        await SpendAsync(site, "meta", "77", "13", "Idle", 5m);
        await ConversionAsync(site, "paid", 200m, "EUR", """{"utm_source":"facebook","utm_campaign":"autumn"}""");
        await ConversionAsync(site, "confirmed", 40m, "EUR", """{"utm_source":"ig","utm_campaign":"11"}""", refunded: 10m);
        await ConversionAsync(site, "cancelled", 999m, "EUR", """{"utm_source":"facebook","utm_campaign":"autumn"}""");
        await ConversionAsync(site, "paid", 30m, "EUR", """{"gclid":"x"}""");                                      // the platform only
        await ConversionAsync(site, "paid", 7m, "EUR", null);                                                    // nothing
        await ConversionAsync(site, "paid", 8m, "USD", """{"utm_source":"facebook","utm_campaign":"autumn"}"""); // other money
        // its visitor came by an ad before, and came back without
        await VisitAsync(site, "v1", """{"source":"google","campaign":"Winter"}""", days: 3);
        await VisitAsync(site, "v2", """{"source":"google","campaign":"Winter"}""", days: 29);
        await ConversionAsync(site, "paid", 60m, "EUR", null, visitor: "v1");
        // what only the page tells is a conversion too; one that gave way to a source's stays in the log and counts no more
        await ConversionAsync(site, "paid", 15m, "EUR", """{"utm_source":"google","utm_campaign":"Winter"}""", sender: "o-1", source: "event");
        await VisitAsync(site, "v3", """{"source":"google","campaign":"Winter"}""", name: "purchase", value: 15m);
        await ConversionAsync(site, "paid", 15m, "EUR", """{"utm_source":"google","utm_campaign":"Winter"}""", sender: "dup");

        var report = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend?by=campaign"));
        Assert.Equal([("Autumn", 2L, 230m, 4.6m), ("Winter", 3L, 90m, 4.5m), ("Idle", 0L, 0m, 0m)], report.GetProperty("items").EnumerateArray().Select(i =>
            (Text(i, "campaignName"), i.GetProperty("conversions").GetInt64(), i.GetProperty("revenue").GetDecimal(), i.GetProperty("roas").GetDecimal())));
        Assert.Equal([("campaign_unknown", 30m), ("no_campaign", 7m), ("other_currency", 8m)],
            report.GetProperty("unmatched").EnumerateArray().Select(u => (Text(u, "reason"), u.GetProperty("revenue").GetDecimal())).Order());
        Assert.Contains("last touch", Text(report, "note"), StringComparison.Ordinal);

        var byPlatform = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend?by=platform"));
        Assert.Equal([("meta", 230m), ("google_ads", 120m)], byPlatform.GetProperty("items").EnumerateArray().Select(i => (Text(i, "key"), i.GetProperty("revenue").GetDecimal())));
        var byDay = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend?by=day&from={Yesterday}&to={Today}"));
        Assert.Equal((350m, 75m), (byDay.GetProperty("items").EnumerateArray().Sum(i => i.GetProperty("revenue").GetDecimal()), byDay.GetProperty("items").EnumerateArray().Sum(i => i.GetProperty("spend").GetDecimal())));
    }

    [Theory]
    [InlineData("?by=weather")]
    [InlineData("?from=2026-11-20&to=2026-11-01")]
    [InlineData("?from=2020-01-01&to=2026-11-01")]
    public async Task Report_OfNonsense_IsRefused(string query)
    {
        var (client, site) = await SiteAsync();
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/spend{query}"), 422);
    }

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, NewSite site, string csv, string query = "") =>
        client.PostAsync($"/api/websites/{site.Id}/spend/csv{query}", new StringContent(csv, Encoding.UTF8, "text/csv"));

    private async Task<(HttpClient Client, NewSite Site)> SiteAsync()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        return (app.ClientFor(site.SecretKey), site);
    }

    private Task<long> CountAsync(NewSite site) => app.ValueAsync<long>($"SELECT count(*) FROM ad_spend WHERE website_id = '{site.Id}'");

    private Task SpendAsync(NewSite site, string platform, string account, string id, string name, decimal spend) => app.RunAsync(string.Create(CultureInfo.InvariantCulture, $"""
        INSERT INTO ad_spend (workspace_id, website_id, day, platform, origin, account_id, time_zone, campaign_id, campaign_name, impressions, clicks, spend, currency, imported_at)
        VALUES ('{site.WorkspaceId}', '{site.Id}', '{Today}', '{platform}', 'api', '{account}', 'UTC', '{id}', '{name}', 100, 10, {spend}, 'EUR', now())
        """));

    private Task ConversionAsync(NewSite site, string status, decimal value, string currency, string? attribution, decimal refunded = 0, string? visitor = null, string? sender = null, string source = "generic") =>
        app.RunAsync(string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, occurred_at, value, currency, refunded, visitor_id, attribution, told_at, updated_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{Guid.CreateVersion7()}', '{source}', 'order', '{sender ?? Guid.NewGuid().ToString()}', '{status}', now(), {value}, '{currency}', {refunded},
                    {(visitor is null ? "NULL" : $"'{visitor}'")}, {(attribution is null ? "NULL" : $"'{attribution}'")}, now(), now())
            """));

    private Task VisitAsync(NewSite site, string visitor, string utm, int days = 0, string name = "page_view", decimal? value = null)
    {
        var at = DateTimeOffset.UtcNow.AddDays(-days);
        return app.RunAsync(string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, visitor_id, value, currency, utm, properties)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{Guid.CreateVersion7(at)}', '{Guid.NewGuid()}', '{name}', 'browser', false, '{at:O}', '{at:O}', '{visitor}',
                    {(value is { } v ? v.ToString(CultureInfo.InvariantCulture) : "NULL")}, 'EUR', '{utm}', '{"{}"}')
            """));
    }
}
