namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>What a platform makes of two events that are one.</summary>
public enum DedupOutcome
{
    /// <summary>It counts them once.</summary>
    CountedOnce,
    /// <summary>It counts them twice.</summary>
    CountedTwice,
    /// <summary>Its documentation does not say, or makes it depend on what we cannot see.</summary>
    Uncertain,
}

/// <summary>Two events beside each other, as platforms compare them.</summary>
/// <param name="Name">Canonical event name of the first.</param>
/// <param name="SameName">Both reach the platform under one name.</param>
/// <param name="SameEventId">Under one event id.</param>
/// <param name="SameTransaction">With one order number, or, without any, one event id: what Google compares.</param>
/// <param name="Apart">Between the two.</param>
/// <param name="AcrossSides">One by the browser (a pixel or tag), one by a server.</param>
/// <param name="SameBrowser">With the same browser id (fbp, visitor).</param>
/// <param name="BrowserFirst">The browser's came first.</param>
public sealed record DedupFacts(string Name, bool SameName, bool SameEventId, bool SameTransaction, TimeSpan Apart, bool AcrossSides, bool SameBrowser = false, bool BrowserFirst = false);

/// <summary>What one platform makes of a pair.</summary>
/// <param name="Platform">Key of the contract.</param>
/// <param name="Outcome">What it counts.</param>
/// <param name="Rule">The key and time it compares by, for people.</param>
/// <param name="Why">One sentence about this pair.</param>
public sealed record PlatformVerdict(string Platform, DedupOutcome Outcome, string Rule, string Why);

/// <summary>
/// How each ad platform tells that two events are one: one row a platform. Sources: Meta "Deduplicate Pixel and Server Events" and "Server Event Parameters"
/// (developers.facebook.com, 2026-09-12); TikTok "Event Deduplication" (ads.tiktok.com/help, 2025-05); Pinterest API description 5.23.0 (2025-12), window not
/// documented there; Snapchat Conversions API, window not documented; Reddit help "deduplication" (copy of 2025); Google Ads ConversionUploadErrorEnum v22;
/// GA4 Measurement Protocol (no documented rule but transaction_id); LinkedIn "Conversions API deduplication"; Microsoft "UET Conversion API".
/// What is sent as the key is what our destinations send: the event id, and for Google the order number or, without one, the event id.
/// </summary>
public static class PlatformDedup
{
    private static readonly TimeSpan TwoDays = TimeSpan.FromHours(48), Day = TimeSpan.FromHours(24), FiveMinutes = TimeSpan.FromMinutes(5);

    private static readonly IReadOnlyList<(string Platform, string Rule, Func<DedupFacts, (DedupOutcome, string)> Of)> Rules =
    [
        ("meta", "event name and event id, 48 hours", Meta),
        ("tiktok", "event and event id, 48 hours; a pixel with the API from 5 minutes on", TikTok),
        ("pinterest", "event name and event id; its time is not documented, one day is what others report", f => ById(f, Day, isTimeDocumented: false)),
        ("snapchat", "event name and event id; its time is not documented, 48 hours is what others report", f => ById(f, TwoDays, isTimeDocumented: false)),
        ("reddit", "event type and conversion id, 2 days; the one with more match keys is kept", f => ById(f, TwoDays, isTimeDocumented: true)),
        ("google_ads", "order number, or the event id where there is none, for each conversion action", GoogleAds),
        ("google_analytics", "transaction id, purchases only", Analytics),
        ("linkedin", "event id of its tag and of the API; the tag's is kept", LinkedIn),
        ("microsoft", "event id of its tag and of the API; its time is not documented", Microsoft),
    ];

    /// <summary>Each platform's verdict.</summary>
    public static IReadOnlyList<PlatformVerdict> Of(DedupFacts facts) =>
        [.. Rules.Select(rule => rule.Of(facts) is var (outcome, why) ? new PlatformVerdict(rule.Platform, outcome, rule.Rule, why) : null!)];

