using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Delivery;

/// <summary>Which deliveries to send again.</summary>
/// <param name="Status">Dead when neither this nor ids are given. Only dead ones can be replayed as a set; skipped ones by their ids.</param>
/// <param name="ConnectionId">To one connection.</param>
/// <param name="From">Routed at or after (UTC).</param>
/// <param name="To">Routed before (UTC).</param>
/// <param name="Ids">These alone, at most <see cref="MaxIds"/>.</param>
public sealed record ReplayRequest(DeliveryStatus? Status = null, Guid? ConnectionId = null, DateTimeOffset? From = null, DateTimeOffset? To = null,
    IReadOnlyList<Guid>? Ids = null)
{
    /// <summary>Most ids in one call.</summary>
    public const int MaxIds = 1000;
}

/// <summary>What a replay does.</summary>
/// <param name="Matched">Deliveries that fit.</param>
/// <param name="TooOld">Of these: older than the platform takes, or the event is no longer kept.</param>
/// <param name="AlreadyDelivered">Of these: the platform has the event already.</param>
/// <param name="WillSend">The rest.</param>
public sealed record ReplayPlan(long Matched, long TooOld, long AlreadyDelivered, long WillSend);

/// <summary>Sends deliveries again that were given up, with the same delivery and event id, so that platforms see a repeat as a repeat.</summary>
public sealed class Replay(ClarityDb database, DestinationCatalog catalog, DeliveriesQueued queued, TimeProvider clock)
{
    /// <summary>Rows of one transaction: long enough to be quick, short enough not to hold the worker up.</summary>
    private const int Batch = 500;

    /// <summary>What would happen; changes nothing.</summary>
    public async Task<Result<ReplayPlan>> PlanAsync(Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var scope = await ScopeAsync(db, caller, websiteId, request, cancel);
        if (!scope.IsOk)
            return scope.Error;
        var s = scope.Value;
        var finished = (await db.Database.SqlQuery<ReplayPlan>($"""
            SELECT count(*) AS "Matched",
                   count(*) FILTER (WHERE NOT sent AND old) AS "TooOld",
                   count(*) FILTER (WHERE sent) AS "AlreadyDelivered",
                   count(*) FILTER (WHERE NOT sent AND NOT old) AS "WillSend"
              FROM (SELECT e.id IS NULL OR e.occurred_at < c.cutoff AS old,
                           EXISTS (SELECT FROM deliveries x WHERE x.workspace_id = d.workspace_id AND x.event_id = d.event_id
                                      AND x.connection_id = d.connection_id AND x.status = 'delivered') AS sent
                      FROM deliveries d
                      JOIN unnest({s.ConnectionIds}, {s.Cutoffs}) AS c(id, cutoff) ON c.id = d.connection_id
                      LEFT JOIN events e ON e.workspace_id = d.workspace_id AND e.website_id = d.website_id AND e.id = d.event_id
                     WHERE d.workspace_id = {s.WorkspaceId} AND d.website_id = {websiteId} AND d.status = ANY ({s.Statuses})
                       AND d.id >= {s.Lowest} AND d.id < {s.Highest} AND ({s.Ids}::uuid[] IS NULL OR d.id = ANY ({s.Ids}))) AS fitting
            """).ToListAsync(cancel)).Single();
        var waiting = s.Ids is null ? 0 : await db.Deliveries.LongCountAsync(d => d.WorkspaceId == s.WorkspaceId && d.WebsiteId == websiteId
            && d.Status == DeliveryStatus.Retrying && s.Ids.Contains(d.Id) && s.ConnectionIds.Contains(d.ConnectionId), cancel);
        return finished with { Matched = finished.Matched + waiting, WillSend = finished.WillSend + waiting };
    }

