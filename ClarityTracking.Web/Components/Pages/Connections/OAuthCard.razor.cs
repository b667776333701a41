using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using ClarityTracking.Web.Endpoints;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>The account behind a connection: connect, what was granted, which part of it to use, reconnect, disconnect.</summary>
public sealed partial class OAuthCard(OAuthConnections oauth, OAuthConsent consent, OAuthAccounts accounts, IConfiguration configuration)
{
    private const int LongestScope = 60;

    private readonly FormErrors _errors = new();
    private (string Platform, Guid? Id)? _loaded;
    private string _shop = "";
    private bool _isBusy, _isAsking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>Key of the platform; nothing is shown where no provider grants access to it.</summary>
    [Parameter, EditorRequired]
    public string Platform { get; set; } = "";

    /// <summary>A form with the credentials follows.</summary>
    [Parameter]
    public bool HasFields { get; set; }

    /// <summary>Null = connecting makes a new one.</summary>
    [Parameter]
    public ConnectionDetails? Existing { get; set; }

    /// <summary>The connection has changed; with the settings that a choice made.</summary>
    [Parameter]
    public EventCallback<IReadOnlyDictionary<string, string>> OnChanged { get; set; }

    private OAuthProviderInfo? Provider => oauth.ProviderOf(Platform);

    private bool NeedsShop => OAuthProviders.OfPlatform(Platform) is { IsPerShop: true };

    /// <summary>None or one.</summary>
    private LoadState<IReadOnlyList<OAuthAccountStatus>> Account { get; set; } = new();

    private LoadState<OAuthChoices> Choices { get; set; } = new();

    /// <summary>What the connection's settings say already.</summary>
    private OAuthChoice? Chosen => Choices.Value?.Items.FirstOrDefault(c => Existing is not null
        && c.Settings.All(s => Existing.Settings.TryGetProperty(s.Key, out var value) && value.ToString().Replace("-", "", StringComparison.Ordinal) == s.Value.Replace("-", "", StringComparison.Ordinal)));

    protected override async Task LoadAsync()
    {
        if (_loaded == (Platform, Existing?.Id) || Provider is null)
            return; // the parent renders at every key that is typed
        _loaded = (Platform, Existing?.Id);
        await ReadAsync();
    }

    private async Task ReadAsync()
    {
        (Account, Choices) = (LoadState.Of<IReadOnlyList<OAuthAccountStatus>>([]), new());
        if (Existing is not { } existing)
            return;
        Account = await QueryAsync(async (caller, cancel) =>
        {
            var all = await oauth.StatusAsync(caller, WebsiteId, cancel);
            return all.IsOk ? (Core.Result<IReadOnlyList<OAuthAccountStatus>>)all.Value.Where(a => a.ConnectionId == existing.Id).ToList() : all.Error;
        });
        if (Account.Value is not [{ Status: not OAuthStatus.ReconnectNeeded }])
            return;
        _isAsking = true;
        StateHasChanged();
        Choices = await QueryAsync((caller, cancel) => accounts.ListAsync(caller, existing.Id, cancel));
        _isAsking = false;
    }

    private async Task ConnectAsync()
    {
        _isBusy = true;
        var order = new OAuthOrder(Provider!.Provider, WebsiteId, Existing?.Id, _shop.Length > 0 ? _shop : null);
        var start = await DoAsync((caller, cancel) => consent.ConnectAsync(caller, order, OAuthEndpoints.RedirectUri(configuration, Navigation.BaseUri), cancel), errors: _errors);
        if (start is { Value: { } begun })
            Navigation.NavigateTo(begun.AuthorizeUrl, forceLoad: true);
        else
            _isBusy = false;
    }

    private async Task DisconnectAsync()
    {
        var name = Provider!.Name;
        _isBusy = true; // a second click would ask twice
        var sure = await Dialogs.Confirm($"Access is taken back at {name}, the tokens here are forgotten, and the connection pauses. Events are kept meanwhile.",
            $"Disconnect from {name}?", new ConfirmOptions { OkButtonText = "Disconnect", CancelButtonText = "Keep it" });
        if (sure != true)
        {
            _isBusy = false;
            return;
        }
        var done = await DoAsync((caller, cancel) => oauth.DisconnectAsync(caller, Existing!.Id, cancel));
        _isBusy = false;
        if (done is not { Value: { } how })
            return;
        Tell(how.Revoked ? NotificationSeverity.Success : NotificationSeverity.Warning, $"Disconnected from {name}", how.Note);
        await OnChanged.InvokeAsync(new Dictionary<string, string>());
        await ReadAsync();
    }

    private async Task ChooseAsync(ChangeEventArgs change)
    {
        if (Choices.Value?.Items.FirstOrDefault(c => c.Id == change.Value as string) is not { } choice)
            return;
        _isBusy = true;
        var done = await DoAsync((caller, cancel) => accounts.ChooseAsync(caller, Existing!.Id, choice.Id, cancel), $"{choice.Name} is used from now on");
        _isBusy = false;
        if (done is not null)
            await OnChanged.InvokeAsync(choice.Settings);
    }

    /// <summary>Google's scopes are addresses, whose end tells.</summary>
    private static string ShortScope(string scope) => scope.Split('/')[^1] is { Length: > 0 and <= LongestScope } end ? end : scope;
}
