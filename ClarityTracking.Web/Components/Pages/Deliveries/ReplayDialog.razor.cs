using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>Chooses what to replay and shows the plan of it before anything is sent. Closes with the job that was started.</summary>
public sealed partial class ReplayDialog(Replay replay)
{
    private static readonly string[] Failures = [FailureKind.Permanent.Word(), FailureKind.TooOld.Word()];
    private static readonly string[] Delays = [FailureKind.Transient.Word(), FailureKind.RateLimited.Word(), FailureKind.Credential.Word()];
    private DeliveryStatus _status = DeliveryStatus.Dead;
    private Guid? _connection;
    private string? _event, _reason, _period;
    private bool _isBusy;
    private int _asked;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public IReadOnlyList<ConnectionDetails> Connections { get; set; } = [];

    /// <summary>What is chosen at first.</summary>
    [Parameter]
    public ReplayRequest First { get; set; } = new();

    /// <summary>See <see cref="Periods"/>.</summary>
    [Parameter]
    public string? Period { get; set; }

    private LoadState<ReplayPlan> Plan { get; set; } = new();

    private IReadOnlyList<string> Reasons => _status switch
    {
        DeliveryStatus.Retrying => Delays,
        DeliveryStatus.Skipped => ReplayRequest.SkipsOfTheirRules,
        DeliveryStatus.Dead or DeliveryStatus.Delivered or DeliveryStatus.Pending => Failures,
    };

    private ReplayRequest Request => new(_status, _connection, Periods.From(_period, Viewer.Now), EventName: _event,
        Reason: _reason ?? (_status == DeliveryStatus.Skipped ? Reasons[0] : null));

    protected override void OnInitialized() =>
        (_status, _connection, _event, _reason, _period) = (First.Status ?? DeliveryStatus.Dead, First.ConnectionId, First.EventName, First.Reason, Periods.Key(Period));

    protected override async Task LoadAsync()
    {
        var asked = ++_asked;
        var request = Request;
        var plan = await QueryAsync((caller, cancel) => replay.PlanAsync(caller, WebsiteId, request, cancel));
        if (asked == _asked) // else a later answer is on its way
            Plan = plan;
    }

    private Task ChangeAsync(Action change)
    {
        change();
        return LoadAsync();
    }

    private async Task StartAsync()
    {
        _isBusy = true;
        var request = Request;
        var started = await DoAsync((caller, cancel) => replay.StartAsync(caller, WebsiteId, request, cancel));
        _isBusy = false;
        if (started?.Value is { } job)
            Dialogs.Close(job);
    }

    private static string? Text(ChangeEventArgs e) => e.Value?.ToString()?.Trim() is { Length: > 0 } text ? text : null;
}
