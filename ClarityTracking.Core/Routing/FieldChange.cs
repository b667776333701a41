using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Routing;

/// <summary>What rules may do with one field of the copy that a connection gets.</summary>
/// <param name="Name">As rules write it.</param>
/// <param name="CanRemove">Whether an event can do without it.</param>
/// <param name="Check">What is wrong with a value, one sentence, or null; null = the field cannot be set, only removed.</param>
/// <param name="Read">What it is now; null = the event has none.</param>
/// <param name="Write">The content with another value; null = without it.</param>
internal sealed record WritableField(string Name, bool CanRemove, Func<JsonElement, string?>? Check, Func<EventContent, JsonElement?> Read,
    Func<EventContent, JsonElement?, EventContent> Write)
{
    private const int LongestAddress = 8192, LongestOrderId = 200, LongestCampaignText = 500;
    private const decimal LargestAmount = 999_999_999_999_999m;
    private const string Personal = "It looks like personal data; rules cannot write any.";

    /// <summary>Members of the properties that repeat a field, so that both say the same.</summary>
    private static readonly string[] Mirrored = ["value", "currency", "order_id"];

    /// <summary>All but the own properties.</summary>
    public static IReadOnlyList<WritableField> All { get; } =
    [
        new("event_name", CanRemove: false, v => CheckText(v, RuleLimits.LongestName), c => Of(c.Name), (c, v) => c with { Name = v!.Value.GetString()!.Trim() }),
        new("url", CanRemove: true, CheckAddress, c => Of(c.Url), (c, v) => c with { Url = v?.GetString() }),
        new("url_query", CanRemove: true, Check: null, c => c.Url is { } url && url.Contains('?', StringComparison.Ordinal) ? Of(url) : null,
            (c, _) => c with { Url = WithoutQuery(c.Url) }),
        new("referrer", CanRemove: true, CheckAddress, c => Of(c.Referrer), (c, v) => c with { Referrer = v?.GetString() }),
        Campaign("source"), Campaign("medium"), Campaign("campaign"), Campaign("term"), Campaign("content"), Campaign("id"),
        new("value", CanRemove: true, CheckAmount, c => c.Value is { } value ? JsonSerializer.SerializeToElement(value) : null,
            (c, v) => Mirror(c with { Value = v is { } value && AmountOf(value) is { } amount ? Math.Round(amount, 4, MidpointRounding.AwayFromZero) : null }, "value")),
        new("currency", CanRemove: true, CheckCurrency, c => Of(c.Currency), (c, v) => Mirror(c with { Currency = v?.GetString()!.Trim().ToUpperInvariant() }, "currency")),
        new("order_id", CanRemove: true, v => CheckText(v, LongestOrderId), c => Of(c.OrderId), (c, v) => Mirror(c with { OrderId = v?.GetString() }, "order_id")),
        new("items", CanRemove: true, Check: null, c => EventField.At(c.Properties, "items") is { ValueKind: not JsonValueKind.Undefined } items ? items : null,
            (c, v) => c with { Properties = WithProperty(c.Properties, "items", v) }),
    ];

    private static readonly Dictionary<string, WritableField> ByName = All.ToDictionary(f => f.Name, StringComparer.Ordinal);

    /// <summary>The field of a name; null when no rule may change it, or <paramref name="problem"/> says that nobody can.</summary>
    public static WritableField? Find(string name, out string? problem)
    {
        problem = null;
        if (ByName.TryGetValue(name, out var known))
            return known;
        if (EventField.PropertyOf(name) is not { } path)
        {
            problem = $"{name} cannot be changed. Rules may change {string.Join(", ", All.Select(f => f.Name))} and properties.<name>.";
            return null;
        }
        if (path == "items")
            return ByName["items"];
        if (Mirrored.Contains(path))
            problem = $"Write {path} instead of {name}.";
        else if (path is "url" or "referrer" or "event_name")
            problem = $"Write {path} instead of {name}.";
        else if (path.Split('.').Any(part => PersonalText.IsPersonalName(part)))
            problem = $"{name} usually holds personal data; rules cannot write any.";
        return new WritableField(name, CanRemove: true, problem is null ? CheckProperty : null,
            c => EventField.At(c.Properties, path) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value ? value : null,
            (c, v) => c with { Properties = WithProperty(c.Properties, path, v) });
    }

    private static WritableField Campaign(string name) => new("utm_" + name, CanRemove: true, v => CheckText(v, LongestCampaignText),
        c => Of(c.Utm.GetValueOrDefault(name)), (c, v) =>
        {
            var utm = new Dictionary<string, string>(c.Utm, StringComparer.Ordinal);
            if (v is { } value)
                utm[name] = value.GetString()!;
            else
                utm.Remove(name);
            return c with { Utm = utm };
        });

    private static JsonElement? Of(string? text) => string.IsNullOrEmpty(text) ? null : JsonSerializer.SerializeToElement(text);

    /// <summary>A number, or a text that is one: shops send amounts as both.</summary>
    internal static decimal? AmountOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetDecimal(out var number) => number,
        JsonValueKind.String when decimal.TryParse(value.GetString(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var parsed) => parsed,
        _ => null,
    };

    private static string? CheckText(JsonElement value, int longest) =>
        value.ValueKind != JsonValueKind.String ? "Must be a text."
            : value.GetString() is not { } text || string.IsNullOrWhiteSpace(text) ? "Must not be empty; remove the field instead."
            : text.Length > longest ? $"Is longer than {longest} characters."
            : !FieldRules.IsStorable(text) ? "Holds control characters or broken Unicode."
            : PersonalText.LooksPersonal(text) ? Personal : null;

    private static string? CheckAddress(JsonElement value) => CheckText(value, LongestAddress) is { } problem ? problem
        : !EventFacts.IsWebAddress(value.GetString()) ? "Must be an address that begins with https:// or http://." : null;

    private static string? CheckAmount(JsonElement value) =>
        AmountOf(value) is not { } amount || Math.Abs(amount) > LargestAmount ? "Must be an amount in major units, as 149.90." : null;

    private static string? CheckCurrency(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && CurrencyCodes.IsKnown(value.GetString()!.Trim().ToUpperInvariant()) ? null : "Must be an ISO 4217 code, as EUR.";

    /// <summary>Texts as all others; numbers and switches as they are; lists and objects only by moving what the sender sent.</summary>
    private static string? CheckProperty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => CheckText(value, RuleLimits.LongestValue),
        JsonValueKind.Number => value.TryGetDecimal(out _) ? null : "Is too large a number.",
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Array or JsonValueKind.Object => null,
        _ => "Must be a text, a number, true or false.",
    };

    private static string? WithoutQuery(string? url) => url is not null && url.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at
        ? url[..at] + (url.IndexOf('#', at) is >= 0 and var fragment ? url[fragment..] : "") : url;

    /// <summary>Senders put money and order into the properties; what a warehouse gets there must not differ from the field.</summary>
    private static EventContent Mirror(EventContent content, string name)
    {
        if (EventField.At(content.Properties, name).ValueKind == JsonValueKind.Undefined)
            return content;
        return content with { Properties = WithProperty(content.Properties, name, ByName[name].Read(content)) };
    }

    private static JsonElement WithProperty(JsonElement properties, string path, JsonElement? value)
    {
        var root = (properties.ValueKind == JsonValueKind.Object ? JsonObject.Create(properties) : null) ?? [];
        var (holder, name) = (root, path);
        while (!holder.ContainsKey(name) && name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot)
        {
            var inner = holder[name[..dot]] as JsonObject;
            if (inner is null)
            {
                if (value is null || holder.ContainsKey(name[..dot]))
                    return properties; // nothing to remove, or no object to put it into
                holder[name[..dot]] = inner = [];
            }
            (holder, name) = (inner, name[(dot + 1)..]);
        }
        if (value is { } given)
            holder[name] = JsonSerializer.SerializeToNode(given);
        else
            holder.Remove(name);
        return JsonSerializer.SerializeToElement(root);
    }
}

