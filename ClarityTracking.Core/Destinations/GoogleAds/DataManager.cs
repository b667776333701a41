using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>
/// The Data Manager API (<c>events:ingest</c>), the way for everybody since June 2026. Conversion action and consent stand beside the list of
/// events, so payloads carry them in front and only those with the same ones share a request.
/// </summary>
static class DataManager
{
    const int MostIdentifiers = 10;

    internal static byte[] Write(Event @event, string action) => PayloadJson.Write(json =>
    {
        json.WriteString("action"u8, action);
        if (@event.Consent is { } consent && (consent.AdUserData ?? consent.AdPersonalization) is not null)
        {
            json.WriteStartObject("consent"u8);
            json.WriteText("adUserData"u8, Word(consent.AdUserData));
            json.WriteText("adPersonalization"u8, Word(consent.AdPersonalization));
            json.WriteEndObject();
        }
        json.WriteStartObject("event"u8);
        json.WriteString("eventTimestamp"u8, @event.OccurredAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture));
        json.WriteString("transactionId"u8, GoogleAdsPerson.Order(@event));
        var isWeb = @event.Source == EventSource.Browser || @event.PageUrl is not null;
        json.WriteString("eventSource"u8, @event.IsInStore ? "IN_STORE"u8 : isWeb ? "WEB"u8 : "OTHER"u8);
        if (@event.Money is var (value, currency))
        {
            json.WriteNumber("conversionValue"u8, value);
            json.WriteString("currency"u8, currency);
        }
        if (GoogleAdsPerson.Click(@event) is var (name, id))
        {
            json.WriteStartObject("adIdentifiers"u8);
            json.WriteString(name, id);
            json.WriteEndObject();
        }
        WriteUserData(json, @event);
        json.WriteEndObject();
    });

    static string? Word(bool? allowed) => allowed switch { true => "CONSENT_GRANTED", false => "CONSENT_DENIED", null => null };

    static void WriteUserData(Utf8JsonWriter json, Event @event)
    {
        var (emails, phones) = GoogleAdsPerson.Identifiers(@event, MostIdentifiers);
        if (emails.Count + phones.Count == 0)
            return;
        json.WriteStartObject("userData"u8);
        json.WriteStartArray("userIdentifiers"u8);
        emails.ForEach(email => WriteIdentifier(json, "emailAddress"u8, email));
        phones.ForEach(phone => WriteIdentifier(json, "phoneNumber"u8, phone));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static void WriteIdentifier(Utf8JsonWriter json, ReadOnlySpan<byte> name, string hash)
    {
        json.WriteStartObject();
        json.WriteString(name, hash);
        json.WriteEndObject();
    }

    /// <summary>What stands in front of the event: action and consent.</summary>
    internal static string CallOf(byte[] payload) => Encoding.UTF8.GetString(payload.AsSpan(0, payload.AsSpan().IndexOf("\"event\":"u8)));

    internal static byte[] Body(IReadOnlyList<byte[]> payloads, JsonElement settings)
    {
        var mapped = payloads.Select(payload => JsonElement.Parse(payload)).ToList();
        return PayloadJson.Write(json =>
        {
            json.WriteStartArray("destinations"u8);
            json.WriteStartObject();
            WriteAccount(json, "operatingAccount"u8, GoogleAdsSettings.Account(settings, "customer_id"));
            WriteAccount(json, "loginAccount"u8, GoogleAdsSettings.Account(settings, "manager_id"));
            json.WriteText("productDestinationId"u8, AnswerJson.Text(mapped[0], "action"));
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartArray("events"u8);
            foreach (var payload in mapped)
                payload.GetProperty("event"u8).WriteTo(json);
            json.WriteEndArray();
            json.WriteString("encoding"u8, "HEX"u8);
            if (mapped[0].TryGetProperty("consent"u8, out var consent))
            {
                json.WritePropertyName("consent"u8);
                consent.WriteTo(json);
            }
            if (GoogleAdsSettings.IsTest(settings))
                json.WriteBoolean("validateOnly"u8, true);
        }, PayloadJson.SizeOf(payloads));
    }

    static void WriteAccount(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? account)
    {
        if (account is null)
            return;
        json.WriteStartObject(name);
        json.WriteString("accountType"u8, "GOOGLE_ADS"u8);
        json.WriteString("accountId"u8, account);
        json.WriteEndObject();
    }
}
