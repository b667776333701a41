using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.LinkedIn;

/// <summary>Writes one event. Times are in milliseconds, amounts are texts, names go in the clear, and there is no phone.</summary>
static class LinkedInPayload
{
    internal static byte[] Write(Event @event, string rule) => PayloadJson.Write(json =>
    {
        json.WriteString("conversion"u8, $"urn:lla:llaPartnerConversion:{rule}");
        json.WriteNumber("conversionHappenedAt"u8, @event.OccurredAt.ToUnixTimeMilliseconds());
        if (@event.Money is var (value, currency))
        {
            json.WriteStartObject("conversionValue"u8);
            json.WriteString("currencyCode"u8, currency);
            json.WriteString("amount"u8, EventFacts.Text(value));
            json.WriteEndObject();
        }
        json.WriteString("eventId"u8, @event.EventId);
        json.WriteStartObject("user"u8);
        json.WriteStartArray("userIds"u8); // required, also when it is empty
        foreach (var email in @event.MatchKeys.Sha256(MatchKeyNames.Email))
            WriteId(json, "SHA256_EMAIL"u8, email);
        if (ClickId(@event) is { } click)
            WriteId(json, "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID"u8, click);
        json.WriteEndArray();
        WriteUserInfo(json, @event.Person);
        if (@event.Person.ExternalId is [var id, ..] && !string.IsNullOrWhiteSpace(id))
            json.WriteTexts("externalIds"u8, [id.Trim()]); // one at most
        json.WriteEndObject();
    });

    /// <summary>Of this very visit, else of LinkedIn's cookie.</summary>
    internal static string? ClickId(Event @event) => @event.ClickId("li_fat_id") ?? @event.Cookie("li_fat_id");

    /// <summary>LinkedIn takes a name only whole.</summary>
    internal static bool HasName(UserData person) => !string.IsNullOrWhiteSpace(person.FirstName) && !string.IsNullOrWhiteSpace(person.LastName);

    static void WriteUserInfo(Utf8JsonWriter json, UserData person)
    {
        if (!HasName(person))
            return;
        json.WriteStartObject("userInfo"u8);
        json.WriteText("firstName"u8, person.FirstName!.Trim());
        json.WriteText("lastName"u8, person.LastName!.Trim());
        json.WriteText("companyName"u8, person.Company?.Trim());
        json.WriteText("countryCode"u8, Countries.Code(person.Country)?.ToUpperInvariant());
        json.WriteEndObject();
    }

    static void WriteId(Utf8JsonWriter json, ReadOnlySpan<byte> type, string value)
    {
        json.WriteStartObject();
        json.WriteString("idType"u8, type);
        json.WriteString("idValue"u8, value);
        json.WriteEndObject();
    }
}
