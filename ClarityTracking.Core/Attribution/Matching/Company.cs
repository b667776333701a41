using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// A profile in the light of the others: whether one that is surely the customer's shares an address, a number or a device's address with it, and
/// whether another that does not is the surer one.
/// </summary>
internal static class Company
{
    private static readonly (string Link, KeyKind[] Kinds)[] Links =
        [("contact", [KeyKind.Email, KeyKind.Phone, KeyKind.EmailHash, KeyKind.Click]), ("ip", [KeyKind.Ip])];

    /// <summary>The levels of a profile by itself, and those that the others add.</summary>
    public static Levels Of(int index, List<Profile> profiles, List<Levels> alone, List<double> first, KeyStatistics statistics, IReadOnlyDictionary<long, int> profilesOfKey)
    {
        var levels = new Levels();
        foreach (var (field, level) in alone[index].Fields)
            levels.Add(field, level);
        levels.Amounts.AddRange(alone[index].Amounts);
        levels.Amounts.Add(("alone", Math.Log(Math.Clamp(first[index], 1e-6, 1 - 1e-6) / (1 - Math.Clamp(first[index], 1e-6, 1 - 1e-6)))));
        var own = profiles[index];
        var (contact, home, shared, rival) = (0.0, 0.0, 0.0, 0.0);
        var (homeAgent, homeRare, hasStranger) = ("none", "none", false);
        for (var i = 0; i < profiles.Count; i++)
        {
            if (i == index)
                continue;
            var other = profiles[i];
            var byContact = Shared(own, other, Links[0].Kinds, statistics);
            var byIp = Shared(own, other, Links[1].Kinds, statistics);
            if (byContact is not null)
                contact = Math.Max(contact, first[i]);
            else if (byIp is { } ip)
            {
                var sharers = profilesOfKey[ip];
                if (sharers <= 8)
                {
                    if (first[i] > home)
                    {
                        home = first[i];
                        homeRare = sharers <= 2 ? "2" : sharers <= 4 ? "4" : "8";
                        homeAgent = own.Agents.Count == 0 || other.Agents.Count == 0 ? "none" : own.Agents.Exists(other.Agents.Contains) ? "equal" : "other";
                    }
                    hasStranger |= other.IsNamed && first[i] < .2;
                }
                else
                    shared = Math.Max(shared, first[i]);
            }
            if (byContact is null && byIp is null)
                rival = Math.Max(rival, first[i]);
        }
        levels.Add("contact", Grade(contact));
        levels.Add("home", Grade(home));
        levels.Add("crowd", Grade(shared));
        levels.Add("rival", Grade(rival) ?? "none");
        levels.Add("kin", hasStranger ? "yes" : null);
        if (levels["home"] is { } grade)
        {
            levels.Add("home&agent", $"{grade}&{homeAgent}");
            levels.Add("home&rare", $"{grade}&{homeRare}");
            levels.Add("home&kin", hasStranger ? grade : null);
        }
        foreach (var (one, two) in Products)
            if (levels[one] is { } a && levels[two] is { } b)
                levels.Add($"{one}&{two}", $"{a}&{b}");
        return levels;
    }

    private static readonly (string, string)[] Products =
    [
        ("home", "known"), ("home", "service"), ("home", "place"), ("home", "age"), ("home", "name"), ("home", "mail"), ("contact", "known"), ("contact", "name"), ("rival", "known"),
        ("rival", "event"), ("rival", "ip"), ("rival", "name"), ("rival", "home"), ("crowd", "known"), ("crowd", "service"), ("rival", "visitor"),
    ];

    private static string? Grade(double probability) => probability switch { < .02 => null, < .2 => "low", < .5 => "mid", < .9 => "high", _ => "sure" };

    private static long? Shared(Profile one, Profile other, KeyKind[] kinds, KeyStatistics statistics)
    {
        var (few, many) = one.Keys.Count <= other.Keys.Count ? (one, other) : (other, one);
        foreach (var key in few.Keys)
            if (Array.IndexOf(kinds, LinkageKeys.KindOf(key)) >= 0 && many.Keys.Contains(key) && !statistics.SharedKeys.Contains(key))
                return key;
        return null;
    }
}
