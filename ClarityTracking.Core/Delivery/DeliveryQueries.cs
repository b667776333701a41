using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Delivery;

/// <summary>Which deliveries to list.</summary>
/// <param name="Status">Where they stand.</param>
/// <param name="ConnectionId">To one connection.</param>
/// <param name="From">Routed at or after (UTC).</param>
/// <param name="To">Routed before (UTC).</param>
/// <param name="EventName">Events of this name.</param>
/// <param name="Reason">With this reason: a word of <see cref="Routing.SkipReason"/> or <see cref="FailureKind"/>.</param>
public sealed record DeliveryFilter(DeliveryStatus? Status = null, Guid? ConnectionId = null, DateTimeOffset? From = null, DateTimeOffset? To = null,
    string? EventName = null, string? Reason = null);

/// <summary>A delivery in a list.</summary>
public sealed record DeliveryInfo(Guid Id, Guid ConnectionId, string? ConnectionName, string? Platform, Guid EventId, string EventName, DeliveryStatus Status,
    string? Reason, string? Detail, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? FinishedAt);

/// <summary>How many deliveries stand where. Open ones are counted now, finished ones over the asked time by the hour they finished in.</summary>
public sealed record DeliveryCounts(long Pending, long Retrying, long Delivered, long Skipped, long Dead);

/// <summary>Failures with the same words, so that a person acts once.</summary>
/// <param name="ConnectionId">To which connection.</param>
/// <param name="Status">retrying or dead.</param>
/// <param name="Reason">A word of <see cref="FailureKind"/>.</param>
/// <param name="Detail">In the platform's words.</param>
/// <param name="Count">How many.</param>
/// <param name="First">The oldest was routed (UTC).</param>
/// <param name="Last">The newest was routed (UTC).</param>
/// <param name="ExampleId">One delivery.</param>
/// <param name="ExampleEventId">Its event.</param>
public sealed record FailureGroup(Guid ConnectionId, string Status, string? Reason, string? Detail, long Count, DateTimeOffset First, DateTimeOffset Last,
    Guid ExampleId, Guid ExampleEventId);

/// <summary>How a connection does.</summary>
/// <param name="State">The breaker: healthy, degraded (growing pauses) or paused (a person must act).</param>
/// <param name="StateReason">In the platform's words.</param>
/// <param name="StateChangedAt">UTC.</param>
/// <param name="NotBefore">No call before (UTC); null = at any time.</param>
/// <param name="FailuresInARow">Calls.</param>
/// <param name="SuccessRate">Delivered of delivered and dead in 24 hours, 0 to 1; null when there was neither.</param>
/// <param name="AverageLatencyMs">Arrival to the platform's answer in 24 hours; null when nothing was delivered.</param>
/// <param name="Delivered">In 24 hours.</param>
/// <param name="Skipped">In 24 hours.</param>
/// <param name="Dead">In 24 hours.</param>
/// <param name="Backlog">Open deliveries.</param>
/// <param name="BacklogAgeSeconds">Age of the oldest open one; null when there is none.</param>
/// <param name="LastCallAt">The last call (UTC).</param>
/// <param name="LastErrorAt">The last call that failed (UTC), of the last 7 days.</param>
/// <param name="LastHttpStatus">Its status; null when no answer came.</param>
/// <param name="LastError">Its answer, or the network error in words.</param>
/// <param name="History">The last changes of its state, newest first.</param>
public sealed record ConnectionHealth(ConnectionState State, string? StateReason, DateTimeOffset StateChangedAt, DateTimeOffset? NotBefore, int FailuresInARow,
    double? SuccessRate, double? AverageLatencyMs, long Delivered, long Skipped, long Dead, long Backlog, double? BacklogAgeSeconds,
    DateTimeOffset? LastCallAt, DateTimeOffset? LastErrorAt, int? LastHttpStatus, string? LastError, IReadOnlyList<ConnectionStateChange> History);

