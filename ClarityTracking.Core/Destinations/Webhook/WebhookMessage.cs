using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Webhook;

/// <summary>One message as Standard Webhooks 1.0.0 has it: its body, its id and its signature.</summary>
static class WebhookMessage
{
    const int IdBytes = 16;

    internal static byte[] Write(Event @event, string name) => PayloadJson.Write(json =>
    {
        json.WriteString("id"u8, Id(@event));
        json.WriteString("type"u8, name);
        json.WriteString("timestamp"u8, OwnSystemEvent.Time(@event.OccurredAt));
        json.WriteStartObject("data"u8);
        OwnSystemEvent.Write(json, @event, name, withNulls: false);
        json.WriteEndObject();
    });

    /// <summary>
    /// The same on each try, so that a receiver knows a repetition, and made of what makes an event the same one: website, name and the sender's
    /// id (which may hold dots and spaces, and those may not stand in a message's id).
    /// </summary>
    static string Id(Event @event)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{@event.WebsiteId:N}\n{@event.Name}\n{@event.EventId}"));
        return "msg_" + Convert.ToHexStringLower(hash.AsSpan(0, IdBytes));
    }
}
