using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Reports;

/// <summary>One event's whole way: what it is, what was decided about it, and every try to deliver it.</summary>
public sealed record EventTrace(EventDetails Event, IReadOnlyList<Decision> Decisions, IReadOnlyList<DeliveryTrace> Deliveries);

/// <summary>An event without anything readable about the person.</summary>
/// <param name="Id">Our id.</param>
/// <param name="EventId">The sender's id.</param>
/// <param name="Name">Canonical or custom event name.</param>
/// <param name="Source">Where it was seen.</param>
/// <param name="IsTest">Marked as test.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="ReceivedAt">UTC.</param>
/// <param name="VisitorId">Anonymous browser id.</param>
/// <param name="SessionId">The visit.</param>
/// <param name="Url">Address of the page.</param>
/// <param name="Referrer">Address of the page before it.</param>
/// <param name="Value">Major units of the currency.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="OrderId">The shop's own number.</param>
/// <param name="UserAgent">The browser's.</param>
/// <param name="BotReason">Why it looks like a bot; null = it does not.</param>
/// <param name="ClickIds">By URL parameter name.</param>
/// <param name="Cookies">Platform cookies by short name.</param>
/// <param name="Utm">Campaign parameters.</param>
/// <param name="Consent">What the visitor allowed; null = not told.</param>
/// <param name="Keys">Names of the match keys that are there; their hashes stand only in what was sent.</param>
/// <param name="Properties">The other properties.</param>
/// <param name="Redacted">Names of properties that looked like secrets.</param>
/// <param name="HasPersonalData">Readable data is kept, sealed; see the reveal call.</param>
public sealed record EventDetails(Guid Id, string EventId, string Name, EventSource Source, bool IsTest, DateTimeOffset OccurredAt, DateTimeOffset ReceivedAt,
    string? VisitorId, string? SessionId, string? Url, string? Referrer, decimal? Value, string? Currency, string? OrderId, string? UserAgent, string? BotReason,
    IReadOnlyDictionary<string, ClickId> ClickIds, IReadOnlyDictionary<string, string> Cookies, IReadOnlyDictionary<string, string> Utm, Consent? Consent,
    IReadOnlyList<string> Keys, JsonElement Properties, IReadOnlyList<string> Redacted, bool HasPersonalData);

/// <summary>What one stage did with the event.</summary>
/// <param name="Stage">collect, validate, enrich, identify, store or route.</param>
/// <param name="Outcome">One word.</param>
/// <param name="Reason">What it rests on; null when there is nothing to say.</param>
/// <param name="At">UTC.</param>
public sealed record Decision(string Stage, string Outcome, string? Reason, DateTimeOffset At);

/// <summary>The event's way to one connection.</summary>
public sealed record DeliveryTrace(Guid Id, Guid ConnectionId, string? ConnectionName, string? Platform, DeliveryStatus Status, string? Reason, string? Detail,
    DateTimeOffset CreatedAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? FinishedAt, IReadOnlyList<AttemptTrace> Attempts);

/// <summary>One try.</summary>
/// <param name="At">UTC.</param>
/// <param name="Url">Where it was sent, secrets masked.</param>
/// <param name="Request">This event's part of the request, secrets masked.</param>
/// <param name="HttpStatus">Null when no answer came.</param>
/// <param name="Response">The answer: JSON, or text when it is none.</param>
/// <param name="Outcome"><c>delivered</c>, or a word of <see cref="FailureKind"/>.</param>
/// <param name="Reason">In the platform's words.</param>
/// <param name="DurationMs">Milliseconds until the answer was read.</param>
public sealed record AttemptTrace(DateTimeOffset At, string? Url, JsonElement? Request, int? HttpStatus, JsonElement? Response, string Outcome, string? Reason, int? DurationMs);

/// <summary>Puts traces together.</summary>
public sealed class EventTraces(ClarityDb database, CallArchive archive)
{
    /// <summary>The trace of one event by our id, or by the sender's (the newest, when several event names share it).</summary>
    public async Task<Result<EventTrace>> GetAsync(Caller caller, Guid websiteId, string eventId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var workspaceId = found.Value.WorkspaceId;
        var events = db.Events.AsNoTracking().Where(e => e.WorkspaceId == workspaceId && e.WebsiteId == websiteId)
            .Select(e => new { Event = e, HasPersonalData = EF.Property<byte[]?>(e, "PersonalSealed") != null });
        var row = Guid.TryParse(eventId, out var id) ? await events.SingleOrDefaultAsync(e => e.Event.Id == id, cancel) : null;
        row ??= await events.Where(e => e.Event.EventId == eventId).OrderByDescending(e => e.Event.Id).FirstOrDefaultAsync(cancel);
        if (row is null)
            return Error.NotFound("event");
        var deliveries = await DeliveriesAsync(db, row.Event, cancel);
        return new EventTrace(Details(row.Event, row.HasPersonalData), [.. Decisions(row.Event, deliveries)], deliveries);
    }

