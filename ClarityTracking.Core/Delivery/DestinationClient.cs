using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Delivery;

/// <summary>What came back from one HTTP call.</summary>
/// <param name="HttpStatus">Null when no answer came (refused, reset, timed out).</param>
/// <param name="Body">The answer's first 4 MiB (a list with one entry per event is long), or the network error in words; secrets of the request masked, since platforms quote them.</param>
/// <param name="Duration">Until the answer was read.</param>
/// <param name="RetryAfter">The platform's wish, from <c>Retry-After</c> as seconds or date.</param>
public sealed record CallResult(int? HttpStatus, string Body, TimeSpan Duration, TimeSpan? RetryAfter)
{
    /// <summary>What the answer's headers tell of further pages (<c>Link</c>, <c>X-WP-TotalPages</c>), by name; the rest of the headers is not kept.</summary>
    public IReadOnlyDictionary<string, string> Paging { get; init; } = new Dictionary<string, string>();
}

/// <summary>Sends the requests that destinations build. The only part of delivery that touches the network.</summary>
public sealed class DestinationClient(IHttpClientFactory clients, IConfiguration configuration, TimeProvider clock)
{
    /// <summary>Name of the HTTP client in the factory.</summary>
    public const string ClientName = "destinations";

    /// <summary>Name of the client for addresses that users chose: follows no redirects and stays out of private networks.</summary>
    public const string UserAddressClientName = "user-addresses";

    private static readonly string[] PagingHeaders = ["Link", "X-WP-TotalPages"];

    private const int LongestBody = 4 * 1024 * 1024, FirstBuffer = 16 * 1024;

    /// <summary>Time limit of a call with its answer; the HTTP client's own ends when the answer begins.</summary>
    internal TimeSpan TimeLimit { get; init; } = DeliveryLane.LongestCall;

    /// <summary>The operator's base address of a platform (<c>Destinations:{Platform}:BaseUrl</c>) or its own.</summary>
    public Uri BaseUrl(DestinationInfo info)
    {
        var section = string.Concat(info.Platform.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        return configuration[$"Destinations:{section}:BaseUrl"] is { Length: > 0 } url ? new Uri(url) : info.DefaultBaseUrl;
    }

    /// <summary>Sends one request. Network failures are a result, not an exception; only <paramref name="cancel"/> throws.</summary>
    public async Task<CallResult> SendAsync(DestinationRequest request, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeLimit);
        using var message = new HttpRequestMessage(request.Method, request.Url);
        if (request.Body.Length > 0 || request.Method == HttpMethod.Post)
            message.Content = new ByteArrayContent(request.Body) { Headers = { ContentType = new MediaTypeHeaderValue(request.ContentType) } };
        foreach (var (name, value) in request.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        try
        {
            var http = clients.CreateClient(request.ToUserAddress ? UserAddressClientName : ClientName);
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var body = request.Mask(await ReadStartAsync(response.Content, limit.Token));
            return new CallResult((int)response.StatusCode, body, clock.GetElapsedTime(started), RetryAfter(response.Headers.RetryAfter))
            {
                Paging = PagingHeaders.Where(response.Headers.Contains).ToDictionary(name => name, name => string.Join(", ", response.Headers.GetValues(name)), StringComparer.OrdinalIgnoreCase),
            };
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            var words = error is OperationCanceledException ? "No answer in time." : error.InnerException?.Message ?? error.Message;
            return new CallResult(null, request.Mask(words), clock.GetElapsedTime(started), null);
        }
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) =>
        header?.Delta ?? (header?.Date is { } date ? date - clock.GetUtcNow() : null);

    private static async Task<string> ReadStartAsync(HttpContent content, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var buffer = new byte[FirstBuffer];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAtLeastAsync(buffer.AsMemory(length), buffer.Length - length, throwOnEndOfStream: false, cancel);
            length += read;
            if (length < buffer.Length || length >= LongestBody)
                return Encoding.UTF8.GetString(buffer, 0, length);
            Array.Resize(ref buffer, buffer.Length * 4);
        }
    }
}
