using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>What TikTok calls our events. Names are case sensitive. Source: ads.tiktok.com, supported standard events (2025-09).</summary>
static class TikTokEventNames
{
    const int LongestName = 50;

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "Pageview", // not in the list; integrations disagree between this and PageView
        ["view_content"] = "ViewContent",
        ["search"] = "Search",
        ["add_to_cart"] = "AddToCart",
        ["initiate_checkout"] = "InitiateCheckout",
        ["purchase"] = "Purchase",
        ["lead"] = "Lead",
        ["schedule"] = "Schedule",
        ["complete_registration"] = "CompleteRegistration",
        ["subscribe"] = "Subscribe",
        ["contact"] = "Contact",
        ["add_payment_info"] = "AddPaymentInfo",
        ["add_to_wishlist"] = "AddToWishlist",
        ["customize_product"] = "CustomizeProduct",
        ["find_location"] = "FindLocation",
        ["start_trial"] = "StartTrial",
        ["submit_application"] = "SubmitApplication",
        ["download"] = "Download",
        // ours: no standard event says it; who enrols in a course registers for it
        ["course_enrollment"] = "CompleteRegistration",
        ["newsletter_signup"] = "NewsletterSignup",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The name to send; null = not sent. Custom events keep their name.</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static custom => custom);

    internal static bool IsName(string name) => name.Length <= LongestName;
}
