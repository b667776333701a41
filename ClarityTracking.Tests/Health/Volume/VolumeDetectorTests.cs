using ClarityTracking.Core.Health.Volume;

namespace ClarityTracking.Tests.Health.Volume;

/// <summary>The verdict on a series as a table, and what is usual out of histories with holidays, outages, clock changes and new levels.</summary>
public sealed class VolumeDetectorTests
{
    private static readonly VolumeDispersion Single = new(1, 1), Sessions = new(2, 4);

    /// <summary>Windows as minutes:observed:usual.</summary>
    [Theory]
    // nothing came: seen once 13.8 events, above the tolerance, were usual
    [InlineData("1:0:17", .2, VolumeState.Quiet, 0)]
    [InlineData("1:0:18", .2, VolumeState.Drop, 100)]
    [InlineData("1:0:18", .4, VolumeState.Quiet, 0)] // a level that varies more needs more
    [InlineData("1:0:24", .4, VolumeState.Drop, 100)]
    // half came: takes many more events to be no chance
    [InlineData("10:50:100", .2, VolumeState.Usual, 0)]
    [InlineData("10:200:400", .2, VolumeState.Drop, 50)]
    // within how the level varies nothing is a drop, however many events there are
    [InlineData("60:8100:10000", .2, VolumeState.Usual, 0)]
    [InlineData("60:7000:10000", .4, VolumeState.Usual, 0)]
    [InlineData("60:6900:10000", .2, VolumeState.Drop, 31)]
    // a quarter less is nothing to tell, also where the level hardly varies
    [InlineData("60:7600:10000", .1, VolumeState.Usual, 0)]
    // the shortest time that says so
    [InlineData("1:0:20;5:40:100;60:1000:1200", .2, VolumeState.Drop, 100)]
    // night: so little is usual that nothing at all is no surprise
    [InlineData("1:0:.1;60:0:6;360:4:12", .2, VolumeState.Quiet, 0)]
    [InlineData("1:0:.1;60:0:6;1440:0:40", .2, VolumeState.Drop, 100)]
    // it is over: the newest minutes are as usual, though the hour before lacks much
    [InlineData("5:95:100;60:300:1200", .2, VolumeState.Usual, 0)]
    [InlineData("5:30:40;60:100:480", .2, VolumeState.Usual, 0)]
    // it is not over: half of it goes on
    [InlineData("5:50:100;60:300:1200", .2, VolumeState.Drop, 75)]
    // more than usual
    [InlineData("5:190:100", .2, VolumeState.Usual, 0)]
    [InlineData("5:300:100", .2, VolumeState.Surge, 200)]
    [InlineData("5:6:2", .2, VolumeState.Quiet, 0)]
    [InlineData("5:60:2", .2, VolumeState.Surge, 2900)]
    [InlineData("5:110:100;60:4000:1200", .2, VolumeState.Usual, 0)] // was, and is over
    // from nothing
    [InlineData("60:0:0", .2, VolumeState.Quiet, 0)]
    [InlineData("60:500:0", .2, VolumeState.Surge, 49900)]
    public void Verdict_OfWindows_IsWhatTheTableSays(string windows, double tolerance, VolumeState expected, double percent)
    {
        var verdict = VolumeDetector.Judge(Windows(windows), tolerance, Single);
        Assert.Equal(expected, verdict.State);
        Assert.Equal(percent, verdict.Percent, tolerance: .5);
    }

    [Fact]
    public void Verdict_EventsThatComeInSessions_NeedAsManyTimesMore()
    {
        Assert.Equal(VolumeState.Quiet, VolumeDetector.Judge(Windows("1:0:34"), .2, Sessions).State);
        Assert.Equal(VolumeState.Drop, VolumeDetector.Judge(Windows("1:0:35"), .2, Sessions).State);
        Assert.Equal(VolumeState.Drop, VolumeDetector.Judge(Windows("30:0:70"), .2, Sessions).State);
        Assert.Equal(VolumeState.Quiet, VolumeDetector.Judge(Windows("30:0:60"), .2, Sessions).State);
    }

