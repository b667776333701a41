using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>Which deliveries to send again. Without status and ids: the dead ones.</summary>
/// <param name="Status">
/// Dead; retrying: those wait no longer; or skipped, with the reason that the platform's rules gave. Others only by their ids.
/// </param>
/// <param name="ConnectionId">To one connection.</param>
/// <param name="From">Routed at or after (UTC).</param>
/// <param name="To">Routed before (UTC).</param>
/// <param name="Ids">These alone, at most <see cref="MaxIds"/>.</param>
/// <param name="EventName">Events of this name.</param>
/// <param name="Reason">With this reason: a word of <see cref="SkipReason"/> or <see cref="FailureKind"/>.</param>
public sealed record ReplayRequest(DeliveryStatus? Status = null, Guid? ConnectionId = null, DateTimeOffset? From = null, DateTimeOffset? To = null,
    IReadOnlyList<Guid>? Ids = null, string? EventName = null, string? Reason = null)
{
    /// <summary>Most ids in one call.</summary>
    public const int MaxIds = 1000;

    /// <summary>
    /// Skips that a set may be asked for: the platform's own rules decided them, and decide anew before anything is sent. What the visitor, the
    /// bot verdict or a filter rule decided stays.
    /// </summary>
    public static readonly IReadOnlyList<string> SkipsOfTheirRules =
        [.. new[] { SkipReason.Unmapped, SkipReason.MissingKeys, SkipReason.MissingField, SkipReason.Test }.Select(r => r.Word())];

    internal FieldError? Wrong => this switch
    {
        { Ids.Count: > MaxIds } => new("ids", $"ids holds more than {MaxIds}."),
        { Ids: not null } or { Status: null or DeliveryStatus.Dead or DeliveryStatus.Retrying } => null,
        { Status: DeliveryStatus.Skipped, Reason: { } reason } when SkipsOfTheirRules.Contains(reason) => null,
        { Status: DeliveryStatus.Skipped } => new("reason", $"Of skipped deliveries give one of these reasons: {string.Join(", ", SkipsOfTheirRules)}; name others by ids."),
        _ => new("status", "Only dead, retrying and skipped deliveries can be replayed as a set; name others by ids."),
    };
}

/// <summary>Sends deliveries again that were given up, with the same delivery and event id, so that platforms see a repeat as a repeat.</summary>
public sealed class Replay(ClarityDb database, NpgsqlDataSource system, DestinationCatalog catalog, DeliveryJobs jobs, TimeProvider clock)
{
    /// <summary>What would happen; changes nothing.</summary>
    public async Task<Result<ReplayPlan>> PlanAsync(Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await AllowedAsync(db, caller, websiteId, request, cancel);
        return found.IsOk ? await PlanAsync(found.Value, request, cancel) : found.Error;
    }

    /// <summary>Makes the job that does it; a worker begins at once.</summary>
    public async Task<Result<StartedJob>> StartAsync(Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await AllowedAsync(db, caller, websiteId, request, cancel);
        if (!found.IsOk)
            return found.Error;
        var planned = await PlanAsync(found.Value, request, cancel);
        if (!planned.IsOk)
            return planned.Error;
        var plan = planned.Value;
        if (plan.WillSend == 0)
            return new StartedJob(plan, null);
        var job = await jobs.QueueAsync(db, caller, found.Value, JobKind.Replay, request.ConnectionId, request, plan, cancel);
        return job.IsOk ? new StartedJob(plan, job.Value) : job.Error;
    }

    private static async Task<Result<Website>> AllowedAsync(ClarityDbContext db, Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        if (request.Wrong is { } wrong)
            return Error.Invalid(wrong);
        if (request.ConnectionId is not { } id)
            return website;
        return await db.Connections.Where(c => c.WebsiteId == websiteId && c.Id == id).Select(c => (bool?)c.Enabled).SingleOrDefaultAsync(cancel) switch
        {
            true => website,
            false => Backfill.ConnectionOff,
            null => Error.NotFound("connection"),
        };
    }

    /// <summary>
    /// As the worker reads it, narrowed to the caller's website by its own conditions: below row level security's the planner, who knows nothing of a
    /// week that has just begun, goes through all of the week for each row.
    /// </summary>
    private async Task<Result<ReplayPlan>> PlanAsync(Website website, ReplayRequest request, CancellationToken cancel)
    {
        await using var connection = await system.OpenConnectionAsync(cancel);
        var now = clock.GetUtcNow();
        var scope = await ReplayScope.LoadAsync(connection, catalog, website.WorkspaceId, website.Id, request, now, cancel);
        try
        {
            return await scope.CountAsync(connection, now, cancel);
        }
        catch (NpgsqlException error) when (PlanTimeout.Is(error))
        {
            return PlanTimeout.Error;
        }
    }
}
