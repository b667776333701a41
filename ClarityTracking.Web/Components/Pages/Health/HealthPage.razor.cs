using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Health;

/// <summary>The last 48 hours by event and destination.</summary>
public sealed partial class HealthPage(WebsiteHealthQueries queries, ConnectionService connections, PlatformCatalog platforms)
{
    private static readonly TimeSpan LongSilence = TimeSpan.FromHours(24);
    private const double GoodSuccess = .95;

    // what the studio looks at
    [SupplyParameterFromQuery(Name = StudioPanel.ConnectionName)]
    private string? ConnectionId { get; set; }

    [SupplyParameterFromQuery(Name = StudioPanel.EventParameter)]
    private string? EventName { get; set; }

    [SupplyParameterFromQuery(Name = StudioPanel.DaysName)]
    private int? Days { get; set; }

    [SupplyParameterFromQuery(Name = StudioPanel.StackName)]
    private string? Stack { get; set; }

    private (Guid WebsiteId, string? Connection, string? Event, int? Days, string? Stack) _seen;

    private LoadState<WebsiteHealth> Health { get; set; } = new();

    private IReadOnlyList<ConnectionDetails> Connections { get; set; } = [];

    private string? Answer
    {
        get
        {
            if (Health.Value is not { ByEvent.Count: > 0 } health)
                return Health.IsLoaded ? "No event arrived in the last 48 hours." : null;
            var names = Connections.Where(c => c.Enabled && platforms.Find(c.Platform) is { IsSource: false }).Select(c => c.Name).ToList();
            var broken = Connections.Where(c => c.Enabled && c.State != ConnectionState.Healthy).ToList();
            var success = Success(health);
            var isSilent = Viewer.Now - health.LastEventAt > LongSilence;
            var isHealthy = broken.Count == 0 && !isSilent && success is null or >= GoodSuccess;
            var reached = names.Count == 0 ? $"{Words.Count(health.Events, "event")} arrived; no connection is on, so nothing was sent"
                : success is null ? $"{Words.Count(health.Events, "event")} arrived; nothing had to be sent"
                : $"{Words.Percent(success)} of {Words.Count(Tried(health), "delivery", "deliveries")} that ended reached {string.Join(" and ", names)}";
            var trouble = broken.Count > 0 ? $" {string.Join(". ", broken.Select(c => $"{c.Name} is {c.State.Word()}: {c.StateReason}"))}."
                : isSilent ? $" No event has come for {Words.Span(Viewer.Now - health.LastEventAt!.Value)}." : "";
            return $"{(isHealthy ? "Healthy" : "Needs attention")}: {reached}.{trouble}";
        }
    }

    protected override async Task LoadAsync()
    {
        var asked = (WebsiteId, ConnectionId, EventName, Days, Stack);
        var isOnlyTheStudio = Health.IsLoaded && _seen.WebsiteId == WebsiteId && _seen != asked;
        _seen = asked;
        if (isOnlyTheStudio)
            return; // it loads by itself
        Connections = (await QueryAsync((caller, cancel) => connections.ListAsync(caller, WebsiteId, cancel))).Value ?? [];
        Health = await QueryAsync((caller, cancel) => queries.GetAsync(caller, WebsiteId, cancel));
    }

    private static long Delivered(WebsiteHealth health) => health.ByEvent.Sum(e => e.Destinations.Sum(d => d.Delivered));

    private static long Tried(WebsiteHealth health) => Delivered(health) + health.ByEvent.Sum(e => e.Destinations.Sum(d => d.Dead.Values.Sum()));

    private static double? Success(WebsiteHealth health) => Tried(health) is > 0 and var tried ? (double)Delivered(health) / tried : null;
}
