using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Reports;

/// <summary>Which events to list.</summary>
/// <param name="Name">Event name.</param>
/// <param name="Source">Where it was seen.</param>
/// <param name="Visitor">Anonymous browser id.</param>
/// <param name="From">Received at or after (UTC).</param>
/// <param name="To">Received before (UTC).</param>
/// <param name="Bot">Only events held back as bots for this reason; an empty text = for any.</param>
/// <param name="Without">Only events that ad platforms may get and that lack this match key, or carry it in a form nobody can use; a name of <see cref="KeyCoverage"/>.</param>
public sealed record EventFilter(string? Name = null, EventSource? Source = null, string? Visitor = null, DateTimeOffset? From = null, DateTimeOffset? To = null,
    string? Without = null, string? Bot = null);

/// <summary>An event in a list; nothing readable about the person. Keys and click ids are names, not values. Consent is null when nothing is known of it.</summary>
public sealed record EventSummary(Guid Id, string EventId, string Name, EventSource Source, bool IsTest, DateTimeOffset OccurredAt, DateTimeOffset ReceivedAt,
    string? VisitorId, string? SessionId, string? Url, decimal? Value, string? Currency, string? OrderId, string? BotReason,
    IReadOnlyList<string> Keys, IReadOnlyList<string> ClickIds, Consent? Consent, IReadOnlyList<DeliverySummary> Deliveries);

/// <summary>Events that were sent with a working key and refused for the same reason.</summary>
/// <param name="Reason">A stable code of <see cref="Ingestion.DropReason"/>.</param>
/// <param name="Detail">One sentence for a person, of the newest of them; null = none is known.</param>
/// <param name="Count">How many.</param>
public sealed record Refusal(string Reason, string? Detail, int Count);

/// <summary>How an event does on its way to one connection.</summary>
public sealed record DeliverySummary(Guid Id, Guid ConnectionId, DeliveryStatus Status, string? Reason);

/// <summary>The event log, read.</summary>
public sealed class EventQueries(ClarityDb database, PersonalDataSealer sealer, EventLoader loader, TimeProvider clock)
{
    /// <summary>How far behind the newest one the live page looks again: events of one moment become visible in the order of their commits.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(5);

    /// <summary>Events of a website, newest first.</summary>
    public async Task<Result<Page<EventSummary>>> ListAsync(Caller caller, Guid websiteId, EventFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        limit = Page.Clamp(limit);
        var events = Filtered(db, website.Value, filter);
        if (cursor is { } before)
            events = events.Where(e => e.Id < before);
        if (filter.Without is { } key)
            return await WithoutAsync(db, website.Value, events, key, limit, cancel);
        var rows = await SummariesAsync(db, website.Value, events.OrderByDescending(e => e.Id).Take(limit + 1), cancel);
        return Page.Of(rows, limit, e => e.Id);
    }

    /// <summary>
    /// The newest events whose name holds a text, and the one whose id (ours or the sender's) it is; without a text the newest of all. Names are
    /// those of the last seven days, taken from the hourly sums, so that a text that fits nothing reads no log.
    /// </summary>
    public async Task<Result<IReadOnlyList<EventSummary>>> SearchAsync(Caller caller, Guid websiteId, string? text, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var events = Filtered(db, website.Value, new EventFilter());
        if (text?.Trim() is { Length: > 0 } wanted)
        {
            var since = clock.GetUtcNow() - TimeSpan.FromDays(7);
            var known = await db.EventRollups.AsNoTracking().Where(r => r.WorkspaceId == website.Value.WorkspaceId && r.WebsiteId == websiteId && r.Hour >= since)
                .Select(r => r.Name).Distinct().ToListAsync(cancel);
            var part = wanted.Replace(' ', '_'); // as pages write names
            var names = known.FindAll(name => name.Contains(part, StringComparison.OrdinalIgnoreCase) || name.Contains(wanted, StringComparison.OrdinalIgnoreCase));
            var id = Guid.TryParse(wanted, out var ours) ? ours : Guid.Empty;
            events = events.Where(e => e.EventId == wanted || e.Id == id || names.Contains(e.Name));
        }
        return await SummariesAsync(db, website.Value, events.OrderByDescending(e => e.Id).Take(Page.Clamp(limit)), cancel);
    }

