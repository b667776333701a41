using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Alerts;

/// <summary>Why an alert was raised.</summary>
/// <param name="Value">What was measured; null when the kind is no more.</param>
/// <param name="Threshold">What was allowed.</param>
/// <param name="Unit">Of both.</param>
/// <param name="Detail">A JSON object with what the value was made of.</param>
public sealed record AlertEvidence(decimal? Value, decimal Threshold, string Unit, JsonElement Detail)
{
    /// <summary>What was measured, with its unit.</summary>
    public string Measured() => AlertKind.InUnit(Value ?? 0, Unit);

    /// <summary>What was allowed, with its unit.</summary>
    public string Allowed() => AlertKind.InUnit(Threshold, Unit);
}

/// <summary>Alerts in words, the same in the API, on pages and in messages.</summary>
internal static class AlertWords
{
    /// <summary>What is wrong, without the full stop.</summary>
    public static string Title(string kind, string subjectName) => AlertCatalog.Find(kind) is { } known
        ? subjectName.StartsWith(AlertKind.RestName, StringComparison.Ordinal) ? $"{known.Title}: {subjectName}" : known.Headline(subjectName) : $"{kind.Replace('_', ' ')} {subjectName}".TrimEnd();

    /// <summary>The evidence in one or two sentences.</summary>
    public static string Text(string kind, AlertEvidence evidence)
    {
        var (value, limit) = (evidence.Measured(), evidence.Allowed());
        if (NumberOf(evidence, "more") is { } more and not "–")
            return $"{more} more than are told one by one; of these the worst is at {value}, the limit is {limit}.";
        return kind switch
        {
            "connection_paused" or "connection_degraded" => $"{Sentence(TextOf(evidence, "reason") ?? "The platform gave no reason.")}{(evidence.Value >= 1 ? $" For {value} now." : "")}",
            "credential_expired" => $"Expired {value} ago, on {DateOf(evidence, "expires_at")}. Connect again.",
            "credential_expiring" => $"They expire in {value}, on {DateOf(evidence, "expires_at")}. Connect again before.",
            "no_events" when NumberOf(evidence, "silent_minutes") is { } silent and not "–" =>
                $"None for {(silent == "0" ? "less than a minute" : silent == "1" ? "a minute" : $"{silent} minutes")}; in that time {NumberOf(evidence, "usual")} usually come. Has the website changed?",
            "no_events" => $"The last one came {value} ago; up to {limit} is normal. Has the website changed?",
            "volume_drop" => $"{NumberOf(evidence, "events")}{FromSource(evidence)} in {MinutesOf(evidence)}, usually {NumberOf(evidence, "usual")}: {value} less; up to {limit} less is normal.",
            "volume_surge" => $"{NumberOf(evidence, "events")}{FromSource(evidence)} in {MinutesOf(evidence)}, usually {NumberOf(evidence, "usual")}: {value} more; up to {limit} more is normal.",
            "match_quality_drop" => $"Our estimate over 24 hours is {value} below the week before; up to {limit} is normal.",
            "duplicate_rate" when NumberOf(evidence, "twice") is { } twice and not "–" =>
                $"{value} of the last 24 hours are counted twice under different ids ({twice} of {NumberOf(evidence, "events")}); up to {limit} is normal.",
            "duplicate_rate" => $"{value} came again under the same id ({NumberOf(evidence, "duplicates")} beside {NumberOf(evidence, "events")} stored ones); up to {limit} is normal.",
            "delivery_failures" => $"{value} failed: {NumberOf(evidence, "dead")} died, {NumberOf(evidence, "retrying")} are being retried, {NumberOf(evidence, "delivered")} arrived; up to {limit} is normal.",
            "accuracy_below" => $"{value} of {NumberOf(evidence, "due")} conversions of the last {TextOf(evidence, "window")} arrived: {NumberOf(evidence, "failed")} failed, {NumberOf(evidence, "missing")} are missing, {NumberOf(evidence, "waiting")} have waited for an hour or more, {NumberOf(evidence, "unsendable")} lack what the platform needs. More than {limit} is normal.",
            "webhook_silent" => $"The last one came on {TimeOf(evidence, "last_at")}. That is {value} its usual pause of {NumberOf(evidence, "usual_hours")} hours; up to {limit} is normal. Is the webhook still set up there?",
            "queue_age" => $"The longest waiting one has been due for {value}; up to {limit} is normal.",
            _ => $"Measured {value}, allowed {limit}.",
        };
    }

    private static string FromSource(AlertEvidence evidence) => TextOf(evidence, "source") is { } source ? $" from the {source}" : "";

    private static string MinutesOf(AlertEvidence evidence) =>
        evidence.Detail.TryGetProperty("minutes", out var value) && value.TryGetDecimal(out var minutes)
            ? minutes < 120 ? AlertKind.InUnit(minutes, "minutes") : AlertKind.InUnit(minutes / 60, "hours") : "a while";

    private static string Sentence(string text) => text.TrimEnd() is [.., '.' or '!' or '?'] whole ? whole : text.TrimEnd() + ".";

    private static string? TextOf(AlertEvidence evidence, string name) =>
        evidence.Detail.ValueKind == JsonValueKind.Object && evidence.Detail.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string NumberOf(AlertEvidence evidence, string name) =>
        evidence.Detail.ValueKind == JsonValueKind.Object && evidence.Detail.TryGetProperty(name, out var value) && value.TryGetDecimal(out var number)
            ? number.ToString("#,0", CultureInfo.InvariantCulture) : "–";

    private static string TimeOf(AlertEvidence evidence, string name) =>
        DateTimeOffset.TryParse(TextOf(evidence, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at.UtcDateTime.ToString("d MMMM yyyy 'at' HH:mm 'UTC'", CultureInfo.InvariantCulture) : "an unknown day";

    private static string DateOf(AlertEvidence evidence, string name) =>
        DateTimeOffset.TryParse(TextOf(evidence, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture) : "an unknown day";
}
