using System.Text.Json;
using ClarityTracking.Core.Health;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// All kinds of alerts with their defaults; every website has them from its first day. Adding one is a line here and its query in
/// <see cref="AlertMeasures"/>.
/// </summary>
internal static class AlertCatalog
{
    /// <summary>In the order in which pages show them.</summary>
    public static IReadOnlyList<AlertKind> All { get; } =
    [
        new("connection_paused", "Connection paused", "A platform refuses the credentials of a connection for {0}", "minutes", 0, (0, 1440), false,
            0, 15, AlertSeverity.Critical, "connections", AlertMeasures.Paused, name => $"{name} is paused"),
        new("connection_degraded", "Connection degraded", "A connection fails for {0}", "minutes", 0, (0, 1440), false,
            0, 0, AlertSeverity.Warning, "connections", AlertMeasures.Degraded, name => $"{name} does not answer as it should"),
        new("credential_expired", "Credentials expired", "The credentials of a connection expired {0} ago", "days", 0, (0, 30), false,
            0, 0, AlertSeverity.Critical, "connections", AlertMeasures.Expired, name => $"The credentials of {name} have expired"),
        new("credential_expiring", "Credentials expire soon", "The credentials of a connection expire within {0}", "days", 7, (0, 90), true,
            0, 60, AlertSeverity.Warning, "connections", AlertMeasures.Expiring, name => $"The credentials of {name} expire soon"),
        new("no_events", "No events", "No event has arrived for {0}, or the silence is too long to be chance", "hours", 24, (1, 720), false,
            0, 5, AlertSeverity.Critical, "volume", AlertMeasures.Silence, name => name switch { "browser" => "The snippet is silent", "" => "No events arrive", _ => $"No {name} events arrive" },
            OfVolume: VolumeMeasures.NoEvents),
        new("volume_drop", "Fewer events than usual", "An event comes {0} less often than usual at this hour of the week, and that is no chance", "%", 40, (25, 100), false,
            0, 15, AlertSeverity.Warning, "volume", "", name => name.Length == 0 ? "Far fewer events than usual" : $"Far fewer {name} events than usual",
            OfVolume: (now, _) => VolumeMeasures.Drop(now)),
        new("volume_surge", "More events than usual", "An event comes {0} more often than usual at this hour of the week, and that is no chance", "%", 200, (100, 10_000), false,
            5, 30, AlertSeverity.Warning, "volume", "", name => name.Length == 0 ? "Far more events than usual" : $"Far more {name} events than usual",
            OfVolume: (now, _) => VolumeMeasures.Surge(now)),
        new("match_quality_drop", "Match quality dropped", "The estimate of an event's match quality over 24 hours is {0} below the week before", "points", 1, (0.1m, 10), false,
            30, 60, AlertSeverity.Warning, "health", AlertMeasures.MatchQuality, name => $"Match quality of {name} dropped", EveryMinutes: 15, ValueOf: QualityDrop),
        new("duplicate_rate", "Many duplicates", "Of an event {0} came twice, under the same id by one side, or under different ids", "%", 10, (1, 100), false,
            10, 60, AlertSeverity.Warning, "duplicates", AlertMeasures.Duplicates, name => $"Many {name} events come twice", EveryMinutes: 5),
        new("delivery_failures", "Deliveries fail", "Of a connection's deliveries {0} died or are being retried", "%", 10, (1, 100), false,
            10, 15, AlertSeverity.Warning, "deliveries", AlertMeasures.DeliveryFailures, name => $"Deliveries to {name} fail"),
        new("accuracy_below", "Conversions do not arrive", "At most {0} of the conversions of a day that a destination was owed arrived there", "%", 90, (1, 99.9m), true,
            30, 60, AlertSeverity.Warning, "ledger", "", name => $"Conversions do not arrive at {name}", EveryMinutes: 15, Read: AlertAccuracy.ReadAsync),
        new("webhook_silent", "Webhooks are silent", "A source has sent nothing for {0} its usual pause", "times", 2, (1.1m, 50), false,
            15, 0, AlertSeverity.Critical, "sources", AlertMeasures.WebhookSilence, name => $"No webhooks come from {name}", EveryMinutes: 5),
        new("queue_age", "Deliveries wait", "Something has been due for delivery for {0}", "minutes", 15, (2, 1440), false,
            0, 5, AlertSeverity.Warning, "deliveries", AlertMeasures.QueueAge, name => name.Length == 0 ? "Events wait to be routed" : $"Deliveries to {name} wait"),
    ];

    private static readonly Dictionary<string, AlertKind> ByKey = All.ToDictionary(kind => kind.Key, StringComparer.Ordinal);

    /// <summary>The kind of a key; null when there is none (any more).</summary>
    public static AlertKind? Find(string key) => ByKey.GetValueOrDefault(key);

    private static decimal? QualityDrop(JsonElement detail) => Score(detail.GetProperty("before")) - Score(detail.GetProperty("now"));

    private static decimal Score(JsonElement coverage) =>
        MatchQuality.Estimate(coverage.EnumerateObject().ToDictionary(key => key.Name, key => key.Value.GetDecimal())).Score;
}
