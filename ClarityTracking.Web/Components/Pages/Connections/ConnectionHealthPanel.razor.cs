using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Web.Components.Pages.Deliveries;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>How a connection does and did, what became of what waited for it, and the offer to send events from before.</summary>
public sealed partial class ConnectionHealthPanel(DeliveryQueries deliveries)
{
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private Task? _looking;
    private DeliveryJobsCard? _jobs;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public IDestination Destination { get; set; } = default!;

    /// <summary>Where the connection is edited.</summary>
    [Parameter, EditorRequired]
    public string EditLink { get; set; } = "";

    /// <summary>Where it is tested.</summary>
    [Parameter, EditorRequired]
    public string TestLink { get; set; } = "";

    private LoadState<ConnectionHealth> Health { get; set; } = new();

    protected override async Task LoadAsync()
    {
        var asked = Connection.Id;
        var health = await QueryAsync((caller, cancel) => deliveries.ConnectionHealthAsync(caller, asked, cancel));
        if (asked == Connection.Id) // else another was opened meanwhile
            Health = health;
        _looking ??= PollAsync(LookAgainEvery, async () =>
        {
            if (!Health.IsLoaded || !await Viewer.IsVisibleAsync())
                return;
            await LoadAsync();
            StateHasChanged();
        });
    }

    private Task ShowJobsAsync() => _jobs?.RefreshAsync() ?? Task.CompletedTask;

    /// <summary>What became of those that waited: <c>Resumed: 940 sent, 130 too old</c>.</summary>
    private static string Resumed(ConnectionDrain drain)
    {
        if (drain.Waiting == 0)
            return "Resumed";
        if (!drain.IsDrained)
            return $"Resumed: {Words.Count(drain.StillWaiting)} of {Words.Count(drain.Waiting)} still to be sent";
        string[] parts =
        [
            $"{Words.Count(drain.Sent)} sent", $"{Words.Count(drain.TooOld)} too old",
            .. drain.Dead > 0 ? [$"{Words.Count(drain.Dead)} refused"] : Array.Empty<string>(),
            .. drain.Skipped > 0 ? [$"{Words.Count(drain.Skipped)} skipped"] : Array.Empty<string>(),
            .. drain.Retrying > 0 ? [$"{Words.Count(drain.Retrying)} being retried"] : Array.Empty<string>(),
        ];
        return $"Resumed: {string.Join(", ", parts)}";
    }
}
