using System.Globalization;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Account;
using ClarityTracking.Web.Components.Shared;
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

    public static void MapDashboard(this WebApplication app)
    {
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode();
        app.MapAccount();
    }
}
