using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Delivery.Jobs;

/// <summary>The app without workers: what is queued stays, and jobs go on batch by batch when the test says so.</summary>
public sealed class AppWithoutWorkers : AppFixture
{
    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Clarity:Roles"] = "web,collect" };

    /// <summary>A worker as each node has one, not running by itself.</summary>
    internal DeliveryJobWorker Worker() => ActivatorUtilities.CreateInstance<DeliveryJobWorker>(Services);

    /// <summary>Does everything that is open.</summary>
    internal async Task FinishJobsAsync()
    {
        using var worker = Worker();
        while (await worker.RunBatchAsync(CancellationToken.None))
        {
        }
    }
}

/// <summary>A website with a connection, and rows as years of use would leave them.</summary>
internal sealed class JobSite : IDisposable
{
    private readonly AppFixture _app;

    private JobSite(AppFixture app, Account owner, NewSite site, Guid connection, HttpClient http) =>
        (_app, Owner, Site, Connection, Http) = (app, owner, site, connection, http);

    public Account Owner { get; }

    public NewSite Site { get; }

    public Guid Connection { get; }

    public HttpClient Http { get; }

    public string Deliveries => $"/api/websites/{Site.Id}/deliveries";

    public string Backfill => $"/api/websites/{Site.Id}/connections/{Connection}/backfill";

    public static async Task<JobSite> MakeAsync(AppFixture app)
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        var http = app.ClientFor(owner);
        var connection = await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "1" }, credentials = new { access_token = "secret" } }));
        return new JobSite(app, owner, site, connection.GetProperty("id").GetGuid(), http);
    }

    /// <summary>Events that arrived so long ago, one millisecond after the other, that Meta would take.</summary>
    public Task AddEventsAsync(int count, string age = "1 hour", string name = "lead", string more = "NULL") => _app.RunAsync($"""
        INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, url, user_agent, visitor_id, bot_reason, match_keys, properties)
        SELECT '{Site.WorkspaceId}', '{Site.Id}', {IdAt("at")}, '{name}-' || gen_random_uuid(), '{name}', 'server', false, at, at, 'https://shop.example.com/', 'Mozilla/5.0', 'v', {more},
               '{"{\"em\":[\"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514\"]}"}', '{"{}"}'
          FROM (SELECT now() - interval '{age}' + n * interval '1 millisecond' AS at FROM generate_series(1, {count}) n) times
        """);

    /// <summary>Dead deliveries with their events and their place in the sums.</summary>
    public Task AddDeadAsync(int count, string age = "1 hour", string name = "lead", string reason = "permanent", string status = "dead") => _app.RunAsync($"""
        WITH made AS (
            INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, url, user_agent, visitor_id, match_keys, properties)
            SELECT '{Site.WorkspaceId}', '{Site.Id}', {IdAt("at")}, '{name}-' || gen_random_uuid(), '{name}', 'server', false, at, at, 'https://shop.example.com/', 'Mozilla/5.0', 'v',
                   '{"{\"em\":[\"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514\"]}"}', '{"{}"}'
              FROM (SELECT now() - interval '{age}' + n * interval '1 millisecond' AS at FROM generate_series(1, {count}) n) times
            RETURNING id, occurred_at),
        ended AS (
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, attempts, created_at, finished_at)
            SELECT '{Site.WorkspaceId}', '{Site.Id}', {IdAt("occurred_at")}, '{Connection}', id, '{name}', '{status}', '{reason}', 3, occurred_at, occurred_at FROM made
            RETURNING date_trunc('hour', finished_at, 'UTC') AS hour)
        INSERT INTO delivery_rollups AS r SELECT '{Site.WorkspaceId}', '{Site.Id}', '{Connection}', hour, '{name}', '{status}', '{reason}', count(*), 0 FROM ended GROUP BY hour
            ON CONFLICT (workspace_id, website_id, connection_id, hour, name, status, reason) DO UPDATE SET deliveries = r.deliveries + excluded.deliveries
        """);

    public async Task<(int Matched, int TooOld, int AlreadyDelivered, int WillSend)> PlanAsync(object body) => Plan(await PostAsync($"{Deliveries}/replay", body));

    public async Task<JsonElement> PostAsync(string path, object body) => await AppFixture.JsonOf(await Http.PostAsJsonAsync(path, body));

    public async Task<JsonElement> JobAsync(Guid id) => await AppFixture.JsonOf(await Http.GetAsync($"{Deliveries}/jobs/{id}"));

    public Task<long> QueuedAsync() => _app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE website_id = '{Site.Id}'");

    public static (int, int, int, int) Plan(JsonElement plan) => (plan.GetProperty("matched").GetInt32(), plan.GetProperty("tooOld").GetInt32(),
        plan.GetProperty("alreadyDelivered").GetInt32(), plan.GetProperty("willSend").GetInt32());

    public void Dispose() => Http.Dispose();

    /// <summary>A UUIDv7 of a time, by SQL.</summary>
    private static string IdAt(string time) => $"""
        (lpad(to_hex((extract(epoch FROM {time}) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid
        """;
}
