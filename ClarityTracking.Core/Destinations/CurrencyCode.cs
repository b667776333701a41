namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Currencies as Meta's Business SDK reads them: only the letters, upper case, three of them (24.0.1).</summary>
static class MetaCurrency
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
