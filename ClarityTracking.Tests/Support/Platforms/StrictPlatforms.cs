using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using static ClarityTracking.Tests.Support.Platforms.Rules;

namespace ClarityTracking.Tests.Support.Platforms;

/// <summary>
/// One real HTTP server that stands in several platforms' places and refuses what they would refuse, in their way: TikTok answers errors with
/// HTTP 200 and names the event, Pinterest takes the good ones of a batch, Reddit takes none and names none. What it takes it keeps.
/// </summary>
public sealed class StrictPlatforms : IAsyncDisposable
{
    /// <summary>The token that is good at all of them, until it is changed.</summary>
    public string Token { get; set; } = "good-token";

    /// <summary>Events that the platform also refuses, by its own words; null = takes it.</summary>
    public Func<string, string?> Refuses { get; set; } = _ => null;

    /// <summary>What TikTok answers before looking at anything; null = looks.</summary>
    public string? TikTokSays { get; set; }

    /// <summary>Event ids that were taken, with the platform and the event as it was sent.</summary>
    public ConcurrentQueue<(string Platform, string EventId, JsonElement Event)> Taken { get; } = new();

    /// <summary>Calls, with their answers.</summary>
    public ConcurrentQueue<(string Platform, int Events, int Status, string Answer)> Calls { get; } = new();

    static readonly TimeSpan Week = TimeSpan.FromDays(7);
    readonly WebApplication _app;

