using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Quartz;

namespace ClarityTracking.Tests.Support.Platforms;

/// <summary>
/// One real HTTP server in the places of Meta and Pinterest that tells quality scores, and refuses what they would refuse: unknown or missing
/// parameters, fields that do not exist, bodies, wrong tokens. Events it takes without looking.
/// </summary>
public sealed partial class StrictScores : IAsyncDisposable
{
    /// <summary>Good at both.</summary>
    public const string Token = "good-token";

    /// <summary>Every field that the Dataset Quality API knows (documentation of 2026-09-12).</summary>
    private static readonly HashSet<string> MetaFields =
    [
        "web", "event_name", "event_match_quality", "composite_score", "match_key_feedback", "identifier", "coverage", "percentage", "potential_aly_acr_increase", "description",
        "diagnostics", "name", "solution", "affected_event_count", "total_event_count", "event_coverage", "goal_percentage", "dedupe_key_feedback", "dedupe_key",
        "browser_events_with_dedupe_key", "server_events_with_dedupe_key", "overall_browser_coverage_from_dedupe_key", "data_freshness", "upload_frequency",
        "event_potential_aly_acr_increase", "acr",
    ];

    private readonly WebApplication _app;

    private StrictScores(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>What Meta tells of a dataset; those not named do not exist.</summary>
    public ConcurrentDictionary<string, string> Datasets { get; } = new();

    /// <summary>What Pinterest tells of an ad account.</summary>
    public ConcurrentDictionary<string, string> Accounts { get; } = new();

    /// <summary>Answers before looking at anything: status, body, Retry-After in seconds; null = looks.</summary>
    public (int Status, string Body, int? RetryAfter)? Says { get; set; }

    /// <summary>Questions for scores: path with query, and the status of the answer.</summary>
    public ConcurrentQueue<(string Path, int Status)> Asked { get; } = new();

    /// <summary>How often it was asked about a dataset or account.</summary>
    public int AskedAbout(string id) => Asked.Count(a => a.Path.Contains(id, StringComparison.Ordinal));

    public static async Task<StrictScores> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var scores = new StrictScores(app);
        app.MapGet("/{version}/dataset_quality", http => scores.AnswerAsync(http, scores.Meta));
        app.MapGet("/v5/ad_accounts/{account}/conversion_eqs", http => scores.AnswerAsync(http, scores.Pinterest));
        app.MapPost("/{version}/{dataset:long}/events", () => Results.Json(new { events_received = 1, messages = Array.Empty<string>(), fbtrace_id = "t" }));
        await app.StartAsync();
        return scores;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http, Func<HttpContext, (int Status, string Body)> judge)
    {
        var hasBody = http.Request.ContentLength > 0 || http.Request.ContentType is not null;
        var (status, body, retryAfter) = Says ?? (hasBody ? (400, "<html>GET has no body</html>", null) : judge(http) is var answer ? (answer.Status, answer.Body, null) : default);
        Asked.Enqueue((http.Request.Path + http.Request.QueryString.Value, status));
        if (retryAfter is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        http.Response.StatusCode = status;
        http.Response.ContentType = body.StartsWith('<') ? "text/html" : "application/json";
        await http.Response.WriteAsync(body);
    }

    private (int, string) Meta(HttpContext http)
    {
        var query = http.Request.Query;
        if (!Version().IsMatch((string)http.Request.RouteValues["version"]!))
            return (400, Error(2635, "You are calling an unknown version of the API"));
        if (query["access_token"] != Token)
            return (400, Error(190, "Invalid OAuth access token - Cannot parse access token"));
        if (query.Keys.Except(["dataset_id", "access_token", "fields", "agent_name", "appsecret_proof"]).FirstOrDefault() is { } unknown)
            return (400, Error(100, $"Unknown parameter {unknown}"));
        var fields = query["fields"].ToString();
        if (!fields.StartsWith("web{", StringComparison.Ordinal) || fields.Count(c => c == '{') != fields.Count(c => c == '}'))
            return (400, Error(100, "Syntax error in fields; web is required"));
        if (Word().Matches(fields).Select(m => m.Value).FirstOrDefault(name => !MetaFields.Contains(name)) is { } field)
            return (400, Error(100, $"(#100) Tried accessing nonexisting field ({field})"));
        return Datasets.TryGetValue(query["dataset_id"].ToString(), out var answer) ? (200, answer)
            : (400, """{"error":{"message":"Unsupported get request. Object does not exist or missing permissions","code":100,"error_subcode":33}}""");

        static string Error(int code, string message) => System.Text.Json.JsonSerializer.Serialize(new { error = new { message, type = "OAuthException", code, fbtrace_id = "trace" } });
    }

    private (int, string) Pinterest(HttpContext http)
    {
        var query = http.Request.Query;
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            return (401, """{"code":2,"message":"Authentication failed."}""");
        if (query["lookback_period"].ToString() is not ("1d" or "14d") || query.Keys.Except(["lookback_period", "source_platform", "ingestion_source"]).Any()
            || query["source_platform"].ToString() is not ("" or "WEB" or "MOBILE" or "OFFLINE") || query["ingestion_source"].ToString() is not ("" or "CONVERSIONS_API" or "TAG" or "MMP"))
            return (400, """{"code":1,"message":"Invalid request parameters."}""");
        return Accounts.TryGetValue((string)http.Request.RouteValues["account"]!, out var answer) ? (200, answer) : (403, """{"code":29,"message":"You are not permitted to access that resource."}""");
    }

    [GeneratedRegex("[a-z_]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^v2[0-9]\.0\z")]
    private static partial Regex Version();
}

/// <summary>The app with servers that tell scores, and a clock that can be put forward.</summary>
public sealed class AppWithScores : AppFixture
{
    private StrictScores? _scores;

    /// <summary>The servers.</summary>
    public StrictScores Scores => _scores!;

    /// <summary>The app's clock.</summary>
    public ShiftedClock Clock { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings =>
        new Dictionary<string, string> { ["Destinations:Meta:BaseUrl"] = Scores.Url, ["Destinations:Pinterest:BaseUrl"] = Scores.Url, ["Destinations:TikTok:BaseUrl"] = Scores.Url };

    public override async Task InitializeAsync()
    {
        _scores = await StrictScores.StartAsync();
        await base.InitializeAsync();
        // tests say when it runs
        await (await Services.GetRequiredService<ISchedulerFactory>().GetScheduler()).PauseTrigger(new TriggerKey("platform-scores"));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Scores.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock));
    }
}
