using ClarityTracking.Core.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// Matches conversions that wait, seconds after they or what belongs to them arrive. Several nodes share the work (<c>SKIP LOCKED</c>); an answer and its
/// conversion's leaving the queue are one commit. One that cannot be matched is put back with a pause and does not hold up the others.
/// </summary>
internal sealed partial class MatchWorker(NpgsqlDataSource database, MatchReader reader, MatchCalibration calibration, ConversionsQueued queued, TimeProvider clock, ILogger<MatchWorker> log)
    : BackgroundService
{
    private const int PerClaim = 20, AtOnce = 3;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2), Claim = TimeSpan.FromMinutes(2), LongestPause = TimeSpan.FromHours(6);

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
        var claimed = await ClaimAsync(connection, cancel);
        var done = 0;
        try
        {
            for (; done < claimed.Count; done++)
                await TryAsync(connection, claimed[done], cancel);
        }
        catch
        {
            await ReleaseAsync([.. claimed.Skip(done)]);
            throw;
        }
        return claimed.Count;
    }

    private async Task TryAsync(NpgsqlConnection connection, Waiting waiting, CancellationToken cancel)
    {
        try
        {
            await MatchAsync(connection, waiting, cancel);
        }
        catch (PostgresException gone) when (gone.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            // the conversion was deleted meanwhile, and its place in the queue with it
        }
        catch (Exception error) when (DataErrors.IsAboutRows(error) || error is not (NpgsqlException or OperationCanceledException or IOException or TimeoutException))
        {
            LogPoison(error, waiting.ConversionId);
            await PutBackAsync(connection, waiting, cancel);
        }
    }

    /// <summary>Claimed ones that were not come to are due again at once; where the database is away, their claim ends by itself.</summary>
    private async Task ReleaseAsync(IReadOnlyList<Waiting> left)
    {
        try
        {
            await using var command = database.CreateCommand("""
                UPDATE match_queue q SET due_at = $4, attempts = greatest(0, q.attempts - 1) FROM unnest($1, $2, $3) AS w(workspace_id, conversion_id, until)
                 WHERE q.workspace_id = w.workspace_id AND q.conversion_id = w.conversion_id AND q.due_at = w.until
                """).With(left.Select(w => w.WorkspaceId).ToArray(), left.Select(w => w.ConversionId).ToArray(), left.Select(w => w.Until.UtcDateTime).ToArray(), clock.GetUtcNow());
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException)
        {
            LogFailed(error);
        }
    }

    /// <summary>A claimed conversion. <c>Until</c> is its time in the queue while the claim lasts; another one says that it was queued again meanwhile.</summary>
    internal sealed record Waiting(Guid WorkspaceId, Guid WebsiteId, Guid ConversionId, int Attempts, DateTimeOffset Until);

    /// <summary>Matches one conversion; it leaves the queue unless it was queued again meanwhile.</summary>
    internal async Task<MatchAnswer?> MatchAsync(NpgsqlConnection connection, Waiting waiting, CancellationToken cancel)
    {
        var (workspaceId, websiteId) = (waiting.WorkspaceId, waiting.WebsiteId);
        MatchAnswer? answer = null;
        var subject = await reader.SubjectAsync(connection, workspaceId, waiting.ConversionId, cancel);
        var thresholds = await MatchSettings.ReadAsync(connection, workspaceId, websiteId, cancel);
        var model = await calibration.OfAsync(workspaceId, cancel);
        if (subject is not null)
        {
            var candidates = await reader.CandidatesAsync(connection, workspaceId, websiteId, subject, cancel);
            var statistics = await reader.StatisticsAsync(connection, workspaceId, websiteId, subject, candidates, cancel);
            answer = Matcher.Answer(subject, candidates, statistics, model, thresholds.CreditFrom);
        }
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (answer is not null)
            await MatchWriter.WriteAsync(connection, workspaceId, websiteId, subject!, answer, thresholds, model.Name, clock.GetUtcNow(), cancel);
        await using var done = new NpgsqlCommand("DELETE FROM match_queue WHERE workspace_id = $1 AND conversion_id = $2 AND due_at = $3", connection)
            .With(workspaceId, waiting.ConversionId, waiting.Until);
        await done.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        return answer;
    }

    /// <summary>
    /// Claims by moving the time, not by a lock that would make those wait who queue conversions. A claim whose worker died ends by itself.
    /// </summary>
    private async Task<List<Waiting>> ClaimAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = new NpgsqlCommand("""
            UPDATE match_queue q SET due_at = $3, attempts = attempts + 1
              FROM (SELECT workspace_id, conversion_id FROM match_queue WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
             WHERE q.workspace_id = due.workspace_id AND q.conversion_id = due.conversion_id
            RETURNING q.workspace_id, q.website_id, q.conversion_id, q.attempts, q.due_at
            """, connection).With(now, PerClaim, now + Claim);
        var claimed = new List<Waiting>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            claimed.Add(new Waiting(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetInt32(3), row.GetFieldValue<DateTimeOffset>(4)));
        return claimed;
    }

    private async Task PutBackAsync(NpgsqlConnection connection, Waiting waiting, CancellationToken cancel)
    {
        var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, 10 * Math.Pow(3, Math.Min(waiting.Attempts, 10))));
        await using var command = new NpgsqlCommand("UPDATE match_queue SET due_at = $4 WHERE workspace_id = $1 AND conversion_id = $2 AND due_at = $3", connection)
            .With(waiting.WorkspaceId, waiting.ConversionId, waiting.Until, clock.GetUtcNow() + pause);
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(1631, LogLevel.Error, "Matching failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1632, LogLevel.Error, "Conversion {ConversionId} could not be matched; it is tried again later")]
    private partial void LogPoison(Exception error, Guid conversionId);
}
