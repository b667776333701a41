using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Hubspot;

/// <summary>Asks for contacts, meetings and deals of the CRM API (v3), and reads them.</summary>
static class HubspotObjects
{
    internal const string Contact = "contact", Meeting = "meeting", Deal = "deal", AssociatedContact = "associated_contact";

    /// <summary>Names that our snippet may have filled by hidden fields; unknown properties are left out of the answer.</summary>
    internal const string ContactProperties = "email,phone,mobilephone,firstname,lastname,city,state,zip,country,hs_country_region_code,hs_google_click_id,hs_facebook_click_id,"
        + "hs_analytics_first_url,hs_analytics_first_referrer,ct_vid,utm_source,utm_medium,utm_campaign,utm_term,utm_content,gclid,gbraid,wbraid,fbclid,ttclid,msclkid,li_fat_id,epik,rdt_cid,fbp,fbc";

    /// <summary>Where a thing stands in the API.</summary>
    internal static string PathOf(string thing, string id) => $"crm/v3/objects/{thing}s/{Uri.EscapeDataString(id)}?" + thing switch
    {
        Meeting => "properties=hs_meeting_start_time,hs_meeting_title,hs_meeting_outcome&associations=contacts",
        Deal => "properties=amount,deal_currency_code,dealname&associations=contacts",
        _ => $"properties={ContactProperties}",
    };

    /// <summary>The first contact that a thing belongs to.</summary>
    internal static string? ContactOf(JsonElement thing) => thing.List("associations", "contacts", "results").Select(r => r.Text("id")).FirstOrDefault();

    /// <summary>The record with what was learnt.</summary>
    internal static InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers)
    {
        if (answers.TryGetValue(Meeting, out var meeting))
            record = record with
            {
                // what the change itself says of the start was true then; the meeting's is true now
                StartsAt = record.StartsAt ?? Time(meeting.Text("properties", "hs_meeting_start_time")),
                Items = meeting.Text("properties", "hs_meeting_title") is { } title ? [new InboundItem { Name = title }] : null,
            };
        if (answers.TryGetValue(Deal, out var deal))
            record = record with
            {
                Value = deal.Amount("properties", "amount"),
                Currency = Money.Currency(deal.Text("properties", "deal_currency_code")),
                Items = deal.Text("properties", "dealname") is { } name ? [new InboundItem { Name = name }] : null,
            };
        if (!answers.TryGetValue(Contact, out var contact) && !answers.TryGetValue(AssociatedContact, out contact))
            return record;
        var known = contact.At("properties");
        return record with { Customer = CustomerOf(contact.Text("id"), known), Attribution = AttributionOf(known) };
    }

    /// <summary>A time as HubSpot writes it: ISO 8601 in objects, milliseconds in changes.</summary>
    internal static DateTimeOffset? Time(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && ms <= 253402300799999 ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : SenderJson.ReadTime(text);

    private static InboundCustomer? CustomerOf(string? id, JsonElement known) => new InboundCustomer
    {
        ExternalId = id,
        Email = SenderJson.Email(known.Text("email")),
        Phone = known.Text("phone") ?? known.Text("mobilephone"),
        FirstName = known.Text("firstname"),
        LastName = known.Text("lastname"),
        City = known.Text("city"),
        Region = known.Text("state"),
        PostalCode = known.Text("zip"),
        Country = known.Text("hs_country_region_code") ?? known.Text("country"),
    }.OrNull();

    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement known)
    {
        var told = new PassedThrough();
        foreach (var member in known.Members())
            told.Add(member.Name, member.Value.Text());
        told.Add("gclid", known.Text("hs_google_click_id")).Add("fbclid", known.Text("hs_facebook_click_id"));
        return told.AddLanding(known.Text("hs_analytics_first_url"), known.Text("hs_analytics_first_referrer")).Found;
    }
}
