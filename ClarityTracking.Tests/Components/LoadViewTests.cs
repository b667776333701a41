using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Tests.Components;

public sealed class LoadViewTests
{
    private static readonly Problem Away = new("The database does not answer", "Nothing is lost.", CanRetry: true);

    [Fact]
    public async Task LoadView_NothingYet_ShowsTheSkeletonAndSaysSo()
    {
        var html = await RenderAsync(new LoadState<List<string>>());

        Assert.Contains("data-state=\"loading\"", html);
        Assert.Contains("aria-busy=\"true\"", html);
        Assert.DoesNotContain("rows:", html);
    }

    [Fact]
    public async Task LoadView_Failed_SaysWhatAndWhatItMeans()
    {
        var html = await RenderAsync(LoadState.Failed<List<string>>(Away));

        Assert.Contains("role=\"alert\"", html);
        Assert.Contains(Away.What, html);
        Assert.Contains(Away.Meaning, html);
    }

    [Fact]
    public async Task LoadView_NoRows_ShowsEmptyInsteadOfData()
    {
        var html = await RenderAsync(LoadState.Of(new List<string>()));

        Assert.Contains("nothing here", html);
        Assert.DoesNotContain("rows:", html);
    }

    [Fact]
    public async Task LoadView_Rows_ShowsThem()
    {
        var html = await RenderAsync(LoadState.Of(new List<string> { "a", "b" }));

        Assert.Contains("rows: 2", html);
        Assert.DoesNotContain("nothing here", html);
    }

    [Fact]
    public async Task LoadView_RetryPressed_AsksAgainOnce()
    {
        var asked = 0;
        await using var harness = new RenderHarness(DateTimeOffset.UnixEpoch);
        await harness.RenderAsync<LoadView<List<string>>>(Parameters(LoadState.Failed<List<string>>(Away), () => asked++));

        await harness.ClickAsync("class", "btn primary");

        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task LoadView_NotWorthRetrying_OffersNoRetry()
    {
        var html = await RenderAsync(LoadState.Failed<List<string>>(Away with { CanRetry = false }));

        Assert.DoesNotContain("Retry", html);
        Assert.Contains("To your websites", html);
    }

    private static async Task<string> RenderAsync(LoadState<List<string>> state)
    {
        await using var harness = new RenderHarness(DateTimeOffset.UnixEpoch);
        return await harness.RenderAsync<LoadView<List<string>>>(Parameters(state, () => { }));
    }

    private static Dictionary<string, object?> Parameters(LoadState<List<string>> state, Action retry) => new()
    {
        [nameof(LoadView<>.State)] = state,
        [nameof(LoadView<>.OnRetry)] = EventCallback.Factory.Create(new object(), retry),
        [nameof(LoadView<>.Empty)] = (RenderFragment)(builder => builder.AddContent(0, "nothing here")),
        [nameof(LoadView<>.Loaded)] = (RenderFragment<List<string>>)(rows => builder => builder.AddContent(0, $"rows: {rows.Count}")),
    };
}
