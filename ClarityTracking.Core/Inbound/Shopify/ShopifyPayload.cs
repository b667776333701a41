using System.Text.Json;

namespace ClarityTracking.Core.Inbound.Shopify;

/// <summary>Reads orders, checkouts, refunds and privacy requests of the Admin REST resources (2026-07).</summary>
internal static class ShopifyPayload
{
    internal static readonly SourceReading WithoutId = SourceReading.Refused("id is missing.", "id");

    /// <summary>An order as it was placed or paid.</summary>
    internal static SourceReading Order(InboundRecord record, JsonElement order, InboundAction action) =>
        order.Text("id") is not { } id ? WithoutId : Bought(record, order) with
        {
            Action = action,
            EntityId = id,
            EntityNumber = order.Text("name") ?? order.Text("order_number"),
            EventTime = order.Time("processed_at") ?? order.Time("created_at"),
            Status = order.Text("financial_status"),
            Test = order.Flag("test"),
            Location = order.Text("location_id"),
            Channel = order.Text("source_name") is { } channel and not "web" ? channel : null,
        };

    /// <summary>An order that changed. A cancelled one says so by a date, and goes on with any payment status.</summary>
    internal static SourceReading ChangedOrder(InboundRecord record, JsonElement order)
    {
        var read = Order(record, order, InboundAction.OrderUpdated);
        if (read.Error is not null)
            return read;
        var changed = read.Records[0];
        var refunds = order.List("refunds").Select(r => (Json: r, Money: Returned(r))).Where(r => r.Json.Text("id") is not null && r.Money.Amount > 0).ToList();
        return changed with
        {
            EventTime = order.Time("updated_at") ?? changed.EventTime,
            Status = order.Time("cancelled_at") is null ? changed.Status : "cancelled",
            Refunds = refunds.Count == 0 ? null : refunds.ConvertAll(r => new InboundRefund
            {
                EntityId = r.Json.Text("id")!,
                Value = r.Money.Amount,
                Currency = r.Money.Currency ?? changed.Currency,
                EventTime = r.Json.Time("processed_at") ?? r.Json.Time("created_at"),
            }),
        };
    }

    /// <summary>A checkout that was begun. Its email often comes only with a later change, which nothing is made of.</summary>
    internal static SourceReading Checkout(InboundRecord record, JsonElement checkout) =>
        (checkout.Text("token") ?? checkout.Text("id")) is not { } id ? WithoutId : Bought(record, checkout) with
        {
            Action = InboundAction.CheckoutStarted,
            EntityId = id,
            EventTime = checkout.Time("created_at"),
        };

    /// <summary>What was given back: only successful transactions count. Taking goods back without money is none.</summary>
    internal static SourceReading Refund(InboundRecord record, JsonElement refund)
    {
        if (refund.Text("id") is not { } id)
            return WithoutId;
        if (refund.Text("order_id") is not { } orderId)
            return SourceReading.Refused("order_id is missing.", "order_id");
        var (amount, currency) = Returned(refund);
        return amount <= 0 ? record with { EntityId = id } : record with
        {
            Action = InboundAction.Refund,
            EntityId = id,
            ConversionId = orderId,
            RefundId = id,
            Related = new Dictionary<string, string> { ["order_id"] = orderId },
            EventTime = refund.Time("processed_at") ?? refund.Time("created_at"),
            Value = amount,
            Currency = currency,
            Test = refund.List("transactions").Any(t => t.Flag("test") == true) ? true : null,
        };
    }

    /// <summary>A customer wants to see or to have deleted what is kept, or the shop is gone for 48 hours.</summary>
    internal static SourceReading PrivacyRequest(InboundRecord record, JsonElement body) => record with
    {
        Action = InboundAction.PrivacyRequest,
        EntityId = body.Text("customer", "id") ?? body.Text("shop_domain"),
        Customer = new InboundCustomer
        {
            ExternalId = body.Text("customer", "id"),
            Email = SenderJson.Email(body.Text("customer", "email")),
            Phone = body.Text("customer", "phone"),
        }.OrNull(),
    };

    /// <summary>What orders and checkouts have in common. The amount is the shop's money: what the buyer saw may be in another currency.</summary>
    private static InboundRecord Bought(InboundRecord record, JsonElement json)
    {
        var currency = Money.Currency(json.Text("currency"));
        return record with
        {
            Value = json.Amount("total_price"),
            Currency = currency,
            Customer = CustomerOf(json),
            Items = json.List("line_items").Select(i => ItemOf(i, currency)).ToList() is { Count: > 0 } items ? items : null,
            Attribution = AttributionOf(json),
            Ip = json.Text("browser_ip") ?? json.Text("client_details", "browser_ip"),
            UserAgent = json.Text("client_details", "user_agent"),
            // a consent to letters, none to ads data: that is asked of the visitor's browser
            Consent = json.At("buyer_accepts_marketing") is { ValueKind: JsonValueKind.True or JsonValueKind.False } accepts
                ? new Dictionary<string, JsonElement> { ["marketing_email"] = accepts.Clone() } : null,
        };
    }

    private static InboundCustomer? CustomerOf(JsonElement json)
    {
        JsonElement[] places = [json.At("billing_address"), json.At("shipping_address"), json.At("customer", "default_address")];
        var address = Array.Find(places, p => p.ValueKind == JsonValueKind.Object);
        return new InboundCustomer
        {
            ExternalId = json.Text("customer", "id"),
            Email = SenderJson.Email(SenderJson.First(json.Text("email"), json.Text("contact_email"), json.Text("customer", "email"))),
            Phone = SenderJson.First(json.Text("phone"), json.Text("billing_address", "phone"), json.Text("shipping_address", "phone"), json.Text("customer", "phone")),
            FirstName = address.Text("first_name") ?? json.Text("customer", "first_name"),
            LastName = address.Text("last_name") ?? json.Text("customer", "last_name"),
            City = address.Text("city"),
            Region = address.Text("province_code"),
            PostalCode = address.Text("zip"),
            Country = address.Text("country_code"),
        }.OrNull();
    }

    private static InboundItem ItemOf(JsonElement json, string? currency) => new()
    {
        Id = json.Text("variant_id"),
        ProductId = json.Text("product_id"),
        Sku = json.Text("sku"),
        Name = json.Text("title") ?? json.Text("name"),
        Quantity = json.Amount("quantity") ?? 1,
        UnitPrice = json.Amount("price") is { } price ? Money.Text(price, currency) : null,
    };

    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement json)
    {
        var told = new PassedThrough();
        foreach (var attribute in json.List("note_attributes"))
            told.Add(attribute.Text("name"), attribute.Text("value"));
        foreach (var attribute in json.Members("note_attributes")) // older checkouts have an object in place of the list
            told.Add(attribute.Name, attribute.Value.Text());
        return told.AddLanding(json.Text("landing_site"), json.Text("referring_site")).Found;
    }

    private static (decimal Amount, string? Currency) Returned(JsonElement refund)
    {
        var done = refund.List("transactions").Where(t => t.Text("kind") == "refund" && t.Text("status") == "success").ToList();
        return (done.Sum(t => t.Amount("amount") ?? 0), done.Select(t => Money.Currency(t.Text("currency"))).FirstOrDefault(c => c is not null));
    }
}
