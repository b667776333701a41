using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Web.Security;

/// <summary>Requests per minute; settings <c>Clarity:RateLimits</c>. 0 = no limit.</summary>
public sealed class RateLimitOptions
{
    /// <summary>Register, login and refresh, per address; the forms of pages the same, counted apart.</summary>
    [Range(0, 1_000_000)]
    public int AuthPerMinute { get; set; } = 60;

    /// <summary>Management API, per caller (token or key).</summary>
    [Range(0, 1_000_000)]
    public int ManagementPerMinute { get; set; } = 600;

    /// <summary>Management API, per address: so that made-up tokens do not each bring a fresh limit.</summary>
    [Range(0, 1_000_000)]
    public int ManagementPerMinutePerAddress { get; set; } = 3000;

    /// <summary>Intake, per address. Many visitors may share one (offices, mobile carriers).</summary>
    [Range(0, 1_000_000)]
    public int CollectPerMinute { get; set; } = 6000;

    /// <summary>Webhooks, per connection.</summary>
    [Range(0, 1_000_000)]
    public int WebhooksPerMinute { get; set; } = 12_000;

    /// <summary>Webhooks, per address; large senders have few of them.</summary>
    [Range(0, 10_000_000)]
    public int WebhooksPerMinutePerAddress { get; set; } = 120_000;

    /// <summary>Intake, per key that a header or the query names: 2,000 requests a second of one website.</summary>
    [Range(0, 100_000_000)]
    public int CollectPerMinutePerKey { get; set; } = 120_000;
}

/// <summary>The limits by name; endpoints choose one with <c>RequireRateLimiting</c>.</summary>
public static class RateLimits
{
    /// <summary>Register, login and refresh.</summary>
    public const string Auth = "auth";

    /// <summary>The management API.</summary>
    public const string Management = "management";

    /// <summary>
    /// Intake and other calls that browsers of any site make. Loopback without a forwarded address is exempt: that is the operator's own
    /// machine, or a reverse proxy on it that does not say for whom it asks.
    /// </summary>
    public const string Collect = "collect";

    /// <summary>Webhooks of senders, per address path: senders of many tenants share a few addresses, and a path is one tenant's.</summary>
    public const string Webhooks = "webhooks";

    public static IServiceCollection AddRateLimits(this IServiceCollection services)
    {
        services.AddOptions<RateLimitOptions>().BindConfiguration("Clarity:RateLimits").ValidateDataAnnotations().ValidateOnStart();
        return services.AddRateLimiter(limiter =>
        {
            limiter.OnRejected = (rejected, cancel) => Problems.RejectAsync(rejected.HttpContext,
                rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var retryAfter) ? retryAfter : null, cancel);
            limiter.AddPolicy(Auth, http => PerMinute(AddressOf(http), Options(http).AuthPerMinute));
            limiter.AddPolicy(Management, http => PerMinute(CallerOf(http), Options(http).ManagementPerMinute));
            limiter.AddPolicy(Collect, http => IsLoopback(http) ? RateLimitPartition.GetNoLimiter("") : PerMinute(AddressOf(http), Options(http).CollectPerMinute));
            limiter.AddPolicy(Webhooks, http => PerMinute(PathOf(http.Request), Options(http).WebhooksPerMinute));
            // an endpoint names one limit; what else holds for it stands here
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http =>
                http.GetEndpoint()?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName switch
                {
                    Management => PerMinute(AddressOf(http), Options(http).ManagementPerMinutePerAddress),
                    Collect when !IsLoopback(http) && IntakeKeyOf(http.Request) is { } key => PerMinute(key, Options(http).CollectPerMinutePerKey),
                    Webhooks when !IsLoopback(http) => PerMinute("webhooks " + AddressOf(http), Options(http).WebhooksPerMinutePerAddress), // made-up paths must not each bring a fresh limit
                    // pages have no policy of their own, but guessing passwords in a form is guessing passwords
                    null when HttpMethods.IsPost(http.Request.Method) && http.Request.Path.StartsWithSegments("/account") =>
                        PerMinute("form " + AddressOf(http), Options(http).AuthPerMinute),
                    _ => RateLimitPartition.GetNoLimiter(""),
                });
        });
    }

    private static bool IsLoopback(HttpContext http) => http.Connection.RemoteIpAddress is { } ip && IPAddress.IsLoopback(ip);

    /// <summary>The key of an intake request; null when it stands in the body, which is not read here. Longer ones are no keys of ours.</summary>
    private static string? IntakeKeyOf(HttpRequest request) =>
        request.Headers["X-API-Key"] is [{ Length: > 0 and <= 100 } header] ? header : request.Query["key"] is [{ Length: > 0 and <= 100 } query] ? query : null;

    /// <summary>The address, an IPv6 one by its /64: a household has a whole one.</summary>
    private static string AddressOf(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is not { } ip)
            return "unknown";
        if (ip.IsIPv4MappedToIPv6)
            ip = ip.MapToIPv4();
        var bytes = ip.GetAddressBytes();
        return bytes.Length == 16 ? Convert.ToHexString(bytes, 0, 8) : ip.ToString();
    }

    /// <summary>The token or key, hashed so that the limiter's memory holds none; the address when there is none.</summary>
    private static string CallerOf(HttpContext http) =>
        (ApiAuthentication.KeyOf(http.Request) ?? http.Request.Headers.Authorization.ToString()) is { Length: > 0 } secret
            ? Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(secret))) : AddressOf(http);

    /// <summary>The path, hashed: it holds a webhook address's token.</summary>
    private static string PathOf(HttpRequest request) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(request.Path.Value ?? "")));

    private static RateLimitOptions Options(HttpContext http) => http.RequestServices.GetRequiredService<IOptions<RateLimitOptions>>().Value;

    private static RateLimitPartition<string> PerMinute(string who, int limit) => limit == 0
        ? RateLimitPartition.GetNoLimiter(who)
        : RateLimitPartition.GetSlidingWindowLimiter(who, _ => new SlidingWindowRateLimiterOptions
        {
            PermitLimit = limit,
            Window = TimeSpan.FromMinutes(1),
            SegmentsPerWindow = 6,
        });
}
