using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Routing;

/// <summary>What kind of values a field has; it decides how they are compared.</summary>
internal enum FieldValueKind
{
    /// <summary>Text; case does not matter.</summary>
    Text,
    /// <summary>A number.</summary>
    Number,
    /// <summary>true or false.</summary>
    Flag,
    /// <summary>An address of the network; a rule may name a whole network (203.0.113.0/24).</summary>
    Network,
}

/// <summary>
/// A field of an event that filter rules may ask about. All values are read as text; a field may have several (the ids of an order's items).
/// Nothing that tells who a person is can be asked, but for the country and the address, which tells staff from customers.
/// </summary>
internal sealed class EventField
{
    private const string PropertyPrefix = "properties.";
    private const int MostLevels = 5;

    private readonly Func<Event, string?>? _one;
    private readonly Func<Event, IEnumerable<string>>? _many;

    private EventField(string name, Func<Event, string?> one, FieldValueKind kind = FieldValueKind.Text) => (Name, _one, Kind) = (name, one, kind);

    private EventField(string name, Func<Event, IEnumerable<string>> many, FieldValueKind kind = FieldValueKind.Text) => (Name, _many, Kind) = (name, many, kind);

    /// <summary>As rules write it.</summary>
    public string Name { get; }

    /// <summary>What its values are.</summary>
    public FieldValueKind Kind { get; }

    /// <summary>Fields by name, in the order a person looks for them; own properties come as <c>properties.</c> and their name.</summary>
    public static IReadOnlyList<EventField> All { get; } =
    [
        new("event_name", e => e.Name),
        new("url", e => e.Url),
        new("url_host", e => AddressOf(e.Url)?.Host),
        new("url_path", e => AddressOf(e.Url) is { } url ? Uri.UnescapeDataString(url.AbsolutePath) : null),
        new("url_query", e => AddressOf(e.Url)?.Query.TrimStart('?')),
        new("referrer", e => e.Referrer),
        new("referrer_host", e => AddressOf(e.Referrer)?.Host),
        Campaign("source"), Campaign("medium"), Campaign("campaign"), Campaign("term"), Campaign("content"), Campaign("id"),
        new("value", e => e.Value?.ToString(CultureInfo.InvariantCulture), FieldValueKind.Number),
        new("currency", e => e.Currency),
        new("order_id", e => e.OrderId),
        new("items.id", e => OfItems(e, "id")),
        new("items.name", e => OfItems(e, "name")),
        new("items.category", e => OfItems(e, "category")),
        new("items.brand", e => OfItems(e, "brand")),
        new("items.price", e => OfItems(e, "price"), FieldValueKind.Number),
        new("items.quantity", e => OfItems(e, "quantity"), FieldValueKind.Number),
        new("items.count", e => ItemsOf(e).ValueKind == JsonValueKind.Array ? ItemsOf(e).GetArrayLength().ToString(CultureInfo.InvariantCulture) : null, FieldValueKind.Number),
        new("country", e => Countries.Code(e.Personal?.User?.Country)?.ToUpperInvariant()),
        new("visitor_id", e => e.VisitorId),
        new("session_id", e => e.SessionId),
        new("click_id", e => e.ClickIds.Keys),
        new("user_agent", e => e.UserAgent),
        new("ip", e => e.Personal?.Ip, FieldValueKind.Network),
        new("source", e => e.Source.Word()),
        new("is_test", e => e.IsTest ? "true" : "false", FieldValueKind.Flag),
    ];

    private static readonly Dictionary<string, EventField> ByName = All.ToDictionary(f => f.Name, StringComparer.Ordinal);

    /// <summary>The field of a name; null when there is none.</summary>
    public static EventField? Find(string name)
    {
        if (ByName.TryGetValue(name, out var field))
            return field;
        return PropertyOf(name) is { } path ? new EventField(name, e => Texts(At(e.Properties, path))) : null;
    }

    /// <summary>The path within the properties that a field's name stands for; null when it is no property's.</summary>
    public static string? PropertyOf(string name)
    {
        if (!name.StartsWith(PropertyPrefix, StringComparison.Ordinal))
            return null;
        var path = name[PropertyPrefix.Length..];
        var parts = path.Split('.');
        return parts.Length <= MostLevels && path.Length <= RuleLimits.LongestName && Array.TrueForAll(parts, part => part.Length > 0) ? path : null;
    }

    /// <summary>Does any of the field's values pass? Never when the event has none; an empty text is none.</summary>
    public bool Any(Event @event, Func<string, bool> test)
    {
        if (_one is not null)
            return _one(@event) is { Length: > 0 } only && test(only);
        foreach (var value in _many!(@event))
            if (value.Length > 0 && test(value))
                return true;
        return false;
    }

    /// <summary>The field's values as one text, for people; null when there are none.</summary>
    public string? Text(Event @event)
    {
        var text = _one is not null ? _one(@event) : string.Join(", ", _many!(@event));
        return string.IsNullOrEmpty(text) ? null : text;
    }

    /// <summary>The value at a path of names within an object; undefined when there is none. A name that holds dots is found as it stands first.</summary>
    public static JsonElement At(JsonElement from, string path)
    {
        if (from.ValueKind != JsonValueKind.Object)
            return default;
        if (from.TryGetProperty(path, out var whole))
            return whole;
        var dot = path.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && from.TryGetProperty(path[..dot], out var inner) ? At(inner, path[(dot + 1)..]) : default;
    }

    private static EventField Campaign(string name) => new("utm_" + name, e => e.Utm.GetValueOrDefault(name));

    private static Uri? AddressOf(string? url) => url is not null && Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Host.Length > 0 ? address : null;

    private static JsonElement ItemsOf(Event @event) => At(@event.Properties, "items");

    private static IEnumerable<string> OfItems(Event @event, string name)
    {
        var items = ItemsOf(@event);
        if (items.ValueKind != JsonValueKind.Array)
            yield break;
        foreach (var item in items.EnumerateArray())
            foreach (var text in Texts(At(item, name)))
                yield return text;
    }

    /// <summary>A value's texts: those of a list one by one, an object as its JSON.</summary>
    private static IEnumerable<string> Texts(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var element in value.EnumerateArray())
                    foreach (var text in element.ValueKind == JsonValueKind.Array ? [element.GetRawText()] : Texts(element))
                        yield return text;
                break;
            case JsonValueKind.String:
                yield return value.GetString()!;
                break;
            case JsonValueKind.Number or JsonValueKind.Object:
                yield return value.GetRawText();
                break;
            case JsonValueKind.True:
                yield return "true";
                break;
            case JsonValueKind.False:
                yield return "false";
                break;
            case JsonValueKind.Null or JsonValueKind.Undefined:
                break;
        }
    }
}
