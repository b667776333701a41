using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using static ClarityTracking.Tests.Delivery.Jobs.JobSite;

namespace ClarityTracking.Tests.Delivery.Jobs;

/// <summary>A connection is fed events from before it.</summary>
public sealed class BackfillTests(AppWithoutWorkers app) : IClassFixture<AppWithoutWorkers>
{
    [Fact]
    public async Task Backfill_OfTheLastDays_SendsWhatItHasNoDeliveryForOnce()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(40, "1 hour");
        await site.AddEventsAsync(30, "3 days");
        await site.AddEventsAsync(20, "8 days");
        await site.AddEventsAsync(6, "2 hours", more: "'user agent of a crawler'");
        await site.AddEventsAsync(5, "2 hours", name: "purchase"); // Meta takes none without a value
        await site.AddDeadAsync(4, "2 hours"); // have a delivery, if a dead one
        var late = await app.ValueAsync<Guid[]>($"""
            WITH late AS (UPDATE events SET occurred_at = now() - interval '9 days' WHERE id IN (SELECT id FROM events WHERE website_id = '{site.Site.Id}' AND name = 'lead' AND received_at > now() - interval '61 minutes'
                AND bot_reason IS NULL ORDER BY id LIMIT 3) RETURNING id)
            SELECT array_agg(id) FROM late
            """);
        Assert.Equal(3, late.Length); // came in time, about something long ago

        var plan = await site.PostAsync(site.Backfill, new { days = 2, dryRun = true });
        Assert.Equal((55, 3, 4, 37), Plan(plan));
        Assert.Equal((6, 5), (plan.GetProperty("wouldSkip").GetProperty("bot").GetInt32(), plan.GetProperty("wouldSkip").GetProperty("missing_field").GetInt32()));
        Assert.False(plan.GetProperty("isEstimate").GetBoolean());
        Assert.Equal((85, 3, 4, 67), Plan(await site.PostAsync(site.Backfill, new { days = 7, dryRun = true })));
        Assert.Equal((30, 0, 0, 30), Plan(await site.PostAsync(site.Backfill, new { from = DateTimeOffset.UtcNow.AddDays(-4), to = DateTimeOffset.UtcNow.AddDays(-1), dryRun = true })));
        Assert.Equal((105, 23, 4, 67), Plan(await site.PostAsync(site.Backfill, new { from = DateTimeOffset.UtcNow.AddDays(-20), dryRun = true })));
        Assert.Equal(0L, await site.QueuedAsync());

        var job = (await site.PostAsync(site.Backfill, new { days = 2 })).GetProperty("jobId").GetGuid();
        await app.FinishJobsAsync();
        var done = await site.JobAsync(job);
        Assert.Equal(("done", "backfill", 55, 37), (done.GetProperty("status").GetString(), done.GetProperty("kind").GetString(), done.GetProperty("handled").GetInt32(), done.GetProperty("sent").GetInt32()));
        Assert.Equal("""{"bot":6,"too_old":3,"missing_field":5,"already_delivered":4}""", Sorted(done.GetProperty("leftOut")));
        Assert.Equal(37L, await site.QueuedAsync());
        Assert.Equal(11L, await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Site.Id}' AND status = 'skipped'"));
        Assert.Equal(6L, await app.ValueAsync<long>($"SELECT sum(deliveries)::bigint FROM delivery_rollups WHERE website_id = '{site.Site.Id}' AND status = 'skipped' AND reason = 'bot'"));

