using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Conversions;

/// <summary>A conversion as a caller sees it; nothing readable about the person.</summary>
/// <param name="Id">Our id.</param>
/// <param name="WebsiteId">The website.</param>
/// <param name="SenderId">The sender's id.</param>
/// <param name="Number">The number people know it by.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Of what was told through the conversions API: its event type.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="SenderStatus">The sender's last word.</param>
/// <param name="Source">Platform that told it; <c>api</c> = the conversions API.</param>
/// <param name="ConnectionId">The connection it came by; null = the API, or the connection was deleted.</param>
/// <param name="ConnectionName">As the user calls it.</param>
/// <param name="IsTest">Made to try things out.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="StartsAt">When the appointment begins (UTC).</param>
/// <param name="PaidAt">When it was paid (UTC).</param>
/// <param name="Value">In major units of <paramref name="Currency"/>, before refunds; null = unknown.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Refunded">Given back so far, in major units.</param>
/// <param name="Location">The branch, by the sender's id.</param>
/// <param name="VisitorId">The visitor that was passed through.</param>
/// <param name="UpdatedAt">When we last heard of it (UTC).</param>
public sealed record ConversionInfo(Guid Id, Guid WebsiteId, string SenderId, string? Number, ConversionKind Kind, string? Name, ConversionStatus Status, string? SenderStatus, string Source,
    Guid? ConnectionId, string? ConnectionName, bool IsTest, DateTimeOffset OccurredAt, DateTimeOffset? StartsAt, DateTimeOffset? PaidAt, decimal? Value, string? Currency,
    decimal Refunded, string? Location, string? VisitorId, DateTimeOffset UpdatedAt)
{
    /// <summary>What happened to it, oldest first by the sender's clock.</summary>
    public IReadOnlyList<ConversionStep> Lifecycle { get; init; } = [];

    /// <summary>How it stands (<c>decision</c>) and the touch that earned it, whose fields are null when none did; null until matching has looked at it.</summary>
    public JsonElement? Match { get; init; }

    /// <summary>How sure the match is, 0..1; null as above.</summary>
    public double? Confidence { get; init; }

    /// <summary>What speaks for the match; empty as above.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>What led back to the visit, as the sender carried it; null in lists.</summary>
    public JsonElement? Attribution { get; init; }

    /// <summary>What was bought or booked; null in lists.</summary>
    public JsonElement? Items { get; init; }

    /// <summary>The events it gave rise to; null in lists.</summary>
    public IReadOnlyList<ConversionOutcome>? Events { get; init; }
}

/// <summary>One thing that happened to a conversion.</summary>
/// <param name="Action">What.</param>
/// <param name="At">When (UTC), by the sender's clock where it tells.</param>
/// <param name="RecordedAt">When we heard (UTC).</param>
/// <param name="SenderStatus">The sender's word for the state.</param>
/// <param name="Value">In major units; of a refund: this refund alone.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="RefundedTotal">All that was given back so far, where the sender tells that.</param>
/// <param name="StartsAt">When the appointment begins (UTC).</param>
/// <param name="WebhookId">The webhook that told it; null = it was pulled.</param>
public sealed record ConversionStep(InboundAction Action, DateTimeOffset At, DateTimeOffset RecordedAt, string? SenderStatus, decimal? Value, string? Currency,
    decimal? RefundedTotal, DateTimeOffset? StartsAt, Guid? WebhookId);

/// <summary>An event that a conversion gave rise to.</summary>
/// <param name="Id">Our id of the event; null = intake has not acknowledged it, or it is no longer kept.</param>
/// <param name="Name">Event name.</param>
/// <param name="EventId">The id it goes to platforms under.</param>
/// <param name="Deliveries">Where it went.</param>
public sealed record ConversionOutcome(Guid? Id, string Name, string EventId, IReadOnlyList<ConversionDelivery> Deliveries);

/// <summary>How an event of a conversion does on its way to one connection.</summary>
public sealed record ConversionDelivery(Guid Id, Guid ConnectionId, string? ConnectionName, DeliveryStatus Status, string? Reason);

