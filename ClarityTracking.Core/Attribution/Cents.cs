namespace ClarityTracking.Core.Attribution;

/// <summary>Money of shares, shown in the currency's smallest unit so that the rows add up to the total.</summary>
public static class Cents
{
    /// <summary>Rounds down, then gives what is missing to those with the largest remainders (the earlier one of equals).</summary>
    /// <param name="shares">In major units, full precision; may be negative.</param>
    /// <param name="total">What the rows must add up to, in major units with at most <paramref name="decimals"/> decimals.</param>
    /// <param name="decimals">Decimals of the currency.</param>
    public static decimal[] Split(IReadOnlyList<double> shares, decimal total, int decimals = 2)
    {
        var unit = 1m;
        for (var i = 0; i < decimals; i++)
            unit *= 10;
        var exact = shares.Select(s => (decimal)s * unit).ToArray();
        var floors = exact.Select(decimal.Floor).ToArray();
        var missing = (long)(total * unit - floors.Sum());
        var order = Enumerable.Range(0, exact.Length).OrderByDescending(i => exact[i] - floors[i]).ThenBy(i => i).ToArray();
        for (var i = 0; i < Math.Abs(missing) && order.Length > 0; i++)
            floors[missing > 0 ? order[i % order.Length] : order[^(1 + i % order.Length)]] += Math.Sign(missing);
        return [.. floors.Select(f => f / unit)];
    }
}
