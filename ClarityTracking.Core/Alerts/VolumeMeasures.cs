using System.Text.Json;
using ClarityTracking.Core.Health.Volume;

namespace ClarityTracking.Core.Alerts;

/// <summary>How alerts of volume are measured: by what <see cref="VolumeFindings"/> tells, which is each thing once.</summary>
internal static class VolumeMeasures
{
    /// <summary>Subjects of sources begin so: an event may be named like one.</summary>
    private const string SourcePrefix = "source:";

    /// <summary>Sources whose silence is told as such; that of webhooks is told by their connection.</summary>
    private static readonly string[] Sources = ["browser", "server"];

    /// <summary>Hours since the newest event, by SQL; and silence that is no chance, of everything or of a source, however short it is.</summary>
    public static IReadOnlyList<Measure> NoEvents(VolumeNow? now, IReadOnlyCollection<Measure> measured)
    {
        if (now is null)
            return [.. measured];
        var measures = new List<Measure>();
        if (measured.FirstOrDefault() is { } whole)
            measures.Add(Finding(now, SeriesKey.All) is { } silent && IsSilent(silent)
                ? whole with { Detail = SilenceOf(now, silent, whole.Detail), IsCertain = true } : whole);
        foreach (var source in Sources)
            if (now.Of(null, source) is { } series)
                measures.Add(Finding(now, series.Key) is { } silent && IsSilent(silent)
                    ? new Measure(SourcePrefix + source, source, decimal.Round((decimal)(silent.Verdict.Window!.Value.Length.TotalHours), 2), SilenceOf(now, silent, null), IsCertain: true)
                    : new Measure(SourcePrefix + source, source, series.Verdict.State is VolumeState.Usual or VolumeState.Surge ? 0 : null, Nothing));
        return measures;
    }

    /// <summary>Percent by which less came than usual.</summary>
    public static IReadOnlyList<Measure> Drop(VolumeNow? now) => Of(now, VolumeState.Drop, finding => !IsSilence(finding));

    /// <summary>Percent by which more came than usual.</summary>
    public static IReadOnlyList<Measure> Surge(VolumeNow? now) => Of(now, VolumeState.Surge, _ => true);

    private static List<Measure> Of(VolumeNow? now, VolumeState state, Func<VolumeFinding, bool> isTold)
    {
        var measures = new Dictionary<string, Measure>(StringComparer.Ordinal);
        if (now is null)
            return [];
        foreach (var finding in now.Findings.Where(f => f.Verdict.State == state).Where(isTold))
            measures.TryAdd(SubjectOf(finding.Series.Key), new Measure(SubjectOf(finding.Series.Key), NameOf(finding.Series.Key), decimal.Round((decimal)finding.Verdict.Percent, 1), DetailOf(finding)));
        // what can be told of the others ends their alerts; what cannot leaves them as they are
        foreach (var series in now.Series.Values.Where(s => s.Key.Name is null || s.Key.Source is null))
            measures.TryAdd(SubjectOf(series.Key), new Measure(SubjectOf(series.Key), NameOf(series.Key),
                series.Verdict.State is VolumeState.Quiet or VolumeState.Learning || series.Verdict.State == state ? null : 0, Nothing));
        return [.. measures.Values];
    }

    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    private static string SubjectOf(SeriesKey key) => key.Name ?? (key.Source is { } source ? SourcePrefix + source : "");

    private static string NameOf(SeriesKey key) => key.Name ?? key.Source ?? "";

    private static VolumeFinding? Finding(VolumeNow now, SeriesKey key) => now.Findings.FirstOrDefault(f => f.Series.Key == key && f.Verdict.State == VolumeState.Drop);

    private static bool IsSilent(VolumeFinding finding) => finding.Verdict.Window is { Observed: 0 };

    /// <summary>Told as silence, not as a drop.</summary>
    private static bool IsSilence(VolumeFinding finding) =>
        finding.Series.Key.Name is null && IsSilent(finding) && (finding.Series.Key.Source is not { } source || Sources.Contains(source));

    private static JsonElement DetailOf(VolumeFinding finding)
    {
        var window = finding.Verdict.Window!.Value;
        return JsonSerializer.SerializeToElement(new
        {
            events = Math.Round(window.Observed),
            usual = Math.Round(window.Usual, window.Usual < 10 ? 1 : 0),
            minutes = Math.Max(1, Math.Round(window.Length.TotalMinutes)),
            source = finding.Series.Key.Source,
            weeks = finding.Series.Usual.Weeks,
        });
    }

    private static JsonElement SilenceOf(VolumeNow now, VolumeFinding finding, JsonElement? known)
    {
        var window = finding.Verdict.Window!.Value;
        return JsonSerializer.SerializeToElement(new
        {
            last_event_at = known is { } detail && detail.TryGetProperty("last_event_at", out var last) ? last.GetString() : (finding.Series.LastAt ?? now.At - window.Length).ToString("O"),
            silent_minutes = Math.Round(window.Length.TotalMinutes, 1),
            usual = Math.Round(window.Usual),
            usual_gap_seconds = Math.Round(window.Length.TotalSeconds / Math.Max(window.Usual, .1), 1),
            source = finding.Series.Key.Source,
        });
    }
}
