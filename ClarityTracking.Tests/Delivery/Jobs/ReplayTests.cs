using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using static ClarityTracking.Tests.Delivery.Jobs.JobSite;

namespace ClarityTracking.Tests.Delivery.Jobs;

/// <summary>Replays: what fits, how they go on batch by batch, and how they are stopped.</summary>
public sealed class ReplayTests(AppWithoutWorkers app) : IClassFixture<AppWithoutWorkers>
{
    [Fact]
    public async Task Replay_OfManyAskedTwiceAtOnce_QueuesEachOnceOverTwoNodes()
    {
        const int many = 1700; // more than three batches
        using var site = await MakeAsync(app);
        await site.AddDeadAsync(many);
        Assert.Equal((many, 0, 0, many), await site.PlanAsync(new { dryRun = true }));
        var started = await Task.WhenAll(site.PostAsync($"{site.Deliveries}/replay", new { }), site.PostAsync($"{site.Deliveries}/replay", new { }));
        Assert.All(started, s => Assert.Equal((many, 0, 0, many), Plan(s)));

        await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            using var node = app.Worker();
            for (var idle = 0; idle < 5;) // the other node may hold both jobs for a moment
                if (!await node.RunBatchAsync(CancellationToken.None))
                {
                    idle++;
                    await Task.Delay(50);
                }
        }));
        var jobs = await Task.WhenAll(started.Select(s => site.JobAsync(s.GetProperty("jobId").GetGuid())));
        Assert.All(jobs, j => Assert.Equal("done", j.GetProperty("status").GetString()));
        Assert.Equal(many, jobs.Sum(j => j.GetProperty("sent").GetInt32()));
        Assert.Equal((long)many, await app.ValueAsync<long>($"SELECT count(DISTINCT event_id) FROM delivery_queue WHERE website_id = '{site.Site.Id}' AND attempts = 0 AND next_attempt_at <= now()"));
        Assert.Equal((long)many, await site.QueuedAsync());
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Site.Id}'"));
        // they are not dead any more, so they do not count as dead
        var counts = await AppFixture.JsonOf(await site.Http.GetAsync($"{site.Deliveries}/counts?from=2000-01-01T00:00:00Z"));
        Assert.Equal((0, many), (counts.GetProperty("dead").GetInt32(), counts.GetProperty("pending").GetInt32()));
    }

    [Fact]
    public async Task Plan_ByFilterAndPeriod_CountsWhatFits()
    {
        using var site = await MakeAsync(app);
        await site.AddDeadAsync(5, "1 hour");
        await site.AddDeadAsync(4, "2 days", "purchase");
        await site.AddDeadAsync(3, "8 days", "purchase"); // Meta takes 7
        await site.AddDeadAsync(2, "1 hour", "purchase", "too_old");
        await site.AddDeadAsync(6, "1 hour", "lead", "unmapped", "skipped");
        await site.AddDeadAsync(7, "1 hour", "lead", "consent", "skipped");
        await app.RunAsync($"""
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, attempts, created_at, finished_at)
            SELECT workspace_id, website_id, gen_random_uuid(), connection_id, event_id, event_name, 'delivered', 1, created_at, finished_at
              FROM deliveries WHERE website_id = '{site.Site.Id}' AND event_name = 'purchase' AND reason = 'permanent' ORDER BY id DESC LIMIT 1
            """);
        await app.RunAsync($"""
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, attempts, reason, created_at, next_attempt_at)
            SELECT workspace_id, website_id, gen_random_uuid(), '{site.Connection}', id, name, attempts, 'transient', now(), now() + wait
              FROM (SELECT * FROM events WHERE website_id = '{site.Site.Id}' LIMIT 1) e, (VALUES (2, interval '1 hour'), (2, interval '1 hour'), (2, interval '-1 second'), (0, interval '0')) q(attempts, wait)
            """);
        async Task Expect((int, int, int, int) plan, object body) => Assert.Equal(plan, await site.PlanAsync(body));

        await Expect((14, 3, 1, 10), new { dryRun = true });
        await Expect((7, 3, 1, 3), new { dryRun = true, eventName = "purchase", reason = "permanent" });
        await Expect((2, 0, 0, 2), new { dryRun = true, reason = "too_old" });
        await Expect((7, 0, 0, 7), new { dryRun = true, from = DateTimeOffset.UtcNow.AddHours(-2) });
        await Expect((3, 3, 0, 0), new { dryRun = true, to = DateTimeOffset.UtcNow.AddDays(-7) });
        await Expect((14, 3, 1, 10), new { dryRun = true, connectionId = site.Connection });
        await Expect((6, 0, 0, 6), new { dryRun = true, status = "skipped", reason = "unmapped" });
        // what is due already may be on its way
        await Expect((2, 0, 0, 2), new { dryRun = true, status = "retrying" });
        await Expect((0, 0, 0, 0), new { dryRun = true, status = "retrying", reason = "rate_limited" });

        // a visitor's refusal is not overruled, by nobody
        var refused = await app.ValueAsync<Guid[]>($"SELECT array_agg(id) FROM deliveries WHERE website_id = '{site.Site.Id}' AND reason = 'consent'");
        await Expect((0, 0, 0, 0), new { dryRun = true, ids = refused });
        foreach (var wrong in new object[] { new { status = "skipped" }, new { status = "skipped", reason = "consent" }, new { status = "skipped", reason = "bot" }, new { status = "pending" } })
            await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync($"{site.Deliveries}/replay", wrong), 422);
        await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync($"{site.Deliveries}/replay", new { connectionId = Guid.NewGuid() }), 404);

        // what the plan says is what the job does
        var job = (await site.PostAsync($"{site.Deliveries}/replay", new { })).GetProperty("jobId").GetGuid();
        await app.FinishJobsAsync();
        var done = await site.JobAsync(job);
        Assert.Equal(("done", 14, 10), (done.GetProperty("status").GetString(), done.GetProperty("handled").GetInt32(), done.GetProperty("sent").GetInt32()));
        Assert.Equal((3, 1), (done.GetProperty("leftOut").GetProperty("too_old").GetInt32(), done.GetProperty("leftOut").GetProperty("already_delivered").GetInt32()));
        Assert.True((await site.PostAsync($"{site.Deliveries}/replay", new { })).GetProperty("jobId").ValueKind == JsonValueKind.Null, "there was nothing left to do");
    }

    [Fact]
    public async Task Replay_OfWaitingDeliveries_MakesThemDueNow()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(1);
        await app.RunAsync($"""
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, attempts, reason, created_at, next_attempt_at)
            SELECT workspace_id, website_id, gen_random_uuid(), '{site.Connection}', id, name, 2, 'transient', now(), now() + interval '1 hour'
              FROM events, generate_series(1, 700) WHERE website_id = '{site.Site.Id}'
            """);
        var job = (await site.PostAsync($"{site.Deliveries}/replay", new { status = "retrying" })).GetProperty("jobId").GetGuid();
        await app.FinishJobsAsync();
        Assert.Equal(700, (await site.JobAsync(job)).GetProperty("sent").GetInt32());
        Assert.Equal(700L, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE website_id = '{site.Site.Id}' AND attempts = 2 AND next_attempt_at <= now()"));
    }

    [Fact]
    public async Task Replay_OfWaitingDeliveriesOnTheirWay_LeavesThemAlone()
    {
        using var site = await MakeAsync(app);
        await site.AddEventsAsync(1);
        var (claimed, waiting) = (Guid.NewGuid(), Guid.NewGuid());
        await app.RunAsync($"""
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, attempts, reason, created_at, next_attempt_at, claimed_until)
            SELECT workspace_id, website_id, q.id, '{site.Connection}', e.id, name, 2, 'transient', now(), now() + interval '1 hour', q.until
              FROM events e, (VALUES ('{claimed}'::uuid, now() + interval '1 minute'), ('{waiting}', now() - interval '1 minute')) AS q(id, until) WHERE website_id = '{site.Site.Id}'
            """);
        var started = await site.PostAsync($"{site.Deliveries}/replay", new { ids = new[] { claimed, waiting } });
        Assert.Equal((1, 0, 0, 1), Plan(started));
        await app.FinishJobsAsync();
        Assert.Equal(waiting, await app.ValueAsync<Guid>($"SELECT id FROM delivery_queue WHERE website_id = '{site.Site.Id}' AND next_attempt_at <= now()"));
    }

    [Fact]
    public async Task Replay_ConnectionSwitchedOff_IsRefusedOrLeftOut()
    {
        using var site = await MakeAsync(app);
        await site.AddDeadAsync(3);
        var queued = (await site.PostAsync($"{site.Deliveries}/replay", new { connectionId = site.Connection })).GetProperty("jobId").GetGuid();
        await site.Http.PatchAsJsonAsync($"/api/websites/{site.Site.Id}/connections/{site.Connection}", new { enabled = false });
        await app.FinishJobsAsync();
        Assert.Equal("failed", (await site.JobAsync(queued)).GetProperty("status").GetString()); // switched off before it began
        foreach (var dryRun in new[] { true, false })
        {
            var refused = await AppFixture.ProblemOf(await site.Http.PostAsJsonAsync($"{site.Deliveries}/replay", new { dryRun, connectionId = site.Connection }), 422);
            Assert.Equal("connection_off", refused.GetProperty("code").GetString());
        }
        Assert.Equal(JsonValueKind.Null, (await site.PostAsync($"{site.Deliveries}/replay", new { })).GetProperty("jobId").ValueKind);
        Assert.Equal(0L, await site.QueuedAsync());
    }

    [Fact]
    public async Task Cancel_MidWay_StopsAfterTheBatchAndKeepsTheRest()
    {
        using var site = await MakeAsync(app);
        await site.AddDeadAsync(1200);
        var job = (await site.PostAsync($"{site.Deliveries}/replay", new { })).GetProperty("jobId").GetGuid();
        Assert.Equal("queued", (await site.JobAsync(job)).GetProperty("status").GetString());
        using var worker = app.Worker();
        await worker.RunBatchAsync(CancellationToken.None);
        var running = await site.JobAsync(job);
        Assert.Equal(("running", 500, 500), (running.GetProperty("status").GetString(), running.GetProperty("handled").GetInt32(), running.GetProperty("sent").GetInt32()));
        Assert.Equal(1200, running.GetProperty("plan").GetProperty("matched").GetInt32());

        using var viewer = app.ClientFor(site.Owner);
        var cancelled = await site.PostAsync($"{site.Deliveries}/jobs/{job}/cancel", new { });
        Assert.Equal(("cancelled", 500), (cancelled.GetProperty("status").GetString(), cancelled.GetProperty("sent").GetInt32()));
        await app.FinishJobsAsync();
        Assert.Equal(500L, await site.QueuedAsync());
        Assert.Equal(700L, await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Site.Id}' AND status = 'dead'"));
        Assert.Equal("cancelled", (await site.PostAsync($"{site.Deliveries}/jobs/{job}/cancel", new { })).GetProperty("status").GetString()); // twice is once

        // the rest can be asked for again; a finished job cannot be stopped
        var rest = await site.PostAsync($"{site.Deliveries}/replay", new { });
        Assert.Equal((700, 0, 0, 700), Plan(rest));
        await app.FinishJobsAsync();
        Assert.Equal(1200L, await site.QueuedAsync());
        var problem = await AppFixture.ProblemOf(await site.Http.PostAsync($"{site.Deliveries}/jobs/{rest.GetProperty("jobId").GetGuid()}/cancel", null), 409);
        Assert.Equal("job_finished", problem.GetProperty("code").GetString());
        var listed = (await AppFixture.JsonOf(await site.Http.GetAsync($"{site.Deliveries}/jobs"))).GetProperty("items").EnumerateArray().Select(j => j.GetProperty("status").GetString());
        Assert.Equal(["done", "cancelled"], listed);
    }

    [Fact]
    public async Task Replay_OfAnotherTenantsIds_FindsNothing()
    {
        using var victim = await MakeAsync(app);
        using var attacker = await MakeAsync(app);
        await victim.AddDeadAsync(3);
        await attacker.AddDeadAsync(1);
        var ids = await app.ValueAsync<Guid[]>($"SELECT array_agg(id) FROM deliveries WHERE website_id IN ('{victim.Site.Id}', '{attacker.Site.Id}')");
        Assert.Equal((1, 0, 0, 1), await attacker.PlanAsync(new { ids }));
        await app.FinishJobsAsync();
        Assert.Equal((0L, 1L), (await victim.QueuedAsync(), await attacker.QueuedAsync()));
        var job = (await victim.PostAsync($"{victim.Deliveries}/replay", new { })).GetProperty("jobId").GetGuid();
        await AppFixture.ProblemOf(await attacker.Http.GetAsync($"{attacker.Deliveries}/jobs/{job}"), 404);
        await AppFixture.ProblemOf(await attacker.Http.PostAsync($"{attacker.Deliveries}/jobs/{job}/cancel", null), 404);
        await AppFixture.ProblemOf(await attacker.Http.PostAsJsonAsync(victim.Backfill, new { days = 1 }), 404);
        Assert.Equal("queued", (await victim.JobAsync(job)).GetProperty("status").GetString());
        await app.FinishJobsAsync();
    }

    [Fact]
    public async Task Job_ThatBreaksEachTime_IsGivenUpAndHoldsNoOtherUp()
    {
        using var site = await MakeAsync(app);
        await site.AddDeadAsync(2);
        var broken = (await site.PostAsync($"{site.Deliveries}/replay", new { })).GetProperty("jobId").GetGuid();
        await app.RunAsync($"UPDATE delivery_jobs SET request = '[]' WHERE id = '{broken}'");
        for (var i = 0; i < 5; i++)
        {
            using var worker = app.Worker();
            Assert.True(await worker.RunBatchAsync(CancellationToken.None));
            Assert.False(await worker.RunBatchAsync(CancellationToken.None)); // it waits
            await app.RunAsync($"UPDATE delivery_jobs SET next_batch_at = now() - interval '1 second' WHERE id = '{broken}'");
        }
        var (status, failures) = (await app.ValueAsync<string>($"SELECT status FROM delivery_jobs WHERE id = '{broken}'"), await app.ValueAsync<int>($"SELECT failures FROM delivery_jobs WHERE id = '{broken}'"));
        Assert.Equal(("failed", 5), (status, failures));
        Assert.Equal((2, 0, 0, 2), await site.PlanAsync(new { }));
        await app.FinishJobsAsync();
        Assert.Equal(2L, await site.QueuedAsync());
    }
}
