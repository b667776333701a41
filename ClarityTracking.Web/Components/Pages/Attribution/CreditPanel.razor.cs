using ClarityTracking.Core;
using ClarityTracking.Core.Attribution.Reports;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Attribution;

/// <summary>The conversions behind a number of the report.</summary>
public sealed partial class CreditPanel(AttributionReports reports)
{
    private const int RowsShown = 25;
    private readonly List<CreditedConversion> _shown = [];

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>The report the number stands in.</summary>
    [Parameter, EditorRequired]
    public AttributionWords Ask { get; set; } = new();

    /// <summary>What earned; null = anything.</summary>
    [Parameter]
    public string? Key { get; set; }

    /// <summary>Only what nothing earned.</summary>
    [Parameter]
    public bool Unattributed { get; set; }

    [Parameter]
    public string By { get; set; } = "channel";

    private LoadState<Page<CreditedConversion>> Rows { get; set; } = new();

    // drawing the page again gives the same parameters again
    protected override Task OnParametersSetAsync() => Rows.IsLoaded ? Task.CompletedTask : base.OnParametersSetAsync();

    protected override async Task LoadAsync()
    {
        _shown.Clear();
        await ReadAsync(null);
    }

    private Task MoreAsync() => ReadAsync(Rows.Value?.NextCursor);

    private async Task ReadAsync(Guid? cursor)
    {
        Rows = await QueryAsync((caller, cancel) => reports.ConversionsAsync(caller, WebsiteId, Ask, Key, Unattributed, null, cursor, RowsShown, cancel));
        _shown.AddRange(Rows.Value?.Items ?? []);
    }

    private string Explanation(Page<CreditedConversion> page) => Unattributed ? "No visit of the customer lies in the window, or matching is not sure enough of any. They stay in the totals."
        : Key is null ? "All conversions of the period, newest first, with the visits joined to them."
        : page.Items.Any(r => r.Share is null) ? $"{ModelWords.Name(Ask.Model ?? "")} gives credit to the channel as a whole; these are the conversions whose path holds it."
        : "Newest first, each with the share of it that is credited here.";

    private static string Title(CreditedConversion row) =>
        $"{(row.Kind == ConversionKind.Manual && row.Name is { } name ? EventWords.Name(name) : ConversionWords.Kind(row.Kind))} {Words.Middle(row.Number ?? row.SenderId, 24)}";
}
