namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Match keys by name, each a list of lower-case SHA-256 hex values without repeats. A name stands for one normalisation rule:
/// the plain names (<see cref="MatchKeyNames"/>) follow Meta's rules, which most platforms share; another platform's own rule gets
/// a suffixed name of its own.
/// </summary>
public sealed class MatchKeys(IReadOnlyDictionary<string, IReadOnlyList<string>> values)
{
    /// <summary>No keys.</summary>
    public static readonly MatchKeys None = new(new Dictionary<string, IReadOnlyList<string>>());

    /// <summary>All keys.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Values { get; } = values;

    /// <summary>The hashes of one key; empty when the key is unknown.</summary>
    public IReadOnlyList<string> this[string name] => Values.TryGetValue(name, out var hashes) ? hashes : [];

    /// <summary>Is there at least one hash of this key?</summary>
    public bool Has(string name) => Values.ContainsKey(name);

    /// <summary>How many keys there are.</summary>
    public int Count => Values.Count;
}

/// <summary>Names of the match keys, as Meta's customer information parameters write them (developers.facebook.com, 2026-09-12).</summary>
public static class MatchKeyNames
{
    public const string Email = "em", Phone = "ph", FirstName = "fn", LastName = "ln", City = "ct", State = "st", Zip = "zp",
        Country = "country", Gender = "ge", DateOfBirth = "db", ExternalId = "external_id";
}
