namespace ClarityTracking.Core.Health.Volume;

/// <summary>When this installation was up. Events that did not come while it was down are nobody else's fault, so that time counts on neither side.</summary>
/// <param name="unwatched">Begins of the minutes of the last day in which it was down (UTC).</param>
public sealed class WatchedTime(IEnumerable<DateTimeOffset> unwatched)
{
    private readonly HashSet<DateTimeOffset> _unwatched = [.. unwatched];

    /// <summary>It was never down.</summary>
    public static readonly WatchedTime Always = new([]);

    /// <summary>Was it up in a minute?</summary>
    public bool At(DateTimeOffset minute) => !_unwatched.Contains(minute);

    /// <summary>Minutes of an hour in which it was up, until a moment; and all of them.</summary>
    public (double Up, double All) Of(DateTimeOffset hour, DateTimeOffset until)
    {
        var all = Math.Clamp((until - hour).TotalMinutes, 0, 60);
        return (all - _unwatched.Count(minute => minute >= hour && minute < hour.AddHours(1) && minute < until), all);
    }
}
