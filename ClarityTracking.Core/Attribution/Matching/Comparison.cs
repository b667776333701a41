using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Compares a conversion with a profile field by field. Each field gives one level (<c>email=equal</c>) or, where something is missing, none; pairs of
/// fields that mean more together than apart give one more. Equality is equality of keys, so it works where nothing readable is stored; near misses need
/// the readable values.
/// </summary>
internal static class Comparison
{
    private const int NationalDigits = 10;

    /// <summary>Pairs of fields whose levels are also weighed together.</summary>
    private static readonly (string, string)[] Products =
    [
        ("name", "email"), ("name", "phone"), ("email", "phone"), ("ip", "agent"), ("ip", "age"), ("event", "place"), ("event", "ip"), ("event", "agent"), ("visitor", "name"),
        ("visitor", "email"), ("visitor", "ip"), ("place", "service"), ("intake", "age"), ("known", "ip"), ("known", "event"), ("known", "place"), ("known", "service"), ("intake", "event"),
        ("intake", "ip"), ("mail", "place"), ("mail", "service"), ("name", "service"), ("name", "place"), ("ip", "service"), ("age", "service"), ("visitor", "agent"),
    ];

    /// <summary>The levels of a pair.</summary>
    public static Levels Of(MatchSubject subject, Profile profile, KeyStatistics statistics, IReadOnlyDictionary<long, int> profilesOfKey)
    {
        var levels = new Levels();
        // what the front desk typed comes from its own browser
        var isDesk = subject.Keys.Any(k => LinkageKeys.KindOf(k) == KeyKind.Visitor && statistics.SharedKeys.Contains(k));
        var keys = subject.Keys.Where(k => !statistics.SharedKeys.Contains(k)).ToHashSet();
        levels.Add("intake", subject.Intake.ToString().ToLowerInvariant());
        if (!isDesk)
            levels.Add("visitor", Equality(KeyKind.Visitor, "other"));
        levels.Add("click", Equality(KeyKind.Click, "other"));
        levels.Add("email", EmailLevel());
        levels.Add("phone", PhoneLevel());
        var name = NameLevel(subject.Person.Names, profile);
        levels.Add("name", name ?? NameByKeys());
        if (levels["email"] is null or "other" && levels["name"] is null or "other" or "given")
            levels.Add("mail", NameInEmail(subject.Person.Names, profile.Emails) ?? NameInEmail(profile.Names, subject.Person.Emails));
        if (!isDesk)
        {
            levels.Add("ip", IpLevel());
            levels.Add("agent", AgentLevel(subject.Agent, profile.Agents));
        }
        levels.Add("event", EventLevel(subject, profile));
        levels.Add("place", subject.Location is null || profile.Locations.Count == 0 ? null : !profile.Locations.Contains(subject.Location) ? "other"
            : profile.Locations.Count > 1 ? "among" : "equal");
        levels.Add("service", subject.Service is null || profile.Services.Count == 0 ? null : !profile.Services.Contains(subject.Service) ? "other"
            : profile.Services.Count > 1 ? "among" : "equal");
        levels.Add("age", Age(subject.At - profile.Newest));
        levels.Add("known", profile.IsNamed ? "named" : profile.Has(KeyKind.Visitor) ? "browser" : "nobody");
        levels.Add("touches", profile.Before.Count switch { <= 1 => "1", <= 3 => "2-3", <= 7 => "4-7", _ => "8+" });
        foreach (var (one, other) in Products)
            if (levels[one] is { } a && levels[other] is { } b)
                levels.Add($"{one}&{other}", $"{a}&{b}");
        if (levels["name"] is "equal" or "nick" or "near" or "initial" or "surname")
            levels.Amounts.Add(("rarity", -Math.Log2(statistics.SurnameShare) - 6));
        return levels;

        string? Equality(KeyKind kind, string different)
        {
            var isKnown = false;
            foreach (var key in keys)
                if (LinkageKeys.KindOf(key) == kind)
                {
                    if (profile.Keys.Contains(key))
                        return "equal";
                    isKnown = true;
                }
            return isKnown && profile.Has(kind) ? different : null;
        }

        string? EmailLevel()
        {
            var equality = Equality(KeyKind.Email, "other");
            if (equality == "equal")
                return equality;
            if (Equality(KeyKind.EmailHash, "other") == "equal")
                return "hash";
            var nearest = int.MaxValue;
            foreach (var one in subject.Person.Emails)
                foreach (var other in profile.Emails)
                    nearest = Math.Min(nearest, EditDistance.Of(one, other, 2));
            if (nearest <= 2)
                return $"near{nearest}";
            if (Equality(KeyKind.EmailLocal, "other") == "equal")
                return "local";
            foreach (var one in subject.Person.Emails)
                foreach (var other in profile.Emails)
                    if (EditDistance.Of(IdentityText.LocalPart(one), IdentityText.LocalPart(other), 1) <= 1)
                        return "local";
            return equality ?? (Equality(KeyKind.EmailHash, "other") is "other" ? "otherhash" : null);
        }

        string? PhoneLevel()
        {
            var equality = Equality(KeyKind.Phone, "other");
            if (equality == "equal")
                return equality;
            foreach (var one in subject.Person.Phones)
                foreach (var other in profile.Phones)
                    if (EditDistance.Of(National(one), National(other), 1) <= 1)
                        return "near";
            return Equality(KeyKind.PhoneEnd, "other") == "equal" ? "end" : equality;
        }

        string? NameByKeys()
        {
            if (subject.Person.Names.Count > 0 && profile.Names.Count > 0)
                return "other";
            var (surname, given) = (Equality(KeyKind.Surname, "other"), Equality(KeyKind.GivenAndInitial, "other"));
            return (surname, given) switch
            {
                ("equal", "equal") => "equal",
                ("equal", _) => "surname",
                (_, "equal") => "initial",
                (null, null) => null,
                _ => "other",
            };
        }

        string? IpLevel()
        {
            var equality = Equality(KeyKind.Ip, "other");
            if (equality != "equal")
                return equality;
            var ip = keys.First(k => LinkageKeys.KindOf(k) == KeyKind.Ip);
            var sharers = profilesOfKey.GetValueOrDefault(ip);
            var at = profile.Before.FindLast(t => t.Keys.Contains(ip))?.At;
            var common = sharers switch { <= 2 => "rare", <= 5 => "few", _ => "common" };
            return at is { } seen && subject.At - seen <= TimeSpan.FromMinutes(30) ? "now" + common : common;
        }
    }

