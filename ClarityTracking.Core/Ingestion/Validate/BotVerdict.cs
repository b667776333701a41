using System.Buffers;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Says why a browser's request looks like a machine. A first cut by what the client says about itself: it costs honest crawlers nothing
/// to say so, and a false verdict costs a customer, so unknown agents pass. HTTP libraries, automated browsers and missing agents pass
/// too: crawlers of that kind run no snippet, and what does reach intake with them is an integration or a test that means it.
/// </summary>
public static class BotVerdict
{
    /// <summary>Words of user agents by the reason they stand for, most telling first.</summary>
    static readonly (string Reason, string[] Words)[] Agents =
    [
        ("known crawler",
        [
            "Googlebot", "AdsBot-Google", "Mediapartners-Google", "Google-InspectionTool", "GoogleOther", "Google-Read-Aloud", "Storebot-Google",
            "APIs-Google", "FeedFetcher-Google", "bingbot", "BingPreview", "adidxbot", "msnbot", "Slurp", "DuckDuckBot", "DuckAssistBot",
            "Baiduspider", "YandexBot", "YandexMobileBot", "Sogou ", "Exabot", "SeznamBot", "PetalBot", "Applebot", "Amazonbot", "Bytespider",
            "GPTBot", "ChatGPT-User", "OAI-SearchBot", "ClaudeBot", "Claude-User", "anthropic-ai", "PerplexityBot", "CCBot", "cohere-ai", "Diffbot",
            "AhrefsBot", "SemrushBot", "MJ12bot", "DotBot", "rogerbot", "DataForSeoBot", "BLEXBot", "Screaming Frog", "serpstatbot", "ia_archiver",
            "archive.org_bot", "Scrapy",
        ]),
        ("link preview",
        [
            "facebookexternalhit", "facebookcatalog", "meta-externalagent", "meta-externalfetcher", "Twitterbot", "LinkedInBot", "Slackbot",
            "Slack-ImgProxy", "TelegramBot", "WhatsApp/", "Discordbot", "Pinterestbot", "SkypeUriPreview", "redditbot", "Embedly", "Iframely",
            "vkShare", "Snap URL Preview",
        ]),
        ("site check",
        [
            "Chrome-Lighthouse", "PageSpeed", "GTmetrix", "UptimeRobot", "Pingdom", "StatusCake", "Site24x7", "Uptime-Kuma", "Better Uptime",
            "HetrixTools", "NewRelicPinger", "Datadog", "DareBoost", "Catchpoint", "W3C_Validator", "Nessus", "Nuclei", "zgrab", "CensysInspect",
        ]),
        // what is left of those that name themselves and the page where they explain themselves
        ("calls itself a bot", ["bot/", "bot)", "bot;", "-bot", "_bot", "crawler", "spider", "+http"]),
    ];

    /// <summary>Before the name of a rule that a member wrote.</summary>
    public const string OwnRule = "own rule";

    /// <summary>What a member said of single events.</summary>
    public const string Marked = "marked by a member";

    /// <summary>
    /// Hosts that are never a way to a website: they put themselves into referrers to be looked up by whoever reads the report. Of the public list
    /// of referrer spammers (github.com/matomo-org/referrer-spam-list, 2026-11), the ones that came most often for years.
    /// </summary>
    static readonly HashSet<string> SpamHosts = new(
    [
        "semalt.com", "buttons-for-website.com", "darodar.com", "ilovevitaly.com", "priceg.com", "best-seo-offer.com", "best-seo-solution.com", "get-free-traffic-now.com",
        "free-share-buttons.com", "event-tracking.com", "trafficmonetize.org", "webmonetizer.net", "success-seo.com", "videos-for-your-business.com", "floating-share-buttons.com",
        "social-buttons.com", "4webmasters.org", "trafficbot.life", "trafficbot4free.xyz", "bot-traffic.xyz", "bottraffic.live", "hulfingtonpost.com", "howtostopreferralspam.eu",
        "seo-platform.com", "sharebutton.org", "traffic2money.com", "rank-checker.online", "uptime-bot.net", "o-o-8-o-o.com", "cenoval.ru", "econom.co", "blackhatworth.com",
    ], StringComparer.OrdinalIgnoreCase);

    static readonly SearchValues<string> AnyWord = SearchValues.Create([.. Agents.SelectMany(a => a.Words)], StringComparison.OrdinalIgnoreCase);

    /// <summary>The reason, or null when it looks like a person.</summary>
    /// <param name="userAgent">The User-Agent header.</param>
    /// <param name="purpose">
    /// Sec-Purpose, Purpose, X-Purpose or X-Moz, whichever is there: a page that was fetched ahead was not seen by anyone.
    /// </param>
    /// <param name="referrer">Where the visit says it comes from.</param>
    public static string? Of(string? userAgent, string? purpose = null, string? referrer = null)
    {
        if (purpose is not null
            && (purpose.Contains("prefetch", StringComparison.OrdinalIgnoreCase) || purpose.Contains("preview", StringComparison.OrdinalIgnoreCase)
                || purpose.Contains("prerender", StringComparison.OrdinalIgnoreCase)))
            return "prefetched, not seen";
        if (userAgent is not null && userAgent.AsSpan().ContainsAny(AnyWord))
            foreach (var (reason, words) in Agents)
                foreach (var word in words)
                    if (userAgent.Contains(word, StringComparison.OrdinalIgnoreCase) && !IsPhoneModel(userAgent, word))
                        return $"{reason}: {word.Trim(' ', '/', '(', ')', ';', '-', '_')}";
        return SpamHostOf(referrer) is { } host ? $"referrer spam: {host}" : null;
    }

    static string? SpamHostOf(string? referrer)
    {
        if (referrer is null || !Uri.TryCreate(referrer, UriKind.Absolute, out var address))
            return null;
        for (var host = address.Host; host.Contains('.'); host = host[(host.IndexOf('.', StringComparison.Ordinal) + 1)..])
            if (SpamHosts.Contains(host))
                return host.ToLowerInvariant();
        return null;
    }

    /// <summary>Cubot makes phones.</summary>
    static bool IsPhoneModel(string userAgent, string word) =>
        word.StartsWith("bot", StringComparison.Ordinal) && userAgent.Contains("cu" + word, StringComparison.OrdinalIgnoreCase);
}
