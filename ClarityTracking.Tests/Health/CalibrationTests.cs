using ClarityTracking.Core.Health;

namespace ClarityTracking.Tests.Health;

public sealed class CalibrationTests
{
    [Theory]
    [InlineData("", 0.0, 0)]
    [InlineData("7.0:6.0", 1.0, 1)]
    [InlineData("5.0:6.5", -1.5, 1)]
    [InlineData("7.0:6.0 7.0:6.0 7.0:6.0", 1.0, 3)]
    [InlineData("7.0:6.0 6.0:6.0", 0.7, 2)] // 1 + 0.3 · (0 − 1)
    [InlineData("7.0:6.0 6.0:6.0 6.0:6.0", 0.49, 3)]
    [InlineData("6.0:6.0 8.0:6.0", 0.6, 2)]
    [InlineData("7.0:0 7.0:6.0", 1.0, 1)] // a day on which nothing usable came says nothing
    public void Of_Pairs_IsTheWeightedMeanOfTheirDifferences(string pairs, double offset, int days)
    {
        var calibration = Calibration.Of(pairs.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split(':'))
            .Select(p => new ScorePair(Number(p[0]), Number(p[1]))));
        Assert.Equal(((decimal)offset, days), (calibration.Offset, calibration.Days));
    }

    [Fact]
    public void Rounded_Offset_IsInTenths() => Assert.Equal(0.5m, new Calibration(0.49m, 3).Rounded);

    static decimal Number(string text) => decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
