using System.Globalization;
using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Spend;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Charts;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Spend;

/// <summary>What ads cost and what they brought; where the figures come from. The days live in the address.</summary>
public sealed partial class SpendPage(SpendQueries spend, SpendImports imports, WebsiteService websites, PlatformCatalog platforms)
{
    private const string DaysName = "days";
    private const int MostRows = 100, ImportsShown = 8;
    private static readonly int[] DayChoices = [7, 30, 90, 365];
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(10);

    private Task? _looking;
    private bool _isUploading;

    [SupplyParameterFromQuery(Name = DaysName)]
    private int? Asked { get; set; }

    private int Days => Asked is { } days && DayChoices.Contains(days) ? days : DayChoices[1];

    private LoadState<SpendReport> Report { get; set; } = new();

    private LoadState<SpendReport> ByDay { get; set; } = new();

    private LoadState<IReadOnlyList<SpendOrigin>> Origins { get; set; } = new();

    private LoadState<Page<SpendImport>> Imports { get; set; } = new();

    private WebsiteInfo? Site { get; set; }

    private bool MayAct => Site is { Role: >= Role.Analyst };

    /// <summary>Totals of the currency most was spent in.</summary>
    private SpendReportRow? Main => Report.Value is { Totals: [var first, ..] } ? first : null;

    private bool IsEmpty => Report.Value is { Items.Count: 0 } && Imports.Value is { Items: var all } && !all.Any(i => i.Rows > 0);

    private string WhyEmpty => Origins.Value switch
    {
        { Count: > 0 } all when all.All(o => o.Account is null) => $"Nothing can be imported yet. {string.Join(' ', all.Select(o => o.Missing).Distinct())}",
        { Count: > 0 } all when all.Any(o => o.Latest is { Status: "failed" }) => "The import failed; its reason stands below. Until it works you can upload a CSV file.",
        { Count: > 0 } => "The first import has not ended yet, or nothing was spent in its days.",
        _ => "Connect Meta, Google Ads, TikTok or Pinterest and name the ad account, or upload a CSV file of any other platform. Campaigns, what they cost and their ROAS will be here.",
    };

    private string? Answer
    {
        get
        {
            if (Report.Value is not { } report || IsEmpty)
                return null;
            if (Main is not { } main)
                return $"Nothing was spent in the last {Days} days.";
            var words = $"{Words.Money(main.Spend, main.Currency)} spent in {Days} days brought {Words.Money(main.Revenue, main.Currency)}" + (main.Roas is null ? "." : $", a ROAS of {Roas(main.Roas)}.");
            var best = report.Items.Where(i => i.Currency == main.Currency && i.Roas > 0 && i.Spend > 0).MaxBy(i => i.Roas);
            var idle = report.Items.Where(i => i.Conversions == 0 && i.Spend > 0).MaxBy(i => i.Spend);
            if (report.Items.Count > 1 && best is not null)
                words += $" Best: {best.CampaignName} with {Roas(best.Roas)}.";
            if (idle is not null)
                words += $" {idle.CampaignName} cost {Words.Money(idle.Spend, idle.Currency)} and brought nothing that names it.";
            var failed = Origins.Value?.FirstOrDefault(o => o.Latest is { Status: "failed" });
            return failed is null ? words : $"{words} The import of {failed.Name} failed: the figures are not complete.";
        }
    }

    private List<string> Labels => [.. DaysOfChart.Select(d => d.Day!.Value.ToString("d MMM", CultureInfo.InvariantCulture))];

    private List<TimeChart.Line> Lines => [new("Spend", [.. DaysOfChart.Select(d => (decimal?)d.Spend)], "accent"), new("Revenue", [.. DaysOfChart.Select(d => (decimal?)d.Revenue)], "info")];

    private decimal Top => DaysOfChart.Select(d => Math.Max(d.Spend, d.Revenue)).DefaultIfEmpty(1).Max() is var top and > 0 ? Math.Ceiling(top * 1.1m) : 1;

    private IEnumerable<SpendReportRow> DaysOfChart => ByDay.Value?.Items.Where(i => i.Currency == Main?.Currency) ?? [];

    protected override async Task LoadAsync()
    {
        var website = await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel));
        Site = website.Value;
        // every read asks for the same days, also at midnight
        var zone = Site is { } site && TimeZoneInfo.TryFindSystemTimeZoneById(site.TimeZone, out var known) ? known : TimeZoneInfo.Utc;
        var to = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(Viewer.Now, zone).DateTime);
        var from = to.AddDays(1 - Days);
        Origins = await QueryAsync((caller, cancel) => imports.OriginsAsync(caller, WebsiteId, cancel));
        Imports = await QueryAsync((caller, cancel) => imports.ListAsync(caller, WebsiteId, null, ImportsShown, cancel));
        ByDay = await QueryAsync((caller, cancel) => spend.ReportAsync(caller, WebsiteId, from, to, "day", cancel));
        Report = await QueryAsync((caller, cancel) => spend.ReportAsync(caller, WebsiteId, from, to, "campaign", cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>While something is being imported, its progress is followed.</summary>
    private async Task LookAgainAsync()
    {
        if (Imports.Value?.Items.Any(i => i.Status is "queued" or "running") != true || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    private string PlatformName(string? platform) => platform is null ? "–" : platforms.Find(platform)?.DisplayName ?? Words.Sentence(platform);

    private string Money(decimal? amount, decimal none) => Main is { } main ? Words.Money(amount ?? none, main.Currency) : "–";

    private string Others(Func<SpendReportRow, decimal> of, string alone) =>
        Report.Value?.Totals.Skip(1).Select(t => Words.Money(of(t), t.Currency)).ToList() is { Count: > 0 } more ? $"and {string.Join(", ", more)}; nothing is converted" : alone;

    private static string Roas(decimal? roas) => roas is { } value ? value.ToString("0.00", CultureInfo.InvariantCulture) : "–";

    private static string Unmatched(SpendUnmatched left) => left.Reason switch
    {
        "no_campaign" => $"{Words.Count(left.Conversions, "conversion")} ({Words.Money(left.Revenue, left.Currency)}) came from no campaign or platform that money was spent on.",
        "campaign_unknown" => $"{Words.Count(left.Conversions, "conversion")} ({Words.Money(left.Revenue, left.Currency)}) name a platform but no campaign of it; put the campaign's name or id into utm_campaign.",
        _ => $"{Words.Count(left.Conversions, "conversion")} ({Words.Money(left.Revenue, left.Currency)}) were paid in another currency than the campaign.",
    };

    private static string Span(SpendImport import) => import.FromDay == import.ToDay ? Day(import.FromDay) : $"{Day(import.FromDay)} to {Day(import.ToDay)}";

    private static string Day(DateOnly day) => day.ToString("d MMM", CultureInfo.InvariantCulture);
}
