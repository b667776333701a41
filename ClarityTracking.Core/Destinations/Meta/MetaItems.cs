using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Writes the items of an order: content_type, content_ids, contents, num_items.</summary>
static class MetaItems
{
    internal static void Write(Utf8JsonWriter json, List<OrderItem> items, bool hasOwnType)
    {
        var known = items.FindAll(item => item.Id is not null);
        if (known.Count > 0)
        {
            if (!hasOwnType)
                json.WriteString("content_type"u8, "product"u8);
            json.WriteTexts("content_ids"u8, known.ConvertAll(item => item.Id!));
            json.WriteStartArray("contents"u8);
            foreach (var item in known)
                WriteContent(json, item);
            json.WriteEndArray();
        }
        if (items.Count > 0)
            json.WriteNumber("num_items"u8, OrderItem.Pieces(items));
    }

    static void WriteContent(Utf8JsonWriter json, OrderItem item)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, item.Id);
        json.WriteNumber("quantity"u8, item.Quantity);
        if (item.Price is { } price)
            json.WriteNumber("item_price"u8, price);
        json.WriteEndObject();
    }
}
