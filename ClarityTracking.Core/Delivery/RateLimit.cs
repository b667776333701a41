namespace ClarityTracking.Core.Delivery;

/// <summary>
/// How fast calls may follow each other: the generic cell rate algorithm (ITU-T I.371), which needs one time as its whole memory. Callers book the
/// next free moment and wait for it, so several of them queue up instead of trying again.
/// </summary>
/// <param name="Interval">Between calls when many are waiting.</param>
/// <param name="Burst">So many may go at once after a rest; at least 1.</param>
public sealed record RateLimit(TimeSpan Interval, int Burst)
{
    private static readonly TimeSpan FirstSlowed = TimeSpan.FromSeconds(1), MostSlowed = TimeSpan.FromSeconds(10);

    /// <summary>How long a platform's "too many calls" counts, when it names no time.</summary>
    public static readonly TimeSpan SlowedFor = TimeSpan.FromMinutes(10);

    /// <summary>The time between calls after a platform's "too many calls" without a time: twice as long as it was slowed to already.</summary>
    /// <param name="before">Between calls, when a refusal before this one still counts.</param>
    public static TimeSpan Slowed(TimeSpan? before) => before * 2 is not { } twice ? FirstSlowed : twice < MostSlowed ? twice : MostSlowed;

    /// <summary>At most so many calls in any minute, a burst among them.</summary>
    public static RateLimit PerMinute(int calls, int burst) => new(TimeSpan.FromMinutes(1) / (calls - burst), burst);

    /// <summary>Books one call.</summary>
    /// <param name="bookedUntil">What the last booking left; null when there was none.</param>
    /// <param name="now">Now (UTC).</param>
    /// <returns>What to keep for the next booking, and how long to wait before the call.</returns>
    public (DateTimeOffset BookedUntil, TimeSpan Wait) Book(DateTimeOffset? bookedUntil, DateTimeOffset now)
    {
        var next = (bookedUntil > now ? bookedUntil.Value : now) + Interval;
        var wait = next - Burst * Interval - now;
        return (next, wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
    }
}
