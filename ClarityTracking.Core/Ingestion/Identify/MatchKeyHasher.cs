using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>What a rule may know beside the value.</summary>
/// <param name="Country">Lower-case alpha-2: the person's, else the website's; null when neither is known.</param>
/// <param name="Today">Latest date of birth that can be true; null = unchecked.</param>
readonly record struct MatchContext(string? Country, DateOnly? Today);

/// <summary>Writes the normalised form of a trimmed value and returns its length; 0 = nothing worth sending.</summary>
delegate int Normalise(ReadOnlySpan<char> value, in MatchContext context, Span<char> to);

/// <summary>One named rule: which field of the person, and how it is normalised before hashing.</summary>
/// <param name="Key">Name under which the hashes are kept.</param>
/// <param name="Normalise">The rule.</param>
/// <param name="One">A field with one value.</param>
/// <param name="Many">A field with several.</param>
/// <param name="Derived">The same data by other platforms' rules.</param>
sealed record MatchRule(string Key, Normalise Normalise, Func<UserData, string?>? One = null, Func<UserData, IReadOnlyList<string>>? Many = null,
    params DerivedRule[] Derived);

/// <summary>
/// Turns what a sender told about a person into hashed match keys. Pure and on the hot path of every event.
/// Another platform's rule is one more derived rule in <see cref="Rules"/> under a name of its own; callers do not change. Its hashes are
/// made and kept only where its form differs from the plain rule's, which for most values it does not.
/// </summary>
public static class MatchKeyHasher
{
    const int LongestValue = 512;
    // every character may become two (İ) and a phone gains a calling code
    const int LongestForm = 2 * LongestValue + 8;

    static readonly MatchRule[] Rules =
    [
        new(MatchKeyNames.Email, TextRules.Email, null, static user => user.Email,
            new(MatchKeyNames.EmailAnalytics, PlatformRules.EmailAnalytics), new(MatchKeyNames.EmailGoogle, PlatformRules.EmailGoogle),
            new(MatchKeyNames.EmailReddit, PlatformRules.EmailReddit)),
        new(MatchKeyNames.Phone, PhoneRule.Digits, null, static user => user.Phone, new DerivedRule(MatchKeyNames.PhoneE164, PlatformRules.PhoneE164)),
        new(MatchKeyNames.FirstName, TextRules.Name, static user => user.FirstName, null,
            new(MatchKeyNames.FirstNameSpaceless, PlatformRules.NameSpaceless), new(MatchKeyNames.FirstNameAnalytics, PlatformRules.NameAnalytics),
            new(MatchKeyNames.FirstNameGoogle, PlatformRules.FirstNameGoogle)),
        new(MatchKeyNames.LastName, TextRules.Name, static user => user.LastName, null,
            new(MatchKeyNames.LastNameSpaceless, PlatformRules.NameSpaceless), new(MatchKeyNames.LastNameAnalytics, PlatformRules.NameAnalytics),
            new(MatchKeyNames.LastNameGoogle, PlatformRules.LastNameGoogle)),
        new(MatchKeyNames.City, TextRules.City, static user => user.City),
        new(MatchKeyNames.State, TextRules.State, static user => user.State, null, new DerivedRule(MatchKeyNames.StateCode, PlatformRules.StateCode)),
        new(MatchKeyNames.Zip, TextRules.Zip, static user => user.Zip, null, new DerivedRule(MatchKeyNames.ZipDigits, PlatformRules.ZipDigits)),
        new(MatchKeyNames.Country, TextRules.Country, static user => user.Country),
        new(MatchKeyNames.Gender, TextRules.Gender, static user => user.Gender),
        new(MatchKeyNames.DateOfBirth, DateRule.YearMonthDay, static user => user.DateOfBirth),
        new(MatchKeyNames.ExternalId, TextRules.ExternalId, null, static user => user.ExternalId,
            new(MatchKeyNames.ExternalIdLower, PlatformRules.ExternalIdLower), new(MatchKeyNames.ExternalIdAsGiven, PlatformRules.ExternalIdAsGiven)),
    ];

    /// <summary>What templates and form libraries leave where a value is missing.</summary>
    static readonly string[] Placeholders = ["null", "undefined", "none", "n/a", "unknown", "(not set)", "(none)", "[object object]", "-"];

