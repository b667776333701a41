using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>
/// The Google Ads API's upload of click conversions and of adjustments to them, closed to new callers in June 2026. The two are different calls.
/// </summary>
static class ClickUpload
{
    internal static readonly Uri BaseUrl = new("https://googleads.googleapis.com");

    const int MostIdentifiers = 5;

    internal static byte[] Write(Event @event, string action, JsonElement settings) => PayloadJson.Write(json =>
    {
        json.WriteString("conversionAction"u8, ActionName(action, settings));
        json.WriteString("conversionDateTime"u8, Time(@event));
        if (@event.Money is var (value, currency))
        {
            json.WriteNumber("conversionValue"u8, value);
            json.WriteString("currencyCode"u8, currency);
        }
        json.WriteString("orderId"u8, GoogleAdsPerson.Order(@event));
        if (GoogleAdsPerson.Click(@event) is var (name, id))
            json.WriteString(name, id);
        var (emails, phones) = GoogleAdsPerson.Identifiers(@event, MostIdentifiers);
        if (emails.Count + phones.Count > 0)
        {
            json.WriteStartArray("userIdentifiers"u8);
            emails.ForEach(email => DataManager.WriteIdentifier(json, "hashedEmail"u8, email));
            phones.ForEach(phone => DataManager.WriteIdentifier(json, "hashedPhoneNumber"u8, phone));
            json.WriteEndArray();
        }
        if (@event.Consent is { } consent && (consent.AdUserData ?? consent.AdPersonalization) is not null)
        {
            json.WriteStartObject("consent"u8);
            json.WriteText("adUserData"u8, Word(consent.AdUserData));
            json.WriteText("adPersonalization"u8, Word(consent.AdPersonalization));
            json.WriteEndObject();
        }
    });

    /// <summary>Lowers the value of an earlier conversion (RESTATEMENT), or takes it back (RETRACTION).</summary>
    internal static byte[] WriteAdjustment(Event @event, string action, JsonElement settings)
    {
        var left = GoogleAdsActions.ValueLeft(@event) ?? 0;
        return PayloadJson.Write(json =>
        {
            json.WriteString("adjustmentType"u8, left > 0 ? "RESTATEMENT"u8 : "RETRACTION"u8);
            json.WriteString("conversionAction"u8, ActionName(action, settings));
            json.WriteString("orderId"u8, GoogleAdsPerson.Order(@event));
            json.WriteString("adjustmentDateTime"u8, Time(@event));
            if (left > 0)
            {
                json.WriteStartObject("restatementValue"u8);
                json.WriteNumber("adjustedValue"u8, left);
                json.WriteText("currencyCode"u8, CurrencyCode.Read(@event.Currency));
                json.WriteEndObject();
            }
        });
    }

    /// <summary>The call a payload is for.</summary>
    internal static string CallOf(byte[] payload) =>
        payload.AsSpan().StartsWith("{\"adjustmentType\""u8) ? "uploadConversionAdjustments" : "uploadClickConversions";

    internal static byte[] Body(IReadOnlyList<byte[]> payloads, JsonElement settings) => PayloadJson.Write(json =>
    {
        json.WriteAll(CallOf(payloads[0]) == "uploadClickConversions" ? "conversions"u8 : "conversionAdjustments"u8, payloads);
        json.WriteBoolean("partialFailure"u8, true);
        if (GoogleAdsSettings.IsTest(settings))
            json.WriteBoolean("validateOnly"u8, true);
    }, PayloadJson.SizeOf(payloads));

    static string ActionName(string action, JsonElement settings) => $"customers/{GoogleAdsSettings.Account(settings, "customer_id")}/conversionActions/{action}";

    static string Time(Event @event) => @event.OccurredAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "+00:00";

    static string? Word(bool? allowed) => allowed switch { true => "GRANTED", false => "DENIED", null => null };
}
