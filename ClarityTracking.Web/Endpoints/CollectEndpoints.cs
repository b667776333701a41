using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Collect;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Npgsql;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// Intake: <c>POST /api/v1/collect</c> for pages and servers, <c>POST /event/track</c> for servers. Plain request delegates, because
/// this is the hot path: no model binding, one buffer in, one out.
/// </summary>
public static class CollectEndpoints
{
    /// <summary>Header that tells integrators in the network tab why a request was refused.</summary>
    public const string RefusalHeader = "X-Clarity-Refusal";

    public static IEndpointRouteBuilder MapCollect(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").AllowAnonymous().RequireCors(Cors.AnySite).RequireRateLimiting(RateLimits.Collect).DisableAntiforgery();
        group.MapPost("/api/v1/collect", http => CollectAsync(http, secretOnly: false)).WithName("Collect");
        group.MapPost("/event/track", http => CollectAsync(http, secretOnly: true)).WithName("Track");
        group.MapGet("/api/v1/collect/health", (EventWriter writer) => writer.IsDatabaseAway
            ? Results.Json(new { status = "unavailable", service = "collect" }, statusCode: 503)
            : Results.Ok(new { status = "healthy", service = "collect" }));
        return routes;
    }

    private static async Task CollectAsync(HttpContext http, bool secretOnly)
    {
        if (UnreadableAs(http.Request) is { } unreadable)
        {
            await RefuseAsync(http, unreadable);
            return;
        }
        try
        {
            using var body = await RequestBody.ReadAsync(http.Request, CollectRequest.LargestBody, http.RequestAborted);
            if (body is null)
            {
                await RefuseAsync(http, new RequestRefusal("body_too_large", "The body is larger than 1 MiB. Send several requests.", 413));
                return;
            }
            var (request, refusal) = CollectRequest.Parse(body.Bytes, allowSingle: secretOnly);
            using (request)
                await (refusal is null ? TakeInAsync(http, request!, secretOnly) : RefuseAsync(http, refusal));
        }
        catch (InvalidDataException)
        {
            await RefuseAsync(http, new RequestRefusal("invalid_gzip", "The body is not valid gzip.", 400));
        }
        catch (BadHttpRequestException error)
        {
            await RefuseAsync(http, new RequestRefusal("bad_request", error.Message, error.StatusCode));
        }
    }

    private static async Task TakeInAsync(HttpContext http, CollectRequest request, bool secretOnly)
    {
        var services = http.RequestServices;
        try
        {
            var owner = await services.GetRequiredService<KeyDirectory>().FindAsync(KeyOf(http.Request) ?? request.ApiKey);
            if (owner is null || (secretOnly && owner.Kind != ApiKeyKind.Secret))
            {
                await RefuseAsync(http, new RequestRefusal("unknown_key", secretOnly
                    ? "A working secret key (sk_…) is needed."
                    : "The API key is missing, unknown or revoked. Copy it from the Install page.", 401));
                return;
            }
            var context = ContextOf(http, owner, request, services.GetRequiredService<TimeProvider>().GetUtcNow());
            var result = await services.GetRequiredService<IngestPipeline>().TakeInAsync(request.Events, context);
            await AnswerAsync(http, result);
        }
        catch (IntakeUnavailableException error)
        {
            await UnavailableAsync(http, error.Message, error.RetryAfter);
        }
        catch (NpgsqlException)
        {
            await UnavailableAsync(http, "The database is away.", TimeSpan.FromSeconds(5));
        }
    }

    private static RequestRefusal? UnreadableAs(HttpRequest request)
    {
        var type = request.ContentType.AsSpan();
        var end = type.IndexOf(';');
        type = (end < 0 ? type : type[..end]).Trim();
        if (type.Length > 0 && !type.Equals("application/json", StringComparison.OrdinalIgnoreCase) && !type.Equals("text/plain", StringComparison.OrdinalIgnoreCase))
            return new RequestRefusal("unsupported_media_type", "Send application/json, or text/plain that holds JSON.", 415);
        return request.Headers.ContentEncoding.Count == 0 || request.Headers.ContentEncoding == "gzip" || request.Headers.ContentEncoding == "identity"
            ? null
            : new RequestRefusal("unsupported_encoding", "Send the body plain or as gzip.", 415);
    }

    private static string? KeyOf(HttpRequest request)
    {
        if (request.Headers["X-API-Key"] is [{ Length: > 0 } header])
            return header;
        if (request.Headers.Authorization is [{ } authorization] && authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return authorization[7..].Trim();
        return request.Query["key"] is [{ Length: > 0 } query] ? query : null;
    }

    private static IngestContext ContextOf(HttpContext http, KeyOwner owner, CollectRequest request, DateTimeOffset now)
    {
        var headers = http.Request.Headers;
        return new IngestContext
        {
            Owner = owner,
            Source = owner.Kind == ApiKeyKind.Secret ? EventSource.Server : EventSource.Browser,
            ReceivedAt = now,
            SentAt = request.SentAt,
            Ip = http.Connection.RemoteIpAddress is { } ip ? (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString() : null,
            UserAgent = headers.UserAgent is [{ Length: > 0 and <= 2000 } agent] ? agent : null,
            Purpose = headers["Sec-Purpose"] is [{ } purpose] ? purpose : headers["Purpose"],
            PrivacySignal = headers["Sec-GPC"] == "1" ? "gpc" : headers["DNT"] == "1" ? "dnt" : null,
        };
    }

    private static async Task AnswerAsync(HttpContext http, IngestResult result)
    {
        http.Response.StatusCode = StatusCodes.Status202Accepted;
        http.Response.ContentType = "application/json";
        using (var writer = new Utf8JsonWriter(http.Response.BodyWriter))
        {
            writer.WriteStartObject();
            writer.WriteNumber("accepted"u8, result.Accepted);
            writer.WriteNumber("duplicates"u8, result.Duplicates);
            writer.WriteStartArray("rejected"u8);
            foreach (var (index, drop) in result.Rejected)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index"u8, index);
                writer.WriteString("code"u8, drop.Reason.Word());
                writer.WriteString("reason"u8, drop.Detail);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync();
    }

    private static Task UnavailableAsync(HttpContext http, string detail, TimeSpan retryAfter)
    {
        http.Response.Headers.RetryAfter = ((int)retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return RefuseAsync(http, new RequestRefusal("unavailable", detail + " Nothing was stored; send the same request again.", 503));
    }

    private static Task RefuseAsync(HttpContext http, RequestRefusal refusal)
    {
        if (http.RequestAborted.IsCancellationRequested)
            return Task.CompletedTask;
        http.Response.Headers[RefusalHeader] = refusal.Code;
        return Results.Problem(refusal.Detail, statusCode: refusal.Status, title: refusal.Code.Replace('_', ' '),
            extensions: [new("code", refusal.Code)]).ExecuteAsync(http);
    }
}
