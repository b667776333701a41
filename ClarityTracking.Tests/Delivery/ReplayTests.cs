using System.Net.Http.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Delivery;

/// <summary>Replay of many deliveries.</summary>
public sealed class ReplayTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Replay_OfManyAskedTwiceAtOnce_QueuesEachOnce()
    {
        const int many = 1200; // more than two batches
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var connection = (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            // off: what is queued stays where it can be counted
            new { platform = "meta", settings = new { dataset_id = "1" }, credentials = new { access_token = "secret" }, enabled = false }))).GetProperty("id").GetGuid();
        await app.RunAsync($"""
            WITH made AS (
                INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, properties)
                SELECT '{site.WorkspaceId}', '{site.Id}', gen_random_uuid(), 'e-' || n, 'lead', 'server', false, now(), now(), '{"{}"}' FROM generate_series(1, {many}) n
                RETURNING id)
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, attempts, created_at, finished_at)
            SELECT '{site.WorkspaceId}', '{site.Id}', gen_random_uuid(), '{connection}', id, 'lead', 'dead', 'permanent', 3, now(), now() FROM made
            """);
        var replay = app.Services.GetRequiredService<Replay>();
        var caller = new Caller { Label = "test", UserId = account.UserId, Workspaces = new Dictionary<Guid, Role> { [site.WorkspaceId] = Role.Analyst } };

        var plan = await replay.PlanAsync(caller, site.Id, new ReplayRequest(), CancellationToken.None);
        Assert.Equal(new ReplayPlan(many, 0, 0, many), plan.Value);
        var both = await Task.WhenAll(
            replay.RunAsync(caller, site.Id, new ReplayRequest(), CancellationToken.None),
            replay.RunAsync(caller, site.Id, new ReplayRequest(), CancellationToken.None));

        Assert.Equal(many, both.Sum(r => r.Value!.WillSend));
        Assert.Equal((long)many, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE website_id = '{site.Id}' AND attempts = 0 AND next_attempt_at <= now()"));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Id}'"));
    }
}
