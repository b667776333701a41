namespace ClarityTracking.Core.Health.Volume;

/// <summary>
/// How much more than chance counts vary within an hour, because events come in sessions: variance by mean. Less over a minute than over five, as a session's
/// events do not come all at once.
/// </summary>
/// <param name="Minute">Of counts by minute, at least 1.</param>
/// <param name="FiveMinutes">Of counts by five minutes, at least 1.</param>
public readonly record struct VolumeDispersion(double Minute, double FiveMinutes)
{
    /// <summary>Taken where too little comes to measure it.</summary>
    public static readonly VolumeDispersion Unknown = new(2, 2);

    private const double LeastEvents = 60, Most = 30;

    /// <summary>Of counts over a time.</summary>
    public double Over(TimeSpan length) => Minute + (FiveMinutes - Minute) * Math.Clamp((length.TotalMinutes - 1) / 4, 0, 1);

    /// <summary>Variance by mean: the median of some hours, so that one in which something went wrong does not matter; null where too little came.</summary>
    /// <param name="hours">Sum, and sum of squares, of the counts of an hour's blocks.</param>
    /// <param name="blocks">Blocks of an hour.</param>
    public static double? Of(IEnumerable<(double Sum, double Squares)> hours, int blocks)
    {
        var each = hours.Where(h => h.Sum >= LeastEvents).Select(h => (h.Squares - h.Sum * h.Sum / blocks) / (blocks - 1) / (h.Sum / blocks)).Order().ToList();
        return each.Count < 3 ? null : Math.Clamp(each[each.Count / 2], 1, Most);
    }

    /// <summary>Of both, as far as they are known.</summary>
    public static VolumeDispersion Of(double? minute, double? fiveMinutes)
    {
        var five = fiveMinutes ?? Unknown.FiveMinutes;
        return new VolumeDispersion(Math.Min(minute ?? five, five), five);
    }
}
