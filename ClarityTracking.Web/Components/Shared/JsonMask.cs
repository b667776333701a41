using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>Hides values of a JSON text by the names of their properties.</summary>
public static class JsonMask
{
    /// <summary>What stands in a hidden value's place.</summary>
    public const string Hidden = "hidden";

    /// <summary>Names under which readable personal data stands in stored events and in requests to platforms.</summary>
    public static readonly IReadOnlySet<string> PersonalData = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "personal", "user", "ip", "user_agent", "userAgent", "client_ip_address", "client_user_agent",
    };

    /// <summary>Names under which platforms take something readable about a person, where what is hashed beside it may be seen.</summary>
    public static readonly IReadOnlySet<string> ReadableInRequests = new HashSet<string>(StringComparer.Ordinal)
    {
        "ip", "client_ip_address", "clientIpAddress", "user_agent", "client_user_agent", "clientUserAgent", "city", "state", "country", "region", "postal_code",
        "userInfo", "externalIds", "externalId", "user_id",
    };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a text; null when it is not JSON.</summary>
    public static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The same JSON with the values of <paramref name="names"/> hidden at any depth. The input is not changed.</summary>
    public static JsonNode? Apply(JsonNode? json, IReadOnlySet<string> names) => json switch
    {
        JsonObject o => new JsonObject(o.Select(p => KeyValuePair.Create(p.Key, names.Contains(p.Key) && p.Value is not null ? Hidden : Apply(p.Value, names)))),
        JsonArray a => new JsonArray([.. a.Select(item => Apply(item, names))]),
        _ => json?.DeepClone(),
    };

    /// <summary>Indented, readable text. Pages encode it; it is never put into a page as markup.</summary>
    public static string Text(JsonNode? json) => json?.ToJsonString(Indented) ?? "null";
}
