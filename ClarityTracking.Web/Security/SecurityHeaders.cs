namespace ClarityTracking.Web.Security;

/// <summary>Headers that keep a browser from doing with our answers what we did not mean (OWASP secure headers, 2026-09).</summary>
public static class SecurityHeaders
{
    // Blazor's script and Radzen's are files of our own; both set style attributes, which only 'unsafe-inline' allows.
    private const string PagePolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        + "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>For answers to programs: nothing in them is to be run or shown.</summary>
    private const string ApiPolicy = "default-src 'none'; frame-ancestors 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        var isApi = Problems.IsApi(http);
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "strict-origin-when-cross-origin";
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()";
            // one policy only: a second one, from Blazor, could only be stricter in ways nobody looks for
            headers.ContentSecurityPolicy = isApi ? ApiPolicy : PagePolicy;
            if (isApi && headers.CacheControl.Count == 0)
                headers.CacheControl = "no-store";
            return Task.CompletedTask;
        });
        return next(http);
    });
}
