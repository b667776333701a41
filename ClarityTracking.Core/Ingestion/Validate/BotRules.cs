using System.Collections.Concurrent;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>What a website's members say about bots: the first rule that is about an event decides, and wins over our own verdict.</summary>
public sealed class BotRules
{
    /// <summary>No rules.</summary>
    public static readonly BotRules None = new([]);

    private const int MostRemembered = 1000;
    private static readonly ConcurrentDictionary<string, BotRules> Remembered = new(StringComparer.Ordinal);

    private readonly IReadOnlyList<BotRule> _rules;

    private BotRules(IReadOnlyList<BotRule> rules) => _rules = rules;

    /// <summary>Nothing to ask.</summary>
    public bool IsEmpty => _rules.Count == 0;

    /// <summary>Reads rules as the database gives them. One that a later version wrote differently and cannot be read decides nothing.</summary>
    /// <param name="json">A list of <c>{name, verdict, when}</c> in their order; null = none.</param>
    internal static BotRules Read(string? json)
    {
        if (json is null)
            return None;
        // keys are looked up every few seconds, and making patterns ready takes longer than asking them
        if (Remembered.Count >= MostRemembered)
            Remembered.Clear();
        return Remembered.GetOrAdd(json, Made);
    }

    private static BotRules Made(string json)
    {
        var rules = new List<BotRule>();
        foreach (var rule in JsonElement.Parse(json).EnumerateArray())
        {
            var reader = new FilterRuleReader();
            var when = reader.ReadWhen(rule.GetProperty("when"));
            if (reader.Errors.Count == 0)
                rules.Add(new BotRule(rule.GetProperty("name").GetString()!, rule.GetProperty("verdict").GetString() == "bot", when));
        }
        return new BotRules(rules);
    }

    /// <summary>What the rules make of an event's verdict.</summary>
    /// <param name="draft">The event, complete.</param>
    /// <param name="context">What its request shares.</param>
    /// <returns>The reason it counts as a bot; null = it does not.</returns>
    internal string? Verdict(EventDraft draft, IngestContext context)
    {
        var asked = AskedOf(draft, context);
        foreach (var rule in _rules)
            if (rule.When.IsTrueOf(asked))
                return rule.IsBot ? $"{BotVerdict.OwnRule}: {rule.Name}" : null;
        return draft.BotReason;
    }

    /// <summary>As rules ask it: with the address also where it will not be kept.</summary>
    private static Event AskedOf(EventDraft draft, IngestContext context)
    {
        var stored = draft.ToEvent(context, 0);
        var asked = stored.With(stored.Content with { Properties = draft.PropertiesJson.IsEmpty ? Event.EmptyObject : JsonElement.Parse(draft.PropertiesJson.Span) });
        asked.Personal = new PersonalData(draft.User, draft.Ip);
        return asked;
    }

    private sealed record BotRule(string Name, bool IsBot, Condition When);
}
