using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>One webhook. Follows its processing after a replay.</summary>
public sealed partial class InboundPanel(InboundQueries webhooks, ConversionQueries conversions)
{
    private const int MostConversions = 10;
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(1);
    private List<ConversionInfo> _conversions = [];
    private InboundWebhook? _revealed;
    private bool _isRevealed, _isBusy;
    private Task? _looking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid WebhookId { get; set; }

    /// <summary>Name of a connection.</summary>
    [Parameter, EditorRequired]
    public Func<Guid, string> SourceName { get; set; } = default!;

    [Parameter]
    public EventCallback OnReplayed { get; set; }

    private LoadState<InboundWebhook> Webhook { get; set; } = new();

    protected override async Task LoadAsync()
    {
        if (!Webhook.IsLoaded) // the page around renders again and again
            await ReadAsync();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task ReadAsync()
    {
        Webhook = await QueryAsync((caller, cancel) => webhooks.FindAsync(caller, WebsiteId, WebhookId, cancel));
        var changed = new List<ConversionInfo>();
        foreach (var id in (Webhook.Value?.ConversionIds ?? []).Take(MostConversions))
            if ((await QueryAsync((caller, cancel) => conversions.GetAsync(caller, WebsiteId, id, cancel))).Value is { } conversion)
                changed.Add(conversion);
        _conversions = changed;
    }

    private async Task LookAgainAsync()
    {
        if (Webhook.Value is not { Status: InboundStatus.Received } || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    /// <summary>Asks first: a look that is not allowed or not written down does not happen.</summary>
    private async Task RevealAsync()
    {
        _revealed = (await DoAsync((caller, cancel) => webhooks.GetAsync(caller, WebsiteId, WebhookId, cancel)))?.Value;
        _isRevealed = _revealed is not null;
        if (_revealed is { Body: not null } whole)
            Webhook = LoadState.Of(whole);
    }

    private async Task ReplayAsync()
    {
        _isBusy = true;
        if (await DoAsync((caller, cancel) => webhooks.ReplayAsync(caller, WebsiteId, WebhookId, cancel), "It is being processed again") is not null)
        {
            await ReadAsync();
            await OnReplayed.InvokeAsync();
        }
        _isBusy = false;
    }
}
