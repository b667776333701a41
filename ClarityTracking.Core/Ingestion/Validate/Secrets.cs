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

    /// <summary>Is a property of this name an id of a thing? Long ids pass for card numbers one time in ten.</summary>
    public static bool IsIdName(string name) =>
        name is "id" or "sku" || name.EndsWith("_id", StringComparison.Ordinal) || name.EndsWith("_ids", StringComparison.Ordinal)
        || name.EndsWith("Id", StringComparison.Ordinal) || name.EndsWith("Ids", StringComparison.Ordinal);

    /// <summary>15 or 16 digits, possibly with spaces or dashes, whose Luhn check digit is right and that begin as a card network's do.</summary>
    public static bool IsCardNumber(ReadOnlySpan<byte> text)
    {
        if (text.Length is < 15 or > 30)
            return false;
        Span<byte> digits = stackalloc byte[30];
        var count = 0;
        foreach (var b in text)
            if (b is >= (byte)'0' and <= (byte)'9')
                digits[count++] = (byte)(b - '0');
            else if (b is not ((byte)' ' or (byte)'-'))
                return false;
        if (count < 4 || !IsOfNetwork(count, digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3]))
            return false;
        var sum = 0;
        for (var i = 0; i < count; i++)
        {
            var digit = digits[count - 1 - i] * (i % 2 == 0 ? 1 : 2);
            sum += digit > 9 ? digit - 9 : digit;
        }
        return sum % 10 == 0;
    }

    /// <summary>Issuer ranges of ISO/IEC 7812 as the networks publish them: American Express, Visa, Mastercard, Discover, JCB.</summary>
    private static bool IsOfNetwork(int length, int firstFour) => length switch
    {
        15 => firstFour / 100 is 34 or 37,
        16 => firstFour is >= 4000 and < 5000 or >= 5100 and < 5600 or >= 2221 and <= 2720 or 6011 or >= 6500 and < 6600 or >= 3500 and < 3600,
        _ => false,
    };
}
