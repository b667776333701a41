using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Health;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Health;

/// <summary>Platforms' own scores over HTTP, from strict servers in their places to the stored history.</summary>
public sealed class PlatformScoreTests(AppWithScores app) : IClassFixture<AppWithScores>
{
    private const string PinterestAnswer = """
        [{"overall_status":"FAIR","source_platform":"WEB","ingestion_source":"CONVERSIONS_API","lookback_period":"14d",
          "quality_components":{"hashed_email":{"CHECKOUT":{"coverage":92.5}},"external_event_id":{"CHECKOUT":{"coverage":100,"overlap":88}}}}]
        """;

    private static int _ids = 1000;

    private PlatformScoreFetcher Fetcher => app.Services.GetRequiredService<PlatformScoreFetcher>();

    [Fact]
    public async Task Job_EachDay_StoresHistoryOfBothPlatforms()
    {
        var (client, site) = await SiteAsync();
        var (dataset, account) = (NewId(), NewId());
        app.Scores.Datasets[dataset] = MetaAnswer(6.2m);
        app.Scores.Accounts[account] = PinterestAnswer;
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        var pinterest = await ConnectAsync(client, site, "pinterest", new { ad_account_id = account });
        var off = NewId();
        await ConnectAsync(client, site, "meta", new { dataset_id = off }, enabled: false);

        await Fetcher.FetchDueAsync(default);
        await Fetcher.FetchDueAsync(default); // once a day, however often the job runs
        app.Clock.Advance(TimeSpan.FromDays(1.3));
        app.Scores.Datasets[dataset] = MetaAnswer(6.8m);
        await Fetcher.FetchDueAsync(default);

        Assert.Equal((2, 2, 0), (app.Scores.AskedAbout(dataset), app.Scores.AskedAbout(account), app.Scores.AskedAbout(off)));
        var history = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{meta}/scores"));
        Assert.Equal([("Purchase", 6.8m, "scored"), ("Purchase", 6.2m, "scored")],
            history.GetProperty("items").EnumerateArray().Select(i => (Text(i, "eventName"), i.GetProperty("score").GetDecimal(), Text(i, "verdict"))));
        Assert.Equal(("told", JsonValueKind.Null), (Text(history.GetProperty("fetch"), "outcome"), history.GetProperty("fetch").GetProperty("reason").ValueKind));
        Assert.Contains("48 hours", Text(history, "lag"), StringComparison.Ordinal);
        var detail = history.GetProperty("items")[0].GetProperty("detail");
        Assert.Equal(("em", 1m), (Text(detail.GetProperty("keys")[0], "key"), detail.GetProperty("keys")[0].GetProperty("share").GetDecimal()));

        var words = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{pinterest}/scores"));
        Assert.Equal([("", "fair"), ("checkout", "coverage_only"), ("", "fair"), ("checkout", "coverage_only")],
            words.GetProperty("items").EnumerateArray().Select(i => (Text(i, "eventName"), Text(i, "verdict"))));
    }

    [Fact]
    public async Task Fetch_SecondTimeOnADay_TakesTheFirstOnesPlace()
    {
        var (client, site) = await SiteAsync();
        var dataset = NewId();
        app.Scores.Datasets[dataset] = """{"web":[{"event_name":"Lead","event_match_quality":{"composite_score":3}},{"event_name":"Purchase","event_match_quality":{"composite_score":5}}]}""";
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        Assert.Equal("told", Text(await FetchAsync(client, site, meta), "outcome"));
        // at once again: not before a minute has passed
        Assert.Equal("asked_just_now", (await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{site.Id}/connections/{meta}/scores", null), 409)).GetProperty("code").GetString());
        app.Clock.Advance(TimeSpan.FromMinutes(2));
        app.Scores.Datasets[dataset] = MetaAnswer(6m);
        await FetchAsync(client, site, meta);
        if (await app.ValueAsync<long>($"SELECT count(DISTINCT day) FROM platform_scores WHERE connection_id = '{meta}'") == 1) // else midnight was between
            Assert.Equal([("Purchase", 6m)], (await ItemsAsync(client, site, meta)).Select(i => (Text(i, "eventName"), i.GetProperty("score").GetDecimal())));
        // another dataset has a history of its own
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}/connections/{meta}", new { settings = new { dataset_id = NewId() } }));
        Assert.Empty(await ItemsAsync(client, site, meta));
    }

    [Fact]
    public async Task Fetch_PermissionMissing_IsShownAndAskedAgainOnlyNextDayOrWithNewCredentials()
    {
        var (client, site) = await SiteAsync();
        var dataset = NewId(); // nobody told the server of it
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        var fetch = await FetchAsync(client, site, meta);
        Assert.Equal(("failed", "credential", 1), (Text(fetch, "outcome"), Text(fetch, "kind"), fetch.GetProperty("failures").GetInt32()));
        Assert.Contains("100/33", Text(fetch, "reason"), StringComparison.Ordinal);
        Assert.Contains("partial access", Text(fetch, "reason"), StringComparison.Ordinal);
        app.Clock.Advance(TimeSpan.FromHours(20));
        await Fetcher.FetchDueAsync(default);
        Assert.Equal(1, app.Scores.AskedAbout(dataset));

        // somebody acts: asked again at the next run
        app.Scores.Datasets[dataset] = MetaAnswer(5.5m);
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}/connections/{meta}", new { credentials = new { access_token = StrictScores.Token } }));
        await Fetcher.FetchDueAsync(default);
        Assert.Equal(5.5m, (await ItemsAsync(client, site, meta))[0].GetProperty("score").GetDecimal());
        Assert.Equal(0, (await HistoryAsync(client, site, meta)).GetProperty("fetch").GetProperty("failures").GetInt32());
    }