    /// <summary>
    /// For a page that follows live: what has arrived since the newest event it shows, newest first. Events of the last seconds before it
    /// come again, because a commit that took longer may have put one between; drop by id what is shown already.
    /// </summary>
    public async Task<Result<IReadOnlyList<EventSummary>>> ListSinceAsync(Caller caller, Guid websiteId, EventFilter filter, Guid? sinceId, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var events = Filtered(db, website.Value, filter);
        if (sinceId is { } since)
        {
            var lowest = Partitions.LowestId(TimeOf(since) - Overlap);
            events = events.Where(e => e.Id > lowest && e.Id != since);
        }
        return await SummariesAsync(db, website.Value, events.OrderByDescending(e => e.Id).Take(Page.Clamp(limit)), cancel);
    }

    /// <summary>What was refused of a website's events since then, the most frequent first. Events sent again are no refusals.</summary>
    public async Task<Result<IReadOnlyList<Refusal>>> RefusalsSinceAsync(Caller caller, Guid websiteId, DateTimeOffset since, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var (workspaceId, lowest) = (website.Value.WorkspaceId, Partitions.LowestId(since));
        // the newest thousand tell the story; a flood must not be counted each time somebody looks
        var rows = await db.DroppedEvents.AsNoTracking()
            .Where(d => d.WorkspaceId == workspaceId && d.WebsiteId == websiteId && d.Id >= lowest && d.Reason != "duplicate")
            .OrderByDescending(d => d.Id).Take(1000).Select(d => new { d.Reason, d.Detail }).ToListAsync(cancel);
        return rows.GroupBy(r => r.Reason).Select(g => new Refusal(g.Key, g.First().Detail, g.Count())).OrderByDescending(r => r.Count).ToList();
    }

    /// <summary>Opens the readable personal data of one event and writes into the audit log that it was looked at.</summary>
    /// <returns>Null when nothing readable was kept (privacy mode, or the sender told nothing).</returns>
    public async Task<Result<PersonalData?>> RevealPersonalAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var workspaceId = website.Value.WorkspaceId;
        var row = await db.Events.AsNoTracking().Where(e => e.WorkspaceId == workspaceId && e.WebsiteId == websiteId && e.Id == id)
            .Select(e => new { Sealed = EF.Property<byte[]?>(e, "PersonalSealed") }).SingleOrDefaultAsync(cancel);
        if (row is null)
            return Error.NotFound("event");
        db.Audit(workspaceId, caller, "personal_data.revealed", $"event {id}", null, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        try
        {
            return row.Sealed is null ? (PersonalData?)null : sealer.Open(workspaceId, id, row.Sealed);
        }
        catch (CryptographicException)
        {
            return new Error(ErrorKind.Conflict, "sealed_with_another_key", "This personal data was sealed with another master key and cannot be opened.", []);
        }
    }

