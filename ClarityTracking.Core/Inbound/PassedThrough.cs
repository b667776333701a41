using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Inbound;

/// <summary>
/// Finds what our snippet handed through the sender's system: the visitor's id, campaign parameters, click ids and browser ids. Names are
/// found without regard to case and to underscores before them; what was told outright wins over the same name in the landing address.
/// </summary>
sealed partial class PassedThrough
{
    static readonly FrozenDictionary<string, string> Names = new Dictionary<string, string>
    {
        ["ct_vid"] = "visitor_id",
        ["visitor_id"] = "visitor_id",
        ["utm_source"] = "utm_source",
        ["utm_medium"] = "utm_medium",
        ["utm_campaign"] = "utm_campaign",
        ["utm_term"] = "utm_term",
        ["utm_content"] = "utm_content",
        ["utm_id"] = "utm_id",
        ["gclid"] = "gclid",
        ["gbraid"] = "gbraid",
        ["wbraid"] = "wbraid",
        ["dclid"] = "dclid",
        ["fbclid"] = "fbclid",
        ["ttclid"] = "ttclid",
        ["msclkid"] = "msclkid",
        ["twclid"] = "twclid",
        ["li_fat_id"] = "li_fat_id",
        ["sccid"] = "sccid",
        ["epik"] = "epik",
        ["rdt_cid"] = "rdt_cid",
        ["ct_tracking_id"] = "ct_tracking_id",
        ["ct_campaign_link_id"] = "ct_campaign_link_id",
        ["fbp"] = "fbp",
        ["fbc"] = "fbc",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>WooCommerce writes these for direct visits: they name no source.</summary>
    static readonly string[] NoSource = ["(direct)", "(none)"];

    /// <summary>What intake takes; what is longer would cost the whole event.</summary>
    const int LongestCampaignText = 300, LongestId = 1000;

    readonly Dictionary<string, string> _found = new(StringComparer.Ordinal);

    /// <summary>Adds one told value; the first of a name wins. Unknown names are left out.</summary>
    internal PassedThrough Add(string? name, string? value)
    {
        if (name is not null && Text(value) is { } text && Names.TryGetValue(name.TrimStart('_'), out var known) && !NoSource.Contains(text)
            && text.Length <= (known.StartsWith("utm_", StringComparison.Ordinal) ? LongestCampaignText : LongestId) && (known != "visitor_id" || VisitorIdShape().IsMatch(text)))
            _found.TryAdd(known, text);
        return this;
    }

    /// <summary>Adds a field of the sender's that we borrow; it counts only when it holds one of our ids.</summary>
    internal PassedThrough AddBorrowed(string? value)
    {
        if (Text(value) is { } text && OurVisitorId().IsMatch(text))
            _found.TryAdd("visitor_id", text);
        return this;
    }

    /// <summary>Adds the page the visit began on; call it after what was told outright.</summary>
    /// <param name="url">The page.</param>
    /// <param name="referrer">The address before it.</param>
    /// <param name="readQuery">What its query carries counts as told, where nothing was told outright.</param>
    internal PassedThrough AddLanding(string? url, string? referrer, bool readQuery = true)
    {
        if (Text(url) is { } landing)
        {
            _found["landing_url"] = landing;
            var query = readQuery && landing.IndexOf('?', StringComparison.Ordinal) is >= 0 and var question ? landing[(question + 1)..].Split('#')[0] : "";
            foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
                if (pair.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals)
                    Add(Uri.UnescapeDataString(pair[..equals]), Uri.UnescapeDataString(pair[(equals + 1)..].Replace('+', ' ')));
        }
        if (Text(referrer) is { } from)
            _found["referrer"] = from;
        return this;
    }

    /// <summary>What was found.</summary>
    internal IReadOnlyDictionary<string, string> Found => _found;

    static string? Text(string? value) => value?.Replace("\0", "", StringComparison.Ordinal).Trim() is { Length: > 0 and <= 8192 } text ? text : null;

    /// <summary>Our ids begin with v_ since the snippet hands them through foreign fields.</summary>
    [GeneratedRegex(@"^v_[A-Za-z0-9_-]{1,40}\z")]
    private static partial Regex OurVisitorId();

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex VisitorIdShape();
}
