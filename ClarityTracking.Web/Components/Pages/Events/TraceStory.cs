using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Events;

/// <summary>A step of an event's story.</summary>
/// <param name="Key">Stable within the story.</param>
/// <param name="Kind">Colour of its dot: good, warn, bad, info or empty.</param>
/// <param name="Title">What happened.</param>
/// <param name="Text">More, in words.</param>
/// <param name="At">When (UTC); null = not told.</param>
/// <param name="Json">What it rests on.</param>
internal sealed record TraceStep(string Key, string Kind, string Title, string Text, DateTimeOffset? At, string Json);

/// <summary>Tells a trace as a story, in the order things happened.</summary>
internal static class TraceStory
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The steps.</summary>
    /// <param name="trace">What is known.</param>
    /// <param name="personal">The readable personal data when it was asked for; else null.</param>
    /// <param name="now">Now (UTC).</param>
    public static IReadOnlyList<TraceStep> Tell(EventTrace trace, PersonalData? personal, DateTimeOffset now)
    {
        var e = trace.Event;
        List<TraceStep> steps = [];
        foreach (var (name, click) in e.ClickIds)
            steps.Add(new($"click-{name}", "info", $"Ad click ({name})", click.FirstSeen is null ? "The click id came with this event." : "The visitor's browser first carried this click id.",
                click.FirstSeen, Json(new { name, click.Value, click.FirstSeen })));
        steps.Add(new("event", "info", EventWords.Name(e.Name), Happened(e), e.OccurredAt, Json(e)));
        steps.Add(Stored(trace));
        steps.Add(new("identify", e.Keys.Count + e.Cookies.Count > 0 ? "good" : "warn",
            e.Keys.Count + e.Cookies.Count > 0 ? "Match keys found" : "No match keys",
            e.Keys.Count + e.Cookies.Count > 0 ? Words.Sentence(string.Join(", ", e.Keys.Select(EventWords.Key).Concat(e.Cookies.Keys.Select(EventWords.Key)))) + "."
                : "Nothing to recognise the person by: no email, phone, id or platform cookie.",
            null, Json(new { keys = e.Keys, cookies = e.Cookies, personal = personal is null ? (e.HasPersonalData ? JsonMask.Hidden : null) : (object)Readable(personal) })));
        foreach (var delivery in trace.Deliveries)
            steps.AddRange(Delivery(delivery, now));
        if (trace.Deliveries.Count == 0)
            steps.Add(new("route", "", "Not sent anywhere", trace.Decisions.LastOrDefault(d => d.Stage == "route")?.Reason ?? "No connection was on.", null, Json(trace.Decisions)));
        return steps;
    }

    private static string Happened(EventDetails e)
    {
        var place = e.Url is null ? "" : $" on {Words.Middle(EventWords.Path(e.Url), 56)}";
        var worth = e.Value is { } value ? $", worth {Words.Money(value, e.Currency)}" : "";
        var campaign = e.Utm.TryGetValue("campaign", out var name) ? $", campaign {name}" : "";
        return $"{EventWords.Source(e.Source)}{place}{worth}{campaign}{(e.IsTest ? ", marked as test" : "")}.";
    }

    private static TraceStep Stored(EventTrace trace)
    {
        var e = trace.Event;
        var delay = e.ReceivedAt - e.OccurredAt;
        var late = delay > TimeSpan.FromSeconds(1) ? $"{Words.Span(delay)} after it happened." : "Within a second.";
        var json = Json(trace.Decisions.Where(d => d.Stage != "route"));
        return e.BotReason is { } bot ? new("store", "warn", "Stored, looks like a bot", $"{bot}. It is counted apart and not delivered.", e.ReceivedAt, json)
            : e.Redacted.Count > 0 ? new("store", "warn", "Stored, secrets removed", $"{string.Join(", ", e.Redacted)} looked like secrets. {late}", e.ReceivedAt, json)
            : new("store", "good", "Accepted and stored", late, e.ReceivedAt, json);
    }

    private static IEnumerable<TraceStep> Delivery(DeliveryTrace d, DateTimeOffset now)
    {
        var to = d.ConnectionName ?? "a deleted connection";
        var status = StatusWords.Of(d.Status, d.Reason, d.NextAttemptAt, now);
        if (d.Status == DeliveryStatus.Skipped)
        {
            yield return new($"delivery-{d.Id}", "", $"{to}: skipped, {StatusWords.Reason(d.Reason ?? "")}", d.Detail ?? "", d.CreatedAt,
                Json(new { d.Id, connection = to, d.Status, d.Reason, d.Detail }));
            yield break;
        }
        yield return new($"delivery-{d.Id}", status.Kind, $"{to}: {status.Words.ToLowerInvariant()}", d.Detail ?? (d.Attempts.Count == 0 ? "Waits for its first attempt." : ""), d.CreatedAt,
            Json(new { d.Id, connection = to, d.Platform, d.Status, d.Reason, d.Detail, d.NextAttemptAt, d.FinishedAt, attempts = d.Attempts.Count }));
        foreach (var (attempt, number) in d.Attempts.Select((a, i) => (a, i + 1)))
        {
            var outcome = StatusWords.Attempt(attempt.Outcome);
            var answer = attempt.HttpStatus is { } http ? $"Answer {http}" : "No answer";
            yield return new($"attempt-{d.Id}-{number}", outcome.Kind, $"Attempt {number} to {to}: {outcome.Words.ToLowerInvariant()}",
                $"{answer}{(attempt.DurationMs is { } ms ? $" in {Words.Count(ms)} ms" : "")}{(attempt.Reason is null ? "" : $": {attempt.Reason}")}.", attempt.At,
                Json(new { url = attempt.Url, request = attempt.Request, httpStatus = attempt.HttpStatus, response = attempt.Response, outcome = attempt.Outcome, reason = attempt.Reason }));
        }
    }

    /// <summary>Only what was told.</summary>
    private static Dictionary<string, object> Readable(PersonalData personal)
    {
        var user = personal.User ?? UserData.Nothing;
        (string Name, object? Value)[] all =
        [
            ("email", user.Email), ("phone", user.Phone), ("first_name", user.FirstName), ("last_name", user.LastName), ("city", user.City), ("state", user.State),
            ("zip", user.Zip), ("country", user.Country), ("gender", user.Gender), ("date_of_birth", user.DateOfBirth), ("external_id", user.ExternalId),
            ("company", user.Company), ("ip", personal.Ip),
        ];
        return all.Where(v => v.Value is not null and not IReadOnlyList<string> { Count: 0 }).ToDictionary(v => v.Name, v => v.Value!);
    }

    private static string Json(object value) => JsonSerializer.Serialize(value, Options);
}
