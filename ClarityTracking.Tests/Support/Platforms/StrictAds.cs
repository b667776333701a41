using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Quartz;

namespace ClarityTracking.Tests.Support.Platforms;

/// <summary>An ad on a day. Without an ad id it is of a campaign that has no ads.</summary>
public sealed record AdDay(DateOnly Day, string CampaignId, string Campaign, string GroupId, string Group, string AdId, string Ad, long Impressions, long Clicks, decimal Spend);

/// <summary>An ad account.</summary>
public sealed record AdAccount(string Currency, string TimeZone, List<AdDay> Ads);

/// <summary>
/// One real HTTP server in the places of Meta, Google Ads, TikTok and Pinterest that tells what ads cost, and refuses what they would refuse:
/// unknown or missing parameters, fields and columns, other versions, days out of range, wrong tokens. Pages are small.
/// </summary>
public sealed partial class StrictAds : IAsyncDisposable
{
    /// <summary>Good everywhere.</summary>
    public const string Token = "good-token", DeveloperToken = "good-developer";

    private const int MetaPage = 2;

    private static readonly HashSet<string> MetaFields = ["campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name", "impressions", "clicks", "spend", "date_start", "date_stop", "account_currency", "account_id"];
    private static readonly HashSet<string> TikTokMetrics = ["campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name", "spend", "impressions", "clicks", "currency"];
    private static readonly HashSet<string> PinterestColumns = ["CAMPAIGN_ID", "CAMPAIGN_NAME", "AD_GROUP_ID", "AD_GROUP_NAME", "AD_ID", "AD_NAME", "IMPRESSION_1", "CLICKTHROUGH_1", "SPEND_IN_MICRO_DOLLAR"];
    private static readonly HashSet<string> CampaignFields = ["customer.currency_code", "customer.time_zone", "segments.date", "campaign.id", "campaign.name", "metrics.impressions", "metrics.clicks", "metrics.cost_micros"];
    private static readonly HashSet<string> AdFields = [.. CampaignFields, "ad_group.id", "ad_group.name", "ad_group_ad.ad.id", "ad_group_ad.ad.name"];

    private readonly WebApplication _app;

