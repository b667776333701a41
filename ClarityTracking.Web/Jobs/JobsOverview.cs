using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Quartz;
using Quartz.Extensibility;

namespace ClarityTracking.Web.Jobs;

/// <summary>A scheduled job, as its operator sees it.</summary>
/// <param name="Name">Its name in the schedule.</param>
/// <param name="What">What it is for.</param>
/// <param name="NextAt">Next run (UTC); null = none is planned.</param>
/// <param name="IsPaused">An operator stopped it.</param>
/// <param name="RunningSince">It runs now, since then (UTC).</param>
/// <param name="LastAt">Last run (UTC); null = never in the history.</param>
/// <param name="LastSucceeded">How that ended; null = never ran.</param>
/// <param name="LastSummary">What it did, or why it failed.</param>
/// <param name="LastDuration">How long that took.</param>
/// <param name="Failures">Failures in a row up to now.</param>
public sealed record ScheduledJob(string Name, string What, DateTimeOffset? NextAt, bool IsPaused, DateTimeOffset? RunningSince, DateTimeOffset? LastAt, bool? LastSucceeded,
    string? LastSummary, TimeSpan? LastDuration, int Failures);

/// <summary>One run of a job.</summary>
/// <param name="At">Begin (UTC).</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Succeeded">How it ended.</param>
/// <param name="Summary">What it did, or why it failed.</param>
/// <param name="Node">The node it ran on.</param>
/// <param name="IsManual">An operator asked for it.</param>
/// <param name="Retry">0 = as planned, else which try after a failure.</param>
public sealed record JobRun(DateTimeOffset At, TimeSpan Duration, bool Succeeded, string? Summary, string? Node, bool IsManual, int Retry);

/// <summary>The schedule, for operators of the installation: what runs when, how it went, and the few things to do about it.</summary>
public sealed class JobsOverview(ISchedulerFactory schedulers, IExecutionHistoryStore history, ClarityDb database, TimeProvider clock)
{
    private const int Runs = 30;

    private static readonly Dictionary<string, string> Purposes = new(StringComparer.Ordinal)
    {
        ["partitions"] = "Makes the coming weeks' partitions",
        ["retention"] = "Drops what is past its retention",
        ["forget-event-keys"] = "Forgets event ids after seven days",
        ["forget-salts"] = "Deletes the salt of the day that is over",
        ["oauth-refresh"] = "Refreshes granted tokens before they end",
        ["platform-scores"] = "Asks platforms for their own quality scores",
        ["ad-spend"] = "Imports ad spend",
        ["alerts"] = "Measures alert rules and sends what is new",
    };

    /// <summary>All jobs by name.</summary>
    public async Task<Result<IReadOnlyList<ScheduledJob>>> ListAsync(Caller caller, CancellationToken cancel)
    {
        if (!caller.IsOperator)
            return Operators;
        var scheduler = await schedulers.GetScheduler(cancel);
        var running = (await scheduler.QueryFireInstances(new FireInstanceQuery { State = FireInstanceState.Executing }, cancel)).Items
            .GroupBy(f => f.JobKey!.Name).ToDictionary(f => f.Key, f => f.Min(i => i.FireTimeUtc), StringComparer.Ordinal);
        var last = (await history.QueryJobRunStatuses(new JobRunStatusQuery { SchedulerName = scheduler.SchedulerName }, cancel)).Items.ToDictionary(s => s.Job.Name, StringComparer.Ordinal);
        var jobs = new List<ScheduledJob>();
        foreach (var key in Purposes.Keys)
        {
            if (await scheduler.GetTrigger(new TriggerKey(key), cancel) is not { } trigger)
                continue;
            var status = last.GetValueOrDefault(key);
            var isPaused = await scheduler.GetTriggerState(trigger.Key, cancel) == TriggerState.Paused;
            jobs.Add(new ScheduledJob(key, Purposes[key], isPaused ? null : trigger.NextFireTimeUtc, isPaused, running.TryGetValue(key, out var since) ? since : null,
                status?.LastFiredAtUtc, status is null ? null : status.LastResult != JobRunResult.Failed, status?.LastResult == JobRunResult.Failed ? status.LastFailureMessage : status?.LastSummary,
                status?.LastDuration, (int)(status?.ConsecutiveFailures ?? 0)));
        }
        return jobs;
    }

    /// <summary>The last runs of a job, newest first.</summary>
    public async Task<Result<IReadOnlyList<JobRun>>> RunsAsync(Caller caller, string name, CancellationToken cancel)
    {
        if (!caller.IsOperator)
            return Operators;
        if (!Purposes.ContainsKey(name))
            return Error.NotFound("job");
        var scheduler = await schedulers.GetScheduler(cancel);
        var runs = await history.QueryExecutions(new ExecutionHistoryQuery { SchedulerName = scheduler.SchedulerName, Job = new JobKey(name) }, cancel);
        return runs.Items.OrderByDescending(r => r.FiredAtUtc).Take(Runs)
            .Select(r => new JobRun(r.FiredAtUtc, r.Duration, r.Succeeded, r.Succeeded ? r.Summary : r.ExceptionMessage ?? r.Summary, r.SchedulerInstanceId, r.Manual, r.RetryAttempt)).ToList();
    }

    /// <summary>Runs a job now, once, on any node.</summary>
    public Task<Result<Done>> RunNowAsync(Caller caller, string name, CancellationToken cancel) =>
        DoAsync(caller, name, "job.started", async scheduler => await scheduler.TriggerJob(new JobKey(name), cancellationToken: cancel), cancel);

    /// <summary>Stops a job's schedule on all nodes until it is resumed.</summary>
    public Task<Result<Done>> PauseAsync(Caller caller, string name, CancellationToken cancel) =>
        DoAsync(caller, name, "job.paused", async scheduler => await scheduler.PauseJob(new JobKey(name), cancel), cancel);

    /// <summary>Takes the schedule up again; a run that was missed meanwhile happens once.</summary>
    public Task<Result<Done>> ResumeAsync(Caller caller, string name, CancellationToken cancel) =>
        DoAsync(caller, name, "job.resumed", async scheduler => await scheduler.ResumeJob(new JobKey(name), cancel), cancel);

    private async Task<Result<Done>> DoAsync(Caller caller, string name, string action, Func<IScheduler, Task> what, CancellationToken cancel)
    {
        if (!caller.IsOperator)
            return Operators;
        if (!Purposes.ContainsKey(name))
            return Error.NotFound("job");
        await what(await schedulers.GetScheduler(cancel));
        // the log belongs to workspaces; an operator's own one is where they look
        if (caller.Workspaces.Keys.Order().FirstOrDefault() is var workspace && workspace != Guid.Empty)
        {
            await using var db = database.For(caller);
            db.AuditLog.Add(new AuditEntry(workspace, caller, action, $"job {name}", null, clock.GetUtcNow()));
            await db.SaveChangesAsync(cancel);
        }
        return Done.It;
    }

    private static readonly Error Operators = Error.Forbidden("an operator of this installation");
}
