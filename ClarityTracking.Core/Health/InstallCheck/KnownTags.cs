using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>What is known of a vendor's tag in a page.</summary>
/// <param name="Name">As people write it.</param>
/// <param name="Marks">Pieces of the document or of addresses that it asks for; any of them tells.</param>
/// <param name="Global">An expression that is true where it runs; null = none is known.</param>
/// <param name="Id">Finds its id: the first group that matched.</param>
internal sealed record KnownTag(string Name, string[] Marks, string? Global = null, Regex? Id = null)
{
    private const int MostMatches = 1000;

    /// <summary>Whether a page has it.</summary>
    public bool IsIn(PageSight sight, string everything) => sight.Globals.Contains(Name) || Marks.Any(m => everything.Contains(m, StringComparison.OrdinalIgnoreCase));

    /// <summary>Its ids in a page, at most five.</summary>
    public IReadOnlyList<string> IdsIn(string everything) => Id is null ? [] :
        [.. PagePatterns.In(Id, everything, MostMatches).Select(m => m.Groups.Values.Skip(1).FirstOrDefault(g => g.Success)?.Value).OfType<string>().Distinct(StringComparer.Ordinal).Take(5)];
}

/// <summary>Vendors' tags by what their own installation guides put into a page (November 2026).</summary>
internal static class KnownTags
{
    // before the tables, which take them when the class is made
    private static readonly Regex
        MetaId = PagePatterns.Of("""fbq\(\s*['"]init['"]\s*,\s*['"]?(\d{5,20})|facebook\.com/tr/?\?(?:[^"'\s]*&(?:amp;)?)?id=(\d{5,20})|/signals/config/(\d{5,20})"""),
        GoogleId = PagePatterns.Of("""gtag/js\?id=((?:G|AW|DC|GT)-[A-Z0-9]{4,20})|gtag\(\s*['"]config['"]\s*,\s*['"]((?:G|AW|DC|GT)-[A-Z0-9]{4,20})"""),
        TikTokId = PagePatterns.Of("""ttq\.load\(\s*['"]([A-Z0-9]{10,30})['"]|analytics\.tiktok\.com/[^"'\s]*[?&]sdkid=([A-Z0-9]{10,30})"""),
        PinterestId = PagePatterns.Of("""pintrk\(\s*['"]load['"]\s*,\s*['"](\d{5,20})|ct\.pinterest\.com/[^"'\s]*tid=(\d{5,20})"""),
        SnapchatId = PagePatterns.Of("""snaptr\(\s*['"]init['"]\s*,\s*['"]([a-f0-9-]{30,40})"""),
        RedditId = PagePatterns.Of("""rdt\(\s*['"]init['"]\s*,\s*['"]((?:a2|t2)_[a-z0-9]{3,30})"""),
        LinkedInId = PagePatterns.Of("""_linkedin_partner_id\s*=\s*['"](\d{3,12})|linkedin\.com/collect/?\?(?:[^"'\s]*&(?:amp;)?)?pid=(\d{3,12})"""),
        MicrosoftId = PagePatterns.Of("""\{\s*ti\s*:\s*['"](\d{5,15})|bat\.bing\.com/[^"'\s]*[?&]ti=(\d{5,15})"""),
        ContainerId = PagePatterns.Of("""\b(GTM-[A-Z0-9]{4,12})\b""");

    public static readonly KnownTag[] Consent =
    [
        new("OneTrust", ["otSDKStub.js", "cdn.cookielaw.org", "OptanonWrapper"], "window.OneTrust || window.OptanonWrapper"),
        new("Cookiebot", ["consent.cookiebot.com", "consent.cookiebot.eu", "data-cbid"], "window.Cookiebot"),
        new("Usercentrics", ["usercentrics.eu", "uc-block.bundle.js", "data-settings-id"], "window.UC_UI || window.__ucCmp"),
        new("Complianz", ["complianz-gdpr", "cmplz_"], "window.complianz"),
        new("Klaro", ["klaro.js", "klaro-no-css", "klaroConfig"], "window.klaro || window.klaroConfig"),
        new("CookieYes", ["cdn-cookieyes.com", "cookie-law-info"], "window.getCkyConsent || window.CookieYes"),
        new("Shopify customer privacy", ["consent-tracking-api", "shopify_pay/storefront_customer_privacy"], "window.Shopify && window.Shopify.customerPrivacy"),
        new("Borlabs Cookie", ["borlabs-cookie"], "window.BorlabsCookie"),
        new("Didomi", ["sdk.privacy-center.org", "didomi"], "window.Didomi"),
        new("A banner that speaks IAB TCF", ["__tcfapi"], "window.__tcfapi"),
    ];

    public static readonly KnownTag[] Pixels =
    [
        new("Meta", ["connect.facebook.net", "facebook.com/tr?", "facebook.com/tr/?"], "window.fbq", MetaId),
        new("Google", ["googletagmanager.com/gtag/js", "google-analytics.com/g/collect", "googleadservices.com/pagead"], "window.gtag", GoogleId),
        new("TikTok", ["analytics.tiktok.com"], "window.ttq", TikTokId),
        new("Pinterest", ["s.pinimg.com/ct/core.js", "ct.pinterest.com"], "window.pintrk", PinterestId),
        new("Snapchat", ["sc-static.net/scevent", "tr.snapchat.com"], "window.snaptr", SnapchatId),
        new("Reddit", ["redditstatic.com/ads/pixel.js", "alb.reddit.com"], "window.rdt", RedditId),
        new("LinkedIn", ["snap.licdn.com/li.lms-analytics", "_linkedin_partner_id"], "window._linkedin_partner_id", LinkedInId),
        new("Microsoft", ["bat.bing.com"], "window.uetq || window.UET", MicrosoftId),
    ];

    public static readonly KnownTag[] Managers =
    [
        new("Google Tag Manager", ["googletagmanager.com/gtm.js", "googletagmanager.com/ns.html"], "window.google_tag_manager", ContainerId),
        new("Matomo Tag Manager", ["/js/container_"], "window._mtm"),
        new("Tealium", ["tags.tiqcdn.com"], "window.utag"),
        new("Adobe Launch", ["assets.adobedtm.com"], "window._satellite"),
        new("Segment", ["cdn.segment.com/analytics.js"], "window.analytics && window.analytics.VERSION"),
    ];

    /// <summary>All of them.</summary>
    public static IEnumerable<KnownTag> All => Consent.Concat(Pixels).Concat(Managers);
}
