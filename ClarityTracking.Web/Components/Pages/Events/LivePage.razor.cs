using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Events;

/// <summary>Events as they arrive. Asks once a second while the page is in front; rows wait behind a pill when the viewer has scrolled.</summary>
public sealed partial class LivePage(EventQueries events)
{
    private const int MostRows = 200, FirstRows = 50;
    private const int LookBackEvery = 3;
    private static readonly TimeSpan FollowEvery = TimeSpan.FromMilliseconds(900), MaySettle = TimeSpan.FromMinutes(1);
    private List<EventSummary> _rows = [];
    private List<EventSummary> _waiting = [];
    private int _polls;
    private bool _isPaused;
    private Problem? _trouble;
    private Task? _following;

    private LoadState<IReadOnlyList<EventSummary>> First { get; set; } = new();

    private bool IsFollowing => First.IsLoaded && !_isPaused && _trouble is null;

    private string State => _isPaused ? "Paused" : _trouble is not null ? "Not connected: the database does not answer" : First.IsLoaded ? "Connected" : "Connecting";

    private string? Answer => First.Value is null ? null
        : _rows.Count == 0 ? "Waiting for the first event."
        : $"{Words.Count(_rows.Count(r => Viewer.Now - r.ReceivedAt < TimeSpan.FromMinutes(5)), "event")} in the last 5 minutes; the newest came {Words.Ago(_rows[0].ReceivedAt, Viewer.Now)}.";

    protected override async Task LoadAsync()
    {
        (_rows, _waiting, _trouble) = ([], [], null);
        First = await QueryAsync((caller, cancel) => events.ListSinceAsync(caller, WebsiteId, new EventFilter(), sinceId: null, FirstRows, cancel));
        _rows = [.. First.Value ?? []];
        _following ??= PollAsync(FollowEvery, FollowAsync);
    }

    private async Task FollowAsync()
    {
        if (!First.IsLoaded || _isPaused || !await Viewer.IsVisibleAsync())
            return;
        // Deliveries settle after their events have arrived: now and then the newest rows are read again as a whole.
        var looksBack = ++_polls % LookBackEvery == 0 && _rows.Take(FirstRows).Any(IsOpen);
        var newest = looksBack ? null : _waiting.Concat(_rows).Select(e => (Guid?)e.Id).FirstOrDefault();
        var news = await QueryAsync((caller, cancel) => events.ListSinceAsync(caller, WebsiteId, new EventFilter(), newest, looksBack ? FirstRows : MostRows, cancel));
        _trouble = news.Problem;
        // Rows already shown come again, with the deliveries they have meanwhile.
        var known = (news.Value ?? []).ToDictionary(e => e.Id);
        _rows = _rows.ConvertAll(row => known.Remove(row.Id, out var again) ? again : row);
        _waiting = _waiting.ConvertAll(row => known.Remove(row.Id, out var again) ? again : row);
        if (known.Count > 0)
            Merge(ref _waiting, known.Values);
        if (_waiting.Count > 0 && !await Viewer.IsScrolledAsync())
            ShowWaiting();
        StateHasChanged();
    }

    private bool IsOpen(EventSummary e) => e.Deliveries.Any(d => d.Status is DeliveryStatus.Pending or DeliveryStatus.Retrying)
        || (e.Deliveries.Count == 0 && Viewer.Now - e.ReceivedAt < MaySettle);

    private void ShowWaiting()
    {
        Merge(ref _rows, _waiting);
        _waiting = [];
    }

    private async Task ShowWaitingAsync()
    {
        ShowWaiting();
        await Viewer.ToTopAsync();
    }

    private async Task TogglePauseAsync()
    {
        _isPaused = !_isPaused;
        if (!_isPaused)
            await FollowAsync();
    }

    private static void Merge(ref List<EventSummary> rows, IEnumerable<EventSummary> more) =>
        rows = [.. more.Concat(rows).OrderByDescending(e => e.Id).Take(MostRows)];
}
