using ClarityTracking.Core;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Quartz;
using Quartz.Extensibility;

namespace ClarityTracking.Tests.Jobs;

/// <summary>The schedule as the app runs it.</summary>
public sealed class JobScheduleTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("partitions")]
    [InlineData("retention")]
    [InlineData("forget-event-keys")]
    [InlineData("forget-salts")]
    [InlineData("oauth-refresh")]
    [InlineData("platform-scores")]
    [InlineData("alerts")]
    [InlineData("ad-spend")]
    public async Task Job_Triggered_SucceedsAndIsInTheHistory(string name)
    {
        var scheduler = await app.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        var history = app.Services.GetRequiredService<IExecutionHistoryStore>();
        Assert.NotNull(await scheduler.GetTrigger(new TriggerKey(name)));
        await scheduler.TriggerJob(new JobKey(name));

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var runs = await history.QueryExecutions(new ExecutionHistoryQuery { SchedulerName = scheduler.SchedulerName }, deadline.Token);
            if (runs.Items.FirstOrDefault(r => r.JobName == name) is { } run)
            {
                Assert.True(run.Succeeded, run.ExceptionMessage);
                return;
            }
            await Task.Delay(50, deadline.Token);
        }
    }

    [Fact]
    public async Task Schedule_InTheDatabase_SurvivesTheProcess() =>
        Assert.Equal(8L, await app.ValueAsync<long>("SELECT count(*) FROM qrtz_triggers WHERE trigger_type = 'CRON'"));
}

/// <summary>A node without the role worker.</summary>
public sealed class CollectOnlyApp : AppFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["Clarity:Roles"] = "collect" };
}

/// <summary>What a node without the roles web and worker does and leaves alone.</summary>
public sealed class NodeRolesTests(CollectOnlyApp app) : IClassFixture<CollectOnlyApp>
{
    [Fact]
    public async Task CollectNode_Asked_TakesInButHasNoManagementAndNoSchedule()
    {
        using var client = app.Anonymous();
        Assert.Equal(200, (int)(await client.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(200, (int)(await client.GetAsync("/api/v1/collect/health")).StatusCode);
        Assert.Equal(404, (int)(await client.GetAsync("/api/websites")).StatusCode);
        Assert.Null(app.Services.GetService<ISchedulerFactory>());
    }

    [Theory]
    [InlineData(null, NodeRoles.All)]
    [InlineData("", NodeRoles.All)]
    [InlineData("web, Collect", NodeRoles.Web | NodeRoles.Collect)]
    [InlineData("worker", NodeRoles.Worker)]
    public void Parse_Words_GivesRoles(string? text, NodeRoles roles) => Assert.Equal(roles, NodeRolesText.Parse(text));

    [Theory]
    [InlineData("web,,worker", "''")]
    [InlineData("jobs", "'jobs'")]
    public void Parse_UnknownWord_NamesIt(string text, string named) =>
        Assert.Contains(named, Assert.Throws<InvalidOperationException>(() => NodeRolesText.Parse(text)).Message, StringComparison.Ordinal);
}
