using System.Globalization;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.People;

/// <summary>What a person is known by, the surest first: where two say different things, the earlier one is believed.</summary>
public enum PersonIdKind
{
    /// <summary>The customer's own id of the person.</summary>
    External,
    /// <summary>Address.</summary>
    Email,
    /// <summary>Number.</summary>
    Phone,
    /// <summary>A browser.</summary>
    Visitor,
    /// <summary>A click.</summary>
    Click,
}

/// <summary>One of them, as it is stored: keyed, but for a visitor's id.</summary>
public readonly record struct PersonToken(PersonIdKind Kind, string Value)
{
    /// <summary>It names a human, not a device.</summary>
    public bool IsStrong => Kind <= PersonIdKind.Phone;

    /// <summary>Counts against the limit of its kind: an address's hashes stand beside the address.</summary>
    public bool IsCounted => Kind != PersonIdKind.Email || LinkageKeys.KindOf(long.Parse(Value, CultureInfo.InvariantCulture)) == KeyKind.Email;
}

/// <summary>One moment in which identifiers were seen together.</summary>
/// <param name="Source"><c>event</c> or <c>conversion</c>.</param>
/// <param name="SourceId">Which one.</param>
/// <param name="At">When (UTC).</param>
/// <param name="Tokens">What was seen.</param>
/// <param name="Shown">Name, address and number for the screen.</param>
public sealed record Sighting(string Source, Guid SourceId, DateTimeOffset At, IReadOnlyList<PersonToken> Tokens, PersonShown Shown);

/// <summary>What is shown of a person, normalised; null = not known.</summary>
public sealed record PersonShown(string? Name, string? Email, string? Phone)
{
    /// <summary>Nothing known.</summary>
    public static readonly PersonShown Nothing = new(null, null, null);

    /// <summary>What this leaves out is taken from another.</summary>
    public PersonShown Over(PersonShown other) => new(Name ?? other.Name, Email ?? other.Email, Phone ?? other.Phone);
}

/// <summary>Makes tokens of what was told. Values that identify nobody (placeholders, a cookieless day's id) make none.</summary>
public sealed partial class PersonTokens(LinkageKeys linkage)
{
    /// <summary>The tokens of one event or conversion.</summary>
    /// <param name="websiteId">Keys differ by website.</param>
    /// <param name="visitorId">The browser's id.</param>
    /// <param name="clickIds">As kind and value.</param>
    /// <param name="person">Normalised.</param>
    /// <param name="keys">Match keys: the customer's own ids, and in privacy mode the only trace of a number.</param>
    public IReadOnlyList<PersonToken> Of(Guid websiteId, string? visitorId, IEnumerable<string> clickIds, TouchpointPerson person, MatchKeys keys)
    {
        var tokens = new List<PersonToken>();
        if (keys[MatchKeyNames.ExternalId] is [var external, ..]) // one person has one
            Add(PersonIdKind.External, KeyKind.External, external);
        foreach (var email in person.Emails)
            Add(PersonIdKind.Email, KeyKind.Email, email);
        foreach (var hash in person.EmailHashes)
            Add(PersonIdKind.Email, KeyKind.EmailHash, hash);
        foreach (var phone in person.Phones.Count > 0 ? person.Phones : keys[MatchKeyNames.Phone])
            Add(PersonIdKind.Phone, KeyKind.Phone, phone);
        if (visitorId is not null && !Nobody().IsMatch(visitorId) && !visitorId.StartsWith(DailyVisitor.Prefix, StringComparison.Ordinal))
            tokens.Add(new PersonToken(PersonIdKind.Visitor, visitorId));
        foreach (var click in clickIds)
            Add(PersonIdKind.Click, KeyKind.Click, click);
        return [.. tokens.Distinct()];

        void Add(PersonIdKind kind, KeyKind keyKind, string value) =>
            tokens.Add(new PersonToken(kind, linkage.Key(websiteId, keyKind, value).ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>The tokens to look somebody up by, as a person types them; several writings of one value make several.</summary>
    public IReadOnlyList<PersonToken> OfTyped(Guid websiteId, string? email, string? phone, string? visitorId, string? country) =>
        Of(websiteId, visitorId, [], TouchpointPerson.Of([], [email], [phone], null, [], country), MatchKeys.None);

    /// <summary>What software writes where it knows nobody.</summary>
    public static bool IsNobody(string id) => Nobody().IsMatch(id);

    [GeneratedRegex("^([0-]*|null|undefined|anonymous|unknown|none|guest|nan)$", RegexOptions.IgnoreCase)]
    private static partial Regex Nobody();
}
