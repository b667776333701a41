namespace ClarityTracking.Core.Health.Volume;

/// <summary>Events of one series by hour, without gaps.</summary>
/// <param name="First">Begin of the first hour (UTC).</param>
/// <param name="Counts">From the first hour on; the hour that runs is not among them.</param>
public sealed record HourlyCounts(DateTimeOffset First, IReadOnlyList<double> Counts)
{
    /// <summary>Begin of the hour after the last one (UTC).</summary>
    public DateTimeOffset End => First.AddHours(Counts.Count);

    /// <summary>Events of an hour; null when it is not known.</summary>
    public double? At(DateTimeOffset hour) => hour < First || hour >= End ? null : Counts[(int)(hour - First).TotalHours];
}

/// <summary>The hours that an hour is compared with: the same hour of the local week, of the weeks before. Kept while a website's series are made, one conversion an hour.</summary>
public sealed class SameHours(TimeZoneInfo zone)
{
    private readonly Dictionary<DateTimeOffset, DateTimeOffset[]> _before = [];

    /// <summary>Begins of the hours (UTC), one a week, the newest first.</summary>
    public IReadOnlyList<DateTimeOffset> Before(DateTimeOffset hour)
    {
        if (_before.TryGetValue(hour, out var known))
            return known;
        var local = TimeZoneInfo.ConvertTime(hour, zone).DateTime;
        var hours = new DateTimeOffset[UsualVolume.MostWeeks];
        for (var week = 1; week <= hours.Length; week++)
        {
            var then = local.AddDays(-7 * week);
            hours[week - 1] = Reports.RollupWriter.HourOf(new DateTimeOffset(then, zone.GetUtcOffset(then)));
        }
        return _before[hour] = hours;
    }
}

/// <summary>
/// What is usual at this hour of the week, out of up to eight weeks: the median of the same local hour of the weeks before, moved by the median of the
/// last seven days, so that a holiday week, an outage or a day of an outage in the past changes nothing, and a new level is usual after four days.
/// Made once and never changed, so many may read it; the history it is made of is not kept.
/// </summary>
public sealed class UsualVolume
{
    /// <summary>Weeks that are looked back, and weeks without which nothing can be told.</summary>
    public const int MostWeeks = 8, LeastWeeks = 2;

    /// <summary>What is taken where too little comes to measure how much the level varies.</summary>
    private const double DefaultTolerance = .3, MostTolerance = .6;

    private const double LeastLevel = .4, MostLevel = 2.5;

    /// <summary>Hours that are looked at on both sides of the history's end: a day, with the hours beside its first and last minutes.</summary>
    private const int Reach = 26;

    private readonly DateTimeOffset _known;
    private readonly DateTimeOffset _from;
    private readonly double?[] _medians;

    /// <param name="history">Whole hours up to now, nine weeks at best.</param>
    /// <param name="same">By the website's time zone: usual is a matter of its own clock, also when clocks change.</param>
    /// <param name="dispersion">How much more than chance its counts vary within an hour.</param>
    /// <param name="from">First hour that is asked for (UTC); null = a day before the history's end. The last one is a day after that end.</param>
    public UsualVolume(HourlyCounts history, SameHours same, VolumeDispersion dispersion, DateTimeOffset? from = null)
    {
        (_known, Dispersion) = (history.First, dispersion);
        var medians = new Dictionary<DateTimeOffset, double?>();
        var days = Shares(history, same, medians, hours: 24, blocks: 7, least: 50); // days on which too little is usual are left out
        Level = days.Count == 0 ? 1 : Math.Clamp(Median(days), LeastLevel, MostLevel);
        Weeks = (int)Math.Min(MostWeeks, (history.End - history.First).TotalDays / 7);
        Tolerance = Math.Clamp(3 * Spread(history, same, medians), Weeks >= 4 ? .2 : Weeks == 3 ? .3 : .4, MostTolerance);
        _from = from is { } first && first < history.End.AddHours(-Reach) ? first : history.End.AddHours(-Reach);
        _medians = new double?[(int)(history.End.AddHours(Reach) - _from).TotalHours + 1];
        for (var i = 0; i < _medians.Length; i++)
            _medians[i] = MedianAt(history, same, medians, _from.AddHours(i));
    }

    /// <summary>The last days as a share of what was usual.</summary>
    public double Level { get; }

