using ClarityTracking.Core.Health.Volume;

namespace ClarityTracking.Tests.Health.Volume;

/// <summary>Something that goes wrong on a generated day.</summary>
/// <param name="Kind">In words, for the report.</param>
/// <param name="Series">Whose events.</param>
/// <param name="From">Begin.</param>
/// <param name="To">End.</param>
/// <param name="Left">Share that still comes; above 1 for a surge.</param>
/// <param name="IsSlow">The share falls from 1 to <paramref name="Left"/> over the whole time.</param>
internal sealed record Planted(string Kind, SeriesKey Series, DateTimeOffset From, DateTimeOffset To, double Left, bool IsSlow = false)
{
    public double ShareAt(DateTimeOffset at) => at < From || at >= To ? 1 : IsSlow ? 1 - (1 - Left) * ((at - From) / (To - From)) : Left;
}

/// <summary>
/// Nine weeks of a website and a day of it, as counts: sessions that come at random on a curve of the hour and the weekday, days that are better and worse
/// than others, a holiday week and an outage in the past. Times on the website's own clock.
/// </summary>
internal sealed class GeneratedTraffic
{
    public static readonly TimeZoneInfo Zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    /// <summary>Name, source, and how many of it come with a page view.</summary>
    private static readonly (string Name, string Source, double PerView)[] Kinds =
    [
        ("page_view", "browser", 1), ("scroll", "browser", .6), ("page_exit", "browser", .5), ("click", "browser", .3), ("session_start", "browser", .28),
        ("form_submit", "browser", .06), ("add_to_cart", "browser", .08), ("purchase", "browser", .02), ("purchase", "webhook", .024), ("lead", "browser", .03), ("identify", "server", .03),
    ];

    private static readonly double[] HourCurve =
        [.3, .2, .14, .1, .1, .15, .3, .55, .85, 1.1, 1.25, 1.3, 1.25, 1.2, 1.2, 1.25, 1.3, 1.4, 1.55, 1.7, 1.75, 1.5, 1.0, .6];

    private const double ViewsPerSession = 3.6;
    private readonly Random _random;
    private readonly double _perDay;
    private readonly Dictionary<SeriesKey, double[]> _hours = [];

    public GeneratedTraffic(int seed, DateTimeOffset day, double perDay, IReadOnlyList<Planted> planted, double growthPerWeek = 0)
    {
        (_random, _perDay, Day, Planted) = (new Random(seed), perDay / Kinds.Sum(k => k.PerView), day, planted);
        First = day.AddDays(-63);
        Past(growthPerWeek);
        Today();
    }

    public DateTimeOffset Day { get; }

    public DateTimeOffset First { get; }

    public IReadOnlyList<Planted> Planted { get; }

    /// <summary>The events of the day, and of two hours before, in order.</summary>
    public List<(DateTimeOffset At, SeriesKey Kind)> Events { get; } = [];

    /// <summary>All series there are: everything, by source, by name, and both.</summary>
    public static IReadOnlyList<SeriesKey> Series { get; } =
        [SeriesKey.All, .. Kinds.Select(k => new SeriesKey(null, k.Source)).Distinct(), .. Kinds.Select(k => new SeriesKey(k.Name, null)).Distinct(), .. Kinds.Select(k => new SeriesKey(k.Name, k.Source))];

    /// <summary>The series an event counts in.</summary>
    public static SeriesKey[] Of(SeriesKey kind) => [SeriesKey.All, new(null, kind.Source), new(kind.Name, null), kind];

    public HourlyCounts History(SeriesKey series) => new(First, _hours[series]);

    private double RateAt(DateTimeOffset at)
    {
        var local = TimeZoneInfo.ConvertTime(at, Zone);
        var place = local.Hour + local.Minute / 60.0 - .5;
        var (from, part) = ((int)Math.Floor(place), place - Math.Floor(place));
        var curve = HourCurve[(from + 24) % 24] * (1 - part) + HourCurve[(from + 1) % 24] * part;
        return curve / HourCurve.Average() * (local.DayOfWeek is DayOfWeek.Saturday ? .8 : local.DayOfWeek is DayOfWeek.Sunday ? .9 : 1.06) * _perDay / 1440;
    }

    private void Past(double growth)
    {
        var length = (int)(Day - First).TotalHours;
        foreach (var series in Series)
            _hours[series] = new double[length];
        var level = 1.0;
        for (var i = 0; i < length; i++)
        {
            var hour = First.AddHours(i);
            if (TimeZoneInfo.ConvertTime(hour, Zone).Hour == 0)
                level = Math.Exp(.08 * Normal());
            var weeks = (hour - First).TotalDays / 7;
            var special = weeks is >= 5 and < 6 ? .45 /* a holiday week */ : (Day - hour).TotalDays is > 14 and < 14.4 ? 0 /* an outage */ : 1;
            var views = Enumerable.Range(0, 12).Sum(part => RateAt(hour.AddMinutes(5 * part + 2.5)) * 5) * level * special * Math.Pow(1 + growth, weeks - 9);
            views = views == 0 ? 0 : Math.Max(0, views + Math.Sqrt(views * ViewsPerSession * 1.6) * Normal());
            foreach (var (name, source, perView) in Kinds)
                Add(_hours, new SeriesKey(name, source), i, Poisson(views * perView));
        }
    }

    private void Today()
    {
        var level = Math.Exp(.08 * Normal());
        var wobble = 0.0;
        for (var minute = -120; minute < 1440; minute++) // who came before midnight is still there
        {
            var at = Day.AddMinutes(minute);
            wobble = .97 * wobble + .012 * Normal();
            var sessions = Poisson(RateAt(at) * level * Math.Exp(wobble) / ViewsPerSession);
            for (var s = 0; s < sessions; s++)
                Session(at.AddSeconds(60 * _random.NextDouble()));
        }
        Events.RemoveAll(e => e.At >= Day.AddDays(1));
        Events.Sort((a, b) => a.At.CompareTo(b.At));
    }

    private void Session(DateTimeOffset at)
    {
        for (var view = 0; view == 0 || _random.NextDouble() < 1 - 1 / ViewsPerSession; view++, at = at.AddSeconds(-40 * Math.Log(1 - _random.NextDouble())))
            foreach (var (name, source, perView) in Kinds)
                for (var n = name == "page_view" ? 1 : Poisson(perView); n > 0; n--)
                    Emit(at.AddSeconds(name == "page_view" ? 0 : 20 * _random.NextDouble()), new SeriesKey(name, source));
    }

    private void Emit(DateTimeOffset at, SeriesKey kind)
    {
        var share = 1.0;
        foreach (var wrong in Planted)
            if ((wrong.Series.Name is null || wrong.Series.Name == kind.Name) && (wrong.Series.Source is null || wrong.Series.Source == kind.Source))
                share *= wrong.ShareAt(at);
        for (var copies = (int)share + (_random.NextDouble() < share % 1 ? 1 : 0); copies > 0; copies--)
            Events.Add((at, kind));
    }

    private static void Add(Dictionary<SeriesKey, double[]> hours, SeriesKey kind, int hour, double count)
    {
        foreach (var series in Of(kind))
            hours[series][hour] += count;
    }

    private int Poisson(double mean)
    {
        if (mean > 50)
            return (int)Math.Max(0, Math.Round(mean + Math.Sqrt(mean) * Normal()));
        var (limit, product, count) = (Math.Exp(-mean), _random.NextDouble(), 0);
        for (; product > limit; count++)
            product *= _random.NextDouble();
        return count;
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
