using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Inbound;

/// <summary>
/// A real HTTP server in the places of the senders' APIs, one path prefix each. Refuses wrong credentials (401), unknown things (404), and fails as
/// often as it is told to.
/// </summary>
public sealed class SenderApis : IAsyncDisposable
{
    public const string Token = "token-of-the-connection", AcuityUser = "12345", WooKey = "ck_1234567890";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Func<HttpRequest, object?>> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<int>> _failures = new(StringComparer.Ordinal);

    private SenderApis(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    /// <summary>Paths with their query, oldest first.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Acuity's API keys that are good.</summary>
    public ConcurrentBag<string> AcuityKeys { get; } = [];

    public static async Task<SenderApis> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var apis = new SenderApis(app);
        app.Run(apis.AnswerAsync);
        await app.StartAsync();
        return apis;
    }

    /// <summary>What stands at a path (<c>/calendly/users/me</c>); null from the function is 404.</summary>
    public void Put(string path, Func<HttpRequest, object?> answer) => _answers[path] = answer;

    /// <summary>What stands at a path.</summary>
    public void Put(string path, object answer) => Put(path, _ => answer);

    /// <summary>The next answers of a path are these statuses.</summary>
    public void Fail(string path, params int[] statuses) => _failures[path] = new ConcurrentQueue<int>(statuses);

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        Calls.Enqueue(path + http.Request.QueryString);
        http.Response.ContentType = "application/json";
        if (_failures.TryGetValue(path, out var failures) && failures.TryDequeue(out var status))
        {
            http.Response.StatusCode = status;
            if (status == 429)
                http.Response.Headers.RetryAfter = "1";
            await http.Response.WriteAsync("{\"error\":\"as told\"}");
            return;
        }
        using var body = new StreamReader(http.Request.Body);
        http.Items["body"] = await body.ReadToEndAsync();
        var method = path.StartsWith("/hubspot/", StringComparison.Ordinal) && path.EndsWith("/search", StringComparison.Ordinal) ? "POST" : "GET";
        http.Response.StatusCode = !IsAllowed(http.Request) ? 401 : http.Request.Method != method ? 405 : 200;
        var answer = http.Response.StatusCode == 200 && _answers.TryGetValue(path, out var make) ? make(http.Request) : null;
        if (http.Response.StatusCode == 200 && answer is null)
            http.Response.StatusCode = 404;
        await http.Response.WriteAsync(answer is null ? "{}" : JsonSerializer.Serialize(answer));
    }

    private bool IsAllowed(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        if (request.Path.StartsWithSegments("/acuity"))
            return AcuityKeys.Any(key => given == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{AcuityUser}:{key}")));
        if (request.Path.StartsWithSegments("/shopify"))
            return request.Headers["X-Shopify-Access-Token"] == Token && given.Length == 0;
        if (request.Path.StartsWithSegments("/woo"))
            return given == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{WooKey}:{Token}"));
        if (request.Path.StartsWithSegments("/stripe") && request.Headers["Stripe-Version"] != "2026-10-28.endive")
            return false;
        if (request.Path.StartsWithSegments("/square") && !DateOnly.TryParse(request.Headers["Square-Version"], out _))
            return false;
        return given == $"Bearer {Token}" && (!request.Path.StartsWithSegments("/calcom") || request.Headers["cal-api-version"] == "2024-08-13");
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

/// <summary>The app, with the senders' APIs in its reach.</summary>
public sealed class SenderFixture : AppFixture
{
    private Dictionary<string, string> _settings = [];

    public SenderApis Apis { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => _settings;

    public override async Task InitializeAsync()
    {
        Apis = await SenderApis.StartAsync();
        _settings = new[] { "calendly", "calcom", "acuity", "hubspot", "whop", "shopify", "stripe", "square" }.ToDictionary(p => $"Sources:{p}:BaseUrl", p => $"{Apis.Url}/{p}");
        _settings["Clarity:AllowPrivateNetworks"] = "true"; // a shop of WooCommerce stands where its owner says
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Apis.DisposeAsync();
    }

    internal static string NewSecret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    internal static string Hex(string secret, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));

    internal static string Base64(string secret, string text) => Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));

    /// <summary>Conversions of a website as <c>kind|status|value|refunded</c>, oldest first.</summary>
    internal Task<string> ConversionsAsync(Sender sender) => ValueAsync<string>(
        $"SELECT coalesce(string_agg(concat_ws('|', kind, status, coalesce(round(value, 2)::text, '-'), trim_scale(refunded)), ' ' ORDER BY occurred_at, sender_id), '') FROM conversions WHERE website_id = '{sender.Site.Id}'");

    /// <summary>Names of a website's server events with how many there are.</summary>
    internal Task<string> EventsAsync(Sender sender) => ValueAsync<string>($"""
        SELECT coalesce(string_agg(name || '=' || n, ' ' ORDER BY name), '') FROM (SELECT name, count(*) AS n FROM events WHERE website_id = '{sender.Site.Id}' AND source = 'webhook' GROUP BY name) e
        """);

    /// <summary>Asks for a pull and waits for its end.</summary>
    internal async Task<JsonElement> PullAsync(Sender sender, int days)
    {
        using var client = ClientFor(sender.Account);
        var path = $"/api/websites/{sender.Site.Id}/connections/{await ConnectionAsync(sender)}/pull";
        var started = await client.PostAsJsonAsync(path, new { days });
        Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
        for (var i = 0; i < 600; i++)
        {
            var pull = (await JsonOf(await client.GetAsync(path))).GetProperty("pull");
            if (pull.GetProperty("status").GetString() is "done" or "failed")
                return pull;
            await Task.Delay(100);
        }
        Assert.Fail("The pull did not end: " + await client.GetStringAsync(path));
        return default;
    }

    /// <summary>The id of a website's only connection.</summary>
    internal Task<Guid> ConnectionAsync(Sender sender) => ValueAsync<Guid>($"SELECT id FROM connections WHERE website_id = '{sender.Site.Id}'");

    /// <summary>Every order of some things.</summary>
    internal static IEnumerable<string> Orders(string things) =>
        things.Length < 2 ? [things] : things.SelectMany((first, i) => Orders(things.Remove(i, 1)).Select(rest => first + rest));
}
