using System.Security.Claims;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Components.Authorization;

namespace ClarityTracking.Web.Account;

/// <summary>The signed-in person of this circuit as a <see cref="Caller"/>; pages and panels take it from here and from nowhere else.</summary>
public sealed class CurrentCaller(AuthenticationStateProvider authentication, IServiceScopeFactory scopes, TimeProvider clock)
{
    /// <summary>A membership that was taken away stops counting after this long, however long the page stays open.</summary>
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(20);

    private Caller? _caller;
    private DateTimeOffset _readAt;

    /// <summary>Where the viewer comes from, for the audit log.</summary>
    public string? Ip { get; set; }

    /// <summary>Who asks, with their workspaces as they are now.</summary>
    /// <exception cref="SignedOutException">Nobody is signed in any more, or the account is gone.</exception>
    public async ValueTask<Caller> GetAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (_caller is not null && now - _readAt < FreshFor)
            return _caller;
        var state = await authentication.GetAuthenticationStateAsync();
        if (!Guid.TryParse(state.User.FindFirstValue(ClaimTypes.NameIdentifier), out var userId))
            throw new SignedOutException();
        // A scope of its own: a circuit's scope lives for hours, the account's database context must not.
        await using var scope = scopes.CreateAsyncScope();
        var caller = await scope.ServiceProvider.GetRequiredService<AccountService>().CallerOfAsync(userId, Ip, cancel);
        (_caller, _readAt) = ((caller ?? throw new SignedOutException()) with { Session = state.User.SessionOf() }, now);
        return _caller;
    }

    /// <summary>Reads the workspaces again at the next call.</summary>
    public void Forget() => _caller = null;
}

/// <summary>The page is open, but its person is no longer signed in.</summary>
public sealed class SignedOutException() : Exception("Nobody is signed in on this page any more.");
