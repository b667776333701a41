using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Reliability;

/// <summary>The database goes away under a running app and comes back: never a lie, and no restart needed.</summary>
public sealed class DatabaseAwayTests(DatabaseAwayTests.RelayedApp app) : IClassFixture<DatabaseAwayTests.RelayedApp>
{
    [Fact]
    public async Task Collect_DatabaseAway_Answers503AndGoesOnByItselfWhenItIsBack()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        using var http = app.Anonymous();
        Assert.Equal(HttpStatusCode.Accepted, (await PostAsync(http, site, "before")).StatusCode);

        app.Relay.Cut();
        var refused = await PostAsync(http, site, "during");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        Assert.Contains("\"code\":\"unavailable\"", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var health = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/live")).StatusCode);

        app.Relay.Restore();
        var waited = Stopwatch.StartNew();
        HttpResponseMessage answer;
        do
        {
            await Task.Delay(100);
            answer = await PostAsync(http, site, "during");
        }
        while (answer.StatusCode != HttpStatusCode.Accepted && waited.Elapsed < TimeSpan.FromSeconds(20));
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("before 1, during 1", await app.ValueAsync<string>("""
            SELECT string_agg(event_id || ' ' || n, ', ' ORDER BY event_id) FROM (SELECT event_id, count(*) AS n FROM events GROUP BY event_id) counted
            """));
    }

    [Fact]
    public async Task Deliver_DatabaseAwayWhenThePlatformAnswers_IsRecordedAndNotSentAgain()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "42" }, credentials = new { access_token = "some-token" } }));
        var released = new TaskCompletionSource();
        app.Platform.RespondAsync = async (_, _) =>
        {
            await released.Task;
            return (200, """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""", null);
        };
        using var content = new StringContent(
            """{"events":[{"event_id":"away","event_type":"lead","properties":{"url":"https://shop.example.com/"},"user":{"email":"jane@example.com"}}]}""", Encoding.UTF8, "application/json");
        using var anonymous = app.Anonymous();
        Assert.Equal(HttpStatusCode.Accepted, (await anonymous.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content)).StatusCode);
        await UntilAsync(() => Task.FromResult(app.Platform.Seen.Count == 1));

        app.Relay.Cut();
        released.SetResult();
        await Task.Delay(2500); // the first two tries to write are in vain
        app.Relay.Restore();
        await UntilAsync(() => app.ValueAsync<bool>($"SELECT count(*) = 1 FROM deliveries WHERE website_id = '{site.Id}' AND status = 'delivered'"));
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_calls WHERE website_id = '{site.Id}'"));
        Assert.Single(app.Platform.Seen);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var i = 0; !await isSo(); i++)
        {
            Assert.True(i < 300, "it does not happen");
            await Task.Delay(100);
        }
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, NewSite site, string eventId)
    {
        using var content = new StringContent($$"""{"events":[{"event_id":"{{eventId}}","event_type":"lead"}]}""", Encoding.UTF8, "application/json");
        return await http.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content);
    }

    /// <summary>The app with a cable to its database that can be unplugged.</summary>
    public sealed class RelayedApp : AppFixture
    {
        private TcpRelay? _relay;
        private Upstream? _platform;

        /// <summary>The server in the platforms' place.</summary>
        public Upstream Platform => _platform!;

        protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Destinations:Meta:BaseUrl"] = Platform.Url };

        public override async Task InitializeAsync()
        {
            _platform = await Upstream.StartAsync();
            await base.InitializeAsync();
        }

        public TcpRelay Relay => _relay!;

        protected override string ConnectionStringOfApp(string direct)
        {
            var target = new NpgsqlConnectionStringBuilder(direct);
            _relay = new TcpRelay(target.Port);
            target.Port = _relay.Port;
            return target.ConnectionString;
        }

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            await Platform.DisposeAsync();
            await Relay.DisposeAsync();
        }
    }
}
