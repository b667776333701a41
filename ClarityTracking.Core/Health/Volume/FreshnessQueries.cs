using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>How long something took: half, nine in ten, and all but one in a hundred took no longer. Seconds, right to <see cref="LatencyBuckets.RelativeError"/>.</summary>
/// <param name="Events">How many it is read from.</param>
/// <param name="P50">Half took no longer.</param>
/// <param name="P90">Nine in ten took no longer.</param>
/// <param name="P99">All but one in a hundred took no longer.</param>
public sealed record Latency(long Events, double P50, double P90, double P99)
{
    /// <summary>Out of counts by bucket; null when there are none.</summary>
    internal static Latency? Of(IEnumerable<LatencyCount> counts)
    {
        var buckets = new Dictionary<short, long>();
        foreach (var count in counts)
            buckets[count.Bucket] = buckets.GetValueOrDefault(count.Bucket) + count.Events;
        return buckets.Count == 0 ? null : new Latency(buckets.Values.Sum(), At(.5), At(.9), At(.99));
        double At(double share) => Math.Round(LatencyBuckets.Percentile(buckets, share)!.Value.TotalSeconds, 3);
    }
}

/// <summary>How events of a name came.</summary>
/// <param name="Name">Event name.</param>
/// <param name="Received">Occurred to received, of those told at once.</param>
/// <param name="Late">Told more than ten minutes later: how many, and how late.</param>
/// <param name="History">Imports of a server.</param>
/// <param name="Ahead">By clocks that are ahead of ours, and by how much.</param>
public sealed record EventFreshness(string Name, Latency? Received, Latency? Late, Latency? History, Latency? Ahead);

/// <summary>How long a destination took.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Name">As the user calls it; null when it was deleted.</param>
/// <param name="Platform">Key of the contract; null when it was deleted.</param>
/// <param name="Delivered">Received to the platform's answer.</param>
/// <param name="Total">Occurred to the platform's answer, of events told at once.</param>
public sealed record DestinationFreshness(Guid ConnectionId, string? Name, string? Platform, Latency? Delivered, Latency? Total);

/// <summary>An hour or a day.</summary>
/// <param name="At">Its begin (UTC).</param>
/// <param name="Received">Occurred to received.</param>
/// <param name="Delivered">Received to the platform's answer.</param>
public sealed record FreshnessPoint(DateTimeOffset At, Latency? Received, Latency? Delivered);

/// <summary>How fresh a website's events are.</summary>
/// <param name="From">UTC, whole hour.</param>
/// <param name="To">UTC, not included.</param>
/// <param name="RelativeError">Most that a percentile is off, as a share of itself.</param>
/// <param name="All">Of all events together.</param>
/// <param name="ByEvent">The most frequent first.</param>
/// <param name="ByDestination">The slowest first.</param>
/// <param name="Points">Over time: hours up to three days, else days (UTC).</param>
public sealed record WebsiteFreshness(DateTimeOffset From, DateTimeOffset To, double RelativeError, EventFreshness All, IReadOnlyList<EventFreshness> ByEvent,
    IReadOnlyList<DestinationFreshness> ByDestination, IReadOnlyList<FreshnessPoint> Points);

/// <summary>Counts of a bucket. Public for the database layer only.</summary>
internal sealed record LatencyCount(string Stage, string? Name, string? Via, DateTime? At, short Bucket, long Events);

/// <summary>Percentiles of how long events took, out of hourly histograms.</summary>
public sealed class FreshnessQueries(ClarityDb database, TimeProvider clock)
{
    /// <summary>Longest time asked for at once.</summary>
    public const int MostDays = 92;

