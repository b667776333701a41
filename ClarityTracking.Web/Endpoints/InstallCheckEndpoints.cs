using ClarityTracking.Core.Health.InstallCheck;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Checks of a website's page: is the snippet there, is its key right, what keeps it out.</summary>
public static class InstallCheckEndpoints
{
    /// <summary>A path or an address of the website's domain; null = its first page.</summary>
    public sealed record CheckedPage(string? Url);

    public static void MapInstallCheck(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/install-check").WithTags("Websites");
        group.MapGet("", GetAsync);
        group.MapPost("", StartAsync);
    }

    internal static async Task<Results<Ok<InstallCheckState>, ProblemHttpResult>> GetAsync(Guid id, Caller caller, InstallChecks checks, CancellationToken cancel) =>
        (await checks.GetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Accepted<InstallCheck>, ProblemHttpResult>> StartAsync(
        Guid id, CheckedPage? page, Caller caller, InstallChecks checks, CancellationToken cancel)
    {
        var started = await checks.StartAsync(caller, id, page?.Url, cancel);
        return started.IsOk ? TypedResults.Accepted($"/api/websites/{id}/install-check", started.Value) : Problems.From(started.Error);
    }
}
