using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Pages.Install;
using ClarityTracking.Web.Endpoints;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>What only a shop of Shopify has: webhooks that the app makes, and snippets for the theme and the checkout.</summary>
public sealed partial class ShopifyCard(OAuthConnections oauth, ShopifyWebhooks webhooks, WebsiteService websites, IConfiguration configuration)
{
    private bool _isBusy;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    private IReadOnlyList<AppWebhook> Webhooks { get; set; } = [];

    private IReadOnlyList<Piece> Pieces { get; set; } = [];

    protected override async Task LoadAsync()
    {
        var accounts = await QueryAsync((caller, cancel) => oauth.StatusAsync(caller, WebsiteId, cancel));
        Webhooks = accounts.Value?.FirstOrDefault(a => a.ConnectionId == Connection.Id)?.Webhooks ?? [];
        var site = await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel));
        if (site.Value is not { PublishableKey: { } key } website)
            return;
        var origin = (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : Navigation.BaseUri).TrimEnd('/') + "/";
        var plan = TagPlan.Of(origin, website.ScriptAlias, key, website.Currency, new SnippetOptions());
        var stack = Snippets.Named("shopify");
        Pieces = [stack.Tag(plan), .. stack.More(plan)];
    }

    private async Task MakeAsync()
    {
        _isBusy = true;
        var made = await DoAsync((caller, cancel) => webhooks.MakeAsync(caller, Connection.Id, OAuthEndpoints.RedirectUri(configuration, Navigation.BaseUri), cancel));
        Webhooks = made?.Value ?? Webhooks;
        _isBusy = false;
    }
}
