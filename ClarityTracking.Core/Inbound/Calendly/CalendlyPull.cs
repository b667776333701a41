using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Calendly;

/// <summary>
/// Calendly lists bookings in three steps: whose token it is, the organization's events by their start, and the invitees of each event. A
/// booking begins after it was made, so those made since a day begin after it too.
/// </summary>
static class CalendlyPull
{
    private const int EventsPerPage = 50, InviteesPerPage = 100;

    /// <summary>Where it stands: the organization, the rest of the page of events, and the page after it (null = the first, empty = none).</summary>
    private sealed record Place(string Organization, string? NextEvents, List<JsonElement> Events, string? NextInvitees = null);

    /// <summary>The next question.</summary>
    internal static string PathOf(PullPosition at) => at.Cursor is null ? "users/me"
        : Parse(at.Cursor) switch
        {
            { Events: [var first, ..] } place => $"scheduled_events/{Uri.EscapeDataString(CalendlyInvitee.LastPart(first.Text("uri")!))}/invitees?count={InviteesPerPage}{Token(place.NextInvitees)}",
            var place => $"scheduled_events?organization={Uri.EscapeDataString(place.Organization)}&min_start_time={Uri.EscapeDataString(Pulls.PullPosition.Text(at.Since))}"
                + $"&sort=start_time:asc&count={EventsPerPage}{Token(place.NextEvents)}",
        };

    /// <summary>What an answer tells, and where to go on.</summary>
    internal static PulledPage Read(PullPosition at, JsonElement answer)
    {
        if (at.Cursor is null)
            return answer.Text("resource", "current_organization") is { } organization
                ? new PulledPage([], JsonSerializer.Serialize(new Place(organization, null, [])))
                : PulledPage.Strange("the token's user has no organization");
        var place = Parse(at.Cursor);
        var next = answer.Text("pagination", "next_page_token") ?? "";
        if (answer.At("collection").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no collection");
        if (place.Events is not [var current, ..])
            return After(place with { NextEvents = next, Events = [.. answer.List("collection").Where(e => e.Text("uri") is not null).Select(Slim)] }, []);
        var records = answer.List("collection").Where(i => i.Text("uri") is not null && i.Time("created_at") >= at.Since).SelectMany(i => RecordsOf(i, current)).ToList();
        return next.Length > 0
            ? new PulledPage(records, JsonSerializer.Serialize(place with { NextInvitees = next }))
            : After(place with { Events = place.Events[1..], NextInvitees = null }, records);
    }

    private static PulledPage After(Place place, IReadOnlyList<InboundRecord> records) =>
        new(records, place.Events.Count == 0 && place.NextEvents is { Length: 0 } ? null : JsonSerializer.Serialize(place));

    /// <summary>What webhooks would have told of an invitee.</summary>
    private static IEnumerable<InboundRecord> RecordsOf(JsonElement invitee, JsonElement @event)
    {
        yield return CalendlyInvitee.Read("invitee.created", invitee, @event, null);
        if (invitee.Text("status") == "canceled" && invitee.Flag("rescheduled") != true)
            yield return CalendlyInvitee.Read("invitee.canceled", invitee, @event, invitee.Time("updated_at"));
        if (invitee.At("no_show").ValueKind == JsonValueKind.Object)
            yield return CalendlyInvitee.NoShow("invitee_no_show.created", invitee.Text("uri")!, invitee.Text("no_show", "uri"), invitee.Time("no_show", "created_at"));
    }

    /// <summary>What an event tells of its invitees, no more: the place is stored at every step.</summary>
    private static JsonElement Slim(JsonElement @event) => JsonSerializer.SerializeToElement(new Dictionary<string, object?>
    {
        ["uri"] = @event.Text("uri"),
        ["name"] = @event.Text("name"),
        ["start_time"] = @event.Text("start_time"),
        ["event_type"] = @event.Text("event_type"),
        ["location"] = new { type = @event.Text("location", "type"), location = @event.Text("location", "type") == "physical" ? @event.Text("location", "location") : null },
        ["cancellation"] = new { created_at = @event.Text("cancellation", "created_at") },
    });

    private static string Token(string? token) => string.IsNullOrEmpty(token) ? "" : $"&page_token={Uri.EscapeDataString(token)}";

    private static Place Parse(string cursor) => JsonSerializer.Deserialize<Place>(cursor)!;
}
