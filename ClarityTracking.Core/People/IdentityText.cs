using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.People;

/// <summary>
/// The form in which what identifies a person is compared: two writings of one address, number or name become equal. It is for comparing
/// inside one website only; what goes to ad platforms follows their own rules (<see cref="MatchKeyHasher"/>). Null = nothing that
/// identifies: unreadable, or what people and front desks type to get past a required field.
/// </summary>
public static class IdentityText
{
    private const int LongestText = 200, FewestPhoneDigits = 7, NationalDigits = 10;

    /// <summary>Local parts, and first labels of domains, that stand for "has none".</summary>
    private static readonly FrozenSet<string> NoAddress = new[]
    {
        "none", "no", "noemail", "no-email", "nomail", "na", "n/a", "null", "nobody", "test", "testing", "anonymous", "anon", "unknown", "noreply", "no-reply",
        "donotreply", "asdf", "xxx", "abc", "email", "fake", "declined", "refused", "notprovided",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> NoName = new[]
    {
        "null", "none", "na", "test", "anonymous", "anon", "unknown", "guest", "walk in", "walkin", "customer", "client", "no name", "cash", "undefined",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>
    /// An address: lower case, without <c>+tag</c>; of Google's mail without dots and at one domain. A domain belongs to Google's mail when its first
    /// label is gmail or googlemail, whatever follows: nobody else's mail is called so.
    /// </summary>
    public static string? Email(string? text)
    {
        if (Trimmed(text)?.ToLowerInvariant() is not { } email || email.Length > LongestText || email.Contains(' '))
            return null;
        var at = email.LastIndexOf('@');
        if (at < 1 || at == email.Length - 1 || email.AsSpan(0, at).Contains('@'))
            return null;
        var (local, domain) = (email[..at], email[(at + 1)..].TrimEnd('.'));
        if (local.IndexOf('+') is > 0 and var tag)
            local = local[..tag];
        if (IsGoogles(ref domain))
            local = local.Replace(".", "");
        return local.Length == 0 || NoAddress.Contains(local) || NoAddress.Contains(domain.Split('.')[0]) ? null : $"{local}@{domain}";
    }

    /// <summary>What stands before the @ of a normalised address.</summary>
    public static string LocalPart(string email) => email[..email.LastIndexOf('@')];

    /// <summary>The digits of a number with its calling code, without an extension.</summary>
    /// <param name="text">In any writing.</param>
    /// <param name="country">Alpha-2 of the website's or location's country; null = no calling code is added.</param>
    public static string? Phone(string? text, string? country)
    {
        if (Trimmed(text) is not { Length: <= LongestText } phone)
            return null;
        Span<char> digits = stackalloc char[64];
        var count = PhoneRule.Digits(phone, new MatchContext(Countries.Code(country), null), digits);
        if (count < FewestPhoneDigits)
            return null;
        var national = digits[Math.Max(0, count - NationalDigits)..count];
        return !national.ContainsAnyExcept(national[0]) || "1234567890".AsSpan().StartsWith(national) ? null : digits[..count].ToString();
    }

    /// <summary>
    /// A name: no accents, lower case, "Last, First" turned, middle initials and titles left out. Its first word is the given name, the rest the
    /// family name; either may be an initial, and the family name may be missing.
    /// </summary>
    public static string? Name(string? text)
    {
        if (Trimmed(text) is not { Length: <= LongestText } name)
            return null;
        if (name.IndexOf(',') is > 0 and var comma && name[(comma + 1)..].Trim() is { Length: > 0 } after)
            name = IsTitle(Folded(after)) ? name[..comma] : $"{after} {name[..comma]}";
        var words = Folded(name).Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(w => !IsTitle(w)).ToList();
        for (var i = words.Count - 2; i > 0; i--)
            if (words[i].Length == 1)
                words.RemoveAt(i);
        var folded = string.Join(' ', words);
        return folded.Length == 0 || NoName.Contains(folded) ? null : folded;
    }

    /// <summary>The given name of a normalised name.</summary>
    public static string Given(string name) => name.IndexOf(' ') is > 0 and var space ? name[..space] : name;

    /// <summary>The family name of a normalised name: its last word; empty when there is one word only.</summary>
    public static string Surname(string name) => name[(name.LastIndexOf(' ') + 1)..] is var last && last.Length < name.Length ? last : "";

    /// <summary>Lower-case hex SHA-256, as mail programs and ad platforms tell subscribers by.</summary>
    internal static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static bool IsGoogles(ref string domain)
    {
        var label = domain.IndexOf('.') is > 0 and var dot ? domain[..dot] : domain;
        if (label is not ("gmail" or "googlemail"))
            return false;
        domain = "gmail" + domain[label.Length..];
        return true;
    }

    private static bool IsTitle(string word) => word is "mr" or "mrs" or "ms" or "miss" or "dr" or "jr" or "sr" or "ii" or "iii" or "phd" or "md";

    /// <summary>Letters and digits in lower case without accents; hyphens and dots are spaces, apostrophes nothing.</summary>
    private static string Folded(string text)
    {
        var folded = new StringBuilder(text.Length);
        foreach (var rune in WellFormed(text).Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark)
                continue;
            if (Unlike.TryGetValue(rune.Value, out var letters))
                folded.Append(letters);
            else if (Rune.IsLetterOrDigit(rune))
                folded.Append(Rune.ToLowerInvariant(rune));
            else if (rune.Value is not ('\'' or '’' or '`' or '´' or 'ʼ'))
                folded.Append(' ');
        }
        return folded.ToString().Trim();
    }

    /// <summary>Letters that Unicode does not take apart.</summary>
    private static readonly FrozenDictionary<int, string> Unlike = new Dictionary<int, string>
    {
        ['ø'] = "o",
        ['Ø'] = "o",
        ['ł'] = "l",
        ['Ł'] = "l",
        ['đ'] = "d",
        ['Đ'] = "d",
        ['ß'] = "ss",
        ['æ'] = "ae",
        ['Æ'] = "ae",
        ['œ'] = "oe",
        ['Œ'] = "oe",
        ['ð'] = "d",
        ['þ'] = "th",
        ['ı'] = "i",
    }.ToFrozenDictionary();

    private static string? Trimmed(string? text) => text?.Trim(' ', '\t', '\r', '\n', '\u00A0', '\uFEFF', '\u200B') is { Length: > 0 } trimmed ? trimmed : null;

    /// <summary>Normalize throws on a lone surrogate.</summary>
    private static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
