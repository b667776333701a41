using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Destinations;

/// <summary>How Standard Webhooks 1.0.0 signs: for the webhook destination and for alerts.</summary>
static class StandardWebhook
{
    /// <summary>Before a key in Base64, as Standard Webhooks writes its secrets.</summary>
    internal const string SecretPrefix = "whsec_";

    internal const int FewestKeyBytes = 16;

    /// <summary>The key to sign with: the bytes behind the prefix, or the text's own; empty when its Base64 is broken.</summary>
    internal static byte[] KeyOf(string secret)
    {
        if (!secret.StartsWith(SecretPrefix, StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(secret);
        var key = new byte[secret.Length];
        return Convert.TryFromBase64String(secret[SecretPrefix.Length..], key, out var length) ? key[..length] : [];
    }

    /// <summary>A new secret of 32 random bytes.</summary>
    internal static string NewSecret() => SecretPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The three headers of a message: its id, the time, and <c>v1,</c> with the Base64 of HMAC-SHA256 over id, time and body.</summary>
    internal static Dictionary<string, string> Headers(byte[] key, string id, long timestamp, byte[] body) => new()
    {
        ["webhook-id"] = id,
        ["webhook-timestamp"] = timestamp.ToString(CultureInfo.InvariantCulture),
        ["webhook-signature"] = Signature(key, id, timestamp, body),
    };

    internal static string Signature(byte[] key, string id, long timestamp, byte[] body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }
}
