using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations;

/// <summary>
/// One event for the customer's own systems (webhook, warehouse), in the words of the intake contract. Of the person only hashes go out, and no
/// text that looks personal. Everything else is there, consent included: those systems decide by it themselves.
/// </summary>
static class OwnSystemEvent
{
    /// <summary>Nothing is too old for them; so far back that it is no limit, and not so far that a time before it cannot be written.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromDays(3650);

    /// <summary>Writes the members of the event.</summary>
    /// <param name="json">Inside an object.</param>
    /// <param name="event">The event.</param>
    /// <param name="name">What the connection calls it.</param>
    /// <param name="withNulls">Unknown members are null instead of absent: for tables, whose rows must all have the same ones.</param>
    internal static void Write(Utf8JsonWriter json, Event @event, string name, bool withNulls)
    {
        json.WriteString("event_id"u8, @event.EventId);
        json.WriteString("event_name"u8, name);
        json.WriteString("source"u8, @event.Source.ToString().ToLowerInvariant());
        json.WriteBoolean("is_test"u8, @event.IsTest);
        json.WriteString("occurred_at"u8, Time(@event.OccurredAt));
        json.WriteString("received_at"u8, Time(@event.ReceivedAt));
        Text(json, "visitor_id"u8, @event.VisitorId, withNulls);
        Text(json, "session_id"u8, @event.SessionId, withNulls);
        Text(json, "url"u8, @event.PageUrl, withNulls);
        Text(json, "referrer"u8, @event.PageReferrer, withNulls);
        if (@event.Value is { } value)
            json.WriteNumber("value"u8, value);
        else if (withNulls)
            json.WriteNull("value"u8);
        Text(json, "currency"u8, @event.Currency, withNulls);
        Text(json, "order_id"u8, @event.OrderId, withNulls);
        Text(json, "user_agent"u8, @event.UserAgent, withNulls);
        Texts(json, "utm"u8, @event.Utm, withNulls);
        Texts(json, "click_ids"u8, @event.ClickIds.Select(click => KeyValuePair.Create(click.Key, click.Value.Value)), withNulls);
        Texts(json, "consent"u8, ConsentOf(@event.Consent), withNulls);
        WriteMatchKeys(json, @event.MatchKeys);
        json.WritePropertyName("properties"u8);
        WriteImpersonal(json, @event.Properties);
    }

    /// <summary>UTC, ISO 8601, to the millisecond.</summary>
    internal static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>What the visitor was asked and said, in the words of the intake contract.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> ConsentOf(Consent? consent)
    {
        foreach (var (name, allowed) in new[]
        {
            ("ad_user_data", consent?.AdUserData), ("ad_personalization", consent?.AdPersonalization),
            ("ad_storage", consent?.AdStorage), ("analytics_storage", consent?.AnalyticsStorage),
        })
            if (allowed is { } isAllowed)
                yield return KeyValuePair.Create(name, isAllowed ? "granted" : "denied");
        if (consent?.Signal is { } signal)
            yield return KeyValuePair.Create("signal", signal);
    }

    static void Text(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value, bool withNulls)
    {
        if (!string.IsNullOrEmpty(value))
            json.WriteString(name, value);
        else if (withNulls)
            json.WriteNull(name);
    }

    static void Texts(Utf8JsonWriter json, ReadOnlySpan<byte> name, IEnumerable<KeyValuePair<string, string>> pairs, bool withNulls)
    {
        var all = pairs.ToList();
        if (all.Count == 0 && !withNulls)
            return;
        json.WriteStartObject(name);
        foreach (var (key, value) in all)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    /// <summary>The plain rules' hashes: other platforms' forms of the same data tell nothing more.</summary>
    static void WriteMatchKeys(Utf8JsonWriter json, MatchKeys keys)
    {
        json.WriteStartObject("match_keys"u8);
        foreach (var name in keys.Names)
        {
            json.WriteStartArray(name);
            foreach (var hash in keys[name])
                json.WriteStringValue(hash);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>A value without members that are called like, or hold, something personal.</summary>
    static void WriteImpersonal(Utf8JsonWriter json, JsonElement value, int depth = 0)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            json.WriteStartObject();
            foreach (var member in value.EnumerateObject())
                if (!IsPersonal(member, depth))
                {
                    json.WritePropertyName(member.Name);
                    WriteImpersonal(json, member.Value, depth + 1);
                }
            json.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            json.WriteStartArray();
            foreach (var entry in value.EnumerateArray())
                WriteImpersonal(json, entry, depth + 1);
            json.WriteEndArray();
        }
        else if (value.ValueKind == JsonValueKind.String && PersonalText.LooksPersonal(value.GetString()))
            json.WriteNullValue();
        else
            value.WriteTo(json);
    }

    /// <summary>Further down a "name" is a product's.</summary>
    static bool IsPersonal(JsonProperty member, int depth) =>
        ((depth == 0 || member.Name != "name") && PersonalText.IsPersonalName(member.Name))
        || (member.Value.ValueKind == JsonValueKind.String && PersonalText.LooksPersonal(member.Value.GetString()));
}
