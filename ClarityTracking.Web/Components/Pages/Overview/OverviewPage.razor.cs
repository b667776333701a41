using System.Globalization;
using ClarityTracking.Core;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Pages.Websites;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Overview;

/// <summary>A website's first page: what it earned, who came, whether platforms hear of it, and what needs a person.</summary>
public sealed partial class OverviewPage(AnalyticsQueries analytics, PortfolioQueries portfolio, WebsiteService websites)
{
    private const string DaysName = "days";
    private const int DefaultDays = 30, RowsShown = 8;
    private static readonly int[] DayChoices = [7, 30, 90];
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(60);

    private string _timeZone = "UTC";
    private Task? _looking;

    [SupplyParameterFromQuery(Name = DaysName)]
    private int? Asked { get; set; }

    private int Days => Asked is { } days && DayChoices.Contains(days) ? days : DefaultDays;

    private LoadState<AnalyticsOverview> Sum { get; set; } = new();

    private LoadState<AnalyticsSeries> Series { get; set; } = new();

    private LoadState<AnalyticsBreakdown> Channels { get; set; } = new();

    private LoadState<AnalyticsBreakdown> Pages { get; set; } = new();

    private Attention? Trouble { get; set; }

    private string? Answer
    {
        get
        {
            if (Sum.Value is not { } sum)
                return null;
            if (sum.PageViews + sum.Visitors + sum.Conversions == 0)
                return $"Nothing was seen in the last {Days} days.";
            var earned = sum.Conversions == 0 ? $"No conversion in the last {Days} days" : $"{Words.Count(sum.Conversions, "conversion")} worth {Words.Money(sum.Revenue, sum.Currency)} in the last {Days} days";
            var delivered = sum.Deliveries.SuccessRate is { } rate ? $" {Words.Percent(rate)} of {Words.Count(sum.Deliveries.Delivered + sum.Deliveries.Dead, "delivery", "deliveries")} reached their platform." : "";
            return $"{earned} from {Words.Count(sum.Visitors, "visitor")}.{delivered}{(Trouble is null ? " All is well." : "")}";
        }
    }

    protected override async Task LoadAsync()
    {
        _timeZone = (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value?.TimeZone ?? _timeZone;
        var from = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(Viewer.Now, ReportPeriod.Zone(_timeZone)).DateTime).AddDays(1 - Days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        Sum = await QueryAsync((caller, cancel) => analytics.OverviewAsync(caller, WebsiteId, from, null, cancel));
        Series = await QueryAsync((caller, cancel) => analytics.SeriesAsync(caller, WebsiteId, from, null, "day", cancel));
        Channels = await QueryAsync((caller, cancel) => analytics.BreakdownAsync(caller, WebsiteId, from, null, "channel", RowsShown, cancel));
        Pages = await QueryAsync((caller, cancel) => analytics.BreakdownAsync(caller, WebsiteId, from, null, "page", RowsShown, cancel));
        var rows = await QueryAsync<IReadOnlyList<PortfolioRow>>(async (caller, cancel) => new List<PortfolioRow>(await portfolio.ListAsync(caller, cancel)));
        Trouble = rows.Value?.FirstOrDefault(r => r.Website.Id == WebsiteId) is { } row ? Attention.Of(row, Viewer.Now) : null;
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task LookAgainAsync()
    {
        if (!await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private List<long> Points(Func<AnalyticsPoint, long> of) => [.. Series.Value?.Items.Select(of) ?? []];

    private string Label(AnalyticsPoint point) => TimeZoneInfo.ConvertTime(point.At, ReportPeriod.Zone(_timeZone)).ToString("d MMM", CultureInfo.InvariantCulture);

    private static string Change(decimal now, decimal before) => before == 0 ? now == 0 ? "as before" : "nothing before" : now == before ? "as before"
        : $"{Words.Percent((double)Math.Abs(now / before - 1))} {(now > before ? "more" : "less")} than before";
}
