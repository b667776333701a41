using System.Text.Json;
using System.Text.Json.Serialization;
using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Hosting;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>The management API: JSON in camelCase, enums as snake_case words, problem details, one caller per request.</summary>
public static class Api
{
    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json =>
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)));
        // always, not only in development: Problems tells the sender what could not be read
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.AddSingleton<OwnAddress>();
        services.AddProblemDetails();
        services.AddOpenApi(ApiDescription.NameCallers);
        return services;
    }

    /// <summary>All endpoints of the management API.</summary>
    public static void MapApi(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi().AllowAnonymous();
        routes.MapSignIn();
        routes.MapOAuthCallback();
        var api = routes.MapGroup("/api").RequireAuthorization(ApiAuthentication.AnyCaller).WithMetadata(new ApiAuthentication.NeedsCaller())
            .RequireRateLimiting(RateLimits.Management).DisableAntiforgery();
        api.MapWorkspaces();
        api.MapWebsites();
        api.MapConnections();
        api.MapFilterRules();
        api.MapBots();
        api.MapInboundWebhooks();
        api.MapBookings();
        api.MapPeople();
        api.MapLinks();
        api.MapMatches();
        api.MapConversions();
        api.MapOAuth();
        api.MapEvents();
        api.MapDeliveries();
        api.MapWebsiteHealth();
        api.MapVolume();
        api.MapMatchQuality();
        api.MapDuplicates();
        api.MapAlerts();
        api.MapSpend();
        api.MapLedger();
        api.MapAttribution();
        api.MapAnalytics();
        api.MapInstallCheck();
    }

    /// <summary>200 with the value, or the refusal.</summary>
    internal static Results<Ok<T>, ProblemHttpResult> Ok<T>(this Result<T> result) =>
        result.IsOk ? TypedResults.Ok(result.Value) : Problems.From(result.Error);

    /// <summary>204, or the refusal.</summary>
    internal static Results<NoContent, ProblemHttpResult> NoContent(this Result<Done> result) =>
        result.IsOk ? TypedResults.NoContent() : Problems.From(result.Error);

    /// <summary>201 with what was made, or the refusal.</summary>
    internal static Results<Created<TAnswer>, ProblemHttpResult> Created<T, TAnswer>(this Result<T> result, Func<T, TAnswer> answer, Func<T, string> location) =>
        result.IsOk ? TypedResults.Created(location(result.Value), answer(result.Value)) : Problems.From(result.Error);

    /// <summary>A list that comes whole, in the shape of all lists.</summary>
    internal static Results<Ok<Page<T>>, ProblemHttpResult> Whole<T>(this Result<IReadOnlyList<T>> result) =>
        result.IsOk ? TypedResults.Ok(new Page<T>(result.Value, null)) : Problems.From(result.Error);
}

/// <summary>An enum member in a query, by its word; anything else is a bad request.</summary>
public readonly record struct Word<T>(T Value) where T : struct, Enum
{
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1000", Justification = "The framework's binding looks for exactly this method.")]
    public static bool TryParse(string? text, out Word<T> word)
    {
        var value = EnumText.Parse<T>(text);
        word = new Word<T>(value.GetValueOrDefault());
        return value is not null;
    }
}
