using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using static ClarityTracking.Tests.Support.Platforms.Rules;

namespace ClarityTracking.Tests.Support.Platforms;

/// <summary>What can go wrong with a call, whatever is in it.</summary>
public enum Fault
{
    ServerError,
    TooManyRequests,
    Timeout,
    Reset,
    HtmlPage,
    ErrorWithStatus200,
}

/// <summary>
/// TikTok, Meta and Tinybird over real HTTP, strict about what they take and unreliable when told to: TikTok and Meta fail by chance in every way
/// of <see cref="Fault"/>, half of the time after having taken the events. Tinybird never fails. All three remember each time they took an event.
/// </summary>
public sealed class FaultyPlatforms : IAsyncDisposable
{
    /// <summary>An event id with this in it is refused for good by TikTok and Meta, in each platform's way.</summary>
    public const string Poison = "poison";

    /// <summary>A call with an event id with this in it gets HTTP 500 of TikTok and Meta, always.</summary>
    public const string Stuck = "stuck";

    private static readonly TimeSpan Week = TimeSpan.FromDays(7);
    private static readonly Fault[] Kinds = Enum.GetValues<Fault>();
    private readonly Random _random;
    private readonly WebApplication _app;

    private FaultyPlatforms(WebApplication app, int seed) => (_app, _random) = (app, new Random(seed));

    /// <summary>Share of calls of TikTok and Meta that fail, from 0 to 1.</summary>
    public double FaultShare { get; set; }

    /// <summary>The token that is good at a platform; anything else is refused.</summary>
    public ConcurrentDictionary<string, string> Tokens { get; } = new();

    /// <summary>Faults so far.</summary>
    public ConcurrentDictionary<(string Platform, Fault Fault), int> Faults { get; } = new();

    /// <summary>Calls so far.</summary>
    public ConcurrentDictionary<string, int> Calls { get; } = new();

    /// <summary>When a platform took an event, each time, and whether it said so.</summary>
    public ConcurrentDictionary<(string Platform, string Name, string EventId), List<(DateTimeOffset At, bool Said)>> Taken { get; } = new();

    /// <summary>What was wrong with requests beside what this test put there; must stay empty.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Where it listens.</summary>
    public int Port => new Uri(_app.Urls.First()).Port;

