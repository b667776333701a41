using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>What Shopify's callback must prove (Shopify: authorization code grant, 2026-11-20).</summary>
static partial class ShopifyCallback
{
    private static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(90);

    /// <summary>The host of a shop as people type it (<c>my-shop</c>, an address, or <c>my-shop.myshopify.com</c>); null when it is none.</summary>
    internal static string? ShopOf(string? typed)
    {
        if (typed is not { Length: <= 255 } || typed.Trim().ToLowerInvariant() is not { Length: > 0 } shop)
            return null;
        if (shop.StartsWith("https://", StringComparison.Ordinal))
            shop = shop["https://".Length..].Split('/')[0];
        if (!shop.Contains('.', StringComparison.Ordinal))
            shop += ".myshopify.com";
        return Shop().IsMatch(shop) ? shop : null;
    }

    /// <summary>Why a callback is not Shopify's about this shop; null when it is.</summary>
    /// <param name="query">The callback's parameters, decoded.</param>
    /// <param name="clientSecret">Of our app; Shopify signs with it.</param>
    /// <param name="shop">The shop that the consent was begun for.</param>
    /// <param name="now">Now (UTC).</param>
    internal static string? Refusal(IReadOnlyList<KeyValuePair<string, string>> query, string clientSecret, string shop, DateTimeOffset now)
    {
        if (Value("shop") != shop)
            return "The answer is about another shop than the one you named.";
        if (!long.TryParse(Value("timestamp"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(seconds - now.ToUnixTimeSeconds()) > MostSkew.TotalSeconds)
            return "The answer is too old, or a clock is wrong.";
        var message = string.Join('&', query.Where(p => p.Key is not "hmac" and not "signature").OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => $"{Encoded(p.Key)}={Encoded(p.Value)}"));
        var wanted = HMACSHA256.HashData(Encoding.UTF8.GetBytes(clientSecret), Encoding.UTF8.GetBytes(message));
        Span<byte> given = stackalloc byte[32];
        return Value("hmac") is { Length: 64 } hex && Convert.FromHexString(hex, given, out _, out _) == System.Buffers.OperationStatus.Done
            && CryptographicOperations.FixedTimeEquals(wanted, given)
            ? null : "The answer is not signed by Shopify for this app.";

        string? Value(string name) => query.FirstOrDefault(p => p.Key == name).Value;
    }

    /// <summary>As URLSearchParams writes it, which Shopify's own library signs.</summary>
    private static string Encoded(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal).Replace("%2A", "*", StringComparison.Ordinal)
        .Replace("~", "%7E", StringComparison.Ordinal);

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]*\.myshopify\.com\z")]
    private static partial Regex Shop();
}
