using System.Globalization;
using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>Weekly partitions of the tables that are partitioned by UUIDv7. A week begins on Monday 00:00 UTC.</summary>
public static class Partitions
{
    /// <summary>The partitioned tables.</summary>
    public static readonly IReadOnlyList<string> Tables = ["events", "dropped_events", "deliveries", "delivery_attempts", "delivery_calls"];

    /// <summary>
    /// Makes the partitions of this week and the next four; those that exist are left alone. Safe to run on several nodes at once.
    /// Each table is a transaction of its own that waits at most two seconds for its lock, because intake waits behind it.
    /// </summary>
    /// <returns>
    /// Partitions that could not be made: rows of that week lie in the default partition already, or a query holds the table and only
    /// later weeks are missing. The next run tries them again; until then their rows go to the default partition.
    /// </returns>
    /// <exception cref="PostgresException"><c>55P03</c>: a query holds a table that has no partition for this week.</exception>
    public static async Task<IReadOnlyList<string>> EnsureAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        var notMade = new List<string>();
        var monday = MondayOf(now);
        await using var connection = await database.OpenConnectionAsync(cancel);
        foreach (var table in Tables)
        {
            var missing = new List<(string Name, DateTimeOffset From)>();
            for (var week = 0; week <= 4; week++)
            {
                var from = monday.AddDays(7 * week);
                var name = string.Create(CultureInfo.InvariantCulture, $"{table}_{from:yyyyMMdd}");
                if (!await ExistsAsync(connection, name, cancel))
                    missing.Add((name, from));
            }
            if (missing.Count == 0)
                continue;
            try
            {
                notMade.AddRange(await MakeAsync(connection, table, missing, cancel));
            }
            catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.LockNotAvailable && missing[0].From != monday)
            {
                notMade.AddRange(missing.Select(m => m.Name));
            }
        }
        return notMade;
    }

    /// <summary>
    /// Renews the statistics of this week's and next week's partitions of events and deliveries. A new partition has none until a tenth of it has changed
    /// (autovacuum), and without them PostgreSQL plans queries under row level security badly. ANALYZE reads a sample of fixed size, so it is as cheap for a
    /// full week as for a new one; what intake holds is left to the next run.
    /// </summary>
    /// <returns>The partitions that were analysed.</returns>
    public static async Task<IReadOnlyList<string>> AnalyzeAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        var analyzed = new List<string>();
        await using var connection = await database.OpenConnectionAsync(cancel);
        foreach (var table in (string[])["events", "deliveries"])
            for (var week = 0; week <= 1; week++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"{table}_{MondayOf(now).AddDays(7 * week):yyyyMMdd}");
                if (!await ExistsAsync(connection, name, cancel))
                    continue;
                await using var analyze = new NpgsqlCommand($"ANALYZE (SKIP_LOCKED) {name}", connection);
                await analyze.ExecuteNonQueryAsync(cancel);
                analyzed.Add(name);
            }
        return analyzed;
    }

    private static async Task<bool> ExistsAsync(NpgsqlConnection connection, string name, CancellationToken cancel)
    {
        await using var look = new NpgsqlCommand("SELECT to_regclass($1) IS NOT NULL", connection);
        look.Parameters.Add(new NpgsqlParameter { Value = name });
        return (bool)(await look.ExecuteScalarAsync(cancel))!;
    }

    private static async Task<List<string>> MakeAsync(
        NpgsqlConnection connection, string table, List<(string Name, DateTimeOffset From)> weeks, CancellationToken cancel)
    {
        var notMade = new List<string>();
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var one = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtext('clarity partitions')); SET LOCAL lock_timeout = '2s'", connection, transaction))
            await one.ExecuteNonQueryAsync(cancel);
        foreach (var (name, from) in weeks)
        {
            await transaction.SaveAsync("week", cancel);
            try
            {
                await using var create = new NpgsqlCommand(
                    $"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{LowestId(from)}') TO ('{LowestId(from.AddDays(7))}')",
                    connection, transaction);
                await create.ExecuteNonQueryAsync(cancel);
            }
            catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.CheckViolation)
            {
                await transaction.RollbackAsync("week", cancel);
                notMade.Add(name);
            }
        }
        await transaction.CommitAsync(cancel);
        return notMade;
    }

    /// <summary>The lowest id of a moment: every UUIDv7 made at or after it is greater or equal.</summary>
    public static Guid LowestId(DateTimeOffset moment)
    {
        var ms = Math.Max(0, moment.ToUnixTimeMilliseconds());
        return new Guid((int)(ms >> 16), (short)ms, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    internal static DateTimeOffset MondayOf(DateTimeOffset now)
    {
        var day = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        return day.AddDays(-(((int)day.DayOfWeek + 6) % 7));
    }
}
