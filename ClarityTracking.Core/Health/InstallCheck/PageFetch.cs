using System.Text;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>Fetches a page as its server sends it, redirects followed by hand: each hop is looked up and must be public.</summary>
internal sealed class PageFetch(PublicNetworks networks)
{
    /// <summary>More of a document is not looked at.</summary>
    internal const int MostBytes = 2 * 1024 * 1024;

    private const int MostRedirects = 5;

    /// <summary>Limit of a page with its redirects.</summary>
    internal TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The page, or why there is none.</summary>
    public async Task<PageSight> GetAsync(Uri url, CancellationToken cancel, int mostBytes = MostBytes)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeLimit);
        using var handler = networks.Handler();
        handler.AutomaticDecompression = System.Net.DecompressionMethods.All;
        using var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        try
        {
            for (var hop = 0; ; hop++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, url);
                request.Headers.TryAddWithoutValidation("User-Agent", $"{PageSight.Agent}/1.0");
                request.Headers.TryAddWithoutValidation("Accept", "text/html,*/*;q=0.5");
                using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                if ((int)answer.StatusCode is >= 300 and < 400 && answer.Headers.Location is { } location)
                {
                    url = new Uri(url, location);
                    if (hop >= MostRedirects || url.Scheme is not ("http" or "https"))
                        return new PageSight { Url = url, Trouble = hop >= MostRedirects ? "The page leads from one address to the next without end." : $"The page leads to {url.Scheme}:, which is no web page." };
                    continue;
                }
                var (text, isCut) = await ReadAsync(answer.Content, mostBytes, limit.Token);
                return new PageSight
                {
                    Url = url,
                    Status = (int)answer.StatusCode,
                    Html = text,
                    IsCut = isCut,
                    Policies = answer.Headers.TryGetValues("Content-Security-Policy", out var policies) ? [.. policies] : [],
                };
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new PageSight { Url = url, Trouble = $"{url.Host} did not answer within {TimeLimit.TotalSeconds:0} seconds." };
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            return new PageSight { Url = url, Trouble = $"{url.Host} could not be reached: {(error.InnerException ?? error).Message}" };
        }
    }

    private static async Task<(string Text, bool IsCut)> ReadAsync(HttpContent content, int most, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var buffer = new byte[most];
        var length = await stream.ReadAtLeastAsync(buffer, most, throwOnEndOfStream: false, cancel);
        return (Encoding.UTF8.GetString(buffer, 0, length), length == most);
    }
}
