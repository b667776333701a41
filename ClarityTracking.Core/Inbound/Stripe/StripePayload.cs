using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Stripe;

/// <summary>Reads checkout sessions, payment intents and refunded charges (API 2026-10-28). Amounts are in the currency's smallest unit.</summary>
internal static class StripePayload
{
    /// <summary>What an event means for us; its object's own state says more than its name.</summary>
    internal static InboundAction ActionOf(string type, JsonElement thing) => type switch
    {
        "checkout.session.completed" or "checkout.session.async_payment_succeeded" when thing.Text("mode") != "setup" => thing.Text("payment_status") switch
        {
            "paid" => InboundAction.PaymentSucceeded,
            "unpaid" => InboundAction.PaymentPending, // a method that takes days: another event tells how it ended
            _ => InboundAction.Ignored, // nothing to pay: a trial
        },
        "checkout.session.async_payment_failed" => InboundAction.PaymentFailed,
        "payment_intent.succeeded" => InboundAction.PaymentSucceeded,
        "payment_intent.processing" => InboundAction.PaymentPending,
        "payment_intent.payment_failed" => InboundAction.PaymentFailed,
        "charge.refunded" => InboundAction.Refund,
        _ => InboundAction.Ignored,
    };

    /// <summary>A checkout; the payment it ended in is the same conversion.</summary>
    internal static InboundRecord Session(InboundRecord record, JsonElement session)
    {
        var currency = CurrencyOf(session);
        var intent = IdOf(session.At("payment_intent"));
        var told = new PassedThrough().AddBorrowed(session.Text("client_reference_id"));
        foreach (var member in session.Members("metadata"))
            told.Add(member.Name, member.Value.Text());
        var details = session.At("customer_details");
        return record with
        {
            ConversionId = intent ?? IdOf(session.At("invoice")),
            OtherIds = Ids(record.EntityId, IdOf(session.At("invoice"))),
            Related = intent is null ? null : new Dictionary<string, string> { ["payment_intent"] = intent },
            Status = session.Text("payment_status"),
            Value = session.Whole("amount_total") is { } total ? Money.FromMinor(total, currency) : null,
            Currency = currency,
            Customer = CustomerOf(details.Text("email") ?? session.Text("customer_email"), details.Text("phone"), details.Text("name") ?? details.Text("individual_name"),
                details.At("address"), IdOf(session.At("customer"))),
            Attribution = told.Found,
        };
    }

    /// <summary>A payment. One of a checkout is known by that, too, where Stripe tells it.</summary>
    internal static InboundRecord Intent(InboundRecord record, JsonElement intent)
    {
        var currency = CurrencyOf(intent);
        var amount = record.Action == InboundAction.PaymentSucceeded ? intent.Whole("amount_received") ?? intent.Whole("amount") : intent.Whole("amount");
        var told = new PassedThrough();
        foreach (var member in intent.Members("metadata"))
            told.Add(member.Name, member.Value.Text());
        var reference = intent.Text("payment_details", "order_reference");
        return record with
        {
            // any text may stand there: only Stripe's own ids are unlike all others
            OtherIds = Ids(IdOf(intent.At("invoice")), reference is not null && (reference.StartsWith("cs_", StringComparison.Ordinal) || reference.StartsWith("in_", StringComparison.Ordinal)) ? reference : null),
            Related = IdOf(intent.At("latest_charge")) is { } charge ? new Dictionary<string, string> { ["charge"] = charge } : null,
            Status = intent.Text("status"),
            Value = amount is { } minor ? Money.FromMinor(minor, currency) : null,
            Currency = currency,
            Customer = CustomerOf(intent.Text("receipt_email"), intent.Text("shipping", "phone"), intent.Text("shipping", "name"), intent.At("shipping", "address"), IdOf(intent.At("customer"))),
            Attribution = told.Found,
        };
    }

    /// <summary>What was given back by this refund; the charge itself tells only what all refunds come to.</summary>
    internal static SourceReading Refund(InboundRecord record, JsonElement charge, JsonElement before)
    {
        if (charge.Whole("amount_refunded") is not { } total)
            return SourceReading.Refused("data.object.amount_refunded is missing.", "data.object.amount_refunded");
        return Refunded(record, charge, before.Whole("amount_refunded") ?? 0, total, charge.Flag("refunded"));
    }

    /// <summary>A refund that took a charge's total of refunds from one amount to another, both in the smallest unit.</summary>
    internal static InboundRecord Refunded(InboundRecord record, JsonElement charge, long before, long total, bool? isWhole)
    {
        var currency = CurrencyOf(charge);
        var intent = IdOf(charge.At("payment_intent"));
        return record with
        {
            ConversionId = intent ?? record.EntityId,
            RefundId = record.EntityId,
            Related = intent is null ? null : new Dictionary<string, string> { ["payment_intent"] = intent },
            Value = Money.FromMinor(total - before, currency),
            RefundedTotal = Money.FromMinor(total, currency),
            FullyRefunded = isWhole,
            Currency = currency,
        };
    }

    private static InboundCustomer? CustomerOf(string? email, string? phone, string? name, JsonElement address, string? id)
    {
        var (first, last) = SenderJson.SplitName(name);
        return new InboundCustomer
        {
            ExternalId = id,
            Email = SenderJson.Email(email),
            Phone = phone,
            FirstName = first,
            LastName = last,
            City = address.Text("city"),
            Region = address.Text("state"),
            PostalCode = address.Text("postal_code"),
            Country = address.Text("country"),
        }.OrNull();
    }

    private static string? CurrencyOf(JsonElement thing) => Money.Currency(thing.Text("currency")?.ToUpperInvariant());

    /// <summary>An id, or that of the object that stands in its place when the endpoint's version expands it.</summary>
    private static string? IdOf(JsonElement at) => at.Text() ?? at.Text("id");

    private static List<string> Ids(params string?[] ids) => [.. ids.OfType<string>()];
}
