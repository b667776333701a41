using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Inbound;

/// <summary>A received webhook as a caller sees it.</summary>
/// <param name="Id">Our id.</param>
/// <param name="ConnectionId">The connection it came by.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="ReceivedAt">The first time (UTC).</param>
/// <param name="LastReceivedAt">The last time it was said again (UTC).</param>
/// <param name="Times">How often it was said.</param>
/// <param name="Verdict">The check of its signature, a stable word.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Reason">Why it stands there, in a sentence; null = all is well.</param>
/// <param name="SourceEvent">The sender's word for it.</param>
/// <param name="Attempts">Failed tries to process it.</param>
/// <param name="NextAttemptAt">When it is tried again (UTC).</param>
/// <param name="Canonical">What it says, in the shape of all senders: an object, a list for a batch, null when it is refused, unreadable or forgotten.</param>
/// <param name="EventIds">Our ids of the events it became.</param>
/// <param name="EventNames">Their names, in the same order.</param>
/// <param name="ConversionIds">Our ids of the conversions it changed.</param>
/// <param name="BodyBytes">Size of its body.</param>
/// <param name="IsSample">Sent by ourselves to try the connection.</param>
/// <param name="HasBody">Its body is kept, so that it can be looked at and replayed.</param>
/// <param name="Headers">Those that are kept; null in lists.</param>
/// <param name="Body">What came over the wire, as text; null in lists, when it is not kept, and for callers who may not see personal data.</param>
public sealed record InboundWebhook(Guid Id, Guid ConnectionId, string Platform, DateTimeOffset ReceivedAt, DateTimeOffset LastReceivedAt, int Times, string Verdict,
    InboundStatus Status, string? Reason, string? SourceEvent, int Attempts, DateTimeOffset? NextAttemptAt, JsonElement? Canonical, IReadOnlyList<Guid> EventIds,
    IReadOnlyList<string> EventNames, IReadOnlyList<Guid> ConversionIds, int BodyBytes, bool IsSample, bool HasBody, IReadOnlyDictionary<string, string>? Headers = null, string? Body = null);

