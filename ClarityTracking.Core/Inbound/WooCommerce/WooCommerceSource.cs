using System.Globalization;
using System.Net;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.WooCommerce;

/// <summary>A WooCommerce shop. Facts and their sources: README.md of this folder.</summary>
public sealed class WooCommerceSource : ISource, IPullSource
{
    private const string SignatureHeader = "X-WC-Webhook-Signature", TopicHeader = "X-WC-Webhook-Topic", WebhookIdHeader = "X-WC-Webhook-ID";
    private const string NativeAttribution = "_wc_order_attribution_";
    private const string SiteUrl = "site_url", ConsumerKey = "consumer_key", ConsumerSecret = "consumer_secret";

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("woocommerce", "WooCommerce", "Orders and refunds",
        [
            .. SourceFields.Secrets("Secret", "The Secret field of the webhook in WooCommerce, as you typed it; at best 30 or more random letters and digits."),
            new(SiteUrl, "Shop address", "Where WordPress is installed, such as https://shop.example.com. Only to bring past orders.", IsSecret: false, IsRequired: false, FieldKind.Url),
            new(ConsumerKey, "Consumer key", "WooCommerce > Settings > Advanced > REST API > Add key, with the permission Read. Only to bring past orders.", IsSecret: true, IsRequired: false),
            new(ConsumerSecret, "Consumer secret", "Shown once beside the consumer key.", IsSecret: true, IsRequired: false),
        ],
        [
            "In WordPress open WooCommerce > Settings > Advanced > Webhooks and press Add webhook.",
            "Name: ClarityTracking orders. Status: Active. Topic: Order created. Delivery URL: {url}. Secret: a long random word; put the same here. Save.",
            "Add a second webhook in the same way with the topic Order updated: payments, cancellations and refunds come by it.",
            "Add a third one with the topic Order deleted if you delete orders instead of cancelling them.",
            "Put the order snippet of the Install page (WordPress) into functions.php, so that an order knows the visit it came from.",
            "Place a test order: it appears here within a minute. WooCommerce switches a webhook off by itself when five deliveries in a row failed.",
        ]);

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        if (request.Header(SignatureHeader) is not { } signature)
            return IsPing(request) ? Verdict.Ping : Verdict.MissingHeader;
        // WordPress keeps a secret with & < > or quotes encoded and signs with what was typed; who copies the encoded one is right as well.
        var keys = Signature.Keys(secrets.Concat(secrets.Select(WebUtility.HtmlDecode).OfType<string>()).Distinct());
        return Signature.IsBase64Of(signature, keys, request.Body) ? Verdict.Ok : Verdict.Mismatch;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (request.Header(TopicHeader) is not { } topic)
            return SourceReading.Refused($"{TopicHeader} is missing.");
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Object)
            return SourceReading.Refused("The body is not a JSON object.");
        var record = new InboundRecord { Source = Info.Platform, SourceEvent = topic, Action = InboundAction.Ignored };
        if (!topic.StartsWith("order.", StringComparison.Ordinal))
            return record with { DeliveryKey = $"{request.Header(WebhookIdHeader)}:{topic}:{body.Text("id")}:{body.Text("date_modified_gmt")}" };
        if (body.Text("id") is not { } id)
            return SourceReading.Refused("id is missing.", "id");
        var modified = body.Text("date_modified_gmt");
        // The sender's own delivery id is the same for two orders of one second and another one when it is sent again.
        record = record with { EntityId = id, DeliveryKey = $"{request.Header(WebhookIdHeader)}:{topic}:{id}" + (modified is null ? "" : $":{modified}") };
        return topic == "order.deleted" ? record with { Action = InboundAction.OrderDeleted }
            : body.Text("status") is null or "checkout-draft" or "auto-draft" ? record
            : Order(record, body);
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(settings, SiteUrl) is not { } site || ConnectionJson.Text(credentials, ConsumerKey) is null || ConnectionJson.Text(credentials, ConsumerSecret) is null
            ? "Give the connection the shop's address and a consumer key with its secret first."
            // in the clear anybody on the way could read the key
            : !Uri.TryCreate(site, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && !url.IsLoopback) ? "The shop's address must begin with https." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        SenderRequest.GetBasic($"{ConnectionJson.Text(access.Settings, SiteUrl)!.TrimEnd('/')}/{WooCommercePull.PathOf(at)}", ConnectionJson.Text(access.Credentials, ConsumerKey)!,
            ConnectionJson.Text(access.Credentials, ConsumerSecret)!, toUserAddress: true);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => WooCommercePull.Read(at, answer, Order);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var at = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        var id = now.ToUnixTimeSeconds();
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id,
            number = "sample",
            status = "processing",
            currency = "EUR",
            total = "85.00",
            date_created_gmt = at,
            date_modified_gmt = at,
            date_paid_gmt = at,
            billing = new { first_name = "Sample", last_name = "Customer", email = "sample@example.com", country = "DE" },
            line_items = new[] { new { product_id = 1, variation_id = 0, name = "Sample", quantity = 1, price = 85 } },
            meta_data = new[] { new { id = 1, key = TestMeta, value = "1" } },
        });
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            [TopicHeader] = "order.created",
            [WebhookIdHeader] = "0",
            [SignatureHeader] = Convert.ToBase64String(Signature.Of(System.Text.Encoding.UTF8.GetBytes(secret), body)),
        }, body, now);
    }

    /// <summary>WooCommerce has no test orders; our own sample says by this that it is one.</summary>
    private const string TestMeta = "_ct_test";

    /// <summary>What WooCommerce posts when a webhook is saved: a form, without headers of its own.</summary>
    private static bool IsPing(InboundRequest request) => request.Header("Content-Type")?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) == true
        && request.Header(TopicHeader) is null && request.Body.Length <= 64 && request.Body.Span.StartsWith("webhook_id="u8);

    /// <summary>
    /// The body is made when it is sent, not when the thing happened: what it means is told by the status. Refunds stand in the order and
    /// are told again with each of its changes.
    /// </summary>
    private static InboundRecord Order(InboundRecord record, JsonElement order)
    {
        var status = order.Text("status");
        var currency = Money.Currency(order.Text("currency"));
        var (paid, modified) = (order.Time("date_paid_gmt"), order.Time("date_modified_gmt"));
        var refunds = order.List("refunds").Where(r => r.Text("id") is not null && r.Amount("total") is not null and not 0).Select(r => new InboundRefund
        {
            EntityId = r.Text("id")!,
            Value = Math.Abs(r.Amount("total")!.Value),
            Currency = currency,
            EventTime = modified,
        }).ToList();
        var isChange = refunds.Count > 0 || status is "refunded" or "cancelled" or "failed" or "trash";
        var isPaid = status is "processing" or "completed" && paid is not null;
        return record with
        {
            Action = isChange ? InboundAction.OrderUpdated : isPaid ? InboundAction.OrderPaid : InboundAction.OrderCreated,
            EntityNumber = order.Text("number"),
            // only what is told by its status alone needs to be ordered by the time of the change
            EntityVersion = isChange ? modified?.ToUnixTimeSeconds() : null,
            EventTime = status is "cancelled" or "failed" or "trash" ? modified : paid ?? (isChange ? modified : null) ?? order.Time("date_created_gmt"),
            Status = status == "trash" ? "cancelled" : status,
            Value = order.Amount("total"),
            Currency = currency,
            Customer = CustomerOf(order),
            Items = order.List("line_items").Select(i => ItemOf(i, currency)).ToList() is { Count: > 0 } items ? items : null,
            Attribution = AttributionOf(order),
            Ip = order.Text("customer_ip_address"),
            UserAgent = order.Text("customer_user_agent"),
            Refunds = refunds.Count > 0 ? refunds : null,
            Test = order.List("meta_data").Any(m => m.Text("key") == TestMeta) ? true : null,
        };
    }

    private static InboundCustomer? CustomerOf(JsonElement order) => new InboundCustomer
    {
        ExternalId = order.Text("customer_id") is { } id and not "0" ? id : null, // 0 = a guest
        Email = SenderJson.Email(order.Text("billing", "email")),
        Phone = order.Text("billing", "phone") ?? order.Text("shipping", "phone"),
        FirstName = order.Text("billing", "first_name") ?? order.Text("shipping", "first_name"),
        LastName = order.Text("billing", "last_name") ?? order.Text("shipping", "last_name"),
        City = order.Text("billing", "city") ?? order.Text("shipping", "city"),
        Region = order.Text("billing", "state") ?? order.Text("shipping", "state"),
        PostalCode = order.Text("billing", "postcode") ?? order.Text("shipping", "postcode"),
        Country = order.Text("billing", "country") ?? order.Text("shipping", "country"),
    }.OrNull();

    private static InboundItem ItemOf(JsonElement json, string? currency) => new()
    {
        Id = json.Text("variation_id") is { } variation and not "0" ? variation : json.Text("product_id"),
        ProductId = json.Text("product_id"),
        Sku = json.Text("sku"),
        Name = json.Text("name"),
        Quantity = json.Amount("quantity") ?? 1,
        UnitPrice = json.Amount("price") is { } price ? Money.Text(price, currency) : null,
    };

    /// <summary>Our own meta first, then what WooCommerce's order attribution saw (since 8.5; its keys may be prefixed otherwise by the site).</summary>
    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement order)
    {
        var (told, native) = (new PassedThrough(), new Dictionary<string, string?>(StringComparer.Ordinal));
        foreach (var meta in order.List("meta_data"))
            if (meta.Text("key") is { } key)
                if (key.StartsWith(NativeAttribution, StringComparison.Ordinal))
                    native[key[NativeAttribution.Length..]] = meta.Text("value");
                else
                    told.Add(key, meta.Text("value"));
        foreach (var (name, value) in native)
            told.Add(name, value);
        return told.AddLanding(native.GetValueOrDefault("session_entry"), native.GetValueOrDefault("referrer")).Found;
    }
}
