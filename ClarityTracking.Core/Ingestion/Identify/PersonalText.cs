using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Recognises readable personal data where none may stand: own properties and addresses of pages. Ad platforms forbid it there, and only
/// hashes of it leave the product. Errs towards dropping: a lost property is a nuisance, a leaked address is not.
/// </summary>
public static class PersonalText
{
    static readonly SearchValues<string> PersonalWords = SearchValues.Create(
        ["email", "e_mail", "e-mail", "phone", "mobile", "telephone", "whatsapp", "firstname", "first_name", "first-name", "lastname", "last_name",
         "last-name", "fullname", "full_name", "surname", "username", "user_name", "customer_name", "street", "address", "zipcode", "zip_code",
         "postal", "postcode", "birth", "passport", "password", "ssn", "iban", "credit_card", "card_number", "client_ip", "user_agent"],
        StringComparison.OrdinalIgnoreCase);

    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> PersonalNames = new[]
    {
        "name", "tel", "fax", "ip", "dob", "gender", "sex", "age", "city", "state", "zip", "country", "company", "user", "customer", "first", "last",
        "fname", "lname", "mail", "note", "notes", "message", "comment", "comments", "external_id",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Does a property or parameter of this name usually hold something about a person?</summary>
    public static bool IsPersonalName(ReadOnlySpan<char> name) => PersonalNames.Contains(name) || name.ContainsAny(PersonalWords);

    /// <summary>Does the text hold something like an email address or an international phone number?</summary>
    public static bool LooksPersonal(ReadOnlySpan<char> text)
    {
        var at = text.IndexOf('@');
        if (at > 0 && at < text.Length - 1 && text[(at + 1)..].Contains('.') && !char.IsWhiteSpace(text[at - 1]) && !char.IsWhiteSpace(text[at + 1]))
            return true;
        var trimmed = text.TrimStart();
        if (trimmed.IsEmpty || trimmed[0] != '+')
            return false;
        var digits = 0;
        foreach (var c in trimmed[1..])
        {
            if (char.IsAsciiDigit(c))
                digits++;
            else if (c is not (' ' or '-' or '.' or '(' or ')' or '/'))
                return false;
        }
        return digits is >= 7 and <= 15;
    }

    /// <summary>The address without the query parameters and fragment that hold personal data; the same string when there are none.</summary>
    public static string WithoutPersonalData(string url)
    {
        var query = url.IndexOfAny(['?', '#']);
        if (query < 0 || !HasPersonalParameter(url.AsSpan(query)))
            return url;

        var kept = new StringBuilder(url.Length).Append(url, 0, query);
        var rest = url.AsSpan(query);
        while (!rest.IsEmpty)
        {
            var end = rest[1..].IndexOfAny('&', '#') + 1;
            var part = end == 0 ? rest : rest[..end];
            if (!IsPersonalParameter(part[1..]))
                // the first parameter that stays takes the place of a dropped first one
                kept.Append(part[0] == '&' && kept.Length == query ? '?' : part[0]).Append(part[1..]);
            rest = rest[part.Length..];
        }
        return kept.ToString();
    }

    static bool HasPersonalParameter(ReadOnlySpan<char> rest)
    {
        foreach (var part in rest[1..].SplitAny('&', '#'))
            if (IsPersonalParameter(rest[1..][part]))
                return true;
        return false;
    }

    static bool IsPersonalParameter(ReadOnlySpan<char> part)
    {
        var equals = part.IndexOf('=');
        if (equals >= 0 && IsPersonalParameterName(part[..equals]))
            return true;
        return LooksPersonal(part[(equals + 1)..])
            || (part.Contains("%40", StringComparison.Ordinal) || part.Contains("%2B", StringComparison.OrdinalIgnoreCase))
                && LooksPersonal(Uri.UnescapeDataString(part[(equals + 1)..]));
    }

    // In an address "state", "city", "name", "user" or "message" are mostly filters and OAuth; only the plain words count there.
    static bool IsPersonalParameterName(ReadOnlySpan<char> name) => name.ContainsAny(PersonalWords);
}
