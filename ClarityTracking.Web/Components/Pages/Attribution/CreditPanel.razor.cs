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
    private bool _isBusy;
    private Problem? _trouble;

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

    /// <summary>Adds the next page once, however often the button is pressed meanwhile.</summary>
    private async Task MoreAsync()
    {
        if (_isBusy || Rows.Value?.NextCursor is not { } cursor)
            return;
        _isBusy = true;
        await ReadAsync(cursor);
        _isBusy = false;
    }

    /// <summary>Reads a page; where a further one fails, the rows that are there stay.</summary>
    private async Task ReadAsync(Guid? cursor)
    {
        var page = await QueryAsync((caller, cancel) => reports.ConversionsAsync(caller, WebsiteId, Ask, Key, Unattributed, null, cursor, RowsShown, cancel));
        _trouble = cursor is null ? null : page.Problem;
        if (cursor is not null && !page.IsLoaded)
            return;
        Rows = page;
        var known = _shown.Select(r => r.Id).ToHashSet(); // conversions that arrive meanwhile move the pages
        _shown.AddRange((page.Value?.Items ?? []).Where(r => known.Add(r.Id)));
    }

    private string Explanation(Page<CreditedConversion> page) => Unattributed ? "No visit of the customer lies in the window, or matching is not sure enough of any. They stay in the totals."
        : Key is null ? "All conversions of the period, newest first, with the visits joined to them."
        : page.Items.Any(r => r.Share is null) ? $"{ModelWords.Name(Ask.Model ?? "")} gives credit to the channel as a whole; these are the conversions whose path holds it."
        : "Newest first, each with the share of it that is credited here.";

    private static string Title(CreditedConversion row) =>
        $"{(row.Kind == ConversionKind.Manual && row.Name is { } name ? EventWords.Name(name) : ConversionWords.Kind(row.Kind))} {Words.Middle(row.Number ?? row.SenderId, 24)}";
}
