using ClarityTracking.Core;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Filter rules of a website.</summary>
public static class FilterRuleEndpoints
{
    public static void MapFilterRules(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/rules").WithTags("Rules");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync);
        group.MapPost("/preview", PreviewAsync);
        group.MapGet("/{rid:guid}", GetAsync);
        group.MapPut("/{rid:guid}", ReplaceAsync);
        group.MapDelete("/{rid:guid}", DeleteAsync);
    }

    internal static async Task<Results<Ok<Page<FilterRuleDetails>>, ProblemHttpResult>> ListAsync(
        Guid id, Caller caller, FilterRuleService rules, CancellationToken cancel) =>
        (await rules.ListAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<FilterRuleDetails>, ProblemHttpResult>> CreateAsync(
        Guid id, FilterRuleValues values, Caller caller, FilterRuleService rules, CancellationToken cancel) =>
        (await rules.CreateAsync(caller, id, values, cancel)).Created(r => r, r => $"/api/websites/{id}/rules/{r.Id}");

    internal static async Task<Results<Ok<FilterRulePreview>, ProblemHttpResult>> PreviewAsync(
        Guid id, FilterRuleTrial? trial, Caller caller, FilterRulePreviews previews, CancellationToken cancel) =>
        (await previews.RunAsync(caller, id, trial ?? new FilterRuleTrial(), cancel)).Ok();

    internal static async Task<Results<Ok<FilterRuleDetails>, ProblemHttpResult>> GetAsync(
        Guid id, Guid rid, Caller caller, FilterRuleService rules, CancellationToken cancel) =>
        (await rules.GetAsync(caller, id, rid, cancel)).Ok();

    internal static async Task<Results<Ok<FilterRuleDetails>, ProblemHttpResult>> ReplaceAsync(
        Guid id, Guid rid, FilterRuleValues values, Caller caller, FilterRuleService rules, CancellationToken cancel) =>
        (await rules.ReplaceAsync(caller, id, rid, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        Guid id, Guid rid, Caller caller, FilterRuleService rules, CancellationToken cancel) =>
        (await rules.DeleteAsync(caller, id, rid, cancel)).NoContent();
}
