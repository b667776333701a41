using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>The change of a source's secret, in two steps with both valid in between.</summary>
public sealed partial class SecretCard(SourceSecrets secrets, ConnectionService service)
{
    private readonly FormErrors _errors = new();
    private string _typed = "";
    private string? _rotated;
    private bool _isBusy;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public Platform Platform { get; set; } = default!;

    [Parameter]
    public EventCallback OnChanged { get; set; }

    private bool HasPrevious => Connection.Credentials.Contains(SourceInfo.PreviousSecret);

    /// <summary>The secret is ours to choose.</summary>
    private bool IsOurs => Platform.Source!.NewSecret() is not null;

    private async Task RotateAsync()
    {
        _isBusy = true;
        var done = await DoAsync((caller, cancel) => secrets.RotateAsync(caller, WebsiteId, Connection.Id, IsOurs ? null : _typed, cancel), "Both secrets are valid now", _errors);
        (_isBusy, _typed) = (false, "");
        if (done is not { Value: { } rotated })
            return;
        _rotated = rotated.Secret;
        await OnChanged.InvokeAsync();
    }

    private async Task ForgetAsync()
    {
        _isBusy = true;
        var values = new ConnectionValues(null, null, JsonSerializer.SerializeToElement(new Dictionary<string, string?> { [SourceInfo.PreviousSecret] = null }), null);
        var done = await DoAsync((caller, cancel) => service.ChangeAsync(caller, WebsiteId, Connection.Id, values, cancel), "Only the new secret is valid now");
        _isBusy = false;
        if (done is null)
            return;
        _rotated = null;
        await OnChanged.InvokeAsync();
    }
}
