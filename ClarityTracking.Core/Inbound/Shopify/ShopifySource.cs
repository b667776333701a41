using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Shopify;

/// <summary>A Shopify shop. Facts and their sources: README.md of this folder.</summary>
public sealed partial class ShopifySource : ISource, IPullSource
{
    internal const string ShopDomain = "shop_domain";

    /// <summary>Of the Admin API, in our own calls and in the webhooks that we make.</summary>
    internal const string ApiVersion = "2026-07";

    private const string AccessToken = "access_token";

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("shopify", "Shopify", "Orders, refunds, checkouts",
        [
            new(ShopDomain, "Shop domain", "The shop's own name at Shopify, such as my-shop.myshopify.com (Settings > Domains). Webhooks of other shops are refused.",
                IsSecret: false, IsRequired: false, Shape: ShopDomainShape(), Wanted: "Must look like my-shop.myshopify.com."),
            .. SourceFields.Secrets("Signing secret",
                "Settings > Notifications > Webhooks shows it below the list. Of webhooks that an app makes: the app's client secret."),
            new(AccessToken, "Admin API access token", "Settings > Apps > Develop apps > your app > API credentials, with read_orders and read_customers. Brings past orders; connecting the account by its button does so too.",
                IsSecret: true, IsRequired: false),
        ],
        [
            "In the Shopify admin open Settings > Notifications > Webhooks and press Create webhook.",
            "Event: Order payment. Format: JSON. URL: {url}. Webhook API version: the newest that is not called unstable. Save.",
            "Do the same for the events Order creation, Order update, Order cancellation, Refund create and Checkout creation, each with the same URL.",
            "Below the list Shopify shows the secret that signs these webhooks. Copy it into Signing secret here, enter the shop's .myshopify.com domain, and save.",
            "Put the cart snippet of the Install page (Shopify) into the theme, so that an order knows the visit it came from.",
            "Place a test order, or press Send test notification beside one of the webhooks: it appears here within seconds.",
        ]);

    /// <inheritdoc />
    public Uri? BaseUrl(JsonElement settings) => ConnectionJson.Text(settings, ShopDomain) is { } shop && ShopDomainShape().IsMatch(shop) ? new Uri($"https://{shop}") : null;

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        var headers = ShopifyHeaders.Of(request);
        if (headers is not { Signature: { } signature, Topic: not null, ShopDomain: { } shop, WebhookId: not null, IsVersioned: true } || request.Body.IsEmpty)
            return Verdict.MissingHeader;
        if (!Signature.IsBase64Of(signature, Signature.Keys(secrets), request.Body))
            return Verdict.Mismatch;
        return ConnectionJson.Text(settings, ShopDomain) is { } wanted && !shop.Equals(wanted, StringComparison.OrdinalIgnoreCase) ? Verdict.OtherAccount : Verdict.Ok;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        var headers = ShopifyHeaders.Of(request);
        if (headers.Topic is not { } topic)
            return SourceReading.Refused("X-Shopify-Topic is missing.");
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Object)
            return SourceReading.Refused("The body is not a JSON object.");
        var record = new InboundRecord { Source = Info.Platform, SourceEvent = topic, DeliveryKey = headers.WebhookId, Action = InboundAction.Ignored };
        return topic switch
        {
            "orders/create" => ShopifyPayload.Order(record, body, InboundAction.OrderCreated),
            "orders/paid" => ShopifyPayload.Order(record, body, InboundAction.OrderPaid),
            "orders/updated" or "orders/cancelled" or "orders/partially_refunded" => ShopifyPayload.ChangedOrder(record, body),
            "orders/delete" => body.Text("id") is { } id ? record with { Action = InboundAction.OrderDeleted, EntityId = id } : ShopifyPayload.WithoutId,
            "refunds/create" => ShopifyPayload.Refund(record, body),
            "checkouts/create" => ShopifyPayload.Checkout(record, body),
            "app/uninstalled" => record with { Action = InboundAction.AppUninstalled, EntityId = headers.ShopDomain ?? body.Text("myshopify_domain") },
            "customers/data_request" or "customers/redact" or "shop/redact" => ShopifyPayload.PrivacyRequest(record, body),
            _ => record with { EntityId = body.Text("id") },
        };
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(settings, ShopDomain) is null || ConnectionJson.Text(credentials, AccessToken) is null
            ? "Give the connection the shop's domain and an access token first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        new(HttpMethod.Get, new Uri(access.Url(ShopifyPull.PathOf(at))), [], new Dictionary<string, string> { ["X-Shopify-Access-Token"] = access.AccessToken! }, [access.AccessToken!]);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => ShopifyPull.Read(answer);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var id = now.ToUnixTimeSeconds();
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id,
            name = "#sample",
            test = true,
            created_at = now.ToString("O", CultureInfo.InvariantCulture),
            processed_at = now.ToString("O", CultureInfo.InvariantCulture),
            financial_status = "paid",
            total_price = "61.80",
            currency = "EUR",
            email = "sample@example.com",
            billing_address = new { first_name = "Sample", last_name = "Customer", city = "Berlin", zip = "10115", country_code = "DE" },
            line_items = new[] { new { variant_id = 1, product_id = 1, title = "Sample", quantity = 1, price = "61.80" } },
        });
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            ["X-Shopify-Topic"] = "orders/paid",
            ["X-Shopify-Hmac-Sha256"] = Convert.ToBase64String(Signature.Of(System.Text.Encoding.UTF8.GetBytes(secret), body)),
            ["X-Shopify-Shop-Domain"] = ConnectionJson.Text(settings, ShopDomain) ?? "sample.myshopify.com",
            ["X-Shopify-API-Version"] = ApiVersion,
            ["X-Shopify-Webhook-Id"] = Guid.NewGuid().ToString(),
        }, body, now);
    }

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9-]{0,99}\.myshopify\.com\z")]
    private static partial Regex ShopDomainShape();
}

/// <summary>
/// The headers of a delivery. There are two families: <c>X-Shopify-*</c>, and the same without <c>X-</c> of the newer "events", whose topic
/// stands in two parts. Which one it is tells the signature's header, the newer first, as Shopify's own library looks (13.1.0).
/// </summary>
internal sealed record ShopifyHeaders(string? Signature, string? Topic, string? ShopDomain, string? WebhookId, bool IsVersioned)
{
    internal static ShopifyHeaders Of(InboundRequest request)
    {
        var prefix = request.Header("shopify-hmac-sha256") is not null ? "shopify-" : "X-Shopify-";
        var topic = request.Header(prefix + "Topic");
        if (topic is not null && prefix == "shopify-" && request.Header("shopify-action") is { } action)
            topic = $"{topic}/{action}";
        return new ShopifyHeaders(request.Header(prefix + "Hmac-Sha256"), topic?.ToLowerInvariant(), request.Header(prefix + "Shop-Domain"),
            request.Header(prefix + "Webhook-Id"), request.Header(prefix + "API-Version") is not null);
    }
}
