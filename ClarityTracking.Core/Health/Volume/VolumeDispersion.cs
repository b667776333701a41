namespace ClarityTracking.Core.Health.Volume;

/// <summary>How much more than chance counts vary within an hour, because events come in sessions: variance by mean of blocks of five minutes.</summary>
public static class VolumeDispersion
{
    /// <summary>Taken where too little comes to measure it.</summary>
    public const double Unknown = 2;

    /// <summary>Blocks of an hour.</summary>
    public const int Blocks = 12;

    private const double LeastEvents = 60, Most = 20;

    /// <summary>The median of some hours, so that one in which something went wrong does not matter.</summary>
    /// <param name="hours">Sum, and sum of squares, of the counts of an hour's blocks.</param>
    public static double Of(IEnumerable<(double Sum, double Squares)> hours)
    {
        var each = hours.Where(h => h.Sum >= LeastEvents).Select(h => (h.Squares - h.Sum * h.Sum / Blocks) / (Blocks - 1) / (h.Sum / Blocks)).Order().ToList();
        return each.Count < 3 ? Unknown : Math.Clamp(each[each.Count / 2], 1, Most);
    }
}
