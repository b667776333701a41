using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// Finds connections with due deliveries and runs one lane for each, so that a slow or failing connection delays no other. A lane with a long
/// backlog has several batches out while the platform answers quickly.
/// What is due is asked from the database, so nothing is lost with a process; the signal only saves waiting.
/// </summary>
public sealed partial class DeliveryWorker(
    NpgsqlDataSource database, DeliveryLane lanes, DeliveriesQueued queued, TimeProvider clock, ILogger<DeliveryWorker> log) : BackgroundService
{
    /// <summary>
    /// Lanes that make progress, lanes at all, and batches beyond the one that every lane has. A lane that waits for a slow platform costs next to
    /// nothing and must take no other's place.
    /// </summary>
    private const int MostBusyLanes = 32, MostLanes = 256, MostExtraBatches = 16;

    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(10), Quick = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<Guid, Lane> _running = new();
    private readonly ConcurrentDictionary<Guid, Concurrency> _concurrency = new();
    private readonly SemaphoreSlim _extraBatches = new(MostExtraBatches);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var due in await DueAsync(stoppingToken))
                    if (!_running.ContainsKey(due.ConnectionId) && HasRoom())
                        StartLane(due, stoppingToken);
                await queued.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error) // the database is away; due deliveries are still there when it is back
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, CancellationToken.None);
            }
        }
        await Task.WhenAll(_running.Values.Select(lane => lane.Work));
    }

    private bool HasRoom() => _running.Count < MostLanes && _running.Count(r => clock.GetElapsedTime(r.Value.MovedAt) < Quick) < MostBusyLanes;

    private void StartLane(LaneKey key, CancellationToken cancel)
    {
        var lane = _running[key.ConnectionId] = new Lane { MovedAt = clock.GetTimestamp() };
        lane.Work = RunAsync();

        async Task RunAsync()
        {
            await Task.Yield();
            try
            {
                await RunLaneAsync(key, lane, cancel);
            }
            finally
            {
                _running.TryRemove(key.ConnectionId, out _);
                queued.Raise();
            }
        }
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        _extraBatches.Dispose();
        base.Dispose();
    }

    private async Task RunLaneAsync(LaneKey key, Lane lane, CancellationToken cancel)
    {
        var concurrency = _concurrency.GetOrAdd(key.ConnectionId, _ => new Concurrency());
        var (started, batches, mayGoOn, isSetBack) = (clock.GetTimestamp(), new List<Task<BatchResult>>(), true, false);
        while (true)
        {
            while (mayGoOn && batches.Count < concurrency.Allowed && (batches.Count == 0 || _extraBatches.Wait(0, CancellationToken.None)))
                batches.Add(RunBatchAsync(key, cancel));
            if (batches.Count == 0)
                break;
            var done = await Task.WhenAny(batches);
            if (batches.Count > 1)
                _extraBatches.Release();
            batches.Remove(done);
            var result = await done;
            lane.MovedAt = clock.GetTimestamp();
            isSetBack |= result.End == BatchEnd.SetBack;
            if (result.End == BatchEnd.SetBack || result.Slowest > Quick)
                concurrency.Decrease();
            else if (result.End == BatchEnd.SentFull)
                concurrency.Increase();
            // after its turn others have theirs: a busy connection is due again at once, but behind those that waited longer
            mayGoOn = result.End is BatchEnd.Sent or BatchEnd.SentFull && !isSetBack && !cancel.IsCancellationRequested && clock.GetElapsedTime(started) < Turn;
        }
        if (concurrency.Allowed == 1)
            _concurrency.TryRemove(key.ConnectionId, out _);
    }

    private async Task<BatchResult> RunBatchAsync(LaneKey key, CancellationToken cancel)
    {
        try
        {
            return await lanes.RunBatchAsync(key, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new BatchResult(BatchEnd.Nothing); // claimed rows come back when their lease ends
        }
        catch (Exception error)
        {
            LogLaneFailed(error, key.ConnectionId);
            await Task.Delay(AfterFailure, clock, CancellationToken.None);
            return new BatchResult(BatchEnd.SetBack);
        }
    }

    private async Task<List<LaneKey>> DueAsync(CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT c.workspace_id, c.id FROM connections c
              JOIN LATERAL (SELECT q.next_attempt_at FROM delivery_queue q
                             WHERE q.workspace_id = c.workspace_id AND q.connection_id = c.id AND q.next_attempt_at <= $1
                               AND (q.claimed_until IS NULL OR q.claimed_until <= $1)
                             ORDER BY q.next_attempt_at LIMIT 1) oldest ON true
             WHERE c.enabled AND c.state <> 'paused' AND (c.not_before IS NULL OR c.not_before <= $1)
             ORDER BY oldest.next_attempt_at
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = clock.GetUtcNow() });
        var due = new List<LaneKey>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            due.Add(new LaneKey(reader.GetGuid(0), reader.GetGuid(1)));
        return due;
    }

    /// <summary>A lane that runs.</summary>
    private sealed class Lane
    {
        public Task Work { get; set; } = Task.CompletedTask;

        /// <summary>When it began or a batch of it came back, as a timestamp of the clock.</summary>
        public long MovedAt { get; set; }
    }

    [LoggerMessage(1201, LogLevel.Error, "Looking for due deliveries failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1202, LogLevel.Error, "The lane of connection {ConnectionId} failed; its deliveries are tried again")]
    private partial void LogLaneFailed(Exception error, Guid connectionId);
}

/// <summary>A connection whose deliveries are due.</summary>
public readonly record struct LaneKey(Guid WorkspaceId, Guid ConnectionId);
