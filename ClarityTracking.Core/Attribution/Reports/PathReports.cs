namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>Paths, how long they took, and how far people came.</summary>
internal static class PathReports
{
    /// <summary>Most paths of an answer.</summary>
    public const int MostPaths = 500;

    private const double DayMs = 86_400_000;
    private static readonly int[] LagStarts = [0, 1, 2, 3, 7, 14, 21, 31, 61];

    public static PathReport Paths(AttributionData data, int limit)
    {
        var journeys = data.Journeys;
        var sums = PathSums.Of(journeys);
        var (days, touches, nulls) = (new double[sums.Count], 0L, 0L);
        for (var j = 0; j < journeys.Count; j++)
            if (journeys.IsConverted(j))
            {
                days[sums.Find(journeys.KeysOf(j))] += journeys.AgesOf(j)[0] / DayMs;
                touches += journeys.KeysOf(j).Length;
            }
            else
                nulls++;
        var names = journeys.Keys.Select(key => AttributionReports.Named(data, key).Name).ToList();
        var items = Enumerable.Range(0, sums.Count).OrderByDescending(sums.Conversions).ThenByDescending(sums.Value).ThenByDescending(sums.Nulls).ThenBy(p => sums[p].Length)
            .Take(Math.Clamp(limit, 1, MostPaths)).Select(p =>
            {
                var keys = sums[p].ToArray();
                return new PathRow([.. keys.Select(k => journeys.Keys[k])], [.. keys.Select(k => names[k])], (long)sums.Conversions(p), sums.Value(p), (long)sums.Nulls(p),
                    sums.Conversions(p) > 0 ? days[p] / sums.Conversions(p) : null);
            }).ToList();
        var converted = journeys.Count - nulls;
        return new PathReport(items, sums.Count, converted, nulls, converted > 0 ? (double)touches / converted : null, data.Ask.From, data.Ask.To, data.Ask.By.ToString().ToLowerInvariant(), data.Website.Currency);
    }

    public static LagReport Lag(AttributionData data)
    {
        var journeys = data.Journeys;
        var (first, last, revenue) = (new long[LagStarts.Length], new long[LagStarts.Length], new double[LagStarts.Length]);
        var days = new List<double>();
        for (var j = 0; j < journeys.Count; j++)
        {
            if (!journeys.IsConverted(j))
                continue;
            var ages = journeys.AgesOf(j);
            days.Add(ages[0] / DayMs);
            first[Bucket(ages[0])]++;
            last[Bucket(ages[^1])]++;
            revenue[Bucket(ages[0])] += journeys.ValueOf(j);
        }
        days.Sort();
        return new LagReport([.. LagStarts.Select((start, i) => new LagRow(start, i + 1 < LagStarts.Length ? LagStarts[i + 1] - 1 : null, first[i], last[i], revenue[i]))],
            days.Count, days.Count > 0 ? days.Average() : null, days.Count > 0 ? days[days.Count / 2] : null, data.Ask.From, data.Ask.To, data.Website.Currency);
    }

    public static FunnelReport Funnel(AttributionData data)
    {
        var people = data.People ?? throw new InvalidOperationException("A funnel needs people.");
        (string Step, long People)[] steps = [("visitors", people.Visitors), ("touched", people.Touched), ("lead", people.Leads), ("booked", people.Booked), ("completed", people.Completed)];
        return new FunnelReport([.. steps.Select((s, i) => new FunnelStep(s.Step, s.People, Share(s.People, steps[0].People), i == 0 ? null : Share(s.People, steps[i - 1].People)))],
            AttributionReports.Unattributed(data).LongCount(), data.Ask.From, data.Ask.To);
    }

    private static double? Share(long part, long whole) => whole > 0 ? (double)part / whole : null;

    private static int Bucket(long ageMs) => Array.FindLastIndex(LagStarts, start => ageMs / DayMs >= start);
}
