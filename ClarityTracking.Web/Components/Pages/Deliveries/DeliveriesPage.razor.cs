using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>What was sent and what became of it. Filters and the opened delivery live in the address.</summary>
public sealed partial class DeliveriesPage(DeliveryQueries deliveries, Replay replay, ConnectionService connections)
{
    private const string StatusName = "status", ConnectionName = "connection", PeriodName = "period", CursorName = "cursor", OpenedName = "delivery", EventName = "event",
        NameName = "name", ReasonName = "reason";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private IReadOnlyList<ConnectionDetails> _connections = [];
    private Task? _looking;
    private DeliveryJobsCard? _jobs;

    [SupplyParameterFromQuery(Name = StatusName)]
    private string? Status { get; set; }

    [SupplyParameterFromQuery(Name = ConnectionName)]
    private string? Connection { get; set; }

    [SupplyParameterFromQuery(Name = NameName)]
    private string? Name { get; set; }

    [SupplyParameterFromQuery(Name = ReasonName)]
    private string? Reason { get; set; }

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

    private bool IsFiltered => !string.IsNullOrEmpty(Status) || !string.IsNullOrEmpty(Connection) || !string.IsNullOrEmpty(Name) || !string.IsNullOrEmpty(Reason);

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
        var filter = new DeliveryFilter(EnumText.Parse<DeliveryStatus>(Status), ConnectionId, from, EventName: Some(Name), Reason: Some(Reason));
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
        // no index finds a name or a reason: over all time that is a look at every delivery
        if (!Deliveries.IsLoaded || Cursor is not null || (From is null && (Some(Name) ?? Some(Reason)) is not null) || !await Viewer.IsVisibleAsync())
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

    private static string? Some(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>What the filters of the page say, as far as it can be replayed.</summary>
    private ReplayRequest Chosen => new(EnumText.Parse<DeliveryStatus>(Status) is { } status and (DeliveryStatus.Retrying or DeliveryStatus.Skipped) ? status : DeliveryStatus.Dead,
        ConnectionId, EventName: Some(Name));

    private static ReplayRequest SetOf(FailureGroup group) => new(EnumText.Parse<DeliveryStatus>(group.Status), group.ConnectionId, Reason: group.Reason);

    /// <summary>Where the deliveries of a job are listed: as near as the filters come.</summary>
    private string RowsOf(DeliveryJob job) => Navigation.GetUriWithQueryParameters(To("deliveries"), new Dictionary<string, object?>
    {
        [ConnectionName] = job.ConnectionId,
        [NameName] = job.Request.EventName,
        [PeriodName] = job.Request.EventName is null ? "all" : Periods.Default,
    });

    private async Task ReplayOneAsync(Guid id)
    {
        var run = await DoAsync((caller, cancel) => replay.StartAsync(caller, WebsiteId, new ReplayRequest(Ids: [id]), cancel));
        if (run?.Value is { Plan: var plan })
            Tell(plan.WillSend > 0 ? Radzen.NotificationSeverity.Success : Radzen.NotificationSeverity.Info, plan.WillSend > 0 ? "It is being sent again" : "It was not sent again", WhyNot(plan));
        await LoadAsync();
    }

    /// <summary>Lets the viewer choose, shows what would happen, and does it when they agree.</summary>
    private async Task ReplayAsync(ReplayRequest first)
    {
        var started = await Dialogs.OpenAsync<ReplayDialog>("Replay deliveries", new Dictionary<string, object?>
        {
            [nameof(ReplayDialog.WebsiteId)] = WebsiteId,
            [nameof(ReplayDialog.Connections)] = _connections,
            [nameof(ReplayDialog.First)] = first,
            [nameof(ReplayDialog.Period)] = Period,
        });
        if (started is not StartedJob)
            return;
        if (_jobs is not null)
            await _jobs.RefreshAsync();
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
