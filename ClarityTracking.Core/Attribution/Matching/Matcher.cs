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

    /// <summary>Of a conversion that names its click: the click is known, whose hand it was is not quite.</summary>
    private const double RecordedWithClick = .99;

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
        if (subject.Recorded is { } recorded)
            return Recorded(recorded, compared, model);
        if (chosen is not null && model.Attributed.At(best) < creditFrom)
            (chosen, best) = (null, none);
        var mine = PathOf(compared, model);
        return new MatchAnswer(chosen?.Profile.Credited, (chosen is null ? model.Unattributed : model.Attributed).At(best), mine,
            chosen is null ? [] : [.. WeightsOf(chosen, model).OrderByDescending(w => Math.Abs(w.Value))],
            chosen?.Together.Features().Select(f => f.Name).ToHashSet() ?? [], best);
    }

    /// <summary>The click that the conversion was recorded with is the answer; all other touches stay as likely as the model has them.</summary>
    private static MatchAnswer Recorded(MatchTouch click, List<Compared> compared, MatchModel model)
    {
        var mine = PathOf(compared, model).FindAll(t => t.Touch.Id != click.Id);
        mine.Add(new MatchedTouch(click, RecordedWithClick));
        var whose = compared.Find(c => c.Profile.Id == click.Profile);
        return new MatchAnswer(click, RecordedWithClick, mine, whose is null ? [] : [.. WeightsOf(whose, model).OrderByDescending(w => Math.Abs(w.Value))],
            whose?.Together.Features().Select(f => f.Name).ToHashSet() ?? [], RecordedWithClick)
        { IsRecorded = true };
    }

    private static List<MatchedTouch> PathOf(List<Compared> compared, MatchModel model) => [.. compared.Where(c => c.Probability >= Slight)
        .SelectMany(c => c.Profile.Before.Where(t => t.IsOnPath).Select(t => new MatchedTouch(t, model.Pairs.At(c.Probability))))];

    internal sealed record Compared(Profile Profile, Levels Alone, Levels Together, double First, double Probability);

    /// <summary>Every profile with its probability; learning uses it too.</summary>
    internal static List<Compared> Compare(MatchSubject subject, IEnumerable<MatchTouch> touches, KeyStatistics statistics, MatchModel model)
    {
        var profiles = touches.DistinctBy(t => t.Id).Where(t => !t.Keys.Any(k => LinkageKeys.KindOf(k) == KeyKind.Visitor && statistics.SharedKeys.Contains(k)))
            .GroupBy(t => t.Profile).Select(g => new Profile(g.Key, g, subject.At)).ToList();
        var profilesOfKey = profiles.SelectMany(p => p.Keys).GroupBy(k => k).ToDictionary(g => g.Key, g => g.Count());
        var alone = profiles.ConvertAll(p => Comparison.Of(subject, p, statistics, profilesOfKey));
        var passed = Enumerable.Range(0, profiles.Count).Select(i => Passed(i, profiles, alone, statistics)).ToList();
        var first = alone.Select((l, i) => Math.Max(MatchModel.Score(model.Alone, l), passed[i])).ToList();
        var (kin, compared) = (new Company.Kin(profiles, first, statistics), new List<Compared>(profiles.Count));
        for (var i = 0; i < profiles.Count; i++)
        {
            var together = Company.Of(i, profiles, alone, first, kin);
            compared.Add(new Compared(profiles[i], alone[i], together, first[i], Math.Max(MatchModel.Score(model.Together, together), passed[i])));
        }
        return compared;
    }

    /// <summary>
    /// A sender that passes the browser's id through and tells nothing else is believed: nothing speaks against it, nobody else is tied to the booking, and
    /// no bookings of other people came from the browser. The model learned from browsers whose address and agent are known as well, where the id by itself
    /// adds little, so it cannot say this.
    /// </summary>
    private static double Passed(int place, List<Profile> profiles, List<Levels> alone, KeyStatistics statistics)
    {
        var levels = alone[place];
        if (levels["visitor"] != "equal" || levels["ip"] is not null || levels["agent"] is not null || Contradicting.Any(field => levels[field] is "other"))
            return 0;
        var isRivalled = alone.Where((other, i) => i != place && profiles[i].Before.Count > 0 && Tying.Any(field => other[field] is "equal" or "hash")).Any();
        return isRivalled || profiles[place].Keys.Overlaps(statistics.CrowdedVisitors) ? 0 : IdPassed;
    }

    private const double IdPassed = .95;
    private static readonly string[] Contradicting = ["name", "email", "phone", "place", "service"], Tying = ["visitor", "email", "phone"];

    private static IEnumerable<Weight> WeightsOf(Compared compared, MatchModel model) => compared.Together.Features()
        .Select(f => new Weight(f.Name, Math.Round(model.Together.GetValueOrDefault(f.Name) * f.Amount, 3)))
        .Where(w => Math.Abs(w.Value) >= .05);
}
