using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>Writes one event. Pinterest's objects are closed: a key it does not know is an error, so own properties are never sent.</summary>
static class PinterestPayload
{
    internal static byte[] Write(Event @event, string name, bool limitedDataUse) => PayloadJson.Write(json =>
    {
        json.WriteString("event_name"u8, name);
        // offline events are never de-duplicated, so only what surely is one becomes one
        json.WriteString("action_source"u8, @event.IsInStore ? "offline"u8 : "web"u8);
        json.WriteNumber("event_time"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteString("event_id"u8, @event.EventId);
        json.WriteText("event_source_url"u8, @event.PageUrl);
        if (@event.DeniesPersonalization)
            json.WriteBoolean("opt_out"u8, true);
        WriteUserData(json, @event);
        WriteCustomData(json, @event, limitedDataUse || @event.DeniesPersonalization);
    });

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        var keys = @event.MatchKeys;
        json.WriteStartObject("user_data"u8);
        json.WriteTexts("em"u8, keys.Sha256(MatchKeyNames.Email));
        json.WriteTexts("ph"u8, keys.Sha256(MatchKeyNames.Phone));
        json.WriteTexts("fn"u8, keys.Sha256(MatchKeyNames.FirstNameSpaceless));
        json.WriteTexts("ln"u8, keys.Sha256(MatchKeyNames.LastNameSpaceless));
        json.WriteTexts("ct"u8, keys.Sha256(MatchKeyNames.City));
        json.WriteTexts("st"u8, keys.Sha256(MatchKeyNames.StateCode));
        json.WriteTexts("zp"u8, keys.Sha256(MatchKeyNames.ZipDigits));
        json.WriteTexts("country"u8, keys.Sha256(MatchKeyNames.Country));
        json.WriteTexts("ge"u8, keys.Sha256(MatchKeyNames.Gender));
        json.WriteTexts("db"u8, keys.Sha256(MatchKeyNames.DateOfBirth));
        json.WriteTexts("external_id"u8, keys.Sha256(MatchKeyNames.ExternalId));
        json.WriteText("client_ip_address"u8, @event.PublicIp);
        json.WriteText("client_user_agent"u8, @event.UserAgent);
        // the address of this very visit is newer than a cookie
        json.WriteText("click_id"u8, @event.ClickId("epik") ?? @event.Cookie("epik"));
        json.WriteEndObject();
    }

    static void WriteCustomData(Utf8JsonWriter json, Event @event, bool limited)
    {
        var items = OrderItem.Of(@event);
        var (search, content, category) = (@event.Property("search_string"), @event.Property("content_name"), @event.Property("content_category"));
        if (items.Count == 0 && @event.Money is null && string.IsNullOrEmpty(@event.OrderId) && search is null && content is null && category is null && !limited)
            return;
        json.WriteStartObject("custom_data"u8);
        if (@event.Money is var (value, currency))
        {
            json.WriteString("currency"u8, currency);
            json.WriteString("value"u8, EventFacts.Text(value));
        }
        json.WriteText("order_id"u8, @event.OrderId);
        if (items.Count > 0)
            WriteItems(json, items);
        json.WriteText("search_string"u8, search);
        json.WriteText("content_name"u8, content);
        json.WriteText("content_category"u8, category);
        if (limited)
            json.WriteString("opt_out_type"u8, "LDP"u8);
        json.WriteEndObject();
    }

    static void WriteItems(Utf8JsonWriter json, List<OrderItem> items)
    {
        json.WriteNumber("num_items"u8, OrderItem.Pieces(items));
        json.WriteTexts("content_ids"u8, [.. items.Where(item => item.Id is not null).Select(item => item.Id!)]);
        json.WriteStartArray("contents"u8);
        foreach (var item in items)
        {
            json.WriteStartObject();
            json.WriteText("id"u8, item.Id);
            json.WriteText("item_name"u8, item.Name);
            json.WriteText("item_category"u8, item.Category);
            json.WriteText("item_brand"u8, item.Brand);
            json.WriteText("item_price"u8, item.Price is { } price ? EventFacts.Text(price) : null);
            json.WriteNumber("quantity"u8, item.Quantity);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
