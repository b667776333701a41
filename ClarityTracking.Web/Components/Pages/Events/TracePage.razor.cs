using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Events;

/// <summary>One event's whole way: left the story, right what the chosen step rests on.</summary>
public sealed partial class TracePage(EventTraces traces, EventQueries events)
{
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private static readonly HashSet<string> Nothing = [];
    private PersonalData? _personal;
    private string? _chosen;
    private Guid? _shown;
    private Task? _looking;

    /// <summary>Our id or the sender's.</summary>
    [Parameter]
    public string EventId { get; set; } = "";

    private LoadState<EventTrace> Trace { get; set; } = new();

    private IReadOnlyList<TraceStep> Steps => Trace.Value is { } trace ? TraceStory.Tell(trace, _personal, Viewer.Now) : [];

    private TraceStep? Chosen => Steps.FirstOrDefault(s => s.Key == _chosen) ?? Steps.FirstOrDefault(s => s.Key == "event");

    private IReadOnlySet<string> Hidden => _personal is null ? JsonMask.PersonalData : Nothing;

    private string? Answer => Trace.Value is not { } trace ? null : trace.Deliveries.Count == 0
        ? "Stored; not sent to any platform."
        : $"Stored, {string.Join(", ", trace.Deliveries.GroupBy(d => d.Status).OrderBy(g => g.Key).Select(g => $"{StatusWords.Of(g.Key).ToLowerInvariant()} {(g.Key == DeliveryStatus.Delivered ? "to" : "for")} {string.Join(" and ", g.Select(d => d.ConnectionName ?? "a deleted connection"))}"))}.";

    private bool IsOpen => Trace.Value?.Deliveries.Any(d => d.Status is DeliveryStatus.Pending or DeliveryStatus.Retrying) == true
        || Trace.Value is { Deliveries.Count: 0 } trace && Viewer.Now - trace.Event.ReceivedAt < TimeSpan.FromMinutes(1);

    protected override async Task LoadAsync()
    {
        Trace = await QueryAsync((caller, cancel) => traces.GetAsync(caller, WebsiteId, EventId, cancel));
        if (_shown != Trace.Value?.Event.Id)
            (_shown, _personal, _chosen) = (Trace.Value?.Event.Id, null, null);
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task LookAgainAsync()
    {
        if (!IsOpen || !await Viewer.IsVisibleAsync())
            return;
        var again = await QueryAsync((caller, cancel) => traces.GetAsync(caller, WebsiteId, EventId, cancel));
        if (again.IsLoaded)
            Trace = again;
        StateHasChanged();
    }

    private async Task RevealAsync()
    {
        var revealed = await DoAsync((caller, cancel) => events.RevealPersonalAsync(caller, WebsiteId, Trace.Value!.Event.Id, cancel));
        if (revealed is null)
            return;
        _personal = revealed.Value;
        _chosen = "identify";
    }
}
