using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Writes one event as the Conversions API takes it. Keys whose value is unknown are absent, never null or empty.</summary>
static class MetaPayload
{
    internal static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    const int LongestProperty = 500;

    static readonly string[] HashedKeys =
    [
        MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.FirstName, MatchKeyNames.LastName, MatchKeyNames.City, MatchKeyNames.State,
        MatchKeyNames.Zip, MatchKeyNames.Country, MatchKeyNames.Gender, MatchKeyNames.DateOfBirth, MatchKeyNames.ExternalId,
    ];

    /// <summary>Properties that have a place of their own or concern only us.</summary>
    static readonly FrozenSet<string> NotCustom = new[]
    {
        "url", "title", "referrer", "value", "currency", "order_id", "items", "event_name", "event_id", "channel", "action_source", "contents",
        "test", "fbclid", "fbc", "fbp",
    }.ToFrozenSet(StringComparer.Ordinal);

    internal static byte[] Write(Event @event, string name, JsonElement settings)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using var json = new Utf8JsonWriter(buffer, Json);
        json.WriteStartObject();
        json.WriteString("event_name"u8, name);
        json.WriteNumber("event_time"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteString("event_id"u8, @event.EventId);
        WriteText(json, "event_source_url"u8, Address(@event.Url));
        WriteText(json, "referrer_url"u8, Address(@event.Referrer));
        json.WriteString("action_source"u8, MetaActionSource.Of(@event));
        WriteUserData(json, @event);
        WriteCustomData(json, @event);
        if (MetaSettings.LimitedDataUse(settings))
            WriteLimitedDataUse(json, hasAddress: Ip(@event) is not null);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The visitor's address when Meta could use it.</summary>
    internal static string? Ip(Event @event) => ClientIp.IsPublic(@event.Personal?.Ip) ? @event.Personal!.Ip : null;

    static string? Address(string? url) => string.IsNullOrEmpty(url) ? null : PersonalText.WithoutPersonalData(url);

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        json.WriteStartObject("user_data"u8);
        foreach (var key in HashedKeys)
        {
            var hashes = @event.MatchKeys[key];
            if (hashes.Count == 0)
                continue;
            json.WriteStartArray(key);
            for (var i = 0; i < hashes.Count; i++)
                json.WriteStringValue(hashes[i]);
            json.WriteEndArray();
        }
        WriteText(json, "client_ip_address"u8, Ip(@event));
        WriteText(json, "client_user_agent"u8, @event.UserAgent);
        WriteText(json, "fbc"u8, MetaBrowserIds.ClickId(@event));
        WriteText(json, "fbp"u8, MetaBrowserIds.BrowserId(@event));
        json.WriteEndObject();
    }

    static void WriteCustomData(Utf8JsonWriter json, Event @event)
    {
        var properties = @event.Properties.ValueKind == JsonValueKind.Object ? @event.Properties : Event.EmptyObject;
        // opened only when something stands in it
        var isOpen = false;
        if (@event.Value is { } value && MetaCurrency.Read(@event.Currency) is { } currency)
        {
            Open(json, ref isOpen);
            json.WriteString("currency"u8, currency);
            json.WriteNumber("value"u8, value);
        }
        if (!string.IsNullOrEmpty(@event.OrderId))
        {
            Open(json, ref isOpen);
            json.WriteString("order_id"u8, @event.OrderId);
        }
        var hasItems = properties.TryGetProperty("items"u8, out var items) && items.ValueKind == JsonValueKind.Array && items.GetArrayLength() > 0;
        if (hasItems)
        {
            Open(json, ref isOpen);
            MetaItems.Write(json, items, hasOwnType: properties.TryGetProperty("content_type"u8, out _));
        }
        foreach (var property in properties.EnumerateObject())
        {
            if (!IsSendable(property, hasItems))
                continue;
            Open(json, ref isOpen);
            property.WriteTo(json);
        }
        if (isOpen)
            json.WriteEndObject();

        static void Open(Utf8JsonWriter json, ref bool isOpen)
        {
            if (!isOpen)
                json.WriteStartObject("custom_data"u8);
            isOpen = true;
        }
    }

    /// <summary>Single values that say nothing about the person; of lists only content_ids, which Meta knows.</summary>
    static bool IsSendable(JsonProperty property, bool hasItems)
    {
        var name = property.Name;
        if (NotCustom.Contains(name) || name.Length > 100 || (hasItems && name is "content_ids" or "num_items"))
            return false;
        if (name == "content_ids")
            return property.Value.ValueKind == JsonValueKind.Array && property.Value.EnumerateArray().All(id => id.ValueKind == JsonValueKind.String);
        if (PersonalText.IsPersonalName(name))
            return false;
        return property.Value.ValueKind switch
        {
            JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number => true,
            JsonValueKind.String => property.Value.GetString() is { Length: > 0 and <= LongestProperty } text && !PersonalText.LooksPersonal(text),
            JsonValueKind.Undefined or JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null => false,
        };
    }

    /// <summary>
    /// Country 0 and state 0 let Meta find the place from the address. Without one it needs a state (2026-09-12); then we name the one
    /// Meta documents, California, because the restriction is what the setting asks for.
    /// </summary>
    static void WriteLimitedDataUse(Utf8JsonWriter json, bool hasAddress)
    {
        json.WriteStartArray("data_processing_options"u8);
        json.WriteStringValue("LDU"u8);
        json.WriteEndArray();
        json.WriteNumber("data_processing_options_country"u8, hasAddress ? 0 : 1);
        json.WriteNumber("data_processing_options_state"u8, hasAddress ? 0 : 1000);
    }

    static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            json.WriteString(name, value);
    }
}
