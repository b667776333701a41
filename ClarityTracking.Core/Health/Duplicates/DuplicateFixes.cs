using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Tells how to stop duplicates like those of a group: by a filter rule where a field tells them apart, else by a change at the sender.</summary>
internal static class DuplicateFixes
{
    /// <summary>Fields by which a rule can tell the twins apart, those that say most about where they come from first.</summary>
    private static readonly (string Field, Func<DuplicateEvent, string?> Of)[] Fields =
        [("source", e => e.Source), ("properties.source_platform", e => e.Sender), ("url_host", e => e.Host), ("event_name", e => e.Name)];

    /// <summary>What to do about a group.</summary>
    public static DuplicateFix Of(DuplicateReason reason, IReadOnlyList<DuplicateEvent> events)
    {
        if (reason != DuplicateReason.SameId)
            foreach (var (field, of) in Fields)
                if (KeptBack(events, of) is { } value)
                    return ByRule(events, field, of, value);
        return ByChange(reason, events);
    }

    /// <summary>A value of a field that all but one event have and that one has not; of two such values the one whose events know less of the person.</summary>
    private static string? KeptBack(IReadOnlyList<DuplicateEvent> events, Func<DuplicateEvent, string?> of) =>
        events.GroupBy(of, StringComparer.OrdinalIgnoreCase).Where(g => !string.IsNullOrEmpty(g.Key) && events.Count - g.Count() == 1)
            .OrderBy(g => g.Average(e => e.Keys)).ThenByDescending(g => g.Key == EventSource.Browser.Word()).ThenByDescending(g => g.Min(e => e.ReceivedAt))
            .FirstOrDefault()?.Key;

    private static DuplicateFix ByRule(IReadOnlyList<DuplicateEvent> events, string field, Func<DuplicateEvent, string?> of, string value)
    {
        var names = events.Where(e => string.Equals(of(e), value, StringComparison.OrdinalIgnoreCase)).Select(e => e.Name).Distinct(StringComparer.Ordinal).ToList();
        var kept = events.First(e => !string.Equals(of(e), value, StringComparison.OrdinalIgnoreCase));
        var conditions = new List<object> { new { field = "event_name", op = "in", value = names } };
        if (field != "event_name")
            conditions.Add(new { field, op = "equals", value });
        var rule = new FilterRuleValues($"Stop {names[0]} from {(field == "event_name" ? "another name" : value.Length > 60 ? value[..60] : value)}: told twice", null, null, true,
            JsonSerializer.SerializeToElement(new { all = conditions }), JsonSerializer.SerializeToElement(new { action = "exclude" }));
        var what = field switch
        {
            "source" => $"Send {names[0]} of the {Word(kept.Source)} only: keep back what the {Word(value)} tells",
            "event_name" => $"Send {kept.Name} only: keep back {value}",
            _ => $"Send {names[0]} of {of(kept) ?? "the other sender"} only: keep back what {value} tells",
        };
        return new DuplicateFix($"{what}. The events are still stored and shown. Better in the long run: one event id on both sides.", rule, field, value, CodeOf(events));
    }

    private static DuplicateFix ByChange(DuplicateReason reason, IReadOnlyList<DuplicateEvent> events) => new(reason switch
    {
        DuplicateReason.SameId => "The sender repeats an event after more than 7 days. No rule can know the first one: let the sender forget events that were answered with 202.",
        DuplicateReason.SameOrder => "The events differ in nothing a rule could ask for. Give the event an id made of the order number: the second is then ended on arrival.",
        _ when events.Any(e => e.Source == EventSource.Browser.Word()) =>
            "A page that is loaded again, or a form that is sent twice. No rule can know the first event: give it an order number or an id of its own, and the second is ended on arrival.",
        _ => "The server tells it twice and each time under a new id. No rule can know the first one: make the id of something that stays the same, such as the order number.",
    }, null, null, null, CodeOf(events));

    private static string CodeOf(IReadOnlyList<DuplicateEvent> events)
    {
        var name = events[^1].Name;
        var number = events.Select(e => e.OrderId).FirstOrDefault(o => !string.IsNullOrEmpty(o)) ?? "1001";
        var isBrowsers = events.All(e => e.Source == EventSource.Browser.Word());
        var value = events.Select(e => e.Value).FirstOrDefault(v => v is not null) ?? 149.90m;
        var currency = events.Select(e => e.Currency).FirstOrDefault(c => c is not null) ?? "EUR";
        if (isBrowsers && name == "purchase")
            return string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""ClarityTracking.trackPurchase({{value:0.00}}, {currency: {{Text(currency)}}, orderId: {{Text(number)}}});""");
        return isBrowsers
            ? $$"""ClarityTracking.trackEvent({{Text(name)}}, {eventId: {{Text($"{name}_{number}")}}});"""
            : JsonSerializer.Serialize(new { event_id = $"{name}_{number}", event_type = name, properties = new { order_id = number } });
    }

    private static string Text(string text) => JsonSerializer.Serialize(text);

    private static string Word(string? source) => source switch
    {
        "browser" => "browser",
        "server" => "server",
        "webhook" => "webhooks",
        _ => source ?? "other side",
    };
}
