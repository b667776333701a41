using ClarityTracking.Core;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Websites and their keys.</summary>
public static class WebsiteEndpoints
{
    /// <summary>A new website.</summary>
    public sealed record NewWebsiteRequest(Guid? WorkspaceId, string? Name, string? Domain, string? Currency, string? TimeZone, string? DefaultCountry, bool? PrivacyMode);

    /// <summary>A new website with its keys; the secret one is shown this once.</summary>
    public sealed record NewWebsiteAnswer(Guid Id, Guid WorkspaceId, string Name, string Domain, string Currency, string TimeZone, string? DefaultCountry,
        bool PrivacyMode, string ScriptAlias, string PublishableKey, string SecretKey, DateTimeOffset CreatedAt);

    /// <summary>A new key.</summary>
    public sealed record NewKey(ApiKeyKind? Kind, bool? IsTest, string? Name);

    public static void MapWebsites(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites").WithTags("Websites");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync);
        group.MapGet("/{id:guid}", GetAsync);
        group.MapPatch("/{id:guid}", ChangeAsync);
        group.MapDelete("/{id:guid}", DeleteAsync);
        group.MapGet("/{id:guid}/keys", KeysAsync);
        group.MapPost("/{id:guid}/keys", CreateKeyAsync);
        group.MapDelete("/{id:guid}/keys/{keyId:guid}", RevokeKeyAsync);
    }

    internal static async Task<Ok<Page<WebsiteInfo>>> ListAsync(Caller caller, WebsiteService websites, CancellationToken cancel, Guid? workspaceId = null) =>
        TypedResults.Ok(new Page<WebsiteInfo>(await websites.ListAsync(caller, workspaceId, cancel), null));

    internal static async Task<Results<Created<NewWebsiteAnswer>, ProblemHttpResult>> CreateAsync(
        NewWebsiteRequest request, Caller caller, WebsiteService websites, CancellationToken cancel)
    {
        var values = new WebsiteValues(request.Name, request.Domain, request.Currency, request.TimeZone, request.DefaultCountry, request.PrivacyMode);
        return (await websites.CreateAsync(caller, request.WorkspaceId, values, cancel)).Created(
            made => new NewWebsiteAnswer(made.Website.Id, made.Website.WorkspaceId, made.Website.Name, made.Website.Domain, made.Website.Currency,
                made.Website.TimeZone, made.Website.DefaultCountry, made.Website.PrivacyMode, made.Website.ScriptAlias, made.Website.PublishableKey!, made.SecretKey, made.Website.CreatedAt),
            made => $"/api/websites/{made.Website.Id}");
    }

    internal static async Task<Results<Ok<WebsiteInfo>, ProblemHttpResult>> GetAsync(Guid id, Caller caller, WebsiteService websites, CancellationToken cancel) =>
        (await websites.GetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<WebsiteInfo>, ProblemHttpResult>> ChangeAsync(
        Guid id, WebsiteValues values, Caller caller, WebsiteService websites, CancellationToken cancel) =>
        (await websites.ChangeAsync(caller, id, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(Guid id, Caller caller, WebsiteService websites, CancellationToken cancel) =>
        (await websites.DeleteAsync(caller, id, cancel)).NoContent();

    internal static async Task<Results<Ok<Page<ApiKeyInfo>>, ProblemHttpResult>> KeysAsync(Guid id, Caller caller, ApiKeyService keys, CancellationToken cancel) =>
        (await keys.ListAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<ApiKeyInfo>, ProblemHttpResult>> CreateKeyAsync(
        Guid id, NewKey key, Caller caller, ApiKeyService keys, CancellationToken cancel) =>
        key.Kind is { } kind
            ? (await keys.CreateAsync(caller, id, kind, key.IsTest ?? false, key.Name, cancel)).Created(k => k, k => $"/api/websites/{id}/keys/{k.Id}")
            : Problems.From(Error.Invalid(new FieldError("kind", "kind is missing; it is publishable or secret.")));

    internal static async Task<Results<NoContent, ProblemHttpResult>> RevokeKeyAsync(
        Guid id, Guid keyId, Caller caller, ApiKeyService keys, CancellationToken cancel) =>
        (await keys.RevokeAsync(caller, id, keyId, cancel)).NoContent();
}