/// <summary>One change of the copy that a connection gets.</summary>
/// <param name="Field">What is set or removed, or what is renamed.</param>
/// <param name="To">The new name of a renamed field; null when it is not renamed.</param>
/// <param name="Value">What is set; null = removed, or moved to <paramref name="To"/>.</param>
internal sealed record FieldChange(WritableField Field, WritableField? To, JsonElement? Value)
{
    /// <summary>Names of the fields it touches.</summary>
    public IEnumerable<string> Names => To is null ? [Field.Name] : [Field.Name, To.Name];

    /// <summary>The content after it; as it was when there is nothing to move, or when the value does not fit where it shall go.</summary>
    public EventContent Apply(EventContent content)
    {
        if (To is null)
            return Value is null && Field.Read(content) is null ? content : Field.Write(content, Value);
        if (Field.Read(content) is not { } moved)
            return content;
        // an amount under another name stays an amount, an id that was sent as a number becomes a text
        if (To.Check!(moved) is not null && moved.ValueKind == JsonValueKind.Number)
            moved = JsonSerializer.SerializeToElement(moved.GetRawText());
        return To.Check(moved) is null && !HoldsPersonalText(moved) ? To.Write(Field.Write(content, null), moved) : content;
    }

    private static bool HoldsPersonalText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => PersonalText.LooksPersonal(value.GetString()),
        JsonValueKind.Array => value.EnumerateArray().Any(HoldsPersonalText),
        JsonValueKind.Object => value.EnumerateObject().Any(m => HoldsPersonalText(m.Value)),
        _ => false,
    };
}
