using ClarityTracking.Core.Ingestion;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Which way a browser's request took, by what the browser itself says (Fetch metadata, W3C 2024; all browsers since 2023).</summary>
internal static class ArrivalWays
{
    /// <summary>Of a request of the snippet.</summary>
    public static ArrivalWay Of(HttpContext http)
    {
        var request = http.Request;
        var transport = HttpMethods.IsGet(request.Method) ? "image" : request.Headers["Sec-Fetch-Mode"] == "no-cors" ? "beacon" : "fetch";
        var served = request.Headers["Sec-Fetch-Site"].ToString() switch
        {
            "same-origin" or "same-site" => "first_party",
            "cross-site" => "cross_site",
            _ => HostOf(request.Headers.Origin) is not { } page ? "unknown" : page == request.Host.Host ? "first_party" : "cross_site",
        };
        return new ArrivalWay(http.ScriptAlias is null ? served : Aliased(served), transport);
    }

    /// <summary>The host of an Origin or Referer header, lower case; null when there is none.</summary>
    public static string? HostOf(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Host.Length is > 0 and <= 100 ? url.Host : null;

    private static string Aliased(string served) => served switch
    {
        "first_party" => "first_party_alias",
        "cross_site" => "cross_site_alias",
        _ => "unknown_alias",
    };
}
