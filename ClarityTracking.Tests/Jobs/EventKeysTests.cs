using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Jobs;

/// <summary>Event ids are forgotten after seven days, and not before.</summary>
public sealed class EventKeysTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2031, 3, 5, 12, 0, 0, TimeSpan.Zero);
    private NpgsqlDataSource _database = null!;

    public async Task InitializeAsync() => _database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Forget_KeysOfManyPages_DeletesThoseOlderThanTheWindowOnly()
    {
        // more than one batch of pages, old and young ones mixed on every page
        await AddAsync(150_000, Now.AddDays(-7).AddSeconds(-1), Now.AddDays(-7), Now);
        var keys = new EventKeys(_database, new FixedClock(Now));

        Assert.Equal(50_000, await keys.ForgetAsync(CancellationToken.None));
        Assert.Equal((0, 100_000), await CountAsync());

        Assert.Equal(0, await keys.ForgetAsync(CancellationToken.None));
        Assert.Equal((0, 100_000), await CountAsync());
    }

    [Fact]
    public async Task Forget_KeyThatIntakeRenews_LeavesItAloneWithoutWaiting()
    {
        await AddAsync(2, Now.AddDays(-8), Now.AddDays(-8), Now.AddDays(-8));
        await using var intake = await _database.OpenConnectionAsync();
        await using var transaction = await intake.BeginTransactionAsync();
        await using var renew = new NpgsqlCommand("UPDATE event_keys SET seen_at = $1 WHERE key = (SELECT min(key::text)::uuid FROM event_keys)", intake, transaction);
        renew.Parameters.Add(new NpgsqlParameter { Value = Now });
        await renew.ExecuteNonQueryAsync();

        Assert.Equal(1, await new EventKeys(_database, new FixedClock(Now)).ForgetAsync(CancellationToken.None));
        await transaction.CommitAsync();
        Assert.Equal((0, 1), await CountAsync());
    }

    private async Task AddAsync(int count, params DateTimeOffset[] times)
    {
        await using var insert = _database.CreateCommand("""
            INSERT INTO event_keys (workspace_id, key, seen_at)
            SELECT gen_random_uuid(), gen_random_uuid(), ($2::timestamptz[])[1 + n % cardinality($2)] FROM generate_series(1, $1) n
            """);
        insert.Parameters.Add(new NpgsqlParameter { Value = count });
        insert.Parameters.Add(new NpgsqlParameter { Value = times });
        await insert.ExecuteNonQueryAsync();
    }

    private async Task<(long Old, long Young)> CountAsync()
    {
        await using var count = _database.CreateCommand("SELECT count(*) FILTER (WHERE seen_at < $1), count(*) FILTER (WHERE seen_at >= $1) FROM event_keys");
        count.Parameters.Add(new NpgsqlParameter { Value = Now.AddDays(-7) });
        await using var reader = await count.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }
}
