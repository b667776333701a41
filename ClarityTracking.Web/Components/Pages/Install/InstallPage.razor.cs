using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.WebUtilities;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>
/// Choose, copy, see it arrive. What is chosen lives in the address, so that it can be sent to a colleague. Listens until it has heard
/// everything, while the page is in front.
/// </summary>
public sealed partial class InstallPage(WebsiteService websites, EventQueries events, IConfiguration configuration)
{
    private const string StackName = "stack";
    private static readonly TimeSpan ListenEvery = TimeSpan.FromSeconds(1), LookForRefusalsEvery = TimeSpan.FromSeconds(15), RefusalsOf = TimeSpan.FromHours(1);
    private DateTimeOffset _refusalsAt;
    private bool _isListening = true, _opensWithOptions;
    private Task? _listening;

    // The address follows these: it is told by way of the browser, and a second choice may be quicker than that.
    private Stack _stack = Snippets.Stacks[0];
    private SnippetOptions _options = new();

    private LoadState<WebsiteInfo> Site { get; set; } = new();

    private FirstSigns Heard { get; set; } = new();

    private IReadOnlyList<Refusal> Refusals { get; set; } = [];

    /// <summary>What the snippets are written from; null when the website has no working publishable key.</summary>
    private TagPlan? Plan => Site.Value is { PublishableKey: { } key } site ? TagPlan.Of(PublicUrl, site.ScriptAlias, key, site.Currency, _options) : null;

    private string? Answer => Site.Value is null ? null
        : Heard.All ? "Everything we listen for has arrived. The snippet works."
        : Heard.Any ? "Events arrive. What has not been heard yet is listed under step 3."
        : "No event yet. Three steps, about two minutes.";

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string PublicUrl => (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : Navigation.BaseUri).TrimEnd('/') + "/";

    protected override void OnInitialized()
    {
        var query = QueryHelpers.ParseQuery(new Uri(Navigation.Uri).Query);
        _stack = Snippets.Named(query.GetValueOrDefault(StackName));
        _options = SnippetOptions.FromQuery(name => query.GetValueOrDefault(name));
        _opensWithOptions = _options.Count > 0;
    }

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

    /// <summary>Writes the choice into the address, in place of the one before: Back leaves the page.</summary>
    private void Choose(Stack stack, SnippetOptions options)
    {
        (_stack, _options) = (stack, options);
        var query = options.ToQuery().ToDictionary(p => p.Name, p => (object?)p.Value);
        query[StackName] = stack == Snippets.Stacks[0] ? null : stack.Key;
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(query), replace: true);
    }
}