    /// <summary>
    /// Whether a key is usable shows only when the personal data is open, so the newest events are looked at one by one, some thousands at most
    /// a page: the page may be short, or empty, and still have a next one.
    /// </summary>
    private async Task<Page<EventSummary>> WithoutAsync(ClarityDbContext db, Website website, IQueryable<Event> events, string key, int limit, CancellationToken cancel)
    {
        const int most = 5_000, atOnce = 500;
        var keys = KeyCoverage.CountedAs(key);
        var (found, seen, last, isMore) = (new List<Guid>(), 0, (Guid?)null, true);
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            while (isMore && seen < most && found.Count <= limit)
            {
                var older = last is { } before ? events.Where(e => e.Id < before) : events;
                var ids = await older.OrderByDescending(e => e.Id).Select(e => e.Id).Take(atOnce).ToListAsync(cancel);
                isMore = ids.Count == atOnce;
                if (ids.Count == 0)
                    break;
                // the caller's own connection: row level security holds for it
                var loaded = await loader.LoadAsync((NpgsqlConnection)db.Database.GetDbConnection(), [.. ids.Select(id => new EventAddress(website.WorkspaceId, website.Id, id))], cancel);
                found.AddRange(ids.Where(id => loaded.TryGetValue(id, out var e) && KeyCoverage.IsCounted(e) && !keys.Any(KeyCoverage.KeysOf(e, website.DefaultCountry).Contains)));
                (seen, last) = (seen + ids.Count, ids[^1]);
            }
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
        Guid? next = found.Count > limit ? found[limit - 1] : isMore ? last : null;
        found = [.. found.Take(limit)];
        if (found.Count == 0)
            return new Page<EventSummary>([], next);
        var (newest, oldest) = (found[0], found[^1]);
        return new Page<EventSummary>(
            await SummariesAsync(db, website, events.Where(e => e.Id <= newest && e.Id >= oldest && found.Contains(e.Id)).OrderByDescending(e => e.Id), cancel), next);
    }

    private static IQueryable<Event> Filtered(ClarityDbContext db, Website website, EventFilter filter)
    {
        var events = db.Events.AsNoTracking().Where(e => e.WorkspaceId == website.WorkspaceId && e.WebsiteId == website.Id);
        if (filter.Name is { } name)
            events = events.Where(e => e.Name == name);
        if (filter.Source is { } source)
            events = events.Where(e => e.Source == source);
        if (filter.Visitor is { } visitor)
            events = events.Where(e => e.VisitorId == visitor);
        if (filter.Bot is { } reason)
            events = events.Where(e => e.BotReason != null && (reason == "" || e.BotReason == reason));
        // Ids carry the time of arrival, so a time range is a range of ids and touches only its weeks' partitions.
        if (filter.From is { } from)
        {
            var lowest = Partitions.LowestId(from);
            events = events.Where(e => e.Id >= lowest);
        }
        if (filter.To is { } to)
        {
            var highest = Partitions.LowestId(to);
            events = events.Where(e => e.Id < highest);
        }
        return events;
    }

    private static async Task<List<EventSummary>> SummariesAsync(ClarityDbContext db, Website website, IQueryable<Event> events, CancellationToken cancel)
    {
        var rows = await events.Select(e => new
        {
            e.Id,
            e.EventId,
            e.Name,
            e.Source,
            e.IsTest,
            e.OccurredAt,
            e.ReceivedAt,
            e.VisitorId,
            e.SessionId,
            e.Url,
            e.Value,
            e.Currency,
            e.OrderId,
            e.BotReason,
            e.MatchKeys,
            e.ClickIds,
            e.Consent,
        }).ToListAsync(cancel);
        var ids = rows.ConvertAll(e => e.Id);
        var deliveries = (await db.Deliveries.AsNoTracking().Where(d => d.WorkspaceId == website.WorkspaceId && ids.Contains(d.EventId))
            .Select(d => new { d.EventId, d.Id, d.ConnectionId, d.Status, d.Reason }).ToListAsync(cancel))
            .ToLookup(d => d.EventId, d => new DeliverySummary(d.Id, d.ConnectionId, d.Status, d.Reason));
        return rows.ConvertAll(e => new EventSummary(e.Id, e.EventId, e.Name, e.Source, e.IsTest, e.OccurredAt, e.ReceivedAt, e.VisitorId, e.SessionId, e.Url,
            e.Value, e.Currency, e.OrderId, e.BotReason, [.. (e.MatchKeys ?? MatchKeys.None).Names], [.. e.ClickIds?.Keys ?? []], e.Consent, [.. deliveries[e.Id].OrderBy(d => d.Id)]));
    }

    /// <summary>The time inside a UUIDv7 (UTC, whole milliseconds).</summary>
    internal static DateTimeOffset TimeOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var ms = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16;
        return ms > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.MaxValue : DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
