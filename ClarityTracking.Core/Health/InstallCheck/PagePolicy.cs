using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>What a content security policy says of an address (CSP Level 3). Without a browser it is read, not tried.</summary>
internal static class PagePolicy
{
    private const int MostTags = 500, LongestTag = 4000;

    private static readonly Regex Meta = PagePatterns.Of("<meta[^>]*>", RegexOptions.IgnoreCase),
        Content = PagePatterns.Of("""content\s*=\s*(?:"([^"]*)"|'([^']*)')""", RegexOptions.IgnoreCase),
        Source = PagePatterns.Of("""^(?:([a-zA-Z][a-zA-Z0-9+.-]*)://)?([^/:]+|\[[^\]]+\])(?::(\d+|\*))?(/.*)?\z""");

    /// <summary>Policies that stand in the document.</summary>
    public static IEnumerable<string> InDocument(string html) => PagePatterns.In(Meta, html, MostTags).Where(m => m.Length <= LongestTag && m.Value.Contains("content-security-policy", StringComparison.OrdinalIgnoreCase))
        .Select(m => PagePatterns.FirstIn(Content, m.Value)).Where(c => c.Success).Select(c => System.Net.WebUtility.HtmlDecode(c.Groups[1].Success ? c.Groups[1].Value : c.Groups[2].Value));

    /// <summary>Whether a policy lets something in; null = it depends on a nonce or hash that cannot be judged from here.</summary>
    /// <param name="policy">The header's text.</param>
    /// <param name="directives">By preference: <c>script-src-elem</c>, <c>script-src</c>, then <c>default-src</c> is meant.</param>
    /// <param name="url">What shall be loaded.</param>
    /// <param name="page">The page.</param>
    public static bool? Allows(string policy, string[] directives, Uri url, Uri page)
    {
        var all = policy.Split(';').Select(d => d.Trim().Split((char[])[' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)).Where(d => d.Length > 0)
            .GroupBy(d => d[0].ToLowerInvariant()).ToDictionary(g => g.Key, g => g.First()[1..]);
        if (directives.Append("default-src").Select(all.GetValueOrDefault).FirstOrDefault(s => s is not null) is not { } sources)
            return true;
        if (sources.Contains("'strict-dynamic'"))
            return null;
        return sources.Any(s => Matches(s, url, page)) ? true : sources.Any(s => s.StartsWith("'nonce-", StringComparison.OrdinalIgnoreCase)) ? null : false;
    }

    private static bool Matches(string source, Uri url, Uri page)
    {
        if (source == "*")
            return url.Scheme is "http" or "https" or "ws" or "wss";
        if (source.Equals("'self'", StringComparison.OrdinalIgnoreCase))
            return url.GetLeftPart(UriPartial.Authority).Equals(page.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase);
        if (source.StartsWith('\''))
            return false;
        if (source.EndsWith(':'))
            return source[..^1].Equals(url.Scheme, StringComparison.OrdinalIgnoreCase);
        var match = PagePatterns.FirstIn(Source, source);
        if (!match.Success)
            return false;
        var (scheme, host, port, path) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value, match.Groups[4].Value);
        var schemeFits = scheme.Length == 0 ? url.Scheme == page.Scheme || url.Scheme == Uri.UriSchemeHttps : scheme.Equals(url.Scheme, StringComparison.OrdinalIgnoreCase) || (scheme == "http" && url.Scheme == "https");
        var hostFits = host.StartsWith("*.", StringComparison.Ordinal) ? url.Host.EndsWith(host[1..], StringComparison.OrdinalIgnoreCase) : host == "*" || url.Host.Equals(host, StringComparison.OrdinalIgnoreCase);
        var portFits = port is "*" || (port.Length == 0 ? url.IsDefaultPort : port == url.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return schemeFits && hostFits && portFits && (path.Length == 0 || (path.EndsWith('/') ? url.AbsolutePath.StartsWith(path, StringComparison.Ordinal) : url.AbsolutePath == path));
    }
}
