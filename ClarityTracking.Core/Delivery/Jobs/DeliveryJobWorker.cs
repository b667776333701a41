using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>
/// Does replays and backfills, one batch of one job after the other, each batch one transaction: whatever dies in it has done nothing. Several
/// nodes share the jobs. Also settles what became of deliveries that waited for a paused connection.
/// </summary>
public sealed partial class DeliveryJobWorker(
    NpgsqlDataSource database, DestinationCatalog catalog, EventLoader loader, FilterRules rules, JobsQueued jobs, DeliveriesQueued deliveries,
    IOptions<RetentionOptions> retention, TimeProvider clock, ILogger<DeliveryJobWorker> log) : BackgroundService
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500), AfterFailure = TimeSpan.FromSeconds(2), SettleEvery = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long? settled = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (settled is not { } last || clock.GetElapsedTime(last) >= SettleEvery)
                {
                    await ConnectionDrain.SettleAsync(database, clock.GetUtcNow(), stoppingToken);
                    settled = clock.GetTimestamp();
                }
                if (!await RunBatchAsync(stoppingToken))
                    await jobs.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // nothing of the batch was committed
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, CancellationToken.None);
            }
        }
    }

    /// <summary>Does the next batch; false when no job has its turn.</summary>
    internal async Task<bool> RunBatchAsync(CancellationToken cancel)
    {
        OpenJob? job = null;
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            var now = clock.GetUtcNow();
            job = await OpenJob.TakeAsync(connection, now, cancel);
            if (job is null)
                return false;
            var sent = job.Sent;
            await (job.Kind switch
            {
                JobKind.Replay => ReplayAsync(connection, job, now, cancel),
                JobKind.Backfill => BackfillAsync(connection, job, now, cancel),
            });
            await job.SaveAsync(connection, now, cancel);
            await transaction.CommitAsync(cancel);
            if (job.Sent > sent)
                deliveries.Raise();
            if (job.End is { } end)
                LogEnded(job.Id, job.Kind, end, job.Sent, job.Handled);
            return true;
        }
        catch (Exception error) when (job is not null && error is not OperationCanceledException)
        {
            LogBroken(error, job.Id);
            await job.SetBackAsync(database, clock.GetUtcNow(), cancel); // a database that is away cannot be told, and counts for nothing
            return true;
        }
    }

    private async Task ReplayAsync(NpgsqlConnection connection, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        var request = JsonSerializer.Deserialize<ReplayRequest>(job.Request, JobJson.Options)!;
        var scope = await ReplayScope.LoadAsync(connection, catalog, job.WorkspaceId, job.WebsiteId, request, now, cancel);
        if (request.ConnectionId is not null && scope.ConnectionIds.Length == 0)
            job.Fail("The connection was switched off or deleted.");
        else
            await scope.RunAsync(connection, job, now, cancel);
    }

    private async Task BackfillAsync(NpgsqlConnection connection, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        var request = JsonSerializer.Deserialize<BackfillRequest>(job.Request, JobJson.Options)!;
        await using var command = new NpgsqlCommand("SELECT platform, settings, enabled, created_at FROM connections WHERE workspace_id = $1 AND id = $2", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = job.WorkspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = job.ConnectionId });
        await using (var reader = await command.ExecuteReaderAsync(cancel))
        {
            if (!await reader.ReadAsync(cancel))
                job.Fail("The connection was deleted.");
            else if (!reader.GetBoolean(2))
                job.Fail("The connection was switched off.");
            else if (catalog.Find(reader.GetString(0)) is not { } destination)
                job.Fail("This version does not know the connection's platform.");
            else
            {
                var scope = new BackfillScope(job.WorkspaceId, job.WebsiteId, job.ConnectionId!.Value, destination, JsonElement.Parse(reader.GetString(1)), request.From!.Value, request.To!.Value);
                // deliveries may have been forgotten since the job was started
                if (retention.Value.DeliveriesKnownSince(now) is var known && scope.From < known && reader.GetFieldValue<DateTimeOffset>(3) < known)
                    scope = scope with { From = known };
                await reader.CloseAsync();
                await scope.RunAsync(connection, loader, rules, job, now, cancel);
            }
        }
    }

    [LoggerMessage(1221, LogLevel.Information, "{Kind} {JobId} is {End}: {Sent} queued of {Handled}")]
    private partial void LogEnded(Guid jobId, JobKind kind, JobStatus end, long sent, long handled);

    [LoggerMessage(1222, LogLevel.Error, "A batch of job {JobId} broke; it is tried again")]
    private partial void LogBroken(Exception error, Guid jobId);

    [LoggerMessage(1223, LogLevel.Error, "Looking for replays and backfills failed; it is tried again")]
    private partial void LogFailed(Exception error);
}
