using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>Writes one event as a whole request body: client, consent and person stand beside the list of events and so hold for all of it.</summary>
static class AnalyticsPayload
{
    // Google cuts or drops longer values without a word (limits of GA4 event collection)
    const int LongestUrl = 1000, LongestReferrer = 420, LongestTitle = 300, LongestValue = 100;

    internal static byte[] Write(Event @event, string name) => PayloadJson.Write(json =>
    {
        json.WriteText("client_id"u8, AnalyticsBrowser.ClientId(@event));
        json.WriteText("user_id"u8, UserId(@event));
        json.WriteNumber("timestamp_micros"u8, (@event.OccurredAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        WriteConsent(json, @event.Consent);
        // only where the visitor said yes: Google Analytics works without
        if (@event.Consent?.AdUserData == true)
            WriteUserData(json, @event);
        json.WriteStartArray("events"u8);
        json.WriteStartObject();
        json.WriteString("name"u8, name);
        json.WriteStartObject("params"u8);
        WriteParams(json, @event, name);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    });

    /// <summary>The shop's id of the person; Google forbids an email or phone there.</summary>
    static string? UserId(Event @event) =>
        @event.Person.ExternalId is [var id, ..] && id.Length <= LongestValue * 2 && !PersonalText.LooksPersonal(id) ? id.Trim() : null;

    static void WriteConsent(Utf8JsonWriter json, Consent? consent)
    {
        if (consent is not { } told || (told.AdUserData is null && told.AdPersonalization is null))
            return;
        json.WriteStartObject("consent"u8);
        json.WriteText("ad_user_data"u8, Word(told.AdUserData));
        json.WriteText("ad_personalization"u8, Word(told.AdPersonalization));
        json.WriteEndObject();
    }

    static string? Word(bool? allowed) => allowed switch { true => "GRANTED", false => "DENIED", null => null };

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        var keys = @event.MatchKeys;
        var (email, phone) = (keys.Sha256(MatchKeyNames.EmailAnalytics), keys.Sha256(MatchKeyNames.PhoneE164));
        var (first, last) = (keys.Sha256(MatchKeyNames.FirstNameAnalytics), keys.Sha256(MatchKeyNames.LastNameAnalytics));
        var hasAddress = first.Count > 0 && last.Count > 0;
        if (email.Count == 0 && phone.Count == 0 && !hasAddress)
            return;
        json.WriteStartObject("user_data"u8);
        json.WriteTexts("sha256_email_address"u8, email);
        json.WriteTexts("sha256_phone_number"u8, phone);
        if (hasAddress)
        {
            var person = @event.Person;
            json.WriteStartArray("address"u8);
            json.WriteStartObject();
            json.WriteFirst("sha256_first_name"u8, first);
            json.WriteFirst("sha256_last_name"u8, last);
            json.WriteText("city"u8, Letters(person.City));
            json.WriteText("region"u8, Letters(person.State));
            json.WriteText("postal_code"u8, person.Zip?.Trim());
            json.WriteText("country"u8, Countries.Code(person.Country)?.ToUpperInvariant());
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>Lower case without digits and symbols.</summary>
    static string? Letters(string? place) => place is null ? null
        : string.Concat(place.Where(c => char.IsLetter(c) || char.IsWhiteSpace(c) || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.NonSpacingMark))
            .Trim().ToLowerInvariant();

    static void WriteParams(Utf8JsonWriter json, Event @event, string name)
    {
        json.WriteText("session_id"u8, AnalyticsBrowser.SessionId(@event));
        json.WriteNumber("engagement_time_msec"u8, 1); // without it the event shows in no report of users
        var isOrder = name is AnalyticsEventNames.Purchase or AnalyticsEventNames.Refund;
        // Google counts a purchase once per transaction: the one defence against a retry after an answer that got lost
        json.WriteText("transaction_id"u8, Cut(string.IsNullOrEmpty(@event.OrderId) && isOrder ? @event.EventId : @event.OrderId, LongestValue));
        if (@event.Money is var (value, currency))
        {
            json.WriteNumber("value"u8, value);
            json.WriteString("currency"u8, currency);
        }
        WriteItems(json, OrderItem.Of(@event));
        json.WriteText("coupon"u8, Cut(@event.Property("coupon"), LongestValue));
        json.WriteText("search_term"u8, Cut(@event.Property("search_string"), LongestValue));
        json.WriteText("page_location"u8, Cut(@event.PageUrl, LongestUrl));
        json.WriteText("page_referrer"u8, Cut(@event.PageReferrer, LongestReferrer));
        json.WriteText("page_title"u8, Cut(@event.Property("title"), LongestTitle));
    }

    static void WriteItems(Utf8JsonWriter json, List<OrderItem> items)
    {
        // an item needs an id or a name
        var named = items.Where(item => item.Id is not null || item.Name is not null).ToList();
        if (named.Count == 0)
            return;
        json.WriteStartArray("items"u8);
        foreach (var item in named.Take(MostItems))
        {
            json.WriteStartObject();
            json.WriteText("item_id"u8, Cut(item.Id, LongestValue));
            json.WriteText("item_name"u8, Cut(item.Name, LongestValue));
            json.WriteText("item_category"u8, Cut(item.Category, LongestValue));
            json.WriteText("item_brand"u8, Cut(item.Brand, LongestValue));
            if (item.Price is { } price)
                json.WriteNumber("price"u8, price);
            json.WriteNumber("quantity"u8, item.Quantity);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    const int MostItems = 200;

    /// <summary>Not longer than this, and no half of a surrogate pair at the end.</summary>
    static string? Cut(string? text, int longest) =>
        text is null || text.Length <= longest ? text : text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)];
}
