using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Square;

/// <summary>
/// Square lists payments by the time they were made, and appointments by the time they begin, of 31 days at most in one question. An appointment
/// takes place after it was made, at most so long after. A payment carries the total of its refunds, so refunds need no list of their own.
/// Source: ListPayments, ListBookings (developer.squareup.com, November 2026).
/// </summary>
static class SquarePull
{
    private const int PaymentsPerPage = 100, BookingsPerPage = 100, DaysAtOnce = 31, DaysAhead = 366;

    /// <summary>Where it stands.</summary>
    /// <param name="From">Appointments that begin at or after (UTC); null = at payments.</param>
    /// <param name="Next">Square's cursor; null = the first page.</param>
    private sealed record Place(DateTimeOffset? From, string? Next);

    internal static string PathOf(PullPosition at)
    {
        var place = Parse(at);
        return (place.From is { } from
            ? $"v2/bookings?limit={BookingsPerPage}&start_at_min={Time(from)}&start_at_max={Time(from.AddDays(DaysAtOnce))}"
            : $"v2/payments?limit={PaymentsPerPage}&sort_order=ASC&begin_time={Time(at.Since)}&end_time={Time(at.Until)}")
            + (place.Next is { } cursor ? $"&cursor={Uri.EscapeDataString(cursor)}" : "");
    }

    internal static PulledPage Read(PullPosition at, JsonElement answer)
    {
        // Square leaves an empty list out; anything else that is no list is not its answer
        var place = Parse(at);
        var name = place.From is null ? "payments" : "bookings";
        if (answer.ValueKind != JsonValueKind.Object || answer.At(name).ValueKind is not (JsonValueKind.Array or JsonValueKind.Undefined))
            return PulledPage.Strange($"no {name}");
        var records = answer.List(name).Where(t => t.Text("id") is not null && (place.From is null || !(t.Time("created_at") < at.Since)))
            .SelectMany(t => place.From is null ? Payment(t) : Booking(t)).ToList();
        if (answer.Text("cursor") is { } next)
            return new PulledPage(records, JsonSerializer.Serialize(place with { Next = next }));
        var from = place.From?.AddDays(DaysAtOnce) ?? at.Since;
        return new PulledPage(records, from < at.Until.AddDays(DaysAhead) ? JsonSerializer.Serialize(new Place(from, null)) : null);
    }

    /// <summary>Of a payment that was given back, in whole or part, first that it was paid.</summary>
    private static IEnumerable<InboundRecord> Payment(JsonElement payment)
    {
        var now = SquarePayload.Payment(Told("payment.updated"), payment).Records[0];
        if (now is { RefundedTotal: > 0, Action: InboundAction.PaymentSucceeded })
            yield return now with { EventTime = payment.Time("created_at"), RefundedTotal = null, RefundIds = null };
        yield return now;
    }

    /// <summary>Of an appointment that was changed, first that it was made: at what time it began then, nobody tells.</summary>
    private static IEnumerable<InboundRecord> Booking(JsonElement booking)
    {
        var now = SquarePayload.Booking(Told("booking.updated"), booking).Records[0];
        if (now is { EntityVersion: null or 0, Action: InboundAction.BookingUpdated })
        {
            yield return now with { SourceEvent = "booking.created", Action = InboundAction.BookingCreated };
            yield break;
        }
        yield return now with { SourceEvent = "booking.created", Action = InboundAction.BookingCreated, EventTime = booking.Time("created_at"), EntityVersion = 0, StartsAt = null, Status = null };
        yield return now;
    }

    private static InboundRecord Told(string type) => new() { Source = "square", SourceEvent = type, Action = InboundAction.Ignored };

    private static string Time(DateTimeOffset time) => Uri.EscapeDataString(PullPosition.Text(time));

    private static Place Parse(PullPosition at) => at.Cursor is null ? new Place(null, null) : JsonSerializer.Deserialize<Place>(at.Cursor)!;
}
