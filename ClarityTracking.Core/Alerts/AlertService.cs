using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Alerts;

/// <summary>An alert as a caller sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Rule">Key of the rule that raised it.</param>
/// <param name="Title">What is wrong.</param>
/// <param name="Text">The evidence in words.</param>
/// <param name="Severity">How urgent.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Subject">A connection's id, an event's name, or empty for the website.</param>
/// <param name="SubjectName">As people call it.</param>
/// <param name="Openings">How often it opened; more than 1 for one that comes and goes.</param>
/// <param name="Evidence">Measured and allowed.</param>
/// <param name="Page">Last part of the address of the website's page where to act.</param>
/// <param name="OpenedAt">UTC; of its newest opening.</param>
/// <param name="SnoozedUntil">UTC.</param>
/// <param name="ResolvedAt">UTC.</param>
public sealed record AlertInfo(Guid Id, string Rule, string Title, string Text, AlertSeverity Severity, AlertState State, string Subject, string SubjectName, int Openings,
    AlertEvidence Evidence, string Page, DateTimeOffset OpenedAt, DateTimeOffset? SnoozedUntil, DateTimeOffset? ResolvedAt);

/// <summary>A change of an alert.</summary>
/// <param name="At">UTC.</param>
/// <param name="Change">opened, reopened, acknowledged, snoozed or resolved.</param>
/// <param name="Actor">Who; null = by itself.</param>
/// <param name="Detail">More in words.</param>
public sealed record AlertChange(DateTimeOffset At, string Change, string? Actor, string? Detail);

/// <summary>Who is told of an alert.</summary>
/// <param name="ChannelId">The channel.</param>
/// <param name="Channel">Its name.</param>
/// <param name="Opening">Which opening.</param>
/// <param name="News">opened or resolved.</param>
/// <param name="State">waiting, left_out, queued, sent or failed; null = not visible to a key.</param>
/// <param name="Why">Why it was left out or not taken.</param>
/// <param name="At">When it was told (UTC).</param>
public sealed record AlertTold(Guid ChannelId, string Channel, int Opening, string News, string? State, string? Why, DateTimeOffset? At);

/// <summary>One alert with what became of it.</summary>
public sealed record AlertDetails(AlertInfo Alert, IReadOnlyList<AlertChange> History, IReadOnlyList<AlertTold> Told);

/// <summary>Alerts of a website: reading them, and what people do with them.</summary>
public sealed class AlertService(ClarityDb database, TimeProvider clock)
{
    private static readonly TimeSpan LongestSnooze = TimeSpan.FromDays(90);

