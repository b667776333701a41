using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>The newest event of a source and host.</summary>
/// <param name="Source">Word of the source.</param>
/// <param name="Host">Of the page; empty where there is none.</param>
/// <param name="Path">Of its page.</param>
/// <param name="EventId">Our id of it.</param>
/// <param name="At">When it arrived (UTC).</param>
public sealed record LastSeen(string Source, string Host, string? Path, Guid EventId, DateTimeOffset At);

/// <summary>Does everybody still talk?</summary>
/// <param name="At">When this was looked at (UTC).</param>
/// <param name="IsSilent">Browsers have been silent for longer than chance explains.</param>
/// <param name="UsualGapSeconds">Between two events of browsers, usually at this hour; null while that is not known.</param>
/// <param name="SeenAfterSeconds">After how much silence it would be told, now; null where that is more than a day, or not known.</param>
/// <param name="ScriptAt">When a page last fetched the snippet (UTC), as far as referrers and the website's own word tell.</param>
/// <param name="ScriptVersion">The version it got.</param>
/// <param name="Seen">The newest event of each source and host, newest first.</param>
/// <param name="Causes">Why browsers are silent, or what is lost while they are not.</param>
public sealed record WebsiteSilence(DateTimeOffset At, bool IsSilent, double? UsualGapSeconds, double? SeenAfterSeconds, DateTimeOffset? ScriptAt, string? ScriptVersion,
    IReadOnlyList<LastSeen> Seen, IReadOnlyList<SilenceCause> Causes);

/// <summary>Who was heard last, and why somebody is not heard.</summary>
public sealed class SilenceQueries(ClarityDb database, VolumeMonitor monitor, TimeProvider clock)
{
    /// <summary>As it stands now.</summary>
    public async Task<Result<WebsiteSilence>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var (website, now) = (found.Value, clock.GetUtcNow());
        var seen = await db.Database.SqlQuery<LastSeen>($"""
            SELECT source AS "Source", host AS "Host", path AS "Path", event_id AS "EventId", last_at AS "At" FROM last_seen
             WHERE workspace_id = {website.WorkspaceId} AND website_id = {websiteId} ORDER BY last_at DESC LIMIT 20
            """).ToListAsync(cancel);
        await db.Database.OpenConnectionAsync(cancel);
        var stands = await monitor.ReadAsync((NpgsqlConnection)db.Database.GetDbConnection(), website.WorkspaceId, websiteId, website.TimeZone, now, cancel);
        var browser = stands?.Of(null, "browser");
        var isSilent = stands?.Findings.Any(f => f.Series.Key.Name is null && f.Series.Key.Source is null or "browser" && f.Verdict is { State: VolumeState.Drop, Window.Observed: 0 }) ?? false;
        var lastAt = seen.Where(s => s.Source == "browser").Select(s => (DateTimeOffset?)s.At).Max();
        var facts = await FactsAsync(db, website, now, lastAt, isSilent, cancel);
        var rate = browser is { Usual.LearningUntil: null } ? browser.Usual.AtMinute(stands!.At)?.ForDrop : null;
        return new WebsiteSilence(now, isSilent, rate > 0 ? Math.Round(60 / rate.Value, 1) : null, rate > 0 ? VolumeQueries.SeenAfter(browser!.Usual, rate.Value) : null,
            facts.ScriptAt, facts.ScriptVersion, seen, SilenceCauses.Of(facts, now));
    }

    private static async Task<SilenceFacts> FactsAsync(ClarityDbContext db, Website website, DateTimeOffset now, DateTimeOffset? lastAt, bool isSilent, CancellationToken cancel)
    {
        var (workspaceId, websiteId, since) = (website.WorkspaceId, website.Id, lastAt ?? now.AddDays(-1));
        // a silence of weeks is not read as a whole
        var newest = since > now.AddDays(-2) ? since : now.AddDays(-2);
        var others = await db.Database.SqlQuery<long>($"""
            SELECT coalesce(sum(events), 0)::bigint AS "Value" FROM volume_minutes
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND minute > {newest} AND source <> 'browser'
            """).SingleAsync(cancel);
        var notes = await db.Database.SqlQuery<NoteRow>($"""
            SELECT kind AS "Kind", subject AS "Subject", way AS "Way", last_at AS "At" FROM intake_notes
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} ORDER BY last_at DESC LIMIT 50
            """).ToListAsync(cancel);
        var lowest = Partitions.LowestId(newest);
        var dropped = await db.Database.SqlQuery<DroppedRow>($"""
            SELECT reason AS "Reason", count(*)::bigint AS "Count" FROM (
                SELECT reason FROM dropped_events WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id > {lowest} AND reason <> 'duplicate' LIMIT 1000) d
             GROUP BY 1 ORDER BY 2 DESC
            """).ToListAsync(cancel);
        var images = await db.Database.SqlQuery<double>($"""
            SELECT coalesce(sum(events) FILTER (WHERE transport = 'image') / nullif(sum(events), 0), 0)::float8 AS "Value" FROM arrival_ways
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND hour >= {now.AddDays(-1)}
            """).SingleAsync(cancel);
        // nothing of a silent website is looked for in years of events: the newest browser event bounds it
        var from = Partitions.LowestId(since.AddDays(-1));
        var denied = lastAt is null ? null : await db.Database.SqlQuery<double?>($"""
            SELECT (count(*) FILTER (WHERE consent ->> 'analytics_storage' = 'false'
                                       AND consent ->> 'ad_storage' = 'false') / nullif(count(*), 0)::float8) AS "Value"
              FROM (SELECT consent FROM events WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {from} AND source = 'browser' AND consent IS NOT NULL
                     ORDER BY id DESC LIMIT 200) newest
            """).SingleAsync(cancel);
        var script = notes.Find(n => n.Kind == "script");
        var refused = notes.Find(n => n.Kind == "refused");
        return new SilenceFacts(lastAt, isSilent, others, script?.At, script?.Subject, refused?.At, refused?.Way, dropped.Sum(d => d.Count), dropped.FirstOrDefault()?.Reason, images, denied);
    }

    private sealed record NoteRow(string Kind, string Subject, string Way, DateTimeOffset At);

    private sealed record DroppedRow(string Reason, long Count);
}
