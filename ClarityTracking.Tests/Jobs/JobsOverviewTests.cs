using ClarityTracking.Core;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using ClarityTracking.Web.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Jobs;

/// <summary>What an operator sees of the schedule and the queues, and can do about it.</summary>
public sealed class JobsOverviewTests(AppFixture app) : IClassFixture<AppFixture>
{
    private JobsOverview Jobs => app.Services.GetRequiredService<JobsOverview>();

    [Fact]
    public async Task Operator_SeesRunsPausesAndResumes_OthersDoNot()
    {
        var account = await app.RegisterAsync();
        var caller = new Caller { UserId = account.UserId, Label = account.Email, Workspaces = new Dictionary<Guid, Role> { [account.WorkspaceId] = Role.Owner }, IsOperator = true };
        var none = CancellationToken.None;
        foreach (var refused in new[] { (await Jobs.ListAsync(caller with { IsOperator = false }, none)).Error, (await Jobs.RunsAsync(caller with { IsOperator = false }, "retention", none)).Error,
            (await Jobs.PauseAsync(caller with { IsOperator = false }, "retention", none)).Error })
            Assert.Equal(ErrorKind.Forbidden, refused!.Kind);
        Assert.Equal(ErrorKind.NotFound, (await Jobs.RunNowAsync(caller, "no-such-job", none)).Error!.Kind);

        var scheduled = await app.ValueAsync<long>("SELECT count(*) FROM qrtz_triggers WHERE trigger_type = 'CRON'");
        var all = (await Jobs.ListAsync(caller, none)).Value!;
        Assert.Equal(scheduled, all.Count); // every job says what it is for
        Assert.All(all, job => Assert.NotNull(job.NextAt));

        Assert.True((await Jobs.PauseAsync(caller, "retention", none)).IsOk);
        Assert.True((await Jobs.ListAsync(caller, none)).Value!.Single(j => j.Name == "retention") is { IsPaused: true, NextAt: null });
        Assert.True((await Jobs.RunNowAsync(caller, "retention", none)).IsOk); // also while it is paused
        await Eventually.GetAsync(async () => (await Jobs.RunsAsync(caller, "retention", none)).Value is [{ Succeeded: true, IsManual: true }, ..] ? true : (bool?)null, "the run in the history");
        Assert.StartsWith("Dropped", (await Jobs.ListAsync(caller, none)).Value!.Single(j => j.Name == "retention").LastSummary);
        Assert.True((await Jobs.ResumeAsync(caller, "retention", none)).IsOk);
        Assert.False((await Jobs.ListAsync(caller, none)).Value!.Single(j => j.Name == "retention").IsPaused);
        Assert.Equal(3L, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{account.WorkspaceId}' AND subject = 'job retention'"));
    }

    [Fact]
    public async Task Queues_TellHowManyWaitAndHowLong()
    {
        var queues = app.Services.GetRequiredService<WorkQueues>();
        var late = Guid.CreateVersion7(DateTimeOffset.UtcNow.AddMinutes(-3));
        await app.RunAsync($"INSERT INTO event_feed (follower, id, workspace_id, website_id, event_ids) VALUES ('nobody', '{late}', '{late}', '{late}', '{"{}"}')");
        var seen = await queues.GetAsync(CancellationToken.None);
        Assert.Equal(["routing", "touchpoints", "duplicates", "webhooks", "pulls", "deliveries", "matching", "replays", "install_checks", "alert_messages"], seen.Select(q => q.Name));
        Assert.All(seen, q => Assert.False(q.IsLate));
        await app.RunAsync("UPDATE event_feed SET follower = 'duplicates' WHERE follower = 'nobody'");
        // a follower may take it away before we look; what is late is late by its own age
        Assert.True(new WorkQueue("duplicates", 1, 180, 60).IsLate);
        Assert.False(new WorkQueue("duplicates", 1, 59, 60).IsLate);
    }
}
