namespace ClarityTracking.Core.Attribution;

/// <summary>Shapley values over the sets of keys that journeys hold.</summary>
public static class Shapley
{
    /// <summary>Largest set whose subsets are gone through; larger ones are shared equally.</summary>
    public const int LargestSet = 12;

    /// <summary>
    /// A set is worth the conversions of all paths that lie inside it (Zhao et al. 2018, "simplified"). Its closed form: each path shares its credit
    /// equally over its different keys, so it is exact for any number of them.
    /// </summary>
    public static Credit[] Credits(Journeys journeys)
    {
        var sets = PathSums.Of(journeys).Sets();
        var credits = new Credit[journeys.Keys.Count];
        for (var set = 0; set < sets.Count; set++)
        {
            var keys = sets[set];
            var share = new Credit(sets.Conversions(set) / keys.Length, sets.Value(set) / keys.Length);
            foreach (var key in keys)
                credits[key] += share;
        }
        return credits;
    }

    /// <summary>
    /// A set is worth the conversion rate of the journeys that hold exactly it, 0 when there are none (as DP6 with <c>conv_rate</c>). Shares
    /// may be negative: a part of a set may convert better than the whole. For experts.
    /// </summary>
    public static Credit[] RateCredits(Journeys journeys)
    {
        var sets = PathSums.Of(journeys).Sets();
        var credits = new Credit[journeys.Keys.Count];
        for (var set = 0; set < sets.Count; set++)
        {
            if (sets.Conversions(set) == 0)
                continue;
            var keys = sets[set];
            var shares = keys.Length <= LargestSet ? RateShares(sets, keys) : Enumerable.Repeat(1.0 / keys.Length, keys.Length).ToArray();
            for (var i = 0; i < keys.Length; i++)
                credits[keys[i]] += new Credit(shares[i] * sets.Conversions(set), shares[i] * sets.Value(set));
        }
        return credits;
    }

    private static double[] RateShares(PathSums sets, ReadOnlySpan<int> keys)
    {
        var n = keys.Length;
        var worth = new double[1 << n];
        var subset = new int[n];
        for (var mask = 1; mask < worth.Length; mask++)
        {
            var length = 0;
            for (var i = 0; i < n; i++)
                if ((mask >> i & 1) == 1)
                    subset[length++] = keys[i];
            if (sets.Find(subset.AsSpan(0, length)) is >= 0 and var found)
                worth[mask] = sets.Conversions(found) / (sets.Conversions(found) + sets.Nulls(found));
        }
        var weights = new double[n]; // |S|! (n-|S|-1)! / n!
        for (var size = 0; size < n; size++)
        {
            weights[size] = 1.0 / n;
            for (var i = 1; i <= size; i++)
                weights[size] *= (double)i / (n - i);
        }
        var shares = new double[n];
        for (var mask = 0; mask < worth.Length; mask++)
            for (var i = 0; i < n; i++)
                if ((mask >> i & 1) == 0)
                    shares[i] += weights[System.Numerics.BitOperations.PopCount((uint)mask)] * (worth[mask | 1 << i] - worth[mask]);
        for (var i = 0; i < n; i++)
            shares[i] /= worth[^1];
        return shares;
    }
}
