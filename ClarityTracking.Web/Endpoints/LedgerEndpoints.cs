using ClarityTracking.Core;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>The conversion ledger.</summary>
public static class LedgerEndpoints
{
    public static void MapLedger(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}").WithTags("Ledger");
        group.MapGet("/ledger", GetAsync);
        group.MapGet("/ledger.csv", FileAsync).Produces(StatusCodes.Status200OK, contentType: "text/csv").ProducesProblem(StatusCodes.Status400BadRequest);
        group.MapGet("/ledger/{bid:guid}", ItemAsync);
    }

    /// <summary>Conversions of a time with where each stands, and their sums; the last 30 days on the website's own clock when none are named.</summary>
    internal static async Task<Results<Ok<LedgerReport>, ProblemHttpResult>> GetAsync(Guid id, Caller caller, LedgerQueries ledger, CancellationToken cancel, DateTimeOffset? from = null,
        DateTimeOffset? to = null, Word<LedgerState>? state = null, string? cause = null, Guid? connectionId = null, string? source = null, string? kind = null, Guid? cursor = null,
        int limit = Page.DefaultLimit) =>
        (await ledger.GetAsync(caller, id, from, to, new LedgerFilter(state?.Value, cause, connectionId, source, kind), cursor, limit, cancel)).Ok();

    /// <summary>One conversion, or webhook that became none, with its events and deliveries.</summary>
    internal static async Task<Results<Ok<LedgerDetails>, ProblemHttpResult>> ItemAsync(Guid id, Guid bid, Caller caller, LedgerQueries ledger, CancellationToken cancel) =>
        (await ledger.ItemAsync(caller, id, bid, cancel)).Ok();

    /// <summary>All rows of the filter as a file, sent while they are read.</summary>
    internal static async Task<IResult> FileAsync(Guid id, Caller caller, LedgerQueries ledger, HttpContext http, CancellationToken cancel, DateTimeOffset? from = null,
        DateTimeOffset? to = null, Word<LedgerState>? state = null, string? cause = null, Guid? connectionId = null, string? source = null, string? kind = null)
    {
        var rows = await ledger.RowsAsync(caller, id, from, to, new LedgerFilter(state?.Value, cause, connectionId, source, kind), cancel);
        return rows.IsOk
            ? Results.Stream(body => LedgerCsv.WriteAsync(rows.Value, body, http.RequestAborted), "text/csv; charset=utf-8", "ledger.csv")
            : Problems.From(rows.Error);
    }
}
