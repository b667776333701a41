using System.Globalization;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound.Pulls;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>Asks a sender for its past, and follows how far that is.</summary>
public sealed partial class PullCard(SourcePulls pulls)
{
    private const int FirstDays = 30;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private int _days = FirstDays;
    private string? _wrong;
    private bool _isBusy, _canEver;
    private Task? _looking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public Platform Platform { get; set; } = default!;

    private LoadState<PullState> State { get; set; } = new();

    private bool IsRunning => State.Value?.Pull is { Status: PullStatus.Queued or PullStatus.Running };

    protected override async Task LoadAsync()
    {
        _canEver = Platform.Source is IPullSource;
        await ReadAsync();
        _looking ??= PollAsync(LookEvery, FollowAsync);
    }

    private async Task ReadAsync()
    {
        var state = await QueryAsync((caller, cancel) => pulls.GetAsync(caller, WebsiteId, Connection.Id, cancel));
        if (state.IsLoaded || !State.IsLoaded) // while the database is away, what was known stays
            State = state;
    }

    private async Task FollowAsync()
    {
        if (!IsRunning || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    private void Change(ChangeEventArgs change)
    {
        var isNumber = int.TryParse(change.Value?.ToString(), CultureInfo.InvariantCulture, out var days) && days is >= 1 and <= SourcePulls.MostDays;
        _wrong = isNumber ? null : $"Give 1 to {SourcePulls.MostDays} days.";
        if (isNumber)
            _days = days;
    }

    private async Task StartAsync()
    {
        _isBusy = true;
        await DoAsync((caller, cancel) => pulls.StartAsync(caller, WebsiteId, Connection.Id, _days, cancel));
        await ReadAsync();
        _isBusy = false;
    }
}

/// <summary>Words for pulls.</summary>
internal static class PullWords
{
    public static StatusText Of(SourcePull pull, DateTimeOffset now) => pull.Status switch
    {
        PullStatus.Queued => new("info", $"The last {Words.Count(pull.Days, "day")}: waits for its turn"),
        PullStatus.Running when pull.NextStepAt is { } next && next > now && pull.Reason is not null => new("warn", $"The last {Words.Count(pull.Days, "day")}: waits and goes on by itself"),
        PullStatus.Running => new("info", $"Fetching the last {Words.Count(pull.Days, "day")}"),
        PullStatus.Done => new(pull.Refused > 0 ? "warn" : "good", $"The last {Words.Count(pull.Days, "day was", "days were")} fetched"),
        PullStatus.Failed => new("bad", "Fetching ended before all was read"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    public static string Counts(SourcePull pull) =>
        $"{Words.Count(pull.Pages, "page")} read: {Words.Count(pull.Records, "record")}, {Words.Count(pull.Changes)} new{(pull.Refused > 0 ? $", {Words.Count(pull.Refused)} incomplete or refused" : "")}.";
}
