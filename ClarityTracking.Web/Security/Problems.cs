using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Web.Security;

/// <summary>
/// Errors of the API as problem details (RFC 9457) with a stable <c>code</c>: refusals of Core, bad requests the framework finds, empty
/// answers of authentication and routing, and what goes wrong. Pages have their own.
/// </summary>
public static class Problems
{
    private static readonly PathString[] ApiPaths = ["/api", "/event", "/webhooks", "/webhook", "/openapi", "/health"];

    /// <summary>Is this request for programs, not for people?</summary>
    public static bool IsApi(HttpContext http) => ApiPaths.Any(path => http.Request.Path.StartsWithSegments(path));

    /// <summary>A refusal of Core.</summary>
    public static ProblemHttpResult From(Error error) => Of(error.Kind switch
    {
        ErrorKind.NotFound => StatusCodes.Status404NotFound,
        ErrorKind.Forbidden => StatusCodes.Status403Forbidden,
        ErrorKind.Invalid => StatusCodes.Status422UnprocessableEntity,
        ErrorKind.Conflict => StatusCodes.Status409Conflict,
        ErrorKind.Unauthorized => StatusCodes.Status401Unauthorized,
    }, error.Code, error.Message, error.Fields.Count == 0 ? null : error.Fields.GroupBy(f => f.Field).ToDictionary(g => g.Key, g => g.Select(f => f.Message).ToArray()));

    /// <summary>A problem.</summary>
    /// <param name="status">HTTP status.</param>
    /// <param name="code">Stable word for programs.</param>
    /// <param name="detail">One sentence for people.</param>
    /// <param name="errors">Messages by field.</param>
    public static ProblemHttpResult Of(int status, string code, string detail, Dictionary<string, string[]>? errors = null)
    {
        var more = new Dictionary<string, object?> { ["code"] = code };
        if (errors is not null)
            more["errors"] = errors;
        return TypedResults.Problem(detail, statusCode: status, extensions: more);
    }

    /// <summary>Turns exceptions and empty error answers of API paths into problems.</summary>
    public static void UseApiProblems(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (!IsApi(http))
        {
            await next(http);
            return;
        }
        try
        {
            await next(http);
            if (http.Response is { StatusCode: >= 400, HasStarted: false, ContentLength: null, ContentType: null })
                await OfStatus(http.Response.StatusCode).ExecuteAsync(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // nobody waits for the answer
        }
        catch (Exception error) when (!http.Response.HasStarted)
        {
            await OfException(http, error).ExecuteAsync(http);
        }
    });

    private static ProblemHttpResult OfException(HttpContext http, Exception error)
    {
        if (error is BadHttpRequestException bad)
            return bad.StatusCode == StatusCodes.Status400BadRequest
                ? Of(400, bad.InnerException is JsonException ? "malformed_json" : "invalid_request", bad.InnerException is JsonException json ? json.Message : bad.Message)
                : OfStatus(bad.StatusCode);
        var database = error as NpgsqlException ?? (error as DbUpdateException)?.InnerException as NpgsqlException ?? error.InnerException as NpgsqlException;
        // class 22: a text or number the database cannot keep (NUL, out of range)
        if (database is PostgresException { SqlState: ['2', '2', ..] })
            return Of(400, "invalid_value", "A value cannot be stored: it holds a NUL character or is out of range.");
        var log = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Problems));
        // 55000: the database takes no connections for now
        if (database is not null and (not PostgresException or PostgresException { SqlState: ['5', '7', ..] or ['5', '3', ..] or ['0', '8', ..] or PostgresErrorCodes.ObjectNotInPrerequisiteState }))
        {
            log.LogWarning(database, "The database is away");
            http.Response.Headers.RetryAfter = 5.ToString(CultureInfo.InvariantCulture);
            return Of(503, "database_unavailable", "The database is away. Try again in some seconds.");
        }
        log.LogError(error, "A request failed");
        return Of(500, "internal_error", "Something went wrong on our side; it is in the log.");
    }

    private static ProblemHttpResult OfStatus(int status) => status switch
    {
        400 => Of(status, "invalid_request", "The request cannot be read."),
        401 => Of(status, "unauthorized", "Sign in: send 'Authorization: Bearer' with an access token or a secret key."),
        403 => Of(status, "forbidden", "Your role does not allow this."),
        404 => Of(status, "not_found", "There is nothing here."),
        405 => Of(status, "method_not_allowed", "This address does not take this method; see the Allow header."),
        408 => Of(status, "timeout", "The request took too long to arrive."),
        413 => Of(status, "body_too_large", "The body is too large."),
        415 => Of(status, "unsupported_media_type", "Send application/json."),
        429 => Of(status, "rate_limited", "Too many requests. Try again after the time in Retry-After."),
        431 => Of(status, "headers_too_large", "The headers are too large."),
        _ => Of(status, "error", "The request was not done."),
    };

    /// <summary>The answer to a request over its limit.</summary>
    public static async ValueTask RejectAsync(HttpContext http, TimeSpan? retryAfter, CancellationToken cancel)
    {
        http.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling((retryAfter ?? TimeSpan.FromSeconds(60)).TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        cancel.ThrowIfCancellationRequested();
        await OfStatus(StatusCodes.Status429TooManyRequests).ExecuteAsync(http);
    }
}