    [Fact]
    public async Task Fetch_RateLimited_WaitsAsLongAsThePlatformWants()
    {
        var (client, site) = await SiteAsync();
        var account = NewId();
        app.Scores.Accounts[account] = PinterestAnswer;
        var pinterest = await ConnectAsync(client, site, "pinterest", new { ad_account_id = account });
        app.Scores.Says = (429, """{"code":8,"message":"You have exceeded your rate limit."}""", 8 * 3600);
        try
        {
            var fetch = await FetchAsync(client, site, pinterest);
            Assert.Equal(("failed", "rate_limited"), (Text(fetch, "outcome"), Text(fetch, "kind")));
            Assert.Equal(8, (fetch.GetProperty("nextAt").GetDateTimeOffset() - fetch.GetProperty("attemptedAt").GetDateTimeOffset()).TotalHours);
        }
        finally
        {
            app.Scores.Says = null;
        }
        app.Clock.Advance(TimeSpan.FromHours(7));
        await Fetcher.FetchDueAsync(default);
        await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{site.Id}/connections/{pinterest}/scores", null), 409); // not by hand either
        Assert.Equal(1, app.Scores.AskedAbout(account));
        app.Clock.Advance(TimeSpan.FromHours(1.1));
        await Fetcher.FetchDueAsync(default);
        Assert.Equal("fair", Text((await ItemsAsync(client, site, pinterest))[0], "verdict"));
    }

    [Fact]
    public async Task Fetch_PlatformAway_IsTriedAgainWithGrowingPauses()
    {
        var (client, site) = await SiteAsync();
        var dataset = NewId();
        app.Scores.Datasets[dataset] = MetaAnswer(7m);
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        app.Scores.Says = (502, "<html>Bad gateway</html>", null);
        try
        {
            foreach (var (wait, asked) in new[] { (0.0, 1), (0.9, 1), (0.2, 2), (1.9, 2), (0.2, 3) }) // hours: pauses of 1 and 2
            {
                app.Clock.Advance(TimeSpan.FromHours(wait));
                await Fetcher.FetchDueAsync(default);
                Assert.Equal(asked, app.Scores.AskedAbout(dataset));
            }
        }
        finally
        {
            app.Scores.Says = null;
        }
        var failed = (await HistoryAsync(client, site, meta)).GetProperty("fetch");
        Assert.Equal(("failed", "transient", 3), (Text(failed, "outcome"), Text(failed, "kind"), failed.GetProperty("failures").GetInt32()));
        Assert.Contains("HTTP 502", Text(failed, "reason"), StringComparison.Ordinal);
        app.Clock.Advance(TimeSpan.FromHours(4.1));
        await Fetcher.FetchDueAsync(default);
        Assert.Equal(7m, (await ItemsAsync(client, site, meta))[0].GetProperty("score").GetDecimal());
    }

