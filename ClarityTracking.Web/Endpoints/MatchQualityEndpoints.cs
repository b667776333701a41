using ClarityTracking.Core;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Match quality of a website's events, the chances it is estimated with, and the platforms' own scores.</summary>
public static class MatchQualityEndpoints
{
    /// <summary>Chances by key, 0 to 0.95; keys not named stay as they are.</summary>
    public sealed record NewWeights(Dictionary<string, decimal>? Weights);

    public static void MapMatchQuality(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}").WithTags("Match quality");
        group.MapGet("/match-quality", StudioAsync);
        group.MapGet("/match-quality/weights", WeightsAsync);
        group.MapPut("/match-quality/weights", ChangeWeightsAsync);
        group.MapDelete("/match-quality/weights", ResetWeightsAsync);
        group.MapGet("/connections/{cid:guid}/scores", ScoresAsync);
        group.MapPost("/connections/{cid:guid}/scores", FetchAsync);
    }

    internal static async Task<Results<Ok<QualityStudio>, ProblemHttpResult>> StudioAsync(Guid id, Caller caller, MatchQualityStudio studio, CancellationToken cancel,
        Guid? connectionId = null, string? @event = null, int days = 30, string? stack = null) =>
        (await studio.GetAsync(caller, id, new StudioQuestion(connectionId, @event, days, stack), cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteWeights>, ProblemHttpResult>> WeightsAsync(Guid id, Caller caller, MatchQualityWeights weights, CancellationToken cancel) =>
        (await weights.GetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteWeights>, ProblemHttpResult>> ChangeWeightsAsync(
        Guid id, NewWeights change, Caller caller, MatchQualityWeights weights, CancellationToken cancel) =>
        (await weights.ChangeAsync(caller, id, change.Weights, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteWeights>, ProblemHttpResult>> ResetWeightsAsync(Guid id, Caller caller, MatchQualityWeights weights, CancellationToken cancel) =>
        (await weights.ResetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<ScoreHistory>, ProblemHttpResult>> ScoresAsync(
        Guid id, Guid cid, Caller caller, PlatformScoreQueries scores, CancellationToken cancel, DateOnly? from = null, DateOnly? to = null) =>
        (await scores.ListAsync(caller, id, cid, from, to, cancel)).Ok();

    /// <summary>Asks the platform now. A platform that refuses is an answer too: its outcome is <c>failed</c>, with the reason.</summary>
    internal static async Task<Results<Ok<ScoreFetch>, ProblemHttpResult>> FetchAsync(Guid id, Guid cid, Caller caller, PlatformScoreFetcher fetcher, CancellationToken cancel) =>
        (await fetcher.FetchAsync(caller, id, cid, cancel)).Ok();
}
