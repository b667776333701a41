using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Cookieless mode: a browser's event that brings no visitor id gets one that holds for a website and a day, made of what every request
/// shows (docs/decisions/0008). Two people behind one network with the same browser are one; one person in two networks is two.
/// </summary>
public static class DailyVisitor
{
    /// <summary>What such ids begin with, so that nobody takes them for lasting ones.</summary>
    public const string Prefix = "daily_";

    /// <summary>Must this event be given an id? Servers know whom they speak of, or leave it open on purpose.</summary>
    internal static bool IsNeeded(EventDraft draft, IngestContext context) =>
        draft.VisitorId is null && context is { Source: EventSource.Browser, Ip: not null };

    /// <summary>Gives the draft its visitor id, and a session id when it has none: then a session is what a visitor does in one UTC hour.</summary>
    internal static void Give(EventDraft draft, IngestContext context, ReadOnlySpan<byte> salt)
    {
        draft.VisitorId = IdOf(salt, context.Owner.WebsiteId, context.Ip!, context.UserAgent);
        draft.SessionId ??= SessionOf(salt, draft.VisitorId, context.ReceivedAt);
    }

    /// <summary><c>daily_</c> and the first 128 bits of HMAC-SHA-256(salt, website | network | user agent) as hex.</summary>
    /// <param name="salt">The day's.</param>
    /// <param name="websiteId">So that no one is followed across websites.</param>
    /// <param name="ip">Shortened to its network: IPv4 /24, IPv6 /48.</param>
    /// <param name="userAgent">As sent; null = none.</param>
    public static string IdOf(ReadOnlySpan<byte> salt, Guid websiteId, string ip, string? userAgent) =>
        Hash(salt, $"{websiteId:N}|{NetworkOf(ip)}|{userAgent}");

    /// <summary>The session of a visitor in the UTC hour of a time. Who visits around the full hour has two.</summary>
    public static string SessionOf(ReadOnlySpan<byte> salt, string visitorId, DateTimeOffset at) =>
        Hash(salt, $"{visitorId}|{at.UtcDateTime.ToString("yyyy-MM-dd'T'HH", CultureInfo.InvariantCulture)}");

    /// <summary>The address without what tells one line from its neighbours'; "" when it is none.</summary>
    public static string NetworkOf(string ip)
    {
        if (!IPAddress.TryParse(ip, out var address))
            return "";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(address.AddressFamily == AddressFamily.InterNetwork ? 3 : 6).Clear();
        return new IPAddress(bytes).ToString();
    }

    private static string Hash(ReadOnlySpan<byte> salt, string text)
    {
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData(salt, Encoding.UTF8.GetBytes(text), hash);
        return Prefix + Convert.ToHexStringLower(hash[..16]);
    }
}