    StrictPlatforms(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    public static async Task<StrictPlatforms> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var platforms = new StrictPlatforms(app);
        app.MapPost("/open_api/v1.3/event/track/", http => platforms.AnswerAsync("tiktok", http, platforms.TikTok));
        app.MapPost("/v5/ad_accounts/{account:long}/events", http => platforms.AnswerAsync("pinterest", http, platforms.Pinterest));
        app.MapPost("/v3/{pixel}/events", http => platforms.AnswerAsync("snapchat", http, platforms.Snapchat));
        app.MapPost("/api/v3/pixels/{pixel}/conversion_events", http => platforms.AnswerAsync("reddit", http, platforms.Reddit));
        await app.StartAsync();
        return platforms;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    async Task AnswerAsync(string platform, HttpContext http, Func<HttpContext, JsonElement, (int Status, string Body, int Events)> judge)
    {
        using var reader = new StreamReader(http.Request.Body);
        var text = await reader.ReadToEndAsync();
        var (status, body, events) = http.Request.ContentType == "application/json" ? judge(http, JsonElement.Parse(text)) : (415, "<html>Unsupported media type</html>", 0);
        Calls.Enqueue((platform, events, status, body));
        http.Response.StatusCode = status;
        http.Response.ContentType = body.StartsWith('{') ? "application/json" : "text/html";
        await http.Response.WriteAsync(body);
    }

    // ---- TikTok

    internal static readonly Rule TikTokEvent = Object(("event!", Like("^.{1,50}$")), ("event_time!", Seconds(Week)), ("event_id!", Text),
        ("user!", Object(("email", List(Hash)), ("phone", List(Hash)), ("external_id", List(Hash)), ("first_name", Hash), ("last_name", Hash), ("zip_code", Hash),
            ("city", Like("^[a-z0-9]+$")), ("state", Like("^[a-z0-9]+$")), ("country", Like("^[a-z]{2}$")), ("ttclid", Text), ("ttp", Text), ("ip", Text), ("user_agent", Text))),
        ("page", Object(("url!", WebUrl), ("referrer", WebUrl))),
        ("properties", Object(("contents", List(Object(("content_id", Text), ("content_name", Text), ("content_category", Text), ("brand", Text), ("price", Number), ("quantity", Integer)))),
            ("content_type", OneOf("product", "product_group")), ("currency", Currency), ("value", Number), ("order_id", Text), ("query", Text), ("description", Text))),
        ("limited_data_use", Bool));

    (int, string, int) TikTok(HttpContext http, JsonElement body)
    {
        if (TikTokSays is { } says)
            return (200, says, 0);
        if (http.Request.Headers["Access-Token"] != Token)
            return (200, """{"code":40105,"message":"Access token is incorrect or has been revoked.","request_id":"r1"}""", 0);
        var shape = Object(("event_source!", OneOf("web")), ("event_source_id!", Text), ("test_event_code", Text),
            ("data!", List(AnyObject, 1000)));
        if (shape(body, "Body") is { } wrong)
            return (200, Error(40002, wrong), 0);
        var events = body.GetProperty("data").EnumerateArray().ToList();
        for (var i = 0; i < events.Count; i++)
            if (Complaint(TikTokEvent, events[i], $"Batch.{i}", "event_id") is { } error)
                return (200, Error(40002, error), events.Count); // one bad event and none is taken
        Take("tiktok", events, "event_id");
        return (200, """{"code":0,"message":"OK","request_id":"r2","data":{}}""", events.Count);

        static string Error(int code, string message) => JsonSerializer.Serialize(new { code, message, request_id = "r3" });
    }

    // ---- Pinterest

    static readonly Rule PinterestEvent = Object(
        ("event_name!", OneOf("add_payment_info", "add_to_cart", "add_to_wishlist", "app_install", "checkout", "custom", "initiate_checkout", "lead", "page_visit", "search",
            "signup", "subscribe", "view_category", "view_content", "watch_video")),
        ("action_source!", OneOf("app_android", "app_ios", "web", "offline")), ("event_time!", Seconds(Week)), ("event_id!", Text), ("event_source_url", WebUrl), ("opt_out", Bool),
        ("user_data!", Object(("em", List(Hash)), ("ph", List(Hash)), ("fn", List(Hash)), ("ln", List(Hash)), ("ct", List(Hash)), ("st", List(Hash)), ("zp", List(Hash)),
            ("country", List(Hash)), ("ge", List(Hash)), ("db", List(Hash)), ("external_id", List(Hash)), ("client_ip_address", Text), ("client_user_agent", Text), ("click_id", Text))),
        ("custom_data", Object(("currency", Currency), ("value", Amount), ("order_id", Text), ("num_items", Integer), ("content_ids", List(Text)),
            ("contents", List(Object(("id", Text), ("item_name", Text), ("item_category", Text), ("item_brand", Text), ("item_price", Amount), ("quantity", Integer)))),
            ("search_string", Text), ("content_name", Text), ("content_category", Text), ("opt_out_type", OneOf("LDP")))));

    (int, string, int) Pinterest(HttpContext http, JsonElement body)
    {
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            return (401, """{"code":2,"message":"Authentication failed."}""", 0);
        if (http.Request.QueryString.Value is not ("" or "?test=true" or null) || Object(("data!", List(AnyObject, 1000)))(body, "body") is not null)
            return (400, """{"code":4196,"message":"Invalid request."}""", 0);
        var events = body.GetProperty("data").EnumerateArray().ToList();
        var errors = events.ConvertAll(e => Complaint(PinterestEvent, e, "event", "event_id") ?? (HasPinterestKeys(e) ? null : "'user_data' needs em, or client_ip_address and client_user_agent"));
        Take("pinterest", [.. events.Where((_, i) => errors[i] is null)], "event_id");
        var each = errors.ConvertAll(error => new { status = error is null ? "processed" : "failed", error_message = error, warning_message = (string?)null });
        var counts = new { num_events_received = events.Count, num_events_processed = errors.Count(e => e is null), events = each };
        return errors.TrueForAll(e => e is null) ? (200, JsonSerializer.Serialize(counts), events.Count)
            : (422, JsonSerializer.Serialize(new { code = 1, message = "Not all events were successfully processed.", details = counts }), events.Count);
    }

    static bool HasPinterestKeys(JsonElement e) => e.GetProperty("user_data") is var user
        && (user.TryGetProperty("em", out _) || (user.TryGetProperty("client_ip_address", out _) && user.TryGetProperty("client_user_agent", out _)));

    // ---- Snapchat

    static readonly Rule SnapchatEvent = Object(("event_name!", Like("^[A-Z_]+[1-5]?$")), ("event_time!", Seconds(TimeSpan.FromDays(37))), ("event_id!", Text),
        ("action_source!", OneOf("WEB", "MOBILE_APP", "OFFLINE")), ("event_source_url", WebUrl), ("test_event_code", Text), ("data_processing_options", List(OneOf("LMU"))),
        ("user_data!", Object(("em", List(Hash)), ("ph", List(Hash)), ("fn", Hash), ("ln", Hash), ("ge", Hash), ("db", Hash), ("ct", Hash), ("st", Hash), ("zp", Hash), ("country", Hash),
            ("external_id", List(Hash)), ("client_ip_address", Text), ("client_user_agent", Text), ("sc_click_id", Text), ("sc_cookie1", Text))),
        ("custom_data", Object(("currency", Currency), ("value", Number), ("order_id", Text), ("num_items", Integer), ("content_ids", List(Text)),
            ("contents", List(Object(("id", Text), ("quantity", Integer), ("item_price", Number)))), ("search_string", Text), ("content_category", Text), ("sign_up_method", Text))));

    (int, string, int) Snapchat(HttpContext http, JsonElement body)
    {
        if (http.Request.Query["access_token"] != Token)
            return (401, """{"status":"ERROR","reason":"Unauthorized"}""", 0);
        if (Object(("data!", List(SnapchatEvent, 2000)))(body, "body") is { } wrong)
            return (400, JsonSerializer.Serialize(new { status = "INVALID", reason = wrong }), 0);
        var events = body.GetProperty("data").EnumerateArray().ToList();
        Take("snapchat", events, "event_id");
        return (200, """{"status":"OK"}""", events.Count);
    }

    // ---- Reddit

    static readonly Rule RedditEvent = Object(("event_at!", Milliseconds(TimeSpan.FromHours(168))), ("action_source!", OneOf("WEBSITE", "APP", "PHYSICAL_STORE", "OTHER")),
        ("event_source_url", WebUrl), ("click_id", Text), ("type!", Object(("tracking_type!", Like("^[A-Z_]+$")), ("custom_event_name", Text))),
        ("user!", Object(("email", Hash), ("phone_number", Hash), ("external_id", Hash), ("ip_address", Hash), ("user_agent", Text), ("uuid", Like("^[0-9a-f-]{36}$")),
            ("data_processing_options", Object(("country", Like("^[A-Z]{2}$")), ("modes!", List(OneOf("LDU"))))))),
        ("metadata", Object(("conversion_id!", Text), ("currency", Currency), ("value", Number), ("item_count", Integer), ("products", List(Object(("id", Text), ("name", Text), ("category", Text)))))));

    (int, string, int) Reddit(HttpContext http, JsonElement body)
    {
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            return (401, "Authorization Required", 0);
        if (Object(("data!", Object(("test_id", Text), ("events!", List(AnyObject, 1000)))))(body, "body") is not null)
            return (400, """{"message":"Invalid request body."}""", 0);
        var events = body.GetProperty("data").GetProperty("events").EnumerateArray().ToList();
        var errors = events.ConvertAll(e => Complaint(RedditEvent, e, "event", "metadata.conversion_id")).FindAll(e => e is not null);
        if (errors.Count > 0)
            return (400, JsonSerializer.Serialize(new
            {
                message = $"There were {errors.Count} invalid conversion events. None were processed.",
                invalid_events = errors.ConvertAll(e => new { error_message = e }),
            }), events.Count);
        Take("reddit", events, "metadata.conversion_id");
        return (200, JsonSerializer.Serialize(new { message = $"Successfully processed {events.Count} conversion events." }), events.Count);
    }

    static readonly Rule AnyObject = (v, path) => v.ValueKind == JsonValueKind.Object ? null : $"{path}: Not an object";

    string? Complaint(Rule shape, JsonElement e, string path, string idPath) =>
        shape(e, path) ?? (Refuses(IdOf(e, idPath)) is { } words ? $"{path}.{words}" : null);

    void Take(string platform, List<JsonElement> events, string idPath)
    {
        foreach (var e in events)
            Taken.Enqueue((platform, IdOf(e, idPath), e));
    }

    static string IdOf(JsonElement e, string path) => path.Split('.').Aggregate(e, (at, name) => at.GetProperty(name)).GetString()!;
}

/// <summary>The app with strict servers in the platforms' places.</summary>
public sealed class AppWithPlatforms : AppFixture
{
    private StrictPlatforms? _platforms;

    /// <summary>The servers.</summary>
    public StrictPlatforms Platforms => _platforms!;

    protected override IReadOnlyDictionary<string, string> Settings =>
        new[] { "TikTok", "Pinterest", "Snapchat", "Reddit" }.ToDictionary(name => $"Destinations:{name}:BaseUrl", _ => Platforms.Url);

    public override async Task InitializeAsync()
    {
        _platforms = await StrictPlatforms.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Platforms.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
