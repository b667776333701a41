using System.Globalization;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>
/// Meta's click id (<c>fbc</c>) and browser id (<c>fbp</c>). Rules: developers.facebook.com, fbp and fbc parameters (2026-09-12), and the
/// behaviour of capi-param-builder 1.3.2, whose appendix we never add but keep where a cookie carries one.
/// </summary>
static class MetaBrowserIds
{
    /// <summary>Appendices of the library's first versions; later ones have eight characters.</summary>
    static readonly string[] LegacyAppendices = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"];

    /// <summary>
    /// The click id to send: the cookie as it is while it holds the same click; otherwise <c>fb.1.{first seen, ms}.{fbclid}</c>, where 1
    /// is the index Meta names for values made on a server. Of two different clicks the later one counts.
    /// </summary>
    internal static string? ClickId(Event @event)
    {
        var cookie = @event.Cookies.TryGetValue("fbc", out var value) && IsValid(value) ? value : null;
        var (click, firstSeen) = @event.ClickIds.TryGetValue("fbclid", out var known) && known.Value.Length > 0
            ? (known.Value, known.FirstSeen)
            : (FromAddress(@event.Url) ?? FromAddress(@event.Referrer), null);
        if (click is null)
            return cookie;
        if (cookie is not null && (Part(cookie, 3).SequenceEqual(click) || firstSeen?.ToUnixTimeMilliseconds() < CreatedAt(cookie)))
            return cookie;
        return string.Create(CultureInfo.InvariantCulture, $"fb.1.{(firstSeen ?? @event.OccurredAt).ToUnixTimeMilliseconds()}.{click}");
    }

    /// <summary>The browser id as the cookie has it; null when there is none or it is malformed. Never made up on the server.</summary>
    internal static string? BrowserId(Event @event) => @event.Cookies.TryGetValue("fbp", out var value) && IsValid(value) ? value : null;

    /// <summary>fb, digits, digits, something; perhaps a known appendix.</summary>
    static bool IsValid(string cookie)
    {
        Span<Range> parts = stackalloc Range[6];
        var value = cookie.AsSpan();
        var count = value.Split(parts, '.');
        return count is 4 or 5 && value[parts[0]] is "fb" && IsNumber(value[parts[1]]) && IsNumber(value[parts[2]]) && !value[parts[3]].IsEmpty
            && (count == 4 || value[parts[4]].Length == 8 || Array.IndexOf(LegacyAppendices, value[parts[4]].ToString()) >= 0);
    }

    static bool IsNumber(ReadOnlySpan<char> text) => text.Length is > 0 and <= 18 && !text.ContainsAnyExceptInRange('0', '9');

    static ReadOnlySpan<char> Part(string cookie, int index)
    {
        Span<Range> parts = stackalloc Range[6];
        cookie.AsSpan().Split(parts, '.');
        return cookie.AsSpan(parts[index]);
    }

    static long CreatedAt(string cookie) => long.Parse(Part(cookie, 2), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>The fbclid of an address, decoded once and otherwise untouched: click ids are case sensitive.</summary>
    static string? FromAddress(string? url)
    {
        if (url is null)
            return null;
        var rest = url.AsSpan();
        var fragment = rest.IndexOf('#');
        if (fragment >= 0)
            rest = rest[..fragment];
        var query = rest.IndexOf('?');
        if (query < 0)
            return null;
        rest = rest[(query + 1)..];
        foreach (var range in rest.Split('&'))
        {
            var part = rest[range];
            if (part.StartsWith("fbclid=", StringComparison.Ordinal))
                return part.Length > 7 ? Uri.UnescapeDataString(part[7..]) : null;
        }
        return null;
    }
}
