using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ClarityTracking.Tests.Inbound;

/// <summary>A webhook, ready to post.</summary>
sealed record Message(string Body, params (string Name, string Value)[] Headers)
{
    public Task<HttpResponseMessage> PostAsync(Sender sender) => sender.PostRawAsync(Body, Headers);
}

/// <summary>Webhooks as each sender writes and signs them.</summary>
static class SenderMessages
{
    public const string Shop = "red-shoes.myshopify.com";

    public static Message Shopify(Sender sender, string topic, object body, string? id = null, string? secret = null, string shop = Shop)
    {
        var text = JsonSerializer.Serialize(body);
        return new Message(text, ("X-Shopify-Topic", topic), ("X-Shopify-Hmac-Sha256", Base64(secret ?? sender.Secret, text)), ("X-Shopify-Shop-Domain", shop),
            ("X-Shopify-API-Version", "2026-07"), ("X-Shopify-Webhook-Id", id ?? Guid.NewGuid().ToString()));
    }

    /// <summary>Of the newer header family.</summary>
    public static Message ShopifyEvent(Sender sender, string topic, string action, object body)
    {
        var text = JsonSerializer.Serialize(body);
        return new Message(text, ("shopify-topic", topic), ("shopify-action", action), ("shopify-hmac-sha256", Base64(sender.Secret, text)), ("shopify-shop-domain", Shop),
            ("shopify-api-version", "unstable"), ("shopify-webhook-id", Guid.NewGuid().ToString()), ("shopify-event-id", Guid.NewGuid().ToString()));
    }

    public static Message WooCommerce(Sender sender, string topic, object body, string? secret = null)
    {
        var text = JsonSerializer.Serialize(body);
        return new Message(text, ("X-WC-Webhook-Source", "https://shop.example.com/"), ("X-WC-Webhook-Topic", topic), ("X-WC-Webhook-ID", "12"),
            ("X-WC-Webhook-Delivery-ID", "the same for all of one second"), ("X-WC-Webhook-Signature", Base64(secret ?? sender.Secret, text)));
    }

    public static Message Stripe(Sender sender, string type, DateTimeOffset at, object thing, object? before = null, bool live = true, string? account = null, string? id = null, string? secret = null)
    {
        var text = JsonSerializer.Serialize(new
        {
            id = id ?? $"evt_{Guid.NewGuid():N}",
            @object = "event",
            api_version = "2026-10-28.endive",
            created = at.ToUnixTimeSeconds(),
            livemode = live,
            type,
            account,
            data = new { @object = thing, previous_attributes = before },
        });
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return new Message(text, ("Stripe-Signature", $"t={now},v1={Convert.ToHexStringLower(Hmac(secret ?? sender.Secret, $"{now}.{text}"))}"));
    }

    public static Message Square(Sender sender, string url, string type, string kind, object thing, string merchant = "MLA", string? id = null, string? secret = null)
    {
        var text = JsonSerializer.Serialize(new
        {
            merchant_id = merchant,
            type,
            event_id = id ?? Guid.NewGuid().ToString(),
            created_at = Time(DateTimeOffset.UtcNow),
            data = new { type = kind, id = "x", @object = new Dictionary<string, object> { [kind] = thing } },
        });
        return new Message(text, ("x-square-hmacsha256-signature", Base64(secret ?? sender.Secret, url + sender.Path + text)));
    }

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>As WooCommerce writes UTC: without saying so.</summary>
    public static string Gmt(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Orders in which so many things can arrive: every third of all that there are, the told one and its reverse among them.</summary>
    public static IEnumerable<int[]> Orders(int count) => All(count).Reverse().Where((_, i) => i % 3 == 0).Append([.. Enumerable.Range(0, count).Reverse()]);

    private static IEnumerable<int[]> All(int count) =>
        count == 0 ? [[]] : All(count - 1).SelectMany(order => Enumerable.Range(0, count).Select(at => order.Take(at).Append(count - 1).Concat(order.Skip(at)).ToArray()));

    private static string Base64(string secret, string text) => Convert.ToBase64String(Hmac(secret, text));

    private static byte[] Hmac(string secret, string text) => HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text));
}
