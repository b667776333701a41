using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>
/// A histogram of times on a logarithmic scale (the idea of DDSketch): bucket <c>i</c> holds 2^((i-1)/4) to 2^(i/4) milliseconds, so sums of hours
/// merge by adding, and a percentile read from it is right to <see cref="RelativeError"/> of itself, however long the times are.
/// </summary>
public static class LatencyBuckets
{
    /// <summary>Most that a percentile can be off, as a share of itself: half a bucket of 2^(1/4).</summary>
    public const double RelativeError = 0.0865;

    private const double PerOctave = 4;
    private const int Last = 160; // 35 years

    /// <summary>The bucket of a time; 0 holds all below a millisecond, negative times too.</summary>
    public static short Of(TimeSpan time)
    {
        var ms = time.TotalMilliseconds;
        return ms <= 1 ? (short)0 : (short)Math.Min(Last, Math.Ceiling(PerOctave * Math.Log2(ms) - 1e-9));
    }

    /// <summary>The time a bucket stands for: no time in it is further away than <see cref="RelativeError"/>.</summary>
    public static TimeSpan TimeOf(short bucket)
    {
        if (bucket <= 0)
            return TimeSpan.Zero;
        var (low, high) = (Math.Pow(2, (bucket - 1) / PerOctave), Math.Pow(2, bucket / PerOctave));
        return TimeSpan.FromMilliseconds(2 * low * high / (low + high)); // equally far, in shares, from both ends
    }

    /// <summary>The time that a share of all does not exceed; null when there are none.</summary>
    /// <param name="counts">By bucket.</param>
    /// <param name="share">Above 0 and up to 1.</param>
    public static TimeSpan? Percentile(IReadOnlyDictionary<short, long> counts, double share)
    {
        var all = counts.Values.Sum();
        var rank = Math.Max(1, (long)Math.Ceiling(all * share));
        foreach (var (bucket, count) in counts.OrderBy(c => c.Key))
            if ((rank -= count) <= 0)
                return TimeOf(bucket);
        return null;
    }
}

/// <summary>How an event came, by how long ago it happened: only those told at once say how fast intake is.</summary>
public enum ArrivalStage
{
    /// <summary>Told when it happened.</summary>
    Received,
    /// <summary>Told more than ten minutes later: a browser was offline, a sender tried again.</summary>
    Late,
    /// <summary>A server, a webhook or a pull told it more than a day later: an import of history, late by design. No part of the volume.</summary>
    History,
    /// <summary>The sender's clock is ahead of ours by more than two seconds; how far is what its bucket tells.</summary>
    Ahead,
}

/// <summary>How long after it happened an event arrived, and what that means.</summary>
internal static class Arrival
{
    private static readonly TimeSpan Live = TimeSpan.FromMinutes(10), HistoryAfter = TimeSpan.FromDays(1), Skew = TimeSpan.FromSeconds(2);

    public static (ArrivalStage Stage, short Bucket) Of(DateTimeOffset occurred, DateTimeOffset received, EventSource source)
    {
        var delay = received - occurred;
        return delay < -Skew ? (ArrivalStage.Ahead, LatencyBuckets.Of(-delay))
            : (delay <= Live ? ArrivalStage.Received : delay > HistoryAfter && source is (EventSource.Server or EventSource.Webhook) ? ArrivalStage.History : ArrivalStage.Late, LatencyBuckets.Of(delay));
    }

    /// <summary>Told when it happened, by a clock that can be believed?</summary>
    public static bool IsLive(Event stored) => Of(stored.OccurredAt, stored.ReceivedAt, stored.Source).Stage == ArrivalStage.Received;

    /// <summary>Stage and bucket in one number, for the outbox.</summary>
    public static int Code(ArrivalStage stage, short bucket) => (int)stage * 1000 + bucket;

    public static (ArrivalStage Stage, short Bucket) Read(int code) => ((ArrivalStage)(code / 1000), (short)(code % 1000));
}
