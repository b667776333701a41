using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>
/// Choose, copy, see it arrive. What is chosen lives in the address, so that it can be sent to a colleague. Listens until it has heard
/// everything, while the page is in front.
/// </summary>
public sealed partial class InstallPage(WebsiteService websites, EventQueries events, IConfiguration configuration)
{
    internal const string StackName = "stack", OnName = "on", DomainsName = "domains", TimeoutName = "timeout", AddressName = "from", HostName = "host";
    private static readonly TimeSpan ListenEvery = TimeSpan.FromSeconds(1), LookForRefusalsEvery = TimeSpan.FromSeconds(15), RefusalsOf = TimeSpan.FromHours(1);
    private DateTimeOffset _refusalsAt;
    private bool _isListening = true, _opensWithOptions;
    private Task? _listening;

    [SupplyParameterFromQuery(Name = StackName)]
    private string? StackKey { get; set; }

    [SupplyParameterFromQuery(Name = OnName)]
    private string? On { get; set; }

    [SupplyParameterFromQuery(Name = DomainsName)]
    private string? Domains { get; set; }

    [SupplyParameterFromQuery(Name = TimeoutName)]
    private string? Timeout { get; set; }

    [SupplyParameterFromQuery(Name = AddressName)]
    private string? Address { get; set; }

    [SupplyParameterFromQuery(Name = HostName)]
    private string? Host { get; set; }

    private LoadState<WebsiteInfo> Site { get; set; } = new();

    private FirstSigns Heard { get; set; } = new();

    private IReadOnlyList<Refusal> Refusals { get; set; } = [];

    private Stack Stack => Snippets.Named(StackKey);

    private SnippetOptions Options => new()
    {
        On = (On ?? "").Split(',').ToHashSet(StringComparer.Ordinal),
        Domains = Domains ?? "",
        Timeout = Timeout?.Trim() ?? "",
        Address = Enum.TryParse<ScriptAddress>(Address, ignoreCase: true, out var address) && Enum.IsDefined(address) ? address : ScriptAddress.App,
        Host = Host ?? "",
    };

    /// <summary>What the snippets are written from; null when the website has no working publishable key.</summary>
    private TagPlan? Plan => Site.Value is { PublishableKey: { } key } site ? TagPlan.Of(PublicUrl, site.ScriptAlias, key, site.Currency, Options) : null;

    private string? Answer => Site.Value is null ? null
        : Heard.All ? "Everything we listen for has arrived. The snippet works."
        : Heard.Any ? "Events arrive. What has not been heard yet is listed under step 3."
        : "No event yet. Three steps, about two minutes.";

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string PublicUrl => (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : Navigation.BaseUri).TrimEnd('/') + "/";

    protected override void OnInitialized() => _opensWithOptions = Options.Count > 0;

    /// <summary>Another choice in the address is no reason to load again.</summary>
    protected override Task OnParametersSetAsync() => Site.Value?.Id == WebsiteId ? Task.CompletedTask : base.OnParametersSetAsync();

    protected override async Task LoadAsync()
    {
        Heard = new FirstSigns();
        Refusals = [];
        _refusalsAt = default;
        Site = await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel));
        if (Site.IsLoaded)
        {
            await ListenAsync();
            // a purchase is seldom among the newest events of a busy shop
            var purchase = await QueryAsync((caller, cancel) => events.ListAsync(caller, WebsiteId, new EventFilter("purchase"), cursor: null, limit: 1, cancel));
            Heard.Hear(purchase.Value?.Items ?? []);
        }
        _listening ??= PollAsync(ListenEvery, ListenAsync);
    }

    private async Task ListenAsync()
    {
        if (!Site.IsLoaded || Heard.All || !await Viewer.IsVisibleAsync())
            return;
        var news = await QueryAsync((caller, cancel) => events.ListSinceAsync(caller, WebsiteId, new EventFilter(), Heard.NewestId, limit: 200, cancel));
        _isListening = news.Problem is null;
        Heard.Hear(news.Value ?? []);
        if (Viewer.Now - _refusalsAt > LookForRefusalsEvery)
        {
            _refusalsAt = Viewer.Now;
            var refusals = await QueryAsync((caller, cancel) => events.RefusalsSinceAsync(caller, WebsiteId, Viewer.Now - RefusalsOf, cancel));
            Refusals = refusals.Value ?? [];
        }
        StateHasChanged();
    }

    /// <summary>Writes a choice into the address, in place of the one before: Back leaves the page.</summary>
    private void Choose(string name, string? value) =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter(name, string.IsNullOrEmpty(value) ? null : value), replace: true);
}
