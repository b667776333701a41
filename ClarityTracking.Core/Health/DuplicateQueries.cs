using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>Events under different ids that look like one.</summary>
/// <param name="Reason"><c>same_order</c> or <c>same_visitor_and_value</c>.</param>
/// <param name="Name">Event name.</param>
/// <param name="OrderId">The shared order number, for <c>same_order</c>.</param>
/// <param name="VisitorId">The shared visitor, for <c>same_visitor_and_value</c>.</param>
/// <param name="Value">Value of the newest one.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Events">The events, newest first.</param>
public sealed record DuplicateGroup(string Reason, string Name, string? OrderId, string? VisitorId, decimal? Value, string? Currency, IReadOnlyList<DuplicateEvent> Events);

/// <summary>One event of a group.</summary>
public sealed record DuplicateEvent(Guid Id, string EventId, string Source, DateTimeOffset OccurredAt);

/// <summary>
/// Finds conversions that were probably sent twice under different event ids, which no platform can recognise as the same: the same order
/// number, or the same visitor, name and value within ten minutes.
/// </summary>
public sealed class DuplicateQueries(ClarityDb database, TimeProvider clock)
{
    private const int MostEvents = 20_000, MostGroups = 100;

    /// <summary>Event names that count as conversions here; page views and the like repeat by nature.</summary>
    public static readonly IReadOnlyList<string> Conversions =
        ["purchase", "lead", "schedule", "complete_registration", "subscribe", "contact", "course_enrollment", "newsletter_signup"];

    /// <summary>Groups among the newest 20,000 conversions of the asked time (7 days when not told), the newest 100 groups.</summary>
    public async Task<Result<IReadOnlyList<DuplicateGroup>>> ListAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var lowest = Partitions.LowestId(from ?? clock.GetUtcNow() - TimeSpan.FromDays(7));
        var highest = to is { } end ? Partitions.LowestId(end) : Guid.AllBitsSet;
        string[] names = [.. Conversions];
        var rows = await db.Database.SqlQuery<Row>($"""
            WITH conversions AS (
                SELECT id, event_id, name, source, occurred_at, order_id, visitor_id, value, currency
                  FROM events
                 WHERE workspace_id = {found.Value.WorkspaceId} AND website_id = {websiteId} AND id >= {lowest} AND id < {highest}
                   AND name = ANY ({names}) AND NOT is_test
                 ORDER BY id DESC LIMIT {MostEvents}),
            -- an event within ten minutes of the one before it continues that one's run
            steps AS (
                SELECT *, CASE WHEN occurred_at - lag(occurred_at) OVER w <= interval '10 minutes' THEN 0 ELSE 1 END AS starts
                  FROM conversions WHERE visitor_id IS NOT NULL
                WINDOW w AS (PARTITION BY name, visitor_id, value, currency ORDER BY occurred_at, id)),
            runs AS (
                SELECT *, sum(starts) OVER (PARTITION BY name, visitor_id, value, currency ORDER BY occurred_at, id) AS run FROM steps),
            grouped AS (
                SELECT 'same_order' AS reason, name, order_id, NULL AS visitor_id, array_agg(id) AS ids, max(id::text) AS newest
                  FROM conversions WHERE order_id IS NOT NULL
                 GROUP BY name, order_id HAVING count(DISTINCT event_id) > 1
                UNION ALL
                -- different order numbers are different orders, however alike
                SELECT 'same_visitor_and_value', name, NULL, visitor_id, array_agg(id), max(id::text)
                  FROM runs
                 GROUP BY name, visitor_id, value, currency, run
                HAVING count(DISTINCT event_id) > 1 AND count(DISTINCT order_id) <= 1 AND count(order_id) < count(*)),
            newest AS (SELECT *, row_number() OVER (ORDER BY newest DESC) AS number FROM grouped ORDER BY newest DESC LIMIT {MostGroups})
            SELECT g.number AS "Number", g.reason AS "Reason", g.name AS "Name", g.order_id AS "OrderId", g.visitor_id AS "VisitorId",
                   c.value AS "Value", c.currency AS "Currency", c.id AS "Id", c.event_id AS "EventId", c.source AS "Source", c.occurred_at AS "OccurredAt"
              FROM newest g JOIN conversions c ON c.id = ANY (g.ids)
             ORDER BY g.number, c.id DESC
            """).ToListAsync(cancel);
        return rows.GroupBy(r => r.Number).Select(g => (Newest: g.First(), Events: g.Select(r => new DuplicateEvent(r.Id, r.EventId, r.Source, r.OccurredAt)).ToList()))
            .Select(g => new DuplicateGroup(g.Newest.Reason, g.Newest.Name, g.Newest.OrderId, g.Newest.VisitorId, g.Newest.Value, g.Newest.Currency, g.Events)).ToList();
    }

    private sealed record Row(long Number, string Reason, string Name, string? OrderId, string? VisitorId, decimal? Value, string? Currency,
        Guid Id, string EventId, string Source, DateTimeOffset OccurredAt);
}
