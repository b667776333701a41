using System.Globalization;
using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>Weekly partitions of the tables that are partitioned by UUIDv7. A week begins on Monday 00:00 UTC.</summary>
public static class Partitions
{
    /// <summary>The partitioned tables.</summary>
    public static readonly IReadOnlyList<string> Tables = ["events", "dropped_events", "deliveries", "delivery_attempts", "delivery_calls"];

    /// <summary>Makes the partitions of this week and the next four; those that exist are left alone. Safe to run on several nodes at once.</summary>
    public static async Task EnsureAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var one = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtext('clarity partitions'))", connection, transaction))
            await one.ExecuteNonQueryAsync(cancel);
        var monday = MondayOf(now);
        foreach (var table in Tables)
            for (var week = 0; week <= 4; week++)
            {
                var from = monday.AddDays(7 * week);
                var name = string.Create(CultureInfo.InvariantCulture, $"{table}_{from:yyyyMMdd}");
                await using var create = new NpgsqlCommand(
                    $"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{LowestId(from)}') TO ('{LowestId(from.AddDays(7))}')",
                    connection, transaction);
                await create.ExecuteNonQueryAsync(cancel);
            }
        await transaction.CommitAsync(cancel);
    }

    /// <summary>The lowest id of a moment: every UUIDv7 made at or after it is greater or equal.</summary>
    public static Guid LowestId(DateTimeOffset moment)
    {
        var ms = Math.Max(0, moment.ToUnixTimeMilliseconds());
        return new Guid((int)(ms >> 16), (short)ms, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    private static DateTimeOffset MondayOf(DateTimeOffset now)
    {
        var day = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        return day.AddDays(-(((int)day.DayOfWeek + 6) % 7));
    }
}
