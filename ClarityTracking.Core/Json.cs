using System.Text.Json;

namespace ClarityTracking.Core;

/// <summary>Recorded text as JSON.</summary>
internal static class Json
{
    /// <summary>The JSON value of a text; a JSON string of it when it is none.</summary>
    public static JsonElement ElementOf(string text)
    {
        try
        {
            return JsonDocument.Parse(text).RootElement;
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement(text);
        }
    }
}
