using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Reliability;

/// <summary>
/// Everything at once: two nodes that are killed in turn, a slow network, and two platforms that fail in every way they can, beside one that is
/// well. <c>FAULT_EVENTS</c> and <c>FAULT_SEED</c> set how many events and which course of chance.
/// </summary>
public sealed class FaultTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    private const int EventsPerRequest = 50, Kills = 3;
    private const double FaultShare = 0.08, DelayedPackets = 0.10;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4) + TimeSpan.FromMilliseconds(10 * Setting("FAULT_EVENTS", 5000));

    /// <summary>What the events of a phase are called, and what happens in it.</summary>
    private static readonly string[] Phases = ["calm", "faults", "kills"];

    private static readonly int Events = Setting("FAULT_EVENTS", 5000), Seed = Setting("FAULT_SEED", 20261121);

    /// <summary>One in the largest batch of the platforms; more of them when there are fewer events.</summary>
    private static readonly int EventsPerPoison = Math.Clamp(Events / 25, 100, 1000);

    private static readonly int EventsPerSecond = Math.Clamp(Events / 25, 100, 800);
    private readonly ConcurrentDictionary<int, AppProcess> _nodes = new();
    private readonly ConcurrentQueue<DateTimeOffset> _kills = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(15) };
    private readonly Random _packets = new(Seed);
    private string _database = "", _key = "", _owner = "";
    private Guid _website;
    private FaultyPlatforms _platforms = null!;
    private TcpRelay _network = null!;

    public async Task InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _platforms = await FaultyPlatforms.StartAsync(Seed);
        _network = new TcpRelay(_platforms.Port, NextDelay);
        for (var node = 0; node < 2; node++)
            await StartNodeAsync(node);
    }

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes.Values)
            await node.DisposeAsync();
        await _network.DisposeAsync();
        await _platforms.DisposeAsync();
    }

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task Delivery_ThroughAllFaults_LosesNothingAndLeavesTheHealthyConnectionAlone()
    {
        await SignUpAsync();
        var connections = new Dictionary<string, Guid>
        {
            ["tiktok"] = await ConnectAsync("tiktok", new { pixel_code = "C4A1B2C3D4" }, "access_token"),
            ["meta"] = await ConnectAsync("meta", new { dataset_id = "1234567890" }, "access_token"),
            ["tinybird"] = await ConnectAsync("tinybird", new { data_source = "events" }, "token"),
        };
        await SendAsync("warmup", 500);
        await DrainAsync(0);

        var watch = Stopwatch.StartNew();
        await SendAsync("calm", Events * 3 / 10);
        await DrainAsync(0);
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F0} s: calm");

        _platforms.FaultShare = FaultShare;
        var revoking = RevokeAndRestoreAsync(connections);
        await SendAsync("faults", Events * 4 / 10);
        await revoking;
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F0} s: faults, credentials revoked and restored");
        var killing = KillInTurnAsync();
        await SendAsync("kills", Events * 3 / 10);
        await killing;
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F0} s: {Kills} kills");
        await DrainAsync(2 * 2); // of faults and kills one event each that both platforms fail on
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F0} s: all delivered");

        await PrintAsync(connections);
        await AssertDeliveredAsync(connections);
        AssertTakenOnce();
        await AssertFlatAsync(connections["tinybird"]);
    }

    // ---- What happens

    private async Task StartNodeAsync(int node) => _nodes[node] = await AppProcess.StartAsync(_database, new Dictionary<string, string>
    {
        ["Destinations__TikTok__BaseUrl"] = $"http://127.0.0.1:{_network.Port}",
        ["Destinations__Meta__BaseUrl"] = $"http://127.0.0.1:{_network.Port}",
        ["Destinations__Tinybird__BaseUrl"] = $"http://127.0.0.1:{_platforms.Port}",
    });

    private async Task KillInTurnAsync()
    {
        for (var kill = 0; kill < Kills; kill++)
        {
            await Task.Delay(1500);
            _kills.Enqueue(TimeProvider.System.GetUtcNow());
            var node = kill % 2;
            await _nodes[node].KillAsync(); // the other goes on
            await StartNodeAsync(node);
        }
    }

    private async Task RevokeAndRestoreAsync(Dictionary<string, Guid> connections)
    {
        foreach (var platform in new[] { "tiktok", "meta" })
        {
            await Task.Delay(1000);
            _platforms.Tokens[platform] = "second-token";
            await EventuallyAsync($"{platform} is paused", async () => await ValueAsync<string>($"SELECT state FROM connections WHERE id = '{connections[platform]}'") == "paused");
            await AppFixture.JsonOf(await ManageAsync(HttpMethod.Patch, $"/api/websites/{_website}/connections/{connections[platform]}", new { credentials = new { access_token = "second-token" } }));
        }
    }

    private TimeSpan NextDelay()
    {
        lock (_packets)
            return _packets.NextDouble() < DelayedPackets ? TimeSpan.FromMilliseconds(50 + _packets.Next(200)) : TimeSpan.Zero;
    }

    /// <summary>Sends the events of a phase at a steady rate, to both nodes in turn. What a node does not acknowledge is sent again to the other.</summary>
    private async Task SendAsync(string phase, int count)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds((double)EventsPerRequest / EventsPerSecond));
        var sending = new List<Task>();
        foreach (var ids in IdsOf(phase, count).Chunk(EventsPerRequest))
        {
            sending.Add(SendUntilTakenAsync(ids, sending.Count));
            await pace.WaitForNextTickAsync();
        }
        await Task.WhenAll(sending);
    }

    private static IEnumerable<string> IdsOf(string phase, int count)
    {
        for (var i = 0; i < count; i++)
            yield return phase switch
            {
                "faults" or "kills" when i == count / 2 => $"{phase}-{FaultyPlatforms.Stuck}-{i}",
                "faults" or "kills" when i % EventsPerPoison == EventsPerPoison / 3 => $"{phase}-{FaultyPlatforms.Poison}-{i}",
                _ => $"{phase}-{i}",
            };
    }

    private async Task SendUntilTakenAsync(string[] ids, int turn)
    {
        var events = string.Join(',', ids.Select(id => $$"""
            {"event_id":"{{id}}","event_type":"{{NameOf(id)}}","visitor_id":"v-{{id}}","properties":{"url":"https://shop.example.com/thanks","value":12.5,"currency":"EUR","order_id":"{{id}}"},"user":{"email":"{{id}}@example.com"} }
            """));
        for (; ; turn++)
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, $"{_nodes[turn % 2].Url}/api/v1/collect?key={_key}")
                {
                    Content = new StringContent($$"""{"events":[{{events}}]}""", Encoding.UTF8, "application/json"),
                };
                request.Headers.UserAgent.ParseAdd("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36");
                using var answer = await _http.SendAsync(request);
                if (answer.StatusCode == HttpStatusCode.Accepted)
                {
                    Assert.DoesNotContain("\"index\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal); // none rejected
                    return;
                }
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                await Task.Delay(20); // killed
            }
    }

    private static string NameOf(string id) => id[^1] is '0' or '5' ? "purchase" : id[^1] is '1' ? "add_to_cart" : "lead";

    /// <summary>Waits until only so many deliveries are open, all of them of events that platforms fail on.</summary>
    private Task DrainAsync(long stuck) => EventuallyAsync($"only {stuck} deliveries are open", async () =>
        await ValueAsync<long>("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM delivery_queue)") == stuck
        && await ValueAsync<long>($"SELECT count(*) FROM delivery_queue q JOIN events e ON e.workspace_id = q.workspace_id AND e.id = q.event_id WHERE e.event_id LIKE '%{FaultyPlatforms.Stuck}%'") == stuck);

    // ---- What must have come of it

    /// <summary>Each connection has each event: delivered, or dead if it is poisoned and the platform cares, or still tried if the platform fails on it.</summary>
    private async Task AssertDeliveredAsync(Dictionary<string, Guid> connections)
    {
        var all = ExpectedIds().ToList();
        Assert.Equal(all.Count, await ValueAsync<long>("SELECT count(*) FROM events"));
        Assert.Equal(all.Count, await ValueAsync<long>("SELECT count(DISTINCT event_id) FROM events"));
        foreach (var (platform, id) in connections)
        {
            var states = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
            await foreach (var (state, eventId) in RowsAsync($"SELECT d.status, e.event_id FROM delivery_states d JOIN events e ON e.workspace_id = d.workspace_id AND e.id = d.event_id WHERE d.connection_id = '{id}'"))
                Assert.True((states.TryGetValue(state, out var ids) ? ids : states[state] = new(StringComparer.Ordinal)).Add(eventId), $"{platform} has two deliveries of {eventId}");
            foreach (var group in all.GroupBy(eventId => ExpectedState(platform, eventId)))
            {
                var found = states.GetValueOrDefault(group.Key) ?? [];
                Assert.Equal((platform, group.Key, ""), (platform, group.Key, string.Join(' ', group.Except(found).Concat(found.Except(group)).Take(20))));
            }
        }
        Assert.Equal(0, await ValueAsync<long>("SELECT count(*) FROM deliveries WHERE status = 'dead' AND reason <> 'permanent'"));
        // what is delivered names its call, and that call went through
        Assert.Equal(0, await ValueAsync<long>("""
            SELECT count(*) FROM deliveries d LEFT JOIN delivery_calls c ON c.workspace_id = d.workspace_id AND c.id = d.call_id AND c.connection_id = d.connection_id
             WHERE d.status = 'delivered' AND (c.http_status IS DISTINCT FROM 200 OR d.call_position >= c.events)
            """));
    }

    /// <summary>
    /// The platforms have exactly the events they should, once each by name and id. What they were sent twice, they had taken without saying so, or a
    /// node was killed then.
    /// </summary>
    private void AssertTakenOnce()
    {
        Assert.Equal([], _platforms.Complaints.Distinct());
        var lost = TimeSpan.FromSeconds(5);
        foreach (var platform in new[] { "tiktok", "meta", "tinybird" })
        {
            var taken = _platforms.Taken.Where(t => t.Key.Platform == platform).ToDictionary(t => t.Key.EventId, t => t.Value);
            var expected = ExpectedIds().Where(id => ExpectedState(platform, id) == "delivered").ToList();
            Assert.Equal((platform, ""), (platform, string.Join(' ', expected.Except(taken.Keys).Concat(taken.Keys.Except(expected)).Take(20))));
            var unexplained = taken.Where(t => t.Value.SkipLast(1).Any(first => first.Said && !_kills.Any(kill => (kill - first.At).Duration() < lost))).ToList();
            var examples = string.Join(' ', unexplained.Take(5).Select(u => $"{u.Key} {string.Join(' ', u.Value)}"));
            Assert.True(unexplained.Count == 0, $"{platform} was sent {unexplained.Count} events again although it had said that it took them: {examples}");
            var again = taken.Values.Sum(times => times.Count - 1);
            output.WriteLine($"{platform}: {expected.Count} unique events in {_platforms.Calls[platform]} calls; {again} came again and were deduplicated by event id");
        }
    }

    private async Task AssertFlatAsync(Guid healthy)
    {
        var (calm, faults, kills) = (await LatencyAsync(healthy, "calm"), await LatencyAsync(healthy, "faults"), await LatencyAsync(healthy, "kills"));
        Assert.True(faults.P50 < 2 * calm.P50 + 0.1, $"p50 of the healthy connection went from {calm.P50:F3} s to {faults.P50:F3} s beside failing ones");
        Assert.True(faults.P99 < 2 * calm.P99 + 0.5, $"p99 of the healthy connection went from {calm.P99:F3} s to {faults.P99:F3} s beside failing ones");
        // what a killed node held comes back when its lease ends
        Assert.True(kills.Most < 25, $"an event waited {kills.Most:F1} s");
    }

    private async Task PrintAsync(Dictionary<string, Guid> connections)
    {
        output.WriteLine($"{Events} events at {EventsPerSecond} a second, seed {Seed}, {FaultShare:P0} of calls fail, {DelayedPackets:P0} of packets late");
        foreach (var (platform, id) in connections)
            foreach (var phase in Phases)
            {
                var latency = await LatencyAsync(id, phase);
                output.WriteLine($"{platform}, {phase}: received to delivered p50 {latency.P50:F3} s, p99 {latency.P99:F3} s, most {latency.Most:F1} s");
            }
        foreach (var fault in _platforms.Faults.OrderBy(f => f.Key))
            output.WriteLine($"{fault.Key.Platform}: {fault.Value} x {fault.Key.Fault}");
        output.WriteLine($"dead: {await ValueAsync<long>("SELECT count(*) FROM deliveries WHERE status = 'dead'")}, failed tries: {await ValueAsync<long>("SELECT count(*) FROM delivery_attempts")}");
    }

    private async Task<(double P50, double P99, double Most)> LatencyAsync(Guid connection, string phase)
    {
        await foreach (var (p, most) in RowsAsync($"""
            SELECT array_to_string(percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY seconds), ' '), max(seconds)::text
              FROM (SELECT extract(epoch FROM d.finished_at - e.received_at) AS seconds FROM deliveries d JOIN events e ON e.workspace_id = d.workspace_id AND e.id = d.event_id
                     WHERE d.connection_id = '{connection}' AND d.status = 'delivered' AND e.event_id LIKE '{phase}-%') AS measured
            """))
            return (Number(p.Split(' ')[0]), Number(p.Split(' ')[1]), Number(most));
        throw new UnreachableException();

        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }

    private static string ExpectedState(string platform, string eventId) => platform == "tinybird" ? "delivered"
        : eventId.Contains(FaultyPlatforms.Poison, StringComparison.Ordinal) ? "dead" : eventId.Contains(FaultyPlatforms.Stuck, StringComparison.Ordinal) ? "retrying" : "delivered";

    private static IEnumerable<string> ExpectedIds() => IdsOf("warmup", 500).Concat(IdsOf("calm", Events * 3 / 10)).Concat(IdsOf("faults", Events * 4 / 10)).Concat(IdsOf("kills", Events * 3 / 10));

    // ---- Tools

    private async Task SignUpAsync()
    {
        var account = await AppFixture.JsonOf(await _http.PostAsJsonAsync($"{_nodes[0].Url}/api/register", new { email = "owner@example.com", password = "correct horse battery" }));
        _owner = account.GetProperty("accessToken").GetString()!;
        var website = await AppFixture.JsonOf(await ManageAsync(HttpMethod.Post, "/api/websites", new { name = "Shop", domain = "shop.example.com" }));
        (_website, _key) = (website.GetProperty("id").GetGuid(), website.GetProperty("publishableKey").GetString()!);
    }

    private async Task<Guid> ConnectAsync(string platform, object settings, string secret)
    {
        _platforms.Tokens[platform] = "first-token";
        var connection = await AppFixture.JsonOf(await ManageAsync(HttpMethod.Post, $"/api/websites/{_website}/connections",
            new { platform, name = platform, settings, credentials = new Dictionary<string, string> { [secret] = "first-token" } }));
        return connection.GetProperty("id").GetGuid();
    }

    private async Task<HttpResponseMessage> ManageAsync(HttpMethod method, string path, object body)
    {
        var request = new HttpRequestMessage(method, _nodes[0].Url + path) { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", _owner);
        var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
            output.WriteLine(_nodes[0].Output);
        return answer;
    }

    private async Task EventuallyAsync(string what, Func<Task<bool>> isSo)
    {
        for (var waited = Stopwatch.StartNew(); !await isSo(); await Task.Delay(250))
            if (waited.Elapsed > Patience)
                Assert.Fail($"Waited {Patience.TotalSeconds:F0} s until {what}. Queue: {await ValueAsync<string>("SELECT string_agg(w, '; ') FROM (SELECT c.platform || ' ' || c.state || ' ' || count(*) || ' ' || coalesce(q.reason, '') || ' due ' || min(q.next_attempt_at) AS w FROM delivery_queue q JOIN connections c ON c.id = q.connection_id GROUP BY c.platform, c.state, q.reason) x")}");
    }

    private async Task<T> ValueAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private async IAsyncEnumerable<(string, string)> RowsAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            yield return (reader.GetString(0), reader.GetString(1));
    }

    private static int Setting(string name, int usual) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : usual;
}
