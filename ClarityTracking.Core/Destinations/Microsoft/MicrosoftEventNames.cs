using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Microsoft;

/// <summary>What Microsoft calls our events. A conversion goal matches any name, so all but the page load are our choice; they follow gtag's.</summary>
static class MicrosoftEventNames
{
    /// <summary>Not a name but a type of its own.</summary>
    internal const string PageLoad = "pageLoad";

    const int LongestName = 100;

    static readonly FrozenDictionary<string, string> Standard = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["page_view"] = PageLoad,
        ["view_content"] = "view_item",
        ["initiate_checkout"] = "begin_checkout",
        ["complete_registration"] = "sign_up",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The name to send; null = not sent. Others keep theirs (search, add_to_cart, purchase, lead, schedule …).</summary>
    internal static string? Find(string name, JsonElement settings) => EventNames.Find(name, settings, Standard, static custom => custom);

    internal static bool IsName(string name) => name.Length <= LongestName;
}
