using ClarityTracking.Core;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using ClarityTracking.Web.Jobs;

namespace ClarityTracking.Web.Components.Pages.Operator;

/// <summary>What the installation has to do: queues and scheduled jobs, for its operator.</summary>
public sealed partial class JobsPage(IServiceProvider services, WorkQueues queues)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private static readonly Dictionary<string, (string Label, string Text)> Queues = new(StringComparer.Ordinal)
    {
        ["routing"] = ("Events to route", "Stored events that wait for their connections' decisions."),
        ["touchpoints"] = ("Touchpoints", "Events that wait to be read for channels and persons."),
        ["duplicates"] = ("Duplicates", "Events that wait to be compared with others."),
        ["webhooks"] = ("Webhooks", "Received webhooks that wait to be processed, those to be tried again among them."),
        ["pulls"] = ("Pulls", "Reading of shops and booking systems that members or the schedule started."),
        ["deliveries"] = ("Deliveries", "Events on their way to platforms, those to be tried again among them."),
        ["matching"] = ("Matching", "Conversions that wait to be matched."),
        ["replays"] = ("Replays and backfills", "Jobs that members started."),
        ["install_checks"] = ("Install checks", "Websites whose snippet is to be looked at."),
        ["alert_messages"] = ("Alert messages", "Messages about alerts on their way to people, those to be tried again among them."),
    };

    /// <summary>Null on a node without the role worker, which has no schedule.</summary>
    private readonly JobsOverview? _jobs = services.GetService<JobsOverview>();
    private LoadState<IReadOnlyList<JobRun>> _runs = new();
    private string? _open;
    private bool _isBusy;

    private sealed record Seen(IReadOnlyList<ScheduledJob> Jobs, IReadOnlyList<WorkQueue> Queues);

    private LoadState<Seen> Loaded { get; set; } = new();

    private string? Answer => Loaded.Value is not { } seen ? null
        : (seen.Queues.Count(q => q.IsLate), seen.Jobs.Count(j => j.LastSucceeded == false)) switch
        {
            (0, 0) => "All queues keep up and every job succeeded when it last ran.",
            (0, var failed) => $"All queues keep up; {Words.Count(failed, "job")} failed when last run.",
            (var late, 0) => $"{Words.Count(late, "queue")} {(late == 1 ? "is" : "are")} behind; every job succeeded when it last ran.",
            var (late, failed) => $"{Words.Count(late, "queue")} {(late == 1 ? "is" : "are")} behind and {Words.Count(failed, "job")} failed when last run.",
        };

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
            await PollAsync(Every, LoadAsync);
    }

    protected override async Task LoadAsync()
    {
        Loaded = await QueryAsync(async (caller, cancel) =>
        {
            if (!caller.IsOperator)
                return Error.Forbidden("an operator of this installation");
            var all = _jobs is null ? null : await _jobs.ListAsync(caller, cancel);
            return all is { IsOk: false } ? (Result<Seen>)all.Error : new Seen(all?.Value ?? [], await queues.GetAsync(cancel));
        });
        StateHasChanged();
    }

    private async Task OpenAsync(string name)
    {
        _open = _open == name ? null : name;
        if (_open is null)
            return;
        _runs = new();
        _runs = await QueryAsync((caller, cancel) => _jobs!.RunsAsync(caller, name, cancel));
    }

    private async Task DoJobAsync(Func<Caller, string, CancellationToken, Task<Result<Done>>> action, string name, string done)
    {
        _isBusy = true;
        await DoAsync((caller, cancel) => action(caller, name, cancel), done);
        await LoadAsync();
        _isBusy = false;
    }

    private static string KindOf(ScheduledJob job) => job.IsPaused ? "warn" : job.RunningSince is not null ? "info" : job.LastSucceeded == false ? "bad" : "good";

    private static string StateOf(ScheduledJob job) => job.IsPaused ? "Paused" : job.RunningSince is not null ? "Running"
        : job.LastSucceeded == false ? job.Failures > 1 ? $"Failed {job.Failures} times" : "Failed" : job.LastAt is null ? "Planned" : "On time";
}
