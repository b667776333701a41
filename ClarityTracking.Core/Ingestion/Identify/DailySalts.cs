using System.Security.Cryptography;
using ClarityTracking.Core.Connections;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// The random salt of the UTC day that runs, the same on all nodes (docs/decisions/0008). Kept sealed in the database, and deleted when its
/// day is over: then nobody can work out again whose daily id was whose.
/// </summary>
public sealed class DailySalts(NpgsqlDataSource database, SecretProtector protector, TimeProvider clock)
{
    private const string Purpose = "daily-salt";
    private const int Length = 32;
    private Salt? _today;

    /// <summary>32 bytes; those of the day by our clock, whatever time an event claims.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public Task<byte[]> OfTodayAsync()
    {
        var day = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var today = _today;
        if (today is null || today.Day < day || today.Bytes.Value.IsFaulted)
        {
            // requests that miss at the same time share one look into the database
            var fresh = new Salt(day, new Lazy<Task<byte[]>>(() => LoadAsync(day)));
            var other = Interlocked.CompareExchange(ref _today, fresh, today);
            today = ReferenceEquals(other, today) || other is null || other.Day < day ? fresh : other;
        }
        return today.Bytes.Value;
    }

    /// <summary>Deletes the salts of days that are over; how many there were.</summary>
    public async Task<int> ForgetAsync(CancellationToken cancel)
    {
        await using var command = database.CreateCommand("DELETE FROM daily_salts WHERE day < $1");
        command.Parameters.Add(new NpgsqlParameter { Value = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime) });
        return await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task<byte[]> LoadAsync(DateOnly day)
    {
        await ForgetAsync(CancellationToken.None);
        var stored = await GetOrAddAsync(day, "DO UPDATE SET day = excluded.day"); // changes nothing, but returns the row that is there
        try
        {
            return Open(day, stored);
        }
        catch (CryptographicException)
        {
            // made under another master key: one day's ids are not worth refusing its events
            return Open(day, await GetOrAddAsync(day, "DO UPDATE SET sealed = excluded.sealed"));
        }
    }

    private async Task<byte[]> GetOrAddAsync(DateOnly day, string onConflict)
    {
        await using var command = database.CreateCommand($"INSERT INTO daily_salts (day, sealed) VALUES ($1, $2) ON CONFLICT (day) {onConflict} RETURNING sealed");
        command.Parameters.Add(new NpgsqlParameter { Value = day });
        command.Parameters.Add(new NpgsqlParameter { Value = protector.Seal(Purpose, Guid.Empty, RowOf(day), RandomNumberGenerator.GetBytes(Length)) });
        return (byte[])(await command.ExecuteScalarAsync())!;
    }

    private byte[] Open(DateOnly day, byte[] stored) => protector.Open(Purpose, Guid.Empty, RowOf(day), stored);

    private static Guid RowOf(DateOnly day) => new(day.DayNumber, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private sealed record Salt(DateOnly Day, Lazy<Task<byte[]>> Bytes);
}