    /// <summary>SHA-256 and MD5 of nothing: a sender hashed an empty field.</summary>
    static readonly string[] HashesOfNothing =
        ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "d41d8cd98f00b204e9800998ecf8427e"];

    /// <summary>
    /// The match keys of a person: trimmed, normalised, SHA-256, lower-case hex, without repeats. A value that is already a hash
    /// (64 or 32 hex digits) is kept; an invalid value or a placeholder counts as absent.
    /// </summary>
    /// <param name="user">What the sender told.</param>
    /// <param name="defaultCountry">The website's country; used where the person's own is not known.</param>
    /// <param name="today">Dates of birth after this day count as invalid; null = not checked.</param>
    public static MatchKeys Hash(UserData user, string? defaultCountry, DateOnly? today = null)
    {
        if (user.IsEmpty)
            return MatchKeys.None;

        var context = new MatchContext(Countries.Code(user.Country) ?? Countries.Code(defaultCountry), today);
        var scratch = new Scratch(stackalloc char[LongestForm], stackalloc char[LongestForm], stackalloc byte[3 * LongestForm]);
        Dictionary<string, IReadOnlyList<string>>? keys = null;
        foreach (var rule in Rules)
        {
            var hashes = new Hashes();
            if (rule.One is { } one)
            {
                if (one(user) is { } value)
                    AddHashes(ref hashes, rule, value, context, scratch);
            }
            else
            {
                var values = rule.Many!(user);
                for (var i = 0; i < values.Count; i++)
                    AddHashes(ref hashes, rule, values[i], context, scratch);
            }
            if (hashes.Plain.Length == 0)
                continue;
            (keys ??= new(Rules.Length + 1, StringComparer.Ordinal))[rule.Key] = hashes.Plain;
            for (var i = 0; i < hashes.Own?.Length; i++)
                if (hashes.Own[i] is { } own)
                    keys[rule.Derived[i].Key] = own;
        }
        return keys is null ? MatchKeys.None : new MatchKeys(keys);
    }

    /// <summary>Memory on the caller's stack, cleared once per person rather than once per value.</summary>
    readonly ref struct Scratch(Span<char> form, Span<char> other, Span<byte> utf8)
    {
        public readonly Span<char> Form = form;
        public readonly Span<char> Other = other;
        public readonly Span<byte> Utf8 = utf8;
    }

    /// <summary>The hashes of one key by every rule.</summary>
    struct Hashes()
    {
        public string[] Plain = [];

        /// <summary>Those of the derived rules, in their order; null = none differs so far.</summary>
        public string[]?[]? Own;
    }

    static void AddHashes(ref Hashes hashes, MatchRule rule, string value, in MatchContext context, Scratch scratch)
    {
        if (value is null || value.Length > LongestValue)
            return;
        var composed = Ascii.IsValid(value) || !IsWellFormed(value) ? value : value.Normalize(NormalizationForm.FormC);
        if (composed.Length > LongestValue) // some characters become three
            return;
        AddHash(ref hashes, rule, Trim(value), context, scratch);
        // Meta's packages hash the characters as they came, Meta's accounts hold composed ones: é as e + accent is sent in both forms.
        if (!composed.Equals(value, StringComparison.Ordinal))
            AddHash(ref hashes, rule, Trim(composed), context, scratch);
    }

    static void AddHash(ref Hashes hashes, MatchRule rule, ReadOnlySpan<char> value, in MatchContext context, Scratch scratch)
    {
        if (value.IsEmpty || IsAny(Placeholders, value))
            return;
        var isHash = value.Length is 64 or 32 && IsHex(value);
        if (isHash && IsAny(HashesOfNothing, value))
            return;
        var form = isHash ? default : scratch.Form[..rule.Normalise(value, context, scratch.Form)];
        if (form.IsEmpty && !isHash)
            return;
        var hash = isHash ? value.ToString().ToLowerInvariant() : Sha256(form, scratch);
        for (var i = 0; i < rule.Derived.Length; i++)
            AddOwnHash(ref hashes, rule, i, value, form, hash, scratch);
        Add(ref hashes.Plain, hash);
    }

    /// <summary>Keeps a derived rule's hash apart from the first value on whose form differs from the plain one.</summary>
    static void AddOwnHash(ref Hashes hashes, MatchRule rule, int index, ReadOnlySpan<char> value, ReadOnlySpan<char> form, string hash, Scratch scratch)
    {
        var length = rule.Derived[index].Derive(value, form, scratch.Other);
        var isSame = length == PlatformRules.Same || (length > 0 && scratch.Other[..length].SequenceEqual(form));
        if (isSame && hashes.Own?[index] is null)
            return;
        hashes.Own ??= new string[rule.Derived.Length][];
        ref var own = ref hashes.Own[index];
        own ??= hashes.Plain;
        if (isSame)
            Add(ref own, hash);
        else if (length > 0)
            Add(ref own, Sha256(scratch.Other[..length], scratch));
    }

    static void Add(ref string[] hashes, string hash)
    {
        if (Array.IndexOf(hashes, hash) < 0)
            hashes = [.. hashes, hash];
    }

    static string Sha256(ReadOnlySpan<char> form, Scratch scratch)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(scratch.Utf8[..Encoding.UTF8.GetBytes(form, scratch.Utf8)], digest);
        return Convert.ToHexStringLower(digest);
    }

    /// <summary>As JavaScript trims, so also the byte order mark and the zero-width space that copied text carries.</summary>
    static ReadOnlySpan<char> Trim(ReadOnlySpan<char> value)
    {
        int start = 0, end = value.Length;
        while (start < end && IsBlank(value[start]))
            start++;
        while (end > start && IsBlank(value[end - 1]))
            end--;
        return value[start..end];

        static bool IsBlank(char c) => char.IsWhiteSpace(c) || c is '\uFEFF' or '\u200B';
    }

    static bool IsAny(string[] words, ReadOnlySpan<char> value)
    {
        foreach (var word in words)
            if (value.Equals(word, StringComparison.OrdinalIgnoreCase))
                return true;
        return false;
    }

    static bool IsHex(ReadOnlySpan<char> value)
    {
        foreach (var c in value)
            if (!char.IsAsciiHexDigit(c))
                return false;
        return true;
    }

    /// <summary>Normalize throws on a lone surrogate.</summary>
    static bool IsWellFormed(ReadOnlySpan<char> value)
    {
        for (var i = 0; i < value.Length; i++)
            if (char.IsSurrogate(value[i]) && !(char.IsHighSurrogate(value[i]) && i + 1 < value.Length && char.IsLowSurrogate(value[++i])))
                return false;
        return true;
    }
}