    /// <summary>Each platform's rule in words.</summary>
    public static IReadOnlyDictionary<string, string> RulesInWords { get; } = Rules.ToDictionary(r => r.Platform, r => r.Rule, StringComparer.Ordinal);

    private static (DedupOutcome, string) Meta(DedupFacts f)
    {
        if (f.SameName && f.SameEventId)
            return f.Apart > TwoDays ? (DedupOutcome.CountedTwice, "Same name and id, but more than 48 hours apart.")
                : (DedupOutcome.CountedOnce, f.AcrossSides && f.Apart <= FiveMinutes ? "Same name and id within 5 minutes: the browser's is kept." : "Same name and id: the first is kept.");
        if (f.SameName && f.AcrossSides && f.BrowserFirst && f.SameBrowser)
            return (DedupOutcome.Uncertain, "Different ids. Meta may still join a pixel's event that came first with a server's by fbp or external id, never two of a server.");
        return (DedupOutcome.CountedTwice, f.SameName ? "Different event ids." : "Different event names.");
    }

    private static (DedupOutcome, string) TikTok(DedupFacts f)
    {
        if (!f.SameName || !f.SameEventId)
            return (DedupOutcome.CountedTwice, f.SameName ? "Different event ids." : "Different events.");
        if (f.Apart > TwoDays)
            return (DedupOutcome.CountedTwice, "Same event and id, but more than 48 hours apart.");
        return f.AcrossSides && f.Apart < FiveMinutes
            ? (DedupOutcome.Uncertain, "Same event and id; TikTok documents joining a pixel with the API only from 5 minutes apart on.")
            : (DedupOutcome.CountedOnce, f.AcrossSides ? "Same event and id: the second enriches the first." : "Same event and id: the second is dropped.");
    }

    private static (DedupOutcome, string) ById(DedupFacts f, TimeSpan window, bool isTimeDocumented) =>
        !f.SameName ? (DedupOutcome.CountedTwice, "Different event names.")
            : !f.SameEventId ? (DedupOutcome.CountedTwice, "Different event ids.")
            : f.Apart <= window ? (DedupOutcome.CountedOnce, "Same name and id.")
            : isTimeDocumented ? (DedupOutcome.CountedTwice, "Same name and id, but too far apart.")
            : (DedupOutcome.Uncertain, "Same name and id, but further apart than is known to be compared.");

    private static (DedupOutcome, string) GoogleAds(DedupFacts f) =>
        !f.SameName ? (DedupOutcome.Uncertain, "Different names are different conversion actions, unless both are mapped to one.")
            : f.SameTransaction ? (DedupOutcome.CountedOnce, "Same order number: the second is refused as known already.")
            : (DedupOutcome.CountedTwice, "Different order numbers or ids.");

    private static (DedupOutcome, string) Analytics(DedupFacts f) =>
        f.Name != "purchase" || !f.SameName ? (DedupOutcome.CountedTwice, "Only purchases are compared.")
            : f.SameTransaction ? (DedupOutcome.CountedOnce, "Same transaction id.")
            : (DedupOutcome.CountedTwice, "Different transaction ids.");

    private static (DedupOutcome, string) LinkedIn(DedupFacts f) =>
        !f.SameEventId ? (DedupOutcome.CountedTwice, "Different event ids.")
            : f.AcrossSides ? (DedupOutcome.CountedOnce, "Same id: the API's is discarded.")
            : (DedupOutcome.Uncertain, "Same id; only a tag with the API is documented, not two of one side.");

    private static (DedupOutcome, string) Microsoft(DedupFacts f) =>
        !f.SameEventId ? (DedupOutcome.CountedTwice, "Different event ids.")
            : f.AcrossSides ? (DedupOutcome.CountedOnce, "Same id on the same tag.")
            : (DedupOutcome.Uncertain, "Same id; only a tag with the API is documented, not two of one side.");
}