/// <summary>Which conversions to list; null = all.</summary>
/// <param name="Kind">What they are.</param>
/// <param name="Status">Where they stand.</param>
/// <param name="Source">Platform that told them.</param>
/// <param name="From">Made at or after (UTC).</param>
/// <param name="To">Made before (UTC).</param>
public sealed record ConversionFilter(ConversionKind? Kind = null, ConversionStatus? Status = null, string? Source = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>How many conversions stand where, and what they are worth.</summary>
/// <param name="Status">Where they stand.</param>
/// <param name="Currency">ISO 4217; null = they have no value.</param>
/// <param name="Count">How many, tests left out.</param>
/// <param name="Value">In major units, before refunds.</param>
/// <param name="Refunded">Given back, in major units.</param>
public sealed record ConversionSum(ConversionStatus Status, string? Currency, long Count, decimal Value, decimal Refunded);

/// <summary>Conversions and bookings, read.</summary>
public sealed class ConversionQueries(ClarityDb database)
{
    /// <summary>Conversions of a website, the one we heard of last first.</summary>
    public async Task<Result<Page<ConversionInfo>>> ListAsync(Caller caller, Guid websiteId, ConversionFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        limit = Page.Clamp(limit);
        var workspaceId = website.Value.WorkspaceId;
        var rows = await RowsAsync(db, [workspaceId], websiteId, null, filter, withValueOnly: false, cursor, limit + 1, cancel);
        var steps = await StepsAsync(db, workspaceId, rows.ConvertAll(r => r.Id), cancel);
        return Page.Of(rows.ConvertAll(r => r.ToInfo() with { Lifecycle = [.. steps[r.Id]] }), limit, c => c.Id);
    }

    /// <summary>Real conversions with a value, of all websites of the caller or one of them, the one we heard of last first. Their changes are left out.</summary>
    public async Task<Result<Page<ConversionInfo>>> SalesAsync(Caller caller, Guid? websiteId, ConversionFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        if (websiteId is { } id)
        {
            var website = await db.WebsiteAsync(caller, id, Role.Viewer, cancel);
            if (!website.IsOk)
                return website.Error;
        }
        limit = Page.Clamp(limit);
        Guid[] workspaces = [.. caller.Workspaces.Where(w => w.Value >= Role.Viewer).Select(w => w.Key)];
        var rows = await RowsAsync(db, workspaces, websiteId ?? caller.WebsiteId, null, filter, withValueOnly: true, cursor, limit + 1, cancel);
        return Page.Of(rows.ConvertAll(r => r.ToInfo()), limit, c => c.Id);
    }

    /// <summary>How many stand where, with their value by currency.</summary>
    public async Task<Result<IReadOnlyList<ConversionSum>>> SumsAsync(Caller caller, Guid websiteId, ConversionFilter filter, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var kind = filter.Kind?.Word();
        var sums = await db.Database.SqlQuery<SumRow>($"""
            SELECT status AS "Status", currency AS "Currency", count(*) AS "Count", coalesce(sum(value), 0) AS "Value", sum(refunded) AS "Refunded" FROM conversions
             WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND NOT is_test AND ({kind}::text IS NULL OR kind = {kind})
               AND NOT (source = {TrackedConversions.Source} AND status = 'failed') -- a refund that waits for its order
               AND ({filter.Source}::text IS NULL OR source = {filter.Source})
               AND ({filter.From}::timestamptz IS NULL OR occurred_at >= {filter.From}) AND ({filter.To}::timestamptz IS NULL OR occurred_at < {filter.To})
             GROUP BY status, currency ORDER BY status, sum(value) DESC NULLS LAST, currency
            """).ToListAsync(cancel);
        return sums.ConvertAll(s => new ConversionSum(EnumText.Parse<ConversionStatus>(s.Status) ?? ConversionStatus.Pending, s.Currency, s.Count, s.Value, s.Refunded));
    }

    /// <summary>One conversion with all that happened to it and all it became.</summary>
    public async Task<Result<ConversionInfo>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        if (await RowsAsync(db, [workspaceId], websiteId, id, new ConversionFilter(), withValueOnly: false, null, 1, cancel) is not [var row])
            return Error.NotFound("booking");
        var steps = await StepsAsync(db, workspaceId, [id], cancel);
        return row.ToInfo() with
        {
            Lifecycle = [.. steps[id]],
            Attribution = row.Attribution is null ? null : JsonElement.Parse(row.Attribution),
            Items = row.Items is null ? null : JsonElement.Parse(row.Items),
            Events = await OutcomesAsync(db, workspaceId, websiteId, row, cancel),
        };
    }

    private sealed record Row(Guid Id, Guid WebsiteId, string SenderId, string? Number, string Kind, string? Name, string Status, string? SenderStatus, string Source, Guid? ConnectionId,
        string? ConnectionName, bool IsTest, DateTimeOffset OccurredAt, DateTimeOffset? StartsAt, DateTimeOffset? PaidAt, decimal? Value, string? Currency, decimal Refunded,
        string? Location, string? VisitorId, DateTimeOffset UpdatedAt, string? Attribution, string? Items, Guid? TrackingId, double? Confidence, string? Reasons, string? Match)
    {
        public ConversionInfo ToInfo() => new(Id, WebsiteId, SenderId, Number, EnumText.Parse<ConversionKind>(Kind) ?? ConversionKind.Manual, Name,
            EnumText.Parse<ConversionStatus>(Status) ?? ConversionStatus.Pending, SenderStatus, Source, ConnectionId, ConnectionName, IsTest, OccurredAt, StartsAt, PaidAt,
            Value, Currency, Refunded, Location, VisitorId, UpdatedAt)
        {
            Match = Match is null ? null : JsonElement.Parse(Match),
            Confidence = Confidence,
            Reasons = Reasons is null ? [] : JsonSerializer.Deserialize<List<string>>(Reasons)!,
        };
    }

    private sealed record SumRow(string Status, string? Currency, long Count, decimal Value, decimal Refunded);

    private sealed record StepRow(Guid ConversionId, string Action, DateTimeOffset At, DateTimeOffset RecordedAt, string? SenderStatus, decimal? Value, string? Currency,
        decimal? RefundedTotal, DateTimeOffset? StartsAt, Guid? WebhookId);

    private sealed record OutcomeRow(Guid? Id, string Name, string EventId);

    private static async Task<List<Row>> RowsAsync(ClarityDbContext db, Guid[] workspaces, Guid? websiteId, Guid? id, ConversionFilter filter, bool withValueOnly, Guid? cursor, int limit,
        CancellationToken cancel)
    {
        var (kind, status) = (filter.Kind?.Word(), filter.Status?.Word());
        return await db.Database.SqlQuery<Row>($"""
            SELECT c.id AS "Id", c.website_id AS "WebsiteId", c.sender_id AS "SenderId", c.number AS "Number", c.kind AS "Kind", c.event_name AS "Name", c.status AS "Status",
                   c.sender_status AS "SenderStatus", c.source AS "Source", c.connection_id AS "ConnectionId", k.name AS "ConnectionName", c.is_test AS "IsTest",
                   c.occurred_at AS "OccurredAt", c.starts_at AS "StartsAt", c.paid_at AS "PaidAt", c.value AS "Value", c.currency AS "Currency", c.refunded AS "Refunded",
                   c.location AS "Location", c.visitor_id AS "VisitorId", c.updated_at AS "UpdatedAt", c.attribution::text AS "Attribution", c.items::text AS "Items", c.tracking_id AS "TrackingId",
                   m.confidence AS "Confidence", m.reasons::text AS "Reasons",
                   CASE WHEN m.conversion_id IS NOT NULL THEN jsonb_build_object('decision', m.decision, 'touchpointId', t.id, 'eventId', t.event_id, 'occurredAt', t.occurred_at,
                        'channel', t.channel, 'campaign', t.campaign)::text END AS "Match"
              FROM conversions c LEFT JOIN connections k ON k.workspace_id = c.workspace_id AND k.id = c.connection_id
              LEFT JOIN matches m ON m.workspace_id = c.workspace_id AND m.conversion_id = c.id
              LEFT JOIN touchpoints t ON t.workspace_id = c.workspace_id AND t.website_id = c.website_id AND t.id = m.touchpoint_id
             WHERE c.workspace_id = ANY ({workspaces}) AND ({websiteId}::uuid IS NULL OR c.website_id = {websiteId}) AND ({id}::uuid IS NULL OR c.id = {id})
               AND ({cursor}::uuid IS NULL OR c.id < {cursor}) AND ({kind}::text IS NULL OR c.kind = {kind}) AND ({status}::text IS NULL OR c.status = {status})
               AND ({filter.Source}::text IS NULL OR c.source = {filter.Source})
               AND ({filter.From}::timestamptz IS NULL OR c.occurred_at >= {filter.From}) AND ({filter.To}::timestamptz IS NULL OR c.occurred_at < {filter.To})
               AND (NOT {withValueOnly} OR (c.value > 0 AND NOT c.is_test))
             ORDER BY c.id DESC LIMIT {limit}
            """).ToListAsync(cancel);
    }

    private static async Task<ILookup<Guid, ConversionStep>> StepsAsync(ClarityDbContext db, Guid workspaceId, List<Guid> conversions, CancellationToken cancel)
    {
        Guid[] ids = [.. conversions];
        var rows = await db.Database.SqlQuery<StepRow>($"""
            SELECT conversion_id AS "ConversionId", action AS "Action", occurred_at AS "At", recorded_at AS "RecordedAt", sender_status AS "SenderStatus", value AS "Value",
                   currency AS "Currency", refunded_total AS "RefundedTotal", starts_at AS "StartsAt", webhook_id AS "WebhookId"
              FROM conversion_changes WHERE workspace_id = {workspaceId} AND conversion_id = ANY ({ids}) ORDER BY occurred_at, coalesce(version, 0), id
            """).ToListAsync(cancel);
        return rows.ToLookup(r => r.ConversionId, r => new ConversionStep(EnumText.Parse<InboundAction>(r.Action) ?? InboundAction.Ignored, r.At, r.RecordedAt, r.SenderStatus,
            r.Value, r.Currency, r.RefundedTotal, r.StartsAt, r.WebhookId));
    }

    private static async Task<IReadOnlyList<ConversionOutcome>> OutcomesAsync(ClarityDbContext db, Guid workspaceId, Guid websiteId, Row conversion, CancellationToken cancel)
    {
        var id = conversion.Id;
        var recorded = conversion is { TrackingId: { } click, Name: { } type } ? RecordedConversions.EventIdOf(id, click, type, conversion.SenderId) : null;
        var rows = await db.Database.SqlQuery<OutcomeRow>($"""
            SELECT e.id AS "Id", x.name AS "Name", x.event_id AS "EventId"
              FROM conversion_events x LEFT JOIN events e ON e.workspace_id = x.workspace_id AND e.website_id = x.website_id AND e.event_id = x.event_id AND e.name = x.name
             WHERE x.workspace_id = {workspaceId} AND x.conversion_id = {id}
            UNION ALL
            SELECT id, name, event_id FROM events WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND event_id = {recorded}
             ORDER BY 1
            """).ToListAsync(cancel);
        var ids = rows.Where(r => r.Id is not null).Select(r => r.Id!.Value).ToList();
        var names = await db.Connections.AsNoTracking().Where(c => c.WorkspaceId == workspaceId && c.WebsiteId == websiteId).ToDictionaryAsync(c => c.Id, c => c.Name, cancel);
        var deliveries = (await db.Deliveries.AsNoTracking().Where(d => d.WorkspaceId == workspaceId && ids.Contains(d.EventId))
            .Select(d => new { d.EventId, d.Id, d.ConnectionId, d.Status, d.Reason }).ToListAsync(cancel))
            .ToLookup(d => d.EventId, d => new ConversionDelivery(d.Id, d.ConnectionId, names.GetValueOrDefault(d.ConnectionId), d.Status, d.Reason));
        return rows.ConvertAll(r => new ConversionOutcome(r.Id, r.Name, r.EventId, r.Id is { } own ? [.. deliveries[own].OrderBy(d => d.Id)] : []));
    }
}
