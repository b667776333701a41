using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Ingestion;

/// <summary>
/// The way of an event from a parsed request to the database. Read <see cref="Take"/> first: each step adds its part to the draft or
/// drops the event with a named reason. What is taken is durable when <see cref="TakeInAsync"/> returns.
/// </summary>
public sealed class IngestPipeline(EventWriter writer, PersonalDataSealer sealer, DailySalts salts, PageBursts bursts)
{
    /// <summary>Takes in the events of one request.</summary>
    /// <param name="events">The elements of the request's <c>events</c>.</param>
    /// <param name="context">What they share.</param>
    /// <exception cref="IntakeUnavailableException">Nothing was stored: the buffer is full or the database is away. Send again later.</exception>
    public async Task<IngestResult> TakeInAsync(IReadOnlyList<JsonElement> events, IngestContext context)
    {
        var rows = new List<EventRow>(events.Count);
        var rejected = new List<RejectedEvent>();
        var dropped = new List<DroppedEvent>();
        for (var index = 0; index < events.Count; index++)
        {
            var draft = new EventDraft(events[index]);
            if (Take(draft, context) is { } drop)
            {
                rejected.Add(new RejectedEvent(index, drop));
                dropped.Add(DroppedEventOf(draft, drop, context));
                continue;
            }
            if (DailyVisitor.IsNeeded(draft, context))
                DailyVisitor.Give(draft, context, await salts.OfTodayAsync());
            draft.BotReason ??= bursts.Verdict(draft, context);
            if (!context.Owner.BotRules.IsEmpty && context.Source != EventSource.Webhook) // a booking that was signed for is no bot's
                draft.BotReason = context.Owner.BotRules.Verdict(draft, context);
            rows.Add(RowOf(draft, context, index));
        }
        if (rows.Count + dropped.Count == 0)
            return new IngestResult(0, 0, rejected);

        var written = await writer.WriteAsync(new WriteRequest(rows, dropped));
        rejected.AddRange(written.NotStorable.Select(index => new RejectedEvent(index, NotStorable)));
        return new IngestResult(rows.Count - written.NotStorable.Count, written.Duplicates, rejected);
    }

    /// <summary>All steps in order. Null = the draft is complete.</summary>
    private static Drop? Take(EventDraft draft, IngestContext context) =>
        TextStep.Read(draft)
        ?? EnvelopeStep.Read(draft)
        ?? TimestampStep.Read(draft, context)
        ?? PropertiesStep.Read(draft, context)
        ?? MoneyStep.Read(draft, context)
        ?? UserStep.Read(draft, context)
        ?? ConsentStep.Read(draft, context)
        ?? ClickIdStep.Read(draft)
        ?? AddressStep.Read(draft, context)
        ?? BotStep.Read(draft, context)
        ?? MatchKeyStep.Read(draft, context);

    private EventRow RowOf(EventDraft draft, IngestContext context, int index)
    {
        var stored = draft.ToEvent(context, index);
        var personal = stored.Personal is null ? null : sealer.Seal(stored.WorkspaceId, stored.Id, stored.Personal);
        // Without an id of the sender's own, nothing can be sent twice.
        var key = draft.EventId is null ? (Guid?)null : DuplicateKey(stored);
        return new EventRow(stored, key, draft.PropertiesJson, personal, index);
    }

    /// <summary>128 bits of SHA-256 over website, event name and event id: the identity under which an event is stored once.</summary>
    private static Guid DuplicateKey(Event stored)
    {
        var (nameLength, idLength) = (Encoding.UTF8.GetByteCount(stored.Name), Encoding.UTF8.GetByteCount(stored.EventId));
        var length = 16 + nameLength + 1 + idLength;
        var text = length <= 1024 ? stackalloc byte[length] : new byte[length];
        stored.WebsiteId.TryWriteBytes(text);
        Encoding.UTF8.GetBytes(stored.Name, text[16..]);
        text[16 + nameLength] = 0;
        Encoding.UTF8.GetBytes(stored.EventId, text[(17 + nameLength)..]);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(text, hash);
        return new Guid(hash[..16], bigEndian: true);
    }

    private static DroppedEvent DroppedEventOf(EventDraft draft, Drop drop, IngestContext context) => new()
    {
        WorkspaceId = context.Owner.WorkspaceId,
        WebsiteId = context.Owner.WebsiteId,
        Id = Guid.CreateVersion7(context.ReceivedAt),
        ReceivedAt = context.ReceivedAt,
        EventId = draft.EventId,
        Name = draft.Name,
        Reason = drop.Reason.Word(),
        Detail = drop.Detail,
    };

    private static readonly Drop NotStorable = new(DropReason.NotStorable, "The event was not stored and may be sent again. The other events of the request are stored.");
}
