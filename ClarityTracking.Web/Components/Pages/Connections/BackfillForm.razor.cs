using System.Globalization;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Web.Components.Pages.Deliveries;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>Offers to feed a connection the events from before it, and shows what that would send.</summary>
public sealed partial class BackfillForm(Backfill backfill)
{
    /// <summary>What is offered at first, where the platform takes as many.</summary>
    internal const int FirstDays = 7;

    private int _days = FirstDays;
    private string? _wrong;
    private bool _isBusy;
    private (Guid Connection, int Days)? _planned;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public IDestination Destination { get; set; } = default!;

    /// <summary>A job was started.</summary>
    [Parameter]
    public EventCallback OnStarted { get; set; }

    /// <summary>The viewer does not want it; null = it cannot be dismissed.</summary>
    [Parameter]
    public EventCallback OnDismissed { get; set; }

    private LoadState<BackfillPlan> Plan { get; set; } = new();

    private int MostDays => Backfill.MostDays(Destination.Info);

    protected override void OnInitialized() => _days = Math.Min(FirstDays, MostDays);

    protected override async Task LoadAsync()
    {
        // the page renders again for reasons of its own; the plan costs a look at all events of the time
        if (_planned != (Connection.Id, _days))
            await PlanAsync();
    }

    private async Task PlanAsync()
    {
        var asked = (Connection.Id, _days);
        (_planned, Plan) = (asked, new());
        var plan = await QueryAsync((caller, cancel) => backfill.PlanAsync(caller, WebsiteId, asked.Id, new BackfillRequest(asked._days), cancel));
        if (_planned == asked) // else another was asked for meanwhile
            Plan = plan;
    }

    private Task ChangeAsync(ChangeEventArgs e)
    {
        _wrong = int.TryParse(e.Value?.ToString(), CultureInfo.InvariantCulture, out var days) && days >= 1 && days <= MostDays ? null : $"Give 1 to {MostDays} days.";
        if (_wrong is not null)
            return Task.CompletedTask;
        _days = days;
        return PlanAsync();
    }

    private async Task StartAsync()
    {
        _isBusy = true;
        var started = await DoAsync((caller, cancel) => backfill.StartAsync(caller, WebsiteId, Connection.Id, new BackfillRequest(_days), cancel));
        _isBusy = false;
        if (started?.Value is null)
            return;
        Tell(Radzen.NotificationSeverity.Success, $"Earlier events are being sent to {Connection.Name}", "New events go first.");
        await OnStarted.InvokeAsync();
        _planned = null;
    }

    private static string Sentence(BackfillPlan plan)
    {
        if (plan.Matched == 0)
            return "No event of that time is stored.";
        string[] rest =
        [
            .. plan.AlreadyDelivered > 0 ? [$"{Words.Count(plan.AlreadyDelivered)} were sent or decided before"] : Array.Empty<string>(),
            .. plan.TooOld > 0 ? [$"{Words.Count(plan.TooOld)} are too old"] : Array.Empty<string>(),
            .. plan.WouldSkip.Count > 0 ? [$"would be skipped: {JobWords.Counts(plan.WouldSkip)}"] : Array.Empty<string>(),
        ];
        var will = plan.WillSend == 0 ? "None" : $"{(plan.IsEstimate ? "About " : "")}{Words.Count(plan.WillSend)}";
        return $"{will} of {Words.Count(plan.Matched, "event")} will be sent{(rest.Length == 0 ? "" : "; " + string.Join("; ", rest))}.";
    }
}
