using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Data;

/// <summary>An upgrade may take as long as it needs.</summary>
public sealed class MigrationTimeTests
{
    [Fact]
    public async Task Migrate_StatementLongerThanOtherQueriesMayTake_IsWaitedFor()
    {
        var connectionString = new NpgsqlConnectionStringBuilder(await TestDatabase.CreateAsync()) { CommandTimeout = 1 }.ConnectionString;
        await using var services = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build())
            .AddClarityCore(connectionString, new byte[32]).BuildServiceProvider();
        // another node that upgrades
        await using var other = new NpgsqlConnection(connectionString);
        await other.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand("LOCK TABLE migrations IN ACCESS EXCLUSIVE MODE", other))
            await hold.ExecuteNonQueryAsync();
        var migrating = DataServices.MigrateAsync(services, CancellationToken.None);
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        Assert.False(migrating.IsCompleted);
        await transaction.CommitAsync();
        await migrating;
    }

    [Fact]
    public async Task LastFailure_OfAHealthyConnection_IsFoundInTheFewFailures()
    {
        var connectionString = await TestDatabase.CreateAsync();
        await TestDatabase.RunAsync(connectionString, """
            INSERT INTO delivery_calls (workspace_id, website_id, connection_id, id, at, duration_ms, method, url, request, http_status, events)
            SELECT '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000003', gen_random_uuid(), now(), 1, 'POST', 'https://example.com', '', 200, 1
              FROM generate_series(1, 5000);
            ANALYZE delivery_calls
            """);
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var explain = new NpgsqlCommand("""
            EXPLAIN SELECT at FROM delivery_calls WHERE workspace_id = '00000000-0000-0000-0000-000000000001' AND connection_id = '00000000-0000-0000-0000-000000000003'
                AND id >= '00000000-0000-7000-8000-000000000000' AND (http_status IS NULL OR http_status >= 400) ORDER BY id DESC LIMIT 1
            """, connection);
        await using var reader = await explain.ExecuteReaderAsync();
        var plan = new List<string>();
        while (await reader.ReadAsync())
            plan.Add(reader.GetString(0));
        // partitions name their copy of delivery_calls_failed after its columns
        Assert.Contains(plan, line => line.Contains("Index", StringComparison.Ordinal) && line.Contains("delivery_calls_default", StringComparison.Ordinal) && line.Contains("idx1", StringComparison.Ordinal));
    }
}
