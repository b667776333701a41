using System.Text.Json;
using ClarityTracking.Core;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Which touchpoint earned which conversion, how sure that is, and what people say to it.</summary>
public static class MatchEndpoints
{
    private static readonly JsonSerializerOptions LineShape = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void MapMatches(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}").WithTags("Matches");
        group.MapGet("/matches", ListAsync);
        group.MapGet("/matches/{conversionId:guid}", GetAsync);
        group.MapPost("/matches/{conversionId:guid}/confirm", ConfirmAsync);
        group.MapPost("/matches/{conversionId:guid}/reject", RejectAsync);
        group.MapPost("/matches/{conversionId:guid}/undo", UndoAsync);
        group.MapGet("/match-settings", SettingsAsync);
        group.MapPut("/match-settings", SetAsync);
    }

    /// <summary>What a person confirms.</summary>
    /// <param name="TouchpointId">The touchpoint that earned it; null = none did.</param>
    public sealed record Confirmation(Guid? TouchpointId);

    /// <summary>Matches of a website; with <c>format=jsonl</c> one line for every booking, order and payment, in the sender's ids.</summary>
    internal static async Task<Results<Ok<Page<MatchInfo>>, PushStreamHttpResult, ProblemHttpResult>> ListAsync(Guid id, Caller caller, MatchQueries matches, CancellationToken cancel,
        string? format = null, string? decision = null, Guid? cursor = null, int limit = Page.DefaultLimit)
    {
        if (format is null or "json")
        {
            var page = await matches.ListAsync(caller, id, decision, cursor, limit, cancel);
            return page.IsOk ? TypedResults.Ok(page.Value) : Problems.From(page.Error);
        }
        if (format != "jsonl")
            return Problems.From(Error.Invalid(new FieldError("format", "format must be json or jsonl.")));
        var lines = await matches.LinesAsync(caller, id, cancel);
        return lines.IsOk ? TypedResults.Stream(body => WriteAsync(lines.Value.All, body, cancel), "application/jsonl") : Problems.From(lines.Error);
    }

    private static async Task WriteAsync(IAsyncEnumerable<MatchLine> lines, Stream body, CancellationToken cancel)
    {
        await foreach (var line in lines.WithCancellation(cancel))
        {
            await JsonSerializer.SerializeAsync(body, line, LineShape, cancel);
            await body.WriteAsync("\n"u8.ToArray(), cancel);
        }
    }

    internal static async Task<Results<Ok<MatchInfo>, ProblemHttpResult>> GetAsync(Guid id, Guid conversionId, Caller caller, MatchQueries matches, CancellationToken cancel) =>
        (await matches.GetAsync(caller, id, conversionId, cancel)).Ok();

    /// <summary>Says which touchpoint earned a conversion, or that none did. It stays whatever arrives later.</summary>
    internal static async Task<Results<Ok<MatchInfo>, ProblemHttpResult>> ConfirmAsync(Guid id, Guid conversionId, Confirmation confirmation, Caller caller, MatchDecisions decisions, CancellationToken cancel) =>
        (await decisions.ConfirmAsync(caller, id, conversionId, confirmation.TouchpointId, cancel)).Ok();

    /// <summary>Says that the answer is wrong.</summary>
    internal static async Task<Results<Ok<MatchInfo>, ProblemHttpResult>> RejectAsync(Guid id, Guid conversionId, Caller caller, MatchDecisions decisions, CancellationToken cancel) =>
        (await decisions.RejectAsync(caller, id, conversionId, cancel)).Ok();

    /// <summary>Takes a decision back; the conversion is matched anew.</summary>
    internal static async Task<Results<Ok<MatchInfo>, ProblemHttpResult>> UndoAsync(Guid id, Guid conversionId, Caller caller, MatchDecisions decisions, CancellationToken cancel) =>
        (await decisions.UndoAsync(caller, id, conversionId, cancel)).Ok();

    internal static async Task<Results<Ok<MatchThresholds>, ProblemHttpResult>> SettingsAsync(Guid id, Caller caller, MatchSettings settings, CancellationToken cancel) =>
        (await settings.GetAsync(caller, id, cancel)).Ok();

    /// <summary>Sets the thresholds; the website's conversions are matched again in the background.</summary>
    internal static async Task<Results<Ok<MatchThresholds>, ProblemHttpResult>> SetAsync(Guid id, MatchThresholds thresholds, Caller caller, MatchSettings settings, CancellationToken cancel) =>
        (await settings.SetAsync(caller, id, thresholds, cancel)).Ok();
}
