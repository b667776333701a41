using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Web.Account;

/// <summary>Sign-in by cookie, for pages. The JSON API has its own scheme and never looks at the cookie.</summary>
internal static class AccountServices
{
    public static IServiceCollection AddAccountCookies(this IServiceCollection services)
    {
        new IdentityBuilder(typeof(User), services).AddSignInManager();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddApplicationCookie();
        services.ConfigureApplicationCookie(cookie =>
        {
            cookie.Cookie.Name = "clarity";
            cookie.Cookie.SameSite = SameSiteMode.Lax;
            cookie.LoginPath = "/account/login";
            cookie.LogoutPath = "/account/logout";
            cookie.AccessDeniedPath = "/not-found";
            cookie.ReturnUrlParameter = "returnUrl";
            cookie.ExpireTimeSpan = TimeSpan.FromDays(14);
            cookie.SlidingExpiration = true;
        });
        services.AddSessions();
        services.AddAntiforgery(antiforgery => antiforgery.Cookie.Name = "clarity-form");
        return services;
    }
}
