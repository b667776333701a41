using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound.Hubspot;

/// <summary>Reads single changes of a batch.</summary>
static class HubspotEvent
{
    internal const string WonStages = "won_stages", SampleSource = "CLARITY_SAMPLE";

    /// <summary>
    /// HubSpot signs the address with exactly these sequences decoded, and no others (developers.hubspot.com, request validation, November 2026;
    /// its own client library does not decode).
    /// </summary>
    private static readonly (string Encoded, string Decoded)[] Sequences =
    [
        ("%3A", ":"), ("%2F", "/"), ("%3F", "?"), ("%40", "@"), ("%21", "!"), ("%24", "$"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%2A", "*"), ("%2C", ","), ("%3B", ";"),
    ];

    /// <summary>An address as HubSpot signs it.</summary>
    internal static string Decoded(string url)
    {
        foreach (var (encoded, decoded) in Sequences)
            url = url.Replace(encoded, decoded, StringComparison.OrdinalIgnoreCase);
        return url;
    }

    /// <summary>The stages that mean won.</summary>
    internal static IReadOnlyList<string> StagesOf(JsonElement settings) =>
        ConnectionJson.Text(settings, WonStages)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? ["closedwon"];

    internal static InboundRecord Read(JsonElement change, IReadOnlyList<string> wonStages)
    {
        var (type, id, property, value) = (change.Text("subscriptionType")!, change.Text("objectId")!, change.Text("propertyName"), change.Text("propertyValue"));
        var (portal, occurredAt) = (change.Text("portalId"), change.Whole("occurredAt"));
        var (thing, happening) = (ThingOf(type, change.Text("objectTypeId")), type[(type.IndexOf('.', StringComparison.Ordinal) + 1)..]);
        var action = ActionOf(thing, happening, property, value, wonStages);
        return new InboundRecord
        {
            Source = "hubspot",
            SourceEvent = type,
            Action = action,
            DeliveryKey = $"{portal}:{type}:{id}:{occurredAt}:{property}",
            EntityId = id,
            // contacts, meetings and deals are numbered apart
            ConversionId = thing is null ? null : $"{thing}-{id}",
            EventTime = occurredAt is { } ms and >= 0 and <= 253402300799999 ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null,
            StartsAt = property == "hs_meeting_start_time" ? HubspotObjects.Time(value) : null,
            Status = property == "hs_meeting_outcome" ? value : null,
            Account = portal,
            Test = change.Text("changeSource") == SampleSource ? true : null,
            NeedsFetch = action is InboundAction.Ignored or InboundAction.PrivacyRequest ? null : thing switch
            {
                HubspotObjects.Contact => [HubspotObjects.Contact],
                HubspotObjects.Meeting => [HubspotObjects.Meeting, HubspotObjects.AssociatedContact],
                HubspotObjects.Deal => [HubspotObjects.Deal, HubspotObjects.AssociatedContact],
                _ => null,
            },
        };
    }

    /// <summary>What the change is of, by its own subscription (contact.creation) or the general one (object.creation with a type's number).</summary>
    private static string? ThingOf(string type, string? objectTypeId) => type[..Math.Max(0, type.IndexOf('.', StringComparison.Ordinal))] switch
    {
        "contact" => HubspotObjects.Contact,
        "deal" => HubspotObjects.Deal,
        "object" => objectTypeId switch { "0-1" => HubspotObjects.Contact, "0-3" => HubspotObjects.Deal, "0-47" => HubspotObjects.Meeting, _ => null },
        _ => null,
    };

    private static InboundAction ActionOf(string? thing, string happening, string? property, string? value, IReadOnlyList<string> wonStages) => (thing, happening, property) switch
    {
        (HubspotObjects.Contact, "creation", _) => InboundAction.Lead,
        (HubspotObjects.Contact, "privacyDeletion", _) => InboundAction.PrivacyRequest,
        (HubspotObjects.Meeting, "creation", _) => InboundAction.BookingCreated,
        (HubspotObjects.Meeting, "deletion", _) => InboundAction.BookingCanceled,
        (HubspotObjects.Meeting, "propertyChange", "hs_meeting_start_time") => InboundAction.BookingUpdated,
        (HubspotObjects.Meeting, "propertyChange", "hs_meeting_outcome") => OutcomeOf(value),
        (HubspotObjects.Deal, "propertyChange", "dealstage") when wonStages.Contains(value, StringComparer.OrdinalIgnoreCase) => InboundAction.DealWon,
        (HubspotObjects.Deal, "propertyChange", "hs_is_closed_won") when value == "true" => InboundAction.DealWon,
        _ => InboundAction.Ignored,
    };

    /// <summary>What a meeting's outcome says.</summary>
    internal static InboundAction OutcomeOf(string? outcome) => outcome switch
    {
        "CANCELED" => InboundAction.BookingCanceled,
        "NO_SHOW" => InboundAction.BookingNoShow,
        "RESCHEDULED" => InboundAction.BookingRescheduled,
        "COMPLETED" => InboundAction.BookingCompleted,
        "SCHEDULED" => InboundAction.BookingUpdated,
        _ => InboundAction.Ignored,
    };
}
