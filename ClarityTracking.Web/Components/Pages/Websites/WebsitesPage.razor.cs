using ClarityTracking.Core;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Websites;

/// <summary>The portfolio: one row per website, those that need a person first.</summary>
public sealed partial class WebsitesPage(PortfolioQueries portfolio, MyWebsites websites)
{
    private bool _isAdding;
    private NewWebsite? _created;

    private LoadState<IReadOnlyList<PortfolioRow>> Portfolio { get; set; } = new();

    private bool MayAdd { get; set; }

    /// <summary>The first website: the form stands open instead of an empty table.</summary>
    private bool IsFirst => MayAdd && Portfolio.Value is { Count: 0 };

    private string? Answer
    {
        get
        {
            if (Portfolio.Value is not { Count: > 0 } rows)
                return IsFirst ? "Add your first website to begin. You get a snippet to paste and keys for your server." : null;
            var count = rows.Count(r => Attention.Of(r, Viewer.Now) is not null);
            return count == 0 ? $"{Words.Count(rows.Count, "website")}, all is well." : $"{count} of {Words.Count(rows.Count, "website")} {(count == 1 ? "needs" : "need")} attention.";
        }
    }

    protected override async Task LoadAsync()
    {
        Portfolio = await QueryAsync<IReadOnlyList<PortfolioRow>>(async (caller, cancel) =>
        {
            MayAdd = caller.Workspaces.Values.Any(role => role >= Role.Admin);
            return new List<PortfolioRow>(await portfolio.ListAsync(caller, cancel));
        });
    }

    private IEnumerable<(PortfolioRow Row, Attention? Attention)> Sorted(IReadOnlyList<PortfolioRow> rows) =>
        rows.Select(row => (row, Attention.Of(row, Viewer.Now))).OrderByDescending(r => r.Item2?.Urgency ?? 0).ThenBy(r => r.row.Website.Name, StringComparer.OrdinalIgnoreCase);

    private void Open(PortfolioRow row, Attention? attention) =>
        Navigation.NavigateTo($"websites/{row.Website.Id}/{(row.LastEventAt is null ? attention?.Page ?? "install" : "overview")}");

    private async Task CreatedAsync(NewWebsite created)
    {
        (_created, _isAdding) = (created, false);
        await websites.LoadAsync();
        await LoadAsync();
    }
}
