using ClarityTracking.Core.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Tenancy;

/// <summary>Registers accounts and tenants.</summary>
public static class TenancyServices
{
    public static IServiceCollection AddTenancy(this IServiceCollection services)
    {
        services.AddIdentityCore<User>(options =>
        {
            options.User.RequireUniqueEmail = true;
            options.User.AllowedUserNameCharacters = ""; // user names are emails, checked as such
            // Length is what counts (NIST SP 800-63B-4, section 3.1.1.2); AccountService checks it with a named error.
            options.Password.RequiredLength = 8;
            options.Password.RequireDigit = options.Password.RequireLowercase = options.Password.RequireUppercase = options.Password.RequireNonAlphanumeric = false;
            options.Password.RequiredUniqueChars = 1;
            options.Lockout.MaxFailedAccessAttempts = 5;
            options.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
        }).AddEntityFrameworkStores<ClarityDbContext>();
        services.AddScoped<AccountService>();
        services.AddScoped<WorkspaceService>();
        services.AddSingleton<ScriptAliasDirectory>();
        services.AddSingleton<WebsiteService>();
        services.AddSingleton<ApiKeyService>();
        return services;
    }
}
