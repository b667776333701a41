using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Matches;

/// <summary>Matches in words.</summary>
internal static class MatchWords
{
    /// <summary>Decisions in the order a person asks for them.</summary>
    public static readonly IReadOnlyList<(string Key, string Label)> Decisions =
    [
        ("review", "Uncertain"),
        ("matched", "Matched"),
        ("unmatched", "No touchpoint"),
        ("confirmed", "Confirmed"),
        ("rejected", "Rejected"),
    ];

    /// <summary>How a match stands.</summary>
    public static (string Kind, string Words) State(string decision) => decision switch
    {
        "review" => ("warn", "Uncertain"),
        "matched" => ("good", "Matched"),
        "confirmed" => ("good", "Confirmed"),
        "rejected" => ("", "Rejected"),
        _ => ("", "No touchpoint"),
    };

    /// <summary>Where a touch came from: channel and campaign.</summary>
    public static string Touch(MatchedTouchpoint? touch) => touch is null ? "No touchpoint"
        : string.Join(", ", new[] { Channel(touch.Channel), touch.Campaign }.Where(t => !string.IsNullOrEmpty(t)));

    /// <summary>How long before the conversion.</summary>
    public static string Before(DateTimeOffset touch, DateTimeOffset conversion) => $"{Words.Span(conversion - touch)} before";

    /// <summary>A field of the evidence with its level (<c>email=equal</c>) in words.</summary>
    public static string Evidence(string field)
    {
        var parts = field.Split('=', 2);
        return parts.Length == 2 ? $"{Words.Sentence(parts[0])}: {parts[1].Replace('_', ' ')}" : Words.Sentence(field);
    }

    private static string Channel(string? channel) => channel is null ? "" : Words.Channel(channel);
}
