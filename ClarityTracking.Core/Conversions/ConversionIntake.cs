using System.Text.Json;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Conversions;

/// <summary>What became of a record. Its conversion is stored in any case.</summary>
/// <param name="Refused">Why intake refused one of its events, in a sentence; null = all went in.</param>
/// <param name="Changes">How many changes it told that were not known before.</param>
public sealed record AppliedRecord(string? Refused, int Changes);

/// <summary>
/// Gives intake the events that conversions and checkouts give rise to: what the sender tells, joined by the visitor's id with what the
/// browser told before (click ids, browser ids, consent, address), since no sender knows those.
/// </summary>
public sealed class ConversionIntake(IngestPipeline pipeline, VisitorMemory visitors, TimeProvider clock)
{
    /// <summary>Applies a complete record and takes in the events it owes.</summary>
    /// <exception cref="IntakeUnavailableException">Intake takes nothing for now; apply the record again later.</exception>
    public async Task<AppliedRecord> ApplyAsync(SourceConnection source, ConversionWriter writer, InboundRecord record, Guid? webhookId, DateTimeOffset receivedAt, CancellationToken cancel)
    {
        // an amount without a currency is in the website's
        record = await WithBrowsersIdAsync(source, record with { Currency = record.Currency ?? (record.Value is null ? null : source.Owner.Currency) }, cancel);
        if (record.Action == InboundAction.CheckoutStarted)
        {
            var begun = new ConversionEvent("initiate_checkout", $"checkout_{ConversionEvent.ShortId(record.EntityId ?? record.DeliveryKey ?? "")}", record.EventTime ?? receivedAt, record.Value);
            return new AppliedRecord((await TakeInAsync(source, record, record.EntityId, [begun], cancel)).Refused, 0);
        }
        var changed = await writer.ApplyAsync(source, record, webhookId, receivedAt, cancel);
        if (changed is not { Owed.Count: > 0 })
            return new AppliedRecord(null, changed?.Fresh ?? 0);
        var (taken, refused) = await TakeInAsync(source, changed.Record with { Currency = changed.State.Currency }, changed.SenderId, changed.Owed, cancel);
        await writer.MarkTakenInAsync(source, changed.Id, taken, cancel); // what was refused stays owed: a replay gives it again
        return new AppliedRecord(refused, changed.Fresh);
    }

    /// <summary>The visitor by the id the browser has, see <see cref="VisitorMemory.IdOfAsync"/>.</summary>
    private async Task<InboundRecord> WithBrowsersIdAsync(SourceConnection source, InboundRecord record, CancellationToken cancel) =>
        record.Attribution?.GetValueOrDefault("visitor_id") is { } told && await visitors.IdOfAsync(source, told, cancel) is var id && id != told
            ? record with { Attribution = new Dictionary<string, string>(record.Attribution) { ["visitor_id"] = id } } : record;

    private async Task<(IReadOnlyList<ConversionEvent> Taken, string? Refused)> TakeInAsync(SourceConnection source, InboundRecord record, string? senderId, IReadOnlyList<ConversionEvent> events, CancellationToken cancel)
    {
        var visitor = record.Attribution?.GetValueOrDefault("visitor_id") is { } id ? await visitors.RecallAsync(source, id, cancel) : null;
        var json = events.Select(e => EventJson(source, record, senderId, e, visitor)).ToList();
        var context = new IngestContext
        {
            Owner = source.Owner with { IsTest = record.Test == true || source.IsTest },
            Source = EventSource.Webhook,
            ReceivedAt = clock.GetUtcNow(),
            PrivacySignal = visitor?.Consent?.Signal,
        };
        var result = await pipeline.TakeInAsync(json, context);
        var taken = events.Where((_, index) => result.Rejected.All(r => r.Index != index)).ToList();
        return (taken, result.Rejected is [var first, ..] ? $"The event {events[first.Index].Name} was refused: {first.Drop.Detail}" : null);
    }

