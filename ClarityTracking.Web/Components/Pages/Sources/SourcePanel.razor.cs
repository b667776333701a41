using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using ClarityTracking.Web.Hosting;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>One source: address, steps, what arrives. Listens while it is open and in front.</summary>
public sealed partial class SourcePanel(InboundQueries webhooks, SourceTester tester, OwnAddress address)
{
    private static readonly TimeSpan ListenEvery = TimeSpan.FromSeconds(1);
    private InboundWebhook? _newest;
    private SourceTest? _sample;
    private bool _isSending, _isListening = true;
    private Task? _listening;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public Platform Platform { get; set; } = default!;

    /// <summary>The connection has changed.</summary>
    [Parameter]
    public EventCallback OnChanged { get; set; }

    [Parameter]
    public EventCallback OnClose { get; set; }

    private bool WaitsForSecret => Platform.WaitsForSecret(Connection.Credentials);

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string Url => Connection.WebhookUrl is { } url && url.StartsWith('/') ? Navigation.BaseUri.TrimEnd('/') + url : Connection.WebhookUrl ?? "";

    private string? AddressTrouble => !Uri.TryCreate(Url, UriKind.Absolute, out var url) ? "This connection has no address; delete it and connect again."
        : url.IsLoopback ? null
        : url.Scheme != Uri.UriSchemeHttps ? "This address is not https: most senders refuse it, and what they send could be read on the way. Let the operator set the public address (Clarity__PublicUrl)."
        : null;

    protected override async Task LoadAsync()
    {
        await ListenAsync();
        _listening ??= PollAsync(ListenEvery, ListenAsync);
    }

    private async Task ListenAsync()
    {
        if (WaitsForSecret || !await Viewer.IsVisibleAsync())
            return;
        var log = await QueryAsync((caller, cancel) => webhooks.ListAsync(caller, WebsiteId, new InboundFilter(Connection.Id), cursor: null, limit: 1, cancel));
        _isListening = log.Problem is null;
        _newest = log.Value?.Items is [var newest] ? newest : _newest;
        StateHasChanged();
    }

    private async Task SendSampleAsync()
    {
        (_isSending, _sample) = (true, null);
        _sample = (await DoAsync((caller, cancel) => tester.TestAsync(caller, WebsiteId, Connection.Id, address.Value, cancel)))?.Value;
        _isSending = false;
        await ListenAsync();
    }
}
