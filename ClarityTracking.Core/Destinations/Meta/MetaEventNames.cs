using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>What Meta calls our events. Source of the standard names: developers.facebook.com, Conversions API, 2026-09-12.</summary>
static class MetaEventNames
{
    internal const string Purchase = "Purchase";

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = "PageView",
        ["view_content"] = "ViewContent",
        ["search"] = "Search",
        ["add_to_cart"] = "AddToCart",
        ["initiate_checkout"] = "InitiateCheckout",
        ["purchase"] = Purchase,
        ["lead"] = "Lead",
        ["schedule"] = "Schedule",
        ["complete_registration"] = "CompleteRegistration",
        ["subscribe"] = "Subscribe",
        ["contact"] = "Contact",
        // Meta's other standard events, for custom events of the same name
        ["add_payment_info"] = "AddPaymentInfo",
        ["add_to_wishlist"] = "AddToWishlist",
        ["customize_product"] = "CustomizeProduct",
        ["donate"] = "Donate",
        ["find_location"] = "FindLocation",
        ["start_trial"] = "StartTrial",
        ["submit_application"] = "SubmitApplication",
        // Ours: Meta has no standard event. Not Lead and not Subscribe, which would mix them into what those campaigns optimise for.
        ["course_enrollment"] = "CourseEnrollment",
        ["newsletter_signup"] = "NewsletterSignup",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The name to send; null = not sent. Custom events keep their name.</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static custom => custom);
}
