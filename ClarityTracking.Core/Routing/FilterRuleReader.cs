using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Routing;

/// <summary>
/// Reads the two JSON parts of a filter rule, <c>when</c> and <c>then</c>, and makes them ready to be asked. What is wrong is told by its place
/// (<c>when.all[1].value</c>). Nothing unknown is passed over: a misspelt condition would exclude what it should not.
/// </summary>
internal sealed class FilterRuleReader
{
    private static readonly TimeSpan LongestSearch = TimeSpan.FromSeconds(1);
    private static readonly string[] Verbs = ["set", "rename", "remove"];
    private static readonly Condition.All Always = new([]);

    private readonly List<FieldError> _errors = [];
    private int _conditions;

    /// <summary>What is wrong; empty when nothing is.</summary>
    public IReadOnlyList<FieldError> Errors => _errors;

    /// <summary>Reads <c>when</c>: <c>{"all":[…]}</c>, <c>{"any":[…]}</c>, <c>{"not":{…}}</c> or <c>{"field":…,"op":…,"value":…}</c>; <c>{}</c> is every event.</summary>
    public Condition ReadWhen(JsonElement json) => json.ValueKind == JsonValueKind.Object && !json.EnumerateObject().Any() ? Always : ReadCondition(json, "when", 1);

    /// <summary>Reads <c>then</c>: <c>{"action":"include|exclude|route","connections":[…],"changes":[…]}</c>.</summary>
    /// <param name="json">The part.</param>
    /// <param name="ruleConnection">The one connection the rule is for; null = all.</param>
    /// <param name="known">The website's connections; null = they were checked before, and one may have gone since.</param>
    public (RuleAction? Action, IReadOnlySet<Guid> RouteTo, IReadOnlyList<FieldChange> Changes) ReadThen(JsonElement json, Guid? ruleConnection, IReadOnlySet<Guid>? known)
    {
        var (routeTo, changes, action) = (new HashSet<Guid>(), new List<FieldChange>(), (RuleAction?)null);
        if (!IsObject(json, "then", "action", "connections", "changes"))
            return (action, routeTo, changes);
        if (json.TryGetProperty("action", out var word) && word.ValueKind != JsonValueKind.Null)
        {
            action = word.ValueKind == JsonValueKind.String ? EnumText.Parse<RuleAction>(word.GetString()) : null;
            if (action is null)
                Add("then.action", $"Must be one of {string.Join(", ", EnumText.All<RuleAction>())}; leave it away to only change fields.");
        }
        var hasConnections = json.TryGetProperty("connections", out var connections) && connections.ValueKind != JsonValueKind.Null;
        if (action == RuleAction.Route && ruleConnection is not null)
            Add("then.action", "A rule for one connection cannot route; make it a rule for all connections.");
        else if (action == RuleAction.Route)
            ReadConnections(hasConnections ? connections : default, known, routeTo);
        else if (hasConnections)
            Add("then.connections", "Only a rule that routes names connections.");
        if (json.TryGetProperty("changes", out var list) && list.ValueKind != JsonValueKind.Null)
            ReadChanges(list, changes);
        if (_errors.Count == 0 && action == RuleAction.Exclude && changes.Count > 0)
            Add("then.changes", "What is excluded is not sent, so there is nothing to change.");
        else if (_errors.Count == 0 && action is null && changes.Count == 0)
            Add("then", "Must do something: an action, changes, or both.");
        return (action, routeTo, changes);
    }

