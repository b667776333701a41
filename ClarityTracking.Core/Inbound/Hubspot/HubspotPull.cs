using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Hubspot;

/// <summary>
/// HubSpot's search (CRM API v3) lists contacts and meetings by when they were made, and won deals by when they were closed. A search ends after
/// 10,000 results, so each page asks for ids beyond the last one instead. Source: developers.hubspot.com, CRM search, November 2026.
/// </summary>
static class HubspotPull
{
    private const int PerPage = 100;

    private static readonly (string Thing, string Made, string Properties)[] Lists =
    [
        (HubspotObjects.Contact, "createdate", HubspotObjects.ContactProperties + ",createdate"),
        (HubspotObjects.Meeting, "hs_createdate", "hs_createdate,hs_lastmodifieddate,hs_meeting_start_time,hs_meeting_outcome,hs_meeting_title"),
        (HubspotObjects.Deal, "closedate", "closedate,dealstage,amount,deal_currency_code,dealname"),
    ];

    /// <summary>Where it stands.</summary>
    /// <param name="List">Index of the list.</param>
    /// <param name="After">The last id that was read; null = the beginning.</param>
    private sealed record Place(int List, string? After);

    internal static DestinationRequest Request(PullPosition at, DestinationAccess access)
    {
        var place = Parse(at);
        var (thing, made, properties) = Lists[place.List];
        List<object> filters =
        [
            new { propertyName = made, @operator = "GTE", value = Ms(at.Since) },
            new { propertyName = made, @operator = "LT", value = Ms(at.Until) },
        ];
        if (thing == HubspotObjects.Deal)
            filters.Add(new { propertyName = "dealstage", @operator = "IN", values = HubspotEvent.StagesOf(access.Settings) });
        if (place.After is { } id)
            filters.Add(new { propertyName = "hs_object_id", @operator = "GT", value = id });
        var token = access.AccessToken!;
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            filterGroups = new[] { new { filters } },
            sorts = new[] { new { propertyName = "hs_object_id", direction = "ASCENDING" } },
            properties = properties.Split(','),
            limit = PerPage,
        });
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url($"crm/v3/objects/{thing}s/search")), body, new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    internal static PulledPage Read(PullPosition at, JsonElement answer)
    {
        if (answer.At("results").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no results");
        var place = Parse(at);
        var things = answer.List("results").Where(t => t.Text("id") is not null).ToList();
        List<InboundRecord> records = [.. things.SelectMany(t => Lists[place.List].Thing switch { HubspotObjects.Contact => Contact(t), HubspotObjects.Meeting => Meeting(t), _ => Deal(t) })];
        var next = things.Count >= PerPage ? place with { After = things[^1].Text("id") }
            : place.List + 1 < Lists.Length ? new Place(place.List + 1, null) : null;
        return new PulledPage(records, next is null ? null : JsonSerializer.Serialize(next));
    }

    /// <summary>The search tells all of a contact that a look-up would.</summary>
    private static IEnumerable<InboundRecord> Contact(JsonElement contact)
    {
        yield return HubspotObjects.Complete(Told("contact.creation", HubspotObjects.Contact, contact, InboundAction.Lead, "createdate") with { NeedsFetch = null },
            new Dictionary<string, JsonElement> { [HubspotObjects.Contact] = contact });
    }

    /// <summary>A meeting as it was made, and how it ended; who it is with is looked up.</summary>
    private static IEnumerable<InboundRecord> Meeting(JsonElement meeting)
    {
        yield return Told("object.creation", HubspotObjects.Meeting, meeting, InboundAction.BookingCreated, "hs_createdate");
        var outcome = meeting.Text("properties", "hs_meeting_outcome");
        if (HubspotEvent.OutcomeOf(outcome) is var action && action is InboundAction.BookingCanceled or InboundAction.BookingNoShow or InboundAction.BookingCompleted)
            yield return Told("object.propertyChange", HubspotObjects.Meeting, meeting, action, "hs_lastmodifieddate") with { Status = outcome };
    }

    private static IEnumerable<InboundRecord> Deal(JsonElement deal)
    {
        yield return Told("deal.propertyChange", HubspotObjects.Deal, deal, InboundAction.DealWon, "closedate");
    }

    private static InboundRecord Told(string type, string thing, JsonElement json, InboundAction action, string time) => new()
    {
        Source = "hubspot",
        SourceEvent = type,
        Action = action,
        EntityId = json.Text("id"),
        ConversionId = $"{thing}-{json.Text("id")}",
        EventTime = HubspotObjects.Time(json.Text("properties", time)),
        NeedsFetch = [thing, HubspotObjects.AssociatedContact],
    };

    private static string Ms(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static Place Parse(PullPosition at) => at.Cursor is null ? new Place(0, null) : JsonSerializer.Deserialize<Place>(at.Cursor)!;
}
