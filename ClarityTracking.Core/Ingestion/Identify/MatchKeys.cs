namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Match keys by name, each a list of lower-case SHA-256 hex values without repeats. A name stands for one normalisation rule:
/// the plain names follow Meta's rules, which most platforms share; another platform's own rule is a name with a dot
/// (<c>em.google</c>, see <see cref="MatchKeyNames"/>), kept only where its hashes differ from the plain rule's.
/// </summary>
public sealed class MatchKeys(IReadOnlyDictionary<string, IReadOnlyList<string>> values)
{
    const int HexOfSha256 = 64;

    /// <summary>No keys.</summary>
    public static readonly MatchKeys None = new(new Dictionary<string, IReadOnlyList<string>>());

    /// <summary>All keys as they are stored, those of other platforms' rules too.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Values { get; } = values;

    /// <summary>What is known of the person: the plain names, each once whatever rules it was hashed by.</summary>
    public IEnumerable<string> Names => Values.Keys.Where(name => !name.Contains('.'));

    /// <summary>The hashes of one key; empty when the key is unknown. A rule whose hashes equal the plain rule's finds those.</summary>
    public IReadOnlyList<string> this[string name]
    {
        get
        {
            if (Values.TryGetValue(name, out var hashes))
                return hashes;
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            return dot > 0 && Values.TryGetValue(name[..dot], out hashes) ? hashes : [];
        }
    }

    /// <summary>The SHA-256 hashes of one key. Senders may also hand in MD5 hashes, which only Meta's packages pass on.</summary>
    public IReadOnlyList<string> Sha256(string name)
    {
        var hashes = this[name];
        foreach (var hash in hashes)
            if (hash.Length != HexOfSha256)
                return [.. hashes.Where(h => h.Length == HexOfSha256)];
        return hashes;
    }

    /// <summary>Is there at least one hash of this key?</summary>
    public bool Has(string name) => this[name].Count > 0;

    /// <summary>How many keys there are.</summary>
    public int Count => Values.Count;
}

/// <summary>
/// Names of the match keys. The plain ones as Meta's customer information parameters write them (developers.facebook.com, 2026-09-12); those
/// with a dot are the same data by another platform's rule. Sources of the rules: the platforms' own libraries and destinations, see
/// <see cref="PlatformRules"/>.
/// </summary>
public static class MatchKeyNames
{
    public const string Email = "em", Phone = "ph", FirstName = "fn", LastName = "ln", City = "ct", State = "st", Zip = "zp",
        Country = "country", Gender = "ge", DateOfBirth = "db", ExternalId = "external_id";

    /// <summary>Google Analytics: no dots before the @ of gmail.com and googlemail.com.</summary>
    public const string EmailAnalytics = "em.analytics";

    /// <summary>Google Ads: as Google Analytics, and cut at the plus sign.</summary>
    public const string EmailGoogle = "em.google";

    /// <summary>Reddit: no dots and cut at the plus sign, at every domain.</summary>
    public const string EmailReddit = "em.reddit";

    /// <summary>E.164 with its plus sign: TikTok, Google, Reddit, Microsoft.</summary>
    public const string PhoneE164 = "ph.e164";

    /// <summary>Lower case without spaces; punctuation stays: TikTok, Pinterest.</summary>
    public const string FirstNameSpaceless = "fn.spaceless", LastNameSpaceless = "ln.spaceless";

    /// <summary>Google Analytics: lower case without digits and symbols; inner spaces stay.</summary>
    public const string FirstNameAnalytics = "fn.analytics", LastNameAnalytics = "ln.analytics";

    /// <summary>Google Ads: lower case without title (first name) and suffix (last name).</summary>
    public const string FirstNameGoogle = "fn.google", LastNameGoogle = "ln.google";

    /// <summary>Two letters or nothing: Pinterest.</summary>
    public const string StateCode = "st.code";

    /// <summary>Digits or nothing: Pinterest.</summary>
    public const string ZipDigits = "zp.digits";

    /// <summary>As given, in lower case: TikTok.</summary>
    public const string ExternalIdLower = "external_id.lower";

    /// <summary>As given: Reddit.</summary>
    public const string ExternalIdAsGiven = "external_id.given";
}
