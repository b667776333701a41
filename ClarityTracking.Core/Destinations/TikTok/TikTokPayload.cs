using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>Writes one element of <c>data</c>.</summary>
static class TikTokPayload
{
    internal static byte[] Write(Event @event, string name, bool limitedDataUse) => PayloadJson.Write(json =>
    {
        json.WriteString("event"u8, name);
        json.WriteNumber("event_time"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteString("event_id"u8, @event.EventId);
        WriteUser(json, @event);
        if (EventFacts.IsWebAddress(@event.Url))
        {
            json.WriteStartObject("page"u8);
            json.WriteText("url"u8, @event.PageUrl);
            json.WriteText("referrer"u8, @event.PageReferrer);
            json.WriteEndObject();
        }
        WriteProperties(json, @event);
        if (limitedDataUse || @event.DeniesPersonalization)
            json.WriteBoolean("limited_data_use"u8, true);
    });

    static void WriteUser(Utf8JsonWriter json, Event @event)
    {
        var (keys, person) = (@event.MatchKeys, @event.Person);
        json.WriteStartObject("user"u8);
        json.WriteTexts("email"u8, keys.Sha256(MatchKeyNames.Email));
        json.WriteTexts("phone"u8, keys.Sha256(MatchKeyNames.PhoneE164));
        json.WriteTexts("external_id"u8, keys.Sha256(MatchKeyNames.ExternalIdLower));
        json.WriteFirst("first_name"u8, keys.Sha256(MatchKeyNames.FirstNameSpaceless));
        json.WriteFirst("last_name"u8, keys.Sha256(MatchKeyNames.LastNameSpaceless));
        json.WriteFirst("zip_code"u8, keys.Sha256(MatchKeyNames.Zip));
        json.WriteText("city"u8, Plain(person.City));
        json.WriteText("state"u8, Plain(person.State));
        json.WriteText("country"u8, Countries.Code(person.Country));
        json.WriteText("ttclid"u8, @event.ClickId("ttclid"));
        json.WriteText("ttp"u8, @event.Cookie("ttp"));
        json.WriteText("ip"u8, @event.PublicIp);
        json.WriteText("user_agent"u8, @event.UserAgent);
        json.WriteEndObject();
    }

    static void WriteProperties(Utf8JsonWriter json, Event @event)
    {
        var items = OrderItem.Of(@event);
        var (query, description) = (@event.Property("search_string") ?? @event.Property("query"), @event.Property("content_name") ?? @event.Property("description"));
        if (items.Count == 0 && @event.Money is null && string.IsNullOrEmpty(@event.OrderId) && query is null && description is null)
            return;
        json.WriteStartObject("properties"u8);
        if (items.Count > 0)
        {
            json.WriteStartArray("contents"u8);
            foreach (var item in items)
                WriteContent(json, item);
            json.WriteEndArray();
            json.WriteString("content_type"u8, @event.Property("content_type") == "product_group" ? "product_group"u8 : "product"u8);
        }
        if (@event.Money is var (value, currency))
        {
            json.WriteString("currency"u8, currency);
            json.WriteNumber("value"u8, value);
        }
        json.WriteText("order_id"u8, @event.OrderId);
        json.WriteText("query"u8, query);
        json.WriteText("description"u8, description);
        json.WriteEndObject();
    }

    static void WriteContent(Utf8JsonWriter json, OrderItem item)
    {
        json.WriteStartObject();
        json.WriteText("content_id"u8, item.Id);
        json.WriteText("content_name"u8, item.Name);
        json.WriteText("content_category"u8, item.Category);
        json.WriteText("brand"u8, item.Brand);
        if (item.Price is { } price)
            json.WriteNumber("price"u8, price);
        json.WriteNumber("quantity"u8, item.Quantity);
        json.WriteEndObject();
    }

    /// <summary>Places go in the clear: lower case, only a to z and digits (as TikTok's destination at Segment writes them).</summary>
    static string? Plain(string? place) =>
        place is null ? null : string.Concat(place.ToLowerInvariant().Where(char.IsAsciiLetterOrDigit));
}
