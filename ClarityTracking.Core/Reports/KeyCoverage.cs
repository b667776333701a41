using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Reports;

/// <summary>
/// Which match keys events carry, in the names that coverage is counted and shown under. Counted are the events that ad platforms may get:
/// no tests, no bots, nobody who refused. A value that cannot be used counts as absent.
/// </summary>
public static class KeyCoverage
{
    /// <summary>The name under which the counted events themselves are counted: what shares are shares of.</summary>
    public const string All = "*";

    /// <summary>What some platforms take and others do not: the platform's name of it, and ours.</summary>
    private static readonly (string Name, string Key)[] OfSomePlatforms =
    [
        (MatchKeyCheck.Agent, MatchKeyCheck.Agent), ("gclid", "google_click"), ("epik", "epik"), ("li_fat_id", "li_fat_id"), ("ttp", "ttp"),
        ("sc_cookie1", "sc_cookie1"), ("rdt_uuid", "rdt_uuid"), ("ga", "ga"), (MatchKeyNames.StateCode, "st_code"), (MatchKeyNames.ZipDigits, "zp_digits"),
    ];

    /// <summary>May ad platforms get it, so that its keys count?</summary>
    public static bool IsCounted(Event stored) => !stored.IsTest && stored.BotReason is null && !ConsentRule.RefusesAds(stored);

    /// <summary>Every usable key and click id, and what <see cref="MatchQuality"/> makes of them together; each name once.</summary>
    /// <param name="stored">The event, its personal data open.</param>
    /// <param name="defaultCountry">The website's country (alpha-2), which completes phones; not needed while an event is taken in.</param>
    public static IReadOnlySet<string> KeysOf(Event stored, string? defaultCountry = null)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in stored.MatchKeys.Names)
            if (stored.HasValid(name, defaultCountry))
                keys.Add(name);
        keys.UnionWith(stored.ClickIds.Keys.Where(name => !name.StartsWith("ct_", StringComparison.Ordinal))); // our own links match nobody
        keys.UnionWith(MatchQuality.KeysOf(stored, defaultCountry));
        foreach (var (name, key) in OfSomePlatforms)
            if (MatchKeyCheck.IsUsable(stored, name))
                keys.Add(key);
        if (keys.Contains(MatchKeyNames.FirstName) && keys.Contains(MatchKeyNames.LastName))
            keys.Add("name");
        return keys;
    }

    /// <summary>Share of events with a key of a platform, out of the shares by our names.</summary>
    /// <param name="platformKey">A name of <see cref="IDestination.MatchKeysFor"/>.</param>
    /// <param name="coverage">Shares by our names.</param>
    /// <param name="isReadable">False in privacy mode: what a platform takes readable is not there then.</param>
    public static decimal Share(string platformKey, IReadOnlyDictionary<string, decimal> coverage, bool isReadable) =>
        !isReadable && MatchKeyCheck.IsReadable(platformKey) ? 0
            : Math.Min(1, CountedAs(platformKey).Sum(key => coverage.GetValueOrDefault(key)));

    /// <summary>Our names of a platform's key; an event carries one of them at most.</summary>
    public static IReadOnlyList<string> CountedAs(string platformKey) => platformKey switch
    {
        MatchKeyCheck.Address => [MatchQuality.AddressAndAgent, MatchQuality.AddressV4AndAgent],
        "gclid" => ["google_click"],
        MatchKeyNames.StateCode => ["st_code"],
        MatchKeyNames.ZipDigits => ["zp_digits"],
        _ => [platformKey.Split('.')[0]],
    };

    /// <summary>A platform's key by the name that pages and addresses use.</summary>
    public static string PlainName(string platformKey) => platformKey switch
    {
        MatchKeyNames.StateCode => "st_code",
        MatchKeyNames.ZipDigits => "zp_digits",
        _ => platformKey.Split('.')[0],
    };
}
