using System.Security.Claims;
using ClarityTracking.Core;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Connecting accounts at providers.</summary>
public static class OAuthEndpoints
{
    /// <summary>Where providers send people back; operators register exactly this below their public address.</summary>
    internal const string CallbackPath = "/api/v1/oauth/callback";

    /// <summary>What was connected.</summary>
    public sealed record OAuthConnected(Guid ConnectionId, Guid WebsiteId, string Provider, string? Account);

    /// <summary>Which of an account's datasets, customers, pixels or locations the connection is for.</summary>
    public sealed record ChoiceOrder(string? Id);

    /// <summary>Providers, and the address to register with them.</summary>
    public sealed record ProviderList(IReadOnlyList<OAuthProviderInfo> Items, string? NextCursor, string RedirectUri);

    public static void MapOAuth(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/v1/oauth").WithTags("OAuth");
        group.MapPost("/connect", ConnectAsync);
        group.MapGet("/status", StatusAsync);
        group.MapGet("/providers", Providers);
        group.MapGet("/connections/{cid:guid}/accounts", AccountsAsync);
        group.MapPost("/connections/{cid:guid}/choose", ChooseAsync);
        group.MapPost("/connections/{cid:guid}/webhooks", MakeWebhooksAsync);
        group.MapPost("/connections/{cid:guid}/disconnect", DisconnectAsync);
    }

    /// <summary>Outside the API group: a provider sends a browser here, which has a cookie; a program may come with its token instead.</summary>
    public static void MapOAuthCallback(this IEndpointRouteBuilder routes) =>
        routes.MapGet(CallbackPath, CallbackAsync).AllowAnonymous().RequireRateLimiting(RateLimits.Management).WithTags("OAuth");

    /// <summary>This installation's callback, as it is registered with providers.</summary>
    /// <param name="configuration">The app's settings.</param>
    /// <param name="address">The address people reach the app at, when the operator set none.</param>
    internal static string RedirectUri(IConfiguration configuration, string address) =>
        (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : address).TrimEnd('/') + CallbackPath;

    internal static async Task<Results<Ok<OAuthStart>, ProblemHttpResult>> ConnectAsync(
        OAuthOrder order, HttpContext http, IConfiguration configuration, Caller caller, OAuthConsent consent, CancellationToken cancel) =>
        (await consent.ConnectAsync(caller, order, RedirectUri(configuration, AddressOf(http)), cancel)).Ok();

    internal static async Task<Results<Ok<Page<OAuthAccountStatus>>, ProblemHttpResult>> StatusAsync(
        Guid websiteId, Caller caller, OAuthConnections oauth, CancellationToken cancel) =>
        (await oauth.StatusAsync(caller, websiteId, cancel)).Whole();

    internal static Ok<ProviderList> Providers(HttpContext http, IConfiguration configuration, OAuthConnections oauth) =>
        TypedResults.Ok(new ProviderList(oauth.Providers(), null, RedirectUri(configuration, AddressOf(http))));

    internal static async Task<Results<Ok<OAuthChoices>, ProblemHttpResult>> AccountsAsync(
        Guid cid, Caller caller, OAuthAccounts accounts, CancellationToken cancel) =>
        (await accounts.ListAsync(caller, cid, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> ChooseAsync(
        Guid cid, ChoiceOrder choice, Caller caller, OAuthAccounts accounts, CancellationToken cancel) =>
        (await accounts.ChooseAsync(caller, cid, choice.Id, cancel)).NoContent();

    /// <summary>Makes the webhooks of a shop again: what is there stays, what is missing is made.</summary>
    internal static async Task<Results<Ok<Page<AppWebhook>>, ProblemHttpResult>> MakeWebhooksAsync(
        Guid cid, HttpContext http, IConfiguration configuration, Caller caller, ShopifyWebhooks webhooks, CancellationToken cancel) =>
        (await webhooks.MakeAsync(caller, cid, RedirectUri(configuration, AddressOf(http)), cancel)).Whole();

    internal static async Task<Results<Ok<OAuthDisconnected>, ProblemHttpResult>> DisconnectAsync(
        Guid cid, Caller caller, OAuthConnections oauth, CancellationToken cancel) =>
        (await oauth.DisconnectAsync(caller, cid, cancel)).Ok();

    /// <summary>Pages are led on to a page that tells how it ended; programs get it as JSON.</summary>
    internal static async Task<Results<Ok<OAuthConnected>, RedirectHttpResult, ProblemHttpResult>> CallbackAsync(
        HttpContext http, IConfiguration configuration, OAuthConsent consent, AccountService accounts, CancellationToken cancel)
    {
        var isPage = http.User.Identity?.IsAuthenticated == true;
        var principal = isPage ? http.User : (await http.AuthenticateAsync(ApiAuthentication.Scheme)).Principal;
        var caller = principal is null ? null : await CallerOfAsync(principal, http, accounts, cancel);
        if (caller is null)
            return WantsPage(http)
                ? TypedResults.LocalRedirect($"/account/login?returnUrl={Uri.EscapeDataString(http.Request.PathBase + http.Request.Path + http.Request.QueryString)}")
                : Problems.Of(StatusCodes.Status401Unauthorized, "unauthorized", "Sign in first: who began connecting must also finish it.");
        var query = http.Request.Query.Select(p => KeyValuePair.Create(p.Key, p.Value.ToString())).ToList();
        var end = await consent.CallbackAsync(caller, query, RedirectUri(configuration, AddressOf(http)), cancel);
        if (isPage)
            return TypedResults.LocalRedirect(PageOf(end));
        return end.Error is { } error ? Problems.From(error)
            : TypedResults.Ok(new OAuthConnected(end.ConnectionId!.Value, end.WebsiteId!.Value, end.Provider!, end.Account));
    }

    private static string PageOf(OAuthEnd end) => end switch
    {
        { WebsiteId: null } => $"/account/not-connected?reason={end.Error!.Code}",
        { Error: not null, ConnectionId: { } id } => $"/websites/{end.WebsiteId}/connections?open={id}&attempt={end.AttemptId}",
        { Error: not null } => $"/websites/{end.WebsiteId}/connections?attempt={end.AttemptId}",
        _ => $"/websites/{end.WebsiteId}/connections?open={end.ConnectionId}&connected={end.Provider}",
    };

    /// <summary>The same checks as for calls of the API: an account that is gone, or whose sign-ins were ended, is not signed in.</summary>
    private static async Task<Caller?> CallerOfAsync(ClaimsPrincipal principal, HttpContext http, AccountService accounts, CancellationToken cancel) =>
        Guid.TryParse(principal.FindFirstValue(ClaimTypes.NameIdentifier), out var userId)
            && await accounts.CallerOfAsync(userId, ApiAuthentication.IpOf(http), cancel, principal.FindFirstValue("AspNet.Identity.SecurityStamp") ?? "") is { } caller
            ? caller with { Session = principal.SessionOf() } : null;

    private static bool WantsPage(HttpContext http) => http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);

    private static string AddressOf(HttpContext http) => $"{http.Request.Scheme}://{http.Request.Host}{http.Request.PathBase}";
}
