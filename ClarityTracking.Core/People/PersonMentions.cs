using System.Globalization;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.People;

/// <summary>
/// Tells whether a text, such as the body of a webhook, names somebody. Only whole values count: an id inside a longer one is somebody else's. What is escaped as in JSON or as in a
/// form is read too, addresses in every writing that means the same mailbox, and numbers with or without their country and with any marks between the digits.
/// </summary>
internal sealed partial class PersonMentions
{
    private const int FewestDigits = 7, LongestCountryCode = 3;

    /// <summary>JSON within JSON is escaped twice.</summary>
    private const int Escapes = 2;
    private readonly string? _typed, _email, _visitorId;
    private readonly Regex? _phone;

    /// <summary>Takes a checked request.</summary>
    /// <param name="request">Who is meant.</param>
    /// <param name="country">Of numbers that are written without one; null = unknown.</param>
    public PersonMentions(PersonRequest request, string? country)
    {
        (_typed, _email, _visitorId) = (request.Email, IdentityText.Email(request.Email), request.VisitorId);
        if (request.Phone is { } phone && Numbers(phone, country) is { Count: > 0 } numbers)
            _phone = new Regex(@"(?<![\p{L}\p{N}_])(" + string.Join('|', numbers.Select(n => string.Join(@"[\s().\-/\u2010\u2011]{0,3}", n.ToCharArray()))) + @")(?![\p{L}\p{N}_])", RegexOptions.CultureInvariant);
    }

    /// <summary>Does the text name them?</summary>
    public bool IsIn(string text)
    {
        for (var i = 0; i <= Escapes; i++)
        {
            if (IsWrittenIn(text) || IsWrittenIn(Uri.UnescapeDataString(text.Replace('+', ' '))) || IsWrittenIn(Uri.UnescapeDataString(text)))
                return true;
            if (!text.Contains('\\'))
                return false;
            text = Escape().Replace(text, Unescaped);
        }
        return false;
    }

    private bool IsWrittenIn(string text) => (_visitorId is not null && HasWhole(text, _visitorId, "_-"))
        || (_typed is not null && (HasWhole(text, _typed, "_-.+%") || HasMailbox(text))) || _phone?.IsMatch(text) == true;

    /// <summary>The digits of a number as they are written: with the country's, and as one writes it within the country.</summary>
    private static HashSet<string> Numbers(string phone, string? country)
    {
        var numbers = new HashSet<string> { string.Concat(phone.Where(char.IsAsciiDigit)) };
        if (IdentityText.Phone(phone, country) is { } whole)
        {
            numbers.Add(whole);
            numbers.Add("00" + whole);
            for (var code = 1; code <= LongestCountryCode && code < whole.Length; code++)
                foreach (var within in new[] { whole[code..], "0" + whole[code..] })
                    if (IdentityText.Phone(within, country) == whole)
                    {
                        numbers.Add(within);
                        numbers.Add(whole[..code] + "0" + whole[code..]); // +43 (0)1
                    }
        }
        numbers.RemoveWhere(n => n.Length < FewestDigits);
        return numbers;
    }

    private static bool HasWhole(string text, string value, string wordMarks)
    {
        for (var at = 0; (at = text.IndexOf(value, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
            if ((at == 0 || !IsWord(text[at - 1])) && Ends(at + value.Length))
                return true;
        return false;

        bool IsWord(char c) => char.IsLetterOrDigit(c) || wordMarks.Contains(c);
        bool Ends(int end) => end == text.Length || !IsWord(text[end]) || (text[end] == '.' && (end + 1 == text.Length || !char.IsLetterOrDigit(text[end + 1]))); // the end of a sentence
    }

    /// <summary>An address that means the same mailbox: another tag, Google's dots.</summary>
    private bool HasMailbox(string text)
    {
        for (var at = text.IndexOf('@'); at >= 0; at = text.IndexOf('@', at + 1))
        {
            var (start, end) = (at, at + 1);
            while (start > 0 && at - start < 64 && (char.IsLetterOrDigit(text[start - 1]) || "._%+-'!#$*?^`{|}~".Contains(text[start - 1])))
                start--;
            while (end < text.Length && end - at < 255 && (char.IsLetterOrDigit(text[end]) || text[end] is '.' or '-'))
                end++;
            if (IdentityText.Email(text[start..end].Trim('\'', '`', '{', '|', '}')) == _email)
                return true;
        }
        return false;
    }

    private static string Unescaped(Match escape) => escape.Value[1] switch
    {
        'u' when escape.Length > 2 => ((char)int.Parse(escape.ValueSpan[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString(),
        '\\' => "\\",
        '"' => "\"",
        '/' => "/",
        _ => " ",
    };

    [GeneratedRegex(@"\\(u[0-9a-fA-F]{4}|.)", RegexOptions.Singleline)]
    private static partial Regex Escape();
}
