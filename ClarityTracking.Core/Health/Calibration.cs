namespace ClarityTracking.Core.Health;

/// <summary>A platform's own score, and our estimate of the same hours.</summary>
/// <param name="Real">0 to 10.</param>
/// <param name="Raw">Our estimate before calibration, 0 to 10.</param>
public readonly record struct ScorePair(decimal Real, decimal Raw);

/// <summary>
/// How far our estimate was from a platform's own score lately: shown = raw + EWMA(real − raw), for one dataset and event name. The chances we
/// assume are guesses; what Meta really says of this shop corrects them, the newest days most.
/// </summary>
/// <param name="Offset">Points to add to the raw estimate; 0 without a pair.</param>
/// <param name="Days">Pairs it rests on.</param>
public sealed record Calibration(decimal Offset, int Days)
{
    /// <summary>Weight of the newest pair: half of what is shown stems from the last two days, nine tenths from the last week.</summary>
    public const decimal Alpha = .3m;

    /// <summary>No platform's score is known.</summary>
    public static readonly Calibration None = new(0, 0);

    /// <param name="pairs">Oldest first. Pairs without an estimate (0: nothing usable came) say nothing and are left out.</param>
    public static Calibration Of(IEnumerable<ScorePair> pairs) =>
        pairs.Aggregate(None, static (sum, pair) => sum.With(pair));

    /// <summary>After one more day.</summary>
    public Calibration With(ScorePair pair) => pair.Raw <= 0 ? this
        : Days == 0 ? new(pair.Real - pair.Raw, 1)
        : new(Offset + (Alpha * (pair.Real - pair.Raw - Offset)), Days + 1);

    /// <summary>The offset as it is added: whole tenths.</summary>
    public decimal Rounded => decimal.Round(Offset, 1, MidpointRounding.AwayFromZero);
}
