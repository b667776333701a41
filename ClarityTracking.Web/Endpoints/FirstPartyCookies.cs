using System.Text;
using ClarityTracking.Web.Security;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// <c>POST /t/cookies</c>: sets the page's own tracking cookies once more, with the values they have. Safari ends cookies that a script
/// wrote after 7 days and keeps those a server of the site set (webkit.org/blog/8613/intelligent-tracking-prevention-2-1, 2019-02).
/// Nothing is stored and nothing is read out: a value the browser did not send is not there.
/// </summary>
internal static class FirstPartyCookies
{
    /// <summary>
    /// Most bytes of all that is set. nginx answers 502 when the headers of an answer are larger than its buffer, 4 KiB where nobody changed
    /// it (nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size, November 2026), and ours without cookies are about 700.
    /// </summary>
    private const int Largest = 2800;

    private const string OptOut = "ct_optout";

    /// <summary>What is renewed, for how many days, most needed first. Not <c>ct_session</c>: a session is not to live longer.</summary>
    private static readonly (string Name, int Days, bool IsMetas)[] Renewed =
    [
        (OptOut, 400, false), ("ct_consent", 400, false), ("ct_visitor", 400, false), ("_fbp", 90, true), ("_fbc", 90, true), ("ct_clicks", 90, false),
    ];

    /// <param name="http">The request.</param>
    /// <param name="domain">
    /// The domain the snippet writes its cookies on (<c>example.com</c>), so that the renewed ones replace those; empty when it writes them
    /// for the host alone; absent = guessed. Never for the host alone by default: such a second set would survive an opt-out, and hide a
    /// consent that is taken back.
    /// </param>
    public static IResult Renew(HttpContext http, string? domain)
    {
        var response = http.Response.Headers;
        response.CacheControl = "no-store";
        response.Vary = "Origin";
        var origin = http.Request.Headers.Origin is [{ Length: > 0 and <= 300 } text] && Uri.TryCreate(text, UriKind.Absolute, out var parsed) ? parsed : null;
        var host = HostOf(http.Request, origin);
        domain = domain?.Trim().TrimStart('.').ToLowerInvariant() ?? SiteOf(host);
        if (http.Request.Headers.Origin.Count > 0 && !IsSameSite(origin, host, domain))
            return Problems.Of(403, "cross_site", "Only pages of the same site may renew their cookies: page and app must share the domain.");
        if (origin is not null)
        {
            response.AccessControlAllowOrigin = http.Request.Headers.Origin;
            response.AccessControlAllowCredentials = "true";
        }
        if (domain.Length > 0 && !Contains(domain, host))
            return Problems.Of(400, "domain_mismatch", "domain must be the host that was asked, or a domain above it such as example.com.");

        var sent = Sent(http.Request.Headers.Cookie);
        var attributes = (domain.Length > 0 ? $"; Domain={domain}" : "") + (http.Request.IsHttps || origin?.Scheme == Uri.UriSchemeHttps ? "; Secure" : "");
        var left = Largest;
        foreach (var (name, days, isMetas) in Renewed)
        {
            if (!sent.TryGetValue(name, out var value) || (sent.ContainsKey(OptOut) && name != OptOut) || (isMetas && RefusesAds(http.Request, sent)))
                continue;
            var cookie = $"{name}={value}; Path=/; Max-Age={days * 86400}; SameSite=Lax{attributes}";
            if (cookie.Length > left)
                continue;
            left -= cookie.Length;
            response.Append("Set-Cookie", cookie);
        }
        return Results.NoContent();
    }

    /// <summary>
    /// The host that the browser asked. A proxy on the customer's domain may have put our own in its place; for a request that the browser
    /// itself calls same-origin (no page can write Sec-Fetch-Site) it is the page's. A sender that lies gets cookies its own browser drops.
    /// </summary>
    private static string HostOf(HttpRequest request, Uri? origin) =>
        origin is not null && request.Headers["Sec-Fetch-Site"] == "same-origin" ? origin.IdnHost : request.Host.Host.ToLowerInvariant();

    private static bool IsSameSite(Uri? origin, string host, string domain) => origin is { Scheme: "http" or "https" }
        && (origin.IdnHost == host || (domain.Length > 0 && Contains(domain, origin.IdnHost) && Contains(domain, host)));

    /// <summary>
    /// The widest domain a host's cookies can be on, by the habits of registries: the last two names, or three in <c>co.uk</c> and its like.
    /// Where that is a public suffix after all the browser takes no cookie, and nothing is renewed.
    /// </summary>
    private static string SiteOf(string host)
    {
        if (Uri.CheckHostName(host) != UriHostNameType.Dns || host.Split('.') is not [.., var second, var top] names)
            return "";
        return string.Join('.', names.TakeLast(top.Length == 2 && names.Length > 2 && RegistryWords.Contains(second) ? 3 : 2));
    }

    private static readonly string[] RegistryWords = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

    /// <summary>Is the host the domain or below it? A name without a dot is a host, never a domain above others.</summary>
    private static bool Contains(string domain, string host) => Uri.CheckHostName(domain) != UriHostNameType.Unknown
        && (host == domain || (domain.Contains('.') && Uri.CheckHostName(domain) == UriHostNameType.Dns && host.EndsWith("." + domain, StringComparison.Ordinal)));

    /// <summary>Global Privacy Control, or a refusal in the snippet's own consent cookie (<c>{"ads":false}</c>).</summary>
    private static bool RefusesAds(HttpRequest request, Dictionary<string, string> sent) => request.Headers["Sec-GPC"] == "1"
        || (sent.TryGetValue("ct_consent", out var consent) && Uri.UnescapeDataString(consent).Contains("\"ads\":false", StringComparison.Ordinal));

    /// <summary>The cookies as they were sent, undecoded; of a name that comes twice the first, which is the one scripts see.</summary>
    private static Dictionary<string, string> Sent(Microsoft.Extensions.Primitives.StringValues headers)
    {
        var sent = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in headers.SelectMany(header => header?.Split(';') ?? []))
            if (pair.Split('=', 2) is [var name, var value] && value.Trim() is { Length: > 0 } trimmed && Ascii.IsValid(trimmed) && !trimmed.Any(char.IsControl))
                sent.TryAdd(name.Trim(), trimmed);
        return sent;
    }
}
