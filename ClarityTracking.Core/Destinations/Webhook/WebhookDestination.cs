using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Webhook;

/// <summary>A signed webhook to an address of the customer's choice (Standard Webhooks). The rules are in this folder's README.</summary>
public sealed class WebhookDestination : IDestination
{
    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("webhook", "Webhook", MaxBatch: 100, OwnSystemEvent.MaxAge,
        new Uri("https://webhook.invalid"), WebhookSettings.Fields, IsForAds: false);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => WebhookSettings.Check(settings, credentials);

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now) =>
        EventFacts.ReasonToSkip(@event, EventNames.FindOwn(@event.Name, settings), Info.DisplayName, Info.MaxAge, hasTestMode: true, now);

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        WebhookMessage.Write(@event, EventNames.FindOwn(@event.Name, settings) ?? @event.Name);

    /// <summary>Each event is a message with an id of its own.</summary>
    public object? CallOf(byte[] payload) => payload;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var (body, timestamp) = (payloads[0], access.Now.ToUnixTimeSeconds());
        var id = AnswerJson.Text(JsonElement.Parse(body), "id")!;
        var url = ConnectionJson.Text(access.Settings, "url") ?? access.BaseUrl.AbsoluteUri;
        return new DestinationRequest(HttpMethod.Post, new Uri(url), body, StandardWebhook.Headers(WebhookSettings.Key(access.Credentials), id, timestamp, body), [], ToUserAddress: true);
    }

    /// <summary>By the status alone: what a receiver says in its body is its own affair.</summary>
    public DeliveryOutcome Judge(DestinationAnswer answer)
    {
        var reason = $"The receiver answered HTTP {answer.HttpStatus}.";
        return answer.HttpStatus switch
        {
            >= 200 and < 300 => new DeliveryOutcome.Delivered(null),
            // 410: the receiver wants no more
            401 or 403 or 410 => new DeliveryOutcome.TryLater(FailureKind.Credential, reason),
            400 or 413 or 415 or 422 => new DeliveryOutcome.Refused(FailureKind.Permanent, reason),
            429 => new DeliveryOutcome.TryLater(FailureKind.RateLimited, reason),
            // 404 and the like too: a receiver that is being moved loses nothing
            _ => new DeliveryOutcome.TryLater(FailureKind.Transient, reason),
        };
    }
}
