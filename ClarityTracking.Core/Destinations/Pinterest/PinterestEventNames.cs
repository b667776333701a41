using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>What Pinterest calls our events: a closed list. Source: pinterest/api-description, v5 5.23.0 (2025-12).</summary>
static class PinterestEventNames
{
    internal const string Custom = "custom";

    static readonly FrozenSet<string> Names = new[]
    {
        "add_payment_info", "add_to_cart", "add_to_wishlist", "app_install", "checkout", Custom, "initiate_checkout", "lead", "page_visit",
        "search", "signup", "subscribe", "view_category", "view_content", "watch_video",
    }.ToFrozenSet(StringComparer.Ordinal);

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "page_visit",
        ["view_content"] = "view_content",
        ["search"] = "search",
        ["add_to_cart"] = "add_to_cart",
        ["initiate_checkout"] = "initiate_checkout",
        ["purchase"] = "checkout",
        ["lead"] = "lead",
        ["contact"] = "lead", // ours: Pinterest has no contact
        ["complete_registration"] = "signup",
        ["subscribe"] = "subscribe",
        ["add_payment_info"] = "add_payment_info",
        ["add_to_wishlist"] = "add_to_wishlist",
        ["view_category"] = "view_category",
        ["watch_video"] = "watch_video",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names as a sentence lists them.</summary>
    internal static string All => string.Join(", ", Names.Order(StringComparer.Ordinal));

    /// <summary>The name to send; null = not sent. What Pinterest has no name for (schedule, course_enrollment, own events) is custom.</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static _ => Custom);

    internal static bool IsName(string name) => Names.Contains(name);
}
