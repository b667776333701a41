using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Reliability;

/// <summary>A replay and a backfill whose process dies: the next process goes on where the last batch ended.</summary>
public sealed class JobKillTests(ITestOutputHelper output)
{
    private const int Dead = 8_000, Early = 8_000;

    [Fact]
    public async Task Kill_MidJob_TheNextProcessGoesOnAndEachEventIsSentOnce()
    {
        var connectionString = await TestDatabase.CreateAsync();
        await using var platform = await Upstream.StartAsync();
        platform.RespondAsync = (_, body) => Task.FromResult<(int, string, int?)>((200, $$"""{"successful_rows":{{body.Count(c => c == '\n')}},"quarantined_rows":0}""", null));
        var settings = new Dictionary<string, string> { ["Destinations__Tinybird__BaseUrl"] = platform.Url };
        HttpClient http;
        Guid replay, backfill, website, dead, early;
        var kills = 0;

        await using (var app = await AppProcess.StartAsync(connectionString, settings))
        {
            http = await SignUpAsync(app.Url);
            website = (await AppFixture.JsonOf(await http.PostAsJsonAsync("/api/websites", new { name = "Shop", domain = "shop.example.com" }))).GetProperty("id").GetGuid();
            dead = await ConnectAsync(http, website, "dead");
            early = await ConnectAsync(http, website, "early");
            // paused: what is queued stays, so that it can be counted before it is sent
            await TestDatabase.RunAsync(connectionString, $"UPDATE connections SET state = 'paused' WHERE id = '{dead}'");
            await SeedAsync(connectionString, website, dead, early);
            replay = (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{website}/deliveries/replay", new { connectionId = dead }))).GetProperty("jobId").GetGuid();
            backfill = (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{website}/connections/{early}/backfill", new { days = 1 }))).GetProperty("jobId").GetGuid();
            await UntilAsync(connectionString, replay, handled: 1000);
            await app.KillAsync();
            await EndLeasesAsync(connectionString);
            kills++;
        }
        for (var stop = 2; stop <= 3; stop++)
        {
            await using var app = await AppProcess.StartAsync(connectionString, settings);
            await UntilAsync(connectionString, backfill, handled: stop * 2500);
            await app.KillAsync();
            await EndLeasesAsync(connectionString);
            kills++;
        }

        var (handled, sent, status) = await JobAsync(connectionString, replay);
        output.WriteLine($"after {kills} kills: replay {status}, {sent} of {handled}; backfill {await JobAsync(connectionString, backfill)}");
        // the counts are those of the rows, in the middle of it too
        Assert.Equal(sent, await CountAsync(connectionString, $"SELECT count(*) FROM delivery_queue WHERE connection_id = '{dead}'"));
        Assert.Equal(Dead - sent, await CountAsync(connectionString, $"SELECT count(*) FROM deliveries WHERE connection_id = '{dead}'"));

        await using (var app = await AppProcess.StartAsync(connectionString, settings))
        {
            await UntilAsync(connectionString, replay, handled: Dead, "done");
            await UntilAsync(connectionString, backfill, handled: Dead + Early, "done"); // of all events of the website, also those the other connection failed on
            Assert.Equal((Dead, Dead, "done"), await JobAsync(connectionString, replay));
            Assert.Equal((Dead + Early, Dead + Early, "done"), await JobAsync(connectionString, backfill));
            Assert.Equal(Dead, await CountAsync(connectionString, $"SELECT count(DISTINCT event_id) FROM delivery_queue WHERE connection_id = '{dead}'"));
            Assert.Equal(Dead, await CountAsync(connectionString, $"SELECT count(*) FROM delivery_queue WHERE connection_id = '{dead}'"));

            // saving its settings resumes it
            var resumed = new HttpRequestMessage(HttpMethod.Patch, $"{app.Url}/api/websites/{website}/connections/{dead}") { Content = JsonContent.Create(new { settings = new { } }) };
            resumed.Headers.Authorization = http.DefaultRequestHeaders.Authorization;
            using var anyone = new HttpClient();
            await AppFixture.JsonOf(await anyone.SendAsync(resumed));
            for (var i = 0; await CountAsync(connectionString, "SELECT count(*) FROM delivery_queue") > 0; i++)
            {
                Assert.True(i < 1200, "the queue does not empty");
                await Task.Delay(100);
            }
        }
        http.Dispose();

        foreach (var (connection, source, many) in new[] { (dead, "dead", Dead), (early, "early", Dead + Early) })
        {
            // one delivery for each event
            Assert.Equal((many, many), (await CountAsync(connectionString, $"SELECT count(*) FROM deliveries WHERE connection_id = '{connection}' AND status = 'delivered'"),
                await CountAsync(connectionString, $"SELECT count(DISTINCT event_id) FROM deliveries WHERE connection_id = '{connection}'")));
            var ids = platform.Seen.Where(s => s.PathAndQuery.Contains($"name={source}", StringComparison.Ordinal))
                .SelectMany(s => s.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(line => JsonElement.Parse(line).GetProperty("event_id").GetString()!).ToList();
            output.WriteLine($"{source}: {ids.Count} rows at the platform, {ids.Distinct().Count()} events");
            Assert.Equal(many, ids.Distinct().Count());
            if (connection == dead) // no call was on its way when the process died
                Assert.Equal(many, ids.Count);
        }
    }

    /// <summary>As their end would: what was on its way when the process died is due again.</summary>
    private static Task EndLeasesAsync(string connectionString) =>
        TestDatabase.RunAsync(connectionString, "UPDATE delivery_queue SET claimed_until = NULL WHERE claimed_until IS NOT NULL");

    private static async Task<HttpClient> SignUpAsync(string url)
    {
        var http = new HttpClient { BaseAddress = new Uri(url) };
        var account = await AppFixture.JsonOf(await http.PostAsJsonAsync("/api/register", new { email = "owner@example.com", password = "correct horse battery" }));
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", account.GetProperty("accessToken").GetString());
        return http;
    }

    private static async Task<Guid> ConnectAsync(HttpClient http, Guid website, string source) =>
        (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{website}/connections",
            new { platform = "tinybird", settings = new { data_source = source }, credentials = new { token = "some-token" } }))).GetProperty("id").GetGuid();

    private static Task SeedAsync(string connectionString, Guid website, Guid dead, Guid early) => TestDatabase.RunAsync(connectionString, $"""
        WITH made AS (
            INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, properties)
            SELECT w.workspace_id, w.id, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 3600000 + n), 12, '0') || '7abcb' || substr(md5(n::text), 1, 15))::uuid,
                   'e-' || n, 'lead', 'server', false, now() - interval '1 hour', now() - interval '1 hour', '{"{}"}'
              FROM websites w, generate_series(1, {Dead + Early}) n WHERE w.id = '{website}'
            RETURNING workspace_id, website_id, id, event_id)
        INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, attempts, created_at, finished_at)
        SELECT workspace_id, website_id, gen_random_uuid(), '{dead}', id, 'lead', 'dead', 'permanent', 3, now() - interval '1 hour', now() - interval '1 hour'
          FROM made WHERE substr(event_id, 3)::int <= {Dead} AND '{early}' <> '{dead}'
        """);

    private static async Task UntilAsync(string connectionString, Guid job, int handled, string? status = null)
    {
        for (var i = 0; ; i++)
        {
            var now = await JobAsync(connectionString, job);
            if (now.Handled >= handled && (status is null || now.Status == status))
                return;
            Assert.True(i < 3000, $"job {job} stays at {now}");
            await Task.Delay(20);
        }
    }

    private static async Task<(int Handled, int Sent, string Status)> JobAsync(string connectionString, Guid job)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT handled, sent, status FROM delivery_jobs WHERE id = '{job}'", connection);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return ((int)reader.GetInt64(0), (int)reader.GetInt64(1), reader.GetString(2));
    }

    private static async Task<int> CountAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (int)(long)(await command.ExecuteScalarAsync())!;
    }
}