        // twice: nothing is sent twice
        var again = await site.PostAsync(site.Backfill, new { days = 2 });
        Assert.Equal((55, 3, 52, 0), Plan(again));
        Assert.Equal(JsonValueKind.Null, again.GetProperty("jobId").ValueKind);
        await site.PostAsync(site.Backfill, new { days = 7 });
        await app.FinishJobsAsync();
        Assert.Equal(67L, await app.ValueAsync<long>($"SELECT count(DISTINCT event_id) FROM delivery_queue WHERE website_id = '{site.Site.Id}'"));
        Assert.Equal(67L, await site.QueuedAsync());
    }

    [Fact]
    public async Task Backfill_OfEventsTheRouterHasNotSeen_LeavesThemToIt()
    {
        using var site = await MakeAsync(app);
        using var server = app.ClientFor(site.Owner);
        server.DefaultRequestHeaders.Add("X-API-Key", site.Site.SecretKey);
        await AppFixture.JsonOf(await server.PostAsJsonAsync("/api/v1/collect", new { events = new[] { new { event_id = "fresh", event_type = "lead", session_id = "s" } } }));
        await site.AddEventsAsync(1);
        var job = (await site.PostAsync(site.Backfill, new { days = 1 })).GetProperty("jobId").GetGuid();
        await app.FinishJobsAsync();
        Assert.Equal((1L, 1), (await site.QueuedAsync(), (await site.JobAsync(job)).GetProperty("sent").GetInt32()));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue q JOIN events e ON e.id = q.event_id WHERE q.website_id = '{site.Site.Id}' AND e.event_id = 'fresh'"));
    }

    [Fact]
    public async Task Backfill_AskedWrongly_IsRefusedWithTheReason()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(1);
        foreach (var (body, words) in new (object, string)[]
        {
            (new { }, "Give days"), (new { days = 0 }, "last 7 days"), (new { days = 8 }, "last 7 days"), (new { days = 1, to = DateTimeOffset.UtcNow }, "either"),
            (new { from = DateTimeOffset.UtcNow.AddDays(1) }, "in the past"), (new { from = DateTimeOffset.MinValue }, "2000-01-01"), (new { from = DateTimeOffset.UtcNow.AddDays(-1), to = DateTimeOffset.UtcNow.AddDays(-2) }, "before to"),
        })
            Assert.Contains(words, (await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync(site.Backfill, body), 422)).GetProperty("detail").GetString(), StringComparison.Ordinal);

        // one at a time
        var both = await Task.WhenAll(site.Http.PostAsJsonAsync(site.Backfill, new { days = 7 }), site.Http.PostAsJsonAsync(site.Backfill, new { days = 7 }));
        Assert.Equal([200, 409], both.Select(b => (int)b.StatusCode).Order());
        Assert.Equal("backfill_running", (await AppFixture.ProblemOf(both.Single(b => !b.IsSuccessStatusCode), 409)).GetProperty("code").GetString());

        // switched off or deleted meanwhile: it says so and ends
        await site.Http.PatchAsJsonAsync($"/api/websites/{site.Site.Id}/connections/{site.Connection}", new { enabled = false });
        await app.FinishJobsAsync();
        Assert.Equal("connection_off", (await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync(site.Backfill, new { days = 7 }), 422)).GetProperty("code").GetString());
        var failed = (await AppFixture.JsonOf(await site.Http.GetAsync($"{site.Deliveries}/jobs"))).GetProperty("items")[0];
        Assert.Equal(("failed", "The connection was switched off."), (failed.GetProperty("status").GetString(), failed.GetProperty("detail").GetString()));
        Assert.Equal(0L, await site.QueuedAsync());
    }

    [Fact]
    public async Task Backfill_OfATimeWhoseDeliveriesAreForgotten_IsRefusedUnlessTheConnectionIsYounger()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(3, "100 days");
        await site.AddEventsAsync(2, "80 days");
        var longAgo = new { from = DateTimeOffset.UtcNow.AddDays(-110), dryRun = true };
        Assert.Equal(5, (await site.PostAsync(site.Backfill, longAgo)).GetProperty("matched").GetInt32()); // a new connection had none of them
        var job = (await site.PostAsync(site.Backfill, new { longAgo.from, to = DateTimeOffset.UtcNow })).GetProperty("jobId");
        Assert.Equal(JsonValueKind.Null, job.ValueKind); // Meta takes a week

        await app.RunAsync($"UPDATE connections SET created_at = now() - interval '200 days' WHERE id = '{site.Connection}'");
        var refused = await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync(site.Backfill, longAgo), 422);
        Assert.Contains("kept for 90 days", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, (await site.PostAsync(site.Backfill, new { from = DateTimeOffset.UtcNow.AddDays(-90), dryRun = true })).GetProperty("matched").GetInt32());
        // a job from before they were forgotten leaves them out, too
        var open = Guid.CreateVersion7();
        await app.RunAsync($$$"""
            INSERT INTO delivery_jobs (workspace_id, website_id, id, kind, connection_id, request, status, matched, too_old, already_delivered, will_send, next_batch_at, created_by, created_at)
            VALUES ('{{{site.Site.WorkspaceId}}}', '{{{site.Site.Id}}}', '{{{open}}}', 'backfill', '{{{site.Connection}}}',
                    '{"from":"{{{longAgo.from:O}}}","to":"{{{DateTimeOffset.UtcNow:O}}}"}', 'queued', 5, 0, 0, 5, now(), 'somebody', now())
            """);
        await app.FinishJobsAsync();
        Assert.Equal(2, (await site.JobAsync(open)).GetProperty("handled").GetInt32());
    }

    [Fact]
    public async Task Backfill_WhileTheQueueIsLong_WaitsUntilItIsShort()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(2600);
        var job = (await site.PostAsync(site.Backfill, new { days = 1 })).GetProperty("jobId").GetGuid();
        using var worker = app.Worker();
        for (var i = 0; i < 20; i++)
            await worker.RunBatchAsync(CancellationToken.None);
        // at most two calls' worth, here 1000, before a batch is added
        Assert.Equal(1000L, await site.QueuedAsync());
        Assert.Equal("running", (await site.JobAsync(job)).GetProperty("status").GetString());
        await app.RunAsync($"UPDATE delivery_queue SET next_attempt_at = now() + interval '1 hour', attempts = 1 WHERE website_id = '{site.Site.Id}'"); // those that wait alone are not in the way
        for (var i = 0; i < 40 && (await site.JobAsync(job)).GetProperty("sent").GetInt32() < 2000; i++)
        {
            await worker.RunBatchAsync(CancellationToken.None);
            await Task.Delay(50);
        }
        Assert.Equal(2000L, await site.QueuedAsync());
    }

    [Fact]
    public async Task Plan_OfVeryMany_DecidesASampleAndSaysSo()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(30_000);
        await site.AddEventsAsync(30_000, "2 hours", more: "'user agent of a crawler'");
        var plan = await site.PostAsync(site.Backfill, new { days = 1, dryRun = true });
        Assert.True(plan.GetProperty("isEstimate").GetBoolean());
        Assert.Equal(60_000, plan.GetProperty("matched").GetInt32());
        Assert.InRange(plan.GetProperty("willSend").GetInt32(), 28_500, 31_500);
        Assert.Equal(60_000, plan.GetProperty("willSend").GetInt32() + plan.GetProperty("wouldSkip").GetProperty("bot").GetInt32());
    }

    private static string Sorted(JsonElement counts) =>
        "{" + string.Join(",", new[] { "bot", "too_old", "missing_field", "already_delivered" }.Select(name => $"\"{name}\":{counts.GetProperty(name).GetInt32()}")) + "}";
}
