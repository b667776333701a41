using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Web.Security;

/// <summary>
/// Which sign-in a request belongs to: a random claim that is made when a person signs in and stays until they sign out, through renewed
/// cookies and refreshed tokens. What is begun in one sign-in can then be refused in another.
/// </summary>
internal static class Sessions
{
    private const string Claim = "clarity_session";

    /// <summary>The sign-in of a principal; null for keys and for cookies from before there was such a claim.</summary>
    public static string? SessionOf(this ClaimsPrincipal principal) => principal.FindFirstValue(Claim);

    /// <summary>Gives a principal its sign-in: the given one, or a new one.</summary>
    public static void SetSession(this ClaimsPrincipal principal, string? session = null)
    {
        if (principal.SessionOf() is null && principal.Identity is ClaimsIdentity identity)
            identity.AddClaim(new Claim(Claim, session ?? Guid.NewGuid().ToString("N")));
    }

    /// <summary>Cookies carry it from sign-in on; when Identity makes the principal anew from the account, it is taken along.</summary>
    public static IServiceCollection AddSessions(this IServiceCollection services)
    {
        services.Configure<CookieAuthenticationOptions>(IdentityConstants.ApplicationScheme, cookie => cookie.Events.OnSigningIn = context =>
        {
            context.Principal?.SetSession();
            return Task.CompletedTask;
        });
        services.Configure<SecurityStampValidatorOptions>(options => options.OnRefreshingPrincipal = context =>
        {
            if (context.CurrentPrincipal?.SessionOf() is { } session)
                context.NewPrincipal?.SetSession(session);
            return Task.CompletedTask;
        });
        return services;
    }
}
