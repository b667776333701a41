namespace ClarityTracking.Core.Routing;

/// <summary>A field that rules may change.</summary>
/// <param name="Name">As rules write it.</param>
/// <param name="CanSet">It may be given a value, or take that of a renamed field.</param>
/// <param name="CanRemove">An event can do without it.</param>
public sealed record ChangeableField(string Name, bool CanSet, bool CanRemove);

/// <summary>What rules may ask about and change, for whoever offers a choice; own properties come on top as <c>properties.</c> and their name.</summary>
public static class RuleFields
{
    /// <summary>Fields of conditions, those asked for most first.</summary>
    public static IReadOnlyList<string> Asked { get; } = [.. EventField.All.Select(f => f.Name)];

    /// <summary>Of these, the ones with numbers.</summary>
    public static IReadOnlySet<string> Numbers { get; } = EventField.All.Where(f => f.Kind == FieldValueKind.Number).Select(f => f.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Fields of changes.</summary>
    public static IReadOnlyList<ChangeableField> Changed { get; } = [.. WritableField.All.Select(f => new ChangeableField(f.Name, f.Check is not null, f.CanRemove))];
}
