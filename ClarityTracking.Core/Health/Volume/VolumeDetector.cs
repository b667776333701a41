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

    /// <summary>Natural logarithm of a hundred: so unlikely must it be that a part shares in what holds for the whole, to say that it does not.</summary>
    public const double Clear = 4.6;

    /// <summary>What has come back by this share of what was missing is over; if it stays there, it is told anew by itself.</summary>
    private const double WayBack = .4;

    /// <summary>So many times as long as a time in which nothing at all would be seen is one that tells that all is as usual.</summary>
    private const double Enough = 3;

    /// <summary>A drop is at least so large, a surge at least so many times the usual.</summary>
    public const double LeastDrop = .25, LeastSurge = 2;

    /// <summary>Judges a series.</summary>
    /// <param name="windows">Times that end now, shortest first.</param>
    /// <param name="tolerance">By how much the level varies without anything being wrong, as a share.</param>
    /// <param name="dispersions">How much more than chance counts vary.</param>
    public static VolumeVerdict Judge(IReadOnlyList<VolumeWindow> windows, double tolerance, VolumeDispersion dispersions)
    {
        var (low, high) = (1 - tolerance, 1 + Math.Max(tolerance, .5));
        VolumeWindow? usual = null;
        for (var i = 0; i < windows.Count; i++)
        {
            var window = windows[i];
            var spread = dispersions.Over(window.Length);
            if (window.Observed <= Math.Min(low, 1 - LeastDrop) * window.Usual && Surprise(window.Observed, low * window.Usual) / spread >= Certain && !IsOver(i, window.Observed / window.Usual, isDrop: true))
                return new VolumeVerdict(VolumeState.Drop, window, 100 * (1 - window.Observed / window.Usual));
            var most = Math.Max(window.UsualAtMost, 1);
            if (window.Observed >= Math.Max(high, LeastSurge) * most && Surprise(window.Observed, high * most) / spread >= Certain
                && !IsOver(i, window.Observed / most, isDrop: false))
                return new VolumeVerdict(VolumeState.Surge, window, Math.Min(100_000, 100 * (window.Observed / most - 1)));
            if (IsTelling(window, tolerance, spread))
                usual ??= window;
        }
        return usual is null ? new VolumeVerdict(VolumeState.Quiet, null, 0) : new VolumeVerdict(VolumeState.Usual, usual, 0);

        // a shorter, newer time that is long enough is within what is usual; or it is well on its way back, and not by the chance that the longer one allows
        bool IsOver(int longer, double ratio, bool isDrop)
        {
            var back = ratio + (1 - ratio) * WayBack;
            for (var i = 0; i < longer; i++)
            {
                var newer = windows[i];
                var dispersion = dispersions.Over(newer.Length);
                var (edge, enough) = isDrop ? (low * newer.Usual, low * newer.Usual) : (high * newer.UsualAtMost, newer.Usual);
                if (enough >= Enough * Certain * dispersion && ((isDrop ? newer.Observed >= edge : newer.Observed <= edge) || Surprise(newer.Observed, edge) < dispersion))
                    return true;
                if (newer.Usual > 0 && (isDrop ? newer.Observed >= back * newer.Usual : newer.Observed <= back * newer.UsualAtMost)
                    && Surprise(newer.Observed, Math.Max(ratio, .01) * (isDrop ? newer.Usual : newer.UsualAtMost)) / dispersion >= Clear)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Would it be seen if nothing had come at all?</summary>
    public static bool IsTelling(VolumeWindow window, double tolerance, double dispersion) => (1 - tolerance) * window.Usual >= Certain * dispersion;

    /// <summary>Natural logarithm of how unlikely it is that a Poisson count lies at least so far to this side of its mean (Chernoff's bound).</summary>
    /// <param name="observed">Events that came.</param>
    /// <param name="mean">Above 0.</param>
    public static double Surprise(double observed, double mean) =>
        mean <= 0 ? 0 : mean - observed + (observed <= 0 ? 0 : observed * Math.Log(observed / mean));
}
