using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Links;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Links;

/// <summary>One link. Follows its clicks while it is open and in front.</summary>
public sealed partial class LinkPanel(LinkService links, LinkConversions conversions)
{
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(2);
    private Task? _looking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid LinkId { get; set; }

    /// <summary>The website's.</summary>
    [Parameter]
    public string? Currency { get; set; }

    /// <summary>The whole short address.</summary>
    [Parameter, EditorRequired]
    public Func<LinkDetails, string> UrlOf { get; set; } = default!;

    [Parameter]
    public bool IsEditing { get; set; }

    [Parameter, EditorRequired]
    public string EditLink { get; set; } = "";

    /// <summary>It was saved, or editing was given up.</summary>
    [Parameter]
    public EventCallback OnChanged { get; set; }

    [Parameter]
    public EventCallback OnEnded { get; set; }

    private LoadState<LinkDetails> Link { get; set; } = new();

    private LoadState<LinkFunnel> Funnel { get; set; } = new();

    private LoadState<IReadOnlyList<TypeSum>> Types { get; set; } = new();

    protected override async Task LoadAsync()
    {
        if (!Link.IsLoaded) // the page around renders again and again
            await ReadAsync();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task ReadAsync()
    {
        Link = await QueryAsync((caller, cancel) => links.GetAsync(caller, WebsiteId, LinkId, cancel));
        if (!Link.IsLoaded)
            return;
        Funnel = await QueryAsync((caller, cancel) => conversions.FunnelAsync(caller, LinkId, cancel));
        Types = await QueryAsync((caller, cancel) => conversions.TypesAsync(caller, LinkId, cancel));
    }

    private async Task LookAgainAsync()
    {
        if (!Link.IsLoaded || IsEditing || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    private async Task SavedAsync(LinkDetails saved)
    {
        Link = LoadState.Of(saved);
        await OnChanged.InvokeAsync();
    }

    private async Task EndAsync()
    {
        var link = Link.Value!;
        var sure = await Dialogs.Confirm("It leads nowhere any more, also where it is printed. Its clicks and conversions stay in the reports.",
            $"End {link.Name}?", new ConfirmOptions { OkButtonText = "End link", CancelButtonText = "Keep it" });
        if (sure == true && await DoAsync((caller, cancel) => links.DeleteAsync(caller, WebsiteId, link.Id, cancel), $"{link.Name} has ended") is not null)
            await OnEnded.InvokeAsync();
    }
}
