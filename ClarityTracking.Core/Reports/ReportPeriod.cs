using System.Globalization;

namespace ClarityTracking.Core.Reports;

/// <summary>From when to when a report goes.</summary>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
public sealed record ReportPeriod(DateTimeOffset From, DateTimeOffset To)
{
    private static readonly string[] Moments = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    /// <summary>Reads a period: days of the website's zone, the last one included, or moments, the last one excluded.</summary>
    /// <param name="from">Null = so many days that the default is reached.</param>
    /// <param name="to">Null = until now, with the rest of today.</param>
    /// <param name="timeZone">IANA.</param>
    /// <param name="now">UTC.</param>
    /// <param name="defaultDays">With today.</param>
    /// <param name="mostDays">Longest period.</param>
    /// <returns>Refusal: invalid_period.</returns>
    public static Result<ReportPeriod> Of(string? from, string? to, string timeZone, DateTimeOffset now, int defaultDays, int mostDays)
    {
        var zone = Zone(timeZone);
        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime);
        var end = to is null ? StartOf(today.AddDays(1), zone) : Read(to, zone, isEnd: true);
        if (end is null)
            return Refused("to");
        var start = from is null ? StartOf(DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(end.Value.AddTicks(-1), zone).DateTime).AddDays(1 - defaultDays), zone) : Read(from, zone, isEnd: false);
        if (start is null)
            return Refused("from");
        return start < end && end - start <= TimeSpan.FromDays(mostDays) ? new ReportPeriod(start.Value, end.Value)
            : new Error(ErrorKind.Invalid, "invalid_period", $"from must be before to, at most {mostDays} days.", [new("from", $"from must be before to, at most {mostDays} days.")]);
    }

    /// <summary>A zone by its name; UTC where the machine does not know it.</summary>
    public static TimeZoneInfo Zone(string timeZone) => TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var known) ? known : TimeZoneInfo.Utc;

    /// <summary>Midnight of a zone, in UTC; where clocks jump over it, the first moment after.</summary>
    public static DateTimeOffset StartOf(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
            midnight = midnight.AddMinutes(15);
        return new DateTimeOffset(midnight, zone.GetUtcOffset(midnight)).ToUniversalTime();
    }

    private static DateTimeOffset? Read(string text, TimeZoneInfo zone, bool isEnd)
    {
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
            return day.Year is < 2000 or > 9000 ? null : StartOf(isEnd ? day.AddDays(1) : day, zone);
        // a plus that nobody escaped arrives as a space
        return DateTimeOffset.TryParseExact(text.Replace(' ', '+'), Moments, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            && moment.Year is >= 2000 and <= 9000 ? moment.ToUniversalTime() : null;
    }

    private static Error Refused(string field) =>
        new(ErrorKind.Invalid, "invalid_period", $"{field} must be a day (2026-11-20) or a moment (2026-11-20T08:00:00Z).", [new(field, "Neither a day nor a moment.")]);
}
