using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Alerts;

/// <summary>Who is told of the alerts of a workspace's websites. The form opens beside the list and has an address of its own.</summary>
public sealed partial class ChannelsPage(AlertChannelService service, WebsiteService websites, Mailer mailer)
{
    private Guid? _testing;
    private (Guid Channel, ChannelAnswer Answer)? _tested;
    private AlertChannelInfo? _created;

    /// <summary>From the address. Whether the caller may see it is decided by every query anew.</summary>
    [Parameter]
    public Guid WorkspaceId { get; set; }

    /// <summary><c>new</c> or a channel's id.</summary>
    [SupplyParameterFromQuery(Name = "open")]
    private string? Open { get; set; }

    [SupplyParameterFromQuery(Name = "kind")]
    private string? Kind { get; set; }

    private LoadState<IReadOnlyList<AlertChannelInfo>> Channels { get; set; } = new();

    private IReadOnlyList<WebsiteInfo> Sites { get; set; } = [];

    private bool MayChange { get; set; }

    private bool IsOperator { get; set; }

    private string? Answer
    {
        get
        {
            if (Channels.Value is not { Count: > 0 } channels)
                return Channels.IsLoaded ? "Nobody is told of alerts." : null;
            var failing = channels.Where(c => c.Enabled && c.Last is { State: not "sent", Error: not null }).ToList();
            return failing.Count > 0 ? $"{string.Join(" and ", failing.Select(c => c.Name))} {(failing.Count == 1 ? "does" : "do")} not take messages."
                : $"{Words.Count(channels.Count(c => c.Enabled), "channel is", "channels are")} told of alerts.";
        }
    }

    private (AlertChannelKind Kind, AlertChannelInfo? Existing)? Opened =>
        Open == "new" ? (EnumText.Parse<AlertChannelKind>(Kind) ?? AlertChannelKind.Email, null)
        : Channels.Value?.FirstOrDefault(c => c.Id.ToString() == Open) is { } existing ? (existing.Kind, existing) : null;

    /// <summary>A kind as people call it.</summary>
    internal static string NameOf(AlertChannelKind kind) => kind switch
    {
        AlertChannelKind.Email => "Email",
        AlertChannelKind.Webhook => "Signed webhook",
        AlertChannelKind.Slack => "Slack",
        AlertChannelKind.Teams => "Teams",
    };

    protected override async Task LoadAsync()
    {
        Channels = await QueryAsync((caller, cancel) =>
        {
            (MayChange, IsOperator) = (caller.Can(WorkspaceId, Role.Admin), caller.IsOperator);
            return service.ListAsync(caller, WorkspaceId, cancel);
        });
        Sites = (await QueryAsync<IReadOnlyList<WebsiteInfo>>(async (caller, cancel) => new List<WebsiteInfo>(await websites.ListAsync(caller, WorkspaceId, cancel)))).Value ?? [];
    }

    private string Link(string? open, AlertChannelKind? kind = null) =>
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?> { ["open"] = open, ["kind"] = kind?.Word() });

    private void Close() => Navigation.NavigateTo(Link(null));

    private static string Target(AlertChannelInfo channel) => channel.Kind switch
    {
        AlertChannelKind.Email => string.Join(", ", channel.Settings.GetProperty("to").EnumerateArray().Select(a => a.GetString())),
        AlertChannelKind.Webhook => channel.Settings.GetProperty("url").GetString()!,
        AlertChannelKind.Slack or AlertChannelKind.Teams => channel.Settings.GetProperty("host").GetString()!,
    };

    private string IsTold(AlertChannelInfo channel)
    {
        var alerts = channel.Severity switch
        {
            AlertChannelSeverity.Warning => "all alerts",
            AlertChannelSeverity.Critical => "critical alerts",
            AlertChannelSeverity.None => "",
        };
        var digest = channel.Digest.Rhythm switch
        {
            DigestRhythm.Off => "",
            DigestRhythm.Daily => "a daily digest",
            DigestRhythm.Weekly => "a weekly digest",
        };
        var where = channel.WebsiteId is { } id ? $" of {Sites.FirstOrDefault(s => s.Id == id)?.Name ?? "one website"}" : "";
        string[] told = [.. new[] { alerts, digest }.Where(t => t.Length > 0)];
        return told.Length == 0 ? "Nothing" : Words.Sentence(string.Join(" and ", told)) + where;
    }

    private async Task SavedAsync(AlertChannelInfo saved)
    {
        _created = saved.Secret is null ? null : saved;
        Close();
        await LoadAsync();
    }

    private async Task TestAsync(AlertChannelInfo channel)
    {
        (_testing, _tested) = (channel.Id, null);
        StateHasChanged();
        var answer = await DoAsync((caller, cancel) => service.TestAsync(caller, WorkspaceId, channel.Id, cancel));
        _testing = null;
        if (answer?.Value is { } value)
            _tested = (channel.Id, value);
    }

    private async Task EnableAsync(AlertChannelInfo channel)
    {
        var values = new AlertChannelValues(null, null, null, !channel.Enabled, null, null, null, null, null);
        await DoAsync((caller, cancel) => service.ChangeAsync(caller, WorkspaceId, channel.Id, values, cancel), channel.Enabled ? $"{channel.Name} is switched off" : $"{channel.Name} is switched on");
        await LoadAsync();
    }

    private async Task DeleteAsync(AlertChannelInfo channel)
    {
        var sure = await Dialogs.Confirm($"{channel.Name} is told nothing any more, and messages that wait for it are dropped.", $"Delete {channel.Name}?",
            new ConfirmOptions { OkButtonText = "Delete channel", CancelButtonText = "Keep it" });
        if (sure != true)
            return;
        await DoAsync((caller, cancel) => service.DeleteAsync(caller, WorkspaceId, channel.Id, cancel), $"{channel.Name} is deleted");
        await LoadAsync();
    }
}
