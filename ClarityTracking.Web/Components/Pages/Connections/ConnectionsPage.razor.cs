using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>Where a website's events go; what they come from is on the Sources page. The form opens beside the list and has an address of its own.</summary>
public sealed partial class ConnectionsPage(ConnectionService service, DestinationCatalog catalog, PlatformCatalog platforms, OAuthConnections oauth, Backfill backfill)
{
    private const string TestEventName = "event", HealthName = "health", OfferName = "offer";

    /// <summary><c>new</c> or a connection's id.</summary>
    [SupplyParameterFromQuery(Name = "open")]
    private string? Open { get; set; }

    [SupplyParameterFromQuery(Name = "platform")]
    private string? Platform { get; set; }

    /// <summary>Id of the connection whose test panel is open.</summary>
    [SupplyParameterFromQuery(Name = "test")]
    private string? Test { get; set; }

    /// <summary>The event that the test panel shows.</summary>
    [SupplyParameterFromQuery(Name = TestEventName)]
    private string? TestEvent { get; set; }

    /// <summary>A consent that failed, and the provider of one that did not; the callback leads here.</summary>
    [SupplyParameterFromQuery(Name = "attempt")]
    private Guid? Attempt { get; set; }

    [SupplyParameterFromQuery(Name = "connected")]
    private string? Connected { get; set; }
    /// <summary>Id of the connection whose health is shown.</summary>
    [SupplyParameterFromQuery(Name = HealthName)]
    private string? Health { get; set; }

    /// <summary>Id of the connection that was just made and could be sent events from before.</summary>
    [SupplyParameterFromQuery(Name = OfferName)]
    private string? Offer { get; set; }

    private LoadState<IReadOnlyList<ConnectionDetails>> Connections { get; set; } = new();

    /// <summary>A system that is connected by its account alone.</summary>
    private (OAuthProviderInfo Provider, ConnectionDetails? Existing)? OpenedAccount
    {
        get
        {
            var existing = Connections.Value?.FirstOrDefault(c => c.Id.ToString() == Open);
            var platform = existing?.Platform ?? (Open == "new" ? Platform : null);
            return platform is not null && catalog.Find(platform) is null && oauth.ProviderOf(platform) is { } provider ? (provider, existing) : null;
        }
    }

    private string? Answer
    {
        get
        {
            if (Connections.Value is not { Count: > 0 } all)
                return null;
            var paused = all.Where(c => c.Enabled && c.State == ConnectionState.Paused).ToList();
            if (paused.Count > 0)
                return $"{string.Join(" and ", paused.Select(c => c.Name))} {(paused.Count == 1 ? "is" : "are")} paused until someone acts; events are kept.";
            var degraded = all.Where(c => c.Enabled && c.State == ConnectionState.Degraded).ToList();
            if (degraded.Count > 0)
                return $"{string.Join(" and ", degraded.Select(c => c.Name))} {(degraded.Count == 1 ? "does" : "do")} not answer as expected; deliveries are tried again by themselves.";
            var on = all.Count(c => c.Enabled);
            return on == 0 ? "All connections are switched off; events are stored, but sent nowhere."
                : on == 1 ? "The connection works." : $"All {on} connections that are switched on work.";
        }
    }

    private (IDestination Destination, ConnectionDetails? Existing)? Opened
    {
        get
        {
            if (Open == "new")
                return OpenedAccount is null && (catalog.Find(Platform ?? "") ?? catalog.All.FirstOrDefault()) is { } chosen ? (chosen, null) : null;
            var existing = Connections.Value?.FirstOrDefault(c => c.Id.ToString() == Open);
            return existing is not null && catalog.Find(existing.Platform) is { } destination ? (destination, existing) : null;
        }
    }

    private (IDestination Destination, ConnectionDetails Connection)? Tested => Named(Test);

    private (IDestination Destination, ConnectionDetails Connection)? Examined => Named(Health);

    private (IDestination Destination, ConnectionDetails Connection)? Offered => Named(Offer);

    private (IDestination Destination, ConnectionDetails Connection)? Named(string? id) =>
        Connections.Value?.FirstOrDefault(c => c.Id.ToString() == id) is { } connection && catalog.Find(connection.Platform) is { } destination
            ? (destination, connection) : null;

    protected override async Task LoadAsync()
    {
        var all = await QueryAsync((caller, cancel) => service.ListAsync(caller, WebsiteId, cancel));
        // an account's callback, or an old link
        if (IsSource(Platform) || all.Value?.FirstOrDefault(c => c.Id.ToString() == (Open ?? Test)) is { } opened && IsSource(opened.Platform))
        {
            Navigation.NavigateTo(To("sources") + new Uri(Navigation.Uri).Query, replace: true);
            return;
        }
        Connections = all.Value is { } connections ? LoadState.Of<IReadOnlyList<ConnectionDetails>>(connections.Where(c => !IsSource(c.Platform)).ToList()) : all;
    }

    private bool IsSource(string? platform) => platform is not null && platforms.Find(platform) is { IsSource: true };

    private void ClosePanel() => Filter(("open", null), ("platform", null), ("attempt", null), ("connected", null));

    /// <summary>What was said about connecting is over once something else was done.</summary>
    private async Task ChangedAsync()
    {
        if (Attempt is null && Connected is null)
            await LoadAsync();
        else
            Filter(("attempt", null), ("connected", null));
    }

    private static bool NeedsReconnect(ConnectionDetails connection) =>
        connection is { State: ConnectionState.Paused } && connection.StateReason?.StartsWith(OAuthRefresh.ReconnectNeeded, StringComparison.Ordinal) == true;

    private void CloseTest() => Filter(("test", null), (TestEventName, null));

    /// <summary>A new connection is offered the events from before it, where there are any that it would be sent.</summary>
    private async Task SavedAsync(ConnectionDetails saved)
    {
        string? offer = null;
        if (Open == "new" && catalog.Find(saved.Platform) is { } destination)
        {
            var days = Math.Min(BackfillForm.FirstDays, Backfill.MostDays(destination.Info));
            var plan = await QueryAsync((caller, cancel) => backfill.PlanAsync(caller, WebsiteId, saved.Id, new BackfillRequest(days), cancel));
            offer = plan.Value is { WillSend: > 0 } ? saved.Id.ToString() : null;
        }
        Filter(("open", null), ("platform", null), (OfferName, offer));
    }

    private async Task EnableAsync(ConnectionDetails connection)
    {
        var values = new ConnectionValues(null, null, null, !connection.Enabled);
        await DoAsync((caller, cancel) => service.ChangeAsync(caller, WebsiteId, connection.Id, values, cancel),
            connection.Enabled ? $"{connection.Name} is switched off" : $"{connection.Name} is switched on");
        await LoadAsync();
    }

    private async Task DeleteAsync(ConnectionDetails connection)
    {
        var sure = await Dialogs.Confirm($"{connection.Name} gets no more events, and deliveries that still wait for it are dropped. What was delivered stays in the log.",
            $"Delete {connection.Name}?", new ConfirmOptions { OkButtonText = "Delete connection", CancelButtonText = "Keep it" });
        if (sure != true)
            return;
        await DoAsync((caller, cancel) => oauth.DeleteConnectionAsync(caller, WebsiteId, connection.Id, cancel), $"{connection.Name} is deleted");
        await LoadAsync();
    }
}
