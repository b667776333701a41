using ClarityTracking.Core.Data;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Tests.Jobs;

/// <summary>Retention and the partitions ahead, on a real database, weeks and years after the last start.</summary>
public sealed class RetentionTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2031, 3, 5, 12, 0, 0, TimeSpan.Zero); // a Wednesday
    private NpgsqlDataSource _database = null!;

    public async Task InitializeAsync() => _database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Ensure_RunAgainLater_AddsTheComingWeeksOnly()
    {
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        Assert.Equal(["20310303", "20310310", "20310317", "20310324", "20310331"], await WeeksAsync("events", from: "2031"));

        await Partitions.EnsureAsync(_database, Start.AddDays(7), CancellationToken.None);
        foreach (var table in Partitions.Tables)
            Assert.Equal(["20310303", "20310310", "20310317", "20310324", "20310331", "20310407"], await WeeksAsync(table, from: "2031"));
    }

    [Fact]
    public async Task Ensure_RowsInTheDefaultPartitionOfAWeek_LeavesThatWeekOut()
    {
        await DropAsync(Start.AddDays(7));
        Assert.Equal(["dropped_events_20310310"], await Partitions.EnsureAsync(_database, Start, CancellationToken.None));
        Assert.Equal(["20310303", "20310317", "20310324", "20310331"], await WeeksAsync("dropped_events", from: "2031"));
        Assert.Contains("20310310", await WeeksAsync("deliveries", from: "2031"));
    }

    [Fact]
    public async Task Ensure_WhileAQueryHoldsATable_FailsOnlyWithoutAPartitionForThisWeek()
    {
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        await using (var reader = await _database.OpenConnectionAsync())
        {
            await using var transaction = await reader.BeginTransactionAsync();
            await using var look = new NpgsqlCommand("SELECT count(*) FROM events", reader, transaction);
            await look.ExecuteScalarAsync();
            Assert.Equal(["events_20310407"], await Partitions.EnsureAsync(_database, Start.AddDays(7), CancellationToken.None));
            Assert.Contains("20310407", await WeeksAsync("deliveries", from: "2031"));
            var refused = await Assert.ThrowsAsync<PostgresException>(() => Partitions.EnsureAsync(_database, Start.AddDays(70), CancellationToken.None));
            Assert.Equal(PostgresErrorCodes.LockNotAvailable, refused.SqlState);
        }
        Assert.Empty(await Partitions.EnsureAsync(_database, Start.AddDays(7), CancellationToken.None));
        Assert.Contains("20310407", await WeeksAsync("events", from: "2031"));
    }

    [Fact]
    public async Task Run_OnJobsAndStates_ForgetsEndedJobsAndFormerStates()
    {
        var (workspace, website, connection) = (Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        await using (var seed = _database.CreateCommand($"""
            INSERT INTO workspaces (id, name, is_demo, created_at) VALUES ('{workspace}', 'Test', false, now());
            INSERT INTO websites (workspace_id, id, name, domain, currency, time_zone, privacy_mode, script_alias, former_script_aliases, created_at)
            VALUES ('{workspace}', '{website}', 'Shop', 'shop.example.com', 'EUR', 'UTC', false, 'alias', ARRAY[]::text[], now());
            INSERT INTO connections (workspace_id, id, website_id, platform, name, settings, enabled, state, state_changed_at, failures_in_a_row, created_at, updated_at)
            VALUES ('{workspace}', '{connection}', '{website}', 'meta', 'Meta', '{"{}"}', true, 'healthy', '2031-01-01', 0, '2031-01-01', '2031-01-01');
            UPDATE connections SET state = 'degraded', state_changed_at = '2031-01-02' WHERE id = '{connection}';
            INSERT INTO delivery_jobs (workspace_id, website_id, id, kind, request, status, matched, too_old, already_delivered, will_send, next_batch_at, created_by, created_at, finished_at)
            SELECT '{workspace}', '{website}', gen_random_uuid(), 'replay', '{"{}"}', CASE WHEN at IS NULL THEN 'running' ELSE 'done' END, 1, 0, 0, 1, '2031-01-01', 'test', '2031-01-01', at
              FROM (VALUES (NULL::timestamptz), ('2031-01-03'), ('2031-03-04')) ended(at);
            """))
            await seed.ExecuteNonQueryAsync();
        var clock = new MovableClock(Start);
        await new Retention(_database, Options.Create(new RetentionOptions { DeliveryDays = 28 }), clock).RunAsync(CancellationToken.None);
        await using var left = _database.CreateCommand("""
            SELECT (SELECT string_agg(state, ',') FROM connection_states) || ' ' || (SELECT string_agg(coalesce(finished_at::date::text, 'open'), ',' ORDER BY finished_at NULLS FIRST) FROM delivery_jobs)
            """);
        Assert.Equal("degraded open,2031-03-04", await left.ExecuteScalarAsync());
    }

    [Theory]
    // a week goes when its last moment (Monday 10 March 2031, 00:00) is as old as the retention, not a moment earlier
    [InlineData("events", 28, "2031-04-06T23:59:59Z", true)]
    [InlineData("events", 28, "2031-04-07T00:00:00Z", false)]
    [InlineData("deliveries", 14, "2031-03-23T23:59:59Z", true)]
    [InlineData("deliveries", 14, "2031-03-24T00:00:00Z", false)]
    public async Task Run_AtAMoment_DropsAWeekWhenAllOfItIsOld(string table, int days, string now, bool stays)
    {
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        await RetentionAt(DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture), eventDays: table == "events" ? days : 365, deliveryDays: days).RunAsync(CancellationToken.None);
        var weeks = await WeeksAsync(table, from: "2031");
        Assert.Equal(stays, weeks.Contains("20310303"));
        Assert.Contains("20310310", weeks);
    }

    [Fact]
    public async Task Run_Twice_DropsOnceAndKeepsYoungRowsAndTheDefaultPartition()
    {
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        await Partitions.EnsureAsync(_database, Start.AddDays(60), CancellationToken.None);
        await DropAsync(Start);                            // in a week that goes
        await DropAsync(Start.AddDays(60));                // in a week that stays
        await DropAsync(Start.AddDays(-2000));             // no week covers it: default partition, old
        await DropAsync(Start.AddDays(2000));              // default partition, not old
        var retention = RetentionAt(Start.AddDays(60), eventDays: 365, deliveryDays: 30);

        var first = await retention.RunAsync(CancellationToken.None);
        Assert.Contains("dropped_events_20310303", first.Partitions);
        Assert.DoesNotContain(first.Partitions, name => name.EndsWith("_default", StringComparison.Ordinal));
        Assert.DoesNotContain(first.Partitions, name => name.StartsWith("events_2031", StringComparison.Ordinal));
        Assert.Equal(1, first.Rows);
        Assert.Equal([Start.AddDays(60), Start.AddDays(2000)], await DropTimesAsync());

        var second = await retention.RunAsync(CancellationToken.None);
        Assert.Empty(second.Partitions);
        Assert.Equal(0, second.Rows);
        Assert.Equal([Start.AddDays(60), Start.AddDays(2000)], await DropTimesAsync());
    }

    [Fact]
    public async Task Run_WhileAQueryHoldsTheTable_GivesUpSoonAndSucceedsLater()
    {
        await Partitions.EnsureAsync(_database, Start, CancellationToken.None);
        var retention = RetentionAt(Start.AddDays(100), eventDays: 30, deliveryDays: 30);
        await using (var reader = await _database.OpenConnectionAsync())
        {
            await using var transaction = await reader.BeginTransactionAsync();
            await using var look = new NpgsqlCommand("SELECT count(*) FROM events", reader, transaction);
            await look.ExecuteScalarAsync();
            var refused = await Assert.ThrowsAsync<PostgresException>(() => retention.RunAsync(CancellationToken.None));
            Assert.Equal(PostgresErrorCodes.LockNotAvailable, refused.SqlState);
        }
        Assert.Contains("events_20310303", (await retention.RunAsync(CancellationToken.None)).Partitions);
    }

    private Retention RetentionAt(DateTimeOffset now, int eventDays, int deliveryDays) =>
        new(_database, Options.Create(new RetentionOptions { EventDays = eventDays, DeliveryDays = deliveryDays }), new FixedClock(now));

    private async Task DropAsync(DateTimeOffset receivedAt)
    {
        await using var insert = _database.CreateCommand(
            "INSERT INTO dropped_events (workspace_id, website_id, id, received_at, reason) VALUES (gen_random_uuid(), gen_random_uuid(), $1, $2, 'bot')");
        insert.Parameters.Add(new NpgsqlParameter { Value = Guid.CreateVersion7(receivedAt) });
        insert.Parameters.Add(new NpgsqlParameter { Value = receivedAt });
        await insert.ExecuteNonQueryAsync();
    }

    private async Task<List<DateTimeOffset>> DropTimesAsync()
    {
        await using var select = _database.CreateCommand("SELECT received_at FROM dropped_events ORDER BY 1");
        var times = new List<DateTimeOffset>();
        await using var reader = await select.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            times.Add(reader.GetFieldValue<DateTimeOffset>(0));
        return times;
    }

    private async Task<List<string>> WeeksAsync(string table, string from)
    {
        await using var list = _database.CreateCommand(
            "SELECT substring(inhrelid::regclass::text FROM length($1) + 2) FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1");
        list.Parameters.Add(new NpgsqlParameter { Value = table });
        var weeks = new List<string>();
        await using var reader = await list.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            if (reader.GetString(0).StartsWith(from, StringComparison.Ordinal))
                weeks.Add(reader.GetString(0));
        return weeks;
    }
}

/// <summary>A clock that stands still.</summary>
internal sealed class FixedClock(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}
