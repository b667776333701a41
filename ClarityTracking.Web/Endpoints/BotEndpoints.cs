using ClarityTracking.Core;
using ClarityTracking.Core.Health.Bots;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Events held back as bots, and a website's own rules about them.</summary>
public static class BotEndpoints
{
    public static void MapBots(this RouteGroupBuilder api)
    {
        var bots = api.MapGroup("/websites/{id:guid}/bots").WithTags("Bots");
        bots.MapGet("", SummaryAsync);
        bots.MapPost("/review", ReviewAsync);
        bots.MapPost("/review/{reviewId:guid}/undo", UndoAsync);
        var rules = api.MapGroup("/websites/{id:guid}/bot-rules").WithTags("Bots");
        rules.MapGet("", ListAsync);
        rules.MapPost("", CreateAsync);
        rules.MapPost("/preview", TryAsync);
        rules.MapPut("/{brid:guid}", ReplaceAsync);
        rules.MapDelete("/{brid:guid}", DeleteAsync);
    }

    internal static async Task<Results<Ok<QuarantineSummary>, ProblemHttpResult>> SummaryAsync(
        Guid id, Caller caller, Quarantine quarantine, CancellationToken cancel, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await quarantine.SummaryAsync(caller, id, from?.ToUniversalTime(), to?.ToUniversalTime(), cancel)).Ok();

    internal static async Task<Results<Ok<BotReviewResult>, ProblemHttpResult>> ReviewAsync(
        Guid id, BotReview review, Caller caller, Quarantine quarantine, CancellationToken cancel) =>
        (await quarantine.ReviewAsync(caller, id, review, cancel)).Ok();

    internal static async Task<Results<Ok<BotReviewResult>, ProblemHttpResult>> UndoAsync(
        Guid id, Guid reviewId, Caller caller, Quarantine quarantine, CancellationToken cancel) =>
        (await quarantine.UndoAsync(caller, id, reviewId, cancel)).Ok();

    internal static async Task<Results<Ok<Page<BotRuleDetails>>, ProblemHttpResult>> ListAsync(Guid id, Caller caller, BotRuleService rules, CancellationToken cancel) =>
        (await rules.ListAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<BotRuleDetails>, ProblemHttpResult>> CreateAsync(
        Guid id, BotRuleValues values, Caller caller, BotRuleService rules, CancellationToken cancel) =>
        (await rules.CreateAsync(caller, id, values, cancel)).Created(r => r, r => $"/api/websites/{id}/bot-rules/{r.Id}");

    internal static async Task<Results<Ok<BotRuleTrial>, ProblemHttpResult>> TryAsync(
        Guid id, BotRuleValues values, Caller caller, BotRuleService rules, CancellationToken cancel) =>
        (await rules.TryAsync(caller, id, values, cancel)).Ok();

    internal static async Task<Results<Ok<BotRuleDetails>, ProblemHttpResult>> ReplaceAsync(
        Guid id, Guid brid, BotRuleValues values, Caller caller, BotRuleService rules, CancellationToken cancel) =>
        (await rules.ReplaceAsync(caller, id, brid, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(Guid id, Guid brid, Caller caller, BotRuleService rules, CancellationToken cancel) =>
        (await rules.DeleteAsync(caller, id, brid, cancel)).NoContent();
}
