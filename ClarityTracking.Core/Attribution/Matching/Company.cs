using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// A profile in the light of the others: whether one that is surely the customer's shares an address, a number or a device's address with it, and
/// whether another that does not is the surer one.
/// </summary>
internal static class Company
{
    /// <summary>Profiles that share an address of the network; more are a company, a café or a carrier.</summary>
    private const int MostOfHome = 8;

    /// <summary>The levels of a profile by itself, and those that the others add.</summary>
    public static Levels Of(int index, List<Profile> profiles, List<Levels> alone, List<double> first, Kin kin)
    {
        var levels = new Levels();
        foreach (var (field, level) in alone[index].Fields)
            levels.Add(field, level);
        levels.Amounts.AddRange(alone[index].Amounts);
        levels.Amounts.Add(("alone", Math.Log(Math.Clamp(first[index], 1e-6, 1 - 1e-6) / (1 - Math.Clamp(first[index], 1e-6, 1 - 1e-6)))));
        var own = profiles[index];
        var (contact, home, shared) = (0.0, 0.0, 0.0);
        var (homeAgent, homeRare, hasStranger) = ("none", "none", false);
        var byContact = kin.ByContact(index);
        foreach (var i in byContact)
            contact = Math.Max(contact, first[i]);
        var byAddress = kin.ByAddress(index);
        foreach (var (i, sharers) in byAddress.Where(a => !byContact.Contains(a.Key)).OrderBy(a => a.Key))
        {
            if (sharers > MostOfHome)
            {
                shared = Math.Max(shared, first[i]);
                continue;
            }
            if (first[i] > home)
            {
                home = first[i];
                homeRare = sharers <= 2 ? "2" : sharers <= 4 ? "4" : "8";
                homeAgent = own.Agents.Count == 0 || profiles[i].Agents.Count == 0 ? "none" : own.Agents.Exists(profiles[i].Agents.Contains) ? "equal" : "other";
            }
            hasStranger |= profiles[i].IsNamed && first[i] < .2;
        }
        var rival = kin.Surest.Where(i => i != index && !byContact.Contains(i) && !byAddress.ContainsKey(i)).Select(i => first[i]).FirstOrDefault();
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

    /// <summary>Which profiles share something, told by key instead of by comparing each with each: there may be a thousand.</summary>
    internal sealed class Kin
    {
        private static readonly KeyKind[] Contacts = [KeyKind.Email, KeyKind.Phone, KeyKind.EmailHash, KeyKind.Click];
        private readonly List<Profile> _profiles;
        private readonly Dictionary<long, List<int>> _byKey = [];

        public Kin(List<Profile> profiles, List<double> first, KeyStatistics statistics)
        {
            _profiles = profiles;
            Surest = [.. Enumerable.Range(0, profiles.Count).OrderByDescending(i => first[i])];
            for (var i = 0; i < profiles.Count; i++)
                foreach (var key in profiles[i].Keys)
                    if ((LinkageKeys.KindOf(key) is KeyKind.Ip || Contacts.Contains(LinkageKeys.KindOf(key))) && !statistics.SharedKeys.Contains(key))
                        if (_byKey.TryGetValue(key, out var sharing))
                            sharing.Add(i);
                        else
                            _byKey[key] = [i];
        }

        /// <summary>All profiles, the likeliest first.</summary>
        public IReadOnlyList<int> Surest { get; }

        /// <summary>Others with the same address, number or click.</summary>
        public HashSet<int> ByContact(int index)
        {
            var others = new HashSet<int>();
            foreach (var key in _profiles[index].Keys)
                if (LinkageKeys.KindOf(key) is not KeyKind.Ip && _byKey.TryGetValue(key, out var sharing))
                    others.UnionWith(sharing);
            others.Remove(index);
            return others;
        }

        /// <summary>Others behind the same network address, and how many profiles are behind it; of several addresses the rarest.</summary>
        public Dictionary<int, int> ByAddress(int index)
        {
            var others = new Dictionary<int, int>();
            foreach (var key in _profiles[index].Keys)
                if (LinkageKeys.KindOf(key) is KeyKind.Ip && _byKey.TryGetValue(key, out var sharing))
                    foreach (var other in sharing)
                        if (!others.TryGetValue(other, out var least) || sharing.Count < least)
                            others[other] = sharing.Count;
            others.Remove(index);
            return others;
        }
    }
}
