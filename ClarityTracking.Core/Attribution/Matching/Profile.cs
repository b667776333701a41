using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>The touchpoints of one browser, or one lead of a platform, as one thing to compare.</summary>
internal sealed class Profile
{
    private static readonly TimeSpan Recent = TimeSpan.FromDays(31);

    public Profile(string id, IEnumerable<MatchTouch> touches, DateTimeOffset at)
    {
        Id = id;
        Touches = [.. touches.OrderBy(t => t.At).ThenBy(t => t.Id)];
        Keys = [.. Touches.SelectMany(t => t.Keys)];
        Names = [.. Touches.SelectMany(t => t.Person.Names).Distinct()];
        Emails = [.. Touches.SelectMany(t => t.Person.Emails).Distinct()];
        Phones = [.. Touches.SelectMany(t => t.Person.Phones).Distinct()];
        Agents = [.. Touches.Select(t => t.Agent).Where(a => a.Os is not null).Distinct()];
        Before = Touches.FindAll(t => t.At <= at && t.Kind != TouchKind.Conversion);
        var recent = Before.FindAll(t => at - t.At <= Recent);
        Locations = [.. recent.Select(t => t.Location).OfType<string>()];
        Services = [.. recent.Select(t => t.Service).OfType<string>()];
        Newest = Before.Count == 0 ? null : Before[^1].At;
        Credited = Before.FindLast(t => t.EarnsCredit && Math.Floor((at - t.At).TotalDays) <= Matcher.WindowDays);
    }

    public string Id { get; }

    /// <summary>Oldest first.</summary>
    public List<MatchTouch> Touches { get; }

    /// <summary>Those until the conversion.</summary>
    public List<MatchTouch> Before { get; }

    public HashSet<long> Keys { get; }

    public List<string> Names { get; }

    public List<string> Emails { get; }

    public List<string> Phones { get; }

    public List<Agent> Agents { get; }

    public HashSet<string> Locations { get; }

    public HashSet<string> Services { get; }

    public DateTimeOffset? Newest { get; }

    /// <summary>The newest touchpoint that can earn credit inside the window.</summary>
    public MatchTouch? Credited { get; }

    public bool Has(KeyKind kind)
    {
        foreach (var key in Keys)
            if (LinkageKeys.KindOf(key) == kind)
                return true;
        return false;
    }

    /// <summary>Is it known who it was?</summary>
    public bool IsNamed => Has(KeyKind.Email) || Has(KeyKind.Phone) || Has(KeyKind.GivenAndInitial) || Has(KeyKind.EmailHash) || Names.Count > 0;
}
