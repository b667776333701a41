using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Reports;

/// <summary>What one website says about itself in the portfolio.</summary>
/// <param name="Website">The website.</param>
/// <param name="Events">Events of the last 24 hours, tests left out.</param>
/// <param name="Hours">The same by hour, oldest first; 24 numbers.</param>
/// <param name="LastEventAt">When the newest event arrived (UTC); null = none ever did.</param>
/// <param name="Connections">How its connections do.</param>
/// <param name="Dead">Deliveries of the last 24 hours that nobody will try again by themselves.</param>
/// <param name="OpenAlerts">Alerts that nobody has looked at yet.</param>
public sealed record PortfolioRow(WebsiteInfo Website, long Events, IReadOnlyList<long> Hours, DateTimeOffset? LastEventAt,
    IReadOnlyList<PortfolioConnection> Connections, long Dead, int OpenAlerts);

/// <summary>A connection's state in the portfolio.</summary>
public sealed record PortfolioConnection(Guid Id, string Name, string Platform, bool Enabled, ConnectionState State, string? StateReason);

/// <summary>All websites of a caller at a glance, from the rollups.</summary>
public sealed class PortfolioQueries(ClarityDb database, WebsiteService websites, AlertService alerts, TimeProvider clock)
{
    private const int Hours = 24;

    /// <summary>One row per website the caller sees, by name.</summary>
    public async Task<IReadOnlyList<PortfolioRow>> ListAsync(Caller caller, CancellationToken cancel)
    {
        var sites = await websites.ListAsync(caller, workspaceId: null, cancel);
        var openAlerts = await alerts.CountOpenAsync(caller, cancel);
        var now = clock.GetUtcNow();
        var thisHour = new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, TimeSpan.Zero);
        var since = thisHour.AddHours(1 - Hours);
        await using var db = database.For(caller);
        var events = (await db.EventRollups.AsNoTracking().Where(r => r.Hour >= since && !r.IsTest)
            .GroupBy(r => new { r.WebsiteId, r.Hour }).Select(g => new { g.Key.WebsiteId, g.Key.Hour, Events = g.Sum(r => r.Events) })
            .ToListAsync(cancel)).ToLookup(r => r.WebsiteId);
        var dead = await db.DeliveryRollups.AsNoTracking().Where(r => r.Hour >= since && r.Status == "dead")
            .GroupBy(r => r.WebsiteId).Select(g => new { g.Key, Deliveries = g.Sum(r => r.Deliveries) }).ToDictionaryAsync(g => g.Key, g => g.Deliveries, cancel);
        var last = await db.Websites.AsNoTracking().Select(w => new
        {
            w.Id,
            At = db.Events.Where(e => e.WorkspaceId == w.WorkspaceId && e.WebsiteId == w.Id).OrderByDescending(e => e.Id)
                .Select(e => (DateTimeOffset?)e.ReceivedAt).FirstOrDefault(),
        }).ToDictionaryAsync(w => w.Id, w => w.At, cancel);
        var connections = (await db.Connections.AsNoTracking().OrderBy(c => c.Name).ToListAsync(cancel)).ToLookup(c => c.WebsiteId,
            c => new PortfolioConnection(c.Id, c.Name, c.Platform, c.Enabled, c.State, c.StateReason));
        return [.. sites.Select(site =>
        {
            var byHour = events[site.Id].ToDictionary(r => r.Hour, r => r.Events);
            var hours = Enumerable.Range(0, Hours).Select(h => byHour.GetValueOrDefault(since.AddHours(h))).ToList();
            return new PortfolioRow(site, hours.Sum(), hours, last.GetValueOrDefault(site.Id), [.. connections[site.Id]], dead.GetValueOrDefault(site.Id), openAlerts.GetValueOrDefault(site.Id));
        })];
    }
}
