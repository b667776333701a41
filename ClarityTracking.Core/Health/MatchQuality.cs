using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Health;

/// <summary>What a key that is not on every event would add if it were.</summary>
/// <param name="Key">Name of the key, see <see cref="MatchQuality.Keys"/>.</param>
/// <param name="Label">As people say it.</param>
/// <param name="Gain">Points of the estimate, rounded to 0.1.</param>
public sealed record MatchGain(string Key, string Label, decimal Gain);

/// <summary>An estimate of event match quality. Made by ClarityTracking, not Meta's score, and shown as such.</summary>
/// <param name="Score">0 (no match possible) to 10, rounded to 0.1.</param>
/// <param name="Gains">What would raise it, most first.</param>
public sealed record MatchQualityEstimate(decimal Score, IReadOnlyList<MatchGain> Gains);

/// <summary>A key that can match a person, and the chance we assume that it does alone.</summary>
/// <param name="Key">Name in coverage figures.</param>
/// <param name="Label">As people say it.</param>
/// <param name="Chance">Assumed chance, 0..1.</param>
public sealed record MatchKeyWeight(string Key, string Label, decimal Chance);

/// <summary>
/// Estimates how well a platform can match events to accounts from the share of events that carry each key. Meta publishes what raises its
/// score (Dataset Quality API and best practices, 2026-09-12) but no weights: the chances below are our assumption, ordered as Meta names
/// its keys. Where Meta's own score is known, show that one.
/// </summary>
public static class MatchQuality
{
    /// <summary>Names of the keys that are made of several fields.</summary>
    public const string AddressAndAgent = "client_ip_address", AddressV4AndAgent = "client_ipv4_address", NameAndPlace = "name_and_place", Place = "place";

    /// <summary>
    /// Keys by weight. An event counts for <see cref="AddressAndAgent"/> or <see cref="AddressV4AndAgent"/> (address and user agent, by
    /// kind of address), never both; for <see cref="NameAndPlace"/> with first and last name and one of city, zip, date of birth; for
    /// <see cref="Place"/> with city, state, zip and country. Gender adds nothing.
    /// </summary>
    public static IReadOnlyList<MatchKeyWeight> Keys { get; } =
    [
        new("lead_id", "Lead ID", .90m),
        new(MatchKeyNames.Email, "Email", .55m),
        new("fb_login_id", "Facebook login ID", .55m),
        new(MatchKeyNames.Phone, "Phone", .45m),
        new("fbc", "Click ID", .45m),
        new("fbp", "Browser ID", .30m),
        new(AddressAndAgent, "IP address and browser", .30m),
        new(AddressV4AndAgent, "IPv4 address and browser", .27m),
        new(MatchKeyNames.ExternalId, "External ID", .15m),
        new(NameAndPlace, "Name with place or date of birth", .15m),
        new(MatchKeyNames.DateOfBirth, "Date of birth", .03m),
        new(Place, "City, state, zip and country", .03m),
    ];

    /// <summary>Keys only senders with such an id have: not suggested where they are missing.</summary>
    static readonly string[] NotSuggested = ["lead_id", "fb_login_id", AddressV4AndAgent];

    /// <summary>Keys that are too broad alone: Meta refuses an event with one of them and nothing else.</summary>
    static readonly string[] TooBroadAlone = [MatchKeyNames.DateOfBirth, Place];

    /// <summary>10 · (1 − Π(1 − chance · coverage)), and what each missing key would add.</summary>
    /// <param name="coverage">Share of delivered events (0..1) with a valid value of each key; keys not named count as 0, shares outside are cut off.</param>
    public static MatchQualityEstimate Estimate(IReadOnlyDictionary<string, decimal> coverage)
    {
        var score = Score(coverage, full: null);
        var gains = new List<MatchGain>();
        foreach (var key in Keys)
        {
            if (Share(coverage, key.Key) >= 1 || Array.IndexOf(NotSuggested, key.Key) >= 0)
                continue;
            var gain = Score(coverage, full: key.Key) - score;
            if (gain > 0)
                gains.Add(new(key.Key, key.Label, gain));
        }
        return new(score, [.. gains.OrderByDescending(gain => gain.Gain)]);
    }

    /// <summary>
    /// Which of <see cref="Keys"/> an event carries in a form a platform can use: private addresses, malformed cookies and the agents of
    /// machines do not count. To be asked while the event's personal data is open, since the address is stored sealed.
    /// </summary>
    public static IReadOnlyList<string> KeysOf(Event @event)
    {
        var found = new List<string>();
        var hashed = @event.MatchKeys;
        foreach (var key in (ReadOnlySpan<string>)[MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.ExternalId, MatchKeyNames.DateOfBirth])
            if (hashed.Has(key))
                found.Add(key);
        if (MetaBrowserIds.ClickId(@event) is not null)
            found.Add("fbc");
        if (MetaBrowserIds.BrowserId(@event) is not null)
            found.Add("fbp");
        if (!string.IsNullOrEmpty(@event.UserAgent) && @event.BotReason is null && ClientIp.IsPublic(@event.Personal?.Ip))
            found.Add(ClientIp.IsPublicV6(@event.Personal?.Ip) ? AddressAndAgent : AddressV4AndAgent);
        if (hashed.Has(MatchKeyNames.FirstName) && hashed.Has(MatchKeyNames.LastName)
            && (hashed.Has(MatchKeyNames.City) || hashed.Has(MatchKeyNames.Zip) || hashed.Has(MatchKeyNames.DateOfBirth)))
            found.Add(NameAndPlace);
        if (hashed.Has(MatchKeyNames.City) && hashed.Has(MatchKeyNames.State) && hashed.Has(MatchKeyNames.Zip) && hashed.Has(MatchKeyNames.Country))
            found.Add(Place);
        return found;
    }

    /// <param name="coverage">Shares.</param>
    /// <param name="full">A key to be taken as present on every event.</param>
    static decimal Score(IReadOnlyDictionary<string, decimal> coverage, string? full)
    {
        var unmatched = 1m;
        var broad = 0;
        var narrow = 0;
        foreach (var key in Keys)
        {
            var share = key.Key == full ? 1
                // an address is of one kind: IPv6 on every event leaves none for IPv4
                : key.Key == AddressV4AndAgent ? Math.Min(Share(coverage, key.Key), full == AddressAndAgent ? 0 : 1 - Share(coverage, AddressAndAgent))
                : Share(coverage, key.Key);
            unmatched *= 1 - (key.Chance * share);
            if (share > 0 && Array.IndexOf(TooBroadAlone, key.Key) >= 0)
                broad++;
            else if (share > 0)
                narrow++;
        }
        return narrow > 0 || broad > 1 ? decimal.Round(10 * (1 - unmatched), 1, MidpointRounding.AwayFromZero) : 0;
    }

    static decimal Share(IReadOnlyDictionary<string, decimal> coverage, string key) => Math.Clamp(coverage.GetValueOrDefault(key), 0, 1);
}
