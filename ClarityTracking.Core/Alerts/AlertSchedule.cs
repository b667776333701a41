namespace ClarityTracking.Core.Alerts;

/// <summary>
/// When a website's messages may go out, in its own time zone. Alerts are raised and shown at any time; only their messages wait, and what is over
/// by then is not told.
/// </summary>
/// <param name="QuietFrom">Begin of the quiet hours; null = there are none.</param>
/// <param name="QuietTo">Their end, on the next day when it is the earlier time.</param>
/// <param name="Days">Days on which messages go out.</param>
/// <param name="CriticalAlways">Critical alerts are told at any time.</param>
public sealed record AlertSchedule(TimeOnly? QuietFrom, TimeOnly? QuietTo, IReadOnlyList<DayOfWeek> Days, bool CriticalAlways)
{
    /// <summary>At any time.</summary>
    public static readonly AlertSchedule Always = new(null, null, [DayOfWeek.Monday, DayOfWeek.Tuesday, DayOfWeek.Wednesday, DayOfWeek.Thursday, DayOfWeek.Friday, DayOfWeek.Saturday, DayOfWeek.Sunday], true);

    /// <summary>May a message of this severity go out now?</summary>
    /// <param name="severity">Of the alert.</param>
    /// <param name="now">Now.</param>
    /// <param name="zone">The website's time zone; clock changes are its affair.</param>
    public bool Allows(AlertSeverity severity, DateTimeOffset now, TimeZoneInfo zone)
    {
        if (severity == AlertSeverity.Critical && CriticalAlways)
            return true;
        var local = TimeZoneInfo.ConvertTime(now, zone);
        return Days.Contains(local.DayOfWeek) && !(QuietFrom is { } from && QuietTo is { } to && TimeOnly.FromTimeSpan(local.TimeOfDay).IsBetween(from, to));
    }
}
