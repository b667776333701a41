using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Calcom;

/// <summary>Reads bookings: as webhooks tell them, and as API v2 lists them. A move is a new booking that names the old one.</summary>
static class CalcomBooking
{
    /// <summary>One notification.</summary>
    /// <param name="trigger">What triggered it.</param>
    /// <param name="payload">The booking, or who did not come.</param>
    /// <param name="createdAt">When the notification was made, as it was written.</param>
    internal static SourceReading Read(string trigger, JsonElement payload, string? createdAt)
    {
        var at = SenderJson.ReadTime(createdAt);
        var record = new InboundRecord { Source = "calcom", SourceEvent = trigger, Action = ActionOf(trigger), EventTime = at };
        if (record.Action == InboundAction.Ignored)
            return record with { DeliveryKey = createdAt is null ? null : $"{trigger}:{payload.Text("uid")}:{createdAt}" };
        var isNoShow = trigger == "BOOKING_NO_SHOW_UPDATED";
        var uidName = isNoShow ? "bookingUid" : "uid";
        if (payload.Text(uidName) is not { } uid)
            return SourceReading.Refused($"payload.{uidName} is missing.", $"payload.{uidName}");
        record = record with { EntityId = uid, DeliveryKey = $"{trigger}:{uid}:{createdAt}", Test = SampleId.IsTest(uid) };
        if (isNoShow)
        {
            var missing = payload.List("attendees").FirstOrDefault(a => a.Flag("noShow") == true);
            return record with
            {
                // taken back: it stands again
                Action = missing.ValueKind == JsonValueKind.Object ? InboundAction.BookingNoShow : InboundAction.BookingUpdated,
                Customer = new InboundCustomer { Email = SenderJson.Email(missing.Text("email")) }.OrNull(),
            };
        }
        var isPaid = trigger == "BOOKING_PAID";
        var currency = Money.Currency((isPaid ? payload.Text("paymentData", "currency") : null) ?? payload.Text("currency"));
        var amount = (isPaid ? payload.Whole("paymentData", "amount") : null) ?? payload.Whole("price");
        var previous = payload.Text("rescheduleUid");
        return record with
        {
            // it ended when it was to end, whenever that is told
            EventTime = trigger == "MEETING_ENDED" ? payload.Time("endTime") ?? at : at,
            ConversionId = record.Action == InboundAction.BookingRescheduled ? previous : null,
            OtherIds = record.Action == InboundAction.BookingRescheduled && previous is not null ? [uid] : [],
            Related = previous is null ? null : new Dictionary<string, string> { ["previous_booking_id"] = previous },
            StartsAt = payload.Time("startTime"),
            Status = payload.Text("status"),
            Value = amount is > 0 ? Money.FromMinor(amount.Value, currency) : null,
            Currency = amount is > 0 ? currency : null,
            Customer = CustomerOf(payload.List("attendees").FirstOrDefault(), payload.At("responses")),
            Items = payload.Text("eventTypeId") is null && payload.Text("eventTitle") is null ? null
                : [new InboundItem { Id = payload.Text("eventTypeId"), Name = payload.Text("eventTitle") ?? payload.Text("title") }],
            Attribution = AttributionOf(payload.At("metadata"), payload.At("responses")),
        };
    }

    /// <summary>What webhooks would have told of a booking of API v2 (2024-08-13); it names no price.</summary>
    internal static IEnumerable<InboundRecord> Pulled(JsonElement booking)
    {
        var (uid, status, previous) = (booking.Text("uid")!, booking.Text("status"), booking.Text("rescheduledFromUid"));
        var made = new InboundRecord
        {
            Source = "calcom",
            SourceEvent = previous is not null ? "BOOKING_RESCHEDULED" : status == "pending" ? "BOOKING_REQUESTED" : "BOOKING_CREATED",
            Action = previous is not null ? InboundAction.BookingRescheduled : status == "pending" ? InboundAction.BookingPending : InboundAction.BookingCreated,
            EntityId = uid,
            ConversionId = previous,
            OtherIds = previous is null ? [] : [uid],
            Related = previous is null ? null : new Dictionary<string, string> { ["previous_booking_id"] = previous },
            EventTime = booking.Time("createdAt"),
            StartsAt = booking.Time("start"),
            Status = status == "pending" ? "PENDING" : "ACCEPTED",
            Customer = CustomerOf(booking.List("attendees").FirstOrDefault(), default),
            Items = booking.Text("eventTypeId") is null ? null : [new InboundItem { Id = booking.Text("eventTypeId"), Name = booking.Text("title") }],
            Attribution = AttributionOf(booking.At("metadata"), booking.At("bookingFieldsResponses")),
        };
        yield return made;
        if (status is "cancelled" or "rejected" && booking.Text("rescheduledToUid") is null)
            yield return made with
            {
                Action = InboundAction.BookingCanceled,
                SourceEvent = status == "rejected" ? "BOOKING_REJECTED" : "BOOKING_CANCELLED",
                Status = status.ToUpperInvariant(),
                EventTime = booking.Time("updatedAt") ?? made.EventTime,
            };
        if (booking.List("attendees").Any(a => a.Flag("absent") == true))
            yield return made with
            {
                Action = InboundAction.BookingNoShow,
                SourceEvent = "BOOKING_NO_SHOW_UPDATED",
                EventTime = booking.Time("updatedAt") ?? made.EventTime,
                // the notification knows neither
                StartsAt = null,
                Status = null,
            };
    }

    private static InboundAction ActionOf(string trigger) => trigger switch
    {
        "BOOKING_CREATED" => InboundAction.BookingCreated,
        "BOOKING_REQUESTED" => InboundAction.BookingPending,
        "BOOKING_RESCHEDULED" => InboundAction.BookingRescheduled,
        "BOOKING_CANCELLED" or "BOOKING_REJECTED" => InboundAction.BookingCanceled,
        "BOOKING_PAYMENT_INITIATED" => InboundAction.PaymentPending,
        "BOOKING_PAID" => InboundAction.PaymentSucceeded,
        "BOOKING_NO_SHOW_UPDATED" => InboundAction.BookingNoShow,
        "MEETING_ENDED" => InboundAction.BookingCompleted,
        _ => InboundAction.Ignored,
    };

    /// <summary>The first attendee booked; the others are guests.</summary>
    private static InboundCustomer? CustomerOf(JsonElement attendee, JsonElement responses)
    {
        var (first, last) = SenderJson.SplitName(attendee.Text("name") ?? responses.Text("name", "value"));
        return new InboundCustomer
        {
            Email = SenderJson.Email(attendee.Text("email") ?? responses.Text("email", "value")),
            Phone = SenderJson.First(attendee.Text("phoneNumber"), responses.Text("attendeePhoneNumber", "value"), responses.Text("smsReminderNumber", "value")),
            FirstName = attendee.Text("firstName") ?? responses.Text("name", "value", "firstName") ?? first,
            LastName = attendee.Text("lastName") ?? responses.Text("name", "value", "lastName") ?? last,
        }.OrNull();
    }

    /// <summary>Metadata of the booking link first, then hidden questions: an answer, or an object with a value.</summary>
    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement metadata, JsonElement responses)
    {
        var told = new PassedThrough();
        foreach (var member in metadata.Members())
            told.Add(member.Name, member.Value.Text());
        foreach (var member in responses.Members())
            told.Add(member.Name, member.Value.Text() ?? member.Value.Text("value"));
        return told.Found;
    }
}
