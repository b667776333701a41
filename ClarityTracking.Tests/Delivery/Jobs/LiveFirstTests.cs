using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Delivery.Jobs;

/// <summary>A backfill does not hold live events up.</summary>
public sealed class LiveFirstTests(AppWithPlatform app, ITestOutputHelper output) : IClassFixture<AppWithPlatform>
{
    [Fact]
    public async Task Backfill_OfManyToASlowPlatform_LiveEventsAreNotBehindThem()
    {
        const int Early = 15_000;
        app.Platform.RespondAsync = async (_, body) =>
        {
            await Task.Delay(250);
            return (200, $$"""{"successful_rows":{{body.Count(c => c == '\n')}},"quarantined_rows":0}""", null);
        };
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        using var visitor = app.Anonymous();
        await app.RunAsync($"""
            INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, properties)
            SELECT '{site.WorkspaceId}', '{site.Id}', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 7200000 + n), 12, '0') || '7abcb' || substr(md5(n::text), 1, 15))::uuid,
                   'early-' || n, 'lead', 'server', false, now() - interval '2 hours', now() - interval '2 hours', '{"{}"}' FROM generate_series(1, {Early}) n
            """);
        var connection = (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "tinybird", settings = new { data_source = "rows" }, credentials = new { token = "some-token" } }))).GetProperty("id").GetGuid();
        var job = (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections/{connection}/backfill", new { days = 1 }))).GetProperty("jobId").GetGuid();

        var latencies = new List<double>();
        for (var i = 0; ; i++)
        {
            var status = (await AppFixture.JsonOf(await http.GetAsync($"/api/websites/{site.Id}/deliveries/jobs/{job}"))).GetProperty("status").GetString();
            if (status == "done")
                break;
            Assert.True(i < 200, "the backfill does not end");
            using var content = new StringContent($$"""{"events":[{"event_id":"live-{{i}}","event_type":"lead","visitor_id":"v"}]}""", Encoding.UTF8, "application/json");
            var began = TimeProvider.System.GetTimestamp();
            Assert.Equal(HttpStatusCode.Accepted, (await visitor.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content)).StatusCode);
            while (!app.Platform.Seen.Any(s => s.Body.Contains($"\"live-{i}\"", StringComparison.Ordinal)))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), $"live-{i} does not arrive");
                await Task.Delay(20);
            }
            latencies.Add(TimeProvider.System.GetElapsedTime(began).TotalSeconds);
        }
        output.WriteLine($"{latencies.Count} live events during the backfill of {Early}: {string.Join(", ", latencies.Select(l => l.ToString("0.00", System.Globalization.CultureInfo.InvariantCulture)))} s");
        Assert.True(latencies.Count >= 3, "the backfill was over before it could be in the way");
        // behind all that is there it would wait for up to 15,000 / 500 calls
        Assert.InRange(latencies.Max(), 0, 3);
        Assert.InRange(latencies.Order().ElementAt(latencies.Count / 2), 0, 1.5);

        for (var i = 0; await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE connection_id = '{connection}'") > 0; i++)
        {
            Assert.True(i < 300, "the queue does not empty");
            await Task.Delay(100);
        }
        Assert.Equal((long)Early, await app.ValueAsync<long>($"SELECT count(DISTINCT d.event_id) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.connection_id = '{connection}' AND d.status = 'delivered' AND e.event_id LIKE 'early-%'"));
        // what is told of the connection's speed is not two hours
        var health = await AppFixture.JsonOf(await http.GetAsync($"/api/connections/{connection}/health"));
        Assert.InRange(health.GetProperty("averageLatencyMs").GetDouble(), 0, 20_000);
    }
}
