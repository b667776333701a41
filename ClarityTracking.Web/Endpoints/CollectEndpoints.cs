using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.InstallCheck;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Collect;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Npgsql;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// Intake: <c>POST /api/v1/collect</c> for pages and servers, <c>…/collect/optimized</c> for senders of action logs,
/// <c>POST /event/track</c> for servers. Plain request delegates, because this is the hot path: no model binding, one buffer in, one out.
/// </summary>
public static class CollectEndpoints
{
    /// <summary>Header that tells integrators in the network tab why a request was refused.</summary>
    public const string RefusalHeader = "X-Clarity-Refusal";

    public static IEndpointRouteBuilder MapCollect(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").AllowAnonymous().RequireCors(Cors.AnySite).RequireRateLimiting(RateLimits.Collect).DisableAntiforgery();
        group.MapPost("/api/v1/collect", http => CollectAsync(http, Collect)).WithName("Collect");
        group.MapGet("/api/v1/collect", CollectImageAsync).WithName("CollectImage");
        group.MapPost("/api/v1/collect/optimized", http => CollectAsync(http, Optimized)).WithName("CollectOptimized");
        group.MapPost("/event/track", http => CollectAsync(http, Track)).WithName("Track");
        group.MapGet("/api/v1/collect/health", (EventWriter writer) => writer.IsDatabaseAway
            ? Results.Json(new { status = "unavailable", service = "collect" }, statusCode: 503)
            : Results.Ok(new { status = "healthy", service = "collect" }));
        return routes;
    }

    /// <summary>How the endpoints differ: the body they read, the keys they take, the answer they give.</summary>
    private sealed record Intake(Func<ReadOnlyMemory<byte>, (CollectRequest? Request, RequestRefusal? Refusal)> Parse, bool SecretOnly,
        Func<HttpContext, IngestResult, Task> AnswerAsync);

    private static readonly Intake Collect = new(body => CollectRequest.Parse(body), SecretOnly: false, AnswerAsync);
    private static readonly Intake Image = new(body => CollectRequest.Parse(body), SecretOnly: false, AnswerImageAsync);
    private static readonly Intake Optimized = new(OptimizedRequest.Parse, SecretOnly: false, AnswerOptimizedAsync);
    private static readonly Intake Track = new(body => CollectRequest.Parse(body, allowSingle: true), SecretOnly: true, AnswerAsync);

    /// <summary>The last resort of a page whose content security policy lets images through and nothing else: the body is in the query.</summary>
    private static Task CollectImageAsync(HttpContext http)
    {
        http.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(http.Request.Query["body"].ToString()));
        return CollectAsync(http, Image);
    }

    private static async Task CollectAsync(HttpContext http, Intake intake)
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
            var (request, refusal) = intake.Parse(body.Bytes);
            using (request)
                await (refusal is null ? TakeInAsync(http, request!, intake) : RefuseAsync(http, refusal));
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

    private static async Task TakeInAsync(HttpContext http, CollectRequest request, Intake intake)
    {
        var services = http.RequestServices;
        try
        {
            var owner = await services.GetRequiredService<KeyDirectory>().FindAsync(KeyOf(http.Request) ?? request.ApiKey);
            if (owner is null || (intake.SecretOnly && owner.Kind != ApiKeyKind.Secret))
            {
                if (owner is null)
                    services.GetRequiredService<IntakeNotes>().Refused(KeyOf(http.Request) ?? request.ApiKey, ArrivalWays.HostOf(http.Request.Headers.Origin) ?? ArrivalWays.HostOf(http.Request.Headers.Referer));
                await RefuseAsync(http, new RequestRefusal("unknown_key", intake.SecretOnly
                    ? "A working secret key (sk_…) is needed."
                    : "The API key is missing, unknown or revoked. Copy it from the Install page.", 401));
                return;
            }
            var context = ContextOf(http, owner, request, services.GetRequiredService<TimeProvider>().GetUtcNow());
            var result = await services.GetRequiredService<IngestPipeline>().TakeInAsync(request.Events, context);
            await intake.AnswerAsync(http, result);
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
        // what our own check of a page causes counts nowhere; who else takes its name only spoils events of his own
        var isCheck = headers.UserAgent.ToString().Contains(PageSight.Agent, StringComparison.Ordinal);
        return new IngestContext
        {
            Owner = isCheck ? owner with { IsTest = true } : owner,
            Source = owner.Kind == ApiKeyKind.Secret ? EventSource.Server : EventSource.Browser,
            ReceivedAt = now,
            SentAt = request.SentAt,
            Ip = http.Connection.RemoteIpAddress is { } ip ? (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString() : null,
            UserAgent = headers.UserAgent is [{ Length: > 0 and <= 2000 } agent] ? agent : null,
            Purpose = headers["Sec-Purpose"] is [{ } purpose] ? purpose : headers["Purpose"],
            PrivacySignal = headers["Sec-GPC"] == "1" ? "gpc" : headers["DNT"] == "1" ? "dnt" : null,
            Way = owner.Kind == ApiKeyKind.Secret ? null : ArrivalWays.Of(http),
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
            WriteRejected(writer, result);
            writer.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync();
    }

    /// <summary>The answer older senders know, after the commit. A request of which nothing was taken is no success.</summary>
    private static Task AnswerOptimizedAsync(HttpContext http, IngestResult result)
    {
        if (result is { Accepted: 0, Rejected: [var first, ..] })
            return RefuseAsync(http, new RequestRefusal("no_event_taken", $"No action was taken. The first one: {first.Drop.Detail}", 422));
        http.Response.ContentType = "application/json";
        using (var writer = new Utf8JsonWriter(http.Response.BodyWriter))
        {
            writer.WriteStartObject();
            writer.WriteString("status"u8, "success"u8);
            writer.WriteNumber("events_processed"u8, result.Accepted);
            if (result.Rejected.Count > 0)
                WriteRejected(writer, result);
            writer.WriteEndObject();
        }
        return http.Response.BodyWriter.FlushAsync().AsTask();
    }

    private static void WriteRejected(Utf8JsonWriter writer, IngestResult result)
    {
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
    }

    /// <summary>A transparent pixel, so that the page hears that the events were taken in.</summary>
    private static async Task AnswerImageAsync(HttpContext http, IngestResult result)
    {
        http.Response.ContentType = "image/gif";
        http.Response.Headers.CacheControl = "no-store";
        await http.Response.Body.WriteAsync(Pixel);
    }

    private static readonly byte[] Pixel = Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");

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
