using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Snapchat;

/// <summary>What Snapchat calls our events: a closed list with five custom ones. Source: developers.snap.com and public integrations (2026-07).</summary>
static class SnapchatEventNames
{
    static readonly FrozenSet<string> Names = new[]
    {
        "PURCHASE", "SAVE", "START_CHECKOUT", "ADD_CART", "VIEW_CONTENT", "ADD_BILLING", "SIGN_UP", "SEARCH", "PAGE_VIEW", "SUBSCRIBE", "AD_CLICK", "AD_VIEW",
        "COMPLETE_TUTORIAL", "LEVEL_COMPLETE", "INVITE", "LOGIN", "SHARE", "RESERVE", "ACHIEVEMENT_UNLOCKED", "ADD_TO_WISHLIST", "SPENT_CREDITS", "RATE",
        "START_TRIAL", "LIST_VIEW", "APP_INSTALL", "APP_OPEN", "CUSTOM_EVENT_1", "CUSTOM_EVENT_2", "CUSTOM_EVENT_3", "CUSTOM_EVENT_4", "CUSTOM_EVENT_5",
    }.ToFrozenSet(StringComparer.Ordinal);

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "PAGE_VIEW",
        ["view_content"] = "VIEW_CONTENT",
        ["search"] = "SEARCH",
        ["add_to_cart"] = "ADD_CART",
        ["initiate_checkout"] = "START_CHECKOUT",
        ["purchase"] = "PURCHASE",
        ["complete_registration"] = "SIGN_UP",
        ["subscribe"] = "SUBSCRIBE",
        ["add_payment_info"] = "ADD_BILLING",
        ["add_to_wishlist"] = "ADD_TO_WISHLIST",
        ["start_trial"] = "START_TRIAL",
        // ours, because Snapchat has no standard event for them
        ["lead"] = "SIGN_UP",
        ["schedule"] = "RESERVE",
        ["contact"] = "CUSTOM_EVENT_1",
        ["course_enrollment"] = "CUSTOM_EVENT_2",
        ["newsletter_signup"] = "CUSTOM_EVENT_3",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names as a sentence lists them.</summary>
    internal static string All => string.Join(", ", Names.Order(StringComparer.Ordinal));

    /// <summary>The name to send; null = not sent. Own events need a name in the connection: there are only five to give.</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static _ => null);

    internal static bool IsName(string name) => Names.Contains(name);
}
