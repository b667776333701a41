namespace ClarityTracking.Core.Destinations;

/// <summary>ISO 4217 codes: only the letters, upper case, three of them (as Meta's Business SDK 24.0.1 reads them; other platforms want the same).</summary>
static class CurrencyCode
{
    /// <summary>Three capital letters, or null.</summary>
    internal static string? Read(string? currency)
    {
        if (currency is null)
            return null;
        if (currency.Length == 3 && !currency.AsSpan().ContainsAnyExceptInRange('A', 'Z'))
            return currency;
        Span<char> letters = stackalloc char[3];
        var count = 0;
        foreach (var c in currency)
        {
            if (!char.IsAsciiLetter(c))
                continue;
            if (count == letters.Length)
                return null;
            letters[count++] = char.ToUpperInvariant(c);
        }
        return count == letters.Length ? letters.ToString() : null;
    }
}
