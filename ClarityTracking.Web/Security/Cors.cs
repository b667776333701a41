using Microsoft.AspNetCore.Cors.Infrastructure;

namespace ClarityTracking.Web.Security;

/// <summary>Who may call from a browser.</summary>
public static class Cors
{
    /// <summary>Intake: pages of any site, without cookies.</summary>
    public const string AnySite = "any-site";

    /// <summary>Registers the policies.</summary>
    public static void Configure(CorsOptions options) => options.AddPolicy(AnySite, policy => policy
        .AllowAnyOrigin().AllowAnyHeader().WithMethods("GET", "POST").WithExposedHeaders(Endpoints.CollectEndpoints.RefusalHeader, "Retry-After")
        .SetPreflightMaxAge(TimeSpan.FromDays(1)));
}
