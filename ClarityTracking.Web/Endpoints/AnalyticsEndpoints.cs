using ClarityTracking.Core;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>What happens on websites, all websites at a glance, and how the installation does.</summary>
public static class AnalyticsEndpoints
{
    public static void MapAnalytics(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/analytics").WithTags("Analytics");
        group.MapGet("/overview", OverviewAsync);
        group.MapGet("/timeseries", SeriesAsync);
        group.MapGet("/breakdown", BreakdownAsync);
        api.MapGet("/dashboard", DashboardAsync).WithTags("Analytics");
        api.MapGet("/metrics", MetricsAsync).WithTags("Health");
    }

    internal static async Task<Results<Ok<AnalyticsOverview>, ProblemHttpResult>> OverviewAsync(Guid id, Caller caller, AnalyticsQueries analytics, CancellationToken cancel,
        string? from = null, string? to = null) => (await analytics.OverviewAsync(caller, id, from, to, cancel)).Ok();

    internal static async Task<Results<Ok<AnalyticsSeries>, ProblemHttpResult>> SeriesAsync(Guid id, Caller caller, AnalyticsQueries analytics, CancellationToken cancel,
        string? from = null, string? to = null, string? interval = null) => (await analytics.SeriesAsync(caller, id, from, to, interval, cancel)).Ok();

    internal static async Task<Results<Ok<AnalyticsBreakdown>, ProblemHttpResult>> BreakdownAsync(Guid id, Caller caller, AnalyticsQueries analytics, CancellationToken cancel,
        string? from = null, string? to = null, string? by = null, int limit = Page.DefaultLimit) => (await analytics.BreakdownAsync(caller, id, from, to, by, limit, cancel)).Ok();

    /// <summary>All websites of the caller, or of one workspace, by name.</summary>
    internal static async Task<Ok<Page<PortfolioRow>>> DashboardAsync(Caller caller, PortfolioQueries portfolio, CancellationToken cancel, Guid? workspaceId = null) =>
        TypedResults.Ok(new Page<PortfolioRow>([.. (await portfolio.ListAsync(caller, cancel)).Where(row => workspaceId is null || row.Website.WorkspaceId == workspaceId)], null));

    /// <summary>For the operator of the installation.</summary>
    internal static async Task<Results<Ok<SystemState>, ProblemHttpResult>> MetricsAsync(Caller caller, SystemMetrics metrics, CancellationToken cancel) => (await metrics.GetAsync(caller, cancel)).Ok();
}
