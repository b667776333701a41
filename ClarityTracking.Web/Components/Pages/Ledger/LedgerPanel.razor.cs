using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Ledger;

/// <summary>One conversion of the ledger. Follows it after something was sent again.</summary>
public sealed partial class LedgerPanel(LedgerQueries ledger, Replay replay, InboundQueries webhooks)
{
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(2);
    private Task? _looking;
    private bool _isBusy, _hasActed;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid Id { get; set; }

    /// <summary>Something was sent again.</summary>
    [Parameter]
    public EventCallback OnActed { get; set; }

    private LoadState<LedgerDetails> Details { get; set; } = new();

    protected override async Task LoadAsync()
    {
        if (!Details.IsLoaded) // the page around renders again and again
            await ReadAsync();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task ReadAsync() => Details = await QueryAsync((caller, cancel) => ledger.ItemAsync(caller, WebsiteId, Id, cancel));

    private async Task LookAgainAsync()
    {
        if (!_hasActed || !Details.IsLoaded || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    private static string NameOf(LedgerItem item, Guid connectionId) => item.Destinations.FirstOrDefault(d => d.ConnectionId == connectionId)?.Name ?? "A connection that is off";

    private Task SendAgainAsync(Guid deliveryId) => ActAsync(async () =>
        await DoAsync((caller, cancel) => replay.StartAsync(caller, WebsiteId, new ReplayRequest(Ids: [deliveryId]), cancel)) is { Value.Plan: var plan }
            ? plan switch
            {
                { WillSend: > 0 } => "It is being sent again",
                { AlreadyDelivered: > 0 } => "The platform has this event already",
                { TooOld: > 0 } => "The event is older than the platform takes",
                _ => "It is already on its way",
            } : null);

    private Task ReplayWebhookAsync(Guid webhookId) => ActAsync(async () =>
        await DoAsync((caller, cancel) => webhooks.ReplayAsync(caller, WebsiteId, webhookId, cancel)) is not null ? "The webhook is being processed again" : null);

    private async Task ActAsync(Func<Task<string?>> act)
    {
        _isBusy = true;
        if (await act() is { } said)
        {
            Tell(Radzen.NotificationSeverity.Info, said, null);
            _hasActed = true;
            await ReadAsync();
            await OnActed.InvokeAsync();
        }
        _isBusy = false;
    }
}
