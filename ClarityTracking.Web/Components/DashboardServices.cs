using System.Globalization;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Account;
using ClarityTracking.Web.Components.Shared;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Radzen;

namespace ClarityTracking.Web.Components;

/// <summary>The dashboard: pages on circuits, sign-in by cookie.</summary>
internal static class DashboardServices
{
    public static IServiceCollection AddDashboard(this IServiceCollection services)
    {
        // Numbers and dates read the same on every server; money is formatted by its own currency.
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddRadzenComponents();
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, StampedAuthenticationState>();
        services.AddScoped<CurrentCaller>();
        services.AddScoped<MyWebsites>();
        services.AddScoped<Viewer>();
        return services;
    }

    /// <summary>An address nobody knows gets a page with words, when it is a person who asks. First of all, so that the page is routed anew.</summary>
    public static void UseNotFoundPage(this WebApplication app) => app.UseWhen(
        http => HttpMethods.IsGet(http.Request.Method) && !Problems.IsApi(http) && http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal),
        pages => pages.UseStatusCodePagesWithReExecute("/not-found", createScopeForStatusCodePages: true));

    public static void MapDashboard(this WebApplication app)
    {
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode();
        app.MapAccount();
    }
}
