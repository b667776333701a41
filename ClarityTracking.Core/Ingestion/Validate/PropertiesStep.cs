using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Reads the page's address and the order, then copies the other properties as they will be stored: checked for size, and without what
/// looks like a secret (values under telling names, payment card numbers). The event is kept; the names of what was taken out are noted.
/// </summary>
internal static class PropertiesStep
{
    private const int LargestBytes = 32 * 1024, DeepestLevel = 10, MostValues = 1000, LongestAddress = 8192, LongestOrderId = 200;
    private static readonly byte[] Empty = "{}"u8.ToArray();
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static Drop? Read(EventDraft draft)
    {
        draft.PropertiesJson = Empty;
        if (draft.Properties.ValueKind != JsonValueKind.Object)
            return null;
        var fields = new FieldReader(draft.Properties);
        draft.Url = fields.Text("url"u8, LongestAddress);
        draft.Referrer = fields.Text("referrer"u8, LongestAddress);
        draft.OrderId = fields.Text("order_id"u8, LongestOrderId, numbersToo: true);
        return fields.Drop ?? Copy(draft);
    }

    private static Drop? Copy(EventDraft draft)
    {
        var raw = JsonMarshal.GetRawUtf8Value(draft.Properties);
        if (raw.Length > LargestBytes)
            return new Drop(DropReason.PropertiesTooLarge, "properties is larger than 32 KiB.");
        var buffer = new ArrayBufferWriter<byte>(raw.Length);
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        var reader = new Utf8JsonReader(raw);
        var (values, secret) = (0, "");
        while (reader.Read())
        {
            if (reader.CurrentDepth > DeepestLevel)
                return new Drop(DropReason.PropertiesTooLarge, $"properties is nested deeper than {DeepestLevel} levels.");
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.CurrentDepth == 1 && (reader.ValueTextEquals("url"u8) || reader.ValueTextEquals("referrer"u8)))
                {
                    reader.Skip(); // they have columns of their own
                    continue;
                }
                WriteName(writer, ref reader);
                secret = Secrets.IsSecretName(reader.ValueSpan) ? Encoding.UTF8.GetString(reader.ValueSpan) : "";
                continue;
            }
            if (++values > MostValues)
                return new Drop(DropReason.PropertiesTooLarge, $"properties holds more than {MostValues} values.");
            if (secret.Length > 0 && reader.TokenType != JsonTokenType.Null)
            {
                Replace(draft, writer, secret);
                reader.Skip();
            }
            else if (reader.TokenType is JsonTokenType.String or JsonTokenType.Number && Secrets.IsCardNumber(reader.ValueSpan))
                Replace(draft, writer, "card number");
            else
                WriteToken(writer, ref reader);
            secret = "";
        }
        writer.Flush();
        draft.PropertiesJson = buffer.WrittenMemory;
        return null;
    }

    private static void Replace(EventDraft draft, Utf8JsonWriter writer, string name)
    {
        writer.WriteStringValue("[redacted]"u8);
        (draft.Redacted ??= []).Add(name);
    }

    private static void WriteName(Utf8JsonWriter writer, ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped)
            writer.WritePropertyName(reader.GetString()!);
        else
            writer.WritePropertyName(reader.ValueSpan);
    }

    private static void WriteToken(Utf8JsonWriter writer, ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject: writer.WriteStartObject(); break;
            case JsonTokenType.EndObject: writer.WriteEndObject(); break;
            case JsonTokenType.StartArray: writer.WriteStartArray(); break;
            case JsonTokenType.EndArray: writer.WriteEndArray(); break;
            case JsonTokenType.String when reader.ValueIsEscaped: writer.WriteStringValue(reader.GetString()); break;
            case JsonTokenType.String: writer.WriteStringValue(reader.ValueSpan); break;
            case JsonTokenType.Number: writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true); break;
            case JsonTokenType.True: writer.WriteBooleanValue(true); break;
            case JsonTokenType.False: writer.WriteBooleanValue(false); break;
            default: writer.WriteNullValue(); break;
        }
    }
}
