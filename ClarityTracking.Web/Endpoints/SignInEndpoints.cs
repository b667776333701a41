using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Accounts for programs: register, login, refresh.</summary>
public static class SignInEndpoints
{
    /// <summary>Email and password.</summary>
    public sealed record LoginRequest(string? Email, string? Password);

    /// <summary>A refresh token.</summary>
    public sealed record RefreshRequest(string? RefreshToken);

    public static void MapSignIn(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api").AllowAnonymous().RequireRateLimiting(RateLimits.Auth).DisableAntiforgery().WithTags("Sign in");
        group.MapPost("/register", RegisterAsync);
        group.MapPost("/login", LoginAsync);
        group.MapPost("/refresh", RefreshAsync);
    }

    internal static async Task<Results<Created<TokenAnswer>, ProblemHttpResult>> RegisterAsync(
        NewAccount account, AccountService accounts, Tokens tokens, HttpContext http, CancellationToken cancel)
    {
        var registered = await accounts.RegisterAsync(account, ApiAuthentication.IpOf(http), cancel);
        return registered.IsOk
            ? TypedResults.Created((string?)null, await tokens.IssueAsync(registered.Value.User, registered.Value.WorkspaceId))
            : Problems.From(registered.Error);
    }

    internal static async Task<Results<Ok<TokenAnswer>, ProblemHttpResult>> LoginAsync(LoginRequest login, AccountService accounts, Tokens tokens)
    {
        var user = await accounts.CheckPasswordAsync(login.Email, login.Password);
        return user.IsOk ? TypedResults.Ok(await tokens.IssueAsync(user.Value)) : Problems.From(user.Error);
    }

    internal static async Task<Results<Ok<TokenAnswer>, ProblemHttpResult>> RefreshAsync(RefreshRequest refresh, Tokens tokens) =>
        await tokens.RefreshAsync(refresh.RefreshToken) is { } fresh
            ? TypedResults.Ok(fresh)
            : Problems.Of(StatusCodes.Status401Unauthorized, "invalid_refresh_token", "The refresh token is unknown, ran out or was ended. Log in again.");
}
