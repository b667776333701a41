using ClarityTracking.Core;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Events and one event's trace.</summary>
public static class EventEndpoints
{
    /// <summary>The readable personal data of one event.</summary>
    public sealed record Revealed(PersonalData? Personal);

    public static void MapEvents(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/events").WithTags("Events");
        group.MapGet("", ListAsync);
        group.MapGet("/{eventId}", TraceAsync);
        group.MapPost("/{eventId:guid}/reveal", RevealAsync);
    }

    internal static async Task<Results<Ok<Page<EventSummary>>, ProblemHttpResult>> ListAsync(Guid id, Caller caller, EventQueries events, CancellationToken cancel,
        string? name = null, Word<EventSource>? source = null, string? visitor = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        string? without = null, string? bot = null, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await events.ListAsync(caller, id, new EventFilter(name, source?.Value, visitor, from, to, without, bot), cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<EventTrace>, ProblemHttpResult>> TraceAsync(
        Guid id, string eventId, Caller caller, EventTraces traces, CancellationToken cancel) =>
        (await traces.GetAsync(caller, id, eventId, cancel)).Ok();

    internal static async Task<Results<Ok<Revealed>, ProblemHttpResult>> RevealAsync(
        Guid id, Guid eventId, Caller caller, EventQueries events, CancellationToken cancel)
    {
        var personal = await events.RevealPersonalAsync(caller, id, eventId, cancel);
        return personal.Error is { } error ? Security.Problems.From(error) : TypedResults.Ok(new Revealed(personal.Value));
    }
}
