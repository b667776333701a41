using System.Globalization;
using ClarityTracking.Core.Health.Volume;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Health.Volume;

/// <summary>
/// Days of 200,000 events with planted outages, drops, gaps and surges: what of them is found, how soon, and what is found that was not planted. A few days
/// here; <c>bench/run volume</c> runs the same on many (CLARITY_VOLUME_DAYS).
/// </summary>
public sealed class DetectionTests(ITestOutputHelper output)
{
    private const double PerDay = 200_000;

    /// <summary>Thresholds of the alerts, as they are shipped; percent.</summary>
    private const double LeastDrop = 40, LeastSurge = 200;
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(20);

    [Fact]
    public void GeneratedDays_WithPlantedDrops_AreFoundAndNothingElse()
    {
        var days = int.Parse(Environment.GetEnvironmentVariable("CLARITY_VOLUME_DAYS") ?? "6", CultureInfo.InvariantCulture);
        var results = new List<DayResult>();
        // the detector was made while looking at the seeds from 0 on: others say more
        var first = int.Parse(Environment.GetEnvironmentVariable("CLARITY_VOLUME_SEED") ?? "0", CultureInfo.InvariantCulture);
        Parallel.For(first, first + days, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
        {
            var result = Watch(Day(seed));
            lock (results)
                results.Add(result);
        });
        var found = results.Sum(r => r.Found.Count);
        var (missed, wrong) = (results.SelectMany(r => r.Missed).ToList(), results.SelectMany(r => r.Wrong).ToList());
        foreach (var kind in results.SelectMany(r => r.Found).GroupBy(f => f.Kind).OrderBy(g => g.Key, StringComparer.Ordinal))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind.Key}: {kind.Count()} found, {missed.Count(m => m.Kind == kind.Key)} missed, after {kind.Median(f => f.Delay.TotalSeconds):0} s (median), {kind.Max(f => f.Delay.TotalSeconds):0} s at most"));
        foreach (var one in missed)
            output.WriteLine($"missed: {one.Kind} {one.Series} {one.From:HH:mm}-{one.To:HH:mm}");
        foreach (var one in wrong.Take(20))
            output.WriteLine($"not planted: {one}");
        var (precision, recall) = (found / (double)Math.Max(1, found + wrong.Count), found / (double)Math.Max(1, found + missed.Count));
        var prompt = results.SelectMany(r => r.Found).Where(f => f.ShouldBePrompt).ToList();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{days} days of {results.Average(r => r.Events):0} events, {found + missed.Count} planted: precision {precision:0.000}, recall {recall:0.000}; of {prompt.Count} outages at a rate that allows it {prompt.Count(f => f.Delay.TotalSeconds <= 60)} within 60 s, at most {prompt.Select(f => f.Delay.TotalSeconds).DefaultIfEmpty().Max():0} s"));
        Assert.True(precision >= .98, $"precision {precision}");
        Assert.True(recall >= .98, $"recall {recall}");
        Assert.All(prompt, f => Assert.True(f.Delay <= TimeSpan.FromSeconds(60), $"{f.Kind} after {f.Delay}"));
    }

    private sealed record FoundOne(string Kind, TimeSpan Delay, bool ShouldBePrompt);

    private sealed record DayResult(int Events, List<FoundOne> Found, List<Planted> Missed, List<string> Wrong);

    /// <summary>A different plan for each day of a week of seeds; the last has nothing planted.</summary>
    private static GeneratedTraffic Day(int seed)
    {
        // midnight of the website's own zone
        var day = new DateTimeOffset(2026, 9, 7, 22, 0, 0, TimeSpan.Zero).AddDays(seed % 28);
        var shift = TimeSpan.FromMinutes(seed * 7 % 55);
        DateTimeOffset At(double hour) => day.AddHours(hour) + shift;
        SeriesKey browser = new(null, "browser"), lead = new("lead", null), purchase = new("purchase", null), webhook = new("purchase", "webhook"), views = new("page_view", null);
        Planted[] plan = (seed % 6) switch
        {
            0 => [new("outage of everything", SeriesKey.All, At(10), At(10.5), 0), new("one name stops", purchase, At(14), At(19), 0)],
            1 => [new("half of everything", SeriesKey.All, At(9), At(12), .5), new("snippet silent, server goes on", browser, At(17), At(18), 0)],
            2 => [new("one name stops", lead, At(9), At(13), 0), new("gap of five minutes", SeriesKey.All, At(16), At(16) + TimeSpan.FromMinutes(5), 0), new("outage at night", SeriesKey.All, At(1.5), At(3), 0)],
            3 => [new("one source of a name stops", webhook, At(10), At(17), 0), new("half of page views", views, At(18.5), At(21.5), .5)],
            4 => [new("slow decay", SeriesKey.All, At(11), At(19), .15, IsSlow: true)],
            _ => [new("surge of one name", lead, At(11), At(12.5), 6)],
        };
        return seed % 7 == 6 ? new GeneratedTraffic(seed, day, PerDay, []) : new GeneratedTraffic(seed, day, PerDay, plan);
    }

    private static DayResult Watch(GeneratedTraffic traffic)
    {
        var counts = new LiveCounts(traffic);
        var begun = traffic.Planted.ToDictionary(p => p, _ => (TimeSpan?)null);
        var open = new Dictionary<SeriesKey, DateTimeOffset>();
        var wrong = new List<string>();
        var prompt = new HashSet<Planted>();
        for (var now = traffic.Day.AddSeconds(10); now < traffic.Day.AddDays(1); now = now.AddSeconds(10))
        {
            counts.Advance(now);
            var isNear = traffic.Planted.Any(p => now >= p.From && now < p.From.AddMinutes(6));
            if (!isNear && now.Second != 0)
                continue;
            foreach (var planted in traffic.Planted.Where(p => now - p.From is var since && since >= TimeSpan.Zero && since < TimeSpan.FromSeconds(10) && p is { Left: 0, IsSlow: false }))
                if (counts.IsPrompt(planted))
                    prompt.Add(planted);
            foreach (var finding in VolumeFindings.Of(counts.Read(now)).Where(f => f.Verdict.Percent >= (f.Verdict.State == VolumeState.Drop ? LeastDrop : LeastSurge)))
            {
                var key = finding.Series.Key;
                var cause = traffic.Planted.FirstOrDefault(p => now >= p.From && now < p.To + Grace && IsAbout(key, p.Series) && (finding.Verdict.State == VolumeState.Surge) == (p.Left > 1));
                if (cause is not null)
                    begun[cause] ??= now < cause.To ? now - cause.From : null;
                else if (!open.TryGetValue(key, out var last) || now - last > Grace)
                    wrong.Add($"{now:HH:mm:ss} {key} {finding.Verdict}, seed {traffic.Day:dd.MM.} level {finding.Series.Usual.Level:0.00} tolerance {finding.Series.Usual.Tolerance:0.00} dispersion {finding.Series.Usual.Dispersion}");
                open[key] = now;
            }
        }
        return new DayResult(traffic.Events.Count(e => e.At >= traffic.Day), [.. begun.Where(b => b.Value is not null).Select(b => new FoundOne(b.Key.Kind, b.Value!.Value, prompt.Contains(b.Key)))],
            [.. begun.Where(b => b.Value is null).Select(b => b.Key)], wrong);
    }

    /// <summary>What is told names what was planted, a part of it, or what holds it.</summary>
    private static bool IsAbout(SeriesKey told, SeriesKey planted) =>
        (told.Name is null || planted.Name is null || told.Name == planted.Name) && (told.Source is null || planted.Source is null || told.Source == planted.Source);

    /// <summary>The day's counts as they stand at a moment, kept as the database keeps them.</summary>
    private sealed class LiveCounts(GeneratedTraffic traffic)
    {
        private readonly Dictionary<SeriesKey, (Dictionary<DateTimeOffset, double> Minutes, Dictionary<DateTimeOffset, double> Hours)> _counts =
            GeneratedTraffic.Series.ToDictionary(s => s, s => (new Dictionary<DateTimeOffset, double>(), new Dictionary<DateTimeOffset, double>()));
        private readonly Dictionary<SeriesKey, DateTimeOffset> _last = [];
        private readonly Dictionary<SeriesKey, UsualVolume> _usual = [];
        private readonly Dictionary<SeriesKey, VolumeDispersion> _dispersions = DispersionsOf(traffic);
        private DateTimeOffset _usualOf;
        private int _next;

        public void Advance(DateTimeOffset now)
        {
            for (; _next < traffic.Events.Count && traffic.Events[_next].At < now; _next++)
            {
                var (at, kind) = traffic.Events[_next];
                var (minute, hour) = (Floor(at, TimeSpan.FromMinutes(1)), Floor(at, TimeSpan.FromHours(1)));
                foreach (var series in GeneratedTraffic.Of(kind))
                {
                    var (minutes, hours) = _counts[series];
                    minutes[minute] = minutes.GetValueOrDefault(minute) + 1;
                    hours[hour] = hours.GetValueOrDefault(hour) + 1;
                    _last[series] = at;
                }
            }
            if (_usualOf == Floor(now, TimeSpan.FromHours(1)))
                return;
            _usualOf = Floor(now, TimeSpan.FromHours(1));
            foreach (var series in GeneratedTraffic.Series)
            {
                var past = traffic.History(series);
                var today = Enumerable.Range(0, (int)(_usualOf - past.End).TotalHours).Select(h => _counts[series].Hours.GetValueOrDefault(past.End.AddHours(h)));
                _usual[series] = new UsualVolume(past with { Counts = [.. past.Counts, .. today] }, new SameHours(GeneratedTraffic.Zone), _dispersions[series]);
            }
        }

        public Dictionary<SeriesKey, VolumeSeries> Read(DateTimeOffset now) => GeneratedTraffic.Series.ToDictionary(s => s, s =>
        {
            var hours = Enumerable.Range(0, 26).Select(back => Floor(now, TimeSpan.FromHours(1)).AddHours(-back))
                .ToDictionary(h => h, h => h < traffic.Day ? traffic.History(s).At(h) ?? 0 : _counts[s].Hours.GetValueOrDefault(h));
            return VolumeSeries.Read(s, _usual[s], now, _counts[s].Minutes, hours, _last.TryGetValue(s, out var last) && now - last < TimeSpan.FromHours(1) ? last : null, WatchedTime.Always);
        });

        /// <summary>Is the rate such that nothing at all for 50 seconds would be certain? The look every ten seconds is the rest of the minute.</summary>
        public bool IsPrompt(Planted planted)
        {
            var usual = _usual[planted.Series];
            return usual.AtMinute(Floor(planted.From, TimeSpan.FromMinutes(1))) is { } rate
                && VolumeDetector.IsTelling(new VolumeWindow(default, 0, rate.ForDrop * 50 / 60, 0), usual.Tolerance, usual.Dispersion.Minute);
        }

        /// <summary>Measured on another day, as in life on the one before.</summary>
        private static Dictionary<SeriesKey, VolumeDispersion> DispersionsOf(GeneratedTraffic traffic)
        {
            var before = new GeneratedTraffic(1000 + traffic.Planted.Count, traffic.Day, PerDay, []);
            Dictionary<SeriesKey, double?> By(int minutes)
            {
                var counts = GeneratedTraffic.Series.ToDictionary(s => s, _ => new double[1440 / minutes]);
                foreach (var (at, kind) in before.Events.Where(e => e.At >= traffic.Day))
                    foreach (var series in GeneratedTraffic.Of(kind))
                        counts[series][(int)((at - traffic.Day).TotalMinutes / minutes)]++;
                return counts.ToDictionary(c => c.Key, c => VolumeDispersion.Of(c.Value.Chunk(60 / minutes).Select(h => (h.Sum(), h.Sum(n => n * n))), 60 / minutes));
            }
            var (one, five) = (By(1), By(5));
            return one.ToDictionary(o => o.Key, o => VolumeDispersion.Of(o.Value, five[o.Key]));
        }
    }

    private static DateTimeOffset Floor(DateTimeOffset at, TimeSpan unit) => new(at.UtcTicks - at.UtcTicks % unit.Ticks, TimeSpan.Zero);
}

internal static class Medians
{
    public static double Median<T>(this IEnumerable<T> items, Func<T, double> value) => items.Select(value).Order().ToList() is var all ? all[all.Count / 2] : 0;
}
