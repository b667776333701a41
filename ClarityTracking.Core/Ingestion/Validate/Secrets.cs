namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Tells what must not be kept, by name and by form.</summary>
internal static class Secrets
{
    /// <summary>Parts of a name that give it away.</summary>
    private static readonly string[] TellingParts =
        ["password", "passwd", "passcode", "secret", "credential", "authorization", "api_key", "apikey", "card_number", "cardnumber", "cvv", "cvc", "iban", "ssn"];

    /// <summary>Names and last words that do.</summary>
    private static readonly string[] TellingWords = ["token", "pwd", "pin", "otp"];

    /// <summary>Does a property or URL parameter of this name hold a secret?</summary>
    public static bool IsSecretName(ReadOnlySpan<byte> utf8Name)
    {
        if (utf8Name.Length is < 3 or > 64)
            return false;
        Span<char> name = stackalloc char[64];
        var length = 0;
        foreach (var b in utf8Name)
            name[length++] = (char)(b is >= (byte)'A' and <= (byte)'Z' ? b + 32 : b == '-' ? '_' : b);
        return IsSecretName((ReadOnlySpan<char>)name[..length]);
    }

    private static bool IsSecretName(ReadOnlySpan<char> name)
    {
        foreach (var part in TellingParts)
            if (name.IndexOf(part, StringComparison.Ordinal) >= 0)
                return true;
        foreach (var word in TellingWords)
            if (name.EndsWith(word, StringComparison.Ordinal) && (name.Length == word.Length || name[^(word.Length + 1)] == '_'))
                return true;
        return false;
    }

    /// <summary>13 to 19 digits, possibly with spaces or dashes, whose Luhn check digit is right and that begin as a card network's do.</summary>
    public static bool IsCardNumber(ReadOnlySpan<byte> text)
    {
        if (text.Length is < 13 or > 30)
            return false;
        Span<byte> digits = stackalloc byte[30];
        var count = 0;
        foreach (var b in text)
            if (b is >= (byte)'0' and <= (byte)'9')
                digits[count++] = (byte)(b - '0');
            else if (b is not ((byte)' ' or (byte)'-'))
                return false;
        // 13 digits that begin with 1 are a time in milliseconds; networks begin with 2 to 6 (ISO/IEC 7812).
        if (count is < 13 or > 19 || digits[0] is < 2 or > 6)
            return false;
        var sum = 0;
        for (var i = 0; i < count; i++)
        {
            var digit = digits[count - 1 - i] * (i % 2 == 0 ? 1 : 2);
            sum += digit > 9 ? digit - 9 : digit;
        }
        return sum % 10 == 0;
    }
}