    [Fact]
    public void Usual_HolidayWeekAndOutageInThePast_ChangeNothing()
    {
        var clean = Usual(hour => 100);
        var poisoned = Usual(hour => hour.Days is >= 35 and < 42 ? 20 : hour.Days == 50 ? 0 : 100);
        Assert.Equal(100, clean.At(Start.AddDays(63))!.Value, 1);
        Assert.Equal(100, poisoned.At(Start.AddDays(63))!.Value, 1);
        Assert.Equal(.2, poisoned.Tolerance, 2);
    }

    [Fact]
    public void Usual_HourOfTheWeek_IsItsOwn()
    {
        var usual = Usual(hour => hour.Hours == 9 && hour.Days % 7 == 0 ? 500 : 10);
        Assert.Equal(500, usual.At(Start.AddDays(63).AddHours(9))!.Value, 1);
        Assert.Equal(10, usual.At(Start.AddDays(62).AddHours(9))!.Value, 1);
        Assert.Null(usual.At(Start.AddDays(70))); // it is made for the hours around now
    }

    [Fact]
    public void Usual_NewLevel_IsUsualAfterFourDaysAndNotBefore()
    {
        Assert.Equal(100, Usual(hour => hour.Days >= 60 ? 40 : 100).At(Start.AddDays(63))!.Value, 1); // three days
        Assert.Equal(40, Usual(hour => hour.Days >= 59 ? 40 : 100).At(Start.AddDays(63))!.Value, 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(13)]
    public void Usual_FewerThanTwoWeeks_IsLearningUntilThen(int days)
    {
        var usual = new UsualVolume(new HourlyCounts(Start, [.. Enumerable.Repeat(100.0, days * 24)]), new SameHours(TimeZoneInfo.Utc), Single);
        Assert.Equal(Start.AddDays(14), usual.LearningUntil);
        var series = VolumeSeries.Read(SeriesKey.All, usual, Start.AddDays(days), new Dictionary<DateTimeOffset, double>(), new Dictionary<DateTimeOffset, double>(), null, WatchedTime.Always);
        Assert.Equal(VolumeState.Learning, series.Verdict.State);
    }

    [Fact]
    public void Usual_ClocksChange_KeepsTheLocalHour()
    {
        // shop hours from 9 to 17 in Berlin; clocks went back on 25 October 2026
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        var first = new DateTimeOffset(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);
        var counts = Enumerable.Range(0, 24 * 57).Select(h => TimeZoneInfo.ConvertTime(first.AddHours(h), zone).Hour is >= 9 and < 17 ? 100.0 : 0).ToList();
        var usual = new UsualVolume(new HourlyCounts(first, counts), new SameHours(zone), Single);
        Assert.Equal(100, usual.At(new DateTimeOffset(2026, 10, 28, 8, 0, 0, TimeSpan.Zero))!.Value, 1); // 9 in the morning, winter time
        Assert.Equal(0, usual.At(new DateTimeOffset(2026, 10, 28, 7, 0, 0, TimeSpan.Zero))!.Value, 1);
    }

    [Fact]
    public void Series_InstallationWasDown_CountsOnNeitherSide()
    {
        var usual = Usual(_ => 600);
        var now = Start.AddDays(63).AddMinutes(30);
        var minutes = Enumerable.Range(0, 60).Select(m => now.AddMinutes(-m - 1)).ToDictionary(m => m, m => m >= now.AddMinutes(-10) ? 0.0 : 10);
        var hours = Enumerable.Range(1, 25).Select(h => Start.AddDays(63).AddHours(-h)).ToDictionary(h => h, _ => 600.0);
        hours[Start.AddDays(63)] = 200;
        VolumeState Verdict(WatchedTime watched) => VolumeSeries.Read(SeriesKey.All, usual, now, minutes, hours, now.AddMinutes(-10), watched).Verdict.State;
        Assert.Equal(VolumeState.Drop, Verdict(WatchedTime.Always));
        Assert.NotEqual(VolumeState.Drop, Verdict(new WatchedTime(Enumerable.Range(0, 11).Select(m => now.AddMinutes(-m)))));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(250, 250)]
    [InlineData(61_000, 61_000)]
    [InlineData(86_400_000, 86_400_000)]
    public void Bucket_OfATime_StandsForItWithinTheStatedError(double ms, double expected)
    {
        var read = LatencyBuckets.TimeOf(LatencyBuckets.Of(TimeSpan.FromMilliseconds(ms))).TotalMilliseconds;
        Assert.InRange(read, expected * (1 - LatencyBuckets.RelativeError), expected * (1 + LatencyBuckets.RelativeError));
    }

    [Fact]
    public void Percentiles_OfTenThousandTimes_AreWithinTheStatedError()
    {
        var random = new Random(7);
        var times = Enumerable.Range(0, 10_000).Select(_ => Math.Exp(5 + 2 * random.NextDouble() + random.NextDouble() * random.NextDouble() * 4)).Order().ToList();
        var counts = times.GroupBy(ms => LatencyBuckets.Of(TimeSpan.FromMilliseconds(ms))).ToDictionary(g => g.Key, g => (long)g.Count());
        foreach (var share in (double[])[.5, .9, .99, 1])
        {
            var exact = times[(int)Math.Ceiling(times.Count * share) - 1];
            Assert.InRange(LatencyBuckets.Percentile(counts, share)!.Value.TotalMilliseconds, exact * (1 - LatencyBuckets.RelativeError), exact * (1 + LatencyBuckets.RelativeError));
        }
        Assert.Null(LatencyBuckets.Percentile(new Dictionary<short, long>(), .5));
    }

    [Fact]
    public void Wilson_OfFewAndNone_IsWideAndNull()
    {
        var share = CaptureShare.Of(10, 8); // 0.49 to 0.94, as textbooks have it
        Assert.Equal((.8, .4902, .9433), (share.Rate!.Value, share.Low!.Value, share.High!.Value));
        Assert.Null(CaptureShare.Of(0, 0).Rate);
        Assert.Equal(1, CaptureShare.Of(50, 50).High);
    }

    [Fact]
    public void Causes_OfASilentSnippet_BeginWithTheEvidence()
    {
        var now = Start;
        string First(SilenceFacts facts) => SilenceCauses.Of(facts, now)[0].Code;
        var silent = new SilenceFacts(now.AddMinutes(-14), true, 0, null, null, null, null, 0, null, 0, null);
        Assert.Equal("site_down", First(silent));
        Assert.Equal("tag_gone", First(silent with { OthersSince = 12 }));
        Assert.Equal("script_error", First(silent with { OthersSince = 12, ScriptAt = now.AddMinutes(-2), ScriptVersion = "abc" }));
        Assert.Equal("revoked_key", First(silent with { RefusedAt = now.AddMinutes(-1), RefusedAs = "revoked", ScriptAt = now }));
        Assert.Equal("refused_events", First(silent with { Dropped = 40, DroppedReason = "timestamp_in_future" }));
        var talking = silent with { IsSilent = false, LastAt = now };
        Assert.Empty(SilenceCauses.Of(talking, now));
        Assert.Equal("csp_connect", First(talking with { ImageShare = .3 }));
        Assert.Equal("consent_denied", First(talking with { DeniedShare = 1 }));
    }

    private static readonly DateTimeOffset Start = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Nine weeks whose hours have the count that the rule gives, by the time since their begin.</summary>
    private static UsualVolume Usual(Func<TimeSpan, double> rule) =>
        new(new HourlyCounts(Start, [.. Enumerable.Range(0, 63 * 24).Select(h => rule(TimeSpan.FromHours(h)))]), new SameHours(TimeZoneInfo.Utc), Single);

    private static List<VolumeWindow> Windows(string text) => [.. text.Split(';').Select(w => w.Split(':')).Select(w => new VolumeWindow(
        TimeSpan.FromMinutes(Number(w[0])), Number(w[1]), Number(w[2]), Number(w[2])))];

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
