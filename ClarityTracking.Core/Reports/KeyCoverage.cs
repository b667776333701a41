using System.Net;
using System.Net.Sockets;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Reports;

/// <summary>Which match keys an event carries, in the names that coverage is counted and shown under.</summary>
public static class KeyCoverage
{
    /// <summary>Address and user agent together, by IPv6.</summary>
    public const string IpAndUserAgent = "ip_ua";

    /// <summary>Address and user agent together, by IPv4: worth a little less.</summary>
    public const string Ipv4AndUserAgent = "ip_ua_v4";

    /// <summary>The hashed keys, click ids and browser ids of an event.</summary>
    public static IEnumerable<string> KeysOf(Event stored)
    {
        foreach (var key in stored.MatchKeys.Values.Keys)
            yield return key;
        foreach (var clickId in stored.ClickIds.Keys)
            yield return clickId;
        foreach (var cookie in stored.Cookies.Keys)
            if (cookie is "fbp" or "fbc")
                yield return cookie;
        if (stored.ClickIds.ContainsKey("fbclid") && !stored.Cookies.ContainsKey("fbc"))
            yield return "fbc"; // made from the click id when sent
        if (stored.UserAgent is not null && stored.Personal?.Ip is { } ip && IPAddress.TryParse(ip, out var address))
            yield return address.AddressFamily == AddressFamily.InterNetworkV6 ? IpAndUserAgent : Ipv4AndUserAgent;
    }
}
