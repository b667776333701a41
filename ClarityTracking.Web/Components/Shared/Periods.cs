namespace ClarityTracking.Web.Components.Shared;

/// <summary>Periods that lists can be narrowed to, as they stand in addresses.</summary>
public static class Periods
{
    /// <summary>Taken when the address names none.</summary>
    public const string Default = "7d";

    public static readonly IReadOnlyList<(string Key, string Label, TimeSpan? Span)> All =
    [
        ("1h", "1 hour", TimeSpan.FromHours(1)),
        ("24h", "24 hours", TimeSpan.FromHours(24)),
        ("48h", "48 hours", TimeSpan.FromHours(48)),
        ("7d", "7 days", TimeSpan.FromDays(7)),
        ("30d", "30 days", TimeSpan.FromDays(30)),
        ("all", "All time", null),
    ];

    /// <summary>The period of an address; the default when it names none or an unknown one.</summary>
    public static string Key(string? period) => All.Any(p => p.Key == period) ? period! : Default;

    /// <summary>When it begins; null = at the beginning.</summary>
    public static DateTimeOffset? From(string? period, DateTimeOffset now) => All.First(p => p.Key == Key(period)).Span is { } span ? now - span : null;

    /// <summary>As words inside a sentence.</summary>
    public static string InWords(string? period) => Key(period) switch
    {
        "1h" => "in the last hour",
        "24h" => "in the last 24 hours",
        "48h" => "in the last 48 hours",
        "30d" => "in the last 30 days",
        "all" => "of all time",
        _ => "in the last 7 days",
    };
}
