using System.Globalization;
using ClarityTracking.Core;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Alerts;

/// <summary>What needs a person, with its evidence; the filter and the opened alert live in the address.</summary>
public sealed partial class AlertsPage(AlertService alerts, AlertChannelService channels, MyWebsites mine, WebsiteService websites)
{
    private const string StateName = "state", CursorName = "cursor", OpenedName = "alert";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(15);
    private static readonly (string Key, string Label)[] Filters = [("unresolved", "Not over"), ("resolved", "Over"), ("all", "All")];

    private static readonly (string Label, TimeSpan Span)[] Snoozes =
        [("For an hour", TimeSpan.FromHours(1)), ("For 4 hours", TimeSpan.FromHours(4)), ("For a day", TimeSpan.FromDays(1)), ("For a week", TimeSpan.FromDays(7))];

    private Task? _looking;

    [SupplyParameterFromQuery(Name = StateName)]
    private string? State { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private Guid? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenedName)]
    private Guid? Opened { get; set; }

    private LoadState<Page<AlertInfo>> Alerts { get; set; } = new();

    private LoadState<AlertDetails> Details { get; set; } = new();

    private WebsiteInfo? Site { get; set; }

    private bool HasNoChannel { get; set; }

    private bool MayAct => Site is { Role: >= Role.Analyst };

    private string Shown => Filters.Any(f => f.Key == State) ? State! : Filters[0].Key;

    private string? Answer
    {
        get
        {
            if (Shown != "unresolved" || Alerts.Value is not { } page)
                return null;
            var open = page.Items.Where(a => a.State == AlertState.Open).ToList();
            var rest = page.Items.Count - open.Count;
            var others = rest == 0 ? "" : $" {Words.Count(rest, "more is", "more are")} acknowledged or snoozed.";
            return open.Count switch
            {
                0 => rest == 0 ? "Nothing needs you." : $"Nothing new.{others}",
                1 => $"{open[0].Title}.{others}",
                _ => $"{Words.Count(open.Count, "alert")} {(open.Exists(a => a.Severity == AlertSeverity.Critical) ? "need you, " + Words.Count(open.Count(a => a.Severity == AlertSeverity.Critical)) + " critical." : "need you.")}{others}",
            };
        }
    }

    protected override async Task LoadAsync()
    {
        Site = (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value;
        var loaded = await QueryAsync((caller, cancel) => alerts.ListAsync(caller, WebsiteId, Shown == "all" ? null : Shown, Cursor, Core.Page.DefaultLimit, cancel));
        Alerts = loaded.Value is { } page ? LoadState.Of(page with { Items = [.. page.Items.OrderBy(Rank)] }) : loaded;
        if (Site is { } site)
            HasNoChannel = (await QueryAsync((caller, cancel) => channels.ListAsync(caller, site.WorkspaceId, cancel))).Value is { } all && !all.Any(c => c.Enabled);
        Details = Opened is { } id ? await QueryAsync((caller, cancel) => alerts.GetAsync(caller, WebsiteId, id, cancel)) : new();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>Open ones first, the critical before the others.</summary>
    private static int Rank(AlertInfo alert) => alert.State switch
    {
        AlertState.Open => alert.Severity == AlertSeverity.Critical ? 0 : 1,
        AlertState.Acknowledged => 2,
        AlertState.Snoozed => 3,
        AlertState.Resolved => 4,
    };

    private async Task LookAgainAsync()
    {
        if (!Alerts.IsLoaded || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private Task AcknowledgeAsync(AlertInfo alert) => ActAsync((caller, cancel) => alerts.AcknowledgeAsync(caller, WebsiteId, alert.Id, cancel), "Acknowledged: nobody is told again while it lasts");

    private Task SnoozeAsync(AlertInfo alert, object? hours) =>
        double.TryParse(hours as string, CultureInfo.InvariantCulture, out var span)
            ? ActAsync((caller, cancel) => alerts.SnoozeAsync(caller, WebsiteId, alert.Id, Viewer.Now.AddHours(span), cancel), $"Quiet for {Words.Span(TimeSpan.FromHours(span))}")
            : Task.CompletedTask;

    private Task ReopenAsync(AlertInfo alert) => ActAsync((caller, cancel) => alerts.ReopenAsync(caller, WebsiteId, alert.Id, cancel), "It is open again");

    private async Task ActAsync(Func<Caller, CancellationToken, Task<Result<AlertInfo>>> act, string done)
    {
        await DoAsync(act, done);
        await LoadAsync();
        await mine.CountAlertsAsync();
    }
}
