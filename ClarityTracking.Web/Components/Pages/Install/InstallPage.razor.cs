using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>Choose, copy, see it arrive. Listens until it has heard everything, while the page is in front.</summary>
public sealed partial class InstallPage(WebsiteService websites, EventQueries events, IConfiguration configuration)
{
    private static readonly TimeSpan ListenEvery = TimeSpan.FromSeconds(1);
    private Stack _stack = Snippets.Stacks[0];
    private bool _isListening = true;
    private Task? _listening;

    private LoadState<WebsiteInfo> Site { get; set; } = new();

    private FirstSigns Heard { get; set; } = new();

    private string? Answer => Site.Value is null ? null
        : Heard.All ? "Everything we listen for has arrived. The snippet works."
        : Heard.Any ? "Events arrive. What has not been heard yet is listed under step 3."
        : "No event yet. Three steps, about two minutes.";

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string PublicUrl => (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : Navigation.BaseUri).TrimEnd('/') + "/";

    protected override async Task LoadAsync()
    {
        Heard = new FirstSigns();
        Site = await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel));
        if (Site.IsLoaded)
            await ListenAsync();
        _listening ??= PollAsync(ListenEvery, ListenAsync);
    }

    private async Task ListenAsync()
    {
        if (!Site.IsLoaded || Heard.All || !await Viewer.IsVisibleAsync())
            return;
        var news = await QueryAsync((caller, cancel) => events.ListSinceAsync(caller, WebsiteId, new EventFilter(), Heard.NewestId, limit: 200, cancel));
        _isListening = news.Problem is null;
        Heard.Hear(news.Value ?? []);
        StateHasChanged();
    }
}