    private Condition ReadCondition(JsonElement json, string path, int depth)
    {
        if (!IsObject(json, path, "all", "any", "not", "field", "op", "value"))
            return Always;
        var members = json.EnumerateObject().Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        var groups = members.Intersect(["all", "any", "not"]).ToList();
        if (groups.Count > 1 || (groups.Count == 1 && members.Count > 1))
        {
            Add(path, "Must be either one of all, any and not, or a field with op and value.");
            return Always;
        }
        if (groups is not [var group])
            return ReadComparison(json, path);
        if (depth > RuleLimits.DeepestGroup)
        {
            Add(path, $"Groups are nested deeper than {RuleLimits.DeepestGroup} levels.");
            return Always;
        }
        var inner = json.GetProperty(group);
        if (group == "not")
            return new Condition.Not(ReadCondition(inner, $"{path}.not", depth + 1));
        if (inner.ValueKind != JsonValueKind.Array)
        {
            Add($"{path}.{group}", "Must be a list of conditions.");
            return Always;
        }
        if (inner.GetArrayLength() == 0 && (group == "any" || depth > 1))
            Add($"{path}.{group}", "Needs at least one condition.");
        var parts = new List<Condition>();
        foreach (var part in inner.EnumerateArray())
        {
            if (_conditions > RuleLimits.MostConditions)
                break; // told once
            parts.Add(ReadCondition(part, $"{path}.{group}[{parts.Count}]", depth + 1));
        }
        return group == "all" ? new Condition.All(parts) : new Condition.Any(parts);
    }

    private Condition ReadComparison(JsonElement json, string path)
    {
        if (++_conditions == RuleLimits.MostConditions + 1)
            Add(path, $"A rule has at most {RuleLimits.MostConditions} conditions.");
        var name = TextOf(json, "field");
        var field = name is null ? null : EventField.Find(name);
        if (field is null)
            Add($"{path}.field", $"{(name is null ? "Is required" : "Is unknown")}; fields are {string.Join(", ", EventField.All.Select(f => f.Name))} and properties.<name>.");
        var op = EnumText.Parse<Comparison>(TextOf(json, "op"));
        if (op is null)
            Add($"{path}.op", $"Must be one of {string.Join(", ", EnumText.All<Comparison>())}.");
        if (field is null || op is not { } comparison)
            return Always;
        var hasValue = json.TryGetProperty("value", out var value) && value.ValueKind != JsonValueKind.Null;
        var place = $"{path}.value";
        if (comparison is Comparison.Exists or Comparison.Missing)
        {
            if (hasValue)
                Add(place, $"{comparison.Word()} takes no value.");
        }
        else if (!hasValue)
        {
            Add(place, "Is required.");
            return Always;
        }
        var isNegated = comparison is Comparison.NotEquals or Comparison.NotContains or Comparison.NotIn or Comparison.Missing;
        return new Condition.Compare(field, isNegated, comparison switch
        {
            Comparison.Exists or Comparison.Missing => static _ => true,
            Comparison.Equals or Comparison.NotEquals => Same(field, value, place),
            Comparison.In or Comparison.NotIn => OneOf(field, value, place),
            Comparison.Contains or Comparison.NotContains when Text(value, place) is { } part => text => text.Contains(part, StringComparison.OrdinalIgnoreCase),
            Comparison.StartsWith when Text(value, place) is { } start => text => text.StartsWith(start, StringComparison.OrdinalIgnoreCase),
            Comparison.EndsWith when Text(value, place) is { } end => text => text.EndsWith(end, StringComparison.OrdinalIgnoreCase),
            Comparison.Matches => Pattern(value, place),
            Comparison.Greater when Number(value, place) is { } limit => text => NumberOf(text) > limit,
            Comparison.AtLeast when Number(value, place) is { } limit => text => NumberOf(text) >= limit,
            Comparison.Less when Number(value, place) is { } limit => text => NumberOf(text) < limit,
            Comparison.AtMost when Number(value, place) is { } limit => text => NumberOf(text) <= limit,
            _ => static _ => false, // its value is wrong, which is told
        });
    }