    /// <summary>How alike two names are: a typing slip, a nickname or an initial are no other person.</summary>
    internal static string? NameLevel(IReadOnlyList<string> subject, Profile profile)
    {
        if (subject.Count == 0 || profile.Names.Count == 0)
            return null;
        var best = "other";
        foreach (var one in subject)
            foreach (var other in profile.Names)
                if (NameLevel(one, other) is var level && Array.IndexOf(NameLevels, level) < Array.IndexOf(NameLevels, best))
                    best = level;
        return best;
    }

    private static readonly string[] NameLevels = ["equal", "nick", "near", "initial", "surname", "given", "other"];

    private static string NameLevel(string one, string other)
    {
        if (one == other)
            return "equal";
        var (given, surname) = (IdentityText.Given(one), IdentityText.Surname(one));
        var (givenToo, surnameToo) = (IdentityText.Given(other), IdentityText.Surname(other));
        var isGivenEqual = given == givenToo;
        var isGivenAlike = isGivenEqual || Nicknames.AreSame(given, givenToo);
        var isGivenNear = isGivenAlike || (given.Length > 3 && EditDistance.Of(given, givenToo, 1) <= 1);
        if (surname.Length > 0 && surnameToo.Length > 0)
        {
            if (surname.Length == 1 || surnameToo.Length == 1)
                return surname[0] == surnameToo[0] && isGivenNear ? "initial" : "other";
            var isSurnameEqual = surname == surnameToo;
            var isSurnameNear = isSurnameEqual || (surname.Length > 3 && EditDistance.Of(surname, surnameToo, surname.Length > 7 ? 2 : 1) <= (surname.Length > 7 ? 2 : 1));
            if (isSurnameEqual && isGivenEqual)
                return "equal";
            if (isSurnameEqual && isGivenAlike)
                return "nick";
            if (isSurnameNear && isGivenNear)
                return "near";
            if (isSurnameEqual && (given.Length == 1 || givenToo.Length == 1) && given[0] == givenToo[0])
                return "initial";
            return isSurnameEqual || (isSurnameNear && surname.Length > 5) ? "surname" : isGivenAlike ? "given" : "other";
        }
        return isGivenAlike ? "given" : "other";
    }

