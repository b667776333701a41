using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Web.Components.Pages.Rules;

/// <summary>How a group joins its conditions.</summary>
public enum GroupMode
{
    /// <summary>All must be true.</summary>
    All,
    /// <summary>One must be true.</summary>
    Any,
    /// <summary>None may be true.</summary>
    None,
}

/// <summary>A condition or a group of them, being written.</summary>
public abstract class DraftCondition;

/// <summary>Conditions joined.</summary>
public sealed class DraftGroup : DraftCondition
{
    public GroupMode Mode { get; set; }

    public List<DraftCondition> Parts { get; init; } = [];

    /// <summary>The group's place in the JSON (<c>when.not.any</c>), of which parts have an index.</summary>
    public string PathOf(string path) => path + Mode switch { GroupMode.All => ".all", GroupMode.Any => ".any", GroupMode.None => ".not.any" };
}

/// <summary>A field, a comparison and a value as it was typed; a list has a value on each line.</summary>
public sealed class DraftRow : DraftCondition
{
    public string Field { get; set; } = "event_name";

    public Comparison Comparison { get; set; } = Comparison.Equals;

    public string Value { get; set; } = "";

    public bool TakesValue => Comparison is not (Comparison.Exists or Comparison.Missing);

    public bool TakesList => Comparison is Comparison.In or Comparison.NotIn;
}

/// <summary>What a change does.</summary>
public enum ChangeVerb
{
    Set,
    Rename,
    Remove,
}

/// <summary>A change being written.</summary>
public sealed class DraftChange
{
    public ChangeVerb Verb { get; set; }

    public string Field { get; set; } = "event_name";

    public string Value { get; set; } = "";

    public string To { get; set; } = "";
}

/// <summary>A filter rule being written: what the inputs hold, and its JSON. Every rule that can be saved comes back as it was.</summary>
public sealed class RuleDraft
{
    public string Name { get; set; } = "";

    public int? Priority { get; init; }

    public Guid? ConnectionId { get; set; }

    public bool? Enabled { get; init; }

    public DraftGroup When { get; init; } = new();

    public RuleAction? Action { get; set; } = RuleAction.Exclude;

    public HashSet<Guid> RouteTo { get; init; } = [];

    public List<DraftChange> Changes { get; init; } = [];

    /// <summary>What is excluded is not changed; the inputs of changes are kept in case the action is taken back.</summary>
    public bool TakesChanges => Action != RuleAction.Exclude;

    public static RuleDraft Of(FilterRuleDetails rule) => new()
    {
        Name = rule.Name,
        Priority = rule.Priority,
        ConnectionId = rule.ConnectionId,
        Enabled = rule.Enabled,
        When = ReadGroup(rule.When),
        Action = rule.Then.TryGetProperty("action", out var action) ? EnumText.Parse<RuleAction>(action.GetString()) : null,
        RouteTo = rule.Then.TryGetProperty("connections", out var ids) && ids.ValueKind == JsonValueKind.Array ? [.. ids.EnumerateArray().Select(id => id.GetGuid())] : [],
        Changes = rule.Then.TryGetProperty("changes", out var changes) && changes.ValueKind == JsonValueKind.Array ? [.. changes.EnumerateArray().Select(ReadChange)] : [],
    };

    /// <summary>As it is saved and tried.</summary>
    public FilterRuleValues Values() => new(Name, Priority, Action == RuleAction.Route ? null : ConnectionId, Enabled,
        JsonSerializer.SerializeToElement(When.Parts.Count == 0 ? [] : JsonOf(When)), JsonSerializer.SerializeToElement(Then()));

    private JsonObject Then()
    {
        var then = new JsonObject();
        if (Action is { } action)
            then["action"] = action.Word();
        if (Action == RuleAction.Route)
            then["connections"] = new JsonArray([.. RouteTo.Select(id => (JsonNode)id.ToString())]);
        if (TakesChanges && Changes.Count > 0)
            then["changes"] = new JsonArray([.. Changes.Select(JsonOf)]);
        return then;
    }

    internal static JsonObject JsonOf(DraftCondition condition) => condition switch
    {
        DraftGroup { Mode: GroupMode.None } none => new() { ["not"] = new JsonObject { ["any"] = Parts(none) } },
        DraftGroup group => new() { [group.Mode == GroupMode.All ? "all" : "any"] = Parts(group) },
        DraftRow row => JsonOf(row),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static JsonArray Parts(DraftGroup group) => new([.. group.Parts.Select(JsonOf)]);

    private static JsonObject JsonOf(DraftRow row)
    {
        var json = new JsonObject { ["field"] = row.Field, ["op"] = row.Comparison.Word() };
        if (row.TakesList)
            json["value"] = new JsonArray([.. row.Value.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(v => ValueOf(row.Field, v))]);
        else if (row.TakesValue)
            json["value"] = ValueOf(row.Field, row.Value);
        return json;
    }

    private static JsonObject JsonOf(DraftChange change) => change.Verb switch
    {
        ChangeVerb.Set => new() { ["set"] = change.Field, ["value"] = ValueOf(change.Field, change.Value) },
        ChangeVerb.Rename => new() { ["rename"] = change.Field, ["to"] = change.To },
        ChangeVerb.Remove => new() { ["remove"] = change.Field },
    };

    /// <summary>Own properties have types: what is written as a number or a switch is one. 007 is a text.</summary>
    private static JsonNode ValueOf(string field, string text)
    {
        if (!field.StartsWith("properties.", StringComparison.Ordinal))
            return text;
        if (text is "true" or "false")
            return text == "true";
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number.ToString(CultureInfo.InvariantCulture) == text ? number : text;
    }

    internal static DraftGroup ReadGroup(JsonElement json) => Read(json) switch
    {
        DraftGroup group => group,
        var only => new DraftGroup { Parts = only is null ? [] : [only] },
    };

    private static DraftCondition? Read(JsonElement json)
    {
        if (json.TryGetProperty("all", out var all))
            return Group(GroupMode.All, all);
        if (json.TryGetProperty("any", out var any))
            return Group(GroupMode.Any, any);
        if (json.TryGetProperty("not", out var not))
            return Read(not) is DraftGroup { Mode: GroupMode.Any } inner ? new DraftGroup { Mode = GroupMode.None, Parts = inner.Parts }
                : new DraftGroup { Mode = GroupMode.None, Parts = [Read(not)!] };
        return !json.TryGetProperty("field", out var field) ? null : new DraftRow
        {
            Field = field.GetString()!,
            Comparison = EnumText.Parse<Comparison>(json.GetProperty("op").GetString()) ?? Comparison.Equals,
            Value = json.TryGetProperty("value", out var value) ? TextOf(value) : "",
        };
    }

    private static DraftGroup Group(GroupMode mode, JsonElement parts) => new() { Mode = mode, Parts = [.. parts.EnumerateArray().Select(Read).OfType<DraftCondition>()] };

    private static DraftChange ReadChange(JsonElement json)
    {
        if (json.TryGetProperty("rename", out var from))
            return new DraftChange { Verb = ChangeVerb.Rename, Field = from.GetString()!, To = json.GetProperty("to").GetString()! };
        return json.TryGetProperty("set", out var set)
            ? new DraftChange { Verb = ChangeVerb.Set, Field = set.GetString()!, Value = TextOf(json.GetProperty("value")) }
            : new DraftChange { Verb = ChangeVerb.Remove, Field = json.GetProperty("remove").GetString()! };
    }

    private static string TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => string.Join('\n', value.EnumerateArray().Select(TextOf)),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.ToString(),
    };
}
