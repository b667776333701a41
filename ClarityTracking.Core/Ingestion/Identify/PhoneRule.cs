using System.Collections.Frozen;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Phone numbers as Meta wants them: digits only, no leading zeros, calling code in front (customer information parameters, 2026-09-12).
/// Meta's packages never add a missing calling code; we do it where the number says by itself that it is a national one and the country's
/// numbering plan has a plain trunk zero. Everywhere else the digits go as they came: a wrong number matches a stranger.
/// </summary>
static class PhoneRule
{
    // Bounds of the Business SDK (24.0.1); E.164 itself ends at 15.
    const int FewestDigits = 7, MostDigits = 16;

    /// <param name="CallingCode">ITU-T E.164 country code.</param>
    /// <param name="Fewest">Fewest digits after the trunk zero.</param>
    /// <param name="Most">Most digits after the trunk zero.</param>
    readonly record struct Plan(string CallingCode, int Fewest, int Most);

    /// <summary>
    /// Countries where a leading 0 is only the trunk prefix: dialled at home, dropped from abroad. Codes and prefixes agree with Google's
    /// libphonenumber metadata; the lengths are those of ordinary landlines and mobiles, narrower than its. Left out on purpose: Italy and San Marino (the zero belongs to the number), Hungary (06), Russia and Kazakhstan
    /// (8), Brazil (carrier code after the zero), Argentina (9 and 15 of mobiles), and every plan without a trunk prefix.
    /// </summary>
    static readonly FrozenDictionary<string, Plan> TrunkZero = new Dictionary<string, Plan>(StringComparer.Ordinal)
    {
        ["ae"] = new("971", 8, 9),
        ["at"] = new("43", 7, 12),
        ["au"] = new("61", 9, 9),
        ["be"] = new("32", 8, 9),
        ["bg"] = new("359", 8, 9),
        ["ch"] = new("41", 9, 9),
        ["de"] = new("49", 7, 11),
        ["eg"] = new("20", 8, 10),
        ["fi"] = new("358", 7, 10),
        ["fr"] = new("33", 9, 9),
        ["gb"] = new("44", 9, 10),
        ["gh"] = new("233", 9, 9),
        ["hr"] = new("385", 8, 9),
        ["id"] = new("62", 8, 12),
        ["ie"] = new("353", 7, 9),
        ["il"] = new("972", 8, 9),
        ["in"] = new("91", 10, 10),
        ["jp"] = new("81", 9, 10),
        ["ke"] = new("254", 9, 9),
        ["kr"] = new("82", 8, 10),
        ["lk"] = new("94", 9, 9),
        ["ma"] = new("212", 9, 9),
        ["my"] = new("60", 8, 10),
        ["ng"] = new("234", 8, 10),
        ["nl"] = new("31", 9, 9),
        ["nz"] = new("64", 8, 10),
        ["ph"] = new("63", 8, 10),
        ["pk"] = new("92", 9, 10),
        ["ro"] = new("40", 9, 9),
        ["rs"] = new("381", 8, 9),
        ["sa"] = new("966", 9, 9),
        ["se"] = new("46", 7, 9),
        ["si"] = new("386", 8, 8),
        ["sk"] = new("421", 9, 9),
        ["th"] = new("66", 8, 9),
        ["tr"] = new("90", 10, 10),
        ["tw"] = new("886", 8, 9),
        ["ua"] = new("380", 9, 9),
        ["vn"] = new("84", 9, 10),
        ["za"] = new("27", 9, 9),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Members of the North American plan where ten digits without a prefix are the usual way to write a number.</summary>
    static readonly FrozenSet<string> NorthAmerican = new[] { "us", "ca", "pr", "gu", "vi", "as", "mp" }.ToFrozenSet(StringComparer.Ordinal);

    internal static int Digits(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        Span<char> digits = stackalloc char[MostDigits + 4];
        var (count, plus) = Read(value, digits);
        var significant = digits[..count].TrimStart('0');
        var zeros = count - significant.Length;
        if (!IsUsable(significant))
            return 0;

        var callingCode = plus || context.Country is null ? "" : CallingCode(significant, zeros, context.Country);
        callingCode.CopyTo(to);
        significant.CopyTo(to[callingCode.Length..]);
        return callingCode.Length + significant.Length;
    }

    /// <summary>
    /// A usable number that names no country and to which the rule can add none. Up to ten digits without a plus are taken for a national
    /// number: with a calling code only some small countries' numbers are that short. A hash made by the sender is no number.
    /// </summary>
    internal static bool LacksCountry(ReadOnlySpan<char> value, in MatchContext context)
    {
        const int mostNational = 10;
        if (value.Length is 32 or 64)
            return false;
        Span<char> digits = stackalloc char[MostDigits + 4];
        var (count, plus) = Read(value, digits);
        var significant = digits[..count].TrimStart('0');
        var zeros = count - significant.Length;
        return IsUsable(significant) && !plus && zeros < 2 && (zeros == 1 || significant.Length <= mostNational)
            && (context.Country is null || CallingCode(significant, zeros, context.Country).Length == 0);
    }

    /// <summary>There are phones, and none of them can be told its country by the rule. What the sender hashed gets the benefit of the doubt.</summary>
    /// <param name="person">As the sender described them.</param>
    /// <param name="defaultCountry">The website's country (alpha-2); null = none.</param>
    internal static bool AllLackCountry(UserData person, string? defaultCountry)
    {
        if (person.Phone.Count == 0)
            return false;
        var context = new MatchContext(Countries.Code(person.Country) ?? Countries.Code(defaultCountry), null);
        foreach (var phone in person.Phone)
            if (!LacksCountry(phone, context))
                return false;
        return true;
    }

    /// <summary>The digits, and whether a plus stood before them; no digits when there are too many.</summary>
    static (int Count, bool Plus) Read(ReadOnlySpan<char> value, Span<char> digits)
    {
        var count = 0;
        var plus = false;
        foreach (var raw in value)
        {
            // full-width digits are what a Japanese keyboard types
            var c = raw is >= '０' and <= '９' ? (char)(raw - '０' + '0') : raw;
            if (char.IsAsciiDigit(c))
            {
                if (count == digits.Length)
                    return default;
                digits[count++] = c;
            }
            else if (c is '+' or '＋')
            {
                plus |= count == 0;
            }
            else if (count >= FewestDigits && c is 'x' or 'X' or '#' or ';' or ',')
            {
                break; // an extension is not part of the number that an account carries
            }
        }
        return (count, plus);
    }

    static string CallingCode(ReadOnlySpan<char> significant, int zeros, string country)
    {
        if (zeros == 1 && TrunkZero.TryGetValue(country, out var plan))
            return significant.Length >= plan.Fewest && significant.Length <= plan.Most ? plan.CallingCode : "";
        // area code and exchange never start with 0 or 1
        if (zeros == 0 && significant.Length == 10 && significant[0] >= '2' && significant[3] >= '2' && NorthAmerican.Contains(country))
            return "1";
        return "";
    }

    /// <summary>Long enough, short enough, and not what people type to get past a required field.</summary>
    static bool IsUsable(ReadOnlySpan<char> digits) =>
        digits.Length is >= FewestDigits and <= MostDigits
        && digits.ContainsAnyExcept(digits[0])
        && !"1234567890".AsSpan().StartsWith(digits);
}
