namespace ClarityTracking.Core.Routing;

/// <summary>How large filter rules may grow: a thousand events pass all of a website's rules in one go.</summary>
public static class RuleLimits
{
    /// <summary>Rules of a website.</summary>
    public const int MostRules = 100;

    /// <summary>Conditions of a rule, groups not counted.</summary>
    public const int MostConditions = 50;

    /// <summary>Groups within groups.</summary>
    public const int DeepestGroup = 5;

    /// <summary>Values of a list in a condition, and connections of a route.</summary>
    public const int MostValues = 500;

    /// <summary>Changes of a rule.</summary>
    public const int MostChanges = 20;

    /// <summary>Characters of a name of a field or an event.</summary>
    public const int LongestName = 100;

    /// <summary>Characters of a value.</summary>
    public const int LongestValue = 1000;

    /// <summary>Characters of a pattern.</summary>
    public const int LongestPattern = 500;

    /// <summary>Largest priority; the smallest is 0.</summary>
    public const int LargestPriority = 1_000_000;

    /// <summary>Events of a preview.</summary>
    public const int MostPreviewed = 500;
}
