using ClarityTracking.Core;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Bookings and other conversions as their senders tell them.</summary>
public static class BookingEndpoints
{
    private const string All = "all";

    public static void MapBookings(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/bookings").WithTags("Bookings");
        group.MapGet("", ListAsync);
        group.MapGet("/{bid:guid}", GetAsync);
        api.MapGet("/sales", SalesAsync).WithTags("Bookings");
    }

    /// <summary>Bookings; with <c>kind</c> conversions of another kind, with <c>kind=all</c> every one.</summary>
    internal static async Task<Results<Ok<Page<ConversionInfo>>, ProblemHttpResult>> ListAsync(Guid id, string? kind, Word<ConversionStatus>? status, string? source, DateTimeOffset? from,
        DateTimeOffset? to, Guid? cursor, int? limit, Caller caller, ConversionQueries conversions, CancellationToken cancel)
    {
        var known = Core.Data.EnumText.Parse<ConversionKind>(kind ?? "booking");
        if (known is null && kind != All)
            return Problems.From(Error.Invalid(new Core.Destinations.FieldError("kind", $"kind must be {All}, {string.Join(", ", Core.Data.EnumText.All<ConversionKind>())}.")));
        var filter = new ConversionFilter(known, status?.Value, source, from?.ToUniversalTime(), to?.ToUniversalTime());
        return (await conversions.ListAsync(caller, id, filter, cursor, limit ?? Page.DefaultLimit, cancel)).Ok();
    }

    internal static async Task<Results<Ok<ConversionInfo>, ProblemHttpResult>> GetAsync(Guid id, Guid bid, Caller caller, ConversionQueries conversions, CancellationToken cancel) =>
        (await conversions.GetAsync(caller, id, bid, cancel)).Ok();

    internal static async Task<Results<Ok<Page<ConversionInfo>>, ProblemHttpResult>> SalesAsync(Guid? websiteId, DateTimeOffset? from, DateTimeOffset? to, Guid? cursor, int? limit, Caller caller,
        ConversionQueries conversions, CancellationToken cancel) =>
        (await conversions.SalesAsync(caller, websiteId, new ConversionFilter(From: from?.ToUniversalTime(), To: to?.ToUniversalTime()), cursor, limit ?? Page.DefaultLimit, cancel)).Ok();
}