    /// <summary>Freshness of some time; the last 48 hours when none is named.</summary>
    public async Task<Result<WebsiteFreshness>> GetAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        if (VolumePeriod.Of(from, to, TimeSpan.FromHours(48), MostDays, clock.GetUtcNow()) is not { } period)
            return VolumePeriod.Error(MostDays);
        var unit = period.Length <= TimeSpan.FromDays(3) ? "hour" : "day";
        var counts = await db.Database.SqlQuery<LatencyCount>($"""
            SELECT stage AS "Stage", name AS "Name", via AS "Via", at AS "At", bucket AS "Bucket", sum(events)::bigint AS "Events"
              FROM (SELECT stage, name, via, date_trunc({unit}, hour, 'UTC') AS at, bucket, events FROM latency_rollups
                     WHERE workspace_id = {found.Value.WorkspaceId} AND website_id = {websiteId} AND hour >= {period.From} AND hour < {period.To}) r
             GROUP BY GROUPING SETS ((stage, bucket, name), (stage, bucket, via), (stage, bucket, at))
            """).ToListAsync(cancel);
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).ToDictionaryAsync(c => c.Id, cancel);
        var byName = counts.Where(c => c.Name is not null).ToList();
        var byEvent = byName.Where(c => c.Stage is not ("delivered" or "total")).GroupBy(c => c.Name!, StringComparer.Ordinal).OrderByDescending(g => g.Sum(c => c.Events)).Select(g => Of(g.Key, [.. g]));
        var byDestination = counts.Where(c => c.Via is not null && c.Stage is "delivered" or "total").GroupBy(c => c.Via!)
            .Select(g => (Found: Guid.TryParse(g.Key, out var id), Id: id, Counts: g.ToList())).Where(g => g.Found)
            .Select(g => new DestinationFreshness(g.Id, connections.GetValueOrDefault(g.Id)?.Name, connections.GetValueOrDefault(g.Id)?.Platform,
                Latency.Of(g.Counts.Where(c => c.Stage == "delivered")), Latency.Of(g.Counts.Where(c => c.Stage == "total"))))
            .OrderByDescending(d => d.Delivered?.P90);
        var step = unit == "hour" ? TimeSpan.FromHours(1) : TimeSpan.FromDays(1);
        var byTime = counts.Where(c => c.At is not null).ToLookup(c => new DateTimeOffset(DateTime.SpecifyKind(c.At!.Value, DateTimeKind.Utc)));
        var points = new List<FreshnessPoint>();
        for (var at = unit == "hour" ? period.From : new DateTimeOffset(period.From.UtcDateTime.Date, TimeSpan.Zero); at < period.To; at += step)
            points.Add(new FreshnessPoint(at, Latency.Of(byTime[at].Where(c => c.Stage == "received")), Latency.Of(byTime[at].Where(c => c.Stage == "delivered"))));
        return new WebsiteFreshness(period.From, period.To, LatencyBuckets.RelativeError, Of("", byName), [.. byEvent], [.. byDestination], points);
    }

    private static EventFreshness Of(string name, List<LatencyCount> counts)
    {
        Latency? Stage(string stage) => Latency.Of(counts.Where(c => c.Stage == stage));
        return new EventFreshness(name, Stage("received"), Stage("late"), Stage("history"), Stage("ahead"));
    }
}

/// <summary>A time that is asked for, in whole hours (UTC).</summary>
internal readonly record struct VolumePeriod(DateTimeOffset From, DateTimeOffset To)
{
    public TimeSpan Length => To - From;

    /// <summary>Checks what was asked; null when it makes no sense.</summary>
    public static VolumePeriod? Of(DateTimeOffset? from, DateTimeOffset? to, TimeSpan usually, int mostDays, DateTimeOffset now)
    {
        if (from is { Year: < 2000 or > 9000 } || to is { Year: < 2000 or > 9000 })
            return null;
        var end = RollupWriter.HourOf(to ?? now) is var hour && hour == (to ?? now) ? hour : hour.AddHours(1);
        var begin = RollupWriter.HourOf(from ?? end - usually);
        return begin < end && (end - begin).TotalDays <= mostDays + 1 ? new VolumePeriod(begin, end) : null;
    }

    public static Error Error(int mostDays) => Core.Error.Invalid(new FieldError("from", $"from must be before to, at most {mostDays} days."));
}
