using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Spend;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Spend;

/// <summary>Spend over HTTP from strict servers in the platforms' places to the stored rows.</summary>
public sealed class SpendImportTests(AppWithAds app) : IClassFixture<AppWithAds>
{
    private static int _ids = 5_000_000;

    private SpendImporter Importer => app.Services.GetRequiredService<SpendImporter>();

    private DateOnly Yesterday => SpendImporter.Today(app.Clock.GetUtcNow()).Days.To;

    [Theory]
    [InlineData("meta", "ad_account_id")]
    [InlineData("google_ads", "customer_id")]
    [InlineData("tiktok", "advertiser_id")]
    [InlineData("pinterest", "ad_account_id")]
    public async Task Import_OfEachPlatform_StoresEveryAdOfEachDayOnce(string platform, string setting)
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", platform == "pinterest" ? "UTC" : "Europe/Berlin",
        [
            Ad(Yesterday.AddDays(-1), "11", "Autumn", "21", "31", 1000, 20, 12.34m), Ad(Yesterday, "11", "Autumn", "21", "31", 1100, 22, 13.5m),
            Ad(Yesterday, "11", "Autumn", "21", "32", 10, 0, 0.05m), Ad(Yesterday, "12", "Winter", "22", "33", 500, 9, 7m), Ad(Yesterday, "12", "Winter", "22", "34", 0, 0, 0m),
            Ad(Yesterday.AddDays(-30), "11", "Autumn", "21", "31", 1, 1, 99m),
        ]));
        await ConnectAsync(client, site, platform, setting, account);
        await Importer.RunDueAsync(default);
        await Importer.RunDueAsync(default); // once a day, however often the job runs

        Assert.Equal($"4|32.89|2610|51|EUR|{(platform == "pinterest" ? "UTC" : "Europe/Berlin")}", await SumAsync(site));
        Assert.Equal("Winter/Group 22/Ad 33", await app.ValueAsync<string>($"SELECT campaign_name || '/' || group_name || '/' || ad_name FROM ad_spend WHERE website_id = '{site.Id}' AND ad_id = '33'"));
        var import = Assert.Single(await ImportsAsync(client, site));
        Assert.Equal(("daily", "done", 7, 7, 4), (Text(import, "kind"), Text(import, "status"), Int(import, "daysDone"), Int(import, "days"), Int(import, "rows")));
        Assert.All(app.Ads.Asked.Where(a => a.Url.Contains(account, StringComparison.Ordinal)), a => Assert.Equal(200, a.Status));
    }

    [Fact]
    public async Task Import_OfRestatedDays_ReplacesThemAndLeavesOlderOnes()
    {
        var (client, site) = await SiteAsync();
        var first = Yesterday;
        var account = NewAccount(new("USD", "America/New_York", [Ad(first, "1", "A", "2", "3", 10, 1, 5m), Ad(first.AddDays(-6), "1", "A", "2", "4", 10, 1, 2m)]));
        await ConnectAsync(client, site, "meta", "ad_account_id", account);
        await Importer.RunDueAsync(default);
        Assert.StartsWith("2|7|", await SumAsync(site), StringComparison.Ordinal);

        app.Ads.Accounts[account] = new("USD", "America/New_York", [Ad(first, "1", "A new name", "2", "3", 12, 2, 5.5m), Ad(first, "1", "A new name", "2", "5", 1, 1, 1m)]);
        app.Clock.Advance(TimeSpan.FromDays(2));
        await Importer.RunDueAsync(default);
        // the older day is out of the seven and stays; the restated one is new as a whole
        Assert.Equal("3|8.5|23|4|USD|America/New_York", await SumAsync(site));
    }

    [Fact]
    public async Task Import_ByManyNodesAtOnce_AsksOnce()
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", [Ad(Yesterday, "1", "A", "2", "3", 10, 1, 5m)]));
        await ConnectAsync(client, site, "meta", "ad_account_id", account);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Importer.RunDueAsync(default)));
        Assert.Equal(2, app.Ads.AskedAbout(account)); // account and one page
        Assert.StartsWith("1|5|", await SumAsync(site), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_OfADeadNode_IsTakenOverWhereItStood()
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", [Ad(Yesterday, "1", "A", "2", "3", 10, 1, 5m)]));
        await ConnectAsync(client, site, "meta", "ad_account_id", account);
        app.Ads.Says[account] = (500, "{}", null);
        await Importer.RunDueAsync(default);
        // as its process left it: running, its lease not over
        await app.RunAsync($"UPDATE spend_imports SET status = 'running', not_before = '{app.Clock.GetUtcNow().AddMinutes(3):O}' WHERE website_id = '{site.Id}'");
        app.Ads.Says.TryRemove(account, out _);
        await Importer.RunDueAsync(default);
        Assert.Equal("running", Text(Assert.Single(await ImportsAsync(client, site)), "status"));
        app.Clock.Advance(TimeSpan.FromMinutes(4));
        await Importer.RunDueAsync(default);
        Assert.Equal("done", Text(Assert.Single(await ImportsAsync(client, site)), "status"));
    }

    [Theory]
    [InlineData("meta", "ad_account_id", "190", "ads_read")]
    [InlineData("google_ads", "customer_id", "OAUTH_TOKEN_INVALID", "developer token")]
    [InlineData("tiktok", "advertiser_id", "40105", "Events API token cannot")]
    [InlineData("pinterest", "ad_account_id", "Authentication failed", "ads:read")]
    public async Task Import_ExpiredToken_FailsOnceWithWhatToDo(string platform, string setting, string word, string advice)
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", []));
        await ConnectAsync(client, site, platform, setting, account, token: "expired");
        await Importer.RunDueAsync(default);
        await Importer.RunDueAsync(default);
        var import = Assert.Single(await ImportsAsync(client, site));
        Assert.Equal(("failed", "credential"), (Text(import, "status"), Text(import, "failure")));
        Assert.Contains(word, Text(import, "reason"), StringComparison.Ordinal);
        Assert.Contains(advice, Text(import, "reason"), StringComparison.Ordinal);
        Assert.DoesNotContain("expired-secret", Text(import, "reason"), StringComparison.Ordinal);
        var origin = Assert.Single((await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend/connections"))).GetProperty("items").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, origin.GetProperty("lastSuccessAt").ValueKind);
    }

    [Theory]
    [InlineData("meta", "ad_account_id", 400, """{"error":{"code":17,"message":"User request limit reached"}}""")]
    [InlineData("google_ads", "customer_id", 429, """[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Resource has been exhausted"}}]""")]
    [InlineData("tiktok", "advertiser_id", 200, """{"code":40100,"message":"Too many requests"}""")]
    [InlineData("pinterest", "ad_account_id", 429, """{"code":8,"message":"You have exceeded your rate limit."}""")]
    public async Task Import_RateLimited_WaitsAndGoesOn(string platform, string setting, int status, string body)
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", [Ad(Yesterday, "1", "A", "2", "3", 10, 1, 5m)]));
        await ConnectAsync(client, site, platform, setting, account);
        app.Ads.Says[account] = (status, body, 2 * 3600);
        await Importer.RunDueAsync(default);
        var waiting = Assert.Single(await ImportsAsync(client, site));
        Assert.Equal(("queued", "rate_limited"), (Text(waiting, "status"), Text(waiting, "failure")));
        Assert.InRange((waiting.GetProperty("nextAt").GetDateTimeOffset() - app.Clock.GetUtcNow()).TotalHours, 1.9, 2.01);
        app.Ads.Says.TryRemove(account, out _);
        await Importer.RunDueAsync(default);
        Assert.Equal(1, app.Ads.AskedAbout(account));
        app.Clock.Advance(TimeSpan.FromHours(2.1));
        await Importer.RunDueAsync(default);
        Assert.StartsWith("1|5|", await SumAsync(site), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, (await ImportsAsync(client, site)).Single(i => i.GetProperty("id").GetGuid() == waiting.GetProperty("id").GetGuid()).GetProperty("reason").ValueKind);
    }

    [Theory]
    [InlineData("<html>Bad gateway</html>")]
    [InlineData("""{"currency":"EUR","data":[{"date_start":"yesterday","spend":"1"}]}""")]
    [InlineData("""{"currency":"EUR","data":[{"date_start":"2026-01-01","spend":"many"}]}""")]
    public async Task Import_AnswerNobodyUnderstands_TakesNothingAndTriesAgain(string body)
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", []));
        await ConnectAsync(client, site, "meta", "ad_account_id", account);
        app.Ads.Says[account] = (200, body, null);
        await Importer.RunDueAsync(default);
        Assert.Equal(("queued", "transient"), await StateAsync());
        for (var i = 0; i < 10; i++)
        {
            app.Clock.Advance(TimeSpan.FromHours(13));
            await Importer.RunDueAsync(default);
        }
        Assert.Equal("failed", (await ImportsAsync(client, site)).Select(i => Text(i, "status")).Last()); // eight tries, then it is over

        async Task<(string?, string?)> StateAsync() => (await ImportsAsync(client, site)) is [var only] ? (Text(only, "status"), Text(only, "failure")) : default;
    }

    [Fact]
    public async Task Backfill_ByHand_ImportsTheDaysWithProgressAndOnlyOneAtATime()
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", [Ad(Yesterday.AddDays(-25), "1", "A", "2", "3", 10, 1, 5m), Ad(Yesterday, "1", "A", "2", "3", 10, 1, 6m)]));
        var connection = await ConnectAsync(client, site, "meta", "ad_account_id", account, enabled: false); // by hand also where nothing is sent
        var url = $"/api/websites/{site.Id}/spend/connections/{connection}/import";
        await AppFixture.ProblemOf(await client.PostAsJsonAsync(url, new { days = 366 }), 422);
        var made = await AppFixture.JsonOf(await client.PostAsJsonAsync(url, new { days = 30 }));
        Assert.Equal(("backfill", "queued", 0, 30), (Text(made, "kind"), Text(made, "status"), Int(made, "daysDone"), Int(made, "days")));
        Assert.Equal("import_running", (await AppFixture.ProblemOf(await client.PostAsJsonAsync(url, new { days = 3 }), 409)).GetProperty("code").GetString());
        await Importer.RunDueAsync(default);
        var done = Assert.Single(await ImportsAsync(client, site));
        Assert.Equal(("done", 30, 2), (Text(done, "status"), Int(done, "daysDone"), Int(done, "rows")));
        Assert.StartsWith("2|11|", await SumAsync(site), StringComparison.Ordinal);
        await AppFixture.JsonOf(await client.PostAsJsonAsync(url, new { days = 3 }));
    }

    [Fact]
    public async Task Backfill_WithoutAdAccount_SaysWhatToDo()
    {
        var (client, site) = await SiteAsync();
        var connection = (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "1" }, credentials = new { access_token = StrictAds.Token } }))).GetProperty("id").GetGuid();
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/spend/connections/{connection}/import", new { days = 3 }), 422);
        Assert.Equal("no_ad_account", problem.GetProperty("code").GetString());
        await Importer.RunDueAsync(default);
        Assert.Empty(await ImportsAsync(client, site));
    }

    [Fact]
    public async Task Google_CampaignWithoutAds_CountsAsARowOfTheCampaign()
    {
        var (client, site) = await SiteAsync();
        var account = NewAccount(new("EUR", "UTC", [Ad(Yesterday, "1", "Search", "2", "3", 100, 10, 5m), new AdDay(Yesterday, "9", "Performance Max", "", "", "", "", 50, 5, 20m)]));
        await ConnectAsync(client, site, "google_ads", "customer_id", account);
        await Importer.RunDueAsync(default);
        Assert.StartsWith("2|25|150|15|", await SumAsync(site), StringComparison.Ordinal);
        Assert.Equal("", await app.ValueAsync<string>($"SELECT ad_id FROM ad_spend WHERE website_id = '{site.Id}' AND campaign_id = '9'"));
    }

    [Fact]
    public async Task Website_Deleted_TakesItsSpendAlong()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(site.SecretKey);
        var id = NewAccount(new("EUR", "UTC", [Ad(Yesterday, "1", "A", "2", "3", 10, 1, 5m)]));
        await ConnectAsync(client, site, "meta", "ad_account_id", id);
        await Importer.RunDueAsync(default);
        await app.RunAsync($"DELETE FROM websites WHERE id = '{site.Id}'");
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT (SELECT count(*) FROM ad_spend WHERE website_id = '{site.Id}') + (SELECT count(*) FROM spend_imports WHERE website_id = '{site.Id}')"));
    }

    private static AdDay Ad(DateOnly day, string campaign, string name, string group, string ad, long impressions, long clicks, decimal spend) =>
        new(day, campaign, name, group, $"Group {group}", ad, $"Ad {ad}", impressions, clicks, spend);

    private string NewAccount(AdAccount account)
    {
        var id = Interlocked.Increment(ref _ids).ToString(System.Globalization.CultureInfo.InvariantCulture);
        app.Ads.Accounts[id] = account;
        return id;
    }

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();

    private static int Int(JsonElement from, string name) => from.GetProperty(name).GetInt32();

    private async Task<(HttpClient Client, NewSite Site)> SiteAsync()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        return (app.ClientFor(site.SecretKey), site); // a key, because sign-in ends when the clock is put forward
    }

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, string setting, string account, string token = StrictAds.Token, bool enabled = true)
    {
        var settings = new Dictionary<string, object> { [setting] = account };
        var credentials = new Dictionary<string, string> { ["access_token"] = token };
        switch (platform)
        {
            case "meta": settings["dataset_id"] = "1"; break;
            case "tiktok": settings["pixel_code"] = "C0PIXEL"; break;
            case "google_ads": settings["conversion_actions"] = new { purchase = "1" }; credentials["developer_token"] = StrictAds.DeveloperToken; break;
        }
        return (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new { platform, settings, credentials, enabled }))).GetProperty("id").GetGuid();
    }

    private static async Task<List<JsonElement>> ImportsAsync(HttpClient client, NewSite site) =>
        [.. (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/spend/imports"))).GetProperty("items").EnumerateArray()];

    private Task<string> SumAsync(NewSite site) => app.ValueAsync<string>($"""
        SELECT concat_ws('|', count(*), trim_scale(sum(spend)), sum(impressions), sum(clicks), min(currency), min(time_zone)) FROM ad_spend WHERE website_id = '{site.Id}'
        """);
}
