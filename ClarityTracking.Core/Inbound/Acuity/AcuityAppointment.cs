using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Acuity;

/// <summary>Reads appointments and orders of Acuity's API.</summary>
static class AcuityAppointment
{
    internal static InboundAction ActionOf(string action) => action switch
    {
        "scheduled" => InboundAction.BookingCreated,
        "rescheduled" => InboundAction.BookingRescheduled,
        "canceled" => InboundAction.BookingCanceled,
        "order.completed" => InboundAction.OrderPaid,
        _ => InboundAction.Ignored, // changed comes beside each of the others
    };

    /// <summary>The record with what the API knows of its appointment.</summary>
    internal static InboundRecord Complete(InboundRecord record, JsonElement appointment, string? currency)
    {
        if (record.Action == InboundAction.Ignored)
            return record;
        var startsAt = appointment.Time("datetime");
        return record with
        {
            // who did not come is cancelled and marked
            Action = record.Action == InboundAction.BookingCanceled && appointment.Flag("noShow") == true ? InboundAction.BookingNoShow : record.Action,
            DeliveryKey = record.Action == InboundAction.BookingRescheduled && startsAt is { } start ? $"rescheduled:{record.EntityId}:{PullPosition.Text(start)}" : record.DeliveryKey,
            EventTime = record.Action == InboundAction.BookingCreated ? appointment.Time("datetimeCreated") : record.EventTime,
            StartsAt = startsAt,
            Value = appointment.Amount("price"),
            Currency = currency,
            Customer = CustomerOf(appointment),
            Items = [new InboundItem { Id = appointment.Text("appointmentTypeID"), Name = appointment.Text("type") }],
            Attribution = AttributionOf(appointment),
            Location = appointment.Text("calendarID") ?? record.Location,
        };
    }

    /// <summary>The record with what the API knows of its order: a package or a gift certificate.</summary>
    internal static InboundRecord CompleteOrder(InboundRecord record, JsonElement order, string? currency) => record with
    {
        EventTime = order.Time("time"),
        Value = order.Amount("total"),
        Currency = currency,
        Status = order.Text("status"),
        Customer = CustomerOf(order),
        Items = order.Text("title") is { } title ? [new InboundItem { Name = title }] : null,
    };

    /// <summary>What webhooks would have told of an appointment.</summary>
    /// <param name="appointment">One of a list.</param>
    /// <param name="currency">Of its price.</param>
    /// <param name="now">When it was asked for (UTC).</param>
    internal static IEnumerable<InboundRecord> Pulled(JsonElement appointment, string? currency, DateTimeOffset now)
    {
        var id = appointment.Text("id")!;
        yield return Complete(Told("scheduled", id), appointment, currency);
        // the API does not tell when it was cancelled; not after it would have begun
        if (appointment.Flag("canceled") == true)
            yield return Complete(Told("canceled", id) with { EventTime = appointment.Time("datetime") is { } start && start < now ? start : null }, appointment, currency);
    }

    private static InboundRecord Told(string action, string id) =>
        new() { Source = "acuity", SourceEvent = action, Action = ActionOf(action), EntityId = id, Status = action, DeliveryKey = $"{action}:{id}" };

    private static InboundCustomer? CustomerOf(JsonElement json) => new InboundCustomer
    {
        Email = SenderJson.Email(json.Text("email")),
        Phone = json.Text("phone"),
        FirstName = json.Text("firstName"),
        LastName = json.Text("lastName"),
    }.OrNull();

    /// <summary>Fields of intake forms that bear one of our names.</summary>
    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement appointment)
    {
        var told = new PassedThrough();
        foreach (var field in appointment.List("forms").SelectMany(f => f.List("values")))
            told.Add(field.Text("name"), field.Text("value"));
        return told.Found;
    }
}
