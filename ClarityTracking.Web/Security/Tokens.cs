using System.Security.Claims;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Web.Security;

/// <summary>Tokens of a signed-in user.</summary>
/// <param name="UserId">The account.</param>
/// <param name="WorkspaceId">The first workspace, in the answer to register; else null.</param>
/// <param name="AccessToken">For <c>Authorization: Bearer</c>.</param>
/// <param name="RefreshToken">Gets the next pair.</param>
/// <param name="TokenType">Bearer.</param>
/// <param name="ExpiresIn">Seconds the access token runs.</param>
public sealed record TokenAnswer(Guid UserId, Guid? WorkspaceId, string AccessToken, string RefreshToken, string TokenType, long ExpiresIn);

/// <summary>
/// Makes and renews the tokens that Identity's bearer scheme reads. They are sealed by the key ring and hold the account's security
/// stamp, so that changing the password ends them.
/// </summary>
public sealed class Tokens(IUserClaimsPrincipalFactory<User> principals, UserManager<User> users, IOptionsMonitor<BearerTokenOptions> options, TimeProvider clock)
{
    private const string Scheme = "Identity.Bearer"; // IdentityConstants.BearerScheme
    private const int LongestToken = 8192;

    /// <summary>A fresh pair, of a new sign-in unless one is given.</summary>
    public async Task<TokenAnswer> IssueAsync(User user, Guid? workspaceId = null, string? session = null)
    {
        var bearer = options.Get(Scheme);
        var principal = await principals.CreateAsync(user);
        principal.SetSession(session);
        return new TokenAnswer(user.Id, workspaceId,
            bearer.BearerTokenProtector.Protect(Ticket(principal, "AccessToken", bearer.BearerTokenExpiration)),
            bearer.RefreshTokenProtector.Protect(Ticket(principal, "RefreshToken", bearer.RefreshTokenExpiration)),
            "Bearer", (long)bearer.BearerTokenExpiration.TotalSeconds);
    }

    /// <summary>A fresh pair for a refresh token; null when it is no token of ours, ran out, or its sign-in was ended.</summary>
    public async Task<TokenAnswer?> RefreshAsync(string? refreshToken)
    {
        if (refreshToken is not { Length: > 0 and <= LongestToken } || options.Get(Scheme).RefreshTokenProtector.Unprotect(refreshToken) is not { } ticket)
            return null;
        if (ticket.Properties.ExpiresUtc is not { } expires || clock.GetUtcNow() >= expires)
            return null;
        var user = await users.GetUserAsync(ticket.Principal);
        var stamp = ticket.Principal.FindFirstValue(users.Options.ClaimsIdentity.SecurityStampClaimType);
        return user is not null && stamp == user.SecurityStamp ? await IssueAsync(user, session: ticket.Principal.SessionOf()) : null;
    }

    private AuthenticationTicket Ticket(ClaimsPrincipal principal, string kind, TimeSpan lifetime) =>
        new(principal, new AuthenticationProperties { ExpiresUtc = clock.GetUtcNow() + lifetime }, $"{Scheme}:{kind}");
}
