using System.Collections.Frozen;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>What a touch says about where it came from.</summary>
/// <param name="Told">The channel in the sender's own word: a secret key's <c>properties.channel</c>, or the one chosen for the campaign link.</param>
/// <param name="ClickIds">Kinds of the click ids that the address itself carries.</param>
/// <param name="Source"><c>utm_source</c>.</param>
/// <param name="Medium"><c>utm_medium</c>.</param>
/// <param name="Referrer">Address the visitor came from.</param>
/// <param name="Page">Address of the page.</param>
/// <param name="OwnDomain">The website's.</param>
/// <param name="IsLink">It came by a campaign link.</param>
public sealed record Arrival(string? Told = null, IReadOnlyCollection<string>? ClickIds = null, string? Source = null, string? Medium = null, string? Referrer = null,
    string? Page = null, string? OwnDomain = null, bool IsLink = false);

/// <summary>
/// The channel of a touch, from the surest to the weakest sign: told outright, a platform's click id, campaign parameters, the page before it, nothing.
/// A pure function over tables.
/// </summary>
public static class Channel
{
    /// <summary>Nothing says where the visitor came from.</summary>
    public const string Direct = "direct";

    /// <summary>A campaign link of which nothing else is known.</summary>
    public const string Link = "link";

    private const string Email = "email", Referral = "referral", Assistant = "ai_assistant", Display = "display", Facebook = "facebook", Instagram = "instagram";
    private const int Longest = 60;

    /// <summary>
    /// Click ids, the first one that is there counts. Facebook puts fbclid on every link that leaves it, paid or not: it names the platform, never that an
    /// ad was clicked (reference/attribution.md section 6; the medium tells a paid click). gclid and msclkid are given to clicks on ads alone.
    /// </summary>
    private static readonly (string Kind, string Channel)[] ClickIds =
    [
        ("gclid", "google_cpc"), ("gbraid", "google_cpc"), ("wbraid", "google_cpc"), ("msclkid", "bing_cpc"), ("dclid", Display), ("fbclid", Facebook), ("ttclid", "tiktok"),
        ("epik", "pinterest"), ("ScCid", "snapchat"), ("twclid", "x"), ("li_fat_id", "linkedin"), ("rdt_cid", "reddit"),
    ];

    /// <summary>Networks by the words and hosts they go by.</summary>
    private static readonly FrozenDictionary<string, string> Networks = Table(
        (Facebook, "facebook fb facebook.com fb.com fb.me facebook_ads facebook-ads meta meta_ads messenger messenger.com com.facebook.katana com.facebook.orca"),
        (Instagram, "instagram ig instagram.com instagram_ads com.instagram.android"),
        ("tiktok", "tiktok tiktok.com tiktok_ads com.zhiliaoapp.musically"),
        ("pinterest", "pinterest pinterest.com pin.it com.pinterest"),
        ("youtube", "youtube youtube.com youtu.be yt com.google.android.youtube"),
        ("linkedin", "linkedin linkedin.com lnkd.in com.linkedin.android"),
        ("x", "x twitter x.com twitter.com t.co com.twitter.android"),
        ("snapchat", "snapchat snapchat.com com.snapchat.android"),
        ("reddit", "reddit reddit.com redd.it com.reddit.frontpage"),
        ("threads", "threads threads.net threads.com"),
        ("whatsapp", "whatsapp whatsapp.com wa.me com.whatsapp"),
        ("telegram", "telegram telegram.org t.me org.telegram.messenger org.telegram.plus"),
        ("social", "bsky.app bluesky mastodon mastodon.social vk.com quora.com tumblr.com nextdoor nextdoor.com xing.com discord.com discord twitch.tv linktr.ee linktree lnk.bio"));

    /// <summary>Search engines by the words and hosts they go by; of some the host ends differently by country.</summary>
    private static readonly FrozenDictionary<string, string> Engines = Table(
        ("google", "google google.com googleads google_ads google-ads adwords com.google.android.googlequicksearchbox business.google.com gmb google_business google-my-business gbp"),
        ("bing", "bing bing.com bing_ads microsoft microsoft_ads msn.com"),
        ("yahoo", "yahoo yahoo.com"),
        ("duckduckgo", "duckduckgo duckduckgo.com ddg com.duckduckgo.mobile.android"),
        ("yandex", "yandex yandex.ru yandex.com ya.ru"),
        ("baidu", "baidu baidu.com"),
        ("ecosia", "ecosia ecosia.org"),
        ("search", "qwant.com startpage.com search.brave.com naver.com seznam.cz kagi.com ask.com search.aol.com swisscows.com presearch.com"));

