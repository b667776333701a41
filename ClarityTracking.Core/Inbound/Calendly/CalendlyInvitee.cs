using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Calendly;

/// <summary>
/// Reads invitees: one person's booking of one event, the same shape in webhooks and in the API's lists. A move is a new invitee that names the
/// old one; the old one's cancellation is half of the move and means nothing by itself.
/// </summary>
static class CalendlyInvitee
{
    /// <summary>One invitee as it was created or cancelled.</summary>
    /// <param name="type">Calendly's name of the notification.</param>
    /// <param name="invitee">The invitee.</param>
    /// <param name="event">The event it is of; undefined when it is not known.</param>
    /// <param name="toldAt">When the notification was made, for a cancellation that has no time of its own.</param>
    internal static InboundRecord Read(string type, JsonElement invitee, JsonElement @event, DateTimeOffset? toldAt)
    {
        var uri = invitee.Text("uri")!;
        var eventUri = invitee.Text("event") ?? @event.Text("uri");
        var (isCreated, previous, next) = (type == "invitee.created", invitee.Text("old_invitee"), invitee.Text("new_invitee"));
        var isPaid = invitee.Flag("payment", "successful") != false;
        var currency = isPaid ? Money.Currency(invitee.Text("payment", "currency")) : null;
        var record = new InboundRecord
        {
            Source = "calendly",
            SourceEvent = type,
            Action = isCreated ? previous is null ? InboundAction.BookingCreated : InboundAction.BookingRescheduled
                : invitee.Flag("rescheduled") == true ? InboundAction.Ignored : InboundAction.BookingCanceled,
            DeliveryKey = $"{type}:{uri}",
            EntityId = uri,
            // moved: the conversion is the one of the booking before, even when its notification comes later
            ConversionId = isCreated ? previous : null,
            OtherIds = isCreated && previous is not null ? [uri] : [],
            Related = Related(eventUri, previous, next),
            EventTime = isCreated ? invitee.Time("created_at") ?? toldAt
                : invitee.Time("cancellation", "created_at") ?? @event.Time("cancellation", "created_at") ?? toldAt,
            Status = isCreated ? "active" : "canceled",
            Value = isPaid ? invitee.Amount("payment", "amount") : null,
            Currency = currency,
            Customer = CustomerOf(invitee),
            Attribution = AttributionOf(invitee),
            Test = SampleId.IsTest(uri),
            NeedsFetch = @event.ValueKind == JsonValueKind.Object || eventUri is null ? null : ["event"],
        };
        return @event.ValueKind == JsonValueKind.Object ? WithEvent(record, @event) : record;
    }

    /// <summary>Somebody noted that the invitee did not come, or took that back.</summary>
    internal static InboundRecord NoShow(string type, string invitee, string? uri, DateTimeOffset? at) => new()
    {
        Source = "calendly",
        SourceEvent = type,
        Action = type == "invitee_no_show.created" ? InboundAction.BookingNoShow : InboundAction.BookingUpdated,
        DeliveryKey = $"{type}:{uri ?? invitee}",
        EntityId = invitee,
        EventTime = at,
    };

    /// <summary>The record with what its event tells.</summary>
    internal static InboundRecord WithEvent(InboundRecord record, JsonElement @event) => record with
    {
        StartsAt = @event.Time("start_time") ?? record.StartsAt,
        Location = @event.Text("location", "type") == "physical" ? @event.Text("location", "location") : record.Location,
        Items = @event.Text("name") is null && @event.Text("event_type") is null ? record.Items : [new InboundItem { Id = @event.Text("event_type"), Name = @event.Text("name") }],
    };

    /// <summary>Of an address, its last part.</summary>
    internal static string LastPart(string uri) => uri[(uri.LastIndexOf('/') + 1)..];

    private static Dictionary<string, string>? Related(string? @event, string? previous, string? next)
    {
        var related = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, id) in new[] { ("event", @event), ("previous_booking_id", previous), ("new_booking_id", next) })
            if (id is not null)
                related[name] = id;
        return related.Count > 0 ? related : null;
    }

    private static InboundCustomer? CustomerOf(JsonElement invitee)
    {
        var (first, last) = SenderJson.SplitName(invitee.Text("name"));
        return new InboundCustomer
        {
            Email = SenderJson.Email(invitee.Text("email")),
            Phone = invitee.Text("text_reminder_number") ?? invitee.List("questions_and_answers")
                .FirstOrDefault(q => q.Text("question")?.Contains("phone", StringComparison.OrdinalIgnoreCase) == true).Text("answer"),
            FirstName = invitee.Text("first_name") ?? first,
            LastName = invitee.Text("last_name") ?? last,
        }.OrNull();
    }

    /// <summary>Calendly brings back utm_* and salesforce_uuid, which we borrow; a hidden question can carry anything.</summary>
    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement invitee)
    {
        var told = new PassedThrough();
        foreach (var member in invitee.Members("tracking"))
            told.Add(member.Name, member.Value.Text());
        foreach (var question in invitee.List("questions_and_answers"))
            told.Add(question.Text("question"), question.Text("answer"));
        return told.AddBorrowed(invitee.Text("tracking", "salesforce_uuid")).Found;
    }
}
