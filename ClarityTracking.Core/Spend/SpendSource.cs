using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Spend;

/// <summary>Which platform a word of an address, a file or a click id stands for.</summary>
public static class SpendSource
{
    private static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["facebook"] = "meta",
        ["fb"] = "meta",
        ["instagram"] = "meta",
        ["ig"] = "meta",
        ["meta"] = "meta",
        ["meta ads"] = "meta",
        ["meta_ads"] = "meta",
        ["facebook ads"] = "meta",
        ["facebook_ads"] = "meta",
        ["google"] = "google_ads",
        ["google ads"] = "google_ads",
        ["google_ads"] = "google_ads",
        ["googleads"] = "google_ads",
        ["adwords"] = "google_ads",
        ["youtube"] = "google_ads",
        ["tiktok"] = "tiktok",
        ["tiktok ads"] = "tiktok",
        ["tiktok_ads"] = "tiktok",
        ["pinterest"] = "pinterest",
        ["pinterest ads"] = "pinterest",
        ["bing"] = "microsoft",
        ["microsoft"] = "microsoft",
        ["microsoft ads"] = "microsoft",
        ["linkedin"] = "linkedin",
        ["snapchat"] = "snapchat",
        ["reddit"] = "reddit",
    };

    private static readonly Dictionary<string, string> Clicks = new(StringComparer.OrdinalIgnoreCase)
    {
        ["gclid"] = "google_ads",
        ["gbraid"] = "google_ads",
        ["wbraid"] = "google_ads",
        ["fbclid"] = "meta",
        ["ttclid"] = "tiktok",
        ["epik"] = "pinterest",
        ["msclkid"] = "microsoft",
        ["li_fat_id"] = "linkedin",
        ["sccid"] = "snapchat",
        ["rdt_cid"] = "reddit",
    };

    /// <summary>Click ids that name a platform.</summary>
    internal static string[] ClickNames => [.. Clicks.Keys];

    /// <summary>The platform of a source's name; a source nobody knows is a platform of its own. Null when it is empty.</summary>
    public static string? PlatformOf(string? source) =>
        source?.Trim() is not { Length: > 0 } word ? null : Words.GetValueOrDefault(word) ?? SpendJson.Clean(word.ToLowerInvariant());

    /// <summary>The platform whose click id this is; null = none's.</summary>
    public static string? PlatformOfClick(string? clickId) => clickId is null ? null : Clicks.GetValueOrDefault(clickId);
}
