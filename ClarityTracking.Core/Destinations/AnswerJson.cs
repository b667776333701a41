using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations;

/// <summary>Reads platforms' answers, which may be anything.</summary>
static class AnswerJson
{
    const int LongestReason = 300;

    /// <summary>The answer when it is a JSON object (or what else is wanted); strange nesting or Unicode is none.</summary>
    internal static bool TryRead(string body, out JsonElement answer, JsonValueKind kind = JsonValueKind.Object)
    {
        answer = default;
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != kind)
                return false;
            answer = document.RootElement.Clone();
            return true;
        }
        catch (Exception strange) when (strange is JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>A text member, or null.</summary>
    internal static string? Text(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // half a surrogate pair passes the parser and fails here
        }
    }

    /// <summary>A whole number, also as text, or null.</summary>
    internal static int? Number(JsonElement from, string name) => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.Number when value.TryGetInt32(out var number) => number,
            JsonValueKind.String when int.TryParse(Text(from, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) => number,
            _ => null,
        }
        : null;

    /// <summary>A number, also as text, or null.</summary>
    internal static decimal? Decimal(JsonElement from, string name) => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.Number when value.TryGetDecimal(out var number) => number,
            JsonValueKind.String when decimal.TryParse(Text(from, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ => null,
        }
        : null;

    /// <summary>The entries of an array member; none when there is no such.</summary>
    internal static IEnumerable<JsonElement> Entries(JsonElement from, string name) =>
        Member(from, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    /// <summary>An object or array member; undefined when there is none.</summary>
    internal static JsonElement Member(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value : default;

    /// <summary>Code and words of an answer as one short text; parts that are missing or repeat are left out.</summary>
    internal static string Reason(params ReadOnlySpan<string?> parts)
    {
        var words = new List<string>();
        foreach (var part in parts)
            if (!string.IsNullOrWhiteSpace(part) && !words.Contains(part))
                words.Add(part);
        var text = string.Join(": ", words);
        return text.Length <= LongestReason ? text : text[..LongestReason];
    }
}
