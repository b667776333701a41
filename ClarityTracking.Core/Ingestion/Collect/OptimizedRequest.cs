using System.Buffers;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace ClarityTracking.Core.Ingestion.Collect;

/// <summary>
/// Translates a body of <c>POST /api/v1/collect/optimized</c>, <c>{customerObject,userObject,actionLog}</c>, into one of
/// <c>POST /api/v1/collect</c>. Nothing is judged here that the pipeline judges: limits, types and times are refused by it, by name.
/// </summary>
public static class OptimizedRequest
{
    private static readonly FrozenDictionary<string, string> EventTypes = new Dictionary<string, string>
    {
        ["enter-page"] = "page_view",
        ["onclick"] = "click",
        ["onsubmit"] = "form_submit",
        ["onsearch"] = "search",
        ["identify"] = "identify",
        ["scroll-depth"] = "scroll",
        ["end-session"] = "session_end",
        ["custom"] = "custom",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Fields of an action that belong to the event itself.</summary>
    private static readonly FrozenDictionary<string, string> EventFields = new Dictionary<string, string>
    {
        ["timestamp"] = "timestamp",
        ["event_id"] = "event_id",
        ["click_ids"] = "click_ids",
        ["cookies"] = "cookies",
        ["consent"] = "consent",
        ["user"] = "user",
        ["test"] = "test",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Fields of an <c>identify</c> that tell who it is.</summary>
    private static readonly FrozenDictionary<string, string> UserFields = new Dictionary<string, string>
    {
        ["email"] = "email",
        ["phone"] = "phone",
        ["firstName"] = "first_name",
        ["first_name"] = "first_name",
        ["lastName"] = "last_name",
        ["last_name"] = "last_name",
        ["city"] = "city",
        ["state"] = "state",
        ["zip"] = "zip",
        ["country"] = "country",
        ["gender"] = "gender",
        ["dateOfBirth"] = "date_of_birth",
        ["date_of_birth"] = "date_of_birth",
        ["externalId"] = "external_id",
        ["external_id"] = "external_id",
        ["company"] = "company",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Properties that the collect contract calls otherwise, by event type.</summary>
    private static readonly FrozenDictionary<(string Type, string Field), string> Renamed = new Dictionary<(string, string), string>
    {
        [("search", "query")] = "search_string",
        [("search", "search_term")] = "search_string",
        [("custom", "name")] = "event_name",
        [("custom", "eventName")] = "event_name",
    }.ToFrozenDictionary();

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32 };
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Translates and parses. The result needs none of the bytes any more.</summary>
    public static (CollectRequest? Request, RequestRefusal? Refusal) Parse(ReadOnlyMemory<byte> body)
    {
        var (translated, refusal) = Translate(body);
        return refusal is null ? CollectRequest.Parse(translated) : (null, refusal);
    }

    /// <summary>The body of <c>/api/v1/collect</c> that says the same, or why this one cannot be read.</summary>
    public static (ReadOnlyMemory<byte> Body, RequestRefusal? Refusal) Translate(ReadOnlyMemory<byte> body)
    {
        if (body.Length == 0)
            return Refuse("body_empty", "The body is empty. Send {\"customerObject\":{…},\"userObject\":{…},\"actionLog\":[…]}.");
        if (!Utf8.IsValid(body.Span))
            return Refuse("invalid_utf8", "The body is not valid UTF-8.");
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return Translate(document.RootElement);
        }
        catch (JsonException error)
        {
            return Refuse("invalid_json",
                $"The body is not valid JSON, or nested deeper than 32 levels (line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}).");
        }
        catch (InvalidOperationException) // the parser checks escapes only when a text is read
        {
            return Refuse("invalid_text", "A field of the body holds half of a surrogate pair.");
        }
    }

    private static (ReadOnlyMemory<byte> Body, RequestRefusal? Refusal) Translate(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            return Refuse("wrong_type", "The body must be a JSON object with actionLog.");
        if (!TryObject(root, "customerObject", out var customer) || !TryObject(root, "userObject", out var user) || !TryObject(user, "sessionData", out var session))
            return Refuse("wrong_type", "customerObject, userObject and userObject.sessionData must be objects.");
        if (!root.TryGetProperty("actionLog"u8, out var actions))
            return Refuse("actions_missing", "actionLog is missing.");
        if (actions.ValueKind != JsonValueKind.Array)
            return Refuse("wrong_type", "actionLog must be a list.");

        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        writer.WriteStartObject();
        Copy(writer, customer, "apiKey", "apiKey");
        writer.WriteStartArray("events"u8);
        foreach (var action in actions.EnumerateArray())
            WriteEvent(writer, action, user, session);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return (buffer.WrittenMemory, null);
    }

    private static void WriteEvent(Utf8JsonWriter writer, JsonElement action, JsonElement user, JsonElement session)
    {
        if (action.ValueKind != JsonValueKind.Object)
        {
            action.WriteTo(writer); // refused by name in its place
            return;
        }
        var type = TypeOf(action);
        writer.WriteStartObject();
        if (type is not null)
            writer.WriteString("event_type"u8, type);
        Copy(writer, user, "uuid", "visitor_id");
        Copy(writer, session, "id", "session_id");
        if (!action.TryGetProperty("event_id"u8, out _) && action.TryGetProperty("timestamp"u8, out _))
            writer.WriteString("event_id"u8, IdOf(action, user));
        foreach (var field in action.EnumerateObject())
            if (EventFields.TryGetValue(field.Name, out var name))
                Write(writer, name, field.Value);
        if (type == "identify" && !action.TryGetProperty("user"u8, out _))
            WriteFields(writer, "user", action, field => UserFields.GetValueOrDefault(field));
        WriteFields(writer, "properties", action, field =>
            field == "action_type" || EventFields.ContainsKey(field) || (type == "identify" && UserFields.ContainsKey(field)) ? null
            : Renamed.GetValueOrDefault((type ?? "", field), field));
        writer.WriteEndObject();
    }

    /// <summary>The event type; an unknown action type as it is, so that the pipeline refuses it by name, and null when there is none.</summary>
    private static string? TypeOf(JsonElement action) =>
        action.TryGetProperty("action_type"u8, out var type) && type.ValueKind != JsonValueKind.Null
            ? EventTypes.GetValueOrDefault(type.ToString(), "action " + type) : null;

    /// <summary>
    /// 128 bits of SHA-256 over visitor and action, so that a body that is sent again stores nothing twice. An action without timestamp
    /// gets no id: the same click twice would be one.
    /// </summary>
    private static string IdOf(JsonElement action, JsonElement user)
    {
        var uuid = user.ValueKind == JsonValueKind.Object && user.TryGetProperty("uuid"u8, out var id) ? id.ToString() : "";
        return Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(uuid), 0, .. JsonMarshal.GetRawUtf8Value(action)])[..16]);
    }

    /// <summary>Writes an object of the action's fields under the names they get; null leaves a field out.</summary>
    private static void WriteFields(Utf8JsonWriter writer, string name, JsonElement action, Func<string, string?> nameOf)
    {
        writer.WriteStartObject(name);
        foreach (var field in action.EnumerateObject())
            if (nameOf(field.Name) is { } newName)
                Write(writer, newName, field.Value);
        writer.WriteEndObject();
    }

    private static void Copy(Utf8JsonWriter writer, JsonElement from, string field, string name)
    {
        if (from.ValueKind == JsonValueKind.Object && from.TryGetProperty(field, out var value))
            Write(writer, name, value);
    }

    private static void Write(Utf8JsonWriter writer, string name, JsonElement value)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true); // as it came: broken text is refused by name later
    }

    /// <summary>False when there is something else than an object; absent and null are fine.</summary>
    private static bool TryObject(JsonElement parent, string name, out JsonElement found)
    {
        found = default;
        return parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out found) || found.ValueKind is JsonValueKind.Object or JsonValueKind.Null;
    }

    private static (ReadOnlyMemory<byte>, RequestRefusal) Refuse(string code, string detail) => (default, new RequestRefusal(code, detail, 400));
}
