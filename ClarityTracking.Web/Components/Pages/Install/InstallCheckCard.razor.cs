using ClarityTracking.Core.Health.InstallCheck;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>The newest check of the website's page, and a new one on request.</summary>
public sealed partial class InstallCheckCard(InstallChecks checks)
{
    private const string Agent = "ClarityTrackingCheck";
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly FormErrors _errors = new();
    private string? _url;
    private bool _isBusy;
    private Task? _looking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public string Domain { get; set; } = "";

    private LoadState<InstallCheckState> State { get; set; } = new();

    private bool IsRunning => State.Value?.Check is { Status: InstallCheckStatus.Queued or InstallCheckStatus.Running };

    protected override async Task LoadAsync()
    {
        if (_looking is not null)
            return; // the page renders at every event it hears
        await ReadAsync();
        _looking = PollAsync(LookEvery, FollowAsync);
    }

    private async Task ReadAsync()
    {
        var state = await QueryAsync((caller, cancel) => checks.GetAsync(caller, WebsiteId, cancel));
        if (state.IsLoaded || !State.IsLoaded)
            State = state;
    }

    private async Task FollowAsync()
    {
        if (!IsRunning || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    private async Task StartAsync()
    {
        _isBusy = true;
        await DoAsync((caller, cancel) => checks.StartAsync(caller, WebsiteId, _url, cancel), errors: _errors);
        await ReadAsync();
        _isBusy = false;
    }

    private static string KindOf(FindingKind kind) => kind switch
    {
        FindingKind.Pass => "good",
        FindingKind.Warn => "warn",
        FindingKind.Fail => "bad",
        FindingKind.Info => "",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
