using System.Text;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Writes a value's form by a platform's own rule and returns its length.</summary>
/// <param name="value">The trimmed value as the sender wrote it.</param>
/// <param name="plain">Its form by the plain rule; empty when the sender had hashed it already.</param>
/// <param name="to">Where to write.</param>
/// <returns>0 = the platform has no use for it; <see cref="PlatformRules.Same"/> = the plain rule's hash serves.</returns>
delegate int Derive(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to);

/// <summary>One more form of a key.</summary>
/// <param name="Key">Name with a dot, see <see cref="MatchKeyNames"/>.</param>
/// <param name="Derive">The rule.</param>
sealed record DerivedRule(string Key, Derive Derive);

/// <summary>
/// How other platforms normalise what the plain rules (Meta's) normalise differently. Sources, 2026-11-20: Google Data Manager's .NET library
/// (UserDataFormatter), Google Analytics' user-provided data page, and the destinations that TikTok, Pinterest and Reddit have in Segment's
/// public repository. A hash that the sender made is kept where most values have one form by either rule (emails, names), and unknown for
/// phones, whose forms always differ.
/// </summary>
static class PlatformRules
{
    internal const int Same = -1;

    const int MostPhoneDigits = 15;

    static readonly string[] Titles = ["mr.", "mrs.", "ms.", "dr."];
    static readonly string[] Suffixes =
        [" jr.", " sr.", " jr", " sr", " 2nd", " 3rd", " ii", " iii", " iv", " v", " vi", " cpa", " dc", " dds", " vm", " jd", " md", " phd"];

    internal static int EmailAnalytics(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : Gmail(plain, cutsAtPlus: false, to);

    internal static int EmailGoogle(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : Gmail(plain, cutsAtPlus: true, to);

    internal static int EmailReddit(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : Mailbox(plain, plain.IndexOf('@'), cutsAtPlus: true, to);

    internal static int PhoneE164(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to)
    {
        if (plain.Length is 0 or > MostPhoneDigits)
            return 0;
        to[0] = '+';
        plain.CopyTo(to[1..]);
        return plain.Length + 1;
    }

    internal static int NameSpaceless(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : TextRules.Spaceless(value, to);

    internal static int NameAnalytics(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to)
    {
        if (plain.IsEmpty)
            return OfHash(value);
        var length = TextRules.LettersAndSpaces(value, to);
        var trimmed = to[..length].Trim();
        trimmed.CopyTo(to);
        return trimmed.Length;
    }

    internal static int FirstNameGoogle(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to)
    {
        if (plain.IsEmpty)
            return OfHash(value);
        var name = to[..TextRules.LowerCase(value, to)];
        foreach (var title in Titles)
            if (name.StartsWith(title, StringComparison.Ordinal))
            {
                var rest = name[title.Length..].Trim();
                rest.CopyTo(to);
                return rest.Length;
            }
        return name.Length;
    }

    internal static int LastNameGoogle(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to)
    {
        if (plain.IsEmpty)
            return OfHash(value);
        var name = to[..TextRules.LowerCase(value, to)];
        foreach (var suffix in Suffixes)
            if (name.Length > suffix.Length && name.EndsWith(suffix, StringComparison.Ordinal))
                return name[..^suffix.Length].TrimEnd(" ,").Length;
        return name.Length;
    }

    internal static int StateCode(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : plain.Length == 2 ? Same : 0;

    internal static int ZipDigits(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty ? OfHash(value) : plain.ContainsAnyExceptInRange('0', '9') ? 0 : Same;

    /// <summary>32 hex digits are a usual id (a UUID without dashes), which only Meta's packages take for a hash.</summary>
    internal static int ExternalIdLower(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to) =>
        plain.IsEmpty && OfHash(value) == Same ? Same : TextRules.LowerCase(value, to);

    internal static int ExternalIdAsGiven(ReadOnlySpan<char> value, ReadOnlySpan<char> plain, Span<char> to)
    {
        if (plain.IsEmpty && OfHash(value) == Same)
            return Same;
        value.CopyTo(to);
        return value.Length;
    }

    /// <summary>What the sender hashed itself: SHA-256 is taken as it is, MD5 is of no use.</summary>
    static int OfHash(ReadOnlySpan<char> value) => value.Length == 64 ? Same : 0;

    static int Gmail(ReadOnlySpan<char> email, bool cutsAtPlus, Span<char> to)
    {
        var at = email.IndexOf('@');
        return email[(at + 1)..] is "gmail.com" or "googlemail.com" ? Mailbox(email, at, cutsAtPlus, to) : Same;
    }

    static int Mailbox(ReadOnlySpan<char> email, int at, bool cutsAtPlus, Span<char> to)
    {
        var local = email[..at];
        var plus = cutsAtPlus ? local.IndexOf('+') : -1;
        if (plus >= 0)
            local = local[..plus];
        var length = 0;
        foreach (var c in local)
            if (c != '.')
                to[length++] = c;
        if (length == 0)
            return 0;
        email[at..].CopyTo(to[length..]);
        return length + email.Length - at;
    }
}
