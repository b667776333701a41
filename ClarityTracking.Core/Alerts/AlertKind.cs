using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Health.Volume;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>How urgent an alert is.</summary>
public enum AlertSeverity
{
    /// <summary>Look at it today.</summary>
    Warning,
    /// <summary>Data is being lost, or nothing is delivered.</summary>
    Critical,
}

/// <summary>Where an alert stands.</summary>
public enum AlertState
{
    /// <summary>Nobody has looked yet.</summary>
    Open,
    /// <summary>Somebody takes care; nobody is told again.</summary>
    Acknowledged,
    /// <summary>Quiet until a time; if the condition still holds then, it opens again.</summary>
    Snoozed,
    /// <summary>The condition is over.</summary>
    Resolved,
}

/// <summary>What was measured about one subject of a website.</summary>
/// <param name="Subject">A connection's id, an event's name, or empty for the website itself.</param>
/// <param name="Name">The subject as people call it.</param>
/// <param name="Value">In the kind's unit; null = it cannot be told now, so an alert stays as it is.</param>
/// <param name="Detail">A JSON object with what the value was made of.</param>
/// <param name="IsCertain">It holds whatever the threshold is: what usually comes says so.</param>
internal sealed record Measure(string Subject, string Name, decimal? Value, JsonElement Detail, bool IsCertain = false);

/// <summary>A kind of alert: what is measured, when that is too much, and in which words it is told. The table of them is <see cref="AlertCatalog"/>.</summary>
/// <param name="Key">Stable word of the API (<c>no_events</c>).</param>
/// <param name="Title">Of the rule, sentence case.</param>
/// <param name="Sentence">The rule in words, <c>{0}</c> where its threshold stands.</param>
/// <param name="Unit">Of threshold and value: <c>hours</c>, <c>minutes</c>, <c>days</c>, <c>%</c> or <c>points</c>.</param>
/// <param name="Threshold">The default.</param>
/// <param name="Range">Thresholds that make sense.</param>
/// <param name="IsBelow">True when values at or below the threshold hold, not those at or above.</param>
/// <param name="RaiseAfter">Minutes that the condition must have held before it is raised; the default.</param>
/// <param name="ResolveAfter">Minutes that it must have been over before it is resolved; the default.</param>
/// <param name="Severity">How urgent.</param>
/// <param name="Page">The page of the website where to act.</param>
/// <param name="Sql">One query: subject, name, value, detail. $1 workspace, $2 website, $3 now, $4 the website's time zone, $5 see <see cref="AlertMeasures"/>. No row = all is well. Empty when only <paramref name="OfVolume"/> measures.</param>
/// <param name="Headline">What is wrong, of the subject's name.</param>
/// <param name="EveryMinutes">How often it is measured; more than 1 for queries over many rows.</param>
/// <param name="ValueOf">Makes the value of the detail where SQL cannot.</param>
/// <param name="Read">Measures in place of <paramref name="Sql"/>: what a rule in C# decides is decided there alone.</param>
/// <param name="OfVolume">Measures by how the website's volume stands (null: that cannot be told now), beside what the query found.</param>
internal sealed record AlertKind(string Key, string Title, string Sentence, string Unit, decimal Threshold, (decimal Least, decimal Most) Range, bool IsBelow,
    int RaiseAfter, int ResolveAfter, AlertSeverity Severity, string Page, string Sql, Func<string, string> Headline,
    int EveryMinutes = 1, Func<JsonElement, decimal?>? ValueOf = null,
    Func<NpgsqlConnection, WatchedWebsite, DateTimeOffset, CancellationToken, Task<IReadOnlyList<Measure>>>? Read = null,
    Func<VolumeNow?, IReadOnlyCollection<Measure>, IReadOnlyList<Measure>>? OfVolume = null)
{
    /// <summary>The subject that stands for all those of a kind that are too many to be told one by one, and how its name begins.</summary>
    internal const string Rest = "*", RestName = "\u2026and ";

    /// <summary>Does a value hold against a threshold? Null = it cannot be told.</summary>
    public bool? Holds(decimal? value, decimal threshold) => value is { } v ? IsBelow ? v <= threshold : v >= threshold : null;

    /// <summary>A value in a unit (<c>2.4 hours</c>, <c>63 %</c>).</summary>
    public static string InUnit(decimal value, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{decimal.Round(value, value < 10 ? 1 : 0):0.#} {(value == 1 && unit != "%" ? unit.TrimEnd('s') : unit)}");
}
