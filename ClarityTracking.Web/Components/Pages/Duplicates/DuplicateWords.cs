using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Duplicates;

/// <summary>The words of duplicates on pages.</summary>
internal static class DuplicateWords
{
    /// <summary>What kind of duplicate.</summary>
    public static string Kind(DuplicateKind kind) => kind switch
    {
        DuplicateKind.SameId => "Same id",
        DuplicateKind.DifferentIds => "Different ids",
        DuplicateKind.BrowserAndServer => "Browser and server",
    };

    /// <summary>Why events are held to be one.</summary>
    public static string Reason(DuplicateReason reason) => reason switch
    {
        DuplicateReason.SameId => "Same event id",
        DuplicateReason.SameOrder => "Same order number",
        DuplicateReason.SameVisitorAndValue => "Same browser and value, shortly after each other",
        DuplicateReason.SamePersonAndValue => "Same person and value, shortly after each other",
    };

    /// <summary>Where a group stands.</summary>
    public static StatusText State(DuplicateGroup group) => group.State switch
    {
        DuplicateState.Open => new("bad", "Counted twice"),
        DuplicateState.Ignored => new("", "Ignored"),
        DuplicateState.Stopped => new("good", "Stopped by a rule"),
        DuplicateState.Ended => new("good", group.Verdict == DuplicateVerdict.Paired ? "Paired, counted once" : "Stored once"),
    };

    /// <summary>A state alone, for filters.</summary>
    public static string State(DuplicateState state) => state switch
    {
        DuplicateState.Open => "Counted twice",
        DuplicateState.Ignored => "Ignored",
        DuplicateState.Stopped => "Stopped",
        DuplicateState.Ended => "Counted once",
    };

    /// <summary>What a platform counts.</summary>
    public static StatusText Outcome(DedupOutcome outcome) => outcome switch
    {
        DedupOutcome.CountedOnce => new("good", "Once"),
        DedupOutcome.CountedTwice => new("bad", "Twice"),
        DedupOutcome.Uncertain => new("warn", "Not certain"),
    };

    /// <summary>A platform's name.</summary>
    public static string Platform(string key) => key switch
    {
        "meta" => "Meta",
        "tiktok" => "TikTok",
        "google_ads" => "Google Ads",
        "google_analytics" => "Google Analytics",
        "linkedin" => "LinkedIn",
        _ => Words.Sentence(key),
    };

    /// <summary>Money that is counted too much, at most three currencies.</summary>
    public static string Values(IReadOnlyList<DuplicateValue> values) =>
        values.Count == 0 ? "0" : string.Join(" + ", values.Take(3).Select(v => Words.Money(v.Value, v.Currency)));

    /// <summary>Who may decide.</summary>
    public static bool MayDecide(WebsiteInfo? site) => site is { Role: >= Role.Analyst };
}
