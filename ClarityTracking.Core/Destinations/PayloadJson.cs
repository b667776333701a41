using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations;

/// <summary>Writes payloads. Keys whose value is unknown are absent, never null or empty.</summary>
static class PayloadJson
{
    internal static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes one JSON object.</summary>
    internal static byte[] Write(Action<Utf8JsonWriter> members, int sizeHint = 2048)
    {
        var buffer = new ArrayBufferWriter<byte>(sizeHint);
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The size a body needs at first.</summary>
    internal static int SizeOf(IReadOnlyList<byte[]> payloads) => 256 + payloads.Sum(payload => payload.Length + 1);

    /// <summary>The mapped events as an array.</summary>
    internal static void WriteAll(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<byte[]> payloads)
    {
        json.WriteStartArray(name);
        foreach (var payload in payloads)
            json.WriteRawValue(payload, skipInputValidation: true);
        json.WriteEndArray();
    }

    /// <summary>A text, when there is one.</summary>
    internal static void WriteText(this Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            json.WriteString(name, value);
    }

    /// <summary>A list of texts, when there is one.</summary>
    internal static void WriteTexts(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        json.WriteStartArray(name);
        for (var i = 0; i < values.Count; i++)
            json.WriteStringValue(values[i]);
        json.WriteEndArray();
    }

    /// <summary>The first of some texts, for platforms that take one only.</summary>
    internal static void WriteFirst(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> values) =>
        json.WriteText(name, values.Count > 0 ? values[0] : null);
}