/// <summary>Deliveries, read.</summary>
public sealed class DeliveryQueries(ClarityDb database, TimeProvider clock)
{
    /// <summary>Changes of state that are shown.</summary>
    private const int MostChanges = 20;

    private static readonly TimeSpan Day = TimeSpan.FromDays(1), Week = TimeSpan.FromDays(7);

    /// <summary>Deliveries of a website, newest first.</summary>
    public async Task<Result<Page<DeliveryInfo>>> ListAsync(Caller caller, Guid websiteId, DeliveryFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        limit = Page.Clamp(limit);
        var workspaceId = found.Value.WorkspaceId;
        var deliveries = db.Deliveries.AsNoTracking().Where(d => d.WorkspaceId == workspaceId && d.WebsiteId == websiteId);
        if (filter.Status is { } status)
            deliveries = deliveries.Where(d => d.Status == status);
        if (filter.ConnectionId is { } connectionId)
            deliveries = deliveries.Where(d => d.ConnectionId == connectionId);
        if (filter.EventName is { } name)
            deliveries = deliveries.Where(d => d.EventName == name);
        if (filter.Reason is { } reason)
            deliveries = deliveries.Where(d => d.Reason == reason);
        // Ids carry the time of routing.
        if (filter.From is { } from)
        {
            var lowest = Partitions.LowestId(from);
            deliveries = deliveries.Where(d => d.Id >= lowest);
        }
        if (filter.To is { } to)
        {
            var highest = Partitions.LowestId(to);
            deliveries = deliveries.Where(d => d.Id < highest);
        }
        if (cursor is { } before)
            deliveries = deliveries.Where(d => d.Id < before);
        var rows = await deliveries.OrderByDescending(d => d.Id).Take(limit + 1).ToListAsync(cancel);
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId)
            .ToDictionaryAsync(c => c.Id, c => (c.Name, c.Platform), cancel);
        var infos = rows.ConvertAll(d =>
        {
            var (name, platform) = connections.TryGetValue(d.ConnectionId, out var c) ? c : (null, null);
            return new DeliveryInfo(d.Id, d.ConnectionId, name, platform, d.EventId, d.EventName, d.Status, d.Reason, d.Detail, d.Attempts, d.CreatedAt,
                d.NextAttemptAt, d.FinishedAt);
        });
        return Page.Of(infos, limit, d => d.Id);
    }

    /// <summary>How many stand where.</summary>
    /// <param name="caller">Viewer of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="from">Finished at or after, by the hour (UTC); null = the last 24 hours.</param>
    /// <param name="to">Finished before, by the hour (UTC); null = now.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<DeliveryCounts>> CountAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var workspaceId = found.Value.WorkspaceId;
        var (begin, end) = ((from ?? clock.GetUtcNow() - Day).ToUniversalTime(), (to ?? DateTimeOffset.MaxValue).ToUniversalTime());
        var finished = await db.DeliveryRollups.Where(r => r.WorkspaceId == workspaceId && r.WebsiteId == websiteId && r.Hour >= begin && r.Hour < end)
            .GroupBy(r => r.Status).Select(g => new { g.Key, Sum = g.Sum(r => r.Deliveries) }).ToDictionaryAsync(g => g.Key, g => g.Sum, cancel);
        var open = await db.Deliveries
            .Where(d => d.WorkspaceId == workspaceId && d.WebsiteId == websiteId && (d.Status == DeliveryStatus.Pending || d.Status == DeliveryStatus.Retrying))
            .GroupBy(d => d.Status).Select(g => new { g.Key, Count = g.LongCount() }).ToDictionaryAsync(g => g.Key, g => g.Count, cancel);
        return new DeliveryCounts(open.GetValueOrDefault(DeliveryStatus.Pending), open.GetValueOrDefault(DeliveryStatus.Retrying),
            finished.GetValueOrDefault("delivered"), finished.GetValueOrDefault("skipped"), finished.GetValueOrDefault("dead"));
    }

    /// <summary>The failures of the asked time (7 days when not told), the most frequent first, at most 50 groups.</summary>
    public async Task<Result<IReadOnlyList<FailureGroup>>> FailuresAsync(Caller caller, Guid websiteId, DateTimeOffset? from, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var lowest = Partitions.LowestId(from ?? clock.GetUtcNow() - Week);
        return await db.Database.SqlQuery<FailureGroup>($"""
            -- a platform's trace id differs in every answer; without it the same failure is one group
            SELECT connection_id AS "ConnectionId", status AS "Status", reason AS "Reason", cause AS "Detail", count(*) AS "Count",
                   min(created_at) AS "First", max(created_at) AS "Last", (array_agg(id ORDER BY id DESC))[1] AS "ExampleId",
                   (array_agg(event_id ORDER BY id DESC))[1] AS "ExampleEventId"
              FROM delivery_states, LATERAL (SELECT regexp_replace(detail, ' \(\w*trace_id [^)]*\)', '') AS cause) AS told
             WHERE workspace_id = {found.Value.WorkspaceId} AND website_id = {websiteId} AND status IN ('dead', 'retrying') AND id >= {lowest}
             GROUP BY connection_id, status, reason, cause ORDER BY count(*) DESC LIMIT 50
            """).ToListAsync(cancel);
    }

    /// <summary>How a connection does.</summary>
    public async Task<Result<ConnectionHealth>> ConnectionHealthAsync(Caller caller, Guid connectionId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Id == connectionId, cancel) is not { } connection)
            return Error.NotFound("connection");
        var workspaceId = connection.WorkspaceId;
        var now = clock.GetUtcNow();
        var since = now - Day;
        var sums = await db.DeliveryRollups
            .Where(r => r.WorkspaceId == workspaceId && r.WebsiteId == connection.WebsiteId && r.ConnectionId == connectionId && r.Hour > since)
            .GroupBy(r => r.Status).Select(g => new { g.Key, Count = g.Sum(r => r.Deliveries), Latency = g.Sum(r => r.LatencyMs) })
            .ToDictionaryAsync(g => g.Key, cancel);
        long Count(string status) => sums.TryGetValue(status, out var sum) ? sum.Count : 0;
        var (delivered, dead) = (Count("delivered"), Count("dead"));
        var open = await db.Deliveries
            .Where(d => d.WorkspaceId == workspaceId && d.ConnectionId == connectionId && (d.Status == DeliveryStatus.Pending || d.Status == DeliveryStatus.Retrying))
            .GroupBy(_ => 1).Select(g => new { Count = g.LongCount(), Oldest = g.Min(d => d.CreatedAt) }).SingleOrDefaultAsync(cancel);
        var lowest = Partitions.LowestId(now - Week);
        var calls = db.DeliveryCalls.AsNoTracking().Where(c => c.WorkspaceId == workspaceId && c.ConnectionId == connectionId && c.Id >= lowest)
            .OrderByDescending(c => c.Id);
        var lastCall = await calls.Select(c => (DateTimeOffset?)c.At).FirstOrDefaultAsync(cancel);
        // the condition of the index delivery_calls_failed
        var failed = await calls.Where(c => c.HttpStatus == null || c.HttpStatus >= 400).Select(c => new { c.At, c.HttpStatus, c.Response }).FirstOrDefaultAsync(cancel);
        return new ConnectionHealth(connection.State, connection.StateReason, connection.StateChangedAt, connection.NotBefore, connection.FailuresInARow,
            delivered + dead == 0 ? null : (double)delivered / (delivered + dead), delivered == 0 ? null : (double)sums["delivered"].Latency / delivered,
            delivered, Count("skipped"), dead, open?.Count ?? 0, open is null ? null : (now - open.Oldest).TotalSeconds,
            lastCall, failed?.At, failed?.HttpStatus, failed?.Response, await ConnectionDrain.HistoryAsync(db, connection, MostChanges, now, cancel));
    }
}
