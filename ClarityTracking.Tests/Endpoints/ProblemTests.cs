using System.Net;
using System.Text;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>Bad requests of all kinds get a named problem, never a 500.</summary>
public sealed class ProblemTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("POST", "/api/websites", "{", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites", "", "application/json", 400, "invalid_request")]
    [InlineData("POST", "/api/websites", "null", "application/json", 400, "invalid_request")]
    [InlineData("POST", "/api/websites", "[]", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites", """{"name":7,"domain":"a.example.com"}""", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites", """{"name":"\ud800","domain":"a.example.com"}""", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites", """{"workspaceId":"x","name":"a","domain":"a.example.com"}""", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites", "name=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type")]
    [InlineData("POST", "/api/websites", """{"name":"a"}""", "text/plain", 415, "unsupported_media_type")]
    [InlineData("POST", "/api/websites", """{"name":"a\u0000b","domain":"a.example.com"}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/websites", """{"name":"a","domain":"not a domain"}""", "application/json", 422, "validation_failed")]
    [InlineData("PUT", "/api/websites", "{}", "application/json", 405, "method_not_allowed")]
    [InlineData("GET", "/api/websites/not-an-id", null, null, 404, "not_found")]
    [InlineData("GET", "/api/nothing/here", null, null, 404, "not_found")]
    [InlineData("GET", "/api/websites/{site}/events?limit=many", null, null, 400, "invalid_request")]
    [InlineData("GET", "/api/websites/{site}/events?source=toaster", null, null, 400, "invalid_request")]
    [InlineData("GET", "/api/websites/{site}/events?from=yesterday", null, null, 400, "invalid_request")]
    [InlineData("GET", "/api/websites/{site}/events?cursor=1", null, null, 400, "invalid_request")]
    [InlineData("GET", "/api/websites/{site}/events?name=%00", null, null, 400, "invalid_value")]
    [InlineData("GET", "/api/websites/{site}/deliveries?status=lost", null, null, 400, "invalid_request")]
    [InlineData("POST", "/api/websites/{site}/keys", """{"kind":"golden"}""", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites/{site}/keys", """{"kind":1}""", "application/json", 400, "malformed_json")]
    [InlineData("POST", "/api/websites/{site}/keys", "{}", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/websites/{site}/connections", """{"platform":"myspace"}""", "application/json", 422, "unknown_platform")]
    [InlineData("POST", "/api/websites/{site}/connections", """{"platform":"meta","settings":[]}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/websites/{site}/connections", """{"platform":"meta","settings":{"dataset_id":"1","x":"\u0000"},"credentials":{"access_token":"t"}}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/websites/{site}/connections", """{"platform":"meta","settings":{"dataset_id":"1","x":"\ud800"},"credentials":{"access_token":"t"}}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/websites/{site}/deliveries/replay", """{"status":"delivered"}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/workspaces", """{"name":""}""", "application/json", 422, "validation_failed")]
    [InlineData("POST", "/api/workspaces/{workspace}/members", """{"email":"nobody@example.com"}""", "application/json", 422, "account_not_found")]
    [InlineData("PATCH", "/api/workspaces/{workspace}/members/{user}", """{"role":"viewer"}""", "application/json", 409, "last_owner")]
    public async Task BadRequest_OfEachKind_IsANamedProblem(string method, string path, string? body, string? type, int status, string code)
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        path = path.Replace("{site}", site.Id.ToString(), StringComparison.Ordinal).Replace("{workspace}", account.WorkspaceId.ToString(), StringComparison.Ordinal)
            .Replace("{user}", account.UserId.ToString(), StringComparison.Ordinal);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type!);
        var problem = await AppFixture.ProblemOf(await client.SendAsync(request), status);
        Assert.Equal(code, problem.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Connection_WithANameTwice_TakesTheLastAndCanStillBeChanged()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var path = $"/api/websites/{site.Id}/connections";
        var made = await AppFixture.JsonOf(await client.PostAsync(path, new StringContent(
            """{"platform":"meta","settings":{"dataset_id":"1","dataset_id":"2"},"credentials":{"access_token":"a","access_token":"b"}}""", Encoding.UTF8, "application/json")));
        var changed = await AppFixture.JsonOf(await client.PatchAsync($"{path}/{made.GetProperty("id").GetGuid()}", new StringContent(
            """{"settings":{"test_event_code":"T1"},"credentials":{"app_secret":"c"}}""", Encoding.UTF8, "application/json")));
        Assert.Equal("2", changed.GetProperty("settings").GetProperty("dataset_id").GetString());
        Assert.Equal(["access_token", "app_secret"], changed.GetProperty("credentials").EnumerateArray().Select(c => c.GetString()));
    }

    [Fact]
    public async Task Body_LargerThanTheServerTakes_IsRefused()
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        client.DefaultRequestHeaders.ExpectContinue = true;
        using var body = new StringContent(new string(' ', 31_000_000), Encoding.UTF8, "application/json");
        var problem = await AppFixture.ProblemOf(await client.PostAsync("/api/websites", body), 413);
        Assert.Equal("body_too_large", problem.GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Bearer nonsense")]
    [InlineData("Bearer sk_live_00000000000000000000000000000000")]
    [InlineData("Basic dXNlcjpwYXNz")]
    public async Task Management_WithoutValidCredentials_IsUnauthorized(string authorization)
    {
        using var client = app.Anonymous();
        if (authorization.Length > 0)
            client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
        var problem = await AppFixture.ProblemOf(await client.GetAsync("/api/websites"), 401);
        Assert.Equal("unauthorized", problem.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Management_WithAPublishableKey_IsUnauthorized()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        using var client = app.ClientFor(site.PublishableKey);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Id}"), 401);
    }

    [Fact]
    public async Task Answers_OfTheApi_CarrySecurityHeaders()
    {
        using var client = app.Anonymous();
        var answer = await client.GetAsync("/health");
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Contains("frame-ancestors 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task OpenApi_Document_DescribesTheManagementRoutes()
    {
        using var client = app.Anonymous();
        var document = await AppFixture.JsonOf(await client.GetAsync("/openapi/v1.json"));
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("scheme").GetString());
        Assert.True(document.GetProperty("paths").GetProperty("/api/websites").GetProperty("get").GetProperty("security")[0].TryGetProperty("bearer", out _));
        Assert.False(document.GetProperty("paths").GetProperty("/api/login").GetProperty("post").TryGetProperty("security", out _));
        var paths = document.GetProperty("paths");
        foreach (var path in new[] { "/api/register", "/api/websites/{id}/connections/{cid}/test", "/api/websites/{id}/events/{eventId}", "/api/websites/{id}/deliveries/replay" })
            Assert.True(paths.TryGetProperty(path, out _), $"{path} is missing");
    }

    [Fact]
    public async Task Health_WithDatabase_IsHealthy()
    {
        using var client = app.Anonymous();
        foreach (var path in new[] { "/health", "/health/live", "/health/ready" })
        {
            var health = await AppFixture.JsonOf(await client.GetAsync(path));
            Assert.Equal("healthy", health.GetProperty("status").GetString());
        }
        var state = await AppFixture.JsonOf(await client.GetAsync("/health"));
        Assert.Equal("healthy", state.GetProperty("database").GetString());
        Assert.True(state.GetProperty("queue").GetProperty("unrouted").GetInt64() >= 0);
    }
}

/// <summary>What the API says when the database is gone.</summary>
public sealed class DatabaseAwayTests
{
    [Fact]
    public async Task Api_DatabaseGone_AnswersUnavailableAndRecovers()
    {
        await using var app = new AppFixture();
        await app.InitializeAsync();
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        var name = new Npgsql.NpgsqlConnectionStringBuilder(app.ConnectionString).Database!;
        var server = new Npgsql.NpgsqlConnectionStringBuilder(app.ConnectionString) { Database = "postgres", Pooling = false }.ConnectionString;
        await TestDatabase.RunAsync(server, $"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await TestDatabase.RunAsync(server, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");

        var problem = await AppFixture.ProblemOf(await client.GetAsync("/api/websites"), 503);
        Assert.Equal("database_unavailable", problem.GetProperty("code").GetString());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live")).StatusCode);

        await TestDatabase.RunAsync(server, $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/websites")).StatusCode);
    }
}

/// <summary>Limits per caller and address.</summary>
public sealed class RateLimitTests(RateLimitTests.Limited app) : IClassFixture<RateLimitTests.Limited>
{
    public sealed class Limited : AppFixture
    {
        protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
        {
            ["Clarity:RateLimits:AuthPerMinute"] = "5",
            ["Clarity:RateLimits:ManagementPerMinute"] = "10",
            ["Clarity:RateLimits:ManagementPerMinutePerAddress"] = "30",
        };
    }

    [Fact]
    public async Task Requests_OverTheLimit_AreRefusedWithRetryAfter()
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        for (var i = 0; i < 10; i++)
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/websites")).StatusCode);
        var refused = await client.GetAsync("/api/websites");
        var problem = await AppFixture.ProblemOf(refused, 429);
        Assert.Equal("rate_limited", problem.GetProperty("code").GetString());
        Assert.True(refused.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));

        // made-up tokens share the address's limit
        var statuses = new List<int>();
        for (var i = 0; i < 30; i++)
        {
            using var other = app.ClientFor($"made-up-{i}");
            statuses.Add((int)(await other.GetAsync("/api/websites")).StatusCode);
        }
        Assert.Equal(429, statuses[^1]);

        using var anonymous = app.Anonymous();
        var login = new List<int>();
        for (var i = 0; i < 6; i++)
            login.Add((int)(await anonymous.PostAsync("/api/login", new StringContent("{}", Encoding.UTF8, "application/json"))).StatusCode);
        Assert.Equal(429, login[^1]);
        // another visitor behind the same proxy is not held up
        anonymous.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.9");
        Assert.Equal(HttpStatusCode.Unauthorized, (await anonymous.PostAsync("/api/login", new StringContent("{}", Encoding.UTF8, "application/json"))).StatusCode);
    }
}
