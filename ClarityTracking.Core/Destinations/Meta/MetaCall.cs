using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>The address of a Graph API call: version, token and, where the app demands it, proof of the app's secret.</summary>
static class MetaCall
{
    /// <param name="access">Base address, version and credentials.</param>
    /// <param name="pathAndQuery">Below the version; ends in <c>?</c> or <c>&amp;</c>, because the token follows.</param>
    /// <returns>The address, and what of it must never be shown.</returns>
    internal static (Uri Url, IReadOnlyList<string> Secrets) Sign(DestinationAccess access, string pathAndQuery)
    {
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        var escaped = Uri.EscapeDataString(token);
        var secrets = new List<string> { token };
        if (escaped != token)
            secrets.Add(escaped);
        var version = ConnectionJson.Text(access.Settings, "api_version") ?? MetaSettings.DefaultApiVersion;
        var url = new StringBuilder(access.Url($"{version}/{pathAndQuery}access_token={escaped}"));
        if (ConnectionJson.Text(access.Credentials, "app_secret") is { } appSecret)
        {
            var proof = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(appSecret), Encoding.UTF8.GetBytes(token)));
            url.Append("&appsecret_proof=").Append(proof);
            secrets.AddRange([appSecret, proof]);
        }
        secrets.RemoveAll(string.IsNullOrEmpty);
        return (new Uri(url.ToString()), secrets);
    }
}
