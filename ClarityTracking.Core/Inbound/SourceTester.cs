using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Inbound;

/// <summary>What became of a sample that was posted to a source's own address.</summary>
/// <param name="Outcome"><c>accepted</c>, <c>refused</c> (an answer other than 2xx) or <c>unreachable</c> (no answer).</param>
/// <param name="Reason">Why, in a sentence; null when it was accepted.</param>
/// <param name="Request">What was sent.</param>
/// <param name="HttpStatus">Null when no answer came.</param>
/// <param name="Response">The answer, or the network error in words.</param>
/// <param name="DurationMs">Milliseconds until the answer was read.</param>
/// <param name="Webhook">What it became, as the log has it; still <c>received</c> when processing took longer than we waited. Null when it was not stored.</param>
public sealed record SourceTest(string Outcome, string? Reason, SentRequest Request, int? HttpStatus, string? Response, int DurationMs, InboundWebhook? Webhook);

/// <summary>
/// Posts a correctly signed sample to a source's own address over HTTP, so that the way from outside, the secret and the processing are tried
/// together. The sample is a test whatever the sender: it is kept, and counts nowhere.
/// </summary>
public sealed class SourceTester(ClarityDb database, ConnectionService connections, SourceCatalog catalog, DestinationClient client, InboundQueries webhooks, TimeProvider clock)
{
    private const int LongestAnswer = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends the sample and waits a moment for what it becomes.</summary>
    /// <param name="caller">Admin of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="id">The connection.</param>
    /// <param name="installation">The address this installation is reached by; never one that a request names, since we call it.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<Result<SourceTest>> TestAsync(Caller caller, Guid websiteId, Guid id, Uri installation, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await ConnectionService.FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var connection = found.Value;
        if (catalog.Find(connection.Platform) is not { } source || connection.WebhookToken is not { } token)
            return new Error(ErrorKind.Invalid, "unknown_platform", "This version does not know the connection's platform.", []);
        if (ConnectionJson.Text(connections.Opened(connection), SourceFields.Secret) is not { } secret)
            return new Error(ErrorKind.Conflict, "secret_missing", "The connection has no webhook secret yet, so nothing can be signed.", []);

        var url = $"{installation.AbsoluteUri.TrimEnd('/')}/webhooks/{connection.Platform}/{token}";
        var sample = source.Sample(url, JsonElement.Parse(connection.Settings), secret, clock.GetUtcNow());
        var headers = sample.Headers.Where(h => !h.Key.Equals("Content-Type", StringComparison.OrdinalIgnoreCase)).ToDictionary();
        headers[SourceReading.SampleHeader] = "1";
        var request = new DestinationRequest(HttpMethod.Post, new Uri(sample.Url), sample.Body.ToArray(), headers, [secret], sample.Header("Content-Type") ?? "application/json");
        var answer = await client.SendAsync(request, cancel);

        var webhook = IdOf(answer) is { } stored ? await ProcessedAsync(caller, websiteId, stored, cancel) : null;
        var isAccepted = answer.HttpStatus is >= 200 and < 300;
        var (outcome, reason) = isAccepted ? ("accepted", (string?)null)
            : answer.HttpStatus is { } status ? ("refused", $"The address answered {status}.{(status is 404 or 405 or 502 ? " Something else than ClarityTracking answers there: check the public address and the proxy." : null)}")
            : ("unreachable", $"The address does not answer from this server: {answer.Body}");
        return new SourceTest(outcome, reason, new SentRequest("POST", sample.Url, Json.ElementOf(request.Mask(Encoding.UTF8.GetString(request.Body)))),
            answer.HttpStatus, answer.Body.Length <= LongestAnswer ? answer.Body : answer.Body[..LongestAnswer], (int)answer.Duration.TotalMilliseconds, webhook);
    }

    private static Guid? IdOf(CallResult answer) =>
        answer.HttpStatus == 200 && Json.ElementOf(answer.Body) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("id", out var id)
            && id.ValueKind == JsonValueKind.String && id.TryGetGuid(out var stored) ? stored : null;

    private async Task<InboundWebhook?> ProcessedAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        var until = clock.GetUtcNow() + Patience;
        while (true)
        {
            var webhook = (await webhooks.FindAsync(caller, websiteId, id, cancel)).Value;
            // it is processed before its events can be read
            if (webhook is null or { Status: not InboundStatus.Received } || clock.GetUtcNow() >= until)
                return webhook;
            await Task.Delay(LookEvery, clock, cancel);
        }
    }
}
