using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>Every webhook that was posted and what it became. Filters and the opened one live in the address.</summary>
public sealed partial class InboundLogPage(InboundQueries webhooks, InboundFailures failures, ConnectionService connections, PlatformCatalog platforms)
{
    private const string StatusName = "status", ConnectionName = "connection", PeriodName = "period", CursorName = "cursor", OpenedName = "webhook";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private IReadOnlyList<ConnectionDetails> _connections = [];
    private bool _isReplaying;
    private Task? _looking;

    [SupplyParameterFromQuery(Name = StatusName)]
    private string? Status { get; set; }

    [SupplyParameterFromQuery(Name = ConnectionName)]
    private string? Connection { get; set; }

    [SupplyParameterFromQuery(Name = PeriodName)]
    private string? Period { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenedName)]
    private Guid? Opened { get; set; }

    private LoadState<Page<InboundWebhook>> Webhooks { get; set; } = new();

    private LoadState<IReadOnlyList<InboundFailure>> Failures { get; set; } = new();

    private bool IsFiltered => !string.IsNullOrEmpty(Status) || !string.IsNullOrEmpty(Connection);

    private DateTimeOffset? From => Periods.From(Period, Viewer.Now);

    private string? Answer
    {
        get
        {
            if (Webhooks.Value is not { } page || Failures.Value is not { } failed)
                return null;
            if (failed.Sum(f => f.Count) is > 0 and var count)
                return $"{Words.Count(count, "webhook")} could not be processed {Periods.InWords(Period)}; correct the cause and replay {(count == 1 ? "it" : "them")}.";
            return page.Items.Count == 0 ? $"Nothing was posted {Periods.InWords(Period)}."
                : page.Items[0] is { Status: InboundStatus.Refused } refused ? $"The newest webhook was refused: {StatusWords.Signature(refused.Verdict)}."
                : $"Everything that was posted {Periods.InWords(Period)} was processed or is on its way.";
        }
    }

    protected override async Task LoadAsync()
    {
        var from = From;
        var filter = new InboundFilter(Guid.TryParse(Connection, out var id) ? id : null, EnumText.Parse<InboundStatus>(Status), from);
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        _connections = [.. ((await QueryAsync((caller, cancel) => connections.ListAsync(caller, WebsiteId, cancel))).Value ?? []).Where(c => platforms.Find(c.Platform) is { IsSource: true })];
        Failures = await QueryAsync((caller, cancel) => failures.ListAsync(caller, WebsiteId, from, cancel));
        Webhooks = await QueryAsync((caller, cancel) => webhooks.ListAsync(caller, WebsiteId, filter, cursor, Core.Page.DefaultLimit, cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>The newest page follows what happens; older pages stay as they are.</summary>
    private async Task LookAgainAsync()
    {
        if (!Webhooks.IsLoaded || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private string NameOf(Guid connectionId) => _connections.FirstOrDefault(c => c.Id == connectionId)?.Name ?? "Deleted source";

    /// <summary>Says what would happen, and does it when the viewer agrees.</summary>
    private async Task ReplayAsync(InboundFailure group)
    {
        var order = new InboundReplayOrder(group.ConnectionId, group.Reason, From, DryRun: true);
        _isReplaying = true;
        var plan = (await DoAsync((caller, cancel) => failures.ReplayAsync(caller, WebsiteId, order, cancel)))?.Value;
        if (plan is { WillReplay: 0 })
            Tell(NotificationSeverity.Info, "Nothing can be replayed", plan.Forgotten > 0 ? "Their bodies are no longer kept (privacy mode)." : "They are on their way already.");
        else if (plan is not null && await Dialogs.Confirm(
            $"{Words.Count(plan.WillReplay, "webhook is", "webhooks are")} processed again. What one became already stays once.{(plan.Matched - plan.Forgotten > plan.WillReplay ? " The rest needs another replay." : null)}",
            "Replay these webhooks?", new ConfirmOptions { OkButtonText = "Replay", CancelButtonText = "Not now" }) == true)
            await DoAsync((caller, cancel) => failures.ReplayAsync(caller, WebsiteId, order with { DryRun = false }, cancel), $"{Words.Count(plan.WillReplay, "webhook is", "webhooks are")} being processed again");
        _isReplaying = false;
        await LoadAsync();
    }
}
