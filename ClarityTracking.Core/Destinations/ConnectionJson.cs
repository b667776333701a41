using System.Text.Json;

namespace ClarityTracking.Core.Destinations;

/// <summary>Reads a connection's settings and credentials.</summary>
static class ConnectionJson
{
    /// <summary>A trimmed text; null when it is absent or empty. An id that was typed as a number is still an id.</summary>
    internal static string? Text(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var value))
            return null;
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Trim(),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.Undefined or JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => null,
        };
        return string.IsNullOrEmpty(text) ? null : text;
    }

    /// <summary>A switch; off when it is absent.</summary>
    internal static bool Flag(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    /// <summary>An object of names and texts (<see cref="FieldKind.Pairs"/>); null when it is absent.</summary>
    internal static JsonElement? Pairs(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var pairs) && pairs.ValueKind == JsonValueKind.Object ? pairs : null;
}
