using ClarityTracking.Core;
using ClarityTracking.Core.People;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Persons: who is who, merges, and what a person may ask for by law.</summary>
public static class PeopleEndpoints
{
    /// <summary>Which person is one with it.</summary>
    public sealed record MergeOrder(Guid OtherId);

    public static void MapPeople(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/people").WithTags("People");
        group.MapGet("", ListAsync);
        group.MapGet("/{personId:guid}", GetAsync);
        group.MapPost("/{personId:guid}/merge", MergeAsync);
        group.MapPost("/merges/{mergeId:guid}/undo", UndoAsync);
        group.MapPost("/erase", EraseAsync);
        group.MapPost("/export", ExportAsync);
    }

    internal static async Task<Results<Ok<Page<PersonInfo>>, ProblemHttpResult>> ListAsync(Guid id, string? search, Guid? cursor, int? limit, Caller caller, PersonQueries people, CancellationToken cancel) =>
        (await people.ListAsync(caller, id, search, cursor, limit ?? Page.DefaultLimit, cancel)).Ok();

    internal static async Task<Results<Ok<PersonInfo>, ProblemHttpResult>> GetAsync(Guid id, Guid personId, Caller caller, PersonQueries people, CancellationToken cancel) =>
        (await people.GetAsync(caller, id, personId, cancel)).Ok();

    internal static async Task<Results<Ok<PersonInfo>, ProblemHttpResult>> MergeAsync(Guid id, Guid personId, MergeOrder order, Caller caller, PersonMerges merges, CancellationToken cancel) =>
        (await merges.MergeAsync(caller, id, personId, order.OtherId, cancel)).Ok();

    internal static async Task<Results<Ok<PersonInfo>, ProblemHttpResult>> UndoAsync(Guid id, Guid mergeId, Caller caller, PersonMerges merges, CancellationToken cancel) =>
        (await merges.UndoAsync(caller, id, mergeId, cancel)).Ok();

    internal static async Task<Results<Ok<ErasedPerson>, ProblemHttpResult>> EraseAsync(Guid id, PersonRequest person, Caller caller, PersonErasure erasure, CancellationToken cancel) =>
        (await erasure.EraseAsync(caller, id, person, cancel)).Ok();

    internal static async Task<Results<Ok<ExportedPerson>, ProblemHttpResult>> ExportAsync(Guid id, PersonRequest person, Caller caller, PersonExport export, CancellationToken cancel) =>
        (await export.ExportAsync(caller, id, person, cancel)).Ok();
}
