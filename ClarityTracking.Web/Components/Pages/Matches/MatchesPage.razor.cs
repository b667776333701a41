using ClarityTracking.Core;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace ClarityTracking.Web.Components.Pages.Matches;

/// <summary>Which touchpoint earned which conversion, how sure that is, and what waits for a person's word.</summary>
public sealed partial class MatchesPage(MatchQueries matches, MatchDecisions decisions, MatchSettings settings)
{
    private const string DecisionName = "decision", CursorName = "cursor", OpenName = "open", SettingsName = "thresholds", All = "all";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(5);

    private readonly FormErrors _errors = new();
    private LoadState<MatchThresholds> _thresholds = new();
    private int _creditFrom, _reviewBelow;
    private Guid? _at;
    private bool _isBusy;
    private Task? _looking;

    [SupplyParameterFromQuery(Name = DecisionName)]
    private string? Decision { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenName)]
    private Guid? Open { get; set; }

    [SupplyParameterFromQuery(Name = SettingsName)]
    private string? Settings { get; set; }

    private LoadState<Page<MatchInfo>> Matches { get; set; } = new();

    private LoadState<MatchCounts> Counts { get; set; } = new();

    /// <summary>What waits for a person comes first.</summary>
    private string Shown => Decision == All || MatchWords.Decisions.Any(d => d.Key == Decision) ? Decision! : "review";

    private string? Answer
    {
        get
        {
            if (Counts.Value is not { } counts)
                return null;
            long Of(string decision) => counts.ByDecision.GetValueOrDefault(decision);
            var all = counts.ByDecision.Values.Sum();
            var waiting = counts.Waiting == 0 ? "" : $" {Words.Count(counts.Waiting)} more {(counts.Waiting == 1 ? "is" : "are")} being matched.";
            return all == 0 ? (waiting.Length == 0 ? "No conversion has been matched yet." : waiting.Trim())
                : $"{Words.Count(Of("matched") + Of("confirmed"))} of {Words.Count(all, "conversion")} joined to a touchpoint; {(Of("review") == 0 ? "nothing waits for your word." : $"{Words.Count(Of("review"))} uncertain.")}{waiting}";
        }
    }

    protected override async Task LoadAsync()
    {
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        Counts = await QueryAsync((caller, cancel) => matches.CountsAsync(caller, WebsiteId, cancel));
        Matches = await QueryAsync((caller, cancel) => matches.ListAsync(caller, WebsiteId, Shown == All ? null : Shown, cursor, Core.Page.DefaultLimit, cancel));
        if (Settings is not null && !_thresholds.IsLoaded)
            await LoadThresholdsAsync();
        StateHasChanged();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task LookAgainAsync()
    {
        if (_isBusy || !Matches.IsLoaded || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
    }

    private async Task LoadThresholdsAsync()
    {
        _thresholds = await QueryAsync((caller, cancel) => settings.GetAsync(caller, WebsiteId, cancel));
        if (_thresholds.Value is { } now)
            (_creditFrom, _reviewBelow) = ((int)Math.Round(now.CreditFrom * 100), (int)Math.Round(now.ReviewBelow * 100));
    }

    private async Task SaveThresholdsAsync()
    {
        _isBusy = true;
        await DoAsync((caller, cancel) => settings.SetAsync(caller, WebsiteId, new MatchThresholds(_creditFrom / 100.0, _reviewBelow / 100.0), cancel), "Saved; conversions are being matched again", _errors);
        await LoadAsync();
        _isBusy = false;
    }

    private Task ConfirmAsync(MatchInfo match, Guid? touchpointId) =>
        DecideAsync((caller, cancel) => decisions.ConfirmAsync(caller, WebsiteId, match.ConversionId, touchpointId, cancel), match.Touchpoint is null ? "Confirmed: no touchpoint earned it" : "Confirmed");

    private Task RejectAsync(MatchInfo match) => DecideAsync((caller, cancel) => decisions.RejectAsync(caller, WebsiteId, match.ConversionId, cancel), "Rejected: nothing is credited");

    private Task UndoAsync(MatchInfo match) => DecideAsync((caller, cancel) => decisions.UndoAsync(caller, WebsiteId, match.ConversionId, cancel), "Undone; it is matched anew");

    private async Task DecideAsync(Func<Caller, CancellationToken, Task<Result<MatchInfo>>> decide, string done)
    {
        _isBusy = true;
        await DoAsync(decide, done);
        await LoadAsync();
        _isBusy = false;
    }

    /// <summary>A queue is worked off fastest without the mouse.</summary>
    private async Task KeyAsync(KeyboardEventArgs key, IReadOnlyList<MatchInfo> shown)
    {
        if (shown.Count == 0 || key.CtrlKey || key.MetaKey || key.AltKey || _isBusy)
            return;
        var place = Math.Max(0, shown.ToList().FindIndex(m => m.ConversionId == _at));
        var current = shown[place];
        switch (key.Key)
        {
            case "j" or "k":
                _at = _at is null ? shown[0].ConversionId : shown[Math.Clamp(place + (key.Key == "j" ? 1 : -1), 0, shown.Count - 1)].ConversionId;
                break;
            case "Enter" when _at is not null:
                Filter((OpenName, current.ConversionId));
                break;
            case "c" when _at is not null && current.DecidedAt is null:
                _at = shown[Math.Min(place + 1, shown.Count - 1)].ConversionId;
                await ConfirmAsync(current, current.Touchpoint?.Id);
                break;
            case "x" when _at is not null && current.DecidedAt is null:
                _at = shown[Math.Min(place + 1, shown.Count - 1)].ConversionId;
                await RejectAsync(current);
                break;
            case "u" when _at is not null && current.DecidedAt is not null:
                await UndoAsync(current);
                break;
        }
    }
}
