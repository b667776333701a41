using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// A worker's hold on the batch it is sending: its rows are due again when the lease ends. Short, because that is how long the batch of a killed
/// node waits for another; renewed while the worker lives, so a batch may take longer. Most take far less and are never renewed.
/// </summary>
internal sealed class Lease : IAsyncDisposable
{
    /// <summary>How long a claim lasts at most without being renewed. Three renewals long: one that fails or is late is not the end of it.</summary>
    internal static readonly TimeSpan Length = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(5);

    private readonly NpgsqlDataSource _database;
    private readonly LaneKey _key;
    private readonly Guid[] _deliveries;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _still = new(1);
    private readonly Task _renewing;
    private volatile bool _isLost;

    /// <param name="database">Where the claim lies.</param>
    /// <param name="key">The connection.</param>
    /// <param name="deliveries">Ids of the claimed deliveries.</param>
    /// <param name="until">What <see cref="End"/> gave for the claim.</param>
    /// <param name="clock">The time.</param>
    /// <param name="log">For renewals that fail.</param>
    public Lease(NpgsqlDataSource database, LaneKey key, Guid[] deliveries, DateTimeOffset until, TimeProvider clock, ILogger log)
    {
        (_database, _key, _deliveries, Until, _clock, _log) = (database, key, deliveries, until, clock, log);
        _renewing = RenewAsync();
    }

    /// <summary>When it ends unless it is renewed (UTC). Rows of the queue and a probed connection carry it: it tells whose they are.</summary>
    public DateTimeOffset Until { get; private set; }

    /// <summary>No other worker can have taken the batch over.</summary>
    public bool IsHeld => !_isLost && _clock.GetUtcNow() < Until;

    /// <summary>The end of a lease that begins now. No two of them are alike, as they tell batches apart.</summary>
    public static DateTimeOffset End(DateTimeOffset now) => now + Length - TimeSpan.FromMicroseconds(Random.Shared.Next(1_000_000));

    /// <summary>Writes while no renewal runs: <see cref="Until"/> stays what the rows carry. Between two writes it is renewed as ever.</summary>
    public async Task<T> WriteAsync<T>(Func<Task<T>> write)
    {
        await _still.WaitAsync();
        try
        {
            return await write();
        }
        finally
        {
            _still.Release();
        }
    }

    /// <summary>No more renewals; <see cref="Until"/> stays as it is.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _renewing;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        _still.Dispose();
    }

    private async Task RenewAsync()
    {
        while (!_isLost)
        {
            await Task.Delay(RenewEvery, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
                return;
            try
            {
                _isLost = !await WriteAsync(RenewOnceAsync);
            }
            catch (Exception error) when (error is NpgsqlException or TimeoutException) // the next one may do
            {
                DeliveryLane.LogNotRenewed(_log, error, _key.ConnectionId);
            }
        }
    }

    /// <returns>False when nothing carries the lease any more: it ended before this, and another worker has the batch or it is gone.</returns>
    private async Task<bool> RenewOnceAsync()
    {
        var until = End(_clock.GetUtcNow());
        await using var connection = await _database.OpenConnectionAsync();
        await using var both = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("UPDATE delivery_queue SET claimed_until = $4 WHERE workspace_id = $1 AND id = ANY ($2) AND claimed_until = $3"),
                new("UPDATE connections SET not_before = $4 WHERE workspace_id = $1 AND id = $2 AND not_before = $3 AND state = 'degraded'"),
            },
        };
        foreach (var value in new object[] { _key.WorkspaceId, _deliveries, Until, until })
            both.BatchCommands[0].Parameters.Add(new NpgsqlParameter { Value = value });
        foreach (var value in new object[] { _key.WorkspaceId, _key.ConnectionId, Until, until })
            both.BatchCommands[1].Parameters.Add(new NpgsqlParameter { Value = value });
        if (await both.ExecuteNonQueryAsync() == 0)
            return false;
        Until = until;
        return true;
    }
}
