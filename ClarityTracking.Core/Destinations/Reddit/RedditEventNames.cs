using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Reddit;

/// <summary>What Reddit calls our events: a few types, and custom events under any name. Source: RudderStack's Reddit destination (2026-08).</summary>
static class RedditEventNames
{
    const int LongestName = 64;

    static readonly FrozenSet<string> Types =
        new[] { "PAGE_VISIT", "VIEW_CONTENT", "SEARCH", "ADD_TO_CART", "ADD_TO_WISHLIST", "PURCHASE", "LEAD", "SIGN_UP" }.ToFrozenSet(StringComparer.Ordinal);

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "PAGE_VISIT",
        ["view_content"] = "VIEW_CONTENT",
        ["search"] = "SEARCH",
        ["add_to_cart"] = "ADD_TO_CART",
        ["add_to_wishlist"] = "ADD_TO_WISHLIST",
        ["purchase"] = "PURCHASE",
        ["lead"] = "LEAD",
        ["complete_registration"] = "SIGN_UP",
        // custom events under our names
        ["initiate_checkout"] = "InitiateCheckout",
        ["schedule"] = "Schedule",
        ["subscribe"] = "Subscribe",
        ["contact"] = "Contact",
        ["course_enrollment"] = "CourseEnrollment",
        ["newsletter_signup"] = "NewsletterSignup",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The type, or the name of a custom event; null = not sent. Own events keep their name.</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static custom => custom);

    /// <summary>Is this one of Reddit's types rather than a custom event's name?</summary>
    internal static bool IsType(string name) => Types.Contains(name);

    internal static bool IsName(string name) => name.Length <= LongestName && name != "CUSTOM";
}
