using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Whop;

/// <summary>Reads payments, refunds and memberships. Amounts are decimals in major units.</summary>
static class WhopPayment
{
    internal static InboundRecord Read(string type, JsonElement payment)
    {
        var currency = Money.Currency(payment.Text("currency"));
        return new InboundRecord
        {
            Source = "whop",
            SourceEvent = type,
            Action = type switch
            {
                "payment.succeeded" => InboundAction.PaymentSucceeded,
                "payment.failed" => InboundAction.PaymentFailed,
                "payment.created" or "payment.pending" => InboundAction.PaymentPending,
                _ => InboundAction.Ignored,
            },
            EntityId = payment.Text("id"),
            Related = payment.Text("membership", "id") is { } membership ? new Dictionary<string, string> { ["membership_id"] = membership } : null,
            EventTime = payment.Time("paid_at") ?? payment.Time("created_at"),
            Status = payment.Text("status"),
            Value = payment.Amount("total"),
            Currency = currency,
            Customer = CustomerOf(payment),
            Items = ItemsOf(payment),
            Attribution = AttributionOf(payment),
            Test = SampleId.IsTest(payment.Text("id")),
        };
    }

    /// <summary>A refund of a payment; while it is on its way, or when it failed, nothing was given back.</summary>
    internal static InboundRecord Refund(string type, JsonElement refund) => new()
    {
        Source = "whop",
        SourceEvent = type,
        Action = refund.Text("status") is "pending" or "requires_action" or "failed" or "canceled" ? InboundAction.Ignored : InboundAction.Refund,
        EntityId = refund.Text("id"),
        ConversionId = refund.Text("payment", "id"),
        Related = refund.Text("payment", "id") is { } payment ? new Dictionary<string, string> { ["payment_id"] = payment } : null,
        EventTime = refund.Time("created_at"),
        Status = refund.Text("status"),
        Value = refund.Amount("amount"),
        Currency = Money.Currency(refund.Text("currency")),
    };

    /// <summary>Access was given; the money is the payment's.</summary>
    internal static InboundRecord Membership(string type, JsonElement membership) => new()
    {
        Source = "whop",
        SourceEvent = type,
        Action = InboundAction.MembershipActivated,
        EntityId = membership.Text("id"),
        EventTime = membership.Time("created_at"),
        Status = membership.Text("status"),
        Customer = CustomerOf(membership),
        Items = ItemsOf(membership),
        Attribution = AttributionOf(membership),
        Test = SampleId.IsTest(membership.Text("id")),
    };

    /// <summary>What webhooks would have told of a payment of the API; its refunds by their ids.</summary>
    internal static InboundRecord Pulled(JsonElement payment)
    {
        var type = payment.Text("status") == "paid" || payment.Time("paid_at") is not null ? "payment.succeeded"
            : payment.Text("substatus") == "failed" ? "payment.failed" : "payment.pending";
        var record = Read(type, payment);
        var refunds = payment.List("refunds").Where(r => r.Text("id") is not null && r.Amount("amount") is > 0)
            .Select(r => Refund("refund.created", r)).Where(r => r.Action == InboundAction.Refund)
            .Select(r => new InboundRefund { EntityId = r.EntityId!, Value = r.Value!.Value, Currency = r.Currency ?? record.Currency, EventTime = r.EventTime }).ToList();
        return record with { Refunds = refunds.Count > 0 ? refunds : null };
    }

    private static InboundCustomer? CustomerOf(JsonElement json)
    {
        var (first, last) = SenderJson.SplitName(json.Text("billing_address", "name") ?? json.Text("user", "name"));
        return new InboundCustomer
        {
            ExternalId = json.Text("user", "id"),
            Email = SenderJson.Email(json.Text("user", "email")),
            Phone = json.Text("member", "phone"),
            FirstName = first,
            LastName = last,
            City = json.Text("billing_address", "city"),
            Region = json.Text("billing_address", "state"),
            PostalCode = json.Text("billing_address", "postal_code"),
            Country = json.Text("billing_address", "country"),
        }.OrNull();
    }

    private static List<InboundItem>? ItemsOf(JsonElement json) =>
        json.Text("product", "id") is { } id ? [new InboundItem { Id = id, Name = json.Text("product", "title") }] : null;

    /// <summary>The metadata of the checkout configuration.</summary>
    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement json)
    {
        var told = new PassedThrough();
        foreach (var member in json.Members("metadata"))
            told.Add(member.Name, member.Value.Text());
        return told.Found;
    }
}
