namespace ClarityTracking.Core.Health.Volume;

/// <summary>Whose events are counted.</summary>
/// <param name="Name">Event name; null = all.</param>
/// <param name="Source">Word of the source; null = all.</param>
public readonly record struct SeriesKey(string? Name, string? Source)
{
    /// <summary>All events of the website.</summary>
    public static readonly SeriesKey All = new(null, null);
}

/// <summary>One series as it stands now.</summary>
/// <param name="Key">Whose events.</param>
/// <param name="Usual">What is usual.</param>
/// <param name="LastAt">The newest event within an hour (UTC); null = there was none.</param>
/// <param name="Windows">Times that end now, shortest first; the same for all series of a website but for the one since its newest event.</param>
/// <param name="Verdict">What can be said.</param>
public sealed record VolumeSeries(SeriesKey Key, UsualVolume Usual, DateTimeOffset? LastAt, IReadOnlyList<VolumeWindow> Windows, VolumeVerdict Verdict)
{
    /// <summary>Reads the newest counts of a series against what is usual.</summary>
    /// <param name="key">Whose events.</param>
    /// <param name="usual">What is usual.</param>
    /// <param name="now">Up to when everything is counted (UTC).</param>
    /// <param name="minutes">Events by minute, those of the last hour; missing = none.</param>
    /// <param name="hours">Events by hour, those of the last day and of the hour that runs; missing = none.</param>
    /// <param name="lastAt">The newest event of the last hour (UTC).</param>
    /// <param name="watched">Was the installation up in a minute? What was not watched counts on neither side.</param>
    public static VolumeSeries Read(SeriesKey key, UsualVolume usual, DateTimeOffset now, IReadOnlyDictionary<DateTimeOffset, double> minutes,
        IReadOnlyDictionary<DateTimeOffset, double> hours, DateTimeOffset? lastAt, WatchedTime watched)
    {
        if (usual.LearningUntil is not null)
            return new VolumeSeries(key, usual, lastAt, [], new VolumeVerdict(VolumeState.Learning, null, 0));
        var windows = new List<VolumeWindow>();
        AddMinutes(windows, usual, now, minutes, watched);
        if (lastAt is { } last && last < now && now - last < TimeSpan.FromHours(1))
            windows.Add(Since(usual, last, now, watched));
        AddHours(windows, usual, now, hours, watched);
        windows.Sort((a, b) => a.Length.CompareTo(b.Length));
        return new VolumeSeries(key, usual, lastAt, windows, VolumeDetector.Judge(windows, usual.Tolerance, usual.Dispersion));
    }

    /// <summary>The window of a length; null when there is none.</summary>
    public VolumeWindow? Of(TimeSpan length)
    {
        foreach (var window in Windows)
            if (window.Length == length)
                return window;
        return null;
    }

    private static readonly int[] Minutes = [1, 2, 3, 5, 10, 15, 30, 60];
    private static readonly int[] Hours = [3, 6, 12, 24];

    private static void AddMinutes(List<VolumeWindow> windows, UsualVolume usual, DateTimeOffset now, IReadOnlyDictionary<DateTimeOffset, double> minutes,
        WatchedTime watched)
    {
        var running = MinuteOf(now);
        var sum = default(VolumeWindow);
        for (var back = 0; back < 60; back++)
        {
            var minute = running.AddMinutes(-back);
            var part = back == 0 ? (now - running).TotalMinutes : 1;
            if (watched.At(minute) && usual.AtMinute(minute) is { } usually)
                sum = new VolumeWindow(default, sum.Observed + minutes.GetValueOrDefault(minute), sum.Usual + usually.ForDrop * part, sum.UsualAtMost + usually.ForSurge * part);
            if (Minutes.Contains(back + 1))
                windows.Add(sum with { Length = now - minute });
        }
    }

    /// <summary>The time since the newest event: to the second, where minutes would still hold what came before.</summary>
    private static VolumeWindow Since(UsualVolume usual, DateTimeOffset last, DateTimeOffset now, WatchedTime watched)
    {
        var (low, high) = (0.0, 0.0);
        for (var minute = MinuteOf(last); minute < now; minute = minute.AddMinutes(1))
        {
            var (from, to) = (minute > last ? minute : last, minute.AddMinutes(1) < now ? minute.AddMinutes(1) : now);
            if (!watched.At(minute) || usual.AtMinute(minute) is not { } usually)
                continue;
            (low, high) = (low + usually.ForDrop * (to - from).TotalMinutes, high + usually.ForSurge * (to - from).TotalMinutes);
        }
        return new VolumeWindow(now - last, 0, low, high);
    }

    private static void AddHours(List<VolumeWindow> windows, UsualVolume usual, DateTimeOffset now, IReadOnlyDictionary<DateTimeOffset, double> hours, WatchedTime watched)
    {
        var running = Reports.RollupWriter.HourOf(now);
        var sum = default(VolumeWindow);
        for (var back = 0; back <= Hours[^1]; back++)
        {
            var hour = running.AddHours(-back);
            var (up, all) = watched.Of(hour, now);
            // an hour that was half unwatched says nothing; of less, the part that was counts
            if (all > 0 && up >= all / 2 && usual.At(hour) is { } usually)
                sum = new VolumeWindow(default, sum.Observed + hours.GetValueOrDefault(hour), sum.Usual + usually * up / 60, sum.UsualAtMost + usually * up / 60);
            if (Hours.Contains(back))
                windows.Add(sum with { Length = now - hour });
        }
    }

    private static DateTimeOffset MinuteOf(DateTimeOffset time) => new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerMinute, TimeSpan.Zero);
}
