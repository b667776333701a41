using System.Diagnostics;
using System.Net;
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
