using System.Net;
using System.Net.Sockets;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Which of several known addresses is the visitor's.</summary>
public static class ClientIp
{
    /// <summary>
    /// Public IPv6 of the cookie, else of the request, else public IPv4 of the cookie, else of the request; null when all are private
    /// (Meta's order: capi-param-builder 1.3.2). The first entry of X-Forwarded-For goes before the socket, so hand it in only when the
    /// proxy that wrote it is trusted.
    /// </summary>
    /// <param name="cookie">Value of <c>_fbi</c>.</param>
    /// <param name="forwardedFor">Value of X-Forwarded-For.</param>
    /// <param name="remoteAddress">The socket's peer.</param>
    public static string? Choose(string? cookie, string? forwardedFor, string? remoteAddress)
    {
        var fromCookie = Public(cookie);
        var fromRequest = Public(forwardedFor?.Split(',')[0]) ?? Public(remoteAddress);
        var chosen = fromCookie is { AddressFamily: AddressFamily.InterNetworkV6 } || fromRequest is null ? fromCookie
            : fromRequest is { AddressFamily: AddressFamily.InterNetworkV6 } || fromCookie is null ? fromRequest
            : fromCookie;
        return chosen?.ToString();
    }

    /// <summary>Is this an address that a platform could match: not private, loopback, link-local, shared or multicast?</summary>
    public static bool IsPublic(string? address) => Public(address) is not null;

    /// <summary>Is this a public IPv6 address?</summary>
    public static bool IsPublicV6(string? address) => Public(address) is { AddressFamily: AddressFamily.InterNetworkV6 };

    static IPAddress? Public(string? text)
    {
        if (text is null || !IPAddress.TryParse(text.AsSpan().Trim(), out var address))
            return null;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address))
            return null;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        var isPublic = length == 4
            ? bytes[0] is not (0 or 10 or 127 or >= 224)
                && !(bytes[0] == 100 && bytes[1] is >= 64 and < 128)
                && !(bytes[0] == 169 && bytes[1] == 254)
                && !(bytes[0] == 172 && bytes[1] is >= 16 and < 32)
                && !(bytes[0] == 192 && bytes[1] == 168)
            : !address.IsIPv6LinkLocal && !address.IsIPv6SiteLocal && !address.IsIPv6UniqueLocal && !address.IsIPv6Multicast
                && bytes.IndexOfAnyExcept((byte)0) >= 0;
        return isPublic ? address : null;
    }
}
