using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>Health of a website over the last 48 hours, by event name and destination.</summary>
/// <param name="From">Start (UTC, whole hour).</param>
/// <param name="To">Now (UTC).</param>
/// <param name="Events">Events received, test ones not counted.</param>
/// <param name="LastEventAt">The newest event of all time (UTC); null = none yet.</param>
/// <param name="Duplicates">Events that came again and were stored once.</param>
/// <param name="ByEvent">By event name, the most frequent first.</param>
public sealed record WebsiteHealth(DateTimeOffset From, DateTimeOffset To, long Events, DateTimeOffset? LastEventAt, long Duplicates, IReadOnlyList<EventHealth> ByEvent);

/// <summary>Health of one event name.</summary>
/// <param name="Name">Event name.</param>
/// <param name="Events">Received, test ones not counted.</param>
/// <param name="TestEvents">Received as test.</param>
/// <param name="Duplicates">Came again and were stored once.</param>
/// <param name="DuplicateRate">Duplicates of all that came, 0 to 1.</param>
/// <param name="AverageDelaySeconds">Freshness: between happening and arriving, on average; null when nothing came.</param>
/// <param name="KeyCoverage">Share of the events that ad platforms may get (no tests, no bots, nobody who refused) with a usable match key, 0 to 1, by key name.</param>
/// <param name="EmqEstimate">Our estimate of event match quality, 0 to 10, out of the key coverage; not the platform's own score. Null when no such event came.</param>
/// <param name="EmqGains">What would raise it, most first.</param>
/// <param name="Destinations">By connection.</param>
public sealed record EventHealth(string Name, long Events, long TestEvents, long Duplicates, double DuplicateRate, double? AverageDelaySeconds,
    IReadOnlyDictionary<string, decimal> KeyCoverage, decimal? EmqEstimate, IReadOnlyList<MatchGain> EmqGains, IReadOnlyList<DestinationHealth> Destinations);

/// <summary>How deliveries of one event name to one connection ended.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Name">As the user calls it; null when it was deleted.</param>
/// <param name="Platform">Key of the contract; null when it was deleted.</param>
/// <param name="Delivered">Taken by the platform.</param>
/// <param name="Skipped">Not sent on purpose, by reason.</param>
/// <param name="Dead">Given up, by reason.</param>
/// <param name="SuccessRate">Delivered of delivered and dead, 0 to 1; null when there was neither.</param>
/// <param name="AverageLatencySeconds">Arrival to the platform's answer; null when nothing was delivered.</param>
/// <param name="Quality">The platform's own score of it; null for platforms that tell none, and for a deleted connection.</param>
public sealed record DestinationHealth(Guid ConnectionId, string? Name, string? Platform, long Delivered, IReadOnlyDictionary<string, long> Skipped,
    IReadOnlyDictionary<string, long> Dead, double? SuccessRate, double? AverageLatencySeconds, DestinationQuality? Quality = null);

/// <summary>A platform's own score of an event, beside our estimate of it.</summary>
/// <param name="EmqEstimate">Our estimate, calibrated by the platform's own scores of the last 30 days; null where we have none for the platform.</param>
/// <param name="CalibrationOffset">What was added to the formula's result; 0 without any score.</param>
/// <param name="CalibratedDays">Scores it rests on.</param>
/// <param name="PlatformScore">The newest number of the platform; null = it told none.</param>
/// <param name="Verdict">Its newest word (<c>scored</c>, <c>unknown</c>, <c>good</c> …), of all events together where it rates so; null = it told nothing yet.</param>
/// <param name="FetchedAt">When it was told (UTC).</param>
/// <param name="Lag">How late the platform's score is and of which time.</param>
/// <param name="History">Its numbers of the last 30 days, oldest first.</param>
public sealed record DestinationQuality(decimal? EmqEstimate, decimal CalibrationOffset, int CalibratedDays, decimal? PlatformScore, string? Verdict, DateTimeOffset? FetchedAt,
    string Lag, IReadOnlyList<ScorePoint> History);

/// <summary>A platform's number of one day (UTC).</summary>
public sealed record ScorePoint(DateOnly Day, decimal Score);

/// <summary>Health out of the rollups.</summary>
public sealed class WebsiteHealthQueries(ClarityDb database, PlatformScoreQueries scores, TimeProvider clock)
{
    private static readonly TimeSpan Span = TimeSpan.FromHours(48);

