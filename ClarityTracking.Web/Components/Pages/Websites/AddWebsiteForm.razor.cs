using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Websites;

/// <summary>Makes a website; the time zone starts as the viewer's own.</summary>
public sealed partial class AddWebsiteForm(WebsiteService websites, WorkspaceService workspaces)
{
    private readonly WebsiteInput _values = new();
    private readonly FormErrors _errors = new();
    private IReadOnlyList<WorkspaceInfo> _workspaces = [];
    private Guid? _workspaceId;
    private bool _isBusy;

    /// <summary>There is none yet, so there is nothing to go back to.</summary>
    [Parameter]
    public bool IsFirst { get; set; }

    [Parameter, EditorRequired]
    public EventCallback<NewWebsite> OnCreated { get; set; }

    [Parameter]
    public EventCallback OnCancel { get; set; }

    protected override async Task LoadAsync()
    {
        _values.TimeZone = Viewer.Zone.Id;
        var mine = await QueryAsync<IReadOnlyList<WorkspaceInfo>>(async (caller, cancel) =>
            (await workspaces.ListAsync(caller, cancel)).Where(w => w.Role >= Role.Admin).ToList());
        _workspaces = mine.Value ?? [];
        _workspaceId = _workspaces is [var first, ..] ? first.Id : null;
    }

    private async Task CreateAsync()
    {
        _isBusy = true;
        var created = await DoAsync((caller, cancel) => websites.CreateAsync(caller, _workspaceId, _values.ToValues(), cancel), errors: _errors);
        _isBusy = false;
        if (created is not null)
            await OnCreated.InvokeAsync(created.Value);
    }
}
