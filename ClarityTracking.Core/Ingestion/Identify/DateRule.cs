using System.Globalization;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Dates of birth as YYYYMMDD (Meta, customer information parameters, 2026-09-12).</summary>
static class DateRule
{
    const int EarliestYear = 1900;

    internal static int YearMonthDay(ReadOnlySpan<char> value, in MatchContext context, Span<char> to)
    {
        var latest = context.Today ?? DateOnly.MaxValue;

        // Both of Meta's packages pass eight digits on unread, impossible months included; only the year can be checked without differing.
        if (value.Length == 8 && !value.ContainsAnyExceptInRange('0', '9'))
        {
            if (!Number(value[..4], out var written) || written < EarliestYear || written > latest.Year)
                return 0;
            value.CopyTo(to);
            return value.Length;
        }

        // the time of an ISO timestamp
        var time = value.IndexOfAny('T', ' ');
        if (time > 0)
            value = value[..time];
        Span<Range> parts = stackalloc Range[4];
        if (value.SplitAny(parts, "-/.") != 3
            || !Number(value[parts[0]], out var first) || !Number(value[parts[1]], out var second) || !Number(value[parts[2]], out var third))
            return 0;

        var yearLength = value[parts[0]].Length == 4 ? 4 : value[parts[2]].Length;
        if (yearLength != 4)
            return 0;
        var (year, month, day) = value[parts[0]].Length == 4 ? (first, second, third)
            : first > 12 || (second <= 12 && DayFirst(value, context.Country)) ? (third, second, first)
            : (third, first, second);
        if (year < EarliestYear || year > 9999 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return 0;
        var date = new DateOnly(year, month, day);
        return date <= latest && date.TryFormat(to, out var length, "yyyyMMdd", CultureInfo.InvariantCulture) ? length : 0;
    }

    /// <summary>3/4 is March in the USA and April in most of the world; without a country it is read as Meta's parameter builder does.</summary>
    static bool DayFirst(ReadOnlySpan<char> value, string? country) =>
        value.Contains('.') || country is not (null or "us" or "ca" or "ph" or "pr" or "gu" or "vi" or "as" or "mp");

    static bool Number(ReadOnlySpan<char> text, out int number)
    {
        number = 0;
        return text.Length is 1 or 2 or 4 && !text.ContainsAnyExceptInRange('0', '9') && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