    /// <summary>What happened, read off the stored row: the stages keep their results there and nowhere else.</summary>
    internal static IEnumerable<Decision> Decisions(Event e, IReadOnlyList<DeliveryTrace> deliveries)
    {
        var keys = e.MatchKeys.Names.Concat(e.Cookies.Keys).ToList();
        string[] campaign = [.. e.ClickIds.Keys, .. e.Utm.Keys.Select(k => "utm_" + k)];
        yield return new("collect", "accepted", e.Source.Word(), e.ReceivedAt);
        yield return e.BotReason is { } bot ? new("validate", "bot", bot, e.ReceivedAt)
            : e.Redacted.Count > 0 ? new("validate", "redacted", string.Join(", ", e.Redacted), e.ReceivedAt)
            : new("validate", "passed", null, e.ReceivedAt);
        yield return new("enrich", campaign.Length > 0 ? "campaign_found" : "no_campaign", campaign.Length > 0 ? string.Join(", ", campaign) : null, e.ReceivedAt);
        yield return new("identify", keys.Count > 0 ? "keys_found" : "no_keys", keys.Count > 0 ? string.Join(", ", keys) : null, e.ReceivedAt);
        yield return new("store", "stored", null, e.ReceivedAt);
        if (deliveries.Count == 0)
            yield return new("route", "no_connection", "No connection was on when the event was routed, or it still waits to be.", e.ReceivedAt);
        foreach (var d in deliveries)
            yield return d.Status == DeliveryStatus.Skipped
                ? new("route", "skipped", $"{d.Platform ?? "deleted connection"}: {d.Reason}{(d.Detail is null ? "" : $" ({d.Detail})")}", d.CreatedAt)
                : new("route", "routed", d.ConnectionName ?? "deleted connection", d.CreatedAt);
    }

    /// <summary>What platforms call the list of events in a call's body.</summary>
    private static readonly string[] ListNames = ["data", "events", "elements", "conversions", "conversionAdjustments", "values"];

    /// <summary>One event's part of a call's body: its element of the list of events, or its line (NDJSON); where there is none the whole body.</summary>
    internal static JsonElement RequestOf(string request, int position)
    {
        var body = Json.ElementOf(request);
        if (body.ValueKind == JsonValueKind.String && request.Split('\n') is var lines && position < lines.Length)
            return Json.ElementOf(lines[position]);
        var events = ListIn(body);
        return events.ValueKind == JsonValueKind.Array && position < events.GetArrayLength() ? events[position] : body;
    }

    private static JsonElement ListIn(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            return body;
        foreach (var name in ListNames)
            if (body.TryGetProperty(name, out var list) && list.ValueKind is JsonValueKind.Array or JsonValueKind.Object)
                return ListIn(list); // Reddit's list lies one level deeper
        return default;
    }

    private async Task<List<DeliveryTrace>> DeliveriesAsync(ClarityDbContext db, Event e, CancellationToken cancel)
    {
        var deliveries = await db.Deliveries.AsNoTracking().Where(d => d.WorkspaceId == e.WorkspaceId && d.EventId == e.Id).OrderBy(d => d.Id).ToListAsync(cancel);
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == e.WebsiteId).ToDictionaryAsync(c => c.Id, cancel);
        var ids = deliveries.ConvertAll(d => d.Id);
        var failed = await db.DeliveryAttempts.AsNoTracking().Where(a => a.WorkspaceId == e.WorkspaceId && ids.Contains(a.DeliveryId))
            .Select(a => new Try(a.DeliveryId, a.CallId, a.Position, a.At, a.Outcome, a.Reason)).ToListAsync(cancel);
        var delivered = await db.Database.SqlQuery<Try>($"""
            SELECT id AS "DeliveryId", call_id AS "CallId", call_position AS "Position", finished_at AS "At", status AS "Outcome", NULL AS "Reason"
              FROM deliveries WHERE workspace_id = {e.WorkspaceId} AND event_id = {e.Id} AND call_id IS NOT NULL
            """).ToListAsync(cancel);
        var callIds = failed.Concat(delivered).Select(t => t.CallId).Distinct().ToList();
        var calls = await db.DeliveryCalls.AsNoTracking().Where(c => c.WorkspaceId == e.WorkspaceId && callIds.Contains(c.Id)).ToDictionaryAsync(c => c.Id, cancel);
        var byDelivery = failed.Concat(delivered).Select(t => (t.DeliveryId, Trace: TraceOf(t, calls.GetValueOrDefault(t.CallId)))).OrderBy(t => t.Trace.At)
            .ToLookup(t => t.DeliveryId, t => t.Trace);
        return deliveries.ConvertAll(d =>
        {
            var connection = connections.GetValueOrDefault(d.ConnectionId);
            return new DeliveryTrace(d.Id, d.ConnectionId, connection?.Name, connection?.Platform, d.Status, d.Reason, d.Detail, d.CreatedAt, d.NextAttemptAt,
                d.FinishedAt, [.. byDelivery[d.Id]]);
        });
    }

    /// <summary>One try, wherever it is kept.</summary>
    private sealed record Try(Guid DeliveryId, Guid CallId, int Position, DateTimeOffset At, string Outcome, string? Reason);

    private AttemptTrace TraceOf(Try @try, DeliveryCall? call) => new(call?.At ?? @try.At, call?.Url,
        call is null || archive.Unpack(call.WorkspaceId, call.Id, call.Request) is not { } request ? null : RequestOf(request, @try.Position), call?.HttpStatus,
        call?.Response is { } response ? Json.ElementOf(response) : null, @try.Outcome, @try.Reason, call?.DurationMs);

    private static EventDetails Details(Event e, bool hasPersonalData) => new(e.Id, e.EventId, e.Name, e.Source, e.IsTest, e.OccurredAt, e.ReceivedAt, e.VisitorId,
        e.SessionId, e.Url, e.Referrer, e.Value, e.Currency, e.OrderId, e.UserAgent, e.BotReason, e.ClickIds, e.Cookies, e.Utm, e.Consent,
        [.. e.MatchKeys.Names], e.Properties, e.Redacted, hasPersonalData);
}
