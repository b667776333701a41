using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Pages.Websites;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Settings;

/// <summary>What is set about a website, its keys, and its end.</summary>
public sealed partial class SettingsPage(WebsiteService websites, MyWebsites mine)
{
    private readonly FormErrors _errors = new();
    private WebsiteInput _values = new();

    private LoadState<WebsiteInfo> Site { get; set; } = new();

    private bool MayChange => Site.Value is { Role: >= Role.Admin };

    protected override async Task LoadAsync()
    {
        Site = await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel));
        if (Site.Value is { } site)
            _values = WebsiteInput.Of(site);
    }

    private async Task SaveAsync()
    {
        var saved = await DoAsync((caller, cancel) => websites.ChangeAsync(caller, WebsiteId, _values.ToValues(), cancel), "Saved", _errors);
        if (saved is null)
            return;
        Site = LoadState.Of(saved.Value!);
        _values = WebsiteInput.Of(saved.Value!);
        await mine.LoadAsync();
    }

    private async Task DeleteAsync(WebsiteInfo site)
    {
        var sure = await Dialogs.OpenAsync<TypedConfirm>("Delete website", new Dictionary<string, object?>
        {
            [nameof(TypedConfirm.Name)] = site.Name,
            [nameof(TypedConfirm.Act)] = "Delete website",
            [nameof(TypedConfirm.Meaning)] = $"{site.Name} with its keys, connections and events will be gone. Nothing brings it back.",
        });
        if (sure is not true || await DoAsync((caller, cancel) => websites.DeleteAsync(caller, WebsiteId, cancel), $"{site.Name} is deleted") is null)
            return;
        await mine.LoadAsync();
        Navigation.NavigateTo("/");
    }
}
