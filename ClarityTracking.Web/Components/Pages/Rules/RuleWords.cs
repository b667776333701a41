using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Web.Components.Pages.Rules;

/// <summary>The parts of a filter rule in words.</summary>
internal static class RuleWords
{
    private static readonly Dictionary<string, string> Fields = new(StringComparer.Ordinal)
    {
        ["event_name"] = "Event name",
        ["url"] = "Page address",
        ["url_host"] = "Page domain",
        ["url_path"] = "Page path",
        ["url_query"] = "Page query",
        ["referrer"] = "Referrer",
        ["referrer_host"] = "Referrer domain",
        ["utm_source"] = "UTM source",
        ["utm_medium"] = "UTM medium",
        ["utm_campaign"] = "UTM campaign",
        ["utm_term"] = "UTM term",
        ["utm_content"] = "UTM content",
        ["utm_id"] = "UTM id",
        ["value"] = "Value",
        ["currency"] = "Currency",
        ["order_id"] = "Order id",
        ["items"] = "Items",
        ["items.id"] = "Item id",
        ["items.name"] = "Item name",
        ["items.category"] = "Item category",
        ["items.brand"] = "Item brand",
        ["items.price"] = "Item price",
        ["items.quantity"] = "Item quantity",
        ["items.count"] = "Number of items",
        ["country"] = "Country",
        ["visitor_id"] = "Visitor id",
        ["session_id"] = "Session id",
        ["click_id"] = "Ad click id",
        ["user_agent"] = "Browser (user agent)",
        ["ip"] = "Address (IP)",
        ["source"] = "Source",
        ["is_test"] = "Test event",
    };

    private static readonly Dictionary<string, string> Examples = new(StringComparer.Ordinal)
    {
        ["event_name"] = "purchase",
        ["url_path"] = "/admin",
        ["url_host"] = "shop.example.com",
        ["value"] = "100",
        ["items.price"] = "100",
        ["items.quantity"] = "1",
        ["items.count"] = "1",
        ["currency"] = "EUR",
        ["country"] = "DE",
        ["click_id"] = "gclid",
        ["source"] = "browser",
        ["is_test"] = "true",
        ["ip"] = "203.0.113.0/24",
        ["utm_source"] = "newsletter",
    };

    /// <summary>A field's name; an own property's as it is.</summary>
    public static string Field(string name) => Fields.GetValueOrDefault(name) ?? (name.StartsWith("properties.", StringComparison.Ordinal) ? name["properties.".Length..] : name);

    /// <summary>The name within a sentence; UTM stays as it is.</summary>
    private static string Inner(string name)
    {
        var field = Field(name);
        return name.StartsWith("properties.", StringComparison.Ordinal) || field.StartsWith("UTM", StringComparison.Ordinal) || field.Length == 0
            ? field : char.ToLowerInvariant(field[0]) + field[1..];
    }

    /// <summary>What a value of the field looks like.</summary>
    public static string Example(string field) => Examples.GetValueOrDefault(field) ?? "";

    /// <summary>A comparison between a field and its value.</summary>
    public static string Comparison(Comparison comparison) => comparison switch
    {
        Core.Routing.Comparison.Equals => "is",
        Core.Routing.Comparison.NotEquals => "is not",
        Core.Routing.Comparison.Contains => "contains",
        Core.Routing.Comparison.NotContains => "does not contain",
        Core.Routing.Comparison.StartsWith => "starts with",
        Core.Routing.Comparison.EndsWith => "ends with",
        Core.Routing.Comparison.In => "is one of",
        Core.Routing.Comparison.NotIn => "is none of",
        Core.Routing.Comparison.Matches => "matches pattern",
        Core.Routing.Comparison.Greater => "is more than",
        Core.Routing.Comparison.AtLeast => "is at least",
        Core.Routing.Comparison.Less => "is less than",
        Core.Routing.Comparison.AtMost => "is at most",
        Core.Routing.Comparison.Exists => "is there",
        Core.Routing.Comparison.Missing => "is missing",
    };

    /// <summary>How a group joins.</summary>
    public static string Mode(GroupMode mode) => mode switch
    {
        GroupMode.All => "All of these are true",
        GroupMode.Any => "Any of these is true",
        GroupMode.None => "None of these is true",
    };

    /// <summary>A change's verb.</summary>
    public static string Verb(ChangeVerb verb) => verb switch
    {
        ChangeVerb.Set => "Set",
        ChangeVerb.Rename => "Move",
        ChangeVerb.Remove => "Remove",
    };

    /// <summary>What the rule does, in one sentence.</summary>
    public static string Effect(RuleDraft rule, IReadOnlyList<ConnectionDetails> connections)
    {
        var where = rule.ConnectionId is { } id ? NameOf(id, connections) : "all connections";
        var changes = string.Join(", ", rule.TakesChanges ? rule.Changes.Select(Change) : []);
        var action = rule.Action switch
        {
            RuleAction.Exclude => $"Keep back from {where}",
            RuleAction.Include => $"Let through to {where}",
            RuleAction.Route => $"Send only to {string.Join(" and ", rule.RouteTo.Select(to => NameOf(to, connections)))}",
            null => null,
        };
        return action is null ? $"For {where}: {changes}" : changes.Length == 0 ? action : $"{action}, {changes}";
    }

    /// <summary>Which events the rule is about, in one sentence.</summary>
    public static string When(DraftGroup group)
    {
        var text = group.Parts.Count == 0 ? "every event" : Text(group, isInner: false);
        return char.ToUpperInvariant(text[0]) + text[1..];
    }

    private static string Text(DraftCondition condition, bool isInner)
    {
        if (condition is DraftRow row)
            return $"{Inner(row.Field)} {Comparison(row.Comparison)}{(row.TakesValue ? " " + row.Value.Replace("\n", ", ", StringComparison.Ordinal) : "")}";
        var group = (DraftGroup)condition;
        var text = string.Join(group.Mode == GroupMode.All ? " and " : " or ", group.Parts.Select(part => Text(part, isInner: true)));
        return group.Mode == GroupMode.None ? $"not ({text})" : isInner && group.Parts.Count > 1 ? $"({text})" : text;
    }

    private static string Change(DraftChange change) => change.Verb switch
    {
        ChangeVerb.Set => $"set {Inner(change.Field)} to {change.Value}",
        ChangeVerb.Rename => $"move {Inner(change.Field)} to {Inner(change.To)}",
        ChangeVerb.Remove => $"remove {Inner(change.Field)}",
    };

    private static string NameOf(Guid id, IReadOnlyList<ConnectionDetails> connections) => connections.FirstOrDefault(c => c.Id == id)?.Name ?? "a deleted connection";
}
