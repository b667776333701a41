using ClarityTracking.Core;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Conversions that were told twice.</summary>
public static class DuplicateEndpoints
{
    public static void MapDuplicates(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/duplicates").WithTags("Duplicates");
        group.MapGet("", ListAsync);
        group.MapGet("/summary", SummaryAsync);
        group.MapGet("/settings", SettingsAsync);
        group.MapPut("/settings", SetAsync);
        group.MapGet("/{groupId:guid}", GetAsync);
        group.MapPost("/{groupId:guid}/ignore", IgnoreAsync);
        group.MapPost("/{groupId:guid}/restore", RestoreAsync);
        group.MapPost("/{groupId:guid}/stop", StopAsync);
    }

    /// <param name="DryRun">Tell what the rule would do; make none.</param>
    internal sealed record StopOptions(bool? DryRun);

    internal static async Task<Results<Ok<Page<DuplicateGroup>>, ProblemHttpResult>> ListAsync(Guid id, Word<DuplicateKind>? kind, Word<DuplicateState>? state, string? name, DateTimeOffset? from,
        DateTimeOffset? to, Guid? cursor, int? limit, Caller caller, DuplicateQueries duplicates, CancellationToken cancel) =>
        (await duplicates.ListAsync(caller, id, new DuplicateFilter(kind?.Value, state?.Value, name, from?.ToUniversalTime(), to?.ToUniversalTime()), cursor, limit ?? Page.DefaultLimit, cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateSummary>, ProblemHttpResult>> SummaryAsync(Guid id, DateTimeOffset? from, DateTimeOffset? to, Caller caller, DuplicateQueries duplicates,
        CancellationToken cancel) =>
        (await duplicates.SummaryAsync(caller, id, from?.ToUniversalTime(), to?.ToUniversalTime(), cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateDetails>, ProblemHttpResult>> GetAsync(Guid id, Guid groupId, Caller caller, DuplicateQueries duplicates, CancellationToken cancel) =>
        (await duplicates.GetAsync(caller, id, groupId, cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateDetails>, ProblemHttpResult>> IgnoreAsync(Guid id, Guid groupId, Caller caller, DuplicateService duplicates, CancellationToken cancel) =>
        (await duplicates.IgnoreAsync(caller, id, groupId, cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateDetails>, ProblemHttpResult>> RestoreAsync(Guid id, Guid groupId, Caller caller, DuplicateService duplicates, CancellationToken cancel) =>
        (await duplicates.RestoreAsync(caller, id, groupId, cancel)).Ok();

    internal static async Task<Results<Ok<StoppedDuplicates>, ProblemHttpResult>> StopAsync(Guid id, Guid groupId, StopOptions? options, Caller caller, DuplicateService duplicates,
        CancellationToken cancel) =>
        (await duplicates.StopAsync(caller, id, groupId, options?.DryRun ?? false, cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateSettings>, ProblemHttpResult>> SettingsAsync(Guid id, Caller caller, DuplicateService duplicates, CancellationToken cancel) =>
        (await duplicates.SettingsAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<DuplicateSettings>, ProblemHttpResult>> SetAsync(Guid id, DuplicateSettings settings, Caller caller, DuplicateService duplicates, CancellationToken cancel) =>
        (await duplicates.SetAsync(caller, id, settings, cancel)).Ok();
}
