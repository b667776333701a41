using ClarityTracking.Core;
using ClarityTracking.Core.Attribution.Reports;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>What earned the conversions. All calls take the same period (<c>from</c>, <c>to</c>: days or moments), <c>by</c> and <c>windowDays</c>.</summary>
public static class AttributionEndpoints
{
    private const int PathsShown = 50;

    public static void MapAttribution(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/attribution").WithTags("Attribution");
        group.AddEndpointFilter(BusyAsync);
        group.MapGet("", ReportAsync);
        group.MapGet("/compare", CompareAsync);
        group.MapGet("/paths", PathsAsync);
        group.MapGet("/time-lag", LagAsync);
        group.MapGet("/funnel", FunnelAsync);
        group.MapGet("/conversions", ConversionsAsync);
    }

    /// <summary>Where others' reports keep this node busy, asking again in some seconds helps: 503 with <c>Retry-After</c>.</summary>
    private static async ValueTask<object?> BusyAsync(EndpointFilterInvocationContext call, EndpointFilterDelegate next)
    {
        var answer = await next(call);
        if (answer is not INestedHttpResult { Result: ProblemHttpResult { ProblemDetails: var problem } } || !problem.Extensions.TryGetValue("code", out var code) || code is not AttributionReports.Busy)
            return answer;
        call.HttpContext.Response.Headers.RetryAfter = "5";
        return Problems.Of(StatusCodes.Status503ServiceUnavailable, AttributionReports.Busy, problem.Detail!);
    }

    internal static async Task<Results<Ok<AttributionReport>, ProblemHttpResult>> ReportAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? model = null, string? from = null, string? to = null, string? by = null, int? order = null, int? windowDays = null) =>
        (await reports.ReportAsync(caller, id, new AttributionWords(model, from, to, by, order, windowDays), cancel)).Ok();

    internal static async Task<Results<Ok<AttributionComparison>, ProblemHttpResult>> CompareAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? from = null, string? to = null, string? by = null, int? order = null, int? windowDays = null) =>
        (await reports.CompareAsync(caller, id, new AttributionWords(null, from, to, by, order, windowDays), cancel)).Ok();

    internal static async Task<Results<Ok<PathReport>, ProblemHttpResult>> PathsAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? from = null, string? to = null, string? by = null, int? windowDays = null, int limit = PathsShown) =>
        (await reports.PathsAsync(caller, id, new AttributionWords(null, from, to, by, null, windowDays), limit, cancel)).Ok();

    internal static async Task<Results<Ok<LagReport>, ProblemHttpResult>> LagAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? from = null, string? to = null, string? by = null, int? windowDays = null) =>
        (await reports.LagAsync(caller, id, new AttributionWords(null, from, to, by, null, windowDays), cancel)).Ok();

    internal static async Task<Results<Ok<FunnelReport>, ProblemHttpResult>> FunnelAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? from = null, string? to = null, int? windowDays = null) =>
        (await reports.FunnelAsync(caller, id, new AttributionWords(null, from, to, null, null, windowDays), cancel)).Ok();

    internal static async Task<Results<Ok<Page<CreditedConversion>>, ProblemHttpResult>> ConversionsAsync(Guid id, Caller caller, AttributionReports reports, CancellationToken cancel,
        string? model = null, string? from = null, string? to = null, string? by = null, int? order = null, int? windowDays = null, string? key = null, bool unattributed = false,
        Word<ConversionStatus>? status = null, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await reports.ConversionsAsync(caller, id, new AttributionWords(model, from, to, by, order, windowDays), key, unattributed, status?.Value, cursor, limit, cancel)).Ok();
}
