using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Health;

/// <summary>What a key that is not on every event would add if it were.</summary>
/// <param name="Key">Name of the key, see <see cref="MatchQuality.Keys"/>.</param>
/// <param name="Label">As people say it.</param>
/// <param name="Gain">Points of the estimate, rounded to 0.1.</param>
/// <param name="To">What the estimate would be then.</param>
public sealed record MatchGain(string Key, string Label, decimal Gain, decimal To);

/// <summary>An estimate of event match quality. Made by ClarityTracking, not Meta's score, and shown as such.</summary>
/// <param name="Score">0 (no match possible) to 10, rounded to 0.1.</param>
/// <param name="Gains">What would raise it, most first.</param>
public sealed record MatchQualityEstimate(decimal Score, IReadOnlyList<MatchGain> Gains)
{
    /// <summary>The estimate moved by what a platform's own score has shown (<see cref="Calibration"/>), within 0 and 10. Where nothing can match, it stays 0.</summary>
    public MatchQualityEstimate Shifted(decimal offset)
    {
        var score = Moved(Score);
        return new(score, [.. Gains.Select(gain => gain with { To = Moved(gain.To), Gain = Moved(gain.To) - score })]);

        decimal Moved(decimal value) => value == 0 ? 0 : Math.Clamp(value + offset, 0, 10);
    }
}

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
    /// <param name="coverage">Share of events (0..1) with a valid value of each key; keys not named count as 0, shares outside are cut off.</param>
    /// <param name="chances">Chances that a website set itself, by key; those not named, and null, are the ones of <see cref="Keys"/>.</param>
    public static MatchQualityEstimate Estimate(IReadOnlyDictionary<string, decimal> coverage, IReadOnlyDictionary<string, decimal>? chances = null)
    {
        var score = Score(coverage, chances, full: null);
        var gains = new List<MatchGain>();
        foreach (var key in Keys)
        {
            if (Share(coverage, key.Key) >= 1 || Array.IndexOf(NotSuggested, key.Key) >= 0)
                continue;
            var to = Score(coverage, chances, full: key.Key);
            if (to > score)
                gains.Add(new(key.Key, key.Label, to - score, to));
        }
        return new(score, [.. gains.OrderByDescending(gain => gain.Gain)]);
    }

    /// <summary>The estimate of one event, before it is sent: a key is on it or is not.</summary>
    /// <param name="event">The event, its personal data open.</param>
    /// <param name="defaultCountry">The website's country (alpha-2), which completes phones; null = none.</param>
    /// <param name="chances">As for a share of events.</param>
    public static MatchQualityEstimate Estimate(Event @event, string? defaultCountry, IReadOnlyDictionary<string, decimal>? chances = null) =>
        Estimate(KeysOf(@event, defaultCountry).ToDictionary(key => key, _ => 1m), chances);

    /// <summary>
    /// Which of <see cref="Keys"/> an event carries in a form a platform can use: private addresses, malformed cookies, phones without their
    /// country, MD5 hashes and the agents of machines do not count. To be asked while the event's personal data is open, since the address is
    /// stored sealed.
    /// </summary>
    /// <param name="event">The event.</param>
    /// <param name="defaultCountry">The website's country (alpha-2), which completes phones; not needed while an event is taken in.</param>
    public static IReadOnlyList<string> KeysOf(Event @event, string? defaultCountry = null)
    {
        var found = new List<string>();
        foreach (var key in (ReadOnlySpan<string>)[MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.ExternalId, MatchKeyNames.DateOfBirth])
            if (Has(key))
                found.Add(key);
        if (MetaBrowserIds.ClickId(@event) is not null)
            found.Add("fbc");
        if (MetaBrowserIds.BrowserId(@event) is not null)
            found.Add("fbp");
        if (!string.IsNullOrEmpty(@event.UserAgent) && @event.BotReason is null && ClientIp.IsPublic(@event.Personal?.Ip))
            found.Add(ClientIp.IsPublicV6(@event.Personal?.Ip) ? AddressAndAgent : AddressV4AndAgent);
        if (Has(MatchKeyNames.FirstName) && Has(MatchKeyNames.LastName) && (Has(MatchKeyNames.City) || Has(MatchKeyNames.Zip) || Has(MatchKeyNames.DateOfBirth)))
            found.Add(NameAndPlace);
        if (Has(MatchKeyNames.City) && Has(MatchKeyNames.State) && Has(MatchKeyNames.Zip) && Has(MatchKeyNames.Country))
            found.Add(Place);
        return found;

        bool Has(string key) => @event.HasValid(key, defaultCountry);
    }

    /// <param name="coverage">Shares.</param>
    /// <param name="chances">Own chances.</param>
    /// <param name="full">A key to be taken as present on every event.</param>
    static decimal Score(IReadOnlyDictionary<string, decimal> coverage, IReadOnlyDictionary<string, decimal>? chances, string? full)
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
            unmatched *= 1 - ((chances?.GetValueOrDefault(key.Key, key.Chance) ?? key.Chance) * share);
            if (share > 0 && Array.IndexOf(TooBroadAlone, key.Key) >= 0)
                broad++;
            else if (share > 0)
                narrow++;
        }
        return narrow > 0 || broad > 1 ? decimal.Round(10 * (1 - unmatched), 1, MidpointRounding.AwayFromZero) : 0;
    }

    static decimal Share(IReadOnlyDictionary<string, decimal> coverage, string key) => Math.Clamp(coverage.GetValueOrDefault(key), 0, 1);
}
