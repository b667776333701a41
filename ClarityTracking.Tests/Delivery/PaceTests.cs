using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Tests.Delivery;

/// <summary>How much and how often a lane tries.</summary>
public sealed class PaceTests
{
    [Theory]
    [InlineData("", 1)]
    [InlineData("+", 2)]
    [InlineData("+++++++", 8)]
    [InlineData("+++++++++", 8)]
    [InlineData("-", 1)]
    [InlineData("+++++++-", 4)]
    [InlineData("+++++++--+", 3)]
    [InlineData("+++++++---", 1)]
    public void Concurrency_AfterSuccessesAndFailures_GrowsByOneAndHalves(string course, int allowed)
    {
        var concurrency = new Concurrency();
        foreach (var step in course)
            if (step == '+')
                concurrency.Increase();
            else
                concurrency.Decrease();
        Assert.Equal(allowed, concurrency.Allowed);
    }

    [Theory]
    [InlineData(0, 0, 2.5)]
    [InlineData(0, 0.999, 5)]
    [InlineData(60, 0, 15)]
    [InlineData(60, 0.999, 30)]
    [InlineData(3600, 0.999, 1800)]
    [InlineData(86400, 0, 1800)]
    [InlineData(86400, 0.999, 3600)]
    [InlineData(-60, 0.999, 5)] // queued by a node whose clock is ahead
    public void PauseAlone_WaitedSoLong_GrowsWithTheWaiting(double waited, double random, double pause) =>
        Assert.Equal(pause, RetryPolicy.PauseAlone(TimeSpan.FromSeconds(waited), random).TotalSeconds, tolerance: pause / 100);
}
