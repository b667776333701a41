using System.Text.Json;
using System.Text.Json.Serialization;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Learned numbers: a weight (log-odds) for each level, once for a profile by itself and once in the light of the other profiles, and the curves that make
/// raw confidences into shares of right answers.
/// </summary>
/// <param name="Name">Which data it was learned from, and when; kept with every match.</param>
/// <param name="Alone">Weights of a profile by itself.</param>
/// <param name="Together">Weights in the light of the others.</param>
/// <param name="Attributed">Curve for answers that name a touchpoint.</param>
/// <param name="Unattributed">Curve for the answer that there is none.</param>
/// <param name="Pairs">Curve for a single touchpoint.</param>
public sealed record MatchModel(string Name, IReadOnlyDictionary<string, double> Alone, IReadOnlyDictionary<string, double> Together, CalibrationCurve Attributed,
    CalibrationCurve Unattributed, CalibrationCurve Pairs)
{
    private static readonly JsonSerializerOptions Shape = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };
    private static readonly Lazy<MatchModel> Shipped = new(() =>
    {
        using var json = typeof(MatchModel).Assembly.GetManifestResourceStream("default-model.json")!;
        return JsonSerializer.Deserialize<MatchModel>(json, Shape)!;
    });

    /// <summary>What ships: learned from simulated businesses, see docs/matching.md.</summary>
    [JsonIgnore]
    public static MatchModel Default => Shipped.Value;

    /// <summary>As it ships.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Shape);

    internal static double Score(IReadOnlyDictionary<string, double> weights, Levels levels)
    {
        var sum = weights.GetValueOrDefault("bias");
        foreach (var (name, amount) in levels.Features())
            sum += weights.GetValueOrDefault(name) * amount;
        return 1 / (1 + Math.Exp(-Math.Clamp(sum, -30, 30)));
    }
}

/// <summary>Makes a raw confidence into the share of answers with such a confidence that are right: straight lines between points that never fall.</summary>
/// <param name="Points">Raw confidence and share, both 0..1, in rising order; empty = unchanged.</param>
public sealed record CalibrationCurve(IReadOnlyList<double[]> Points)
{
    /// <summary>Leaves every confidence as it is.</summary>
    public static readonly CalibrationCurve None = new([]);

    /// <summary>The share of right answers.</summary>
    public double At(double raw)
    {
        if (Points.Count == 0)
            return Math.Clamp(raw, 0, 1);
        if (raw <= Points[0][0])
            return Points[0][1];
        for (var i = 1; i < Points.Count; i++)
            if (raw <= Points[i][0])
            {
                var (left, right) = (Points[i - 1], Points[i]);
                return right[0] == left[0] ? right[1] : left[1] + (right[1] - left[1]) * (raw - left[0]) / (right[0] - left[0]);
            }
        return Points[^1][1];
    }

    /// <summary>Learns a curve from answers of which it is known whether they are right: neighbours are pooled until the share never falls.</summary>
    /// <param name="answers">Raw confidence, and whether it was right.</param>
    /// <param name="fewest">Answers in the smallest pool.</param>
    public static CalibrationCurve Of(IEnumerable<(double Raw, bool IsRight)> answers, int fewest = 60) =>
        Pooled(answers.OrderBy(a => a.Raw).Chunk(fewest).Select(chunk => new Pool(chunk.Sum(a => a.Raw), chunk.Count(a => a.IsRight), chunk.Length)), smoothing: 1);

    /// <summary>The curve with more answers: each of its points counts as <paramref name="prior"/> answers.</summary>
    public CalibrationCurve With(IReadOnlyCollection<(double Raw, bool IsRight)> answers, int prior)
    {
        if (answers.Count == 0 || Points.Count == 0)
            return this;
        // each answer moves the point next to it
        var pools = Points.Select(p => new Pool(p[0] * prior, p[1] * prior, prior)).ToArray();
        foreach (var (raw, isRight) in answers)
        {
            var nearest = Enumerable.Range(0, pools.Length).MinBy(i => Math.Abs(Points[i][0] - raw));
            pools[nearest] = new Pool(pools[nearest].Raw + raw, pools[nearest].Right + (isRight ? 1 : 0), pools[nearest].Count + 1);
        }
        return Pooled(pools, smoothing: 0);
    }

    private readonly record struct Pool(double Raw, double Right, double Count)
    {
        public double Share => Right / Count;
    }

    private static CalibrationCurve Pooled(IEnumerable<Pool> chunks, double smoothing)
    {
        var pools = new List<Pool>();
        foreach (var chunk in chunks)
        {
            pools.Add(chunk);
            while (pools.Count > 1 && pools[^2].Share >= pools[^1].Share)
            {
                var (last, before) = (pools[^1], pools[^2]);
                pools.RemoveRange(pools.Count - 2, 2);
                pools.Add(new Pool(before.Raw + last.Raw, before.Right + last.Right, before.Count + last.Count));
            }
        }
        // one answer more, half right: nothing is certain
        return new CalibrationCurve([.. pools.Select(p => new[] { Math.Round(p.Raw / p.Count, 5), Math.Round((p.Right + smoothing / 2) / (p.Count + smoothing), 5) })]);
    }
}
