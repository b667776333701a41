using System.Globalization;

namespace ClarityTracking.Core.Inbound;

/// <summary>
/// Signatures by Standard Webhooks 1.0.0 (github.com/standard-webhooks, 2026-11): HMAC-SHA256 over <c>id.timestamp.body</c>, the time at most
/// five minutes off in either direction.
/// </summary>
static class StandardWebhook
{
    internal const int FewestKeyBytes = 24;
    const string Prefix = "whsec_", Version = "v1,";
    static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(300);

    /// <summary>The key of a secret as the specification writes it; empty when it is none.</summary>
    internal static byte[] Key(string secret)
    {
        var text = secret.StartsWith(Prefix, StringComparison.Ordinal) ? secret[Prefix.Length..] : secret;
        var key = new byte[text.Length];
        return Convert.TryFromBase64String(text, key, out var length) ? key[..length] : [];
    }

    /// <summary>A fresh secret: 32 random bytes.</summary>
    internal static string NewSecret() => Prefix + Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));

    /// <summary>Checks the three headers; several signatures may stand in one, for a secret that is being changed.</summary>
    internal static Verdict Verify(InboundRequest request, IEnumerable<byte[]> keys)
    {
        if (request.Header("webhook-id") is not { } id || request.Header("webhook-timestamp") is not { } timestamp || request.Header("webhook-signature") is not { } signatures)
            return Verdict.MissingHeader;
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return Verdict.TooOld;
        var age = request.ReceivedAt.ToUnixTimeSeconds() - seconds;
        if (age > Tolerance.TotalSeconds)
            return Verdict.TooOld;
        if (age < -Tolerance.TotalSeconds)
            return Verdict.TooNew;
        var all = keys.ToList();
        foreach (var signature in signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (signature.StartsWith(Version, StringComparison.Ordinal)
                && Signature.IsBase64Of(signature[Version.Length..], all, Signature.Part($"{id}.{timestamp}."), request.Body))
                return Verdict.Ok;
        return Verdict.Mismatch;
    }

    /// <summary>A signed request, for samples.</summary>
    internal static InboundRequest Signed(string url, byte[] body, string id, byte[] key, DateTimeOffset now)
    {
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            ["webhook-id"] = id,
            ["webhook-timestamp"] = timestamp,
            ["webhook-signature"] = Version + Convert.ToBase64String(Signature.Of(key, Signature.Part($"{id}.{timestamp}."), body)),
        }, body, now);
    }
}

/// <summary>Reads bodies.</summary>
static class SenderBody
{
    /// <summary>The body as JSON; false when it is none, or nested absurdly deep.</summary>
    internal static bool TryJson(InboundRequest request, out System.Text.Json.JsonElement body)
    {
        try
        {
            using var document = System.Text.Json.JsonDocument.Parse(request.Body);
            body = document.RootElement.Clone();
            return true;
        }
        catch (System.Text.Json.JsonException)
        {
            body = default;
            return false;
        }
    }
}
