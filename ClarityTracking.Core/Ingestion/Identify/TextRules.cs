using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Normalisation of everything but phones and dates. Source of each rule: Meta, customer information parameters (2026-09-12).</summary>
static class TextRules
{
    static readonly SearchValues<char> LocalPart = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-.");
    static readonly SearchValues<char> DomainName = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    /// <summary>Addresses people type to get past a required field, and senders' own: they would join strangers to one person.</summary>
    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> PlaceholderLocalParts =
        new[] { "noemail", "no-email", "no_email", "nomail", "none", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply" }
            .ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> PlaceholderDomains =
        new[] { "test.com", "none.com", "noemail.com", "no-email.com", "nomail.com", "null.com" }
            .ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    /// <summary>Never delegated (RFC 2606); .example is kept because it only stands in documentation, as example.com does.</summary>
    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> ReservedTopLevels =
        new[] { "test", "invalid", "localhost", "local" }.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    static readonly FrozenDictionary<string, char>.AlternateLookup<ReadOnlySpan<char>> Genders = new Dictionary<string, char>(StringComparer.OrdinalIgnoreCase)
    {
        ["f"] = 'f',
        ["female"] = 'f',
        ["woman"] = 'f',
        ["girl"] = 'f',
        ["lady"] = 'f',
        ["she"] = 'f',
        ["her"] = 'f',
        ["hers"] = 'f',
        ["mrs"] = 'f',
        ["ms"] = 'f',
        ["miss"] = 'f',
        ["madam"] = 'f',
        ["m"] = 'm',
        ["male"] = 'm',
        ["man"] = 'm',
        ["boy"] = 'm',
        ["gentleman"] = 'm',
        ["he"] = 'm',
        ["him"] = 'm',
        ["his"] = 'm',
        ["mr"] = 'm',
        ["mister"] = 'm',
        ["sir"] = 'm',
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Lower case. No Gmail rule: Meta keeps dots and plus tags.</summary>
    internal static int Email(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        if (value.Length > 254 || !Ascii.IsValid(value))
            return 0;
        Ascii.ToLower(value, to, out var length);
        var email = to[..length];
        var at = email.IndexOf('@');
        if (at <= 0)
            return 0;
        ReadOnlySpan<char> local = email[..at], domain = email[(at + 1)..];
        var lastDot = domain.LastIndexOf('.');
        var isAddress = !local.ContainsAnyExcept(LocalPart) && HasNoEmptyPart(local)
            && lastDot > 0 && !domain.ContainsAnyExcept(DomainName) && HasNoEmptyPart(domain)
            && domain[0] != '-' && domain[^1] != '-'
            && domain.Length - lastDot > 2 && domain[(lastDot + 1)..].ContainsAnyInRange('a', 'z');
        if (!isAddress || PlaceholderLocalParts.Contains(local) || PlaceholderDomains.Contains(domain)
            || ReservedTopLevels.Contains(domain[(lastDot + 1)..]))
            return 0;
        return length;

        static bool HasNoEmptyPart(ReadOnlySpan<char> dotted) =>
            dotted[0] != '.' && dotted[^1] != '.' && dotted.IndexOf("..", StringComparison.Ordinal) < 0;
    }

    /// <summary>Lower case without spaces and ASCII punctuation; diacritics and other scripts stay (Meta's own example is valéry).</summary>
    internal static int Name(ReadOnlySpan<char> value, in MatchContext context, Span<char> to) =>
        Lower(value, to, static rune => !Rune.IsWhiteSpace(rune) && !(rune.IsAscii && (Rune.IsPunctuation(rune) || Rune.IsSymbol(rune))));

    /// <summary>Lower case letters only: no spaces, punctuation or digits.</summary>
    internal static int City(ReadOnlySpan<char> value, in MatchContext context, Span<char> to) => Lower(value, to, IsLetter);

    /// <summary>Two letters for a state of the USA or a province of Canada, elsewhere the name like a city's.</summary>
    internal static int State(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        var length = Lower(value, to, IsLetter);
        if (context.Country is not (null or "us" or "ca") || Regions.Code(to[..length]) is not { } code)
            return length;
        code.CopyTo(to);
        return code.Length;
    }

    /// <summary>
    /// Lower case, no spaces, cut at a dash as both of Meta's packages do. Nine digits are shortened to five only when the country is
    /// known to be the USA.
    /// </summary>
    internal static int Zip(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        var dash = value.IndexOf('-');
        var length = Lower(dash < 0 ? value : value[..dash], to, static rune => IsLetter(rune) || Rune.IsDigit(rune));
        return length < 2 ? 0 : length == 9 && context.Country is "us" ? 5 : length;
    }

    /// <summary>ISO 3166-1 alpha-2, lower case.</summary>
    internal static int Country(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        if (Countries.Code(value) is not { } code)
            return 0;
        code.CopyTo(to);
        return code.Length;
    }

    /// <summary>f or m; anything else is not sent.</summary>
    internal static int Gender(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        if (!Genders.TryGetValue(value, out var letter))
            return 0;
        to[0] = letter;
        return 1;
    }

    /// <summary>Lower case without spaces, as Meta's parameter builder makes it, so that every channel sends the same form.</summary>
    internal static int ExternalId(ReadOnlySpan<char> value, in MatchContext context, Span<char> to) =>
        Spaceless(value, to);

    /// <summary>Lower case without spaces.</summary>
    internal static int Spaceless(ReadOnlySpan<char> value, Span<char> to) => Lower(value, to, static rune => !Rune.IsWhiteSpace(rune));

    /// <summary>Lower case, nothing left out.</summary>
    internal static int LowerCase(ReadOnlySpan<char> value, Span<char> to) => Lower(value, to, static _ => true);

    /// <summary>Lower case without digits and symbols.</summary>
    internal static int LettersAndSpaces(ReadOnlySpan<char> value, Span<char> to) => Lower(value, to, static rune => IsLetter(rune) || Rune.IsWhiteSpace(rune));

    static bool IsLetter(Rune rune) => rune.IsAscii ? char.IsAsciiLetter((char)rune.Value) : Rune.IsLetter(rune) || IsMark(rune);

    static bool IsMark(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>
    /// Lower case as JavaScript has it, since Meta's packages are JavaScript: unlike .NET it turns İ into i and a combining dot, and a
    /// sigma at the end of a word into ς.
    /// </summary>
    static int Lower(ReadOnlySpan<char> value, Span<char> to, Func<Rune, bool> keep)
    {
        var length = 0;
        for (var at = 0; at < value.Length;)
        {
            Rune.DecodeFromUtf16(value[at..], out var rune, out var consumed);
            if (keep(rune))
            {
                if (rune.Value == 'İ')
                {
                    "i\u0307".CopyTo(to[length..]);
                    length += 2;
                }
                else if (rune.Value == 'Σ')
                {
                    to[length++] = IsFinal(value, at) ? 'ς' : 'σ';
                }
                else
                {
                    length += Rune.ToLowerInvariant(rune).EncodeToUtf16(to[length..]);
                }
            }
            at += consumed;
        }
        return length;
    }

    static bool IsFinal(ReadOnlySpan<char> value, int sigma)
    {
        var before = value[..sigma];
        while (Rune.DecodeLastFromUtf16(before, out var rune, out var consumed) == OperationStatus.Done && IsMark(rune))
            before = before[..^consumed];
        var after = value[(sigma + 1)..];
        while (Rune.DecodeFromUtf16(after, out var rune, out var consumed) == OperationStatus.Done && IsMark(rune))
            after = after[consumed..];
        return Rune.DecodeLastFromUtf16(before, out var last, out _) == OperationStatus.Done && Rune.IsLetter(last)
            && !(Rune.DecodeFromUtf16(after, out var next, out _) == OperationStatus.Done && Rune.IsLetter(next));
    }
}
