using ClarityTracking.Core.Health.Volume;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// Looks every ten seconds at the websites that send often enough for silence to be seen within a minute; the others are looked at by the job, each
/// minute. Also writes down that somebody watches.
/// </summary>
public sealed partial class VolumeWatch(NpgsqlDataSource database, AlertEvaluator evaluator, AlertComposer composer, TimeProvider clock, ILogger<VolumeWatch> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    /// <summary>A round may take longer than a minute, and the minute is watched all the same: marks have a loop of their own.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        DateTimeOffset? begun = null;
        return Task.WhenAll(RepeatAsync(MarkAsync, stoppingToken), RepeatAsync(LookAsync, stoppingToken));

        async Task MarkAsync(CancellationToken cancel)
        {
            var now = clock.GetUtcNow();
            if (begun is null)
            {
                await WatchedMinutes.BeginAsync(database, now, cancel);
                begun = now;
            }
            else if (now.UtcTicks / TimeSpan.TicksPerMinute > begun.Value.UtcTicks / TimeSpan.TicksPerMinute)
                await WatchedMinutes.MarkAsync(database, now, cancel);
        }
    }

    private async Task LookAsync(CancellationToken cancel)
    {
        var changes = await evaluator.RunVolumeAsync(await BusyAsync(clock.GetUtcNow(), cancel), cancel);
        if (changes.Raised + changes.Resolved > 0)
            await composer.ComposeAsync(cancel);
    }

    private async Task RepeatAsync(Func<CancellationToken, Task> act, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                await act(stoppingToken);
                await Task.Delay(Every, clock, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // the database is away: what is not watched now counts on neither side later
            {
                LogFailed(error);
                await Task.Delay(Every, clock, CancellationToken.None);
            }
    }

    /// <summary>
    /// Websites that sent so much yesterday or today at some hour that a minute of silence can be told: what comes in a minute must be some 16 events
    /// (<see cref="VolumeDetector.Certain"/> above the least tolerance) at the very least.
    /// </summary>
    private async Task<HashSet<Guid>> BusyAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT w.id FROM websites w
             WHERE EXISTS (SELECT FROM volume_hours h WHERE h.workspace_id = w.workspace_id AND h.website_id = w.id AND h.hour >= $1
                            GROUP BY h.hour HAVING sum(h.events) >= 960)
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = now.AddHours(-26) });
        var busy = new HashSet<Guid>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            busy.Add(reader.GetGuid(0));
        return busy;
    }

    [LoggerMessage(1406, LogLevel.Warning, "Volume could not be watched; it is tried again")]
    private partial void LogFailed(Exception error);
}
