using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>What was sent and what became of it. Filters and the opened delivery live in the address.</summary>
public sealed partial class DeliveriesPage(DeliveryQueries deliveries, Replay replay, ConnectionService connections)
{
    private const string StatusName = "status", ConnectionName = "connection", PeriodName = "period", CursorName = "cursor", OpenedName = "delivery", EventName = "event";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private IReadOnlyList<ConnectionDetails> _connections = [];
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

    [SupplyParameterFromQuery(Name = EventName)]
    private Guid? OpenedEvent { get; set; }

    private LoadState<DeliveryCounts> Counts { get; set; } = new();

    private LoadState<IReadOnlyList<FailureGroup>> Failures { get; set; } = new();

    private LoadState<Page<DeliveryInfo>> Deliveries { get; set; } = new();

    private bool IsFiltered => !string.IsNullOrEmpty(Status) || !string.IsNullOrEmpty(Connection);

    private Guid? ConnectionId => Guid.TryParse(Connection, out var id) ? id : null;

    private DateTimeOffset? From => Periods.From(Period, Viewer.Now);

    private string? Answer
    {
        get
        {
            if (Counts.Value is not { } c)
                return null;
            var tried = c.Delivered + c.Dead;
            if (tried + c.Skipped + c.Pending + c.Retrying == 0)
                return $"Nothing was delivered {Periods.InWords(Period)}.";
            var success = tried == 0 ? "Nothing was sent" : $"{Words.Percent((double)c.Delivered / tried)} of {Words.Count(tried, "delivery", "deliveries")} arrived";
            string[] rest =
            [
                .. c.Retrying > 0 ? [$"{Words.Count(c.Retrying)} being retried"] : Array.Empty<string>(),
                .. c.Skipped > 0 ? [$"{Words.Count(c.Skipped)} skipped on purpose"] : Array.Empty<string>(),
                .. c.Dead > 0 ? [$"{Words.Count(c.Dead)} dead"] : Array.Empty<string>(),
            ];
            return $"{success} {Periods.InWords(Period)}{(rest.Length == 0 ? "" : "; " + string.Join(", ", rest))}.";
        }
    }

    protected override async Task LoadAsync()
    {
        var from = From;
        var filter = new DeliveryFilter(EnumText.Parse<DeliveryStatus>(Status), ConnectionId, from);
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        _connections = (await QueryAsync((caller, cancel) => connections.ListAsync(caller, WebsiteId, cancel))).Value ?? [];
        Counts = await QueryAsync((caller, cancel) => deliveries.CountAsync(caller, WebsiteId, from ?? DateTimeOffset.UnixEpoch, null, cancel));
        Failures = await QueryAsync((caller, cancel) => deliveries.FailuresAsync(caller, WebsiteId, from, cancel));
        Deliveries = await QueryAsync((caller, cancel) => deliveries.ListAsync(caller, WebsiteId, filter, cursor, Core.Page.DefaultLimit, cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>The newest page follows what happens; older pages stay as they are.</summary>
    private async Task LookAgainAsync()
    {
        if (!Deliveries.IsLoaded || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private static IEnumerable<(DeliveryStatus Status, long Count, string Hint)> Tiles(DeliveryCounts counts) =>
    [
        (DeliveryStatus.Delivered, counts.Delivered, "the platform took them"),
        (DeliveryStatus.Retrying, counts.Retrying + counts.Pending, counts.Pending > 0 ? $"{Words.Count(counts.Pending)} wait for the first attempt" : "tried again by themselves"),
        (DeliveryStatus.Skipped, counts.Skipped, "not sent on purpose"),
        (DeliveryStatus.Dead, counts.Dead, "need you, then can be retried"),
    ];

    private string NameOf(Guid connectionId) => _connections.FirstOrDefault(c => c.Id == connectionId)?.Name ?? "Deleted connection";

    private string LinkTo(Guid id, Guid eventId) => With((OpenedName, id), (EventName, eventId));

    private void ClosePanel() => Filter((OpenedName, null), (EventName, null));

    private ReplayRequest SetOfDead() => new(DeliveryStatus.Dead, ConnectionId, From);

    private async Task ReplayOneAsync(Guid id)
    {
        var run = await DoAsync((caller, cancel) => replay.RunAsync(caller, WebsiteId, new ReplayRequest(Ids: [id]), cancel));
        if (run?.Value is { } plan)
            Tell(plan.WillSend > 0 ? Radzen.NotificationSeverity.Success : Radzen.NotificationSeverity.Info, plan.WillSend > 0 ? "It is being sent again" : "It was not sent again", WhyNot(plan));
        await LoadAsync();
    }

    /// <summary>Shows what would happen, and does it when the viewer agrees.</summary>
    private async Task ReplayAsync(ReplayRequest request)
    {
        var plan = await DoAsync((caller, cancel) => replay.PlanAsync(caller, WebsiteId, request, cancel));
        if (plan is null)
            return;
        var sure = await Dialogs.OpenAsync<ReplayPlanDialog>("Retry dead deliveries", new Dictionary<string, object?> { [nameof(ReplayPlanDialog.Plan)] = plan.Value! });
        if (sure is not true)
            return;
        var run = await DoAsync((caller, cancel) => replay.RunAsync(caller, WebsiteId, request, cancel));
        if (run?.Value is { } done)
            Tell(Radzen.NotificationSeverity.Success, $"{Words.Count(done.WillSend, "delivery is", "deliveries are")} being sent again", null);
        await LoadAsync();
    }

    private static string? WhyNot(ReplayPlan plan) => plan switch
    {
        { WillSend: > 0 } => null,
        { AlreadyDelivered: > 0 } => "The platform has this event already.",
        { TooOld: > 0 } => "The event is older than the platform takes.",
        _ => "It is already on its way.",
    };
}
