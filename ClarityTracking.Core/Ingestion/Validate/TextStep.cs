using System.Runtime.InteropServices;
using System.Text.Json;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Refuses texts that no database keeps: NUL and halves of surrogate pairs. The body is valid UTF-8, so they can only come as escapes,
/// and an event without escapes (nearly all) is not walked.
/// </summary>
internal static class TextStep
{
    public static Drop? Read(EventDraft draft) =>
        JsonMarshal.GetRawUtf8Value(draft.Json).IndexOf("\\u"u8) >= 0 && InvalidPath(draft.Json, "") is { } path
            ? new Drop(DropReason.InvalidText, $"{path} holds a NUL character or half of a surrogate pair.")
            : null;

    /// <summary>Where the first such text is; null when there is none.</summary>
    private static string? InvalidPath(JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return IsValid(element.GetString) ? null : path;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    if (InvalidPath(item, path) is { } inItem)
                        return inItem;
                return null;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    if (!IsValid(() => property.Name))
                        return path.Length == 0 ? "A field's name" : $"A name in {path}";
                    if (InvalidPath(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}") is { } inProperty)
                        return inProperty;
                }
                return null;
            default:
                return null;
        }
    }

    private static bool IsValid(Func<string?> read)
    {
        try
        {
            return read()?.Contains('\0') != true;
        }
        catch (InvalidOperationException) // the parser checks escapes only when a text is read
        {
            return false;
        }
    }
}
