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
sealed record MatchRule(string Key, Normalise Normalise, Func<UserData, string?>? One = null, Func<UserData, IReadOnlyList<string>>? Many = null);

/// <summary>
/// Turns what a sender told about a person into hashed match keys. Pure and on the hot path of every event.
/// Another platform's rule is one more line in <see cref="Rules"/> under a name of its own; callers do not change.
/// </summary>
public static class MatchKeyHasher
{
    const int LongestValue = 512;
    // every character may become two (İ) and a phone gains a calling code
    const int LongestForm = 2 * LongestValue + 8;

    static readonly MatchRule[] Rules =
    [
        new(MatchKeyNames.Email, TextRules.Email, Many: static user => user.Email),
        new(MatchKeyNames.Phone, PhoneRule.Digits, Many: static user => user.Phone),
        new(MatchKeyNames.FirstName, TextRules.Name, static user => user.FirstName),
        new(MatchKeyNames.LastName, TextRules.Name, static user => user.LastName),
        new(MatchKeyNames.City, TextRules.City, static user => user.City),
        new(MatchKeyNames.State, TextRules.State, static user => user.State),
        new(MatchKeyNames.Zip, TextRules.Zip, static user => user.Zip),
        new(MatchKeyNames.Country, TextRules.Country, static user => user.Country),
        new(MatchKeyNames.Gender, TextRules.Gender, static user => user.Gender),
        new(MatchKeyNames.DateOfBirth, DateRule.YearMonthDay, static user => user.DateOfBirth),
        new(MatchKeyNames.ExternalId, TextRules.ExternalId, Many: static user => user.ExternalId),
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
        var scratch = new Scratch(stackalloc char[LongestForm], stackalloc byte[3 * LongestForm]);
        Dictionary<string, IReadOnlyList<string>>? keys = null;
        foreach (var rule in Rules)
        {
            string[] hashes = [];
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
            if (hashes.Length > 0)
                (keys ??= new(Rules.Length, StringComparer.Ordinal))[rule.Key] = hashes;
        }
        return keys is null ? MatchKeys.None : new MatchKeys(keys);
    }

    /// <summary>Memory on the caller's stack, cleared once per person rather than once per value.</summary>
    readonly ref struct Scratch(Span<char> form, Span<byte> utf8)
    {
        public readonly Span<char> Form = form;
        public readonly Span<byte> Utf8 = utf8;
    }

    static void AddHashes(ref string[] hashes, MatchRule rule, string value, in MatchContext context, Scratch scratch)
    {
        if (value is null || value.Length > LongestValue)
            return;
        var composed = Ascii.IsValid(value) || !IsWellFormed(value) ? value : value.Normalize(NormalizationForm.FormC);
        if (composed.Length > LongestValue) // some characters become three
            return;
        AddHash(ref hashes, rule, value, context, scratch);
        // Meta's packages hash the characters as they came, Meta's accounts hold composed ones: é as e + accent is sent in both forms.
        if (!composed.Equals(value, StringComparison.Ordinal))
            AddHash(ref hashes, rule, composed, context, scratch);
    }

    static void AddHash(ref string[] hashes, MatchRule rule, ReadOnlySpan<char> value, in MatchContext context, Scratch scratch)
    {
        var hash = Hash(rule, Trim(value), context, scratch);
        if (hash is not null && Array.IndexOf(hashes, hash) < 0)
            hashes = [.. hashes, hash];
    }

    static string? Hash(MatchRule rule, ReadOnlySpan<char> value, in MatchContext context, Scratch scratch)
    {
        if (value.IsEmpty || IsAny(Placeholders, value))
            return null;
        if (value.Length is 64 or 32 && IsHex(value))
            return IsAny(HashesOfNothing, value) ? null : value.ToString().ToLowerInvariant();

        var length = rule.Normalise(value, context, scratch.Form);
        if (length == 0)
            return null;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(scratch.Utf8[..Encoding.UTF8.GetBytes(scratch.Form[..length], scratch.Utf8)], digest);
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
