using ClarityTracking.Core;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>How fresh events are, whether as many come as usual, who has fallen silent, and what share of visits the snippet tells of.</summary>
public static class VolumeEndpoints
{
    public static void MapVolume(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}").WithTags("Health");
        group.MapGet("/freshness", FreshnessAsync);
        group.MapGet("/silence", SilenceAsync);
        group.MapGet("/volume", VolumeAsync);
        group.MapGet("/capture", CaptureAsync);
    }

    internal static async Task<Results<Ok<WebsiteFreshness>, ProblemHttpResult>> FreshnessAsync(
        Guid id, Caller caller, FreshnessQueries queries, CancellationToken cancel, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await queries.GetAsync(caller, id, from, to, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteSilence>, ProblemHttpResult>> SilenceAsync(Guid id, Caller caller, SilenceQueries queries, CancellationToken cancel) =>
        (await queries.GetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteVolume>, ProblemHttpResult>> VolumeAsync(
        Guid id, Caller caller, VolumeQueries queries, CancellationToken cancel, string? name = null, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await queries.GetAsync(caller, id, name, from, to, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteCapture>, ProblemHttpResult>> CaptureAsync(
        Guid id, Caller caller, CaptureQueries queries, CancellationToken cancel, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await queries.GetAsync(caller, id, from, to, cancel)).Ok();
}
