namespace ClarityTracking.Core.Reports;

/// <summary>Which events matter most to who advertises.</summary>
internal static class EventWorth
{
    /// <summary>Most first; all other names stand between the last two.</summary>
    private static readonly string[] Names =
    [
        "purchase", "subscribe", "course_enrollment", "schedule", "lead", "complete_registration", "contact", "initiate_checkout", "add_to_cart",
        "newsletter_signup", "view_content", "search", "page_view",
    ];

    /// <summary>Smaller is worth more.</summary>
    public static int Rank(string name) => Array.IndexOf(Names, name) is var rank and >= 0 ? 2 * rank : (2 * Names.Length) - 3;
}
