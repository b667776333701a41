namespace ClarityTracking.Core.Delivery;

/// <summary>
/// How many batches of one connection may be out at once: one more after each full batch that went well, half after each that did not
/// (additive increase, multiplicative decrease). Belongs to one lane.
/// </summary>
internal sealed class Concurrency
{
    /// <summary>Never more, however well it goes.</summary>
    public const int Most = 8;

    /// <summary>Batches, at least one.</summary>
    public int Allowed { get; private set; } = 1;

    public void Increase() => Allowed = Math.Min(Allowed + 1, Most);

    public void Decrease() => Allowed = Math.Max(Allowed / 2, 1);
}

/// <summary>What became of one run of a lane.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Slowest">How long its slowest call took.</param>
public readonly record struct BatchResult(BatchEnd End, TimeSpan Slowest = default);

/// <summary>How a run of a lane ended.</summary>
public enum BatchEnd
{
    /// <summary>Nothing is due, or the connection must wait.</summary>
    Nothing,
    /// <summary>The platform said "not now", or the run failed: the connection must wait.</summary>
    SetBack,
    /// <summary>Everything that was due is out.</summary>
    Sent,
    /// <summary>A batch as large as the platform takes is out; more may be due.</summary>
    SentFull,
}
