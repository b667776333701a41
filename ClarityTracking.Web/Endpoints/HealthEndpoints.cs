using ClarityTracking.Core;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Health of the installation, and of a website.</summary>
public static class HealthEndpoints
{
    /// <summary>For load balancers and people: no account needed, no tenant's data.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/health").AllowAnonymous().RequireRateLimiting(RateLimits.Collect).WithTags("Health");
        group.MapGet("", StateAsync);
        group.MapGet("/ready", StateAsync);
        // Alive means the process answers; a database that is away is no reason to kill it.
        group.MapGet("/live", () => TypedResults.Ok(new Live("healthy")));
    }

    /// <summary>The process answers.</summary>
    public sealed record Live(string Status);

    public static void MapWebsiteHealth(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}").WithTags("Health");
        group.MapGet("/health", WebsiteAsync);
    }

    internal static async Task<JsonHttpResult<InstallationState>> StateAsync(InstallationHealth health, CancellationToken cancel)
    {
        var state = await health.GetAsync(cancel);
        return TypedResults.Json(state, statusCode: state.IsHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    internal static async Task<Results<Ok<WebsiteHealth>, ProblemHttpResult>> WebsiteAsync(
        Guid id, Caller caller, WebsiteHealthQueries health, CancellationToken cancel) =>
        (await health.GetAsync(caller, id, cancel)).Ok();
}