    [Theory]
    [InlineData("""{"web":[]}""")]
    [InlineData("""{"something":"new \u0000"}""")]
    public async Task Fetch_AnswerNobodyUnderstands_IsStoredAsUnknown(string answer)
    {
        var (client, site) = await SiteAsync();
        var dataset = NewId();
        app.Scores.Datasets[dataset] = answer;
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        Assert.Equal("told", Text(await FetchAsync(client, site, meta), "outcome"));
        var item = Assert.Single(await ItemsAsync(client, site, meta));
        Assert.Equal(("", "unknown", JsonValueKind.Null), (Text(item, "eventName"), Text(item, "verdict"), item.GetProperty("score").ValueKind));
        Assert.NotEqual(JsonValueKind.Null, item.GetProperty("detail").GetProperty("answer").ValueKind);
    }

    [Fact]
    public async Task Job_OneConnectionIsBroken_AsksForTheOthersAndKeepsTheFailure()
    {
        var (client, site) = await SiteAsync();
        var unstorable = NewId();
        app.Scores.Datasets[unstorable] = MetaAnswer(7m);
        var broken = await ConnectAsync(client, site, "meta", new { dataset_id = unstorable });
        await app.RunAsync($"ALTER TABLE platform_scores ADD CONSTRAINT unstorable CHECK (connection_id <> '{broken}') NOT VALID");
        var others = Enumerable.Range(0, 6).Select(_ => NewId()).ToList();
        foreach (var dataset in others)
        {
            app.Scores.Datasets[dataset] = MetaAnswer(7m);
            await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        }
        await Fetcher.FetchDueAsync(default);
        Assert.All(others, dataset => Assert.Equal(1, app.Scores.AskedAbout(dataset)));
        Assert.Equal("failed transient 1", await app.ValueAsync<string>($"SELECT concat_ws(' ', outcome, kind, failures) FROM platform_score_fetches WHERE connection_id = '{broken}'"));
    }

    [Fact]
    public async Task History_OfATimeBeforeAnyCalendarThatCounts_IsRefused()
    {
        var (client, site) = await SiteAsync();
        var meta = await ConnectAsync(client, site, "meta", new { dataset_id = NewId() });
        foreach (var query in new[] { "to=0001-01-02", "from=0001-01-01&to=0001-01-02", "from=0001-01-01" })
            await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{meta}/scores?{query}"), 422);
    }

    [Fact]
    public async Task Fetch_ByManyAtOnce_AsksOnce()
    {
        var (client, site) = await SiteAsync();
        var dataset = NewId();
        app.Scores.Datasets[dataset] = MetaAnswer(7m);
        await ConnectAsync(client, site, "meta", new { dataset_id = dataset });
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Fetcher.FetchDueAsync(default)));
        Assert.Equal(1, app.Scores.AskedAbout(dataset));
    }

    [Fact]
    public async Task Fetch_WithoutPublicScore_IsRefusedWithReason()
    {
        var (client, site) = await SiteAsync();
        var tiktok = await ConnectAsync(client, site, "tiktok", new { pixel_code = "C0PIXEL" });
        var problem = await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{site.Id}/connections/{tiktok}/scores", null), 422);
        Assert.Equal("no_public_score", problem.GetProperty("code").GetString());
        Assert.False((await HistoryAsync(client, site, tiktok)).GetProperty("hasPublicScore").GetBoolean());
    }

    private static string MetaAnswer(decimal score) => JsonSerializer.Serialize(new
    {
        web = new[]
        {
            new
            {
                event_name = "Purchase",
                event_match_quality = new { composite_score = score, match_key_feedback = new[] { new { identifier = "email", coverage = new { percentage = 100 } } } },
            },
        },
    });

    private static string NewId() => $"77{Interlocked.Increment(ref _ids)}";

    private static string? Text(JsonElement from, string name) => from.GetProperty(name).GetString();

    private async Task<(HttpClient Client, NewSite Site)> SiteAsync()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        return (app.ClientFor(site.SecretKey), site); // a key, because sign-in ends when the clock is put forward
    }

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, object settings, bool enabled = true) =>
        (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform, settings, credentials = new { access_token = StrictScores.Token }, enabled }))).GetProperty("id").GetGuid();

    private static async Task<JsonElement> FetchAsync(HttpClient client, NewSite site, Guid connection) =>
        await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{site.Id}/connections/{connection}/scores", null));

    private static async Task<JsonElement> HistoryAsync(HttpClient client, NewSite site, Guid connection) =>
        await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{connection}/scores"));

    private static async Task<List<JsonElement>> ItemsAsync(HttpClient client, NewSite site, Guid connection) =>
        [.. (await HistoryAsync(client, site, connection)).GetProperty("items").EnumerateArray()];
}
