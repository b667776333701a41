using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Reddit;

/// <summary>Writes one event. Every value but the amounts is a single one: of several emails the first goes.</summary>
static class RedditPayload
{
    internal static byte[] Write(Event @event, string name, bool limitedDataUse) => PayloadJson.Write(json =>
    {
        json.WriteNumber("event_at"u8, @event.OccurredAt.ToUnixTimeMilliseconds());
        json.WriteString("action_source"u8, @event.IsInStore ? "PHYSICAL_STORE"u8 : @event.IsFromBrowser ? "WEBSITE"u8 : "OTHER"u8);
        json.WriteText("event_source_url"u8, @event.PageUrl);
        json.WriteText("click_id"u8, @event.ClickId("rdt_cid"));
        json.WriteStartObject("type"u8);
        json.WriteString("tracking_type"u8, RedditEventNames.IsType(name) ? name : "CUSTOM");
        if (!RedditEventNames.IsType(name))
            json.WriteString("custom_event_name"u8, name);
        json.WriteEndObject();
        WriteUser(json, @event, limitedDataUse || @event.DeniesPersonalization);
        WriteMetadata(json, @event);
    });

    /// <summary>The uuid of the pixel's cookie, which is <c>{ms}.{uuid}</c>; null when there is none.</summary>
    internal static string? BrowserId(Event @event)
    {
        var cookie = @event.Cookie("rdt_uuid");
        var dot = cookie?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        var uuid = dot < 0 ? cookie : cookie![(dot + 1)..];
        return Guid.TryParse(uuid, out _) ? uuid : null;
    }

    static void WriteUser(Utf8JsonWriter json, Event @event, bool limited)
    {
        var keys = @event.MatchKeys;
        json.WriteStartObject("user"u8);
        json.WriteFirst("email"u8, keys.Sha256(MatchKeyNames.EmailReddit));
        json.WriteFirst("phone_number"u8, keys.Sha256(MatchKeyNames.PhoneE164));
        json.WriteFirst("external_id"u8, keys.Sha256(MatchKeyNames.ExternalIdAsGiven));
        json.WriteText("ip_address"u8, @event.PublicIp is { } ip ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ip.Trim()))) : null);
        json.WriteText("user_agent"u8, @event.UserAgent);
        json.WriteText("uuid"u8, BrowserId(@event));
        if (limited)
        {
            json.WriteStartObject("data_processing_options"u8);
            json.WriteText("country"u8, Countries.Code(@event.Person.Country)?.ToUpperInvariant());
            json.WriteTexts("modes"u8, ["LDU"]);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    static void WriteMetadata(Utf8JsonWriter json, Event @event)
    {
        json.WriteStartObject("metadata"u8);
        json.WriteString("conversion_id"u8, @event.EventId); // as the pixel sends it: not hashed
        if (@event.Money is var (value, currency))
        {
            json.WriteString("currency"u8, currency);
            json.WriteNumber("value"u8, value);
        }
        var items = OrderItem.Of(@event);
        if (items.Count > 0)
        {
            json.WriteNumber("item_count"u8, OrderItem.Pieces(items));
            json.WriteStartArray("products"u8);
            foreach (var item in items)
            {
                json.WriteStartObject();
                json.WriteText("id"u8, item.Id);
                json.WriteText("name"u8, item.Name);
                json.WriteText("category"u8, item.Category);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }
}
