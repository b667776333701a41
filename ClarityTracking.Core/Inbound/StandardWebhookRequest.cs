using System.Globalization;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound;

/// <summary>
/// Requests that are signed by Standard Webhooks 1.0.0 (github.com/standard-webhooks, 2026-11): HMAC-SHA256 over <c>id.timestamp.body</c>, the time at most
/// five minutes off in either direction. How messages of our own are signed stands in <see cref="StandardWebhook"/>.
/// </summary>
static class StandardWebhookRequest
{
    const string Version = "v1,";
    static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(300);

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
        var headers = new Dictionary<string, string>(StandardWebhook.Headers(key, id, now.ToUnixTimeSeconds(), body), StringComparer.OrdinalIgnoreCase) { ["Content-Type"] = "application/json" };
        return new InboundRequest("POST", url, headers, body, now);
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
