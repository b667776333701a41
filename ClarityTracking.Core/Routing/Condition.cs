using System.Text.RegularExpressions;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Routing;

/// <summary>How a condition compares.</summary>
public enum Comparison
{
    /// <summary>The same, whatever the case; numbers by their size.</summary>
    Equals,
    /// <summary>No value is the same; also without any.</summary>
    NotEquals,
    /// <summary>Holds the text.</summary>
    Contains,
    /// <summary>No value holds the text; also without any.</summary>
    NotContains,
    /// <summary>Begins with the text.</summary>
    StartsWith,
    /// <summary>Ends with the text.</summary>
    EndsWith,
    /// <summary>Is one of a list.</summary>
    In,
    /// <summary>Is none of a list; also without any.</summary>
    NotIn,
    /// <summary>A pattern (regular expression) is found in it.</summary>
    Matches,
    /// <summary>A larger number.</summary>
    Greater,
    /// <summary>This number or a larger one.</summary>
    AtLeast,
    /// <summary>A smaller number.</summary>
    Less,
    /// <summary>This number or a smaller one.</summary>
    AtMost,
    /// <summary>Has a value.</summary>
    Exists,
    /// <summary>Has none.</summary>
    Missing,
}

/// <summary>
/// What a filter rule asks of an event, ready to be asked: a tree of groups and comparisons. Always of the event as it is stored, never of what
/// another rule made of it, so the order of rules does not change what a condition sees.
/// </summary>
internal abstract record Condition
{
    private Condition() { }

    /// <summary>Is it so?</summary>
    public abstract bool IsTrueOf(Event @event);

    /// <summary>All parts are true; also when there are none.</summary>
    public sealed record All(IReadOnlyList<Condition> Parts) : Condition
    {
        public override bool IsTrueOf(Event @event)
        {
            foreach (var part in Parts)
                if (!part.IsTrueOf(@event))
                    return false;
            return true;
        }
    }

    /// <summary>At least one part is true.</summary>
    public sealed record Any(IReadOnlyList<Condition> Parts) : Condition
    {
        public override bool IsTrueOf(Event @event)
        {
            foreach (var part in Parts)
                if (part.IsTrueOf(@event))
                    return true;
            return false;
        }
    }

    /// <summary>The part is not true.</summary>
    public sealed record Not(Condition Part) : Condition
    {
        public override bool IsTrueOf(Event @event) => !Part.IsTrueOf(@event);
    }

    /// <summary>Some value of a field passes a test, or, negated, none does.</summary>
    public sealed record Compare(EventField Field, bool IsNegated, Func<string, bool> Passes) : Condition
    {
        public override bool IsTrueOf(Event @event) => Field.Any(@event, Passes) != IsNegated;
    }

    /// <summary>A pattern's test. A text that takes too long to search counts as without it.</summary>
    internal static Func<string, bool> Found(Regex pattern) => text =>
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    };
}
