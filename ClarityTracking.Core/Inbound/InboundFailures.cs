using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Inbound;

/// <summary>Webhooks of one connection that failed for the same reason.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Reason">In a sentence.</param>
/// <param name="Count">How many.</param>
/// <param name="First">When the first was received (UTC).</param>
/// <param name="Last">When the last was received (UTC).</param>
/// <param name="ExampleId">The newest of them.</param>
public sealed record InboundFailure(Guid ConnectionId, string Reason, long Count, DateTimeOffset First, DateTimeOffset Last, Guid ExampleId);

/// <summary>Which failed webhooks to process again; null = whatever.</summary>
/// <param name="ConnectionId">Of this connection.</param>
/// <param name="Reason">Failed for exactly this reason.</param>
/// <param name="From">Received at or after (UTC).</param>
/// <param name="DryRun">Only count.</param>
public sealed record InboundReplayOrder(Guid? ConnectionId = null, string? Reason = null, DateTimeOffset? From = null, bool DryRun = false);

/// <summary>What a replay came to.</summary>
/// <param name="Matched">Failed webhooks that fit.</param>
/// <param name="Forgotten">Of these, those whose body is no longer kept: they cannot be replayed.</param>
/// <param name="WillReplay">How many are processed again now, at most <see cref="InboundFailures.MostAtOnce"/>; order again for the rest.</param>
public sealed record InboundReplay(long Matched, long Forgotten, long WillReplay);

/// <summary>Failed webhooks as a whole: what they have in common, and their replay.</summary>
public sealed class InboundFailures(ClarityDb database, WebhooksReceived received, TimeProvider clock)
{
    /// <summary>Most webhooks of one replay.</summary>
    public const int MostAtOnce = 1000;

    private const int MostGroups = 50;

    /// <summary>Failures by connection and reason, most first, at most 50 groups.</summary>
    /// <param name="caller">Viewer of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="from">Received at or after (UTC); null = whenever.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<IReadOnlyList<InboundFailure>>> ListAsync(Caller caller, Guid websiteId, DateTimeOffset? from, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var lowest = from is { } time ? Partitions.LowestId(time) : Guid.Empty;
        return await db.Database.SqlQuery<InboundFailure>($"""
            SELECT connection_id AS "ConnectionId", coalesce(reason, '') AS "Reason", count(*) AS "Count", min(received_at) AS "First", max(last_received_at) AS "Last",
                   (array_agg(id ORDER BY id DESC))[1] AS "ExampleId"
              FROM inbound_webhooks
             WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id >= {lowest} AND status = 'failed'
             GROUP BY connection_id, reason ORDER BY count(*) DESC, max(received_at) DESC LIMIT {MostGroups}
            """).ToListAsync(cancel);
    }

    /// <summary>Processes failed webhooks again, oldest first. What one became already stays once.</summary>
    public async Task<Result<InboundReplay>> ReplayAsync(Caller caller, Guid websiteId, InboundReplayOrder order, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        var lowest = order.From is { } time ? Partitions.LowestId(time) : Guid.Empty;
        var counted = await db.Database.SqlQuery<Counts>($"""
            SELECT count(*) AS "Matched", count(*) FILTER (WHERE body_sealed IS NULL) AS "Forgotten" FROM inbound_webhooks
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {lowest} AND status = 'failed'
               AND ({order.ConnectionId}::uuid IS NULL OR connection_id = {order.ConnectionId}) AND ({order.Reason}::text IS NULL OR coalesce(reason, '') = {order.Reason})
            """).SingleAsync(cancel);
        if (order.DryRun)
            return new InboundReplay(counted.Matched, counted.Forgotten, Math.Min(counted.Matched - counted.Forgotten, MostAtOnce));
        var now = clock.GetUtcNow();
        var replayed = await db.Database.ExecuteSqlAsync($"""
            UPDATE inbound_webhooks w SET status = 'received', reason = NULL, attempts = 0, next_attempt_at = {now}
              FROM (SELECT id FROM inbound_webhooks
                     WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {lowest} AND status = 'failed' AND body_sealed IS NOT NULL
                       AND ({order.ConnectionId}::uuid IS NULL OR connection_id = {order.ConnectionId})
                       AND ({order.Reason}::text IS NULL OR coalesce(reason, '') = {order.Reason})
                     ORDER BY id LIMIT {MostAtOnce}) failed
             WHERE w.workspace_id = {workspaceId} AND w.website_id = {websiteId} AND w.id = failed.id AND w.status = 'failed'
            """, cancel);
        if (replayed > 0)
        {
            db.Audit(workspaceId, caller, "webhook.replayed", $"website {websiteId}", $"{replayed} failed webhooks", now);
            await db.SaveChangesAsync(cancel);
            received.Raise();
        }
        return new InboundReplay(counted.Matched, counted.Forgotten, replayed);
    }

    private sealed record Counts(long Matched, long Forgotten);
}
