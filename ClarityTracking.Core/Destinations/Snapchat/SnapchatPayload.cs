using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Snapchat;

/// <summary>Writes one event.</summary>
static class SnapchatPayload
{
    internal static byte[] Write(Event @event, string name, JsonElement settings) => PayloadJson.Write(json =>
    {
        json.WriteString("event_name"u8, name);
        json.WriteNumber("event_time"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteString("event_id"u8, @event.EventId);
        json.WriteString("action_source"u8, @event.IsInStore || !EventFacts.IsWebAddress(@event.Url) ? "OFFLINE"u8 : "WEB"u8);
        json.WriteText("event_source_url"u8, @event.PageUrl);
        json.WriteText("test_event_code"u8, SnapchatSettings.TestId(settings));
        if (SnapchatSettings.LimitedDataUse(settings) || @event.DeniesPersonalization)
            json.WriteTexts("data_processing_options"u8, ["LMU"]);
        WriteUserData(json, @event);
        WriteCustomData(json, @event);
    });

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        var keys = @event.MatchKeys;
        json.WriteStartObject("user_data"u8);
        json.WriteTexts("em"u8, keys.Sha256(MatchKeyNames.Email));
        json.WriteTexts("ph"u8, keys.Sha256(MatchKeyNames.Phone));
        json.WriteFirst("fn"u8, keys.Sha256(MatchKeyNames.FirstName));
        json.WriteFirst("ln"u8, keys.Sha256(MatchKeyNames.LastName));
        json.WriteFirst("ge"u8, keys.Sha256(MatchKeyNames.Gender));
        json.WriteFirst("db"u8, keys.Sha256(MatchKeyNames.DateOfBirth));
        json.WriteFirst("ct"u8, keys.Sha256(MatchKeyNames.City));
        json.WriteFirst("st"u8, keys.Sha256(MatchKeyNames.State));
        json.WriteFirst("zp"u8, keys.Sha256(MatchKeyNames.Zip));
        json.WriteFirst("country"u8, keys.Sha256(MatchKeyNames.Country));
        json.WriteTexts("external_id"u8, keys.Sha256(MatchKeyNames.ExternalId));
        json.WriteText("client_ip_address"u8, @event.PublicIp);
        json.WriteText("client_user_agent"u8, @event.UserAgent);
        json.WriteText("sc_click_id"u8, @event.ClickId("ScCid"));
        json.WriteText("sc_cookie1"u8, @event.Cookie("sc_cookie1"));
        json.WriteEndObject();
    }

    static void WriteCustomData(Utf8JsonWriter json, Event @event)
    {
        var items = OrderItem.Of(@event);
        var (search, category, method) = (@event.Property("search_string"), @event.Property("content_category"), @event.Property("sign_up_method"));
        if (items.Count == 0 && @event.Money is null && string.IsNullOrEmpty(@event.OrderId) && search is null && category is null && method is null)
            return;
        json.WriteStartObject("custom_data"u8);
        if (@event.Money is var (value, currency))
        {
            json.WriteString("currency"u8, currency);
            json.WriteNumber("value"u8, value);
        }
        json.WriteText("order_id"u8, @event.OrderId);
        if (items.Count > 0)
            WriteItems(json, items);
        json.WriteText("search_string"u8, search);
        json.WriteText("content_category"u8, category);
        json.WriteText("sign_up_method"u8, method);
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
            json.WriteNumber("quantity"u8, item.Quantity);
            if (item.Price is { } price)
                json.WriteNumber("item_price"u8, price);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
