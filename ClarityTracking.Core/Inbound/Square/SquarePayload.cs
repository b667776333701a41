using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Inbound.Square;

/// <summary>Reads bookings and payments, and what was looked up for bookings. Amounts are in the currency's smallest unit.</summary>
internal static partial class SquarePayload
{
    /// <summary>An appointment. There is no event for a cancellation: its status tells.</summary>
    internal static SourceReading Booking(InboundRecord record, JsonElement booking)
    {
        if (booking.Text("id") is not { } id)
            return SourceReading.Refused("data.object.booking.id is missing.", "data.object.booking.id");
        var customerId = booking.Text("customer_id");
        var items = booking.List("appointment_segments").Select(s => new InboundItem { Id = s.Text("service_variation_id") }).ToList();
        var told = new PassedThrough();
        foreach (Match match in HandedThrough().Matches(booking.Text("customer_note") ?? ""))
            told.Add(match.Groups[1].Value, match.Groups[2].Value);
        string?[] needed = [customerId is null ? null : SquareSource.Customer, items.Exists(i => i.Id is not null) ? SquareSource.ServicePrice : null];
        return record with
        {
            Action = booking.Text("status") switch
            {
                "CANCELLED_BY_CUSTOMER" or "CANCELLED_BY_SELLER" or "DECLINED" => InboundAction.BookingCanceled,
                "NO_SHOW" => InboundAction.BookingNoShow,
                _ => record.SourceEvent == "booking.created" ? InboundAction.BookingCreated : InboundAction.BookingUpdated,
            },
            EntityId = id,
            EntityVersion = booking.Whole("version"),
            EventTime = booking.Time("updated_at") ?? booking.Time("created_at"),
            StartsAt = booking.Time("start_at"),
            Status = booking.Text("status"),
            Customer = new InboundCustomer { ExternalId = customerId }.OrNull(),
            Items = items.Count > 0 ? items : null,
            Attribution = told.Found,
            NeedsFetch = needed.OfType<string>().ToList() is { Count: > 0 } fetch ? fetch : null,
            Location = booking.Text("location_id"),
        };
    }

    /// <summary>A payment. Each change tells it whole again; what was given back only as the total of all refunds.</summary>
    internal static SourceReading Payment(InboundRecord record, JsonElement payment)
    {
        if (payment.Text("id") is not { } id)
            return SourceReading.Refused("data.object.payment.id is missing.", "data.object.payment.id");
        var total = payment.At("total_money").ValueKind == JsonValueKind.Object ? payment.At("total_money") : payment.At("amount_money");
        var currency = Money.Currency(total.Text("currency"));
        var address = payment.At("billing_address");
        var refunded = payment.Whole("refunded_money", "amount") is { } back and > 0 ? Money.FromMinor(back, currency) : (decimal?)null;
        return record with
        {
            Action = payment.Text("status") switch
            {
                "COMPLETED" => InboundAction.PaymentSucceeded,
                "APPROVED" or "PENDING" => InboundAction.PaymentPending,
                "FAILED" or "CANCELED" => InboundAction.PaymentFailed,
                _ => InboundAction.Ignored,
            },
            EntityId = id,
            Related = payment.Text("order_id") is { } order ? new Dictionary<string, string> { ["order_id"] = order } : null,
            EventTime = payment.Time("updated_at") ?? payment.Time("created_at"),
            Status = payment.Text("status"),
            Value = total.Whole("amount") is { } amount ? Money.FromMinor(amount, currency) : null,
            Currency = currency,
            Customer = new InboundCustomer
            {
                ExternalId = payment.Text("customer_id"),
                Email = SenderJson.Email(payment.Text("buyer_email_address")),
                FirstName = address.Text("first_name"),
                LastName = address.Text("last_name"),
                City = address.Text("locality"),
                Region = address.Text("administrative_district_level_1"),
                PostalCode = address.Text("postal_code"),
                Country = address.Text("country"),
            }.OrNull(),
            Attribution = new PassedThrough().AddBorrowed(payment.Text("reference_id")).Found,
            RefundedTotal = refunded,
            RefundIds = refunded is not null && payment.List("refund_ids").Select(r => r.Text()).OfType<string>().ToList() is { Count: > 0 } ids ? ids : null,
            Location = payment.Text("location_id"),
        };
    }

    /// <summary>The customer as Square's customer directory has them (<c>GET /v2/customers/{id}</c>).</summary>
    internal static InboundCustomer? CustomerOf(JsonElement json, InboundCustomer? known) => ((known ?? new InboundCustomer()) with
    {
        Email = SenderJson.Email(json.Text("email_address")),
        Phone = json.Text("phone_number"),
        FirstName = json.Text("given_name"),
        LastName = json.Text("family_name"),
        City = json.Text("address", "locality"),
        Region = json.Text("address", "administrative_district_level_1"),
        PostalCode = json.Text("address", "postal_code"),
        Country = json.Text("address", "country"),
    }).OrNull();

    /// <summary>A booking with the prices of its services; one with a price that varies has none.</summary>
    /// <param name="record">The booking.</param>
    /// <param name="services">Answers of <c>GET /v2/catalog/object/{id}</c> by the id of the service's variation.</param>
    internal static InboundRecord Priced(InboundRecord record, IReadOnlyDictionary<string, JsonElement> services)
    {
        decimal value = 0;
        string? currency = null;
        var isWhole = true;
        var items = new List<InboundItem>();
        foreach (var item in record.Items ?? [])
        {
            var answer = item.Id is not null && services.TryGetValue(item.Id, out var found) ? found : default;
            var price = answer.At("object", "item_variation_data", "price_money");
            var name = answer.List("related_objects").Where(o => o.Text("type") == "ITEM").Select(o => o.Text("item_data", "name")).FirstOrDefault(n => n is not null)
                ?? answer.Text("object", "item_variation_data", "name");
            var isPriced = price.Whole("amount") is not null && Money.Currency(price.Text("currency")) is { } told && (currency ??= told) == told;
            var amount = isPriced ? Money.FromMinor(price.Whole("amount")!.Value, currency) : 0;
            isWhole &= isPriced;
            value += amount * item.Quantity;
            items.Add(item with { Name = name, UnitPrice = isPriced ? Money.Text(amount, currency) : null });
        }
        return record with { Items = items, Value = isWhole && items.Count > 0 ? value : null, Currency = isWhole ? currency : null };
    }

    /// <summary>The note is the only field that a booking page can fill: [ct_vid:…] and the like.</summary>
    [GeneratedRegex(@"\[(\w{2,20}):([^\]\s]{1,500})\]")]
    private static partial Regex HandedThrough();
}
