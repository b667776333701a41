namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>Host and path of a page's address, short enough to count by.</summary>
internal static class PageAddress
{
    private const int LongestHost = 100, LongestPath = 200;

    /// <summary>The host, lower case and without port, and the path without query; an empty host when it is no address.</summary>
    public static (string Host, string? Path) Of(string? url)
    {
        var start = url?.IndexOf("://", StringComparison.Ordinal) ?? -1;
        if (start < 0)
            return ("", null);
        var rest = url.AsSpan(start + 3);
        var end = rest.IndexOfAny('/', '?', '#');
        var host = end < 0 ? rest : rest[..end];
        host = host[(host.LastIndexOf('@') + 1)..];
        if (host.IndexOf(':') is >= 0 and var port)
            host = host[..port];
        if (host.Length is 0 or > LongestHost)
            return ("", null);
        var path = end < 0 || rest[end] != '/' ? "/" : rest[end..];
        if (path.IndexOfAny('?', '#') is >= 0 and var query)
            path = path[..query];
        return (host.ToString().ToLowerInvariant(), path[..Math.Min(path.Length, LongestPath)].ToString());
    }
}
