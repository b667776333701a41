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
    [InlineData(FailureKind.Transient, 1, null, 0.5, 1)]
    [InlineData(FailureKind.Transient, 4, null, 4, 8)]
    [InlineData(FailureKind.Transient, 40, null, 150, 300)]
    [InlineData(FailureKind.RateLimited, 1, null, 30, 60)]
    [InlineData(FailureKind.RateLimited, 40, null, 900, 1800)]
    [InlineData(FailureKind.RateLimited, 1, 2.0, 2, 2)] // believed
    [InlineData(FailureKind.RateLimited, 6, 2.0, 16, 32)] // but not again and again
    [InlineData(FailureKind.RateLimited, 1, 999999.0, 21600, 21600)]
    [InlineData(FailureKind.RateLimited, 1, -5.0, 0.5, 1)]
    public void Pause_AfterFailures_GrowsAndBelievesThePlatform(FailureKind kind, int failures, double? retryAfter, double least, double most)
    {
        TimeSpan? wish = retryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        Assert.Equal(least, RetryPolicy.Pause(kind, failures, wish, 0).TotalSeconds, tolerance: least / 100);
        Assert.Equal(most, RetryPolicy.Pause(kind, failures, wish, 0.9999).TotalSeconds, tolerance: most / 100);
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
