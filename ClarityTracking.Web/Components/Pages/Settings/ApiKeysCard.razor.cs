using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Settings;

/// <summary>Keys of a website. A secret one is shown once, in the answer that made it.</summary>
public sealed partial class ApiKeysCard(ApiKeyService service)
{
    private readonly FormErrors _errors = new();
    private bool _isAdding, _isTest;
    private string _name = "";
    private ApiKeyKind _kind = ApiKeyKind.Secret;
    private ApiKeyInfo? _created;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>The viewer is an admin.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    private LoadState<IReadOnlyList<ApiKeyInfo>> Keys { get; set; } = new();

    protected override async Task LoadAsync() =>
        Keys = await QueryAsync((caller, cancel) => service.ListAsync(caller, WebsiteId, cancel));

    private async Task CreateAsync()
    {
        var created = await DoAsync((caller, cancel) => service.CreateAsync(caller, WebsiteId, _kind, _isTest, _name, cancel), errors: _errors);
        if (created is null)
            return;
        (_created, _isAdding, _name) = (created.Value, false, "");
        await LoadAsync();
    }

    private async Task RevokeAsync(ApiKeyInfo key)
    {
        var sure = await Dialogs.Confirm($"Whatever uses {key.Hint} is refused from now on. This cannot be undone.", $"Revoke {key.Name}?",
            new ConfirmOptions { OkButtonText = "Revoke key", CancelButtonText = "Keep it" });
        if (sure != true)
            return;
        await DoAsync((caller, cancel) => service.RevokeAsync(caller, WebsiteId, key.Id, cancel), "The key is revoked");
        await LoadAsync();
    }
}
