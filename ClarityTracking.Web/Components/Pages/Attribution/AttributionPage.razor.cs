using System.Globalization;
using System.Text;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Attribution.Reports;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Attribution;

/// <summary>Which channel earned what under a chosen model, all models side by side, and the paths behind them. Everything chosen lives in the address.</summary>
public sealed partial class AttributionPage(AttributionReports reports, MatchQueries matches, WebsiteService websites)
{
    private const string ModelName = "model", ByName = "by", DaysName = "days", WindowName = "window", OrderName = "order", KeyName = "key";
    private const string NoKey = "(none)", AllKeys = "(all)";
    private const int DefaultDays = 30;
    private static readonly int[] DayChoices = [7, 30, 90, 365], WindowChoices = [7, 14, 30, 60, 90];
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(10);

    private AttributionWords? _loaded;
    private string _timeZone = "UTC";
    private bool _isLoading, _isAsked;
    private Task? _looking;

    [SupplyParameterFromQuery(Name = ModelName)]
    private string? AskedModel { get; set; }

    [SupplyParameterFromQuery(Name = ByName)]
    private string? AskedBy { get; set; }

    [SupplyParameterFromQuery(Name = DaysName)]
    private int? AskedDays { get; set; }

    [SupplyParameterFromQuery(Name = WindowName)]
    private int? AskedWindow { get; set; }

    [SupplyParameterFromQuery(Name = OrderName)]
    private int? AskedOrder { get; set; }

    [SupplyParameterFromQuery(Name = KeyName)]
    private string? Key { get; set; }

    private string Model => EnumText.Parse<AttributionModel>(AskedModel)?.Word() ?? AttributionModel.LastNonDirect.Word();

    private string By => EnumText.Parse<AttributionBy>(AskedBy)?.Word() ?? AttributionBy.Channel.Word();

    private int Days => AskedDays is { } days && DayChoices.Contains(days) ? days : DefaultDays;

    private int Order => AskedOrder is >= 1 and <= AttributionAsk.MostOrder ? AskedOrder.Value : 1;

    private int? Window => AskedWindow is >= 1 and <= AttributionAsk.LongestWindowDays ? AskedWindow : null;

    private AttributionWords Ask => new(Model, From(), null, By, Order, Window);

    private LoadState<AttributionView> View { get; set; } = new();

    private string? Answer
    {
        get
        {
            if (View.Value?.Report is not { } report || report.Totals.Conversions == 0)
                return null;
            var made = $"{Words.Count(report.Totals.Conversions, "conversion")} worth {Words.Money(report.Totals.Revenue, report.Currency)} in {Days} days";
            var best = report.Rows.Where(r => r.Conversions > 0).MaxBy(r => (r.Revenue, r.Conversions));
            if (best is null)
                return $"{made}. None of them is joined to a visit yet.";
            var words = $"{made}. {ModelWords.Key(best.Name, By)} earned the most under {ModelWords.Name(Model).ToLowerInvariant()}: {Words.Money((decimal)best.Revenue, report.Currency)}"
                + (best.TrueRoas is { } roas ? $" at a true ROAS of {ModelWords.Ratio(roas)}." : ".");
            var idle = report.Rows.Where(r => r.Spend > 0 && r.Conversions < 0.005).MaxBy(r => r.Spend);
            if (idle is not null)
                words += $" {ModelWords.Key(idle.Name, By)} cost {Words.Money(idle.Spend!.Value, report.Currency)} and earned nothing.";
            return report.Unattributed.Conversions == 0 ? words : $"{words} {Words.Percent((double)report.Unattributed.Conversions / report.Totals.Conversions)} could not be joined to a visit.";
        }
    }

    protected override async Task LoadAsync()
    {
        _timeZone = (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value?.TimeZone ?? _timeZone;
        var ask = Ask;
        // opening the panel changes the address, not the report
        if (_loaded == ask && View.IsLoaded && !_isAsked)
            return;
        _isLoading = View.IsLoaded;
        if (_isLoading)
            StateHasChanged();
        View = await QueryAsync((caller, cancel) => reports.PageAsync(caller, WebsiteId, ask, cancel));
        (_isLoading, _isAsked, _loaded) = (false, false, ask);
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task AgainAsync()
    {
        _isAsked = true;
        await LoadAsync();
    }

    /// <summary>While conversions wait to be matched, their number alone is asked for; when none waits any more, the report is made again.</summary>
    private async Task LookAgainAsync()
    {
        if (View.Value is not { Report.Waiting: > 0 } || _isLoading || !await Viewer.IsVisibleAsync())
            return;
        if ((await QueryAsync((caller, cancel) => matches.WaitingAsync(caller, WebsiteId, cancel))) is not { IsLoaded: true, Value: 0 })
            return;
        await AgainAsync();
        StateHasChanged();
    }

    /// <summary>First day of the period, by the website's zone.</summary>
    private string From() => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(Viewer.Now, ReportPeriod.Zone(_timeZone)).DateTime).AddDays(1 - Days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private string PanelTitle(string key) => key switch
    {
        NoKey => "Conversions joined to no visit",
        AllKeys => "All conversions",
        _ => $"What {ModelWords.Key(View.Value?.Report.Rows.FirstOrDefault(r => r.Key == key)?.Name ?? key, By)} earned",
    };

    /// <summary>The table as a file: full precision, one row for each key and one for what is unattributed.</summary>
    private static string Csv(AttributionReport report)
    {
        var csv = new StringBuilder($"{report.By},conversions,kept,revenue,true_revenue,spend,cac,roas,true_roas,confidence,currency\n");
        foreach (var row in report.Rows)
            csv.AppendLine(string.Join(',', Cell(row.Name), Number(row.Conversions), Number(row.Kept), Number(row.Revenue), Number(row.TrueRevenue), Number((double?)row.Spend), Number(row.Cac), Number(row.Roas),
                Number(row.TrueRoas), Number(row.Confidence), report.Currency));
        var left = report.Unattributed;
        csv.AppendLine(string.Join(',', "(unattributed)", left.Conversions, left.Kept, Number((double)left.Revenue), Number((double)left.TrueRevenue), "", "", "", "", "", report.Currency));
        return $"data:text/csv;charset=utf-8,{Uri.EscapeDataString(csv.ToString())}";
    }

    private static string Number(double? value) => value is { } number ? number.ToString("R", CultureInfo.InvariantCulture) : "";

    /// <summary>A text that spreadsheets take as a text: a leading = + - @ would be a formula.</summary>
    private static string Cell(string text) => $"\"{(text is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] ? "'" : "")}{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
