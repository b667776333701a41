using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Writes the items of an order: content_type, content_ids, contents, num_items.</summary>
static class MetaItems
{
    internal static void Write(Utf8JsonWriter json, JsonElement items, bool hasOwnType)
    {
        var hasIds = false;
        var count = 0;
        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object)
                continue;
            hasIds |= Id(item) is not null;
            count += Quantity(item);
        }
        if (hasIds)
        {
            if (!hasOwnType)
                json.WriteString("content_type"u8, "product"u8);
            json.WriteStartArray("content_ids"u8);
            foreach (var item in items.EnumerateArray())
                if (Id(item) is { } id)
                    json.WriteStringValue(id);
            json.WriteEndArray();
            json.WriteStartArray("contents"u8);
            foreach (var item in items.EnumerateArray())
                if (Id(item) is { } id)
                    WriteContent(json, item, id);
            json.WriteEndArray();
        }
        if (count > 0)
            json.WriteNumber("num_items"u8, count);
    }

    static void WriteContent(Utf8JsonWriter json, JsonElement item, string id)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteNumber("quantity"u8, Quantity(item));
        if (Number(item, "price"u8) is { } price)
            json.WriteNumber("item_price"u8, price);
        json.WriteEndObject();
    }

    static string? Id(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("id"u8, out var id))
            return null;
        var text = id.ValueKind == JsonValueKind.String ? id.GetString() : id.ValueKind == JsonValueKind.Number ? id.GetRawText() : null;
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }

    /// <summary>Whole pieces; an item without a usable quantity is one.</summary>
    static int Quantity(JsonElement item) => Number(item, "quantity"u8) is { } quantity and >= 1 and <= 1_000_000 ? (int)quantity : 1;

    /// <summary>Shops send prices as numbers and as text.</summary>
    static decimal? Number(JsonElement item, ReadOnlySpan<byte> name)
    {
        if (!item.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number)
            return value.TryGetDecimal(out var number) ? number : null;
        return value.ValueKind == JsonValueKind.String
            && decimal.TryParse(value.GetString(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed)
            ? parsed : null;
    }
}
