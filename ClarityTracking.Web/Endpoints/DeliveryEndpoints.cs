using ClarityTracking.Core;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Deliveries, their replay, and the jobs that replay and backfill.</summary>
public static class DeliveryEndpoints
{
    /// <summary>What to replay; <paramref name="DryRun"/> only counts.</summary>
    public sealed record ReplayBody(DeliveryStatus? Status, Guid? ConnectionId, DateTimeOffset? From, DateTimeOffset? To, IReadOnlyList<Guid>? Ids,
        string? EventName, string? Reason, bool? DryRun);

    /// <summary>The plan, and the job that does it: null when there is nothing to send.</summary>
    public sealed record ReplayStarted(long Matched, long TooOld, long AlreadyDelivered, long WillSend, Guid? JobId);

    public static void MapDeliveries(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/deliveries").WithTags("Deliveries");
        group.MapGet("", ListAsync);
        group.MapGet("/counts", CountsAsync);
        group.MapGet("/failures", FailuresAsync);
        group.MapPost("/replay", ReplayAsync);
        group.MapGet("/jobs", JobsAsync);
        group.MapGet("/jobs/{jid:guid}", JobAsync);
        group.MapPost("/jobs/{jid:guid}/cancel", CancelAsync);
    }

    internal static async Task<Results<Ok<Page<DeliveryInfo>>, ProblemHttpResult>> ListAsync(Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel,
        Word<DeliveryStatus>? status = null, Guid? connectionId = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        string? eventName = null, string? reason = null, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await deliveries.ListAsync(caller, id, new DeliveryFilter(status?.Value, connectionId, from, to, eventName, reason), cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<DeliveryCounts>, ProblemHttpResult>> CountsAsync(
        Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        (await deliveries.CountAsync(caller, id, from, to, cancel)).Ok();

    internal static async Task<Results<Ok<Page<FailureGroup>>, ProblemHttpResult>> FailuresAsync(
        Guid id, Caller caller, DeliveryQueries deliveries, CancellationToken cancel, DateTimeOffset? from = null) =>
        (await deliveries.FailuresAsync(caller, id, from, cancel)).Whole();

    internal static async Task<Results<Ok<ReplayPlan>, Ok<ReplayStarted>, ProblemHttpResult>> ReplayAsync(
        Guid id, ReplayBody body, Caller caller, Replay replay, CancellationToken cancel)
    {
        var request = new ReplayRequest(body.Status, body.ConnectionId, body.From, body.To, body.Ids, body.EventName, body.Reason);
        if (body.DryRun == true)
        {
            var plan = await replay.PlanAsync(caller, id, request, cancel);
            return plan.IsOk ? TypedResults.Ok(plan.Value) : Security.Problems.From(plan.Error);
        }
        var started = await replay.StartAsync(caller, id, request, cancel);
        if (!started.IsOk)
            return Security.Problems.From(started.Error);
        var p = started.Value.Plan;
        return TypedResults.Ok(new ReplayStarted(p.Matched, p.TooOld, p.AlreadyDelivered, p.WillSend, started.Value.JobId));
    }

    internal static async Task<Results<Ok<Page<DeliveryJob>>, ProblemHttpResult>> JobsAsync(
        Guid id, Caller caller, DeliveryJobs jobs, CancellationToken cancel, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await jobs.ListAsync(caller, id, cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<DeliveryJob>, ProblemHttpResult>> JobAsync(Guid id, Guid jid, Caller caller, DeliveryJobs jobs, CancellationToken cancel) =>
        (await jobs.GetAsync(caller, id, jid, cancel)).Ok();

    internal static async Task<Results<Ok<DeliveryJob>, ProblemHttpResult>> CancelAsync(Guid id, Guid jid, Caller caller, DeliveryJobs jobs, CancellationToken cancel) =>
        (await jobs.CancelAsync(caller, id, jid, cancel)).Ok();
}
