using ClarityTracking.Core;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Where senders post their webhooks, and the log of what they posted.</summary>
public static class WebhookEndpoints
{
    /// <summary>Intake: no account, the path's token finds the connection and the signature proves the sender.</summary>
    public static void MapWebhookIntake(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").AllowAnonymous().RequireRateLimiting(RateLimits.Webhooks).DisableAntiforgery().WithTags("Webhooks");
        group.MapPost("/webhooks/{platform}/{token}", ReceiveAsync).WithName("ReceiveWebhook");
        group.MapPost("/webhook/shopify/order", ReceiveOfShopAsync).WithName("ReceiveShopifyOrder");
    }

    /// <summary>The log.</summary>
    public static void MapInboundWebhooks(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/inbound-webhooks").WithTags("Webhooks");
        group.MapGet("", ListAsync);
        group.MapGet("/{whid:guid}", GetAsync);
        group.MapGet("/failures", FailuresAsync);
        group.MapPost("/replay", ReplayFailedAsync);
        group.MapPost("/{whid:guid}/replay", ReplayAsync);
    }

    private static async Task<IResult> ReceiveAsync(string platform, string token, HttpContext http, SourceDirectory directory, InboundIntake intake, IConfiguration configuration,
        TimeProvider clock) =>
        await TakeInAsync(http, async request => await directory.FindAsync(platform, token, http.RequestAborted) is { } source
            ? await intake.TakeInAsync(source, request, CancellationToken.None) // a sender that hung up still said it
            : null, configuration, clock);

    /// <summary>One address for all shops: the domain header names the shop, the signature says which of those who claim it has its secret.</summary>
    private static async Task<IResult> ReceiveOfShopAsync(HttpContext http, SourceDirectory directory, InboundIntake intake, IConfiguration configuration, TimeProvider clock) =>
        await TakeInAsync(http, async request =>
        {
            var shop = request.Header("X-Shopify-Shop-Domain") ?? request.Header("shopify-shop-domain");
            var candidates = shop is null ? [] : await directory.OfShopAsync(shop, http.RequestAborted);
            var source = candidates.FirstOrDefault(c => intake.IsSignedFor(c, request)) ?? (candidates.Count == 1 ? candidates[0] : null);
            if (source is not null)
                return await intake.TakeInAsync(source, request, CancellationToken.None);
            return candidates.Count > 0 ? new InboundReceipt(Verdict.Mismatch) : null; // of several, whose log would it belong into?
        }, configuration, clock);

    private static async Task<IResult> TakeInAsync(HttpContext http, Func<InboundRequest, Task<InboundReceipt?>> takeInAsync, IConfiguration configuration, TimeProvider clock)
    {
        try
        {
            using var body = await RequestBody.ReadAsync(http.Request, InboundIntake.LargestBody, http.RequestAborted);
            if (body is null)
                return Problems.Of(413, "body_too_large", "The body is larger than 2 MiB.");
            var headers = http.Request.Headers.ToDictionary(h => h.Key, h => string.Join(",", h.Value.ToArray()), StringComparer.OrdinalIgnoreCase);
            var receipt = await takeInAsync(new InboundRequest(http.Request.Method, PublicUrlOf(http.Request, configuration), headers, body.Bytes, clock.GetUtcNow()));
            return receipt switch
            {
                null => Problems.Of(404, "unknown_webhook", "No connection has this address. Copy it again from the connection's page."),
                { Verdict.IsPing: true } => Results.Ok(),
                { Verdict.IsValid: false } => Problems.Of(401, receipt.Verdict.Reason, "The signature was not accepted."),
                { Error: { } error } => Results.Json(new { error, field = receipt.Field, code = "unprocessable_webhook" }, statusCode: 422),
                _ => Results.Ok(new { id = receipt.Id, duplicate = receipt.IsDuplicate }),
            };
        }
        catch (InvalidDataException)
        {
            return Problems.Of(400, "invalid_gzip", "The body is not valid gzip.");
        }
        catch (Exception error) when (error is NpgsqlException or TimeoutException)
        {
            http.Response.Headers.RetryAfter = "5";
            return Problems.Of(503, "unavailable", "The database is away. Nothing was stored; send the same webhook again.");
        }
    }

    /// <summary>The address as the sender knows it: behind a proxy, only the operator can say what that is.</summary>
    private static string PublicUrlOf(HttpRequest request, IConfiguration configuration) =>
        configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url.TrimEnd('/') + request.Path.ToUriComponent() + request.QueryString.ToUriComponent() : request.GetEncodedUrl();

    internal static async Task<Results<Ok<Page<InboundWebhook>>, ProblemHttpResult>> ListAsync(Guid id, Guid? connectionId, Word<InboundStatus>? status, DateTimeOffset? from,
        DateTimeOffset? to, Guid? cursor, int? limit, Caller caller, InboundQueries webhooks, CancellationToken cancel) =>
        (await webhooks.ListAsync(caller, id, new InboundFilter(connectionId, status?.Value, from?.ToUniversalTime(), to?.ToUniversalTime()), cursor, limit ?? Page.DefaultLimit, cancel, withPersonal: true)).Ok();

    internal static async Task<Results<Ok<Page<InboundFailure>>, ProblemHttpResult>> FailuresAsync(Guid id, DateTimeOffset? from, Caller caller, InboundFailures failures, CancellationToken cancel) =>
        (await failures.ListAsync(caller, id, from?.ToUniversalTime(), cancel)).Whole();

    internal static async Task<Results<Ok<InboundReplay>, ProblemHttpResult>> ReplayFailedAsync(Guid id, InboundReplayOrder? order, Caller caller, InboundFailures failures, CancellationToken cancel) =>
        (await failures.ReplayAsync(caller, id, order ?? new InboundReplayOrder(), cancel)).Ok();

    internal static async Task<Results<Ok<InboundWebhook>, ProblemHttpResult>> GetAsync(Guid id, Guid whid, Caller caller, InboundQueries webhooks, CancellationToken cancel) =>
        (await webhooks.GetAsync(caller, id, whid, cancel)).Ok();

    internal static async Task<Results<Ok<InboundWebhook>, ProblemHttpResult>> ReplayAsync(Guid id, Guid whid, Caller caller, InboundQueries webhooks, CancellationToken cancel) =>
        (await webhooks.ReplayAsync(caller, id, whid, cancel)).Ok();
}
