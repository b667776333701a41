using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>A share with how sure it is: Wilson's interval, 95 %.</summary>
/// <param name="Known">What the server knows to have happened.</param>
/// <param name="Told">Of these, what the browser told too.</param>
/// <param name="Rate">Told of known, 0 to 1; null without any.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Its upper end.</param>
public sealed record CaptureShare(long Known, long Told, double? Rate, double? Low, double? High)
{
    private const double Z = 1.959964;

    /// <summary>Makes a share.</summary>
    public static CaptureShare Of(long known, long told)
    {
        if (known == 0)
            return new CaptureShare(0, 0, null, null, null);
        var (n, p) = ((double)known, told / (double)known);
        var middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n);
        var half = Z / (1 + Z * Z / n) * Math.Sqrt(p * (1 - p) / n + Z * Z / (4 * n * n));
        return new CaptureShare(known, told, Math.Round(p, 4), Math.Round(Math.Max(0, middle - half), 4), Math.Round(Math.Min(1, middle + half), 4));
    }
}

/// <summary>Capture on days on which the snippet's requests mostly took one way.</summary>
/// <param name="Served">See <see cref="Ingestion.ArrivalWay"/>.</param>
/// <param name="Days">How many days.</param>
/// <param name="Clicks">Clicks of those days.</param>
public sealed record CaptureWay(string Served, int Days, CaptureShare Clicks);

/// <summary>One day.</summary>
/// <param name="Day">UTC.</param>
/// <param name="Served">The way most of its events took; null when there were none.</param>
/// <param name="Clicks">Its clicks.</param>
public sealed record CaptureDay(DateOnly Day, string? Served, CaptureShare Clicks);

/// <summary>What share of what the server knows the browser told as well.</summary>
/// <param name="From">UTC.</param>
/// <param name="To">UTC, not included.</param>
/// <param name="Clicks">Followed campaign links by people, and those whose browser then sent an event with the click's id within an hour.</param>
/// <param name="Orders">Orders told by a shop or booking system, and those whose purchase the browser told too; not measured (0 known) where no page tells purchases.</param>
/// <param name="ByWay">Clicks by how the snippet was served on that day, the most first.</param>
/// <param name="Gain">What first-party serving brought: the difference in share between the ways with most clicks, where both have at least <see cref="CaptureQueries.LeastClicks"/> clicks; else null.</param>
/// <param name="Days">By day.</param>
/// <param name="Transports">Events of browsers by <c>fetch</c>, <c>beacon</c>, <c>image</c>.</param>
/// <param name="Needed">What is missing for an answer, one sentence; null when there is one.</param>
public sealed record WebsiteCapture(DateTimeOffset From, DateTimeOffset To, CaptureShare Clicks, CaptureShare Orders, IReadOnlyList<CaptureWay> ByWay, CaptureGain? Gain,
    IReadOnlyList<CaptureDay> Days, IReadOnlyDictionary<string, long> Transports, string? Needed);

/// <summary>The difference between two ways, in shares of arrivals.</summary>
/// <param name="Better">The way served first-party, or by the website's own word.</param>
/// <param name="Worse">The other way.</param>
/// <param name="Difference">Share of arrivals that the one captures more.</param>
/// <param name="Low">Lower end of its 95 % interval (Newcombe's, of two Wilson intervals).</param>
/// <param name="High">Its upper end.</param>
public sealed record CaptureGain(string Better, string Worse, double Difference, double Low, double High);

/// <summary>
/// Measures what browsers tell against what the server knows without them. A followed campaign link is answered by our own redirect, which nothing on the
/// page can block; whether the page's snippet then told of the same click is counted, not estimated.
/// </summary>
public sealed class CaptureQueries(ClarityDb database, TimeProvider clock)
{
    /// <summary>Fewer clicks of a way say nothing about it.</summary>
    public const int LeastClicks = 100;

    /// <summary>Longest time asked for at once.</summary>
    public const int MostDays = 92;

    private const int MostClicks = 50_000;

