using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Says which touchpoints are a conversion's customer's, and how sure that is. Pure: what may be the customer's is handed in. First every profile is
/// compared by itself; then in the light of the others, for a visitor without a name who shares an address with one who surely is the customer is
/// probably the same; then the newest touchpoint that can earn credit is weighed against "none".
/// </summary>
public static class Matcher
{
    /// <summary>Whole days before the conversion in which a touchpoint is credited.</summary>
    public const int WindowDays = 30;

    /// <summary>Touchpoints that are less likely the customer's are not kept with the conversion.</summary>
    private const double Slight = .1;

    /// <summary>A visitor less likely the customer is not named: a wrong name costs more than none.</summary>
    private const double Named = .65;

    /// <summary>The answer.</summary>
    /// <param name="subject">The conversion.</param>
    /// <param name="touches">Touchpoints that may be the customer's: all of each profile that is among them.</param>
    /// <param name="statistics">Counts over the website.</param>
    /// <param name="model">Weights and curves.</param>
    /// <param name="creditFrom">Below this confidence nothing is credited; then the answer is "none".</param>
    public static MatchAnswer Answer(MatchSubject subject, IEnumerable<MatchTouch> touches, KeyStatistics statistics, MatchModel model, double creditFrom = 0)
    {
        var compared = Compare(subject, touches, statistics, model);
        var candidates = compared.Where(c => c.Profile.Credited is not null).OrderByDescending(c => c.Profile.Credited!.At).ThenByDescending(c => c.Profile.Credited!.Id).ToList();
        var none = candidates.Aggregate(1.0, (p, c) => p * (1 - c.Probability));
        var (chosen, best, newer) = ((Compared?)null, none, 1.0);
        foreach (var candidate in candidates)
        {
            if (candidate.Probability >= Named && candidate.Probability * newer is var probability && probability > best)
                (chosen, best) = (candidate, probability);
            newer *= 1 - candidate.Probability;
        }
        if (chosen is not null && model.Attributed.At(best) < creditFrom)
            (chosen, best) = (null, none);
        var mine = compared.FindAll(c => c.Probability >= Slight)
            .SelectMany(c => c.Profile.Before.Where(t => t.IsOnPath).Select(t => new MatchedTouch(t, model.Pairs.At(c.Probability)))).ToList();
        return new MatchAnswer(chosen?.Profile.Credited, (chosen is null ? model.Unattributed : model.Attributed).At(best), mine,
            chosen is null ? [] : [.. WeightsOf(chosen, model).OrderByDescending(w => Math.Abs(w.Value))],
            chosen?.Together.Features().Select(f => f.Name).ToHashSet() ?? [], best);
    }

    internal sealed record Compared(Profile Profile, Levels Alone, Levels Together, double First, double Probability);

    /// <summary>Every profile with its probability; learning uses it too.</summary>
    internal static List<Compared> Compare(MatchSubject subject, IEnumerable<MatchTouch> touches, KeyStatistics statistics, MatchModel model)
    {
        var profiles = touches.DistinctBy(t => t.Id).Where(t => !t.Keys.Any(k => LinkageKeys.KindOf(k) == KeyKind.Visitor && statistics.SharedKeys.Contains(k)))
            .GroupBy(t => t.Profile).Select(g => new Profile(g.Key, g, subject.At)).ToList();
        var profilesOfKey = profiles.SelectMany(p => p.Keys).GroupBy(k => k).ToDictionary(g => g.Key, g => g.Count());
        var alone = profiles.ConvertAll(p => Comparison.Of(subject, p, statistics, profilesOfKey));
        var first = alone.ConvertAll(l => MatchModel.Score(model.Alone, l));
        var compared = new List<Compared>(profiles.Count);
        for (var i = 0; i < profiles.Count; i++)
        {
            var together = Company.Of(i, profiles, alone, first, statistics, profilesOfKey);
            compared.Add(new Compared(profiles[i], alone[i], together, first[i], MatchModel.Score(model.Together, together)));
        }
        return compared;
    }

    private static IEnumerable<Weight> WeightsOf(Compared compared, MatchModel model) => compared.Together.Features()
        .Select(f => new Weight(f.Name, Math.Round(model.Together.GetValueOrDefault(f.Name) * f.Amount, 3)))
        .Where(w => Math.Abs(w.Value) >= .05);
}
