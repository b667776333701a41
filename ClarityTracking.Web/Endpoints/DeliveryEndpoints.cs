using ClarityTracking.Core;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Deliveries and their replay.</summary>
public static class DeliveryEndpoints
{
    /// <summary>What to replay; <paramref name="DryRun"/> only counts.</summary>
    public sealed record ReplayBody(DeliveryStatus? Status, Guid? ConnectionId, DateTimeOffset? From, DateTimeOffset? To, IReadOnlyList<Guid>? Ids, bool? DryRun);

    public static void MapDeliveries(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/deliveries").WithTags("Deliveries");
        group.MapGet("", ListAsync);
        group.MapGet("/counts", CountsAsync);
        group.MapGet("/failures", FailuresAsync);
        group.MapPost("/replay", ReplayAsync);
    }

    internal static async Task<Results<Ok<Page<DeliveryInfo>>, ProblemHttpResult>> ListAsync(Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel,
        Word<DeliveryStatus>? status = null, Guid? connectionId = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await deliveries.ListAsync(caller, id, new DeliveryFilter(status?.Value, connectionId, from, to), cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<DeliveryCounts>, ProblemHttpResult>> CountsAsync(
        Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await deliveries.CountAsync(caller, id, from, to, cancel)).Ok();

    internal static async Task<Results<Ok<Page<FailureGroup>>, ProblemHttpResult>> FailuresAsync(
        Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel, DateTimeOffset? from = null) =>
        (await deliveries.FailuresAsync(caller, id, from, cancel)).Whole();

    internal static async Task<Results<Ok<ReplayPlan>, ProblemHttpResult>> ReplayAsync(
        Guid id, ReplayBody body, Caller caller, Replay replay, CancellationToken cancel)
    {
        var request = new ReplayRequest(body.Status, body.ConnectionId, body.From, body.To, body.Ids);
        return (body.DryRun == true ? await replay.PlanAsync(caller, id, request, cancel) : await replay.RunAsync(caller, id, request, cancel)).Ok();
    }
}
