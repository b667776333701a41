using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>Which browser and visit an event belongs to, out of Google Analytics' own cookies.</summary>
static partial class AnalyticsBrowser
{
    /// <summary>
    /// The client id: <c>a.b</c> of the cookie <c>_ga</c> (<c>GA1.1.a.b</c>), so that the event joins what the tag sends. Without the cookie an
    /// id of the same shape that is the same for each visit of our visitor; null when there is no visitor either.
    /// </summary>
    internal static string? ClientId(Event @event)
    {
        if (@event.Cookie("ga") is { } cookie && GaCookie().Match(cookie) is { Success: true } match)
            return match.Groups[1].Value;
        // a test of the connection has no visitor and is not recorded
        return (@event.VisitorId ?? (@event.IsTest ? @event.EventId : null)) is { Length: > 0 } visitor ? Derived(visitor) : null;
    }

    /// <summary>The visit: of the cookie <c>_ga_XXXX</c> in its first (GS1.1.{id}.…) or second form (GS2.1.s{id}$…), or the bare number.</summary>
    internal static string? SessionId(Event @event) =>
        @event.Cookie("ga_session") is { } cookie && SessionCookie().Match(cookie) is { Success: true } match ? match.Groups[1].Value : null;

    static string Derived(string visitor)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(visitor), hash);
        return string.Create(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadUInt32BigEndian(hash)}.{BinaryPrimitives.ReadUInt32BigEndian(hash[4..])}");
    }

    [GeneratedRegex(@"^GA1\.[0-9]{1,3}\.([0-9]{1,20}\.[0-9]{1,20})\z")]
    private static partial Regex GaCookie();

    [GeneratedRegex(@"^(?:GS1\.[0-9]+\.|GS2\.[0-9]+\.s)?([0-9]{1,20})(?:[.$].*)?\z")]
    private static partial Regex SessionCookie();
}
