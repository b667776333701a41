using System.Collections.Frozen;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>What Google Analytics calls our events. Sources: Measurement Protocol reference; reserved names as RudderStack's ga4 keeps them (2026-08).</summary>
static partial class AnalyticsEventNames
{
    internal const string Purchase = "purchase", Refund = "refund";

    const int LongestName = 40;

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "page_view",
        ["view_content"] = "view_item",
        ["search"] = "search",
        ["add_to_cart"] = "add_to_cart",
        ["initiate_checkout"] = "begin_checkout",
        ["purchase"] = Purchase,
        ["refund"] = Refund,
        ["lead"] = "generate_lead",
        ["complete_registration"] = "sign_up",
        ["add_payment_info"] = "add_payment_info",
        ["add_to_wishlist"] = "add_to_wishlist",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    static readonly FrozenSet<string> Reserved = new[]
    {
        "ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query", "adunit_exposure", "app_clear_data", "app_install", "app_remove", "app_update",
        "error", "first_open", "first_visit", "in_app_purchase", "notification_dismiss", "notification_foreground", "notification_open", "notification_receive",
        "os_update", "screen_view", "session_start", "user_engagement",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The name to send; null = not sent. Own events keep their name where Google Analytics can take it (schedule, subscribe, contact …).</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static custom => Fitting(custom));

    /// <summary>Whether Google Analytics takes the name. It drops others without a word.</summary>
    internal static bool IsName(string name) => Shape().IsMatch(name) && !Reserved.Contains(name)
        && !name.StartsWith("google_", StringComparison.Ordinal) && !name.StartsWith("ga_", StringComparison.Ordinal) && !name.StartsWith("firebase_", StringComparison.Ordinal);

    /// <summary>Letters, digits and underscores of a name ("Demo booked" becomes Demo_booked); null when nothing fitting remains.</summary>
    static string? Fitting(string name)
    {
        var fitting = Others().Replace(name, "_");
        fitting = fitting.Length > LongestName ? fitting[..LongestName] : fitting;
        return IsName(fitting) ? fitting : null;
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_]{0,39}\z")]
    private static partial Regex Shape();

    [GeneratedRegex(@"[^A-Za-z0-9_]+")]
    private static partial Regex Others();
}