    private static readonly FrozenDictionary<string, string> Mailers = Table(
        (Email, """
            newsletter email e-mail mail mailing mailchimp klaviyo sendgrid brevo sendinblue activecampaign convertkit kit mailerlite campaignmonitor constantcontact drip omnisend
            mail.google.com gmail.com com.google.android.gm outlook.live.com outlook.office.com outlook.office365.com outlook.com com.microsoft.office.outlook mail.yahoo.com mail.aol.com
            mail.proton.me mail.gmx.net mail.gmx.com navigator.gmx.net mail.web.de navigator.web.de mail.zoho.com fastmail.com app.fastmail.com mail.ru e.mail.ru icloud.com
            """));

    private static readonly FrozenDictionary<string, string> Assistants = Table(
        (Assistant, "chatgpt chatgpt.com openai openai.com perplexity perplexity.ai claude claude.ai gemini gemini.google.com copilot copilot.microsoft.com chat.mistral.ai deepseek.com chat.deepseek.com you.com meta.ai grok.com poe.com"));

    /// <summary>Media that say by themselves what the touch was, where the source does not.</summary>
    private static readonly FrozenDictionary<string, string> Media = Table(
        (Email, "email e-mail mail newsletter"), ("sms", "sms mms text"), ("push", "push web_push webpush notification"), ("affiliate", "affiliate affiliates partner"), (Referral, "referral link"),
        (Display, "display banner cpm gdn programmatic interstitial"), ("paid_social", "paid_social paidsocial paid-social social_paid social-paid"),
        ("social", "social social-media social_media social-network organic_social social_organic sm"), ("paid_search", "cpc ppc paid paid_search paidsearch paid-search sem cpa"),
        ("organic_search", "organic seo"), ("video", "video cpv"), ("audio", "audio podcast radio"), ("offline", "offline print flyer qr qrcode qr_code poster tv direct_mail"));

    /// <summary>Media that say a search engine was paid.</summary>
    private static readonly FrozenSet<string> Paid = Words("cpc ppc paid paid_search paidsearch paid-search sem cpa cpv paid_social pmax performance_max shopping");

    /// <summary>Where visitors are sent and come back from: what they had come for began before.</summary>
    private static readonly FrozenSet<string> Detours = Words("""
        stripe.com paypal.com pay.google.com klarna.com afterpay.com clearpay.co.uk squareup.com square.site mollie.com adyen.com shop.app checkout.shopify.com pay.shopify.com sezzle.com affirm.com
        razorpay.com authorize.net braintreegateway.com worldpay.com amazonpay.com pay.amazon.com checkout.com cardinalcommerce.com arcot.com 3dsecure.io paddle.com lemonsqueezy.com
        accounts.google.com appleid.apple.com login.microsoftonline.com login.live.com login.yahoo.com auth0.com okta.com clerk.accounts.dev id.me
        """);

    /// <summary>Finds the channel.</summary>
    public static string Of(Arrival arrival)
    {
        if (Word(arrival.Told) is { } told)
            return told;
        var (source, medium, referrer) = (Word(arrival.Source), Word(arrival.Medium), ReferrerHost(arrival.Referrer, arrival.Page, arrival.OwnDomain));
        if (OfClickId(arrival.ClickIds, source, referrer) is { } clicked)
            return clicked;
        if (OfCampaign(source, medium) is { } campaign)
            return campaign;
        if (referrer is not null)
            return OfHost(referrer);
        return arrival.IsLink ? Link : Direct;
    }

