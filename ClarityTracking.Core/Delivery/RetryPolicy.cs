namespace ClarityTracking.Core.Delivery;

/// <summary>
/// When to try again: exponential backoff of which half is by chance, so that a platform that comes back is not met by everybody at once, and
/// not before the platform's own Retry-After (at most six hours).
/// </summary>
public static class RetryPolicy
{
    private static readonly TimeSpan FirstTransient = TimeSpan.FromSeconds(1), LongestTransient = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FirstRateLimited = TimeSpan.FromSeconds(60), LongestRateLimited = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan FirstAlone = TimeSpan.FromSeconds(5), LongestAlone = TimeSpan.FromHours(1);

    /// <summary>A proxy's mistaken Retry-After must not silence a connection for years.</summary>
    private static readonly TimeSpan LongestWish = TimeSpan.FromHours(6);

    /// <summary>The pause after a failed attempt.</summary>
    /// <param name="kind">Why it failed.</param>
    /// <param name="failures">How often in a row, 1 for the first.</param>
    /// <param name="retryAfter">The platform's wish.</param>
    /// <param name="random">From 0 (inclusive) to 1 (exclusive).</param>
    public static TimeSpan Pause(FailureKind kind, int failures, TimeSpan? retryAfter, double random)
    {
        // a platform that says when to come back is believed: the long pauses are for those that only say "too many"
        var (first, longest) = kind == FailureKind.RateLimited && retryAfter is null ? (FirstRateLimited, LongestRateLimited) : (FirstTransient, LongestTransient);
        var ceiling = Min(first * Math.Pow(2, Math.Clamp(failures - 1, 0, 20)), longest);
        // half is fixed: a pause of nearly nothing would be a retry storm of its own
        var pause = ceiling / 2 + ceiling / 2 * random;
        return retryAfter is { } wish && wish > pause ? Min(wish, LongestWish) : pause;
    }

    /// <summary>
    /// The pause of an event that the platform fails on while it takes others: up to half the time it has been waiting already, so it grows with each
    /// try, from five seconds to an hour.
    /// </summary>
    /// <param name="waited">Since the delivery was queued.</param>
    /// <param name="random">From 0 (inclusive) to 1 (exclusive).</param>
    public static TimeSpan PauseAlone(TimeSpan waited, double random)
    {
        var ceiling = Min(waited > 2 * FirstAlone ? waited / 2 : FirstAlone, LongestAlone);
        return ceiling / 2 + ceiling / 2 * random;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
