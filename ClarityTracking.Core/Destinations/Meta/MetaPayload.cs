using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Writes one event as the Conversions API takes it. Keys whose value is unknown are absent, never null or empty.</summary>
static class MetaPayload
{
    const int LongestProperty = 500;

    static readonly (string Key, byte[] Name)[] HashedKeys = [.. new[]
    {
        MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.FirstName, MatchKeyNames.LastName, MatchKeyNames.City, MatchKeyNames.State,
        MatchKeyNames.Zip, MatchKeyNames.Country, MatchKeyNames.Gender, MatchKeyNames.DateOfBirth, MatchKeyNames.ExternalId,
    }.Select(key => (key, Encoding.UTF8.GetBytes(key)))];

    /// <summary>Properties that have a place of their own or concern only us.</summary>
    static readonly FrozenSet<string> NotCustom = new[]
    {
        "url", "title", "referrer", "value", "currency", "order_id", "items", "event_name", "event_id", "channel", "action_source", "contents",
        "test", "fbclid", "fbc", "fbp",
    }.ToFrozenSet(StringComparer.Ordinal);

    internal static byte[] Write(Event @event, string name, JsonElement settings) => PayloadJson.Write(json =>
    {
        json.WriteString("event_name"u8, name);
        json.WriteNumber("event_time"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteString("event_id"u8, @event.EventId);
        json.WriteText("event_source_url"u8, @event.PageUrl);
        json.WriteText("referrer_url"u8, @event.PageReferrer);
        json.WriteString("action_source"u8, MetaActionSource.Of(@event));
        WriteUserData(json, @event);
        WriteCustomData(json, @event);
        // used for measuring, not for choosing whom to show ads (server event parameters, 2026-09-12)
        if (@event.DeniesPersonalization)
            json.WriteBoolean("opt_out"u8, true);
        if (MetaSettings.LimitedDataUse(settings))
            WriteLimitedDataUse(json, hasAddress: @event.PublicIp is not null);
    });

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        json.WriteStartObject("user_data"u8);
        foreach (var (key, name) in HashedKeys)
            json.WriteTexts(name, @event.MatchKeys[key]);
        json.WriteText("client_ip_address"u8, @event.PublicIp);
        json.WriteText("client_user_agent"u8, @event.UserAgent);
        json.WriteText("fbc"u8, MetaBrowserIds.ClickId(@event));
        json.WriteText("fbp"u8, MetaBrowserIds.BrowserId(@event));
        json.WriteEndObject();
    }

    static void WriteCustomData(Utf8JsonWriter json, Event @event)
    {
        var properties = @event.Properties.ValueKind == JsonValueKind.Object ? @event.Properties : Event.EmptyObject;
        // opened only when something stands in it
        var isOpen = false;
        if (@event.Money is var (value, currency))
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
            MetaItems.Write(json, OrderItem.Of(@event), hasOwnType: properties.TryGetProperty("content_type"u8, out _));
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
}
