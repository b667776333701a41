using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Reads the page's address and the order, then copies the other properties as they will be stored: checked for size, and without what
/// looks like a secret (values under telling names, payment card numbers), in privacy mode also without what looks personal. The event is kept;
/// the names of what was taken out are noted.
/// </summary>
internal static class PropertiesStep
{
    private const int LargestBytes = 32 * 1024, DeepestLevel = 10, MostValues = 1000, LongestAddress = 8192, LongestOrderId = 200;
    private const int LongestNumber = 40;
    private const double SmallestNumber = 1e-30, LargestNumber = 1e30;
    private static readonly byte[] Empty = "{}"u8.ToArray();
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        draft.PropertiesJson = Empty;
        if (draft.Properties.ValueKind != JsonValueKind.Object)
            return null;
        var fields = new FieldReader(draft.Properties);
        draft.Url = fields.Text("url"u8, LongestAddress);
        draft.Referrer = fields.Text("referrer"u8, LongestAddress);
        draft.OrderId = fields.Text("order_id"u8, LongestOrderId, numbersToo: true);
        return fields.Drop ?? Copy(draft, context.Owner.PrivacyMode);
    }

    private static Drop? Copy(EventDraft draft, bool privacyMode)
    {
        var raw = JsonMarshal.GetRawUtf8Value(draft.Properties);
        if (raw.Length > LargestBytes)
            return new Drop(DropReason.PropertiesTooLarge, "properties is larger than 32 KiB.");
        var buffer = new ArrayBufferWriter<byte>(raw.Length);
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        var reader = new Utf8JsonReader(raw);
        var (values, secret, isId) = (0, "", false);
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
                var name = reader.GetString()!;
                if (privacyMode && PersonalText.LooksPersonal(name))
                {
                    reader.Skip(); // a name cannot be replaced: two of them would become one
                    (draft.Redacted ??= []).Add("personal name");
                    continue;
                }
                writer.WritePropertyName(name);
                var utf8 = reader.ValueIsEscaped ? Encoding.UTF8.GetBytes(name) : reader.ValueSpan;
                secret = Secrets.IsSecretName(utf8) || (privacyMode && PersonalText.IsPersonalName(name)) ? name : "";
                isId = Secrets.IsIdName(name); // also of the values of a list
                continue;
            }
            if (++values > MostValues)
                return new Drop(DropReason.PropertiesTooLarge, $"properties holds more than {MostValues} values.");
            if (secret.Length > 0 && reader.TokenType != JsonTokenType.Null)
            {
                Replace(draft, writer, secret);
                reader.Skip();
            }
            else if (reader.TokenType is JsonTokenType.String or JsonTokenType.Number && !isId && Secrets.IsCardNumber(reader.ValueSpan))
                Replace(draft, writer, "card number");
            else if (privacyMode && reader.TokenType == JsonTokenType.String && PersonalText.LooksPersonal(reader.GetString()))
                Replace(draft, writer, "personal text");
            else if (reader.TokenType == JsonTokenType.Number)
            {
                if (!TryWriteNumber(writer, ref reader))
                    return new Drop(DropReason.ValueInvalid,
                        $"A number in properties is longer than {LongestNumber} characters or not within 1e-30 to 1e30. Send it as text.");
            }
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

    /// <summary>jsonb keeps a number as all its digits: the 8 bytes of 1e131071 would be read back as 131,072.</summary>
    private static bool TryWriteNumber(Utf8JsonWriter writer, ref Utf8JsonReader reader)
    {
        if (reader.ValueSpan.Length > LongestNumber || !reader.TryGetDouble(out var number)
            || number != 0 && Math.Abs(number) is not (>= SmallestNumber and <= LargestNumber))
            return false;
        if (number == 0)
            writer.WriteNumberValue(0); // 0e-9999 has as many decimals
        else
            writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true);
        return true;
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
            case JsonTokenType.True: writer.WriteBooleanValue(true); break;
            case JsonTokenType.False: writer.WriteBooleanValue(false); break;
            default: writer.WriteNullValue(); break;
        }
    }
}