    /// <summary>Alerts, newest first.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="state">A state, or <c>unresolved</c> for the three others; null = all.</param>
    /// <param name="cursor">Id of the last alert of the page before.</param>
    /// <param name="limit">Rows.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<Page<AlertInfo>>> ListAsync(Caller caller, Guid websiteId, string? state, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        if (state is not (null or "unresolved") && EnumText.Parse<AlertState>(state) is null)
            return Error.Invalid(new FieldError("state", "state must be open, acknowledged, snoozed, resolved or unresolved."));
        string[] states = state is null or "unresolved" ? [.. EnumText.All<AlertState>().Where(s => state is null || s != "resolved")] : [state];
        limit = Core.Page.Clamp(limit);
        var before = cursor ?? Guid.AllBitsSet;
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", kind AS "Kind", subject AS "Subject", subject_name AS "SubjectName", severity AS "Severity", state AS "State", opening AS "Opening",
                   evidence::text AS "Evidence", opened_at AS "OpenedAt", snoozed_until AS "SnoozedUntil", resolved_at AS "ResolvedAt"
              FROM alerts WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND state = ANY ({states}) AND id < {before}
             ORDER BY id DESC LIMIT {limit + 1}
            """).ToListAsync(cancel);
        return Core.Page.Of(rows.ConvertAll(Info), limit, alert => alert.Id);
    }

    /// <summary>One alert with its history and whom it was told.</summary>
    public async Task<Result<AlertDetails>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        if (await FindAsync(db, website.Value, id, cancel) is not { } alert)
            return Error.NotFound("alert");
        var workspaceId = website.Value.WorkspaceId;
        var history = await db.Database.SqlQuery<AlertChange>($"""
            SELECT at AS "At", change AS "Change", actor AS "Actor", detail AS "Detail" FROM alert_history
             WHERE workspace_id = {workspaceId} AND alert_id = {id} ORDER BY id DESC LIMIT 200
            """).ToListAsync(cancel);
        var told = await db.Database.SqlQuery<AlertTold>($"""
            SELECT n.channel_id AS "ChannelId", c.name AS "Channel", n.opening AS "Opening", n.news AS "News",
                   CASE WHEN n.left_out IS NOT NULL THEN 'left_out' WHEN n.message_id IS NULL THEN 'waiting' ELSE m.state END AS "State",
                   coalesce(n.left_out, m.error) AS "Why", coalesce(m.sent_at, n.told_at) AS "At"
              FROM alert_notifications n
              JOIN alert_channels c ON c.workspace_id = n.workspace_id AND c.id = n.channel_id
              LEFT JOIN alert_messages m ON m.workspace_id = n.workspace_id AND m.id = n.message_id
             WHERE n.workspace_id = {workspaceId} AND n.alert_id = {id} ORDER BY n.opening DESC, n.created_at DESC, c.name LIMIT 200
            """).ToListAsync(cancel);
        return new AlertDetails(Info(alert), history, told);
    }

    /// <summary>Open alerts (not acknowledged, snoozed or resolved) by website, of all websites the caller sees.</summary>
    public async Task<IReadOnlyDictionary<Guid, int>> CountOpenAsync(Caller caller, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var rows = await db.Database.SqlQuery<OpenCount>($"""
            SELECT website_id AS "WebsiteId", count(*)::int AS "Count" FROM alerts WHERE state = 'open' GROUP BY website_id
            """).ToListAsync(cancel);
        return rows.ToDictionary(r => r.WebsiteId, r => r.Count);
    }

    /// <summary>Somebody takes care of it; nobody is told again while it lasts.</summary>
    public Task<Result<AlertInfo>> AcknowledgeAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel) =>
        ChangeAsync(caller, websiteId, id, AlertState.Acknowledged, null, cancel);

    /// <summary>Quiet until a time, at most 90 days ahead.</summary>
    public Task<Result<AlertInfo>> SnoozeAsync(Caller caller, Guid websiteId, Guid id, DateTimeOffset? until, CancellationToken cancel) =>
        ChangeAsync(caller, websiteId, id, AlertState.Snoozed, until?.ToUniversalTime(), cancel);

    /// <summary>Takes an acknowledgement or a snooze back. Nobody is told again of it.</summary>
    public Task<Result<AlertInfo>> ReopenAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel) =>
        ChangeAsync(caller, websiteId, id, AlertState.Open, null, cancel);

    private async Task<Result<AlertInfo>> ChangeAsync(Caller caller, Guid websiteId, Guid id, AlertState state, DateTimeOffset? until, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await FindAsync(db, website.Value, id, cancel) is null)
            return Error.NotFound("alert");
        if (state == AlertState.Snoozed && (until is not { } end || end <= now || end > now + LongestSnooze))
            return Error.Invalid(new FieldError("until", "until must be a time within the next 90 days."));
        var workspaceId = website.Value.WorkspaceId;
        var word = state.Word();
        var changed = await db.Database.ExecuteSqlAsync($"""
            UPDATE alerts SET state = {word}, snoozed_until = {until}::timestamptz, updated_at = {now}
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id = {id} AND state <> 'resolved' AND state <> {word} OR
                   workspace_id = {workspaceId} AND website_id = {websiteId} AND id = {id} AND state = 'snoozed' AND {word} = 'snoozed'
            """, cancel);
        if (changed > 0)
        {
            var (change, detail) = state == AlertState.Open ? ("reopened", "Taken back.") : (word, until is { } time ? $"Until {time:yyyy-MM-dd HH:mm} UTC." : null);
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO alert_history (workspace_id, website_id, alert_id, id, at, change, actor, detail)
                VALUES ({workspaceId}, {websiteId}, {id}, {Guid.CreateVersion7(now)}, {now}, {change}, {caller.Label}, {detail}::text)
                """, cancel);
            db.Audit(workspaceId, caller, $"alert.{change}", $"alert {id}", detail, now);
            await db.SaveChangesAsync(cancel);
        }
        var alert = await FindAsync(db, website.Value, id, cancel);
        await transaction.CommitAsync(cancel);
        // asking twice is the same as once; what is over stays over
        return changed == 0 && alert!.State == "resolved" ? new Error(ErrorKind.Conflict, "alert_resolved", "This alert is over; there is nothing left to do.", []) : Info(alert!);
    }

    private static async Task<Row?> FindAsync(ClarityDbContext db, Website website, Guid id, CancellationToken cancel) => await db.Database.SqlQuery<Row>($"""
        SELECT id AS "Id", kind AS "Kind", subject AS "Subject", subject_name AS "SubjectName", severity AS "Severity", state AS "State", opening AS "Opening",
               evidence::text AS "Evidence", opened_at AS "OpenedAt", snoozed_until AS "SnoozedUntil", resolved_at AS "ResolvedAt"
          FROM alerts WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND id = {id}
        """).SingleOrDefaultAsync(cancel);

    private sealed record OpenCount(Guid WebsiteId, int Count);

    private sealed record Row(Guid Id, string Kind, string Subject, string SubjectName, string Severity, string State, int Opening, string Evidence,
        DateTimeOffset OpenedAt, DateTimeOffset? SnoozedUntil, DateTimeOffset? ResolvedAt);

    private static AlertInfo Info(Row row)
    {
        var evidence = JsonSerializer.Deserialize<AlertEvidence>(row.Evidence, JsonSerializerOptions.Web)!;
        var page = AlertCatalog.Find(row.Kind)?.Page ?? "health";
        return new AlertInfo(row.Id, row.Kind, AlertWords.Title(row.Kind, row.SubjectName), AlertWords.Text(row.Kind, evidence), EnumText.Parse<AlertSeverity>(row.Severity)!.Value,
            EnumText.Parse<AlertState>(row.State)!.Value, row.Subject, row.SubjectName, row.Opening, evidence,
            Guid.TryParse(row.Subject, out var connection) && page == "deliveries" ? $"deliveries?connection={connection}" : page, row.OpenedAt, row.SnoozedUntil, row.ResolvedAt);
    }
}
