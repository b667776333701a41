using System.Text;
using System.Text.Json;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Reads the fields of one JSON object. Everything is optional: missing and null give null. The first wrong field becomes
/// <see cref="Drop"/>, with its name; what is read after it does not matter.
/// </summary>
internal ref struct FieldReader(JsonElement json)
{
    private const int MostListItems = 10;

    /// <summary>The first thing that is wrong; null when all is well.</summary>
    public Drop? Drop { get; private set; }

    /// <summary>A text. An empty one reads as null, because senders write "" for "unknown".</summary>
    /// <param name="name">The field.</param>
    /// <param name="longest">Most characters.</param>
    /// <param name="numbersToo">Take a JSON number by its digits (ids, phones and postal codes are often sent so).</param>
    public string? Text(ReadOnlySpan<byte> name, int longest, bool numbersToo = false) =>
        json.TryGetProperty(name, out var field) ? TextOf(field, name, longest, numbersToo) : null;

    /// <summary>The text of a value that was found elsewhere; <paramref name="name"/> is for the error.</summary>
    public string? TextOf(JsonElement field, ReadOnlySpan<byte> name, int longest, bool numbersToo = false)
    {
        switch (field.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.Number when numbersToo:
            case JsonValueKind.String:
                var text = field.ValueKind == JsonValueKind.Number ? field.GetRawText() : field.GetString()!;
                if (text.Length > longest)
                {
                    Fail(DropReason.TextTooLong, name, $"is longer than {longest} characters");
                    return null; // nothing keeps a part of it
                }
                return text.Length == 0 ? null : text;
            default:
                WrongType(name, numbersToo ? "a text or a number" : "a text");
                return null;
        }
    }

    /// <summary>One text or a list of texts.</summary>
    public IReadOnlyList<string> Texts(ReadOnlySpan<byte> name, int longest)
    {
        if (!json.TryGetProperty(name, out var field))
            return [];
        if (field.ValueKind != JsonValueKind.Array)
            return TextOf(field, name, longest, numbersToo: true) is { } single ? [single] : [];
        if (field.GetArrayLength() > MostListItems)
            Fail(DropReason.PropertiesTooLarge, name, $"holds more than {MostListItems} values");
        var list = new List<string>();
        foreach (var item in field.EnumerateArray().Take(MostListItems))
            if (TextOf(item, name, longest, numbersToo: true) is { } text)
                list.Add(text);
        return list;
    }

    /// <summary>An object; its <see cref="JsonElement.ValueKind"/> is Undefined when there is none.</summary>
    public JsonElement Object(ReadOnlySpan<byte> name)
    {
        if (!json.TryGetProperty(name, out var field) || field.ValueKind == JsonValueKind.Null)
            return default;
        if (field.ValueKind == JsonValueKind.Object)
            return field;
        WrongType(name, "an object");
        return default;
    }

    /// <summary>True only when the field is <c>true</c>.</summary>
    public bool Flag(ReadOnlySpan<byte> name)
    {
        if (!json.TryGetProperty(name, out var field))
            return false;
        if (field.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
            WrongType(name, "true or false");
        return field.ValueKind == JsonValueKind.True;
    }

    /// <summary><c>granted</c> is true, <c>denied</c> false.</summary>
    public bool? Choice(ReadOnlySpan<byte> name)
    {
        if (!json.TryGetProperty(name, out var field) || field.ValueKind == JsonValueKind.Null)
            return null;
        if (field.ValueKind != JsonValueKind.String || !(field.ValueEquals("granted"u8) || field.ValueEquals("denied"u8)))
        {
            WrongType(name, "\"granted\" or \"denied\"");
            return null;
        }
        return field.ValueEquals("granted"u8);
    }

    /// <summary>Notes that a field has the wrong type, unless something was wrong before.</summary>
    public void WrongType(ReadOnlySpan<byte> name, string expected) => Fail(DropReason.WrongType, name, $"must be {expected}");

    /// <summary>Notes what is wrong with a field, unless something was wrong before.</summary>
    public void Fail(DropReason reason, ReadOnlySpan<byte> name, string what) =>
        Drop ??= new Drop(reason, $"{Encoding.UTF8.GetString(name)} {what}.");
}
