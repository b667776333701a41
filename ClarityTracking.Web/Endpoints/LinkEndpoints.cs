using ClarityTracking.Core;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Campaign links: their management, and the redirect <c>/r/{slug}</c>.</summary>
public static class LinkEndpoints
{
    /// <summary>The redirect. HEAD is answered alike and counts nothing.</summary>
    public static void MapLinkRedirect(this IEndpointRouteBuilder routes) =>
        routes.MapMethods("/r/{slug}", ["GET", "HEAD"], FollowAsync).AllowAnonymous().RequireRateLimiting(RateLimits.Collect).WithTags("Links").WithName("FollowLink");

    public static void MapLinks(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/links").WithTags("Links");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync);
        group.MapGet("/{linkId:guid}", GetAsync);
        group.MapPatch("/{linkId:guid}", ChangeAsync);
        group.MapDelete("/{linkId:guid}", DeleteAsync);
        group.MapGet("/{linkId:guid}/qr", QrAsync);
    }

    private static async Task FollowAsync(string slug, HttpContext http, LinkDirectory links, LinkRedirect redirect, TimeProvider clock)
    {
        var link = await links.FindAsync(slug, http.RequestAborted);
        var now = clock.GetUtcNow();
        http.Response.Headers.CacheControl = "no-store"; // the next click must come here too
        if (link is null || link.IsDeleted || link.ExpiresAt <= now)
        {
            var (status, code, detail) = link is null ? (404, "unknown_link", "There is no such link.") : (410, "link_ended", "This link has ended.");
            await Problems.Of(status, code, detail).ExecuteAsync(http);
            return;
        }
        var (request, query) = (http.Request, http.Request.QueryString.HasValue ? http.Request.QueryString.Value![1..] : "");
        string? Header(string name) => request.Headers[name] is [{ Length: > 0 } value] ? value : null;
        var target = HttpMethods.IsHead(request.Method)
            ? LinkRedirect.WithCampaign(link, query)
            : await redirect.FollowAsync(link, new LinkVisit(query, ApiAuthentication.IpOf(http), Header("User-Agent"), Header("Referer"), Header("Sec-Purpose") ?? Header("Purpose") ?? Header("X-Moz"),
                Header("Sec-GPC") == "1" ? "gpc" : Header("DNT") == "1" ? "dnt" : null, now));
        http.Response.Headers.Location = target;
        http.Response.Headers["Referrer-Policy"] = "no-referrer-when-downgrade";
        http.Response.StatusCode = StatusCodes.Status302Found;
    }

    internal static async Task<Results<Ok<Page<LinkDetails>>, ProblemHttpResult>> ListAsync(Guid id, Caller caller, LinkService links, CancellationToken cancel, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await links.ListAsync(caller, id, cursor, limit, cancel)).Ok();

    internal static async Task<Results<Created<LinkDetails>, ProblemHttpResult>> CreateAsync(Guid id, LinkValues values, Caller caller, LinkService links, HttpContext http, CancellationToken cancel) =>
        (await links.CreateAsync(caller, id, values, cancel)).Created(link => link with { Url = Absolute(link.Url, http) }, link => $"/api/websites/{id}/links/{link.Id}");

    internal static async Task<Results<Ok<LinkDetails>, ProblemHttpResult>> GetAsync(Guid id, Guid linkId, Caller caller, LinkService links, CancellationToken cancel) =>
        (await links.GetAsync(caller, id, linkId, cancel)).Ok();

    internal static async Task<Results<Ok<LinkDetails>, ProblemHttpResult>> ChangeAsync(Guid id, Guid linkId, LinkValues values, Caller caller, LinkService links, CancellationToken cancel) =>
        (await links.ChangeAsync(caller, id, linkId, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(Guid id, Guid linkId, Caller caller, LinkService links, CancellationToken cancel) =>
        (await links.DeleteAsync(caller, id, linkId, cancel)).NoContent();

    /// <summary>The short address as a QR code: <c>format=svg</c> (default) or <c>png</c>.</summary>
    internal static async Task<IResult> QrAsync(Guid id, Guid linkId, Caller caller, LinkService links, HttpContext http, CancellationToken cancel, string format = "svg")
    {
        var link = await links.GetAsync(caller, id, linkId, cancel);
        if (!link.IsOk)
            return Problems.From(link.Error);
        if (format is not ("svg" or "png"))
            return Problems.From(Error.Invalid(new Core.Destinations.FieldError("format", "format must be svg or png.")));
        var url = Absolute(link.Value.Url, http);
        return format == "png" ? Results.File(LinkCode.Png(url), "image/png", $"{link.Value.Slug}.png") : Results.Text(LinkCode.Svg(url), "image/svg+xml");
    }

    private static string Absolute(string url, HttpContext http) => url.StartsWith('/') ? $"{http.Request.Scheme}://{http.Request.Host}{url}" : url;
}