    /// <summary>Health of one website.</summary>
    public async Task<Result<WebsiteHealth>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var website = found.Value;
        var workspaceId = website.WorkspaceId;
        var now = clock.GetUtcNow();
        var from = new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, TimeSpan.Zero) - Span;

        var events = await db.EventRollups.Where(r => r.WorkspaceId == workspaceId && r.WebsiteId == websiteId && r.Hour >= from)
            .GroupBy(r => new { r.Name, r.IsTest })
            .Select(g => new { g.Key.Name, g.Key.IsTest, Events = g.Sum(r => r.Events), DelayMs = g.Sum(r => r.DelayMs) }).ToListAsync(cancel);
        var keys = (await KeyHistory.CountedSince(db, website, from)
            .GroupBy(r => new { r.Name, r.Key }).Select(g => new { g.Key.Name, g.Key.Key, Events = g.Sum(r => r.Events) }).ToListAsync(cancel)).ToLookup(k => k.Name);
        var deliveries = (await db.DeliveryRollups.Where(r => r.WorkspaceId == workspaceId && r.WebsiteId == websiteId && r.Hour >= from)
            .GroupBy(r => new { r.Name, r.ConnectionId, r.Status, r.Reason })
            .Select(g => new Finished(g.Key.Name, g.Key.ConnectionId, g.Key.Status, g.Key.Reason, g.Sum(r => r.Deliveries), g.Sum(r => r.LatencyMs)))
            .ToListAsync(cancel)).ToLookup(d => d.Name);
        var lowest = Partitions.LowestId(from);
        var duplicates = await db.DroppedEvents
            .Where(d => d.WorkspaceId == workspaceId && d.WebsiteId == websiteId && d.Id >= lowest && d.Reason == "duplicate" && d.Name != null)
            .GroupBy(d => d.Name!).Select(g => new { g.Key, Count = g.LongCount() }).ToDictionaryAsync(g => g.Key, g => g.Count, cancel);
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).ToDictionaryAsync(c => c.Id, cancel);
        var last = await db.Events.Where(e => e.WorkspaceId == workspaceId && e.WebsiteId == websiteId).OrderByDescending(e => e.Id)
            .Select(e => (DateTimeOffset?)e.ReceivedAt).FirstOrDefaultAsync(cancel);
        var chances = await MatchQualityWeights.OwnAsync(db, website, cancel);
        var own = await OwnScores.LoadAsync(db, website, connections.Values, scores, chances, now, cancel);

        var byEvent = events.GroupBy(e => e.Name).Select(g =>
        {
            var real = g.SingleOrDefault(e => !e.IsTest);
            var (count, again) = (real?.Events ?? 0, duplicates.GetValueOrDefault(g.Key));
            var all = g.Sum(e => e.Events);
            var shares = KeyShares.Of(keys[g.Key].ToDictionary(k => k.Key, k => k.Events));
            var quality = shares.Events == 0 ? null : MatchQuality.Estimate(shares.Shares, chances);
            return new EventHealth(g.Key, count, all - count, again, again == 0 ? 0 : (double)again / (all + again),
                count == 0 ? null : real!.DelayMs / 1000.0 / count,
                shares.Shares, quality?.Score, quality?.Gains ?? [],
                [.. deliveries[g.Key].GroupBy(d => d.ConnectionId).Select(d => Destination(d.Key, connections.GetValueOrDefault(d.Key), [.. d], own.Of(d.Key, g.Key, quality)))]);
        }).OrderByDescending(e => e.Events).ThenBy(e => e.Name, StringComparer.Ordinal).ToList();
        return new WebsiteHealth(from, now, byEvent.Sum(e => e.Events), last, duplicates.Values.Sum(), byEvent);
    }

    private sealed record Finished(string Name, Guid ConnectionId, string Status, string Reason, long Deliveries, long LatencyMs);

    private static DestinationHealth Destination(Guid connectionId, Connection? connection, IReadOnlyList<Finished> finished, DestinationQuality? quality)
    {
        Dictionary<string, long> ByReason(string status) => finished.Where(f => f.Status == status).ToDictionary(f => f.Reason, f => f.Deliveries);
        var taken = finished.Where(f => f.Status == "delivered").ToList();
        var (delivered, skipped, dead) = (taken.Sum(f => f.Deliveries), ByReason("skipped"), ByReason("dead"));
        var tried = delivered + dead.Values.Sum();
        return new DestinationHealth(connectionId, connection?.Name, connection?.Platform, delivered, skipped, dead,
            tried == 0 ? null : (double)delivered / tried, delivered == 0 ? null : taken.Sum(f => f.LatencyMs) / 1000.0 / delivered, quality);
    }
}
