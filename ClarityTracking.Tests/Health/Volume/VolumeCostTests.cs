using System.Diagnostics;
using System.Globalization;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Tests.Support;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Health.Volume;

/// <summary>What a look costs with nine weeks of sums, and with ten times as many: it reads what is new and, once an hour, nine weeks.</summary>
public sealed class VolumeCostTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Look_AtTenTimesTheHistory_CostsTheSame()
    {
        await using var database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());
        var now = new DateTimeOffset(2027, 5, 3, 12, 30, 30, TimeSpan.Zero);
        var one = await TimesAsync(database, now, weeks: 9);
        var ten = await TimesAsync(database, now, weeks: 90);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"9 weeks ({one.Rows:#,0} rows): {one.First:0.0} ms once an hour, {one.Look:0.00} ms a look; 90 weeks ({ten.Rows:#,0} rows): {ten.First:0.0} ms, {ten.Look:0.00} ms"));
        Assert.True(ten.Look < 3 * one.Look + 5, $"{ten.Look} ms against {one.Look} ms");
        Assert.True(ten.First < 3 * one.First + 50, $"{ten.First} ms against {one.First} ms");
    }

    private static async Task<(long Rows, double First, double Look)> TimesAsync(NpgsqlDataSource database, DateTimeOffset now, int weeks)
    {
        var (workspace, website) = (Guid.NewGuid(), Guid.NewGuid());
        await using var connection = await database.OpenConnectionAsync();
        await using (var fill = new NpgsqlCommand($"""
            INSERT INTO volume_hours SELECT '{workspace}', '{website}', h, 'name_' || n, s, 500
              FROM generate_series('{now:O}'::timestamptz - interval '{weeks} weeks', '{now:O}', '1 hour') g, date_trunc('hour', g, 'UTC') h, generate_series(1, 10) n, unnest(ARRAY['browser', 'server']) s;
            INSERT INTO volume_minutes SELECT '{workspace}', '{website}', m, 'name_' || n, s, 7 + (extract(minute FROM m)::int * n) % 4, m + interval '50 seconds'
              FROM generate_series('{now:O}'::timestamptz - interval '26 hours', '{now:O}', '1 minute') g, date_trunc('minute', g) m, generate_series(1, 10) n, unnest(ARRAY['browser', 'server']) s;
            ANALYZE volume_hours, volume_minutes
            """, connection))
            await fill.ExecuteNonQueryAsync();
        var rows = 0L;
        await using (var count = new NpgsqlCommand($"SELECT count(*) FROM volume_hours WHERE website_id = '{website}'", connection))
            rows = (long)(await count.ExecuteScalarAsync())!;
        var monitor = new VolumeMonitor(database);
        await new VolumeMonitor(database).ReadAsync(connection, workspace, website, "Europe/Berlin", now, CancellationToken.None); // warm
        var started = Stopwatch.GetTimestamp();
        var stands = await monitor.ReadAsync(connection, workspace, website, "Europe/Berlin", now, CancellationToken.None);
        var first = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        Assert.Equal(1 + 2 + 10 + 20, stands!.Series.Count);
        Assert.Empty(stands.Findings);
        const int Looks = 50;
        started = Stopwatch.GetTimestamp();
        for (var i = 0; i < Looks; i++)
            await monitor.ReadAsync(connection, workspace, website, "Europe/Berlin", now.AddSeconds(i / 10.0), CancellationToken.None);
        return (rows, first, Stopwatch.GetElapsedTime(started).TotalMilliseconds / Looks);
    }
}
