namespace ClarityTracking.Core.Health.Volume;

/// <summary>What came in a time that ends now, and what usually comes.</summary>
/// <param name="Length">How long it is.</param>
/// <param name="Observed">Events that came.</param>
/// <param name="Usual">Events that usually come, the lower guess; what a drop is measured by.</param>
/// <param name="UsualAtMost">The higher guess; what a surge is measured by.</param>
public readonly record struct VolumeWindow(TimeSpan Length, double Observed, double Usual, double UsualAtMost);

/// <summary>What can be said of a series now.</summary>
public enum VolumeState
{
    /// <summary>Fewer than two weeks are known.</summary>
    Learning,
    /// <summary>So little usually comes at this time that nothing at all would be no surprise.</summary>
    Quiet,
    /// <summary>As usual.</summary>
    Usual,
    /// <summary>So much less than usual that it is no chance.</summary>
    Drop,
    /// <summary>More than twice as much as usual, and no chance.</summary>
    Surge,
}

/// <summary>What can be said of a series, and by which time.</summary>
/// <param name="State">What.</param>
/// <param name="Window">The shortest time that says so; null when there is none.</param>
/// <param name="Percent">By how much it is less (or, in a surge, more) than usual; 0 when it is as usual.</param>
public readonly record struct VolumeVerdict(VolumeState State, VolumeWindow? Window, double Percent);

/// <summary>
/// Says whether a series came as usual. A time counts as a drop when, even at the lower end of how the level varies, so few events would come by chance
/// less than once in a million such looks: Chernoff's bound of the Poisson tail, its exponent divided by the dispersion. Pure: numbers in, verdict out.
/// </summary>
public static class VolumeDetector
{
    /// <summary>Natural logarithm of a million: with nothing coming at all, so many events (times the dispersion) must have been usual.</summary>
    public const double Certain = 13.8;

    /// <summary>A drop is at least so large, a surge at least so many times the usual.</summary>
    public const double LeastDrop = .25, LeastSurge = 2;

    /// <summary>Judges a series.</summary>
    /// <param name="windows">Times that end now, shortest first.</param>
    /// <param name="tolerance">By how much the level varies without anything being wrong, as a share.</param>
    /// <param name="dispersion">Variance of counts by their mean, at least 1.</param>
    public static VolumeVerdict Judge(IEnumerable<VolumeWindow> windows, double tolerance, double dispersion)
    {
        var (low, high) = (1 - tolerance, 1 + Math.Max(tolerance, .5));
        VolumeVerdict? usual = null;
        var (isBackUp, isBackDown) = (false, false); // what a shorter, newer time says is over
        foreach (var window in windows)
        {
            if (!IsTelling(window, tolerance, dispersion))
            {
                // more than twice the usual can be told before nothing at all can
                if (!isBackDown && IsSurge(window, high, dispersion))
                    return Surge(window);
                continue;
            }
            if (!isBackUp && window.Observed <= (1 - LeastDrop) * window.Usual && Surprise(window.Observed, low * window.Usual) / dispersion >= Certain)
                return new VolumeVerdict(VolumeState.Drop, window, 100 * (1 - window.Observed / window.Usual));
            if (!isBackDown && IsSurge(window, high, dispersion))
                return Surge(window);
            isBackUp |= window.Observed >= low * window.Usual;
            isBackDown |= window.Observed <= high * window.UsualAtMost;
            usual ??= new VolumeVerdict(VolumeState.Usual, window, 0);
        }
        return usual ?? new VolumeVerdict(VolumeState.Quiet, null, 0);
    }

    /// <summary>Would it be seen if nothing had come at all?</summary>
    public static bool IsTelling(VolumeWindow window, double tolerance, double dispersion) => (1 - tolerance) * window.Usual >= Certain * dispersion;

    /// <summary>Natural logarithm of how unlikely a count on the far side of its mean is, as a Poisson's (Chernoff's bound); 0 on the near side.</summary>
    /// <param name="observed">Events that came.</param>
    /// <param name="mean">Above 0.</param>
    public static double Surprise(double observed, double mean) =>
        mean <= 0 ? 0 : mean - observed + (observed <= 0 ? 0 : observed * Math.Log(observed / mean));

    private static bool IsSurge(VolumeWindow window, double high, double dispersion)
    {
        var mean = high * Math.Max(window.UsualAtMost, 1);
        return window.Observed >= LeastSurge * Math.Max(window.UsualAtMost, 1) && window.Observed > mean && Surprise(window.Observed, mean) / dispersion >= Certain;
    }

    private static VolumeVerdict Surge(VolumeWindow window) =>
        new(VolumeState.Surge, window, Math.Min(100_000, 100 * (window.Observed / Math.Max(window.UsualAtMost, 1) - 1)));
}
