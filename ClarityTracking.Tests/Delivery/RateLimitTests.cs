using System.Collections.Concurrent;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Delivery;

/// <summary>How fast calls follow each other.</summary>
public sealed class RateLimitTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(100, 1, new[] { 0, 0, 0 }, new[] { 0, 100, 200 })] // all at once: lined up
    [InlineData(100, 3, new[] { 0, 0, 0, 0, 0 }, new[] { 0, 0, 0, 100, 200 })] // a burst, then the interval
    [InlineData(100, 1, new[] { 0, 100, 200 }, new[] { 0, 0, 0 })] // exactly on time
    [InlineData(100, 1, new[] { 0, 99 }, new[] { 0, 1 })]
    [InlineData(100, 1, new[] { 0, 1000, 1000 }, new[] { 0, 0, 100 })] // a long rest earns no more than the burst
    [InlineData(100, 2, new[] { 0, 0, 100, 100, 500, 500, 500 }, new[] { 0, 0, 0, 100, 0, 0, 100 })]
    [InlineData(100, 1, new[] { 0, -500 }, new[] { 0, 600 })] // another node's clock is behind
    public void Book_Calls_WaitUntilTheirTurn(int interval, int burst, int[] at, int[] waits)
    {
        var limit = new RateLimit(TimeSpan.FromMilliseconds(interval), burst);
        DateTimeOffset? bookedUntil = null;
        var actual = new List<int>();
        foreach (var moment in at)
        {
            (bookedUntil, var wait) = limit.Book(bookedUntil, Start.AddMilliseconds(moment));
            actual.Add((int)wait.TotalMilliseconds);
        }
        Assert.Equal(waits, actual);
    }

    [Theory]
    [InlineData(300, 10)]
    [InlineData(600, 10)]
    [InlineData(5000, 20)]
    public void PerMinute_ManyCallersForFiveMinutes_NoMinuteHasMore(int calls, int burst)
    {
        var limit = RateLimit.PerMinute(calls, burst);
        DateTimeOffset? bookedUntil = null;
        var made = new List<DateTimeOffset>();
        for (var now = Start; now < Start.AddMinutes(5);)
        {
            (bookedUntil, var wait) = limit.Book(bookedUntil, now);
            made.Add(now += wait);
        }
        var most = made.Select((first, i) => made.Skip(i).TakeWhile(m => m < first.AddMinutes(1)).Count()).Max();
        Assert.InRange(most, calls - burst, calls);
    }

    [Fact]
    public async Task BookCall_FromSeveralNodesAtOnce_NoTwoCallsShareAMoment()
    {
        await using var app = new AppWithPlatform();
        await app.InitializeAsync();
        var (database, key) = await ConnectionAsync(app);
        await database.DisposeAsync(); // each node has its own
        var limit = new RateLimit(TimeSpan.FromSeconds(1), Burst: 5);
        var waits = new ConcurrentBag<double>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var node = NpgsqlDataSource.Create(app.ConnectionString);
            for (var call = 0; call < 10; call++)
                waits.Add((await LaneConnection.BookCallAsync(node, key, limit, Start, Start.AddMinutes(3), CancellationToken.None)).Wait.TotalSeconds);
        }));
        Assert.Equal([0, 0, 0, 0, .. Enumerable.Range(0, 36).Select(second => (double)second)], waits.Order());
    }

    [Fact]
    public async Task BookCall_TooLateForTheBatch_BooksNothing()
    {
        await using var app = new AppWithPlatform();
        await app.InitializeAsync();
        var (database, key) = await ConnectionAsync(app);
        await using var _ = database;
        var limit = new RateLimit(TimeSpan.FromSeconds(10), Burst: 1);
        Task<(bool IsBooked, TimeSpan Wait)> BookAsync(DateTimeOffset now, int longest) =>
            LaneConnection.BookCallAsync(database, key, limit, now, now.AddSeconds(longest), CancellationToken.None);

        Assert.Equal((true, TimeSpan.Zero), await BookAsync(Start, 15));
        Assert.Equal((true, TimeSpan.FromSeconds(10)), await BookAsync(Start, 15));
        for (var again = 0; again < 5; again++)
            Assert.Equal((false, TimeSpan.FromSeconds(20)), await BookAsync(Start, 15)); // no further away for being asked for
        Assert.Equal((true, TimeSpan.FromSeconds(10)), await BookAsync(Start.AddSeconds(10), 15));
        // left by a node whose clock was hours ahead
        await app.RunAsync($"UPDATE connections SET calls_booked_until = '{Start.AddHours(5):O}' WHERE id = '{key.ConnectionId}'");
        Assert.Equal((true, TimeSpan.Zero), await BookAsync(Start.AddMinutes(1), 15));
        Assert.Equal((true, TimeSpan.FromSeconds(10)), await BookAsync(Start.AddMinutes(1), 15));
    }

    private static async Task<(NpgsqlDataSource Database, LaneKey Key)> ConnectionAsync(AppWithPlatform app)
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var id = Guid.CreateVersion7();
        await app.RunAsync($"""
            INSERT INTO connections (workspace_id, id, website_id, platform, name, settings, enabled, state, state_changed_at, failures_in_a_row, created_at, updated_at)
            VALUES ('{site.WorkspaceId}', '{id}', '{site.Id}', 'meta', 'Meta', jsonb_build_object(), false, 'healthy', now(), 0, now(), now())
            """);
        return (NpgsqlDataSource.Create(app.ConnectionString), new LaneKey(site.WorkspaceId, id));
    }
}
