namespace ClarityTracking.Core.Attribution;

/// <summary>Models that give a conversion's credit by a rule. Shares of one conversion add up to 1.</summary>
public static class RuleModels
{
    /// <summary>Half-life of time decay.</summary>
    public static readonly TimeSpan HalfLife = TimeSpan.FromDays(7);

    private const double First = .4, Last = .4, Between = .2;

    /// <summary>All to the first touch.</summary>
    public static Credit[] FirstTouch(Journeys journeys) => One(journeys, static (_, _, _) => 0);

    /// <summary>All to the last touch.</summary>
    public static Credit[] LastTouch(Journeys journeys) => One(journeys, static (_, _, touches) => touches - 1);

    /// <summary>All to the last touch that is not direct; when all are, to the last.</summary>
    public static Credit[] LastNonDirect(Journeys journeys) => One(journeys, static (set, journey, touches) =>
    {
        for (var i = touches - 1; i >= 0; i--)
            if (!set.IsDirect(journey, i))
                return i;
        return touches - 1;
    });

    /// <summary>The same to each touch.</summary>
    public static Credit[] Linear(Journeys journeys) => Shared(journeys, static (_, shares) => shares.Fill(1.0 / shares.Length));

    /// <summary>40 % to the first, 40 % to the last, the rest to those between; of two touches half each.</summary>
    public static Credit[] PositionBased(Journeys journeys) => Shared(journeys, static (_, shares) =>
    {
        if (shares.Length <= 2)
        {
            shares.Fill(1.0 / shares.Length);
            return;
        }
        shares.Fill(Between / (shares.Length - 2));
        (shares[0], shares[^1]) = (First, Last);
    });

    /// <summary>Half as much for each seven days before the conversion, without steps.</summary>
    public static Credit[] TimeDecay(Journeys journeys) => Shared(journeys, static (ages, shares) =>
    {
        if (shares.Length == 1)
        {
            shares[0] = 1;
            return;
        }
        var sum = 0.0;
        for (var i = 0; i < shares.Length; i++)
            sum += shares[i] = double.Exp2(-(ages[i] - ages[^1]) / HalfLife.TotalMilliseconds); // from the last touch on, so that very old journeys do not vanish
        for (var i = 0; i < shares.Length; i++)
            shares[i] /= sum;
    });

    private static Credit[] One(Journeys journeys, Func<Journeys, int, int, int> choose)
    {
        var credits = new Credit[journeys.Keys.Count];
        for (var journey = 0; journey < journeys.Count; journey++)
            if (journeys.IsConverted(journey))
            {
                var keys = journeys.KeysOf(journey);
                credits[keys[choose(journeys, journey, keys.Length)]] += new Credit(1, journeys.ValueOf(journey));
            }
        return credits;
    }

    private delegate void Share(ReadOnlySpan<long> ages, Span<double> shares);

    private static Credit[] Shared(Journeys journeys, Share share)
    {
        var credits = new Credit[journeys.Keys.Count];
        var buffer = new double[64];
        for (var journey = 0; journey < journeys.Count; journey++)
            if (journeys.IsConverted(journey))
            {
                var keys = journeys.KeysOf(journey);
                if (keys.Length > buffer.Length)
                    buffer = new double[keys.Length * 2];
                var shares = buffer.AsSpan(0, keys.Length);
                share(journeys.AgesOf(journey), shares);
                var value = journeys.ValueOf(journey);
                for (var i = 0; i < keys.Length; i++)
                    credits[keys[i]] += new Credit(shares[i], shares[i] * value);
            }
        return credits;
    }
}
