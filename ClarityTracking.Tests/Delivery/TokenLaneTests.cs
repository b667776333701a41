using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Delivery;

/// <summary>What the lane does for a platform that wants a short-lived token, and that lets single events wait.</summary>
public sealed class TokenLaneTests(AppWithTokenPlatform app) : IClassFixture<AppWithTokenPlatform>, IAsyncLifetime
{
    private NewSite _site = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        var owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(owner);
        _http = app.ClientFor(owner);
        app.Tokens.Answer = Token("a1-" + _site.Id);
        (app.Platform.Answer, app.Platform.Respond) = ((200, "{}"), null);
    }

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Deliver_KeptTokenIsRevoked_FetchesAnotherWithoutPausing()
    {
        await ConnectAsync("r-revoked");
        await SendAsync("t-1");
        await StatusAsync("t-1", "delivered");
        app.Tokens.Answer = Token("a2-secret");
        app.Platform.Respond = body => body.Contains("Bearer a1", StringComparison.Ordinal) ? (401, "{}", null) : (200, "{}", null);
        await SendAsync("t-2");
        var attempts = (await StatusAsync("t-2", "delivered")).GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("outcome").GetString());
        Assert.Equal(["transient", "delivered"], attempts);
        Assert.DoesNotContain("a2-secret", await app.ValueAsync<string>("SELECT string_agg(response || url, ' ') FROM delivery_calls"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deliver_FreshTokenIsRefused_PausesTheConnection()
    {
        var connection = await ConnectAsync("r-fresh");
        app.Platform.Answer = (401, "{}");
        await SendAsync("t-3");
        await StatusAsync("t-3", "retrying");
        Assert.Equal("paused", await StateAsync(connection));
    }

    [Fact]
    public async Task Deliver_ExchangeIsRefused_PausesWithoutACallToThePlatform()
    {
        var connection = await ConnectAsync("r-invalid");
        app.Tokens.Answer = (400, """{"error":"invalid_grant","error_description":"Token has been expired or revoked."}""");
        await SendAsync("t-4");
        for (var i = 0; i < 200 && await StateAsync(connection) != "paused"; i++)
            await Task.Delay(50);
        Assert.Equal("paused", await StateAsync(connection));
        var waiting = await StatusAsync("t-4", "pending"); // the platform was never called
        Assert.Equal(("credential", 0), (waiting.GetProperty("reason").GetString(), waiting.GetProperty("attempts").GetArrayLength()));
        Assert.Contains("invalid_grant", waiting.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(app.Platform.Seen, s => s.Body.Contains("t-4", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Deliver_OneEventMustWait_TheConnectionStaysHealthy()
    {
        var connection = await ConnectAsync("r-after");
        app.Platform.Respond = body => (200, body.Contains("t-5-later", StringComparison.Ordinal) ? """{"wait":"later"}""" : "{}", null);
        await SendAsync("t-5-later");
        var waiting = await StatusAsync("t-5-later", "retrying");
        Assert.Equal("The click is too new.", waiting.GetProperty("detail").GetString());
        Assert.Equal("healthy", await StateAsync(connection));
        var seconds = await app.ValueAsync<double>("SELECT extract(epoch FROM q.next_attempt_at - now())::float8 FROM delivery_queue q JOIN events e ON e.id = q.event_id WHERE e.event_id = 't-5-later'");
        Assert.InRange(seconds, 6 * 3600 - 30, 6 * 3600);
        await SendAsync("t-6");
        await StatusAsync("t-6", "delivered");
    }

    private static (int, string) Token(string token) => (200, $$"""{"access_token":"{{token}}","expires_in":3600}""");

    private async Task<Guid> ConnectAsync(string refreshToken) =>
        (await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections",
            new { platform = "token_platform", name = "T", settings = new { }, credentials = new { refresh_token = refreshToken }, enabled = true }))).GetProperty("id").GetGuid();

    private async Task SendAsync(string id)
    {
        using var anonymous = app.Anonymous();
        using var content = new StringContent($$"""{"events":[{"event_id":"{{id}}","event_type":"lead","properties":{"url":"https://shop.example.com/"} }]}""", Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.Accepted, (await anonymous.PostAsync($"/api/v1/collect?key={_site.PublishableKey}", content)).StatusCode);
    }

    private async Task<JsonElement> StatusAsync(string eventId, string status)
    {
        var last = "";
        for (var i = 0; i < 300; i++)
        {
            last = await (await _http.GetAsync($"/api/websites/{_site.Id}/events/{eventId}")).Content.ReadAsStringAsync();
            if (JsonElement.Parse(last).TryGetProperty("deliveries", out var deliveries) && deliveries.GetArrayLength() > 0 && deliveries[0].GetProperty("status").GetString() == status)
                return deliveries[0];
            await Task.Delay(50);
        }
        throw new Xunit.Sdk.XunitException($"{eventId} did not become {status}: {last}");
    }

    private async Task<string?> StateAsync(Guid connection) =>
        (await AppFixture.JsonOf(await _http.GetAsync($"/api/websites/{_site.Id}/connections/{connection}"))).GetProperty("state").GetString();
}

/// <summary>The app with a platform that wants an access token, and a token server.</summary>
public sealed class AppWithTokenPlatform : AppFixture
{
    private Upstream? _platform, _tokens;

    public Upstream Platform => _platform!;

    public Upstream Tokens => _tokens!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Destinations:TokenPlatform:BaseUrl"] = Platform.Url,
        ["OAuth:Google:TokenUrl"] = Tokens.Url,
    };

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureServices(services => services.AddSingleton<IDestination, TokenPlatform>());
    }

    public override async Task InitializeAsync()
    {
        (_platform, _tokens) = (await Upstream.StartAsync(), await Upstream.StartAsync());
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Platform.DisposeAsync();
        await Tokens.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The smallest platform that shows what the lane does. Its server sees the token in the body.</summary>
    private sealed class TokenPlatform : IDestination
    {
        public DestinationInfo Info { get; } = new("token_platform", "Token platform", 10, TimeSpan.FromDays(7), new Uri("http://127.0.0.1:1"),
            [new("refresh_token", "Refresh token", "Example.", IsSecret: true, IsRequired: true)]);

        public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => [];

        public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now) => null;

        public byte[] Map(Event @event, JsonElement settings) => JsonSerializer.SerializeToUtf8Bytes(new { id = @event.EventId });

        public TokenGrant? Grant(JsonElement credentials) => new TokenGrant.Refresh("Google", credentials.GetProperty("refresh_token").GetString()!);

        public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access) => new(HttpMethod.Post, access.BaseUrl,
            Encoding.UTF8.GetBytes($$"""{"data":[{{string.Join(',', payloads.Select(Encoding.UTF8.GetString))}}],"token":"Bearer {{access.AccessToken}}"}"""),
            new Dictionary<string, string>(), [access.AccessToken!]);

        public DeliveryOutcome Judge(DestinationAnswer answer) => answer.HttpStatus == 401 ? new DeliveryOutcome.TryLater(FailureKind.Credential, "Not this token.")
            : answer.Body.Contains("later", StringComparison.Ordinal)
                ? new DeliveryOutcome.Mixed([.. Enumerable.Repeat(new DeliveryOutcome.TryLater(FailureKind.Transient, "The click is too new.", TimeSpan.FromHours(6)), answer.Events)])
                : new DeliveryOutcome.Delivered(null);
    }
}
