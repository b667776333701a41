using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// Sends what is queued, and looks at websites where a connection has just changed its state, so that this is told within seconds and not at the next
/// turn of the job that measures everything.
/// </summary>
public sealed partial class AlertWorker(
    AlertEvaluator evaluator, AlertComposer composer, AlertSender sender, AlertMessagesQueued queued, TimeProvider clock, ILogger<AlertWorker> log) : BackgroundService
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5), Overlap = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                // looking back a little: a change becomes visible when its transaction ends, not at the time it names
                var changes = await evaluator.RunAsync(clock.GetUtcNow() - Overlap, stoppingToken);
                if (changes.Raised + changes.Resolved > 0)
                    await composer.ComposeAsync(stoppingToken);
                await sender.SendDueAsync(stoppingToken);
                await queued.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error) // the database is away; messages and states are still there when it is back
            {
                LogFailed(error);
                await Task.Delay(Poll, clock, CancellationToken.None);
            }
    }

    [LoggerMessage(1404, LogLevel.Warning, "Alerts could not be sent; they are tried again")]
    private partial void LogFailed(Exception error);
}
