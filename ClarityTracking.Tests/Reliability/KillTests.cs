using System.Collections.Concurrent;
using System.Net;
using System.Text;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Reliability;

/// <summary>What an answer of 202 is worth when the process dies.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int BatchesPerSecond = 200, EventsPerBatch = 10;

    [Fact]
    public async Task Kill_WhileTakingBatches_KeepsEveryAcknowledgedEventExactlyOnce()
    {
        var connectionString = await TestDatabase.CreateAsync();
        var key = await SeedWebsiteAsync(connectionString);
        var (acknowledged, unanswered) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());

        for (var round = 0; round < 2; round++)
        {
            await using var app = await AppProcess.StartAsync(connectionString);
            var sending = SendUntilGoneAsync(app.Url, key, acknowledged, unanswered);
            await Task.Delay(TimeSpan.FromSeconds(4 + Random.Shared.NextDouble()));
            await app.KillAsync();
            await sending;
        }

        output.WriteLine($"{acknowledged.Count} acknowledged, {unanswered.Count} unanswered");
        Assert.True(acknowledged.Count > 2 * BatchesPerSecond * EventsPerBatch, $"only {acknowledged.Count} events were acknowledged: too few to prove anything");
        Assert.NotEmpty(unanswered);
        await AssertStoredOnceAsync(connectionString, acknowledged);

        // what was not answered is sent again, as the snippet does, to the next process: nothing twice, nothing lost
        await using (var next = await AppProcess.StartAsync(connectionString))
        {
            using var http = new HttpClient { BaseAddress = new Uri(next.Url) };
            foreach (var batch in unanswered.Chunk(100))
                Assert.Equal(HttpStatusCode.Accepted, await PostAsync(http, key, batch));
            await AssertStoredOnceAsync(connectionString, [.. acknowledged, .. unanswered]);
            await AssertRoutedOnceAsync(connectionString, acknowledged.Count + unanswered.Count);
        }
    }

    private static async Task SendUntilGoneAsync(string url, string key, ConcurrentBag<string> acknowledged, ConcurrentBag<string> unanswered)
    {
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        using var clock = new PeriodicTimer(TimeSpan.FromMilliseconds(1000.0 / BatchesPerSecond));
        var sent = new List<Task<bool>>();
        while (!sent.Any(s => s.IsCompleted && !s.Result))
        {
            await clock.WaitForNextTickAsync();
            var ids = Enumerable.Range(0, EventsPerBatch).Select(_ => Guid.NewGuid().ToString("N")).ToArray();
            sent.Add(SendAsync(ids));
        }
        await Task.WhenAll(sent);

        async Task<bool> SendAsync(string[] ids)
        {
            try
            {
                var status = await PostAsync(http, key, ids);
                foreach (var id in ids)
                    (status == HttpStatusCode.Accepted ? acknowledged : unanswered).Add(id);
                return true;
            }
            catch (HttpRequestException)
            {
                foreach (var id in ids)
                    unanswered.Add(id);
                return false;
            }
        }
    }

    private static async Task<HttpStatusCode> PostAsync(HttpClient http, string key, IEnumerable<string> ids)
    {
        var events = string.Join(',', ids.Select(id => $$"""{"event_id":"{{id}}","event_type":"page_view","visitor_id":"v","properties":{"url":"https://shop.example.com/"} }"""));
        using var content = new StringContent($$"""{"events":[{{events}}]}""", Encoding.UTF8, "application/json");
        return (await http.PostAsync($"/api/v1/collect?key={key}", content)).StatusCode;
    }

    private static async Task AssertStoredOnceAsync(string connectionString, IEnumerable<string> ids)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            SELECT count(*) FILTER (WHERE stored = 0), count(*) FILTER (WHERE stored > 1)
              FROM (SELECT sent.id, count(e.event_id) AS stored FROM unnest($1) AS sent(id) LEFT JOIN events e ON e.event_id = sent.id GROUP BY sent.id) counted
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = ids.ToArray() });
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        Assert.Equal((0L, 0L), (reader.GetInt64(0), reader.GetInt64(1)));
    }

    private static async Task AssertRoutedOnceAsync(string connectionString, int least)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM events), (SELECT coalesce(sum(events), 0)::bigint FROM event_rollups)
            """, connection);
        for (var i = 0; ; i++)
        {
            await using var reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            var (waiting, stored, counted) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
            if (waiting == 0)
            {
                Assert.Equal(stored, counted);
                Assert.True(stored >= least);
                return;
            }
            Assert.True(i < 300, $"{waiting} events still wait for the router");
            await Task.Delay(100);
        }
    }

    private static async Task<string> SeedWebsiteAsync(string connectionString)
    {
        var now = DateTimeOffset.UtcNow;
        var workspace = new Workspace("Test", now);
        var website = new Website(workspace.Id, "Shop", "shop.example.com", now);
        var (row, key) = ApiKey.Create(website, ApiKeyKind.Publishable, isTest: false, "test", now);
        await TestDatabase.RunAsync(connectionString, $"""
            INSERT INTO workspaces (id, name, is_demo, created_at) VALUES ('{workspace.Id}', 'Test', false, now());
            INSERT INTO websites (workspace_id, id, name, domain, currency, time_zone, privacy_mode, script_alias, former_script_aliases, created_at)
            VALUES ('{workspace.Id}', '{website.Id}', 'Shop', 'shop.example.com', 'EUR', 'UTC', false, '{website.Id.ToString("N")[^12..]}', ARRAY[]::text[], now());
            INSERT INTO api_keys (workspace_id, id, website_id, kind, is_test, name, hash, publishable, hint, created_at)
            VALUES ('{workspace.Id}', '{row.Id}', '{website.Id}', 'publishable', false, 'test', '\x{Convert.ToHexString(row.Hash)}', '{key}', '', now());
            """);
        return key;
    }
}
