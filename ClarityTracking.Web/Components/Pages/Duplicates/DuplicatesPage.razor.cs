using System.Globalization;
using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Charts;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Duplicates;

/// <summary>Conversions that were told twice; the filters and the opened group live in the address.</summary>
public sealed partial class DuplicatesPage(DuplicateQueries queries, DuplicateService service, WebsiteService websites)
{
    private const string StateName = "state", KindName = "kind", PeriodName = "period", CursorName = "cursor", GroupName = "group";

    private readonly FormErrors _errors = new();
    private int? _minutes;

    [SupplyParameterFromQuery(Name = StateName)]
    private string? State { get; set; }

    [SupplyParameterFromQuery(Name = KindName)]
    private string? Kind { get; set; }

    [SupplyParameterFromQuery(Name = PeriodName)]
    private string? Period { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private Guid? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = GroupName)]
    private Guid? Opened { get; set; }

    private LoadState<DuplicateSummary> Summary { get; set; } = new();

    private LoadState<Page<DuplicateGroup>> Groups { get; set; } = new();

    private LoadState<DuplicateDetails> Details { get; set; } = new();

    private WebsiteInfo? Site { get; set; }

    private DuplicateState? ShownState => EnumText.Parse<DuplicateState>(State);

    private DuplicateKind? ShownKind => EnumText.Parse<DuplicateKind>(Kind);

    private bool IsFiltered => ShownState is not null || ShownKind is not null || Cursor is not null;

    /// <summary>What the answer's button leads to.</summary>
    private DuplicateGroup? Newest => Groups.Value?.Items.FirstOrDefault(g => g.State == DuplicateState.Open);

    private string? Answer
    {
        get
        {
            if (Summary.Value is not { } s)
                return null;
            if (s.Conversions == 0 && s.Duplicates == 0)
                return $"No conversion came {Periods.InWords(Period)}.";
            return s.Duplicates == 0
                ? $"Every conversion is counted once: {Words.Count(s.Conversions, "conversion")} {Periods.InWords(Period)}, none under two ids."
                : $"{Words.Percent(s.Rate)} of {Words.Count(s.Conversions, "conversion")} {Periods.InWords(Period)} {(s.Duplicates == 1 ? "is" : "are")} counted twice"
                    + $"{(s.ExtraValue.Count > 0 ? $", {DuplicateWords.Values(s.ExtraValue)} too much" : "")}.";
        }
    }

    protected override async Task LoadAsync()
    {
        var from = Periods.From(Period, Viewer.Now) ?? DateTimeOffset.UnixEpoch;
        Site ??= (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value;
        // all time would be a chart of years
        var since = Period == "all" ? Viewer.Now.AddDays(-90) : from;
        Summary = await QueryAsync((caller, cancel) => queries.SummaryAsync(caller, WebsiteId, since, null, cancel));
        Groups = await QueryAsync((caller, cancel) => queries.ListAsync(caller, WebsiteId, new DuplicateFilter(ShownKind, ShownState, null, from), Cursor, Page.DefaultLimit, cancel));
        Details = Opened is { } id ? await QueryAsync((caller, cancel) => queries.GetAsync(caller, WebsiteId, id, cancel)) : new();
        _minutes ??= (await QueryAsync((caller, cancel) => service.SettingsAsync(caller, WebsiteId, cancel))).Value?.WindowMinutes;
    }

    private string Rows(DuplicateState state, DuplicateKind? kind) => With((StateName, state.Word()), (KindName, kind?.Word()), (CursorName, null));

    private static long Repeated(DuplicateSummary s) => s.Repeats.Where(r => r.Source == "browser" == (r.FirstSource is "browser" or "")).Sum(r => r.Events);

    private static IReadOnlyList<string> Labels(DuplicateSummary s) => [.. s.Days.Select(d => Day(d.Day))];

    private static string Day(DateOnly day) => day.ToString("d MMM", CultureInfo.InvariantCulture);

    private static IReadOnlyList<TimeChart.Line> Lines(DuplicateSummary s) =>
        [new("Counted twice", [.. s.Days.Select(d => d.Conversions == 0 ? (decimal?)null : Math.Min(100, Math.Round(100m * d.Duplicates / d.Conversions, 1)))], "bad")];

    private static decimal Top(DuplicateSummary s) =>
        Math.Max(5, Math.Ceiling(s.Days.Max(d => d.Conversions == 0 ? 0 : Math.Min(100, 100m * d.Duplicates / d.Conversions)) / 5) * 5);

    private async Task SaveAsync() =>
        await DoAsync((caller, cancel) => service.SetAsync(caller, WebsiteId, new DuplicateSettings(_minutes), cancel), "Saved; it counts from the next event on", _errors);
}
