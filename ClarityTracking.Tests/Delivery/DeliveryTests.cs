using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Delivery;

/// <summary>From a stored event to the platform's answer, with a real HTTP server in Meta's place that answers as Meta does.</summary>
public sealed class DeliveryTests(AppWithMeta app) : IClassFixture<AppWithMeta>, IAsyncLifetime
{
    private const string Taken = """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""";
    private Account _owner = null!;
    private NewSite _site = null!;
    private Guid _connection;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        app.Meta.Respond = null;
        _owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(_owner);
        _http = app.ClientFor(_owner);
        var connection = await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "42" }, credentials = new { access_token = "first-token" }, enabled = true }));
        _connection = connection.GetProperty("id").GetGuid();
    }

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Deliver_Purchase_IsRecordedWithMaskedRequestAndAnswer()
    {
        await SendAsync(Purchase("ok-1"));
        var trace = await TraceAsync("ok-1", "delivered");
        var delivery = trace.GetProperty("deliveries")[0];
        Assert.Equal("meta", delivery.GetProperty("platform").GetString());
        var attempt = Assert.Single(delivery.GetProperty("attempts").EnumerateArray());
        Assert.Equal((200, "delivered"), (attempt.GetProperty("httpStatus").GetInt32(), attempt.GetProperty("outcome").GetString()));
        Assert.Contains("ok-1", attempt.GetProperty("request").ToString(), StringComparison.Ordinal);
        Assert.Contains("trace", attempt.GetProperty("response").ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("first-token", trace.GetRawText(), StringComparison.Ordinal);
        Assert.Contains("first-token", app.Meta.Seen.Last(s => s.Body.Contains("ok-1", StringComparison.Ordinal)).PathAndQuery, StringComparison.Ordinal);
        var stages = trace.GetProperty("decisions").EnumerateArray().Select(d => d.GetProperty("stage").GetString()).ToList();
        Assert.Equal(stages.Order(Comparer<string?>.Create((a, b) => Array.IndexOf(Stages, a) - Array.IndexOf(Stages, b))), stages);
        Assert.Contains("route", stages);
    }

    private static readonly string[] Stages = ["collect", "validate", "enrich", "identify", "store", "route", "deliver"];

    [Fact]
    public async Task Deliver_OnePoisonousEventInABatch_OnlyThatOneIsDead()
    {
        app.Meta.Respond = body => body.Contains("\"poison\"", StringComparison.Ordinal)
            ? (400, """{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804009,"fbtrace_id":"x"}}""", null)
            : (200, Taken, null);
        var events = Enumerable.Range(0, 30).Select(i => Purchase($"batch-{i}")).Append(Purchase("poison"));
        await SendAsync(string.Join(',', events));
        await TraceAsync("poison", "dead");
        for (var i = 0; i < 30; i++)
            await TraceAsync($"batch-{i}", "delivered");
        var dead = (await TraceAsync("poison", "dead")).GetProperty("deliveries")[0];
        Assert.Equal("permanent", dead.GetProperty("reason").GetString());
        var last = dead.GetProperty("attempts").EnumerateArray().Last();
        Assert.Contains("poison", last.GetProperty("request").ToString(), StringComparison.Ordinal);
        Assert.Contains("2804009", last.GetProperty("response").ToString(), StringComparison.Ordinal);
        // each of the others was taken exactly once
        var taken = app.Meta.Seen.Where(s => !s.Body.Contains("\"poison\"", StringComparison.Ordinal)).SelectMany(s => IdsIn(s.Body)).Where(id => id.StartsWith("batch-", StringComparison.Ordinal)).ToList();
        Assert.Equal(30, taken.Count);
        Assert.Equal(30, taken.Distinct().Count());
    }

    [Fact]
    public async Task Deliver_PlatformFailsOnce_IsRetriedWithTheSameEventId()
    {
        var calls = 0;
        app.Meta.Respond = body => body.Contains("retry-1", StringComparison.Ordinal) && Interlocked.Increment(ref calls) == 1
            ? (502, "<html>Bad gateway</html>", null) : (200, Taken, null);
        await SendAsync(Purchase("retry-1"));
        var waiting = await TraceAsync("retry-1", "retrying");
        Assert.Equal("transient", waiting.GetProperty("deliveries")[0].GetProperty("reason").GetString());
        Assert.Equal("degraded", await StateAsync());
        var attempts = (await TraceAsync("retry-1", "delivered")).GetProperty("deliveries")[0].GetProperty("attempts").EnumerateArray().ToList();
        Assert.Equal(["transient", "delivered"], attempts.Select(a => a.GetProperty("outcome").GetString()));
        Assert.Equal("healthy", await StateAsync());
    }

    [Fact]
    public async Task Deliver_TokenExpired_PausesAndKeepsEventsUntilNewCredentials()
    {
        app.Meta.Respond = _ => (400, """{"error":{"message":"Malformed access token first-token","type":"OAuthException","code":190,"error_subcode":463}}""", null);
        await SendAsync(Purchase("paused-1"));
        var paused = await TraceAsync("paused-1", "retrying");
        Assert.Equal("credential", paused.GetProperty("deliveries")[0].GetProperty("reason").GetString());
        Assert.DoesNotContain("first-token", paused.GetRawText(), StringComparison.Ordinal); // Graph quotes the token in its answer
        Assert.Equal(0L, await app.ValueAsync<long>("SELECT count(*) FROM connections WHERE state_reason LIKE '%first-token%'"));
        Assert.Equal("paused", await StateAsync());
        await SendAsync(Purchase("paused-2"));
        await TraceAsync("paused-2", "pending");

        app.Meta.Respond = null;
        var changed = await _http.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{_connection}", new { credentials = new { access_token = "second-token" } });
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        await TraceAsync("paused-1", "delivered");
        await TraceAsync("paused-2", "delivered");
        Assert.Contains("second-token", app.Meta.Seen.Last().PathAndQuery, StringComparison.Ordinal);
        Assert.Equal("healthy", await StateAsync());
    }

    [Fact]
    public async Task Deliver_RateLimited_WaitsAtLeastAsLongAsAsked()
    {
        app.Meta.Respond = _ => (400, """{"error":{"message":"too many calls","code":17}}""", 3600);
        await SendAsync(Purchase("limited-1"));
        await TraceAsync("limited-1", "retrying");
        var seconds = await app.ValueAsync<double>($"""
            SELECT extract(epoch FROM q.next_attempt_at - now())::float8 FROM delivery_queue q JOIN events e ON e.id = q.event_id WHERE e.event_id = 'limited-1'
            """);
        Assert.InRange(seconds, 3500, 3601);
    }

    [Theory]
    [InlineData("skip-click", "click", "", "live", null, "unmapped")]
    [InlineData("skip-consent", "purchase", ""","consent":{"ad_user_data":"denied"}""", "live", null, "consent")]
    [InlineData("skip-gpc", "purchase", "", "live", "Sec-GPC", "consent")]
    [InlineData("skip-test", "purchase", ""","test":true""", "live", null, "test")]
    [InlineData("skip-bot", "purchase", "", "live", "Googlebot", "bot")]
    [InlineData("skip-keys", "lead", ""","user":{"city":"Paris"}""", "live", null, "missing_keys")]
    public async Task Route_EventThatShouldNotGo_IsSkippedByName(string id, string type, string extra, string mode, string? header, string reason)
    {
        Assert.Equal("live", mode);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/collect?key={_site.PublishableKey}")
        {
            Content = new StringContent($$"""{"events":[{"event_id":"{{id}}","event_type":"{{type}}","properties":{"value":1,"url":"https://shop.example.com/"}{{extra}} }]}""", Encoding.UTF8, "application/json"),
        };
        if (header == "Sec-GPC")
            request.Headers.Add("Sec-GPC", "1");
        request.Headers.TryAddWithoutValidation("User-Agent", header == "Googlebot" ? "Mozilla/5.0 (compatible; Googlebot/2.1)" : "Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0");
        using var anonymous = app.Anonymous();
        Assert.Equal(HttpStatusCode.Accepted, (await anonymous.SendAsync(request)).StatusCode);
        var trace = await TraceAsync(id, "skipped");
        Assert.Equal(reason, trace.GetProperty("deliveries")[0].GetProperty("reason").GetString());
        Assert.DoesNotContain(app.Meta.Seen, s => s.Body.Contains($"\"{id}\"", StringComparison.Ordinal));
    }

    private static string Purchase(string id) =>
        $$"""{"event_id":"{{id}}","event_type":"purchase","properties":{"value":10,"currency":"EUR","url":"https://shop.example.com/thanks"},"user":{"email":"jane@example.com"} }""";

    private async Task SendAsync(string events)
    {
        using var anonymous = app.Anonymous();
        using var content = new StringContent($$"""{"events":[{{events}}]}""", Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.Accepted, (await anonymous.PostAsync($"/api/v1/collect?key={_site.PublishableKey}", content)).StatusCode);
    }

    /// <summary>The event's trace once its delivery has this status.</summary>
    private async Task<JsonElement> TraceAsync(string eventId, string status)
    {
        var last = "";
        for (var i = 0; i < 200; i++)
        {
            var answer = await _http.GetAsync($"/api/websites/{_site.Id}/events/{eventId}");
            last = await answer.Content.ReadAsStringAsync();
            var trace = JsonDocument.Parse(last).RootElement;
            if (answer.IsSuccessStatusCode && trace.GetProperty("deliveries").EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } delivery
                && delivery.GetProperty("status").GetString() == status)
                return trace;
            await Task.Delay(100);
        }
        throw new Xunit.Sdk.XunitException($"{eventId} did not become {status}: {last}");
    }

    private async Task<string?> StateAsync() =>
        (await AppFixture.JsonOf(await _http.GetAsync($"/api/websites/{_site.Id}/connections/{_connection}"))).GetProperty("state").GetString();

    private static IEnumerable<string> IdsIn(string body) =>
        JsonDocument.Parse(body).RootElement.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("event_id").GetString()!);
}
