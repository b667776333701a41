using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Where Meta is told that the event happened.</summary>
static class MetaActionSource
{
    internal const string Website = "website";
    const string SystemGenerated = "system_generated";

    /// <summary>What a server may name itself. Not app and business_messaging: they need fields that events do not have.</summary>
    static readonly string[] Stated = [Website, SystemGenerated, "email", "phone_call", "chat", "physical_store", "other"];

    /// <summary>
    /// An event is a website event when it carries the page and the browser, which Meta demands of those. Without them nobody stood at a
    /// browser as far as we know (a renewal, a booking by phone, an integration with a publishable key), so it is system generated and
    /// still counts, unless the sender says better in its property <c>action_source</c>.
    /// </summary>
    internal static string Of(Event @event) =>
        (@event.Source is EventSource.Server or EventSource.Webhook ? StatedIn(@event.Properties) : null)
            ?? (@event.IsFromBrowser ? Website : SystemGenerated);

    static string? StatedIn(JsonElement properties)
    {
        if (properties.ValueKind != JsonValueKind.Object || !properties.TryGetProperty("action_source"u8, out var stated)
            || stated.ValueKind != JsonValueKind.String)
            return null;
        foreach (var known in Stated)
            if (stated.ValueEquals(known))
                return known;
        return null;
    }
}