    /// <summary>Whether an address was made of a name, as most people's are.</summary>
    private static string? NameInEmail(IReadOnlyList<string> names, IReadOnlyList<string> emails)
    {
        if (names.Count == 0 || emails.Count == 0)
            return null;
        var best = "other";
        foreach (var name in names)
            foreach (var email in emails)
            {
                var local = IdentityText.LocalPart(email);
                var surname = IdentityText.Surname(name);
                var givens = Nicknames.FullNames(IdentityText.Given(name)).Append(IdentityText.Given(name));
                var hasSurname = surname.Length > 2 && local.Contains(surname, StringComparison.Ordinal);
                var hasGiven = givens.Any(g => g.Length > 2 && local.Contains(g, StringComparison.Ordinal));
                var rest = hasSurname ? local.Replace(surname, "") : local;
                if (hasSurname && hasGiven)
                    return "full";
                if (hasSurname && rest.Length > 0 && givens.Any(g => rest[0] == g[0]))
                    best = "surname";
                else if (hasSurname && rest.Contains("family", StringComparison.Ordinal) && best != "surname")
                    best = "family";
                else if (hasGiven && best == "other")
                    best = "given";
            }
        return best;
    }

    /// <summary>Two agents: one browser, or at least the same kind of device.</summary>
    internal static string? AgentLevel(Agent agent, List<Agent> agents) =>
        agent.Os is null || agents.Count == 0 ? null : agents.Contains(agent) ? "equal" : agents.Exists(a => a.Os == agent.Os) ? "os" : "other";

    /// <summary>A call, or the way to the booking page, shortly before.</summary>
    private static string? EventLevel(MatchSubject subject, Profile profile)
    {
        var found = profile.Before.FindLast(t => t.Kind is TouchKind.Call or TouchKind.Outbound && subject.At - t.At <= TimeSpan.FromMinutes(6));
        if (found is null)
            return null;
        var fits = (found.Kind, subject.Intake) is (TouchKind.Call, IntakeKind.Phone) or (TouchKind.Outbound, IntakeKind.Elsewhere);
        var word = found.Kind == TouchKind.Call ? "call" : "open";
        return fits ? word + ((subject.At - found.At).TotalMinutes <= 2 ? "2" : "6") : subject.Intake == IntakeKind.Unknown ? word : "unfit";
    }

    private static string Age(TimeSpan? age) => age?.TotalHours switch
    {
        null => "later",
        <= .1 => "6min",
        <= .5 => "30min",
        <= 3 => "3h",
        <= 24 => "1d",
        <= 72 => "3d",
        <= 168 => "7d",
        <= 360 => "15d",
        <= 744 => "31d",
        _ => "older",
    };

    private static ReadOnlySpan<char> National(string phone) => phone.AsSpan(Math.Max(0, phone.Length - NationalDigits));
}

/// <summary>Levels by field, and amounts that are weighed by their size.</summary>
internal sealed class Levels
{
    private readonly Dictionary<string, string> _fields = new(32, StringComparer.Ordinal);

    /// <summary>Field, level.</summary>
    public IReadOnlyDictionary<string, string> Fields => _fields;

    /// <summary>Name, amount.</summary>
    public List<(string Name, double Amount)> Amounts { get; } = [];

    /// <summary>The level of a field; null when something is missing.</summary>
    public string? this[string field] => _fields.GetValueOrDefault(field);

    /// <summary>Sets a level; null is no level.</summary>
    public void Add(string field, string? level)
    {
        if (level is not null)
            _fields[field] = level;
    }

    /// <summary>What a model weighs: one for each level, the size for each amount.</summary>
    public IEnumerable<(string Name, double Amount)> Features()
    {
        foreach (var (field, level) in _fields)
            yield return ($"{field}={level}", 1);
        foreach (var amount in Amounts)
            yield return amount;
    }
}
