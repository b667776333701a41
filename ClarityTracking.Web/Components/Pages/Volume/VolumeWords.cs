using System.Globalization;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Volume;

/// <summary>Volume and freshness in words.</summary>
internal static class VolumeWords
{
    /// <summary>Whose events (<c>Purchase from the browser</c>).</summary>
    public static string Series(VolumeStanding standing) => (standing.Name, standing.Source) switch
    {
        (null, null) => "All events",
        (null, { } source) => $"All from {From(source)}",
        ({ } name, null) => EventWords.Name(name),
        ({ } name, { } source) => $"{EventWords.Name(name)} from {From(source)}",
    };

    /// <summary>What is not as usual, one sentence.</summary>
    public static string Finding(VolumeStanding standing) =>
        string.Create(CultureInfo.InvariantCulture, $"{Series(standing)}: {standing.Events:#,0} in {Words.Span(TimeSpan.FromMinutes(standing.Minutes))}, usually {standing.Usual:#,0} ({standing.Percent:0} % {(standing.State == "drop" ? "less" : "more")}).");

    /// <summary>A state with its colour.</summary>
    public static StatusText State(VolumeStanding standing) => standing.State switch
    {
        "learning" => new("", standing.LearningUntil is { } until ? $"Learning until {until.UtcDateTime.ToString("d MMM", CultureInfo.InvariantCulture)}" : "Learning"),
        "quiet" => new("", "Too few to tell"),
        "usual" => new("good", "As usual"),
        "drop" => new(standing.IsFinding ? "bad" : "warn", string.Create(CultureInfo.InvariantCulture, $"{standing.Percent:0} % less")),
        _ => new("warn", string.Create(CultureInfo.InvariantCulture, $"{standing.Percent:0} % more")),
    };

    /// <summary>Where something comes from, with its article.</summary>
    public static string From(string source) => source switch
    {
        "browser" => "browsers",
        "server" => "your server",
        "webhook" => "webhooks",
        "link" => "links",
        _ => source,
    };

    /// <summary>Seconds as a length of time.</summary>
    public static string Seconds(double? seconds) =>
        seconds is not { } s ? "–" : s is >= 1 and < 10 ? s.ToString("0.0", CultureInfo.InvariantCulture) + " s" : Words.Span(TimeSpan.FromSeconds(s));

    /// <summary>How the snippet was served.</summary>
    public static string Served(string served) => served switch
    {
        "first_party" => "Own domain",
        "first_party_alias" => "Own domain, own word",
        "cross_site" => "This app's address",
        "cross_site_alias" => "This app's address, own word",
        "unknown_alias" => "Own word, origin not told",
        _ => "Not told by the browser",
    };
}
