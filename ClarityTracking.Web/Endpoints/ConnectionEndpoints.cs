using System.Text.Json;
using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Inbound.Pulls;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Hosting;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Connections of a website.</summary>
public static class ConnectionEndpoints
{
    /// <summary>A new connection; credentials are never given back.</summary>
    public sealed record NewConnection(string? Platform, string? Name, JsonElement? Settings, JsonElement? Credentials, bool? Enabled);

    /// <summary>Our id or the sender's of an event; null = the newest event of the most valuable name that the connection sends.</summary>
    public sealed record PreviewOrder(string? EventId);

    /// <summary>Which stored events to send: the last days, or a time; <paramref name="DryRun"/> only counts.</summary>
    public sealed record BackfillBody(int? Days, DateTimeOffset? From, DateTimeOffset? To, bool? DryRun);

    /// <summary>The plan, and the job that does it: null when there is nothing to do.</summary>
    public sealed record BackfillStarted(long Matched, long TooOld, long AlreadyDelivered, IReadOnlyDictionary<string, long> WouldSkip, long WillSend, bool IsEstimate,
        DateTimeOffset From, DateTimeOffset To, Guid? JobId);

    /// <summary>How many days back: 1 to 365.</summary>
    public sealed record PullOrder(int? Days);

    /// <summary>The sender's new webhook secret; null = we choose one, where it is ours to choose.</summary>
    public sealed record NewSecret(string? Secret);

    public static void MapConnections(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/connections").WithTags("Connections");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync);
        group.MapGet("/{cid:guid}", GetAsync);
        group.MapPatch("/{cid:guid}", ChangeAsync);
        group.MapDelete("/{cid:guid}", DeleteAsync);
        group.MapPost("/{cid:guid}/preview", PreviewAsync);
        group.MapPost("/{cid:guid}/test", TestAsync);
        group.MapPost("/{cid:guid}/backfill", BackfillAsync);
        group.MapGet("/{cid:guid}/pull", PullStateAsync);
        group.MapPost("/{cid:guid}/pull", PullAsync);
        group.MapPost("/{cid:guid}/rotate-secret", RotateSecretAsync);
        api.MapGet("/connections/{cid:guid}/health", HealthAsync).WithTags("Connections");
    }

    internal static async Task<Results<Ok<Page<ConnectionDetails>>, ProblemHttpResult>> ListAsync(
        Guid id, Caller caller, ConnectionService connections, CancellationToken cancel) =>
        (await connections.ListAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<ConnectionDetails>, ProblemHttpResult>> CreateAsync(
        Guid id, NewConnection request, Caller caller, ConnectionService connections, CancellationToken cancel)
    {
        var values = new ConnectionValues(request.Name, request.Settings, request.Credentials, request.Enabled);
        return (await connections.CreateAsync(caller, id, request.Platform, values, cancel)).Created(c => c, c => $"/api/websites/{id}/connections/{c.Id}");
    }

    internal static async Task<Results<Ok<ConnectionDetails>, ProblemHttpResult>> GetAsync(
        Guid id, Guid cid, Caller caller, ConnectionService connections, CancellationToken cancel) =>
        (await connections.GetAsync(caller, id, cid, cancel)).Ok();

    internal static async Task<Results<Ok<ConnectionDetails>, ProblemHttpResult>> ChangeAsync(
        Guid id, Guid cid, ConnectionValues values, Caller caller, ConnectionService connections, CancellationToken cancel) =>
        (await connections.ChangeAsync(caller, id, cid, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        Guid id, Guid cid, Caller caller, OAuthConnections oauth, CancellationToken cancel) =>
        (await oauth.DeleteConnectionAsync(caller, id, cid, cancel)).NoContent();

    internal static async Task<Results<Ok<ConnectionPreview>, ProblemHttpResult>> PreviewAsync(
        Guid id, Guid cid, PreviewOrder? order, Caller caller, ConnectionTester tester, CancellationToken cancel) =>
        (await tester.PreviewAsync(caller, id, cid, order?.EventId, cancel)).Ok();

    /// <summary>A destination gets an event, a source a signed sample at its own address.</summary>
    internal static async Task<Results<Ok<ConnectionTest>, Ok<SourceTest>, ProblemHttpResult>> TestAsync(Guid id, Guid cid, TestOrder? order, Caller caller,
        ConnectionService connections, ConnectionTester destinations, SourceTester sources, OwnAddress address, CancellationToken cancel)
    {
        var connection = await connections.GetAsync(caller, id, cid, cancel);
        if (!connection.IsOk)
            return Problems.From(connection.Error);
        if (connection.Value.WebhookUrl is not null)
        {
            var posted = await sources.TestAsync(caller, id, cid, address.Value, cancel);
            return posted.IsOk ? TypedResults.Ok(posted.Value) : Problems.From(posted.Error);
        }
        var sent = await destinations.TestAsync(caller, id, cid, order ?? new TestOrder(), cancel);
        return sent.IsOk ? TypedResults.Ok(sent.Value) : Problems.From(sent.Error);
    }

    internal static async Task<Results<Ok<RotatedSecret>, ProblemHttpResult>> RotateSecretAsync(
        Guid id, Guid cid, NewSecret? request, Caller caller, SourceSecrets secrets, CancellationToken cancel) =>
        (await secrets.RotateAsync(caller, id, cid, request?.Secret, cancel)).Ok();

    internal static async Task<Results<Ok<BackfillPlan>, Ok<BackfillStarted>, ProblemHttpResult>> BackfillAsync(
        Guid id, Guid cid, BackfillBody body, Caller caller, Backfill backfill, CancellationToken cancel)
    {
        var request = new BackfillRequest(body.Days, body.From, body.To);
        if (body.DryRun == true)
        {
            var plan = await backfill.PlanAsync(caller, id, cid, request, cancel);
            return plan.IsOk ? TypedResults.Ok(plan.Value) : Problems.From(plan.Error);
        }
        var started = await backfill.StartAsync(caller, id, cid, request, cancel);
        if (!started.IsOk)
            return Problems.From(started.Error);
        var p = started.Value.Plan;
        return TypedResults.Ok(new BackfillStarted(p.Matched, p.TooOld, p.AlreadyDelivered, p.WouldSkip, p.WillSend, p.IsEstimate, p.From, p.To, started.Value.JobId));
    }

    internal static async Task<Results<Ok<PullState>, ProblemHttpResult>> PullStateAsync(
        Guid id, Guid cid, Caller caller, SourcePulls pulls, CancellationToken cancel) =>
        (await pulls.GetAsync(caller, id, cid, cancel)).Ok();

    internal static async Task<Results<Accepted<SourcePull>, ProblemHttpResult>> PullAsync(
        Guid id, Guid cid, PullOrder order, Caller caller, SourcePulls pulls, CancellationToken cancel)
    {
        var started = await pulls.StartAsync(caller, id, cid, order.Days, cancel);
        return started.IsOk ? TypedResults.Accepted($"/api/websites/{id}/connections/{cid}/pull", started.Value) : Problems.From(started.Error);
    }

    internal static async Task<Results<Ok<ConnectionHealth>, ProblemHttpResult>> HealthAsync(
        Guid cid, Caller caller, DeliveryQueries deliveries, CancellationToken cancel) =>
        (await deliveries.ConnectionHealthAsync(caller, cid, cancel)).Ok();
}