/// <summary>Which webhooks to list; null = all.</summary>
public sealed record InboundFilter(Guid? ConnectionId = null, InboundStatus? Status = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>The log of received webhooks, and their replay.</summary>
public sealed class InboundQueries(ClarityDb database, SourceCatalog catalog, SecretProtector protector, WebhooksReceived received, TimeProvider clock)
{
    private static readonly TimeSpan Recent = TimeSpan.FromDays(30);

    /// <summary>Lists show what bodies up to this size say; larger ones are read one by one.</summary>
    private const int LargestInLists = 64 * 1024;

    /// <summary>Received webhooks, newest first, at most 50. Only callers with the role Admin see personal data. Lists that need no customer leave it out and write nothing into the audit log.</summary>
    public async Task<Result<Page<InboundWebhook>>> ListAsync(Caller caller, Guid websiteId, InboundFilter filter, Guid? cursor, int limit, CancellationToken cancel, bool withPersonal = false)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        limit = Math.Min(Page.Clamp(limit), Page.DefaultLimit);
        var rows = await RowsAsync(db, website.Value.WorkspaceId, websiteId, filter, null, cursor, limit + 1, cancel);
        var mayRead = withPersonal && caller.Can(website.Value.WorkspaceId, Role.Admin);
        if (mayRead && rows.Exists(r => r.BodySealed is not null))
        {
            db.Audit(website.Value.WorkspaceId, caller, "personal_data.revealed", $"webhooks of website {websiteId}", $"{rows.Count} in a list", clock.GetUtcNow());
            await db.SaveChangesAsync(cancel);
        }
        return Page.Of(rows.ConvertAll(r => ToWebhook(r, mayRead)), limit, w => w.Id);
    }

    /// <summary>The newest webhook of each source connection that had one in the last days, by the connection's id.</summary>
    public async Task<Result<IReadOnlyDictionary<Guid, InboundWebhook>>> NewestAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        var lowest = Partitions.LowestId(clock.GetUtcNow() - Recent);
        var ids = await db.Database.SqlQuery<Guid>($"""
            SELECT newest.id AS "Value" FROM connections c, LATERAL (
                SELECT w.id FROM inbound_webhooks w WHERE w.workspace_id = c.workspace_id AND w.website_id = c.website_id AND w.connection_id = c.id AND w.id >= {lowest}
                 ORDER BY w.id DESC LIMIT 1) newest
             WHERE c.workspace_id = {workspaceId} AND c.website_id = {websiteId} AND c.webhook_token IS NOT NULL
            """).ToListAsync(cancel);
        var newest = new Dictionary<Guid, InboundWebhook>();
        foreach (var id in ids)
            if (await RowsAsync(db, workspaceId, websiteId, new InboundFilter(), id, null, 1, cancel) is [var row])
                newest[row.ConnectionId] = ToWebhook(row, mayReadPersonal: false);
        return newest;
    }

    /// <summary>One webhook without anything personal, and so without a note in the audit log.</summary>
    public async Task<Result<InboundWebhook>> FindAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        return await RowsAsync(db, website.Value.WorkspaceId, websiteId, new InboundFilter(), id, null, 1, cancel) is [var row]
            ? ToWebhook(row, mayReadPersonal: false) with { Headers = StoredWebhook.HeadersOf(row.Headers) }
            : Error.NotFound("webhook");
    }

    /// <summary>One webhook. That its personal data was looked at is noted in the audit log.</summary>
    public async Task<Result<InboundWebhook>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        if (await RowsAsync(db, workspaceId, websiteId, new InboundFilter(), id, null, 1, cancel) is not [var row])
            return Error.NotFound("webhook");
        var mayRead = caller.Can(workspaceId, Role.Admin);
        if (mayRead && row.BodySealed is not null)
        {
            db.Audit(workspaceId, caller, "personal_data.revealed", $"webhook {id}", null, clock.GetUtcNow());
            await db.SaveChangesAsync(cancel);
        }
        var body = mayRead && Open(row) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;
        return ToWebhook(row, mayRead) with { Headers = StoredWebhook.HeadersOf(row.Headers), Body = body };
    }

    /// <summary>Processes a webhook again: what it became already stays once, what failed is made up for.</summary>
    public async Task<Result<InboundWebhook>> ReplayAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        if (await RowsAsync(db, workspaceId, websiteId, new InboundFilter(), id, null, 1, cancel) is not [var row])
            return Error.NotFound("webhook");
        if (row.Status == InboundStatus.Refused.Word())
            return new Error(ErrorKind.Conflict, "webhook_refused", "Its signature did not fit, so nothing of it was kept. Correct the secret and let the sender send it again.", []);
        if (row.BodySealed is null)
            return new Error(ErrorKind.Conflict, "body_forgotten", "Its body is no longer kept (privacy mode), so it cannot be replayed.", []);
        var now = clock.GetUtcNow();
        await db.Database.ExecuteSqlAsync($"""
            UPDATE inbound_webhooks SET status = 'received', reason = NULL, attempts = 0, next_attempt_at = {now}
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id = {id} AND body_sealed IS NOT NULL
            """, cancel);
        db.Audit(workspaceId, caller, "webhook.replayed", $"webhook {id}", null, now);
        await db.SaveChangesAsync(cancel);
        received.Raise();
        return ToWebhook(row with { Status = InboundStatus.Received.Word(), Reason = null, Attempts = 0, NextAttemptAt = now }, caller.Can(workspaceId, Role.Admin));
    }

    private sealed record Row(Guid WorkspaceId, Guid Id, Guid ConnectionId, string Platform, string Settings, DateTimeOffset ReceivedAt, DateTimeOffset LastReceivedAt, int Times,
        string Verdict, string Status, string? Reason, string? SourceEvent, int Attempts, DateTimeOffset? NextAttemptAt, string Headers, byte[]? BodySealed, int BodyBytes,
        Guid[] EventIds, string[] EventNames, Guid[] ConversionIds);

    private static async Task<List<Row>> RowsAsync(ClarityDbContext db, Guid workspaceId, Guid websiteId, InboundFilter filter, Guid? id, Guid? cursor, int limit, CancellationToken cancel)
    {
        var lowest = filter.From is { } from ? Partitions.LowestId(from) : Guid.Empty;
        var highest = filter.To is { } to ? Partitions.LowestId(to) : Guid.AllBitsSet;
        if (cursor is { } before && before < highest)
            highest = before;
        var status = filter.Status?.Word();
        return await db.Database.SqlQuery<Row>($"""
            SELECT w.workspace_id AS "WorkspaceId", w.id AS "Id", w.connection_id AS "ConnectionId", c.platform AS "Platform", c.settings::text AS "Settings",
                   w.received_at AS "ReceivedAt", w.last_received_at AS "LastReceivedAt", w.times AS "Times", w.verdict AS "Verdict", w.status AS "Status", w.reason AS "Reason",
                   w.source_event AS "SourceEvent", w.attempts AS "Attempts", CASE WHEN w.status = 'received' THEN w.next_attempt_at END AS "NextAttemptAt",
                   w.headers::text AS "Headers",
                   CASE WHEN {id}::uuid IS NOT NULL OR w.body_bytes <= {LargestInLists} THEN w.body_sealed END AS "BodySealed", w.body_bytes AS "BodyBytes",
                   ARRAY(SELECT e.id FROM conversion_events x JOIN events e ON e.workspace_id = x.workspace_id AND e.website_id = x.website_id AND e.event_id = x.event_id
                          WHERE x.workspace_id = w.workspace_id AND x.webhook_id = w.id AND e.name = x.name ORDER BY e.id) AS "EventIds",
                   ARRAY(SELECT e.name FROM conversion_events x JOIN events e ON e.workspace_id = x.workspace_id AND e.website_id = x.website_id AND e.event_id = x.event_id
                          WHERE x.workspace_id = w.workspace_id AND x.webhook_id = w.id AND e.name = x.name ORDER BY e.id) AS "EventNames",
                   ARRAY(SELECT DISTINCT x.conversion_id FROM conversion_changes x
                          WHERE x.workspace_id = w.workspace_id AND x.webhook_id = w.id) AS "ConversionIds"
              FROM inbound_webhooks w JOIN connections c ON c.workspace_id = w.workspace_id AND c.id = w.connection_id
             WHERE w.workspace_id = {workspaceId} AND w.website_id = {websiteId} AND w.id >= {lowest} AND w.id < {highest}
               AND ({id}::uuid IS NULL OR w.id = {id}) AND ({filter.ConnectionId}::uuid IS NULL OR w.connection_id = {filter.ConnectionId})
               AND ({status}::text IS NULL OR w.status = {status})
             ORDER BY w.id DESC LIMIT {limit}
            """).ToListAsync(cancel);
    }

    private InboundWebhook ToWebhook(Row row, bool mayReadPersonal) => new(row.Id, row.ConnectionId, row.Platform, row.ReceivedAt, row.LastReceivedAt, row.Times, row.Verdict,
        EnumText.Parse<InboundStatus>(row.Status)!.Value, row.Reason, row.SourceEvent, row.Attempts, row.NextAttemptAt, Canonical(row, mayReadPersonal), row.EventIds, row.EventNames, row.ConversionIds, row.BodyBytes,
        StoredWebhook.HeadersOf(row.Headers).ContainsKey(SourceReading.SampleHeader), row.BodySealed is not null);

    private JsonElement? Canonical(Row row, bool mayReadPersonal)
    {
        if (catalog.Find(row.Platform) is not { } source || Open(row) is not { } body)
            return null;
        var request = new InboundRequest("POST", "", StoredWebhook.HeadersOf(row.Headers), body, row.ReceivedAt);
        var records = SourceReading.Of(source, request, JsonElement.Parse(row.Settings)).Records;
        if (!mayReadPersonal)
            records = [.. records.Select(r => r with { Customer = null, Ip = null, UserAgent = null })];
        return records.Count switch
        {
            0 => null,
            1 => records[0].ToJson(),
            _ => JsonSerializer.SerializeToElement(records.Select(r => r.ToJson())),
        };
    }

    private byte[]? Open(Row row)
    {
        try
        {
            return row.BodySealed is null ? null : protector.Open(InboundIntake.Purpose, row.WorkspaceId, row.Id, row.BodySealed);
        }
        catch (CryptographicException)
        {
            return null; // sealed with a master key that is gone
        }
    }
}