    /// <summary>Numbers are the same by size where the field has numbers, or the rule was written with one; else the text counts (007 is not 7).</summary>
    private Func<string, bool> Same(EventField field, JsonElement value, string place)
    {
        if (field.Kind == FieldValueKind.Network)
            return Network(value, place) is { } network ? text => Holds(network, text) : static _ => false;
        if (field.Kind == FieldValueKind.Number || value.ValueKind == JsonValueKind.Number)
            return Number(value, place) is { } number ? text => NumberOf(text) == number : static _ => false;
        var wanted = Text(value, place) ?? "";
        if (field.Kind == FieldValueKind.Flag && wanted is not ("true" or "false"))
            Add(place, "Must be true or false.");
        return text => text.Equals(wanted, StringComparison.OrdinalIgnoreCase);
    }

    private Func<string, bool> OneOf(EventField field, JsonElement list, string place)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > RuleLimits.MostValues)
        {
            Add(place, $"Must be a list of 1 to {RuleLimits.MostValues} values.");
            return static _ => false;
        }
        if (field.Kind == FieldValueKind.Network)
        {
            var networks = list.EnumerateArray().Select((value, i) => Network(value, $"{place}[{i}]")).OfType<IPNetwork>().ToList();
            return text => networks.Exists(network => Holds(network, text));
        }
        var isNumeric = field.Kind == FieldValueKind.Number;
        var (texts, numbers, index) = (new HashSet<string>(StringComparer.OrdinalIgnoreCase), new HashSet<decimal>(), 0);
        foreach (var value in list.EnumerateArray())
        {
            var at = $"{place}[{index++}]";
            if (isNumeric || value.ValueKind == JsonValueKind.Number)
            {
                if (Number(value, at) is { } number)
                    numbers.Add(number);
            }
            else if (Text(value, at) is { } text)
                texts.Add(text);
        }
        return text => texts.Contains(text) || (numbers.Count > 0 && NumberOf(text) is { } number && numbers.Contains(number));
    }

    private Func<string, bool> Pattern(JsonElement value, string place)
    {
        if (Text(value, place, RuleLimits.LongestPattern) is not { } pattern)
            return static _ => false;
        try
        {
            // without backtracking the time grows with the length of the text only, whatever the pattern
            return Condition.Found(new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, LongestSearch));
        }
        catch (NotSupportedException)
        {
            Add(place, "Is a pattern that takes too long to search; look-around, back references and large repetitions cannot be used.");
        }
        catch (ArgumentException error)
        {
            Add(place, $"Is no pattern: {error.Message}");
        }
        return static _ => false;
    }

    private string? Text(JsonElement value, string place, int longest = RuleLimits.LongestValue)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.String => Storable(value),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => null,
        };
        if (text is null)
            Add(place, "Must be a text without control characters.");
        else if (text.Length == 0)
            Add(place, "Must not be empty; use exists or missing.");
        else if (text.Length > longest)
            Add(place, $"Is longer than {longest} characters.");
        else
            return text;
        return null;
    }

    private decimal? Number(JsonElement value, string place)
    {
        var number = value.ValueKind is JsonValueKind.Number or JsonValueKind.String ? WritableField.AmountOf(value) : null;
        if (number is null)
            Add(place, "Must be a number, as 149.90.");
        return number;
    }

    private IPNetwork? Network(JsonElement value, string place)
    {
        if (Text(value, place) is not { } text)
            return null;
        if (IPNetwork.TryParse(text, out var network))
            return network;
        if (IPAddress.TryParse(text, out var address))
            return new IPNetwork(address, address.GetAddressBytes().Length * 8);
        Add(place, "Must be an address or a network, as 203.0.113.7 or 203.0.113.0/24.");
        return null;
    }

    private static bool Holds(IPNetwork network, string text) => IPAddress.TryParse(text, out var address) && network.Contains(address);

    private static decimal? NumberOf(string text) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private void ReadConnections(JsonElement list, IReadOnlySet<Guid>? known, HashSet<Guid> routeTo)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > RuleLimits.MostValues)
        {
            Add("then.connections", "Must be a list of at least one connection's id.");
            return;
        }
        var index = 0;
        foreach (var item in list.EnumerateArray())
        {
            var place = $"then.connections[{index++}]";
            if (item.ValueKind != JsonValueKind.String || !item.TryGetGuid(out var id))
                Add(place, "Must be a connection's id.");
            else if (known?.Contains(id) == false)
                Add(place, "There is no such connection on this website.");
            else
                routeTo.Add(id);
        }
    }

    private void ReadChanges(JsonElement list, List<FieldChange> changes)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > RuleLimits.MostChanges)
        {
            Add("then.changes", $"Must be a list of at most {RuleLimits.MostChanges} changes.");
            return;
        }
        var index = 0;
        foreach (var json in list.EnumerateArray())
            if (ReadChange(json, $"then.changes[{index++}]") is { } change)
                changes.Add(change);
    }

    private FieldChange? ReadChange(JsonElement json, string path)
    {
        if (!IsObject(json, path, "set", "value", "rename", "to", "remove"))
            return null;
        var verbs = Verbs.Where(verb => json.TryGetProperty(verb, out _)).ToList();
        if (verbs is not [var only] || json.EnumerateObject().Count() != (only == "remove" ? 1 : 2))
        {
            Add(path, "Must be {\"set\":field,\"value\":…}, {\"rename\":field,\"to\":field} or {\"remove\":field}.");
            return null;
        }
        if (Writable(json, only, path) is not { } field)
            return null;
        if (only == "set")
        {
            if (!json.TryGetProperty("value", out var value) || value.ValueKind is JsonValueKind.Null or JsonValueKind.Array or JsonValueKind.Object || (value.ValueKind == JsonValueKind.String && Storable(value) is null))
                Add($"{path}.value", "Must be a text, a number, true or false.");
            else if (field.Check is null)
                Add($"{path}.set", $"{field.Name} can only be removed.");
            else if (field.Check(value) is { } wrong)
                Add($"{path}.value", wrong);
            else
                return new FieldChange(field, null, value.Clone());
            return null;
        }
        if (only == "remove")
        {
            if (field.CanRemove)
                return new FieldChange(field, null, null);
            Add($"{path}.remove", $"An event cannot do without {field.Name}.");
            return null;
        }
        if (!field.CanRemove || field.Check is null)
            Add($"{path}.rename", $"{field.Name} cannot be renamed{(field.Name == "event_name" ? "; set it to another name" : "")}.");
        else if (Writable(json, "to", path) is { } to)
        {
            if (to.Check is not null && to.Name != field.Name)
                return new FieldChange(field, to, null);
            Add($"{path}.to", to.Name == field.Name ? "Is the same field." : $"{to.Name} can only be removed.");
        }
        return null;
    }

    private WritableField? Writable(JsonElement json, string member, string path)
    {
        var problem = "Is required: the name of a field.";
        var field = TextOf(json, member) is { } name ? WritableField.Find(name, out problem) : null;
        // what may not be written may still be taken away
        if (problem is null || (field is not null && member == "remove"))
            return field;
        Add($"{path}.{member}", problem);
        return null;
    }

    private bool IsObject(JsonElement json, string path, params ReadOnlySpan<string> members)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            Add(path, "Must be a JSON object.");
            return false;
        }
        var isFine = true;
        foreach (var member in json.EnumerateObject())
        {
            if (members.Contains(member.Name))
                continue;
            Add(path, $"Has an unknown member; it may have {string.Join(", ", members)}.");
            isFine = false;
            break;
        }
        return isFine;
    }

    private static string? TextOf(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && Storable(value) is { Length: > 0 and <= RuleLimits.LongestName + 20 } text ? text : null;

    /// <summary>The text, or null when PostgreSQL cannot keep it.</summary>
    private static string? Storable(JsonElement value)
    {
        try
        {
            return value.GetString() is { } text && FieldRules.IsStorable(text) ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null; // the parser keeps a half surrogate pair until it is read
        }
    }

    private void Add(string path, string message) => _errors.Add(new FieldError(path, message));
}
