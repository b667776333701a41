namespace ClarityTracking.Web.Security;

/// <summary>Everything around the endpoints that keeps them safe, in the order a request meets it.</summary>
public static class SecurityServices
{
    public static IServiceCollection AddClaritySecurity(this IServiceCollection services, IConfiguration configuration) => services
        .AddTrustedProxies(configuration)
        .AddKeyRing()
        .AddRateLimits()
        .AddApiAuthentication()
        .AddCors(Cors.Configure);

    /// <summary>Who is it from, headers, errors; before routing's endpoints run.</summary>
    public static void UseClaritySecurity(this WebApplication app)
    {
        app.UseForwardedHeaders();
        app.UseSecurityHeaders();
        if (!app.Environment.IsDevelopment())
            app.UseHsts(); // answers to https only, and leaves localhost out
        app.UseApiProblems();
        app.UseRouting();
        app.UseCors();
        app.UseRateLimiter();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseCaller();
    }
}