    /// <summary>A channel's name as it is stored: lower case, blanks as underscores, at most 60 characters. Null = it names none.</summary>
    public static string? Word(string? text)
    {
        var word = string.Join('_', (text ?? "").ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return word is "" or "(none)" or "(not_set)" or "(direct)" ? null : word.Length > Longest ? word[..Longest] : word;
    }

    /// <summary>The host a visitor came from, in lower case without <c>www.</c>; null when it is the website's own, a payment's or a sign-in's, or none.</summary>
    /// <param name="referrer">Address.</param>
    /// <param name="page">Address of the page: its host is the website's own too.</param>
    /// <param name="ownDomain">The website's domain.</param>
    public static string? ReferrerHost(string? referrer, string? page, string? ownDomain)
    {
        if (HostOf(referrer) is not { } host || IsOwn(host, ownDomain) || IsOwn(host, HostOf(page)) || Detours.Contains(host) || Parents(host).Any(Detours.Contains))
            return null;
        return host;
    }

    private static string? OfClickId(IReadOnlyCollection<string>? kinds, string? source, string? referrer)
    {
        if (kinds is null)
            return null;
        foreach (var (kind, channel) in ClickIds)
            if (kinds.Contains(kind))
                return channel == Facebook && (NetworkOf(source) == Instagram || NetworkOf(referrer) == Instagram) ? Instagram : channel;
        return null;
    }

    private static string? OfCampaign(string? source, string? medium)
    {
        if (source is null && medium is null)
            return null;
        // a newsletter may be named by either, and be about a network
        if (medium is not null && Media.GetValueOrDefault(medium) is Email or "sms" or "push" or "affiliate" or "offline")
            return Media[medium];
        if (source is not null && Found(Mailers, source) is { } mail)
            return mail;
        if (NetworkOf(source) is { } network)
            return network;
        if (source is not null && Found(Assistants, source) is { } assistant)
            return assistant;
        if (EngineOf(source) is { } engine)
            return medium is not null && Media.GetValueOrDefault(medium) == Display ? Display : medium is not null && Paid.Contains(medium) ? $"{engine}_cpc" : $"{engine}_organic";
        return (medium is null ? null : Media.GetValueOrDefault(medium)) ?? (source is null ? null : source == Direct ? Direct : "other");
    }

    private static string OfHost(string host) =>
        Found(Mailers, host) ?? Found(Assistants, host) ?? NetworkOf(host) ?? (EngineOf(host) is { } engine ? engine == "search" ? "organic_search" : $"{engine}_organic" : Referral);

    private static string? NetworkOf(string? word) => word is null ? null : Found(Networks, word) ?? (IsBrand(word, Facebook) ? Facebook : IsBrand(word, "pinterest") ? "pinterest" : null);

    /// <summary>A host such as google.co.uk or br.search.yahoo.com, or the engine's word.</summary>
    private static string? EngineOf(string? word) => word is null ? null
        : Found(Engines, word) ?? (IsBrand(word, "google") ? "google" : IsBrand(word, "yahoo") ? "yahoo" : IsBrand(word, "yandex") ? "yandex" : IsBrand(word, "bing") ? "bing" : null);

    /// <summary>Of a host, the brand in front of one of its many endings.</summary>
    private static bool IsBrand(string host, string brand)
    {
        var labels = host.Split('.');
        var at = Array.IndexOf(labels, brand);
        return at >= 0 && labels.Length - at is 2 or 3 && labels[(at + 1)..].All(l => l.Length is 2 or 3);
    }

    private static string? Found(FrozenDictionary<string, string> table, string word)
    {
        if (table.TryGetValue(word, out var found))
            return found;
        foreach (var parent in Parents(word))
            if (table.TryGetValue(parent, out found))
                return found;
        return null;
    }

    /// <summary>example.com and its like of m.shop.example.com; not the last label alone, since words without a dot stand for themselves.</summary>
    private static IEnumerable<string> Parents(string host)
    {
        for (var dot = host.IndexOf('.', StringComparison.Ordinal); dot >= 0 && host.IndexOf('.', dot + 1) > 0; dot = host.IndexOf('.', dot + 1))
            yield return host[(dot + 1)..];
    }

    private static bool IsOwn(string host, string? domain)
    {
        if (WithoutWww(domain?.Trim().ToLowerInvariant()) is not { Length: > 0 } own)
            return false;
        own = own.Split(':')[0];
        return host == own || host.EndsWith($".{own}", StringComparison.Ordinal) || own.EndsWith($".{host}", StringComparison.Ordinal) && host.Contains('.', StringComparison.Ordinal);
    }

    internal static string? HostOf(string? address) =>
        address is not null && Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Host.Length > 0 ? WithoutWww(url.Host.ToLowerInvariant()) : null;

    private static string? WithoutWww(string? host) => host?.StartsWith("www.", StringComparison.Ordinal) == true ? host[4..] : host;

    private static FrozenSet<string> Words(string words) => words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    private static FrozenDictionary<string, string> Table(params (string Channel, string Words)[] rows) =>
        rows.SelectMany(r => Words(r.Words).Select(w => (w, r.Channel))).ToFrozenDictionary(r => r.w, r => r.Channel, StringComparer.Ordinal);
}
