using ClarityTracking.Core.Data;
using Npgsql;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>Writes down when somebody watched, so that an upgrade or a crash of this installation is not taken for the silence of every website.</summary>
internal static class WatchedMinutes
{
    /// <summary>A process has begun to watch: the minute it begins in is not whole, however short the pause was.</summary>
    public static Task BeginAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel) =>
        RunAsync(database, "DELETE FROM watched_minutes WHERE minute = date_trunc('minute', $1::timestamptz)", now, cancel);

    /// <summary>This minute is watched.</summary>
    public static Task MarkAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel) =>
        RunAsync(database, "INSERT INTO watched_minutes VALUES (date_trunc('minute', $1::timestamptz)) ON CONFLICT DO NOTHING", now, cancel);

    /// <summary>
    /// What of the last 26 hours was not watched: minutes without a mark since the first mark, and those beside them, which were watched in part. The minute
    /// that runs has its mark when this is asked; nothing is known of the time before the first mark ever, and taken for watched.
    /// </summary>
    public static async Task<WatchedTime> ReadAsync(NpgsqlDataSource database, DateTimeOffset minute, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT g FROM generate_series($1::timestamptz - interval '26 hours', $1, interval '1 minute') g
             WHERE g >= (SELECT min(minute) FROM watched_minutes) AND NOT EXISTS (SELECT FROM watched_minutes w WHERE w.minute = g) AND g < $1
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = minute });
        var missing = new List<DateTimeOffset>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            missing.Add(reader.GetFieldValue<DateTimeOffset>(0));
        return missing.Count == 0 ? WatchedTime.Always : new WatchedTime(missing.SelectMany(m => (DateTimeOffset[])[m.AddMinutes(-1), m, m.AddMinutes(1)]));
    }

    private static async Task RunAsync(NpgsqlDataSource database, string sql, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = database.CreateCommand(sql).With(now);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
