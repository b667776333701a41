using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Routing;

/// <summary>What a filter rule decides about the events it is about.</summary>
public enum RuleAction
{
    /// <summary>They reach the connection, whatever later rules say. Consent and the platform's own needs still hold.</summary>
    Include,
    /// <summary>They do not reach the connection.</summary>
    Exclude,
    /// <summary>They reach the named connections and no others.</summary>
    Route,
}

/// <summary>A filter rule, ready to be applied. See docs/decisions/0010 for what rules mean together.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">As the user calls it.</param>
/// <param name="ConnectionId">The one connection it is for; null = all.</param>
/// <param name="When">Which events it is about.</param>
/// <param name="Action">What it decides; null = it only changes.</param>
/// <param name="RouteTo">The connections of <see cref="RuleAction.Route"/>; empty otherwise.</param>
/// <param name="Changes">What it changes on the copy that the connection gets, in this order.</param>
/// <param name="IsBroken">It could not be read: nothing that it may be about is sent, rather than what it should have kept back.</param>
internal sealed record FilterRule(Guid Id, string Name, Guid? ConnectionId, Condition When, RuleAction? Action, IReadOnlySet<Guid> RouteTo,
    IReadOnlyList<FieldChange> Changes, bool IsBroken = false)
{
    /// <summary>Why the rule keeps its events from a connection; null when it does not.</summary>
    public Skip? Keeps(Guid connectionId) => (IsBroken, Action) switch
    {
        (true, _) => new Skip(SkipReason.Filter, $"The rule \"{Name}\" cannot be read; save it again."),
        (_, RuleAction.Exclude) => new Skip(SkipReason.Filter, $"The rule \"{Name}\" excludes it."),
        (_, RuleAction.Route) when !RouteTo.Contains(connectionId) => new Skip(SkipReason.Filter, $"The rule \"{Name}\" sends it to other connections only."),
        (_, RuleAction.Route or RuleAction.Include or null) => null,
    };
}

/// <summary>A website's enabled rules in the order they are asked.</summary>
internal sealed class FilterRuleSet(IReadOnlyList<FilterRule> rules)
{
    /// <summary>No rules.</summary>
    public static readonly FilterRuleSet Empty = new([]);

    /// <summary>The rules that are about an event, in their order: found once, used for each connection.</summary>
    public IReadOnlyList<FilterRule> About(Event stored)
    {
        List<FilterRule>? about = null;
        foreach (var rule in rules)
            if (rule.When.IsTrueOf(stored))
                (about ??= []).Add(rule);
        return about ?? (IReadOnlyList<FilterRule>)[];
    }

    /// <summary>
    /// What a connection gets: the first rule that decides does so alone, and the changes of all rules add up in their order, of rules after the
    /// deciding one too.
    /// </summary>
    /// <param name="about">The rules that are about the event.</param>
    /// <param name="stored">The event.</param>
    /// <param name="connectionId">The connection.</param>
    public static Routed Apply(IReadOnlyList<FilterRule> about, Event stored, Guid connectionId)
    {
        var (isDecided, content) = (false, (EventContent?)null);
        for (var i = 0; i < about.Count; i++)
        {
            var rule = about[i];
            if (rule.ConnectionId is { } only && only != connectionId)
                continue;
            if (!isDecided && rule.Keeps(connectionId) is { } skip)
                return new Routed(stored, skip);
            isDecided |= rule.Action is not null;
            foreach (var change in rule.Changes)
                content = change.Apply(content ?? stored.Content);
        }
        return new Routed(content is { } changed ? stored.With(changed) : stored, null);
    }
}

/// <summary>What one connection gets of an event.</summary>
/// <param name="Event">The stored event, or a copy that rules changed.</param>
/// <param name="Skip">Why it gets nothing; null = it gets <paramref name="Event"/>.</param>
internal readonly record struct Routed(Event Event, Skip? Skip);
