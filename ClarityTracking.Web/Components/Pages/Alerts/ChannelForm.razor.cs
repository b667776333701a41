using System.Text.Json;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Alerts;

/// <summary>Adds or changes an alert channel. Secrets are written, never read.</summary>
public sealed partial class ChannelForm(AlertChannelService service)
{
    private readonly FormErrors _errors = new();
    private string _name = "", _to = "", _url = "", _secret = "", _timeZone = "UTC";
    private Guid? _websiteId;
    private AlertChannelSeverity _severity = AlertChannelSeverity.Warning;
    private bool _tellsResolved = true;
    private DigestRhythm _rhythm;
    private DayOfWeek _weekday = DayOfWeek.Monday;
    private int _hour = 8;

    [Parameter, EditorRequired]
    public Guid WorkspaceId { get; set; }

    [Parameter, EditorRequired]
    public AlertChannelKind Kind { get; set; }

    /// <summary>Null = a new one.</summary>
    [Parameter]
    public AlertChannelInfo? Existing { get; set; }

    /// <summary>Of the workspace.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<WebsiteInfo> Websites { get; set; } = [];

    [Parameter, EditorRequired]
    public EventCallback<AlertChannelInfo> OnSaved { get; set; }

    [Parameter, EditorRequired]
    public EventCallback OnCancel { get; set; }

    private string Hint => (Kind == AlertChannelKind.Slack ? "From Slack's app Incoming Webhooks; Mattermost and Rocket.Chat work too."
        : "From the workflow \"Post to a channel when a webhook request is received\".")
        + (Existing is null ? " It is a secret and never shown again." : " Leave it empty to keep the one that is set.");

    protected override void OnInitialized()
    {
        if (Existing is not { } channel)
        {
            (_name, _timeZone) = (ChannelsPage.NameOf(Kind), Viewer.Zone.Id);
            return;
        }
        (_name, _websiteId, _severity, _tellsResolved) = (channel.Name, channel.WebsiteId, channel.Severity, channel.TellsResolved);
        (_rhythm, _weekday, _hour, _timeZone) = (channel.Digest.Rhythm, channel.Digest.Weekday, channel.Digest.Hour, channel.Digest.TimeZone);
        if (Kind == AlertChannelKind.Email)
            _to = string.Join(", ", channel.Settings.GetProperty("to").EnumerateArray().Select(a => a.GetString()));
        else if (Kind == AlertChannelKind.Webhook)
            _url = channel.Settings.GetProperty("url").GetString()!;
    }

    private async Task SaveAsync()
    {
        JsonElement? settings = Kind switch
        {
            AlertChannelKind.Email => JsonSerializer.SerializeToElement(new { to = _to }),
            AlertChannelKind.Webhook => JsonSerializer.SerializeToElement(new { url = _url }),
            AlertChannelKind.Slack or AlertChannelKind.Teams => null,
        };
        JsonElement? credentials = _secret.Length == 0 ? null : Kind == AlertChannelKind.Webhook
            ? JsonSerializer.SerializeToElement(new { secret = _secret }) : JsonSerializer.SerializeToElement(new { url = _secret });
        var values = new AlertChannelValues(_websiteId, Kind.Word(), _name, null, settings, credentials, _severity.Word(), _tellsResolved,
            Kind == AlertChannelKind.Email ? new DigestValues(_rhythm.Word(), _hour, _weekday.Word(), _timeZone) : null);
        var saved = await DoAsync((caller, cancel) => Existing is null
            ? service.CreateAsync(caller, WorkspaceId, values, cancel) : service.ChangeAsync(caller, WorkspaceId, Existing.Id, values, cancel), "Saved", _errors);
        if (saved?.Value is { } channel)
            await OnSaved.InvokeAsync(channel);
    }
}