    /// <summary>Capture of some time; the last 28 days when none is named. Clicks of the last hour are left out: their page may still be loading.</summary>
    public async Task<Result<WebsiteCapture>> GetAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        if (VolumePeriod.Of(from, to, TimeSpan.FromDays(28), MostDays, clock.GetUtcNow()) is not { } period)
            return VolumePeriod.Error(MostDays);
        var workspaceId = found.Value.WorkspaceId;
        var settled = clock.GetUtcNow().AddHours(-1);
        var end = period.To < settled ? period.To : settled;
        var (lowest, highest, within) = (Partitions.LowestId(period.From), Partitions.LowestId(end), Partitions.LowestId(end.AddHours(1)));
        // an order and its event are seldom told at the same time; ids are remembered for 7 days
        var (earliest, latest) = (Partitions.LowestId(period.From.AddDays(-8)), Partitions.LowestId(end.AddDays(8)));
        var clicks = await db.Database.SqlQuery<ClickDay>($"""
            WITH clicks AS (
                SELECT id, received_at, click_ids -> 'ct_tracking_id' ->> 'value' AS tracking FROM events
                 WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {lowest} AND id < {highest} AND click_ids ? 'ct_tracking_id'
                   AND source = 'link' AND NOT is_test AND bot_reason IS NULL
                 ORDER BY id DESC LIMIT {MostClicks}),
            told AS MATERIALIZED (
                SELECT click_ids -> 'ct_tracking_id' ->> 'value' AS tracking, received_at AS at FROM events
                 WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {lowest} AND id < {within} AND click_ids ? 'ct_tracking_id' AND source = 'browser'),
            hits AS (
                SELECT DISTINCT c.id FROM clicks c JOIN told t ON t.tracking = c.tracking AND t.at >= c.received_at AND t.at <= c.received_at + interval '1 hour')
            SELECT (c.received_at AT TIME ZONE 'UTC')::date AS "Day", count(*)::bigint AS "Known", count(h.id)::bigint AS "Told"
              FROM clicks c LEFT JOIN hits h ON h.id = c.id GROUP BY 1 ORDER BY 1
            """).ToListAsync(cancel);
        var ways = await db.Database.SqlQuery<WayDay>($"""
            SELECT (hour AT TIME ZONE 'UTC')::date AS "Day", served AS "Served", transport AS "Transport", sum(events)::bigint AS "Events" FROM arrival_ways
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND hour >= {period.From} AND hour < {period.To} GROUP BY 1, 2, 3
            """).ToListAsync(cancel);
        var orders = await db.Database.SqlQuery<Pair>($"""
            WITH made AS (
                SELECT DISTINCT x.name, x.event_id FROM conversions c JOIN conversion_events x ON x.workspace_id = c.workspace_id AND x.conversion_id = c.id
                 WHERE c.workspace_id = {workspaceId} AND c.website_id = {websiteId} AND c.occurred_at >= {period.From} AND c.occurred_at < {end} AND NOT c.is_test
                   AND c.kind IN ('order', 'payment') AND x.name = 'purchase' LIMIT 20000),
            seen AS (
                SELECT m.event_id, bool_or(e.source = 'browser') AS browser FROM made m
                  JOIN events e ON e.workspace_id = {workspaceId} AND e.website_id = {websiteId} AND e.event_id = m.event_id AND e.name = m.name
                 WHERE e.id >= {earliest} AND e.id < {latest} GROUP BY 1),
            -- the second of two under one id is not stored, only written down: the shop came first, so it was the page
            again AS (
                SELECT DISTINCT d.event_id FROM dropped_events d
                 WHERE d.workspace_id = {workspaceId} AND d.website_id = {websiteId} AND d.id >= {earliest} AND d.id < {latest} AND d.reason = 'duplicate' AND d.name = 'purchase')
            SELECT count(*)::bigint AS "Known", count(*) FILTER (WHERE s.browser OR a.event_id IS NOT NULL)::bigint AS "Told"
              FROM seen s LEFT JOIN again a ON a.event_id = s.event_id
            """).SingleAsync(cancel);
        return Of(period, clicks, ways, orders);
    }

    private static WebsiteCapture Of(VolumePeriod period, List<ClickDay> clicks, List<WayDay> ways, Pair orders)
    {
        var servedOn = ways.GroupBy(w => w.Day).ToDictionary(g => g.Key, g => g.GroupBy(w => w.Served).MaxBy(s => s.Sum(w => w.Events))!.Key);
        var days = clicks.ConvertAll(c => new CaptureDay(c.Day, servedOn.GetValueOrDefault(c.Day), CaptureShare.Of(c.Known, c.Told)));
        var byWay = days.Where(d => d.Served is not null).GroupBy(d => d.Served!)
            .Select(g => new CaptureWay(g.Key, g.Count(), CaptureShare.Of(g.Sum(d => d.Clicks.Known), g.Sum(d => d.Clicks.Told)))).OrderByDescending(w => w.Clicks.Known).ToList();
        var all = CaptureShare.Of(days.Sum(d => d.Clicks.Known), days.Sum(d => d.Clicks.Told));
        var gain = Gain(byWay);
        var needed = all.Known < LeastClicks
            ? $"{all.Known} clicks on campaign links were followed in this time; {LeastClicks} are needed to tell a share. Lead ads and mails through links of this app."
            : gain is null ? $"To tell what first-party serving brings, both ways need {LeastClicks} clicks: days with the snippet from this app's common address, and days with it from the website's own domain or word." : null;
        return new WebsiteCapture(period.From, period.To, all, orders.Told == 0 ? CaptureShare.Of(0, 0) : CaptureShare.Of(orders.Known, orders.Told), byWay, gain, days,
            ways.GroupBy(w => w.Transport).ToDictionary(g => g.Key, g => g.Sum(w => w.Events)), needed);
    }

    /// <summary>How hard a way is to block: an own domain before an own word before the common address.</summary>
    private static int Rank(string served) => (served.StartsWith("first_party", StringComparison.Ordinal) ? 2 : 0) + (served.EndsWith("_alias", StringComparison.Ordinal) ? 1 : 0);

    internal static CaptureGain? Gain(IReadOnlyList<CaptureWay> ways)
    {
        var enough = ways.Where(w => w.Clicks.Known >= LeastClicks && w.Served != "unknown").OrderByDescending(w => w.Clicks.Known).Take(2).OrderByDescending(w => Rank(w.Served)).ToList();
        if (enough is not [var better, var worse] || Rank(better.Served) == Rank(worse.Served))
            return null;
        var (a, b) = (better.Clicks, worse.Clicks);
        var difference = a.Rate!.Value - b.Rate!.Value;
        var below = Math.Sqrt(Math.Pow(a.Rate.Value - a.Low!.Value, 2) + Math.Pow(b.High!.Value - b.Rate.Value, 2));
        var above = Math.Sqrt(Math.Pow(a.High!.Value - a.Rate.Value, 2) + Math.Pow(b.Rate.Value - b.Low!.Value, 2));
        return new CaptureGain(better.Served, worse.Served, Math.Round(difference, 4), Math.Round(difference - below, 4), Math.Round(difference + above, 4));
    }

    private sealed record ClickDay(DateOnly Day, long Known, long Told);

    private sealed record WayDay(DateOnly Day, string Served, string Transport, long Events);

    private sealed record Pair(long Known, long Told);
}
