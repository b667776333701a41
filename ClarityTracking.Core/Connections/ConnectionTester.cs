using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Connections;

/// <summary>What a test of a connection did.</summary>
/// <param name="Sent">False when the destination would not take such an event; <paramref name="Reason"/> says why.</param>
/// <param name="Outcome"><c>delivered</c>, <c>skipped</c>, or a word of <see cref="FailureKind"/>.</param>
/// <param name="Reason">In the platform's words; null when delivered.</param>
/// <param name="EventId">The test event's id, to look for at the platform.</param>
/// <param name="Request">What was sent, secrets masked; null when nothing was.</param>
/// <param name="HttpStatus">Null when no answer came.</param>
/// <param name="Response">The answer, or the network error in words.</param>
/// <param name="DurationMs">Milliseconds until the answer was read.</param>
public sealed record ConnectionTest(bool Sent, string Outcome, string? Reason, string EventId, SentRequest? Request, int? HttpStatus, string? Response, int? DurationMs);

/// <summary>A request as it may be shown.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Url">Secrets masked.</param>
/// <param name="Body">Secrets masked; JSON, or text when it is none.</param>
public sealed record SentRequest(string Method, string Url, JsonElement Body);

/// <summary>
/// Sends one event, marked as test, through the same mapping and judging as real ones. It happens on the website's own home page to
/// nobody; with the platform's test mode set up it shows there and counts nowhere.
/// </summary>
public sealed class ConnectionTester(ClarityDb database, ConnectionService connections, DestinationCatalog catalog, DestinationClient client,
    AccessTokens tokens, TimeProvider clock)
{
    private const int LongestAnswer = 16 * 1024;

    /// <summary>Sends the test event and says what came back. Changes nothing but the audit log.</summary>
    public async Task<Result<ConnectionTest>> TestAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await ConnectionService.FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var connection = found.Value;
        if (catalog.Find(connection.Platform) is not { } destination)
            return new Error(ErrorKind.Invalid, "unknown_platform", "This version does not know the connection's platform.", []);

        var now = clock.GetUtcNow();
        var settings = JsonDocument.Parse(connection.Settings).RootElement;
        var test = Names.Select(name => TestEvent(website.Value, name, now)).FirstOrDefault(e => destination.ReasonToSkip(e, settings, now)?.Reason != SkipReason.Unmapped)
            ?? TestEvent(website.Value, Names[0], now);
        db.Audit(connection.WorkspaceId, caller, "connection.tested", $"connection {id}", null, now);
        await db.SaveChangesAsync(cancel);
        // A connection without test mode would skip test events; who presses the button wants it sent.
        if (destination.ReasonToSkip(test, settings, now) is { Reason: not SkipReason.Test } skip)
            return new ConnectionTest(false, "skipped", $"{skip.Reason.Word()}: {skip.Detail}", test.EventId, null, null, null, null);

        var access = new DestinationAccess(client.BaseUrl(destination.Info), settings, connections.Opened(connection), clock.GetUtcNow());
        if (destination.Grant(access.Credentials) is { } grant)
        {
            var token = await tokens.GetAsync(grant, cancel);
            if (token.Failure is { } failure)
                return new ConnectionTest(false, failure.Kind.Word(), failure.Reason, test.EventId, null, null, null, null);
            access = access with { AccessToken = token.Value };
        }
        var request = destination.BuildRequest([destination.Map(test, settings)], access);
        var result = await client.SendAsync(request, cancel);
        var (outcome, reason) = result.HttpStatus is { } status ? Words(destination.Judge(new DestinationAnswer(status, result.Body, Events: 1))) : (FailureKind.Transient.Word(), result.Body);
        var body = request.Mask(Encoding.UTF8.GetString(request.Body));
        return new ConnectionTest(true, outcome, reason, test.EventId,
            new SentRequest(request.Method.Method, request.Mask(request.Url.ToString()), Json.ElementOf(body)),
            result.HttpStatus, result.Body.Length <= LongestAnswer ? result.Body : result.Body[..LongestAnswer], (int)result.Duration.TotalMilliseconds);
    }

    /// <summary>The first of these that the connection sends at all; those of no value come first.</summary>
    private static readonly string[] Names =
        ["page_view", "lead", "contact", "schedule", "complete_registration", "view_content", "search", "subscribe", "add_to_cart", "initiate_checkout", "purchase"];

    private static Event TestEvent(Website website, string name, DateTimeOffset now) => new()
    {
        WorkspaceId = website.WorkspaceId,
        WebsiteId = website.Id,
        Id = Guid.CreateVersion7(now),
        EventId = $"test-{Guid.CreateVersion7(now):N}",
        Name = name,
        Source = EventSource.Server,
        IsTest = true,
        OccurredAt = now,
        ReceivedAt = now,
        Url = $"https://{website.Domain}/",
        UserAgent = "Mozilla/5.0 (compatible; ClarityTracking connection test)",
        MatchKeys = new MatchKeys(new Dictionary<string, IReadOnlyList<string>>
        {
            // some platforms take nothing without an email
            [MatchKeyNames.Email] = [Sha256($"clarity-test-{website.Id}@{website.Domain}")],
            [MatchKeyNames.ExternalId] = [Sha256($"clarity-test-{website.Id}")],
        }),
    };

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static (string Outcome, string? Reason) Words(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Delivered => ("delivered", null),
        DeliveryOutcome.Refused refused => (refused.Kind.Word(), refused.Reason),
        DeliveryOutcome.TryLater later => (later.Kind.Word(), later.Reason),
        DeliveryOutcome.Mixed { Events: [var only] } => Words(only),
        DeliveryOutcome.Mixed or DeliveryOutcome.NotTaken => (FailureKind.Transient.Word(), "The answer does not fit the event that was sent."),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
