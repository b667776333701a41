using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations;

/// <summary>One line of an order, out of the event's <c>items</c>.</summary>
/// <param name="Id">The shop's own; null when the line has none.</param>
/// <param name="Name">As the shop calls it.</param>
/// <param name="Category">The shop's category.</param>
/// <param name="Brand">The maker.</param>
/// <param name="Price">Of one piece, in major units of the event's currency.</param>
/// <param name="Quantity">Whole pieces; a line without a usable quantity is one.</param>
readonly record struct OrderItem(string? Id, string? Name, string? Category, string? Brand, decimal? Price, int Quantity)
{
    const int MostPieces = 1_000_000;

    /// <summary>The lines of an event that are objects, in their order; empty when there are none.</summary>
    internal static List<OrderItem> Of(Event @event)
    {
        var lines = new List<OrderItem>();
        if (@event.Properties.ValueKind != JsonValueKind.Object || !@event.Properties.TryGetProperty("items"u8, out var items) || items.ValueKind != JsonValueKind.Array)
            return lines;
        foreach (var item in items.EnumerateArray())
            if (item.ValueKind == JsonValueKind.Object)
                lines.Add(new(Text(item, "id"u8), Text(item, "name"u8), Text(item, "category"u8), Text(item, "brand"u8), Number(item, "price"u8),
                    Number(item, "quantity"u8) is { } quantity and >= 1 and <= MostPieces ? (int)quantity : 1));
        return lines;
    }

    /// <summary>All pieces of some lines.</summary>
    internal static int Pieces(List<OrderItem> lines) => (int)Math.Min(lines.Sum(line => (long)line.Quantity), int.MaxValue);

    static string? Text(JsonElement item, ReadOnlySpan<byte> name)
    {
        if (!item.TryGetProperty(name, out var value))
            return null;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.ValueKind == JsonValueKind.Number ? value.GetRawText() : null;
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }

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
