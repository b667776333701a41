using System.Security.Claims;
using System.Text.Encodings.Web;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Web.Security;

/// <summary>
/// Who calls the API: an access token of a user or a secret key of a website, never a cookie (so no page of another site can call it in
/// a visitor's name). The scheme looks at what was sent and hands on to the one that understands it.
/// </summary>
public static class ApiAuthentication
{
    /// <summary>The scheme of all management endpoints.</summary>
    public const string Scheme = "Api";

    /// <summary>Policy: any caller. What they may do is decided in Core.</summary>
    public static readonly AuthorizationPolicy AnyCaller = new AuthorizationPolicyBuilder(Scheme).RequireAuthenticatedUser().Build();

    public static IServiceCollection AddApiAuthentication(this IServiceCollection services)
    {
        services.AddAuthentication()
            .AddBearerToken(IdentityConstants.BearerScheme)
            .AddScheme<AuthenticationSchemeOptions, SecretKeyHandler>(SecretKeyHandler.Name, null)
            .AddPolicyScheme(Scheme, null, options => options.ForwardDefaultSelector =
                http => KeyOf(http.Request) is not null ? SecretKeyHandler.Name : IdentityConstants.BearerScheme);
        services.AddAuthorization();
        services.AddHttpContextAccessor();
        services.AddScoped<Tokens>();
        services.AddScoped(provider => provider.GetRequiredService<IHttpContextAccessor>().HttpContext?.Features.Get<Caller>()
            ?? throw new InvalidOperationException("Only endpoints of the API group have a caller; pages ask their own service."));
        return services;
    }

    /// <summary>The secret key of a request (<c>Authorization: Bearer sk_…</c> or <c>X-API-Key: sk_…</c>), or null.</summary>
    internal static string? KeyOf(HttpRequest request)
    {
        if (request.Headers["X-API-Key"] is [{ } key] && key.StartsWith("sk_", StringComparison.Ordinal))
            return key;
        return request.Headers.Authorization is [{ } value] && value.StartsWith("Bearer sk_", StringComparison.OrdinalIgnoreCase) ? value["Bearer ".Length..] : null;
    }

    /// <summary>
    /// Loads who the caller is, once per request, for endpoints that ask for authorization by <see cref="AnyCaller"/>. An account that is
    /// gone, or whose sign-ins were ended, is not signed in, however long its token still runs.
    /// </summary>
    public static void UseCaller(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<NeedsCaller>() is not null && http.Features.Get<Caller>() is null)
        {
            var accounts = http.RequestServices.GetRequiredService<AccountService>();
            var caller = Guid.TryParse(http.User.FindFirstValue(ClaimTypes.NameIdentifier), out var userId)
                ? await accounts.CallerOfAsync(userId, IpOf(http), http.RequestAborted, http.User.FindFirstValue("AspNet.Identity.SecurityStamp") ?? "")
                : null;
            if (caller is null)
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }
            http.Features.Set(caller with { Session = http.User.SessionOf() });
        }
        await next(http);
    });

    /// <summary>Where a request came from, as text.</summary>
    internal static string? IpOf(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } ip ? (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString() : null;

    /// <summary>Marks endpoints whose handlers take a <see cref="Caller"/>.</summary>
    public sealed class NeedsCaller;

    private sealed class SecretKeyHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory log, UrlEncoder encoder, AccountService accounts)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, log, encoder)
    {
        public const string Name = "SecretKey";

        protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (KeyOf(Request) is not { Length: <= 100 } key || await accounts.CallerOfKeyAsync(key, IpOf(Context), Context.RequestAborted) is not { } caller)
                return AuthenticateResult.Fail("The key is unknown or revoked.");
            Context.Features.Set(caller);
            var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, caller.Label)], Name);
            return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Name));
        }
    }
}