    /// <summary>
    /// Does it: moves finished deliveries back into the queue and makes retrying ones (asked for by id) due now. Batch by batch, each its
    /// own transaction: when it is cut off, what has moved is sent, and calling again goes on with the rest.
    /// </summary>
    public async Task<Result<ReplayPlan>> RunAsync(Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        var plan = await PlanAsync(caller, websiteId, request, cancel);
        if (!plan.IsOk)
            return plan;
        await using var db = database.For(caller);
        var scope = await ScopeAsync(db, caller, websiteId, request, cancel);
        if (!scope.IsOk)
            return scope.Error;
        var s = scope.Value;
        var now = clock.GetUtcNow();
        db.Audit(s.WorkspaceId, caller, "deliveries.replayed", $"website {websiteId}", $"{plan.Value.WillSend} of {plan.Value.Matched} deliveries", now);
        await db.SaveChangesAsync(cancel);

        long sent = 0;
        if (s.Ids is { } ids)
            sent += await db.Database.ExecuteSqlAsync($"""
                UPDATE delivery_queue SET next_attempt_at = {now}
                 WHERE workspace_id = {s.WorkspaceId} AND website_id = {websiteId} AND id = ANY ({ids}) AND attempts > 0
                   AND connection_id = ANY ({s.ConnectionIds})
                """, cancel);
        int moved;
        do
        {
            // Two replays at once: the second waits for the first's rows and finds them gone, so a delivery is queued once.
            moved = await db.Database.ExecuteSqlAsync($"""
                WITH moved AS (
                    DELETE FROM deliveries d
                     WHERE (d.workspace_id, d.website_id, d.id) IN (
                        SELECT d.workspace_id, d.website_id, d.id
                          FROM deliveries d
                          JOIN unnest({s.ConnectionIds}, {s.Cutoffs}) AS c(id, cutoff) ON c.id = d.connection_id
                          JOIN events e ON e.workspace_id = d.workspace_id AND e.website_id = d.website_id AND e.id = d.event_id
                         WHERE d.workspace_id = {s.WorkspaceId} AND d.website_id = {websiteId} AND d.status = ANY ({s.Statuses}) AND d.status <> 'delivered'
                           AND d.finished_at < {now} -- what this replay sent and the platform refused again is not sent a third time
                           AND d.id >= {s.Lowest} AND d.id < {s.Highest} AND ({s.Ids}::uuid[] IS NULL OR d.id = ANY ({s.Ids}))
                           AND e.occurred_at >= c.cutoff
                           AND NOT EXISTS (SELECT FROM deliveries x WHERE x.workspace_id = d.workspace_id AND x.event_id = d.event_id
                                              AND x.connection_id = d.connection_id AND x.status = 'delivered')
                         LIMIT {Batch})
                       AND d.workspace_id = {s.WorkspaceId} AND d.id >= {s.Lowest} AND d.id < {s.Highest}
                    RETURNING d.workspace_id, d.website_id, d.id, d.connection_id, d.event_id, d.event_name, d.created_at)
                INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at)
                SELECT workspace_id, website_id, id, connection_id, event_id, event_name, created_at, {now} FROM moved
                """, cancel);
            sent += moved;
        }
        while (moved > 0);
        queued.Raise();
        return plan.Value with { WillSend = sent };
    }

    /// <summary>The request as parameters of SQL.</summary>
    private sealed record Scope(Guid WorkspaceId, Guid[] ConnectionIds, DateTimeOffset[] Cutoffs, string[] Statuses, Guid Lowest, Guid Highest, Guid[]? Ids);

    private async Task<Result<Scope>> ScopeAsync(ClarityDbContext db, Caller caller, Guid websiteId, ReplayRequest request, CancellationToken cancel)
    {
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        if (request.Ids is { Count: > ReplayRequest.MaxIds })
            return Error.Invalid(new FieldError("ids", $"ids holds more than {ReplayRequest.MaxIds}."));
        if (request.Ids is null && request.Status is not (null or DeliveryStatus.Dead))
            return Error.Invalid(new FieldError("status", "Only dead deliveries can be replayed as a set; name others by ids."));
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).Select(c => new { c.Id, c.Platform }).ToListAsync(cancel);
        if (request.ConnectionId is { } wanted)
        {
            connections.RemoveAll(c => c.Id != wanted);
            if (connections.Count == 0)
                return Error.NotFound("connection");
        }
        var now = clock.GetUtcNow();
        connections.RemoveAll(c => catalog.Find(c.Platform) is null);
        string[] statuses = request switch
        {
            { Status: { } one } => [one.Word()],
            { Ids: not null } => ["dead", "skipped", "delivered"],
            _ => ["dead"],
        };
        return new Scope(website.Value.WorkspaceId, [.. connections.Select(c => c.Id)],
            [.. connections.Select(c => now - catalog.Find(c.Platform)!.Info.MaxAge)], statuses,
            Partitions.LowestId(request.From ?? DateTimeOffset.UnixEpoch), request.To is { } to ? Partitions.LowestId(to) : Guid.AllBitsSet,
            request.Ids is null ? null : [.. request.Ids]);
    }
}
