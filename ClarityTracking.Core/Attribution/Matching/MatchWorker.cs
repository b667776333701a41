using ClarityTracking.Core.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Matches conversions that wait, seconds after they or what belongs to them arrive. A conversion is held by its row of the queue, so several nodes share the
/// work; its answer and its leaving the queue are one commit. One that cannot be matched is put back with a pause and does not hold up the others.
/// </summary>
internal sealed partial class MatchWorker(NpgsqlDataSource database, MatchReader reader, MatchCalibration calibration, ConversionsQueued queued, TimeProvider clock, ILogger<MatchWorker> log)
    : BackgroundService
{
    private const int PerClaim = 20, AtOnce = 3;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2), LongestPause = TimeSpan.FromHours(6);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => LoopAsync(stoppingToken)));

    private async Task LoopAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await MatchSomeAsync(stoppingToken) < PerClaim)
                    await queued.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // the database is away; the queue is still there
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    /// <summary>Matches some conversions that are due; answers how many.</summary>
    internal async Task<int> MatchSomeAsync(CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var claimed = await ClaimAsync(connection, cancel);
        foreach (var waiting in claimed)
        {
            const string Before = "before";
            await transaction.SaveAsync(Before, cancel);
            try
            {
                await MatchAsync(connection, waiting.WorkspaceId, waiting.WebsiteId, waiting.ConversionId, cancel);
                await transaction.ReleaseAsync(Before, cancel);
            }
            catch (Exception error) when (DataErrors.IsAboutRows(error) || error is not (NpgsqlException or OperationCanceledException or IOException or TimeoutException))
            {
                await transaction.RollbackAsync(Before, cancel);
                LogPoison(error, waiting.ConversionId);
                await PutBackAsync(connection, waiting, cancel);
            }
        }
        await transaction.CommitAsync(cancel);
        return claimed.Count;
    }

    /// <summary>Matches one conversion and takes it out of the queue, in the caller's transaction.</summary>
    internal async Task MatchAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, CancellationToken cancel)
    {
        if (await reader.SubjectAsync(connection, workspaceId, conversionId, cancel) is { } subject)
        {
            var thresholds = await MatchSettings.ReadAsync(connection, workspaceId, websiteId, cancel);
            var model = await calibration.OfAsync(workspaceId, cancel);
            var candidates = await reader.CandidatesAsync(connection, workspaceId, websiteId, subject, cancel);
            var statistics = await reader.StatisticsAsync(connection, workspaceId, websiteId, subject, candidates, cancel);
            var answer = Matcher.Answer(subject, candidates, statistics, model, thresholds.CreditFrom);
            await MatchWriter.WriteAsync(connection, workspaceId, websiteId, subject, answer, thresholds, model.Name, clock.GetUtcNow(), cancel);
        }
        await using var done = new NpgsqlCommand("DELETE FROM match_queue WHERE workspace_id = $1 AND conversion_id = $2", connection).With(workspaceId, conversionId);
        await done.ExecuteNonQueryAsync(cancel);
    }

    private sealed record Waiting(Guid WorkspaceId, Guid WebsiteId, Guid ConversionId, int Attempts);

    private async Task<List<Waiting>> ClaimAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT workspace_id, website_id, conversion_id, attempts FROM match_queue WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
            """, connection).With(clock.GetUtcNow(), PerClaim);
        var claimed = new List<Waiting>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            claimed.Add(new Waiting(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetInt32(3)));
        return claimed;
    }

    private async Task PutBackAsync(NpgsqlConnection connection, Waiting waiting, CancellationToken cancel)
    {
        var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, 10 * Math.Pow(3, Math.Min(waiting.Attempts, 10))));
        await using var command = new NpgsqlCommand("UPDATE match_queue SET attempts = attempts + 1, due_at = $3 WHERE workspace_id = $1 AND conversion_id = $2", connection)
            .With(waiting.WorkspaceId, waiting.ConversionId, clock.GetUtcNow() + pause);
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(1631, LogLevel.Error, "Matching failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1632, LogLevel.Error, "Conversion {ConversionId} could not be matched; it is tried again later")]
    private partial void LogPoison(Exception error, Guid conversionId);
}
