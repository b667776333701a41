using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Delivery;

/// <summary>What a lane does when the platform fails: for one event, for all, for a while, or by being slow.</summary>
public sealed class LaneTests(AppWithPlatform app, ITestOutputHelper output) : IClassFixture<AppWithPlatform>, IAsyncLifetime
{
    private const string Taken = """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""";
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(6);
    private Account _owner = null!;
    private NewSite _site = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        (app.Platform.RespondAsync, app.Platform.Respond) = (null, null);
        app.Platform.Seen.Clear();
        _owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(_owner);
        _http = app.ClientFor(_owner);
    }

    public async Task DisposeAsync()
    {
        await app.RunAsync("UPDATE connections SET enabled = false"); // the next test has the platform for itself
        _http.Dispose();
    }

    [Fact]
    public async Task Failing_OnOneEventEveryTime_OthersAreDeliveredAndItWaitsAlone()
    {
        var connection = await ConnectAsync("meta");
        app.Platform.Respond = body => body.Contains("\"stuck\"", StringComparison.Ordinal) ? (500, "<html>oops</html>", null) : (200, Taken, null);
        await SendAsync(Enumerable.Range(0, 60).Select(i => i == 41 ? "stuck" : $"free-{i}"));
        for (var i = 0; i < 20 && await DeliveredAsync(connection) < 59; i++)
        {
            app.Clock.Advance(TimeSpan.FromSeconds(10));
            await Task.Delay(500);
        }
        Assert.Equal(59, await DeliveredAsync(connection));
        var taken = app.Platform.Seen.Where(s => !s.Body.Contains("\"stuck\"", StringComparison.Ordinal)).SelectMany(s => IdsIn(s.Body)).ToList();
        Assert.Equal(59, taken.Count); // each once
        Assert.Equal(59, taken.Distinct().Count());
        await EventuallyAsync(async () => Assert.Equal("healthy", (await ConnectionAsync(connection)).GetProperty("state").GetString()));

        // it goes on alone with growing pauses and holds nobody up
        Assert.Equal("stuck transient", await app.ValueAsync<string>($"""
            SELECT string_agg(e.event_id || ' ' || q.reason, ',') FROM delivery_queue q JOIN events e ON e.id = q.event_id WHERE q.connection_id = '{connection}'
            """));
        var pauses = new List<double>();
        for (var round = 0; round < 3; round++)
        {
            var seen = app.Platform.Seen.Count;
            app.Clock.Advance(TimeSpan.FromHours(1));
            var advanced = app.Clock.GetUtcNow();
            await EventuallyAsync(() => Task.Run(() => Assert.True(app.Platform.Seen.Count > seen)));
            Assert.Equal(["stuck"], IdsIn(app.Platform.Seen.Last().Body));
            await EventuallyAsync(async () =>
            {
                var pause = await app.ValueAsync<double>($"""
                    SELECT extract(epoch FROM q.next_attempt_at - c.at)::float8 FROM delivery_queue q JOIN delivery_calls c ON c.connection_id = q.connection_id
                     WHERE q.connection_id = '{connection}' AND c.at > '{advanced:O}'
                    """);
                pauses.Add(pause);
            });
        }
        Assert.All(pauses, pause => Assert.InRange(pause, 900, 3601)); // waiting for over an hour: half of that, half of it by chance, at most an hour
        await SendAsync(["late"]);
        await EventuallyAsync(async () => Assert.Equal(60, await DeliveredAsync(connection)));
        // by SQL: the sign-in has expired meanwhile
        Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{connection}'"));
    }

    [Fact]
    public async Task Failing_ForAll_IsProbedWithOneEventUntilItWorksAgain()
    {
        var (connection, lane) = (await ConnectAsync("meta"), app.Services.GetRequiredService<DeliveryLane>());
        app.Platform.Respond = _ => (503, "down", null);
        await SendAsync(Enumerable.Range(0, 40).Select(i => $"probe-{i}"));
        await EventuallyAsync(async () => Assert.Equal("degraded", (await ConnectionAsync(connection)).GetProperty("state").GetString()));
        var since = (await ConnectionAsync(connection)).GetProperty("stateChangedAt").GetDateTimeOffset();
        for (var probe = 1; probe <= 5; probe++)
        {
            var seen = app.Platform.Seen.Count;
            app.Clock.Advance(LongestPause);
            // more workers, as other nodes have them, beside the app's own
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lane.RunBatchAsync(new LaneKey(_site.WorkspaceId, connection), CancellationToken.None)));
            await EventuallyAsync(async () => Assert.Equal(probe + 1L, await app.ValueAsync<int>($"SELECT failures_in_a_row FROM connections WHERE id = '{connection}'")));
            await Task.Delay(1200); // longer than the worker looks
            Assert.Single(IdsIn(Assert.Single(app.Platform.Seen.Skip(seen)).Body));
        }
        var degraded = await ConnectionAsync(connection);
        Assert.Equal(since, degraded.GetProperty("stateChangedAt").GetDateTimeOffset()); // one change, written once
        Assert.Contains("503", degraded.GetProperty("stateReason").GetString(), StringComparison.Ordinal);
        Assert.True(degraded.GetProperty("notBefore").GetDateTimeOffset() > app.Clock.GetUtcNow());

        app.Platform.Seen.Clear();
        app.Platform.Respond = null;
        app.Clock.Advance(LongestPause);
        await EventuallyAsync(async () => Assert.Equal(40, await DeliveredAsync(connection)));
        Assert.Equal([1, 39], app.Platform.Seen.Select(s => IdsIn(s.Body).Count()));
        var healthy = await ConnectionAsync(connection);
        Assert.Equal(("healthy", JsonValueKind.Null, JsonValueKind.Null), (healthy.GetProperty("state").GetString(), healthy.GetProperty("stateReason").ValueKind, healthy.GetProperty("notBefore").ValueKind));
        Assert.True(healthy.GetProperty("stateChangedAt").GetDateTimeOffset() > since);
    }

    [Fact]
    public async Task Backlog_WithQuickAnswers_HasSeveralBatchesOutAndAFailingOneOnlyOne()
    {
        const int Events = 5000, MostPerCall = 500;
        var (slow, failing, quick) = (await ConnectAsync("tinybird", "slow"), await ConnectAsync("tinybird", "fails"), await ConnectAsync("tinybird", "quick"));
        var isDown = false;
        var gauges = new[] { "slow", "fails", "quick" }.ToDictionary(id => id, _ => new Gauge());
        app.Platform.RespondAsync = async (path, body) =>
        {
            var id = gauges.Keys.Single(id => path.Contains(id, StringComparison.Ordinal));
            using var call = gauges[id].Enter();
            await Task.Delay(id == "quick" ? 1 : 200);
            // works until several batches are out
            var fails = id == "fails" && (Volatile.Read(ref isDown) || gauges[id].Most > 1);
            if (fails)
                Volatile.Write(ref isDown, true);
            return fails ? (500, "down", null) : Rows(body);
        };
        await SendAsync(Enumerable.Range(0, Events).Select(i => $"backlog-{i}"));
        await EventuallyAsync(async () => Assert.Equal((Events, Events), (await DeliveredAsync(slow), await DeliveredAsync(quick))));
        output.WriteLine(string.Join(", ", gauges.Select(g => $"{g.Key}: {g.Value.Calls} calls, at most {g.Value.Most} at once")));
        Assert.InRange(gauges["slow"].Most, 2, 8);
        Assert.InRange(gauges["slow"].Calls, Events / MostPerCall, 2 * Events / MostPerCall);
        Assert.True(isDown);

        // the failing one: a call with one event after each pause, one at a time
        await EventuallyAsync(async () => Assert.Equal(("degraded", 0), ((await ConnectionAsync(failing)).GetProperty("state").GetString()!, gauges["fails"].Now)));
        var undelivered = Events - await DeliveredAsync(failing);
        Assert.InRange(undelivered, 2 * MostPerCall, Events);
        gauges["fails"].Reset();
        app.Platform.Seen.Clear();
        for (var probe = 1; probe <= 3; probe++)
        {
            app.Clock.Advance(LongestPause);
            await EventuallyAsync(() => Task.Run(() => Assert.Equal((probe, 0), (gauges["fails"].Calls, gauges["fails"].Now))));
            await Task.Delay(1200); // longer than the worker looks
        }
        Assert.Equal((3, 1), (gauges["fails"].Calls, gauges["fails"].Most));
        Assert.All(app.Platform.Seen, s => Assert.Equal(1, LinesIn(s.Body)));

        // once it works again, all of it goes out, again several at a time
        app.Platform.RespondAsync = async (_, body) =>
        {
            using var call = gauges["fails"].Enter();
            await Task.Delay(200);
            return Rows(body);
        };
        gauges["fails"].Reset();
        app.Clock.Advance(LongestPause);
        await EventuallyAsync(async () => Assert.Equal(Events, await DeliveredAsync(failing)));
        Assert.InRange(gauges["fails"].Most, 2, 8);
    }

    [Fact]
    public async Task Hanging_ManyConnections_DoNotDelayAnother()
    {
        const int Hanging = 70;
        var (released, waiting) = (new TaskCompletionSource(), 0);
        app.Platform.RespondAsync = async (path, body) =>
        {
            if (path.Contains("quick", StringComparison.Ordinal))
                return Rows(body);
            Interlocked.Increment(ref waiting);
            await released.Task;
            return Rows(body);
        };
        for (var i = 0; i < Hanging; i++)
            await ConnectAsync("tinybird", $"hangs_{i}");
        await SendAsync(["first"]);
        await EventuallyAsync(() => Task.Run(() => Assert.Equal(Hanging, Volatile.Read(ref waiting)))); // all at once, each in its first call
        var quick = await ConnectAsync("tinybird", "quick");
        await SendAsync(Enumerable.Range(0, 20).Select(i => $"then-{i}"));
        await EventuallyAsync(async () => Assert.Equal(20, await DeliveredAsync(quick)));
        var slowest = await app.ValueAsync<double>($"SELECT max(extract(epoch FROM finished_at - created_at))::float8 FROM deliveries WHERE connection_id = '{quick}'");
        Assert.InRange(slowest, 0, 2);
        released.SetResult();
    }

    [Fact]
    public async Task Claimed_ByAWorkerThatIsKilled_IsDueAgainSoonAndByOneThatLivesIsKept()
    {
        var connection = await ConnectAsync("meta");
        var released = new TaskCompletionSource();
        app.Platform.RespondAsync = async (_, _) =>
        {
            await released.Task;
            return (200, Taken, null);
        };
        await SendAsync(["held"]);
        await EventuallyAsync(() => Task.Run(() => Assert.Single(app.Platform.Seen)));
        Task<DateTime> LeaseAsync() => app.ValueAsync<DateTime>($"SELECT claimed_until FROM delivery_queue WHERE connection_id = '{connection}'");
        var first = await LeaseAsync();
        Assert.InRange(first - app.Clock.GetUtcNow(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15)); // a killed worker's batch waits no longer than this
        await EventuallyAsync(async () => Assert.True(await LeaseAsync() > first.AddSeconds(3))); // a living one's is renewed
        released.SetResult();
        await EventuallyAsync(async () => Assert.Equal(1, await DeliveredAsync(connection)));
        Assert.Single(app.Platform.Seen);
    }

    [Fact]
    public async Task Limited_WithoutRetryAfter_LaterCallsKeepADistance()
    {
        var connection = await ConnectAsync("meta");
        app.Platform.Respond = _ => (429, """{"error":{"message":"too many calls","code":17}}""", null);
        await SendAsync(["slowed-0"]);
        await EventuallyAsync(async () => Assert.Equal(1000, await app.ValueAsync<int>($"SELECT coalesce(slowed_interval_ms, 0) FROM connections WHERE id = '{connection}'")));
        app.Platform.Respond = null;
        app.Clock.Advance(LongestPause);
        for (var i = 1; i <= 3; i++)
        {
            await EventuallyAsync(async () => Assert.Equal(i, await DeliveredAsync(connection)));
            await SendAsync([$"slowed-{i}"]);
        }
        await EventuallyAsync(async () => Assert.Equal(4, await DeliveredAsync(connection)));
        var distance = await app.ValueAsync<double>($"""
            SELECT min(distance)::float8 FROM (SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at)) AS distance, http_status FROM delivery_calls WHERE connection_id = '{connection}') AS calls
            """);
        Assert.InRange(distance, 0.9, 3);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(4, 8)]
    [InlineData(8, 10)]
    [InlineData(10, 10)]
    public void Slowed_AgainAndAgain_DoublesUpToTenSeconds(int before, int after) =>
        Assert.Equal(TimeSpan.FromSeconds(after), RateLimit.Slowed(before == 0 ? null : TimeSpan.FromSeconds(before)));

    [Fact]
    public async Task Limited_WithoutRetryAfter_ConnectionSlowsDownMoreEachTime()
    {
        var connection = await ConnectAsync("meta");
        app.Platform.Respond = _ => (429, """{"error":{"message":"too many calls","code":17}}""", null);
        await SendAsync(Enumerable.Range(0, 5).Select(i => $"slower-{i}"));
        foreach (var (failures, least, most) in new[] { (1, 25, 61), (2, 55, 121), (3, 115, 241) })
        {
            await EventuallyAsync(async () => Assert.Equal(failures, await app.ValueAsync<int>($"SELECT failures_in_a_row FROM connections WHERE id = '{connection}'")));
            var pause = await app.ValueAsync<DateTime>($"SELECT not_before FROM connections WHERE id = '{connection}'") - app.Clock.GetUtcNow();
            Assert.InRange(pause.TotalSeconds, least, most);
            app.Clock.Advance(pause);
        }
        app.Platform.Respond = null;
        app.Clock.Advance(LongestPause);
        await EventuallyAsync(async () => Assert.Equal(5, await DeliveredAsync(connection)));
    }

    [Fact]
    public async Task Limited_ByThePlatform_CallsAreBookedAmongAllNodes()
    {
        app.Platform.Respond = _ => (200, """{"num_events_received":1,"num_events_processed":1,"events":[{"status":"processed"}]}""", null);
        var connection = (await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections",
            new { platform = "pinterest", settings = new { ad_account_id = "549755885175" }, credentials = new { access_token = "some-token" } }))).GetProperty("id").GetGuid();
        // as if other nodes had used up the burst and two seconds more
        await app.RunAsync($"UPDATE connections SET calls_booked_until = '{app.Clock.GetUtcNow().AddSeconds(2.5):O}' WHERE id = '{connection}'");
        await SendAsync(["paced"]);
        await EventuallyAsync(async () => Assert.Equal(1, await DeliveredAsync(connection)));
        var late = await app.ValueAsync<double>($"""
            SELECT extract(epoch FROM c.at - d.created_at)::float8 FROM deliveries d JOIN delivery_calls c ON c.connection_id = d.connection_id WHERE d.connection_id = '{connection}'
            """);
        Assert.InRange(late, 1, 5);
        Assert.True(await app.ValueAsync<bool>($"SELECT calls_booked_until > '{app.Clock.GetUtcNow().AddSeconds(-20):O}' FROM connections WHERE id = '{connection}'"));
    }

    [Fact]
    public async Task Limited_NoTurnBeforeTheBatchEnds_WaitsForItWithoutBooking()
    {
        var connection = (await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections",
            new { platform = "pinterest", settings = new { ad_account_id = "549755885175" }, credentials = new { access_token = "some-token" } }))).GetProperty("id").GetGuid();
        var booked = app.Clock.GetUtcNow().AddMinutes(4);
        await app.RunAsync($"UPDATE connections SET calls_booked_until = '{booked:O}' WHERE id = '{connection}'");
        await SendAsync(["no-turn"]);
        await EventuallyAsync(async () => Assert.Equal(1L, await app.ValueAsync<long>($"""
            SELECT count(*) FROM delivery_queue WHERE connection_id = '{connection}' AND claimed_until IS NULL AND next_attempt_at > '{booked.AddMinutes(-1):O}'
            """)));
        Assert.True(await app.ValueAsync<bool>($"SELECT calls_booked_until = '{booked:O}' FROM connections WHERE id = '{connection}'"));
        Assert.Empty(app.Platform.Seen);
    }

    private async Task<Guid> ConnectAsync(string platform, string id = "42")
    {
        object settings = platform == "meta" ? new { dataset_id = id } : new { data_source = id };
        object credentials = platform == "meta" ? new { access_token = "some-token" } : new { token = "some-token" };
        return (await AppFixture.JsonOf(await _http.PostAsJsonAsync($"/api/websites/{_site.Id}/connections", new { platform, name = platform, settings, credentials, enabled = true })))
            .GetProperty("id").GetGuid();
    }

    private async Task SendAsync(IEnumerable<string> ids)
    {
        using var anonymous = app.Anonymous();
        foreach (var chunk in ids.Chunk(100))
        {
            var events = chunk.Select(id =>
                $$"""{"event_id":"{{id}}","event_type":"purchase","visitor_id":"v-1","properties":{"value":10,"currency":"EUR","order_id":"{{id}}","url":"https://shop.example.com/thanks"},"user":{"email":"jane@example.com"} }""");
            using var content = new StringContent($$"""{"events":[{{string.Join(',', events)}}]}""", Encoding.UTF8, "application/json");
            Assert.Equal(HttpStatusCode.Accepted, (await anonymous.PostAsync($"/api/v1/collect?key={_site.PublishableKey}", content)).StatusCode);
        }
    }

    private async Task<JsonElement> ConnectionAsync(Guid id) => await AppFixture.JsonOf(await _http.GetAsync($"/api/websites/{_site.Id}/connections/{id}"));

    private Task<long> DeliveredAsync(Guid connection) =>
        app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE connection_id = '{connection}' AND status = 'delivered'");

    /// <summary>What Tinybird answers when it took all rows.</summary>
    private static (int, string, int?) Rows(string body) => (200, $$"""{"successful_rows":{{LinesIn(body)}},"quarantined_rows":0}""", null);

    private static int LinesIn(string body) => body.Count(c => c == '\n');

    private static IEnumerable<string> IdsIn(string body) =>
        JsonDocument.Parse(body).RootElement.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("event_id").GetString()!);

    /// <summary>Asserts again and again for half a minute.</summary>
    private static async Task EventuallyAsync(Func<Task> assert)
    {
        for (var i = 0; ; i++)
            try
            {
                await assert();
                return;
            }
            catch (Exception error) when (i < 300 && error is Xunit.Sdk.XunitException or NullReferenceException or InvalidCastException)
            {
                await Task.Delay(100);
            }
    }

    /// <summary>How many calls are being answered.</summary>
    private sealed class Gauge : IDisposable
    {
        private readonly Lock _lock = new();

        public int Now { get; private set; }

        public int Most { get; private set; }

        public int Calls { get; private set; }

        public Gauge Enter()
        {
            lock (_lock)
                (Now, Most, Calls) = (Now + 1, Math.Max(Most, Now + 1), Calls + 1);
            return this;
        }

        public void Dispose()
        {
            lock (_lock)
                Now--;
        }

        public void Reset()
        {
            lock (_lock)
                (Most, Calls) = (Now, 0);
        }
    }
}
