using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Events;

/// <summary>Rows of events; a row opens the event's trace.</summary>
public sealed partial class EventTable(NavigationManager navigation, Viewer viewer)
{
    private readonly HashSet<Guid> _seen = [];
    private HashSet<Guid>? _arrived;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>Newest first.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<EventSummary> Rows { get; set; } = [];

    /// <summary>Times of day instead of distances, for rows that follow live.</summary>
    [Parameter]
    public bool IsLive { get; set; }

    [Parameter]
    public string? TestId { get; set; }

    private Viewer Viewer => viewer;

    protected override void OnParametersSet()
    {
        // Only what comes after the first rows slides in.
        var fresh = Rows.Where(r => _seen.Add(r.Id)).Select(r => r.Id).ToHashSet();
        _arrived = _arrived is null ? [] : fresh.Count > 0 ? fresh : _arrived;
    }

    private bool IsNew(Guid id) => IsLive && _arrived!.Contains(id);

    private string When(DateTimeOffset at) => IsLive ? viewer.TimeOfDay(at) : Words.Ago(at, viewer.Now);

    private void Open(Guid id) => navigation.NavigateTo($"websites/{WebsiteId}/events/{id}");

    private static string KeyNames(EventSummary e) => string.Join(", ", e.Keys.Select(EventWords.Key));
}