    public static async Task<FaultyPlatforms> StartAsync(int seed)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.Limits.MaxRequestBodySize = 100_000_000);
        var app = builder.Build();
        var platforms = new FaultyPlatforms(app, seed);
        app.MapPost("/open_api/v1.3/event/track/", (HttpContext http) => platforms.UnreliableAsync("tiktok", http, platforms.TikTok));
        app.MapPost("/v25.0/{dataset:long}/events", (HttpContext http) => platforms.UnreliableAsync("meta", http, platforms.Meta));
        app.MapPost("/v0/events", (HttpContext http) => platforms.TinybirdAsync(http));
        await app.StartAsync();
        return platforms;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    // ---- Unreliability

    private async Task UnreliableAsync(string platform, HttpContext http, Func<HttpContext, JsonElement, Verdict> judge)
    {
        Calls.AddOrUpdate(platform, 1, (_, n) => n + 1);
        var body = await ReadAsync(http);
        var verdict = judge(http, JsonElement.Parse(body));
        var (fault, isTaken) = NextFault();
        if (fault is { } counted)
            Faults.AddOrUpdate((platform, counted), 1, (_, n) => n + 1);
        if (verdict.Taken is { } taken && isTaken)
            Take(platform, taken, said: fault is null);
        switch (fault)
        {
            case null:
                await AnswerAsync(http, verdict.Status, verdict.Answer);
                break;
            case Fault.ServerError:
                await AnswerAsync(http, 500, """{"message":"Internal error"}""");
                break;
            case Fault.TooManyRequests:
                http.Response.Headers.RetryAfter = "1";
                await AnswerAsync(http, 429, """{"message":"Too many requests"}""");
                break;
            case Fault.Timeout:
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            case Fault.Reset:
                http.Abort();
                break;
            case Fault.HtmlPage:
                await AnswerAsync(http, 200, "<!doctype html><title>Please wait</title><p>Checking your browser", "text/html");
                break;
            case Fault.ErrorWithStatus200:
                await AnswerAsync(http, 200, platform == "tiktok" ? """{"code":50000,"message":"System error","request_id":"r9"}"""
                    : """{"error":{"message":"Service temporarily unavailable","type":"OAuthException","is_transient":true,"code":2,"fbtrace_id":"F9"}}""");
                break;
        }
    }

    /// <summary>What goes wrong with the next call (null = nothing), and whether the platform takes the events all the same.</summary>
    private (Fault?, bool) NextFault()
    {
        lock (_random)
        {
            if (_random.NextDouble() >= FaultShare)
                return (null, true);
            var fault = Kinds[_random.Next(Kinds.Length)];
            // who says "later" has taken nothing; of the others one does not know
            return (fault, fault is not (Fault.TooManyRequests or Fault.ErrorWithStatus200) && _random.Next(2) == 0);
        }
    }

    // ---- What they take

    private readonly record struct Verdict(int Status, string Answer, List<(string Name, string EventId)>? Taken = null);

    private Verdict TikTok(HttpContext http, JsonElement body)
    {
        if (http.Request.Headers["Access-Token"] != Tokens["tiktok"])
            return new(200, """{"code":40105,"message":"Access token is incorrect or has been revoked.","request_id":"r1"}""");
        var shape = Object(("event_source!", OneOf("web")), ("event_source_id!", Text), ("data!", List(StrictPlatforms.TikTokEvent, 1000)));
        if (Wrong(shape(body, "body")))
            return new(200, """{"code":40002,"message":"Invalid parameters","request_id":"r2"}""");
        var events = body.GetProperty("data").EnumerateArray().Select(e => (e.GetProperty("event").GetString()!, e.GetProperty("event_id").GetString()!)).ToList();
        if (Fails(events))
            return new(500, "<html>Internal Server Error</html>");
        var poisoned = events.FindIndex(e => e.Item2.Contains(Poison, StringComparison.Ordinal));
        return poisoned < 0 ? new(200, """{"code":0,"message":"OK","request_id":"r4","data":{}}""", events)
            : new(200, $$"""{"code":40002,"message":"Batch.{{poisoned}}.properties.value: Not a valid number","request_id":"r3"}""");
    }

    private static readonly Rule MetaEvent = Object(("event_name!", Like("^.{1,50}$")), ("event_time!", Seconds(Week)), ("event_id!", Text), ("event_source_url!", WebUrl),
        ("referrer_url", WebUrl), ("action_source!", OneOf("website")),
        ("user_data!", Object(("em!", List(Hash)), ("external_id", List(Hash)), ("client_ip_address", Text), ("client_user_agent!", Text), ("fbc", Like(@"^fb\.1\.\d+\..+$")), ("fbp", Like(@"^fb\.1\.\d+\.\d+$")))),
        ("custom_data", Object(("currency", Currency), ("value", Number), ("order_id", Text))));

    private Verdict Meta(HttpContext http, JsonElement body)
    {
        if (http.Request.Query["access_token"] != Tokens["meta"])
            return new(401, """{"error":{"message":"Error validating access token","type":"OAuthException","code":190,"error_subcode":460,"fbtrace_id":"F1"}}""");
        if (Wrong(Object(("data!", List(MetaEvent, 1000)))(body, "body")))
            return new(400, """{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"fbtrace_id":"F2"}}""");
        var events = body.GetProperty("data").EnumerateArray().Select(e => (e.GetProperty("event_name").GetString()!, e.GetProperty("event_id").GetString()!)).ToList();
        if (Fails(events))
            return new(500, """{"error":{"message":"An unknown error occurred","type":"OAuthException","code":1,"fbtrace_id":"F3"}}""");
        // one bad event and none is taken, and Meta does not name it
        return events.Exists(e => e.Item2.Contains(Poison, StringComparison.Ordinal))
            ? new(400, """{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804019,"error_user_title":"Invalid value","fbtrace_id":"F4"}}""")
            : new(200, string.Create(CultureInfo.InvariantCulture, $$"""{"events_received":{{events.Count}},"messages":[],"fbtrace_id":"F5"}"""), events);
    }

    private async Task TinybirdAsync(HttpContext http)
    {
        Calls.AddOrUpdate("tinybird", 1, (_, n) => n + 1);
        var rows = (await ReadAsync(http)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line)).ToList();
        if (http.Request.Headers.Authorization != $"Bearer {Tokens["tinybird"]}")
            Wrong("the token");
        Take("tinybird", [.. rows.Select(row => (row.GetProperty("event_name").GetString()!, row.GetProperty("event_id").GetString()!))], said: true);
        await AnswerAsync(http, 200, string.Create(CultureInfo.InvariantCulture, $$"""{"successful_rows":{{rows.Count}},"quarantined_rows":0}"""));
    }

    private static bool Fails(List<(string Name, string EventId)> events) => events.Exists(e => e.EventId.Contains(Stuck, StringComparison.Ordinal));

    private bool Wrong(string? complaint)
    {
        if (complaint is not null)
            Complaints.Enqueue(complaint);
        return complaint is not null;
    }

    private void Take(string platform, List<(string Name, string EventId)> events, bool said)
    {
        var now = TimeProvider.System.GetUtcNow();
        foreach (var (name, id) in events)
        {
            var times = Taken.GetOrAdd((platform, name, id), _ => []);
            lock (times)
                times.Add((now, said));
        }
    }

    private static async Task<string> ReadAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        return await reader.ReadToEndAsync();
    }

    private static Task AnswerAsync(HttpContext http, int status, string body, string contentType = "application/json")
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        return http.Response.WriteAsync(body);
    }
}
