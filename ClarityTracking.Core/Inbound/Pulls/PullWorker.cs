using System.Text.Json;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Inbound.Pulls;

/// <summary>
/// Does pulls step by step: ask, apply what the answer tells as if webhooks had told it, note where to go on. A step that dies is done again,
/// which adds nothing. Several nodes share the pulls (<c>SKIP LOCKED</c>).
/// </summary>
public sealed partial class PullWorker(NpgsqlDataSource database, SourceCatalog catalog, SourceDirectory directory, SenderApi api, ConversionWriter conversions,
    ConversionIntake events, PullsQueued queued, TimeProvider clock, ILogger<PullWorker> log) : BackgroundService
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5), Poll = TimeSpan.FromSeconds(5), AfterFailure = TimeSpan.FromSeconds(2), LongestPause = TimeSpan.FromHours(1);

    /// <summary>Pauses after a step that the sender did not answer; after the last one the pull has failed.</summary>
    private static readonly TimeSpan[] Pauses = [.. new[] { 2, 10, 60, 300, 900, 3600 }.Select(seconds => TimeSpan.FromSeconds(seconds))];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await RunStepAsync(stoppingToken))
                    await queued.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // the database is away, or intake takes nothing: the step is done again when its lease ends
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    /// <summary>Does the next step of a pull that is due; false when none is.</summary>
    internal async Task<bool> RunStepAsync(CancellationToken cancel)
    {
        if (await ClaimAsync(cancel) is not { } pull)
            return false;
        try
        {
            var done = await StepAsync(pull, cancel);
            await SaveAsync(pull, done, cancel);
        }
        catch (Exception error) when (DataErrors.IsAboutRows(error) || error is not (OperationCanceledException or NpgsqlException or IOException or TimeoutException or IntakeUnavailableException))
        {
            LogBroken(error, pull.Id);
            await SaveAsync(pull, Step.Failed("An unexpected error; the server's log has its details."), cancel);
        }
        return true;
    }

    private sealed record OpenPull(Guid WorkspaceId, Guid ConnectionId, Guid Id, PullPosition At, int Attempts);

    /// <summary>What a step came to.</summary>
    /// <param name="Status">Of the pull, after it.</param>
    /// <param name="Cursor">Where to go on.</param>
    /// <param name="Pause">How long to wait before.</param>
    /// <param name="Reason">Why it waits or failed, or what was left out.</param>
    /// <param name="Records">What the page told.</param>
    /// <param name="Changes">Of it: not known before.</param>
    /// <param name="Refused">Of it: incomplete, or its event was refused.</param>
    private sealed record Step(PullStatus Status, string? Cursor, TimeSpan Pause, string? Reason, int Records = 0, int Changes = 0, int Refused = 0)
    {
        public static Step Failed(string reason) => new(PullStatus.Failed, null, TimeSpan.Zero, reason);

        public bool IsRead => Status == PullStatus.Done || (Status == PullStatus.Running && Pause == TimeSpan.Zero);
    }

    private async Task<Step> StepAsync(OpenPull pull, CancellationToken cancel)
    {
        if (await directory.GetAsync(pull.WorkspaceId, pull.ConnectionId, cancel) is not { } source)
            return Step.Failed("The connection was deleted.");
        if (catalog.Find(source.Platform) is not { } sender || sender is not IPullSource pulls)
            return Step.Failed("This version cannot pull from the connection's platform.");
        if (!source.Enabled)
            return Step.Failed("The connection was switched off.");
        if (pulls.PullNeeds(source.Settings, source.Credentials) is { } missing)
            return Step.Failed(missing);
        var answer = await api.AskAsync(pulls.PullRequest(pull.At, api.AccessOf(sender, source)), cancel);
        if (answer.HttpStatus is not (>= 200 and < 300))
            return Refusal(pull, sender.Info.DisplayName, answer);
        if (!SenderApi.TryParse(answer.Body, out var json))
            return Step.Failed($"{sender.Info.DisplayName} answered something that is not JSON, or more than can be read at once.");
        var page = pulls.ReadPulled(pull.At, new PullAnswer(json, answer.Paging), source.Settings);
        if (page.Error is { } error)
            return Step.Failed($"{sender.Info.DisplayName} answered in a shape that is not known ({error}).");
        if (page.Next is not null && page.Next == pull.At.Cursor)
            return Step.Failed($"{sender.Info.DisplayName} gave the same page again.");
        var (changes, refused, why) = (0, 0, (string?)null);
        foreach (var record in page.Records)
        {
            var (complete, problem) = await api.CompleteAsync(sender, source, record, cancel);
            if (complete is null)
                return Later(pull, problem!.Words, null);
            var applied = await events.ApplyAsync(source, conversions, complete, webhookId: null, clock.GetUtcNow(), cancel);
            changes += applied.Changes;
            if ((applied.Refused ?? problem?.Words) is not { } words)
                continue;
            refused++;
            why ??= words;
        }
        return new Step(page.Next is null ? PullStatus.Done : PullStatus.Running, page.Next, TimeSpan.Zero, why, page.Records.Count, changes, refused);
    }

    private static Step Refusal(OpenPull pull, string sender, CallResult answer) => answer.HttpStatus switch
    {
        401 or 403 => Step.Failed($"{sender} refused the connection's credentials (HTTP {answer.HttpStatus}): check them and what they may read, then pull again."),
        null or 408 or 429 or >= 500 => Later(pull, $"{sender} did not answer ({SenderApi.Words(answer)}).", answer.RetryAfter),
        >= 300 and < 400 => Step.Failed($"{sender}'s address leads elsewhere (HTTP {answer.HttpStatus}): give the connection the address it leads to, then pull again."),
        404 => Step.Failed($"{sender} has nothing at the address that was asked (HTTP 404): check the connection's settings, then pull again."),
        _ => Step.Failed($"{sender} refused the question (HTTP {answer.HttpStatus})."),
    };

    private static Step Later(OpenPull pull, string reason, TimeSpan? wish)
    {
        if (pull.Attempts >= Pauses.Length)
            return Step.Failed(reason);
        var pause = wish is { } asked && asked > Pauses[pull.Attempts] ? asked : Pauses[pull.Attempts];
        return new Step(PullStatus.Running, pull.At.Cursor, pause < LongestPause ? pause : LongestPause, reason);
    }

    private async Task<OpenPull?> ClaimAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand("""
            -- materialized: a join may ask a subquery again for each row, and each time it would skip what it has locked
            WITH due AS MATERIALIZED (
                SELECT workspace_id, connection_id FROM source_pulls WHERE status IN ('queued', 'running') AND next_step_at <= $1
                 ORDER BY next_step_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            UPDATE source_pulls p SET next_step_at = $2, status = 'running'
              FROM due
             WHERE p.workspace_id = due.workspace_id AND p.connection_id = due.connection_id
            RETURNING p.workspace_id, p.connection_id, p.id, p.since, p.until, p.cursor, p.attempts
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = now });
        command.Parameters.Add(new NpgsqlParameter { Value = now + Lease });
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new OpenPull(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2),
                new PullPosition(row.GetFieldValue<DateTimeOffset>(3), row.GetFieldValue<DateTimeOffset>(4), row.IsDBNull(5) ? null : row.GetString(5)), row.GetInt32(6))
            : null;
    }

    /// <summary>Notes a step, unless another worker that took the pull over after the lease was quicker.</summary>
    private async Task SaveAsync(OpenPull pull, Step step, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand("""
            UPDATE source_pulls SET status = $5, cursor = $6, next_step_at = $7, pages = pages + $8, records = records + $9, changes = changes + $10, refused = refused + $11,
                   reason = CASE WHEN $8 = 1 AND $12::text IS NULL AND refused > 0 THEN reason ELSE $12 END, attempts = CASE WHEN $8 = 1 THEN 0 ELSE attempts + 1 END, finished_at = $13
             WHERE workspace_id = $1 AND connection_id = $2 AND id = $3 AND cursor IS NOT DISTINCT FROM $4 AND status = 'running'
            """);
        var hasEnded = step.Status is PullStatus.Done or PullStatus.Failed;
        foreach (var value in new object?[] { pull.WorkspaceId, pull.ConnectionId, pull.Id, pull.At.Cursor, EnumText.Word(step.Status), step.Cursor,
            hasEnded ? null : now + step.Pause, step.IsRead ? 1 : 0, (long)step.Records, (long)step.Changes, (long)step.Refused, step.Reason, hasEnded ? now : null })
            command.Parameters.Add(value switch
            {
                null => new NpgsqlParameter { Value = DBNull.Value },
                _ => new NpgsqlParameter { Value = value },
            });
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(1411, LogLevel.Error, "A step of a pull failed; it is done again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1412, LogLevel.Error, "Pull {PullId} broke")]
    private partial void LogBroken(Exception error, Guid pullId);
}
