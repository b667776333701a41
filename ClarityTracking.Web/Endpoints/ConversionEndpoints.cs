using System.Text.Json;
using System.Text.Json.Serialization;
using ClarityTracking.Core;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Npgsql;

namespace ClarityTracking.Web.Endpoints;

/// <summary>The conversions API: what clicks of campaign links led to. snake_case like all intake.</summary>
public static class ConversionEndpoints
{
    private static readonly JsonSerializerOptions SnakeCase = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Recording: pages post from any site, with the website's key or none.</summary>
    public static void MapConversionIntake(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/conversions", RecordAsync).AllowAnonymous().RequireCors(Cors.AnySite).RequireRateLimiting(RateLimits.Collect).DisableAntiforgery()
            .WithTags("Conversions").WithName("RecordConversion")
            .WithSummary("Records what a click led to.")
            .WithDescription("event_data.event_id or event_data.order_id makes a repetition harmless: it answers the conversion that was recorded, with duplicate: true. "
                + "Without either, sending again records another conversion. After 422 and 503 no conversion is recorded.");

    /// <summary>Reading, for who owns the website.</summary>
    public static void MapConversions(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/conversions").WithTags("Conversions");
        group.MapGet("/attribution/{trackingId}", async (string trackingId, Caller caller, LinkConversions conversions, CancellationToken cancel) =>
            Answer(await conversions.AttributionAsync(caller, trackingId, cancel)));
        group.MapGet("/funnel/{linkId:guid}", async (Guid linkId, Caller caller, LinkConversions conversions, CancellationToken cancel) =>
            Answer(await conversions.FunnelAsync(caller, linkId, cancel)));
        group.MapGet("/types/{linkId:guid}", async (Guid linkId, Caller caller, LinkConversions conversions, CancellationToken cancel) =>
            await conversions.TypesAsync(caller, linkId, cancel) is { IsOk: true } types ? Results.Json(new { items = types.Value }, SnakeCase) : Problems.From(Error.NotFound("campaign link")));
        group.MapPost("/cleanup", async (Caller caller, RecordedConversions conversions, CancellationToken cancel) => Answer(await conversions.CleanupAsync(caller, cancel)));
    }

    private static IResult Answer<T>(Result<T> result) => result.IsOk ? Results.Json(result.Value, SnakeCase) : Problems.From(result.Error);

    private static async Task<IResult> RecordAsync(HttpContext http, RecordedConversions conversions, KeyDirectory keys)
    {
        try
        {
            using var body = await RequestBody.ReadAsync(http.Request, 64 * 1024, http.RequestAborted);
            if (body is null)
                return Problems.Of(413, "body_too_large", "The body is larger than 64 KiB.");
            ConversionOrder? order;
            try
            {
                ReadTexts(body.Bytes.Span);
                order = JsonSerializer.Deserialize<ConversionOrder>(body.Bytes.Span, SnakeCase);
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                return Problems.Of(400, "invalid_json", "The body is not the JSON of a conversion: tracking_id and campaign_link_id are texts, no field comes twice, and no text holds half of a surrogate pair.");
            }
            if (order is null)
                return Problems.Of(400, "wrong_type", "The body must be a JSON object.");
            var key = http.Request.Headers["X-API-Key"] is [{ Length: > 0 } header] ? header
                : http.Request.Headers.Authorization is [{ } bearer] && bearer.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? bearer[7..].Trim()
                : http.Request.Query["key"] is [{ Length: > 0 } query] ? query : null;
            var owner = key is null ? null : await keys.FindAsync(key);
            if (key is not null && owner is null)
                return Problems.Of(401, "unknown_key", "This key does not exist or was revoked.");
            var headers = http.Request.Headers;
            var signal = headers["Sec-GPC"] == "1" ? "gpc" : headers["DNT"] == "1" ? "dnt" : null;
            var recorded = await conversions.RecordAsync(order, owner, signal, http.RequestAborted);
            return recorded.IsOk ? Results.Json(recorded.Value, SnakeCase, statusCode: 201) : Problems.From(recorded.Error);
        }
        catch (InvalidDataException)
        {
            return Problems.Of(400, "invalid_gzip", "The body is not valid gzip.");
        }
        catch (Exception error) when (error is IntakeUnavailableException or NpgsqlException or TimeoutException)
        {
            http.Response.Headers.RetryAfter = "5";
            return Problems.Of(503, "unavailable", "No conversion was recorded; send the same one again.");
        }
    }

    /// <summary>Reads every text once, since the parser checks escapes only then.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    /// <exception cref="InvalidOperationException">A text that is not Unicode.</exception>
    private static void ReadTexts(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                reader.GetString();
    }
}
