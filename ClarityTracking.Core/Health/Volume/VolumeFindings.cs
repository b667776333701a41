namespace ClarityTracking.Core.Health.Volume;

/// <summary>Something that is not as usual, told once: not again for each part of it.</summary>
/// <param name="Series">The smallest series that explains it.</param>
/// <param name="Verdict">What is wrong with it.</param>
public sealed record VolumeFinding(VolumeSeries Series, VolumeVerdict Verdict);

/// <summary>
/// What is to be told of a website. A drop of everything is one finding, not one for each event name; a drop of one name, which takes the total down
/// with it, is that name's alone when the rest goes on as usual.
/// </summary>
public static class VolumeFindings
{
    /// <summary>The smallest explanations of all that is not as usual.</summary>
    public static IReadOnlyList<VolumeFinding> Of(IReadOnlyDictionary<SeriesKey, VolumeSeries> series)
    {
        var found = new List<VolumeFinding>();
        var told = new List<SeriesKey>();
        // the total, then sources and names, then their parts
        foreach (var one in series.Values.Where(s => s.Verdict.State is VolumeState.Drop).OrderBy(s => Depth(s.Key)).ThenBy(s => s.Key.Name is null ? 0 : 1)
                     .ThenByDescending(s => s.Verdict.Window!.Value.Usual))
        {
            if (told.Exists(t => Contains(t, one.Key)) || found.Exists(f => Explains(f, one)) || IsAfterEffect(series, one))
                continue;
            var culprit = Culprit(series, one);
            if (told.Contains(culprit.Key))
                continue;
            told.Add(culprit.Key);
            found.Add(new VolumeFinding(culprit, culprit.Verdict.State == VolumeState.Drop ? culprit.Verdict : InWindow(culprit, one.Verdict.Window!.Value)));
        }
        var surges = series.Values.Where(s => s.Verdict.State == VolumeState.Surge && s.Key.Source is null).ToList();
        var names = surges.FindAll(s => s.Key.Name is not null);
        found.AddRange((names.Count == 1 ? names : surges.Exists(s => s.Key == SeriesKey.All) ? surges.FindAll(s => s.Key == SeriesKey.All) : names)
            .Select(s => new VolumeFinding(s, s.Verdict)));
        return found;
    }

    /// <summary>Follows a drop down to the one part that is to blame, as long as all else goes on as usual.</summary>
    private static VolumeSeries Culprit(IReadOnlyDictionary<SeriesKey, VolumeSeries> series, VolumeSeries whole)
    {
        var window = whole.Verdict.Window!.Value;
        var ratio = window.Observed / window.Usual;
        var part = series.Values.Where(s => s.Key != whole.Key && Contains(whole.Key, s.Key) && Depth(s.Key) == Depth(whole.Key) + 1)
            .Select(s => (Series: s, Own: s.Of(window.Length)))
            .Where(s => s.Own is { } own && own.Usual > 0 && own.Observed <= (1 - VolumeDetector.LeastDrop) * own.Usual
                && GoesOn(new VolumeWindow(window.Length, window.Observed - own.Observed, window.Usual - own.Usual, 0), whole, ratio, isPartSilent: own.Observed == 0))
            .OrderByDescending(s => s.Own!.Value.Usual - s.Own.Value.Observed).Select(s => s.Series).FirstOrDefault();
        return part is null ? whole : part.Verdict.State == VolumeState.Drop ? Culprit(series, part) : part;
    }

    /// <summary>Is all but the part as usual, and not so by the chance that what holds for the whole allows? Beside a part that is silent, that it speaks is enough.</summary>
    private static bool GoesOn(VolumeWindow rest, VolumeSeries whole, double ratio, bool isPartSilent) =>
        rest.Usual > 0 && rest.Observed > 0 && rest.Observed >= (1 - whole.Usual.Tolerance) * .9 * rest.Usual
        && (isPartSilent || VolumeDetector.Surprise(rest.Observed, Math.Max(ratio, .01) * rest.Usual) / whole.Usual.Dispersion.Over(rest.Length) >= VolumeDetector.Clear);

    /// <summary>
    /// Did a part fall no more than its whole in a time at whose end the whole is as usual again? Then it is what is left of a drop that is over: where
    /// little comes, a part shows later than its whole that it is.
    /// </summary>
    private static bool IsAfterEffect(IReadOnlyDictionary<SeriesKey, VolumeSeries> series, VolumeSeries part)
    {
        var window = part.Verdict.Window!.Value;
        return series.Values.Any(whole => whole.Key != part.Key && Contains(whole.Key, part.Key) && whole.Verdict.State != VolumeState.Drop
            && whole.Of(window.Length) is { Usual: > 0 } same && same.Observed < same.Usual
            && VolumeDetector.Surprise(window.Observed, same.Observed / same.Usual * window.Usual) / part.Usual.Dispersion.Over(window.Length) < VolumeDetector.Certain);
    }

    private static VolumeVerdict InWindow(VolumeSeries series, VolumeWindow window) =>
        series.Of(window.Length) is { Usual: > 0 } own ? new(VolumeState.Drop, own, 100 * (1 - own.Observed / own.Usual)) : series.Verdict;

    /// <summary>Is a drop of a wider or crossing series only that of a finding, seen again?</summary>
    private static bool Explains(VolumeFinding finding, VolumeSeries other)
    {
        var window = other.Verdict.Window!.Value;
        if (finding.Series.Of(window.Length) is not { } own || !(Contains(other.Key, finding.Series.Key) || Crosses(finding.Series.Key, other.Key)))
            return false;
        // what the finding lacks, given back, makes the other as usual again
        return window.Observed + (own.Usual - own.Observed) >= (1 - other.Usual.Tolerance) * window.Usual;
    }

    private static bool Contains(SeriesKey whole, SeriesKey part) =>
        (whole.Name is null || whole.Name == part.Name) && (whole.Source is null || whole.Source == part.Source);

    /// <summary>A source and a name share events without either being part of the other.</summary>
    private static bool Crosses(SeriesKey a, SeriesKey b) => (a.Name is null || b.Name is null || a.Name == b.Name) && (a.Source is null || b.Source is null || a.Source == b.Source);

    private static int Depth(SeriesKey key) => (key.Name is null ? 0 : 1) + (key.Source is null ? 0 : 1);
}