    private StrictAds(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    /// <summary>Accounts by id; others do not exist.</summary>
    public ConcurrentDictionary<string, AdAccount> Accounts { get; } = new();

    /// <summary>Answers of an account before looking at anything: status, body, Retry-After in seconds.</summary>
    public ConcurrentDictionary<string, (int Status, string Body, int? RetryAfter)> Says { get; } = new();

    /// <summary>Questions: address, and the status of the answer.</summary>
    public ConcurrentQueue<(string Url, int Status)> Asked { get; } = new();

    public int AskedAbout(string account) => Asked.Count(a => a.Url.Contains(account, StringComparison.Ordinal));

    public static async Task<StrictAds> StartAsync(TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var ads = new StrictAds(app) { Clock = clock };
        app.MapGet("/{version}/act_{account}", http => ads.AnswerAsync(http, Of(http), ads.Meta));
        app.MapGet("/{version}/act_{account}/insights", http => ads.AnswerAsync(http, Of(http), ads.MetaInsights));
        app.MapPost("/{version}/customers/{account}/googleAds:searchStream", http => ads.AnswerAsync(http, Of(http), ads.Google));
        app.MapGet("/open_api/v1.3/advertiser/info/", http => ads.AnswerAsync(http, Digits().Match(http.Request.Query["advertiser_ids"].ToString()).Value, ads.TikTokAccount));
        app.MapGet("/open_api/v1.3/report/integrated/get/", http => ads.AnswerAsync(http, http.Request.Query["advertiser_id"].ToString(), ads.TikTok));
        app.MapGet("/v5/ad_accounts/{account}", http => ads.AnswerAsync(http, Of(http), ads.Pinterest));
        app.MapGet("/v5/ad_accounts/{account}/ads", http => ads.AnswerAsync(http, Of(http), ads.PinterestAds));
        app.MapGet("/v5/ad_accounts/{account}/ads/analytics", http => ads.AnswerAsync(http, Of(http), ads.PinterestAnalytics));
        await app.StartAsync();
        return ads;

        static string Of(HttpContext http) => (string)http.Request.RouteValues["account"]!;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private TimeProvider Clock { get; init; } = TimeProvider.System;

    private DateOnly Today => DateOnly.FromDateTime(Clock.GetUtcNow().UtcDateTime);

    private async Task AnswerAsync(HttpContext http, string account, Func<HttpContext, string, string, (int Status, object Body)> judge)
    {
        using var reader = new StreamReader(http.Request.Body);
        var sent = await reader.ReadToEndAsync();
        var said = Says.TryGetValue(account, out var says);
        var (status, body) = said ? (says.Status, says.Body) : HttpMethods.IsGet(http.Request.Method) && sent.Length > 0 ? (400, "GET has no body") : judge(http, account, sent);
        Asked.Enqueue((http.Request.Path + http.Request.QueryString.Value, status));
        if (said && says.RetryAfter is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body as string ?? JsonSerializer.Serialize(body));
    }

    private (int, object)? MetaRefusal(HttpContext http, string account, params string[] known)
    {
        var query = http.Request.Query;
        if ((string?)http.Request.RouteValues["version"] is not ("v24.0" or "v25.0"))
            return (400, Error(2635, "You are calling an unknown version of the API"));
        if (query["access_token"] != Token)
            return (401, Error(190, "Error validating access token: Session has expired"));
        if (query.Keys.Except([.. known, "access_token", "appsecret_proof"]).FirstOrDefault() is { } unknown)
            return (400, Error(100, $"Unknown parameter {unknown}"));
        if (!Accounts.ContainsKey(account))
            return (403, Error(200, "Ad account owner has NOT grant ads_management or ads_read permission"));
        return null;

        static object Error(int code, string message) => new { error = new { message, type = "OAuthException", code, fbtrace_id = "trace" } };
    }

    private (int, object) Meta(HttpContext http, string account, string sent) => MetaRefusal(http, account, "fields")
        ?? (http.Request.Query["fields"] != "currency,timezone_name" ? (400, """{"error":{"code":100,"message":"(#100) Tried accessing nonexisting field"}}""")
            : (200, new { currency = Accounts[account].Currency, timezone_name = Accounts[account].TimeZone, id = "act_" + account }));

    private (int, object) MetaInsights(HttpContext http, string account, string sent)
    {
        if (MetaRefusal(http, account, "level", "time_increment", "time_range", "fields", "limit", "after") is { } refusal)
            return refusal;
        var query = http.Request.Query;
        var range = JsonDocument.Parse(query["time_range"].ToString()).RootElement;
        var (since, until) = (Day(range.GetProperty("since").GetString()!), Day(range.GetProperty("until").GetString()!));
        if (query["level"] != "ad" || query["time_increment"] != "1" || since > until || until > Today || query["fields"].ToString().Split(',').Except(MetaFields).Any()
            || int.Parse(query["limit"].ToString(), CultureInfo.InvariantCulture) > 500)
            return (400, """{"error":{"code":100,"message":"(#100) Invalid parameter"}}""");
        var rows = Accounts[account].Ads.Where(a => a.Day >= since && a.Day <= until).ToList();
        var start = query["after"].ToString() is { Length: > 0 } after ? int.Parse(after["page".Length..], CultureInfo.InvariantCulture) : 0;
        var page = rows.Skip(start).Take(MetaPage).Select(a => new
        {
            campaign_id = a.CampaignId,
            campaign_name = a.Campaign,
            adset_id = a.GroupId,
            adset_name = a.Group,
            ad_id = a.AdId,
            ad_name = a.Ad,
            impressions = Text(a.Impressions),
            clicks = Text(a.Clicks),
            spend = Text(a.Spend),
            date_start = Iso(a.Day),
            date_stop = Iso(a.Day),
            account_currency = Accounts[account].Currency,
        });
        var end = start + MetaPage;
        var cursors = new { before = $"page{start}", after = $"page{end}" };
        return (200, end < rows.Count ? new { data = page, paging = (object)new { cursors, next = Url + http.Request.Path } } : new { data = page, paging = (object)new { cursors } });
    }

    private (int, object) Google(HttpContext http, string account, string sent)
    {
        if ((string?)http.Request.RouteValues["version"] is not ("v23" or "v24"))
            return (404, "<html>Not found</html>");
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            return (401, Error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "authenticationError", "OAUTH_TOKEN_INVALID"));
        if (http.Request.Headers["developer-token"] != DeveloperToken)
            return (401, Error(401, "UNAUTHENTICATED", "Developer token is missing.", "authenticationError", "DEVELOPER_TOKEN_PARAMETER_MISSING"));
        if (!Accounts.TryGetValue(account, out var told))
            return (403, Error(403, "PERMISSION_DENIED", "The caller does not have permission", "authorizationError", "USER_PERMISSION_DENIED"));
        var body = JsonDocument.Parse(sent).RootElement;
        var query = Query().Match(body.GetProperty("query").GetString()!);
        var resource = query.Groups[2].Value;
        if (!query.Success || body.EnumerateObject().Count() != 1 || resource is not ("campaign" or "ad_group_ad")
            || query.Groups[1].Value.Split(", ").Except(resource == "campaign" ? CampaignFields : AdFields).Any())
            return (400, Error(400, "INVALID_ARGUMENT", "Unrecognized field in the query.", "queryError", "UNRECOGNIZED_FIELD"));
        var rows = told.Ads.Where(a => a.Day >= Day(query.Groups[3].Value) && a.Day <= Day(query.Groups[4].Value)).ToList();
        object Common(DateOnly day, string id, string name, long impressions, long clicks, decimal spend, object? group = null, object? ad = null) => new
        {
            customer = new { resourceName = $"customers/{account}", currencyCode = told.Currency, timeZone = told.TimeZone },
            campaign = new { id, name },
            segments = new { date = Iso(day) },
            metrics = new { impressions = Text(impressions), clicks = Text(clicks), costMicros = Text(decimal.Truncate(spend * 1_000_000m)) },
            adGroup = group,
            adGroupAd = ad,
        };
        var results = resource == "campaign"
            ? rows.GroupBy(a => (a.Day, a.CampaignId, a.Campaign)).Select(g => Common(g.Key.Day, g.Key.CampaignId, g.Key.Campaign, g.Sum(a => a.Impressions), g.Sum(a => a.Clicks), g.Sum(a => a.Spend)))
            : rows.Where(a => a.AdId.Length > 0).Select(a => Common(a.Day, a.CampaignId, a.Campaign, a.Impressions, a.Clicks, a.Spend, new { id = a.GroupId, name = a.Group }, new { ad = new { id = a.AdId, name = a.Ad } }));
        return (200, results.Chunk(2).Select(chunk => new { results = chunk, fieldMask = "x", requestId = "r" }));

        static object Error(int code, string status, string message, string kind, string word) => new[]
        {
            new { error = new { code, message, status, details = new[] { new { errors = new[] { new { errorCode = new Dictionary<string, string> { [kind] = word }, message } } } } } },
        };
    }

    private (int, object)? TikTokRefusal(HttpContext http, string account, params string[] known)
    {
        if (http.Request.Headers["Access-Token"] != Token)
            return (200, new { code = 40105, message = "Access token is incorrect or has been revoked.", request_id = "r" });
        if (http.Request.Query.Keys.Except(known).Any() || known.Except(http.Request.Query.Keys).Any())
            return (200, new { code = 40002, message = "A parameter is unknown or missing.", request_id = "r" });
        return Accounts.ContainsKey(account) ? null : (200, new { code = 40001, message = "No permission to operate advertiser", request_id = "r" });
    }

    private (int, object) TikTokAccount(HttpContext http, string account, string sent) => TikTokRefusal(http, account, "advertiser_ids", "fields")
        ?? (200, new { code = 0, message = "OK", data = new { list = new[] { new { advertiser_id = account, currency = Accounts[account].Currency, timezone = "Etc/GMT-1", display_timezone = Accounts[account].TimeZone } } } });

    private (int, object) TikTok(HttpContext http, string account, string sent)
    {
        if (TikTokRefusal(http, account, "advertiser_id", "report_type", "service_type", "data_level", "dimensions", "metrics", "start_date", "end_date", "page", "page_size") is { } refusal)
            return refusal;
        var query = http.Request.Query;
        var (from, to, page) = (Day(query["start_date"].ToString()), Day(query["end_date"].ToString()), int.Parse(query["page"].ToString(), CultureInfo.InvariantCulture));
        if (query["report_type"] != "BASIC" || query["data_level"] != "AUCTION_AD" || query["dimensions"] != """["ad_id","stat_time_day"]""" || to.DayNumber - from.DayNumber >= 30
            || JsonSerializer.Deserialize<string[]>(query["metrics"].ToString())!.Except(TikTokMetrics).Any() || int.Parse(query["page_size"].ToString(), CultureInfo.InvariantCulture) > 1000)
            return (200, new { code = 40002, message = "A parameter is not valid." });
        var rows = Accounts[account].Ads.Where(a => a.Day >= from && a.Day <= to).ToList();
        return (200, new
        {
            code = 0,
            message = "OK",
            data = new
            {
                list = rows.Skip(2 * (page - 1)).Take(2).Select(a => new
                {
                    dimensions = new { ad_id = a.AdId, stat_time_day = Iso(a.Day) + " 00:00:00" },
                    metrics = new { campaign_id = a.CampaignId, campaign_name = a.Campaign, adgroup_id = a.GroupId, adgroup_name = a.Group, ad_name = a.Ad, spend = Text(a.Spend), impressions = Text(a.Impressions), clicks = Text(a.Clicks) },
                }),
                page_info = new { page, page_size = 2, total_number = rows.Count, total_page = (rows.Count + 1) / 2 },
            },
        });
    }

    private (int, object)? PinterestRefusal(HttpContext http, string account, params string[] known) =>
        http.Request.Headers.Authorization != $"Bearer {Token}" ? (401, """{"code":2,"message":"Authentication failed."}""")
        : http.Request.Query.Keys.Except(known).Any() ? (400, """{"code":1,"message":"Invalid request parameters."}""")
        : Accounts.ContainsKey(account) ? null : (403, """{"code":29,"message":"You are not permitted to access that resource."}""");

    private (int, object) Pinterest(HttpContext http, string account, string sent) => PinterestRefusal(http, account) ?? (200, new { id = account, currency = Accounts[account].Currency });

    private (int, object) PinterestAds(HttpContext http, string account, string sent)
    {
        if (PinterestRefusal(http, account, "page_size", "bookmark", "entity_statuses") is { } refusal)
            return refusal;
        var ids = Accounts[account].Ads.Select(a => a.AdId).Distinct().ToList();
        var start = http.Request.Query["bookmark"].ToString() is { Length: > 0 } mark ? int.Parse(mark, CultureInfo.InvariantCulture) : 0;
        return (200, new { items = ids.Skip(start).Take(2).Select(id => new { id }), bookmark = start + 2 < ids.Count ? Text(start + 2) : null });
    }

    private (int, object) PinterestAnalytics(HttpContext http, string account, string sent)
    {
        if (PinterestRefusal(http, account, "start_date", "end_date", "granularity", "columns", "ad_ids") is { } refusal)
            return refusal;
        var query = http.Request.Query;
        var (from, to, ids) = (Day(query["start_date"].ToString()), Day(query["end_date"].ToString()), query["ad_ids"].ToString().Split(','));
        if (ids.Length > 100 || query["granularity"] != "DAY" || query["columns"].ToString().Split(',').Except(PinterestColumns).Any() || from > to || from < Today.AddDays(-90))
            return (400, """{"code":1,"message":"Invalid request parameters."}""");
        return (200, Accounts[account].Ads.Where(a => a.Day >= from && a.Day <= to && ids.Contains(a.AdId)).Select(a => new
        {
            DATE = Iso(a.Day),
            CAMPAIGN_ID = long.Parse(a.CampaignId, CultureInfo.InvariantCulture),
            CAMPAIGN_NAME = a.Campaign,
            AD_GROUP_ID = a.GroupId,
            AD_GROUP_NAME = a.Group,
            AD_ID = a.AdId,
            AD_NAME = a.Ad,
            IMPRESSION_1 = a.Impressions,
            CLICKTHROUGH_1 = a.Clicks,
            SPEND_IN_MICRO_DOLLAR = a.Spend * 1_000_000m,
        }));
    }

    private static string Iso(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static DateOnly Day(string text) => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^SELECT ([a-z_., ]+) FROM ([a-z_]+) WHERE segments\.date BETWEEN '([0-9-]{10})' AND '([0-9-]{10})'\z")]
    private static partial Regex Query();
}

/// <summary>The app with servers that tell spend, and a clock that can be put forward.</summary>
public sealed class AppWithAds : AppFixture
{
    private StrictAds? _ads;

    public StrictAds Ads => _ads!;

    /// <summary>The app's clock.</summary>
    public ShiftedClock Clock { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new[] { "Meta", "GoogleAds", "TikTok", "Pinterest" }.ToDictionary(p => $"Destinations:{p}:BaseUrl", _ => Ads.Url);

    public override async Task InitializeAsync()
    {
        _ads = await StrictAds.StartAsync(Clock);
        await base.InitializeAsync();
        // tests say when it runs
        await (await Services.GetRequiredService<ISchedulerFactory>().GetScheduler()).PauseTrigger(new TriggerKey("ad-spend"));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Ads.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock));
    }
}