    private static JsonElement EventJson(SourceConnection source, InboundRecord record, string? senderId, ConversionEvent made, RecalledVisitor? visitor)
    {
        var told = record.Attribution ?? new Dictionary<string, string>();
        var isStandard = EnvelopeStep.EventTypes.Contains(made.Name);
        var properties = new Dictionary<string, object?>
        {
            ["event_name"] = isStandard ? null : made.Name,
            ["value"] = made.Value,
            ["currency"] = made.Value is null ? null : record.Currency,
            ["order_id"] = senderId is null ? null : ConversionEvent.ShortId(senderId),
            ["order_number"] = record.EntityNumber,
            ["items"] = made.Name == "refund" ? null : record.Items?.Take(MostItems).Select(i => new { id = Short(i.Id ?? i.ProductId ?? i.Sku), name = Short(i.Name), price = Money.Read(i.UnitPrice), quantity = i.Quantity }),
            ["remaining_value"] = made.Remaining,
            ["starts_at"] = record.StartsAt,
            ["location"] = record.Location,
            ["source_platform"] = source.Platform,
            ["channel"] = record.Channel,
            ["url"] = Page(told.GetValueOrDefault("landing_url"), source.Domain) ?? visitor?.Url,
            ["referrer"] = told.GetValueOrDefault("referrer") ?? visitor?.Referrer,
        };
        var clickIds = visitor?.ClickIds.ToDictionary(c => c.Key, c => (object)new { value = c.Value.Value, first_seen = c.Value.FirstSeen }) ?? [];
        foreach (var (name, value) in told)
            if (ClickIdNames.All.TryGetValue(name, out var known) && !clickIds.ContainsKey(known))
                clickIds[known] = value;
        var cookies = new Dictionary<string, string>(visitor?.Cookies ?? new Dictionary<string, string>());
        foreach (var name in new[] { "fbp", "fbc" })
            if (told.GetValueOrDefault(name) is { } cookie)
                cookies[name] = cookie;
        var user = ConversionWriter.PersonOf(record);
        return JsonSerializer.SerializeToElement(new
        {
            event_id = made.EventId,
            event_type = isStandard ? made.Name : "custom",
            timestamp = made.OccurredAt.ToUnixTimeMilliseconds(),
            visitor_id = told.GetValueOrDefault("visitor_id"),
            session_id = visitor?.SessionId,
            properties = properties.Where(p => p.Value is not null).ToDictionary(p => p.Key, p => p.Value),
            user = new
            {
                email = user.Email.Where(Fits),
                phone = user.Phone.Where(Fits),
                external_id = user.ExternalId.Where(Fits),
                first_name = Short(user.FirstName),
                last_name = Short(user.LastName),
                city = Short(user.City),
                state = Short(user.State),
                zip = Short(user.Zip),
                country = Short(user.Country),
                ip = AddressIn(record.Ip) ?? visitor?.Ip,
                user_agent = record.UserAgent is { Length: <= 2000 } agent ? agent : visitor?.UserAgent,
            },
            click_ids = clickIds,
            cookies,
            utm = UtmOf(told) is { Count: > 0 } utm ? utm : visitor?.Utm,
            consent = visitor?.Consent is { } consent
                ? new { ad_user_data = Word(consent.AdUserData), ad_personalization = Word(consent.AdPersonalization), ad_storage = Word(consent.AdStorage), analytics_storage = Word(consent.AnalyticsStorage) }
                : null,
        });
    }

    /// <summary>Lines of an order that go into its event.</summary>
    private const int MostItems = 100;

    /// <summary>Shorter than the longest text intake takes: a sender's nonsense must not cost the event.</summary>
    private const int LongestText = 300;

    /// <summary>A name, cut to <see cref="LongestText"/>.</summary>
    private static string? Short(string? text) => Fits(text) ? text : text![..LongestText];

    /// <summary>Of what identifies a person, a cut piece would be somebody else: it is left out.</summary>
    private static bool Fits(string? text) => text is null or { Length: <= LongestText };

    /// <summary>The client's address of a list that proxies made; null when it is none.</summary>
    private static string? AddressIn(string? ip) => ip?.Split(',')[0].Trim() is { } first && System.Net.IPAddress.TryParse(first, out _) ? first : null;

    private static Dictionary<string, string> UtmOf(IReadOnlyDictionary<string, string> told) =>
        told.Where(t => t.Key.StartsWith("utm_", StringComparison.Ordinal)).ToDictionary(t => t.Key[4..], t => t.Value);

    private static string? Word(bool? granted) => granted switch { true => "granted", false => "denied", null => null };

    /// <summary>A landing address that a shop keeps without its own host.</summary>
    private static string? Page(string? landing, string domain) =>
        landing is null ? null : landing.StartsWith('/') ? $"https://{domain}{landing}" : landing.StartsWith("http", StringComparison.Ordinal) ? landing : null;
}