    /// <summary>Whole weeks there are, at most <see cref="MostWeeks"/>.</summary>
    public int Weeks { get; }

    /// <summary>By how much the level varies without anything being wrong, as a share: three robust deviations.</summary>
    public double Tolerance { get; }

    /// <summary>How much more than chance counts vary within an hour.</summary>
    public VolumeDispersion Dispersion { get; }

    /// <summary>When enough is known (UTC); null when it is.</summary>
    public DateTimeOffset? LearningUntil => Weeks < LeastWeeks ? _known.AddDays(7 * LeastWeeks) : null;

    /// <summary>Usual events of an hour; null while there are fewer than two such hours, and for an hour it was not made for.</summary>
    public double? At(DateTimeOffset hour)
    {
        var place = (hour - _from).TotalHours;
        return place < 0 || place >= _medians.Length ? null : _medians[(int)place] * Level;
    }

    /// <summary>
    /// Usual events of a minute: a step and a ramp between hours look the same in hourly sums, so it is the lower of both for drops and the higher one
    /// for surges.
    /// </summary>
    public (double ForDrop, double ForSurge)? AtMinute(DateTimeOffset minute)
    {
        var hour = Reports.RollupWriter.HourOf(minute);
        if (At(hour) is not { } flat)
            return null;
        var place = (minute - hour).TotalMinutes / 60 + 1 / 120.0 - .5; // of the minute's middle, from the hour's
        var other = At(hour.AddHours(place < 0 ? -1 : 1)) ?? flat;
        var ramp = flat + (other - flat) * Math.Abs(place);
        return (Math.Min(flat, ramp) / 60, Math.Max(flat, ramp) / 60);
    }

    /// <summary>The counts of an hour between which nothing is remarkable; null like <see cref="At"/>.</summary>
    public (double Low, double High)? Band(DateTimeOffset hour)
    {
        if (At(hour) is not { } usual)
            return null;
        var chance = 3 * Math.Sqrt(usual * Dispersion.FiveMinutes);
        return (Math.Max(0, usual * (1 - Tolerance) - chance), usual * (1 + Tolerance) + Math.Max(3, chance));
    }

    private static double? MedianAt(HourlyCounts history, SameHours hours, Dictionary<DateTimeOffset, double?> medians, DateTimeOffset hour)
    {
        if (medians.TryGetValue(hour, out var known))
            return known;
        Span<double> same = stackalloc double[MostWeeks];
        var weeks = 0;
        foreach (var then in hours.Before(hour))
            if (history.At(then) is { } count)
                same[weeks++] = count;
        return medians[hour] = weeks < LeastWeeks ? null : Median(same[..weeks]);
    }

    private static double Spread(HourlyCounts history, SameHours same, Dictionary<DateTimeOffset, double?> medians)
    {
        var shares = Shares(history, same, medians, hours: 3, blocks: 56, least: 100);
        if (shares.Count < 14)
            shares = Shares(history, same, medians, hours: 24, blocks: 14, least: 100);
        if (shares.Count < 5)
            return DefaultTolerance / 3;
        var middle = Median(shares);
        return 1.4826 * Median(shares.ConvertAll(share => Math.Abs(share - middle))) / Math.Max(middle, .1);
    }

    /// <summary>The newest blocks of hours as shares of what was usual then.</summary>
    private static List<double> Shares(HourlyCounts history, SameHours same, Dictionary<DateTimeOffset, double?> medians, int hours, int blocks, double least)
    {
        var shares = new List<double>(blocks);
        for (var block = 0; block < blocks; block++)
        {
            var (count, usual) = (0.0, 0.0);
            for (var back = block * hours + 1; back <= (block + 1) * hours; back++)
                if (MedianAt(history, same, medians, history.End.AddHours(-back)) is { } median && history.At(history.End.AddHours(-back)) is { } seen)
                    (count, usual) = (count + seen, usual + median);
            if (usual >= least)
                shares.Add(count / usual);
        }
        return shares;
    }

    private static double Median(List<double> values)
    {
        Span<double> copy = stackalloc double[values.Count];
        for (var i = 0; i < values.Count; i++)
            copy[i] = values[i];
        return Median(copy);
    }

    private static double Median(Span<double> values)
    {
        values.Sort();
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
