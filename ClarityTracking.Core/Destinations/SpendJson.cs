using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations;

/// <summary>Reads the figures of spend answers, which platforms write as numbers or texts.</summary>
static class SpendJson
{
    /// <summary>Micros of a currency unit.</summary>
    internal const decimal Micros = 1_000_000m;

    private const decimal Largest = 1_000_000_000_000m;
    private const int LongestName = 500;

    /// <summary>A day, also with a time behind it (<c>2026-11-20 00:00:00</c>).</summary>
    internal static DateOnly? Day(JsonElement from, string name) =>
        AnswerJson.Text(from, name) is { Length: >= 10 } text && DateOnly.TryParseExact(text.AsSpan(0, 10), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : null;

    /// <summary>How often; 0 when absent, null when it is no such number.</summary>
    internal static long? Count(JsonElement from, string name) =>
        !Has(from, name) ? 0 : AnswerJson.Decimal(from, name) is { } number && number == decimal.Truncate(number) && number is >= 0 and <= long.MaxValue ? (long)number : null;

    /// <summary>Money; 0 when absent, null when it is no number.</summary>
    internal static decimal? Amount(JsonElement from, string name) =>
        !Has(from, name) ? 0 : AnswerJson.Decimal(from, name) is { } number && Math.Abs(number) <= Largest ? number : null;

    /// <summary>Id and name of a thing; the id is its name where none is told.</summary>
    internal static SpendName Named(JsonElement from, string id, string name)
    {
        var known = ConnectionJson.Text(from, id) ?? "";
        return new SpendName(Clean(known), Clean(ConnectionJson.Text(from, name) ?? known));
    }

    /// <summary>PostgreSQL keeps no NUL in texts.</summary>
    internal static string Clean(string text)
    {
        text = text.Replace("\0", "", StringComparison.Ordinal);
        return text.Length <= LongestName ? text : text[..LongestName];
    }

    /// <summary>A day as platforms want it.</summary>
    internal static string Iso(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static bool Has(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;
}
