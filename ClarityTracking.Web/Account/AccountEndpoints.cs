using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace ClarityTracking.Web.Account;

/// <summary>What the pages of an account post to beside themselves.</summary>
internal static class AccountEndpoints
{
    public static IEndpointRouteBuilder MapAccount(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/account/logout", LogoutAsync).AllowAnonymous().ExcludeFromDescription();
        return routes;
    }

    /// <summary>The form parameter makes the framework check the antiforgery token.</summary>
    internal static async Task<RedirectHttpResult> LogoutAsync(SignInManager<User> signIn, [FromForm] string? returnUrl)
    {
        await signIn.SignOutAsync();
        return TypedResults.LocalRedirect(LocalUrl.Or(returnUrl, "/account/login"));
    }
}
