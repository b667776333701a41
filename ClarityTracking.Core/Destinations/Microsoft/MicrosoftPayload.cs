using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Microsoft;

/// <summary>Writes one event. Of several emails or phones the first goes.</summary>
static class MicrosoftPayload
{
    internal static byte[] Write(Event @event, string name) => PayloadJson.Write(json =>
    {
        var isPageLoad = name == MicrosoftEventNames.PageLoad;
        json.WriteString("eventType"u8, isPageLoad ? "pageLoad"u8 : "custom"u8);
        if (!isPageLoad)
            json.WriteString("eventName"u8, name);
        json.WriteString("eventId"u8, @event.EventId);
        json.WriteNumber("eventTime"u8, @event.OccurredAt.ToUnixTimeSeconds());
        json.WriteText("eventSourceUrl"u8, @event.PageUrl);
        json.WriteText("referrerUrl"u8, @event.PageReferrer);
        json.WriteText("pageTitle"u8, @event.Property("title"));
        json.WriteText("adStorageConsent"u8, AdStorage(@event));
        WriteUserData(json, @event);
        WriteCustomData(json, @event);
    });

    /// <summary>Granted or denied. Microsoft has no other word for visitors who let the data go but refuse personalised ads.</summary>
    static string? AdStorage(Event @event) => @event.DeniesPersonalization ? "D" : @event.Consent?.AdStorage switch { true => "G", false => "D", null => null };

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        var keys = @event.MatchKeys;
        json.WriteStartObject("userData"u8);
        json.WriteFirst("em"u8, keys.Sha256(MatchKeyNames.Email));
        json.WriteFirst("ph"u8, keys.Sha256(MatchKeyNames.PhoneE164));
        json.WriteText("externalId"u8, ExternalId(@event));
        json.WriteText("clientIpAddress"u8, @event.PublicIp);
        json.WriteText("clientUserAgent"u8, @event.UserAgent);
        json.WriteText("msclkid"u8, @event.ClickId("msclkid"));
        json.WriteEndObject();
    }

    /// <summary>It goes in the clear, so one that is an email or phone does not go.</summary>
    static string? ExternalId(Event @event) =>
        @event.Person.ExternalId is [var id, ..] && !PersonalText.LooksPersonal(id) ? id.Trim() : null;

    static void WriteCustomData(Utf8JsonWriter json, Event @event)
    {
        var (items, search) = (OrderItem.Of(@event), @event.Property("search_string"));
        if (@event.Money is null && string.IsNullOrEmpty(@event.OrderId) && items.Count == 0 && search is null)
            return;
        json.WriteStartObject("customData"u8);
        if (@event.Money is var (value, currency))
        {
            json.WriteNumber("value"u8, value);
            json.WriteString("currency"u8, currency);
        }
        json.WriteText("transactionId"u8, @event.OrderId);
        json.WriteText("searchTerm"u8, search);
        if (items.Count > 0)
        {
            json.WriteTexts("itemIds"u8, [.. items.Where(item => item.Id is not null).Select(item => item.Id!)]);
            json.WriteStartArray("items"u8);
            foreach (var item in items)
            {
                json.WriteStartObject();
                json.WriteText("id"u8, item.Id);
                json.WriteText("name"u8, item.Name);
                if (item.Price is { } price)
                    json.WriteNumber("price"u8, price);
                json.WriteNumber("quantity"u8, item.Quantity);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }
}
