using ClarityTracking.Core;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Links;

/// <summary>Campaign links with what they earned. The opened one lives in the address.</summary>
public sealed partial class LinksPage(LinkService links, WebsiteService websites)
{
    private const string OpenName = "open", EditName = "edit", CursorName = "cursor";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private string? _currency;
    private Task? _looking;

    /// <summary><c>new</c> or a link's id.</summary>
    [SupplyParameterFromQuery(Name = OpenName)]
    private string? Open { get; set; }

    [SupplyParameterFromQuery(Name = EditName)]
    private string? Edit { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    private LoadState<Page<LinkDetails>> Links { get; set; } = new();

    private string? Answer
    {
        get
        {
            if (Links.Value is not { Items.Count: > 0 } page)
                return null;
            var clicks = page.Items.Sum(l => l.Clicks);
            var best = page.Items.MaxBy(l => (l.Revenue, l.Conversions, l.Clicks))!;
            return clicks == 0 && best.Conversions == 0 ? "No click yet. Share a link and watch it here."
                : $"{Words.Count(clicks, "click")} in the last 30 days{(best.Revenue > 0 ? $"; {best.Name} earned the most, {Words.Money(best.Revenue, _currency)}" : best.Conversions > 0 ? $"; {best.Name} led to the most, {Words.Count(best.Conversions, "conversion")}" : "; no conversion yet")}.";
        }
    }

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string UrlOf(LinkDetails link) => link.Url.StartsWith('/') ? Navigation.BaseUri.TrimEnd('/') + link.Url : link.Url;

    protected override async Task LoadAsync()
    {
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        _currency ??= (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value?.Currency;
        Links = await QueryAsync((caller, cancel) => links.ListAsync(caller, WebsiteId, cursor, Core.Page.DefaultLimit, cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task LookAgainAsync()
    {
        if (!Links.IsLoaded || Open is not null || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private void ClosePanel() => Filter((OpenName, null), (EditName, null));

    private async Task ChangedAsync()
    {
        Filter((EditName, null));
        await LoadAsync();
    }

    private async Task EndedAsync()
    {
        ClosePanel();
        await LoadAsync();
    }
}
