using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Inbound;

/// <summary>
/// Makes stored webhooks into what they say: read, look up what is missing, change the conversion, give its events to intake. Every step may
/// be done twice without harm, so a webhook whose worker dies is simply taken up again. Several nodes share the work (<c>SKIP LOCKED</c>).
/// </summary>
public sealed partial class InboundWorker(
    NpgsqlDataSource database, SourceCatalog catalog, SourceDirectory directory, ConversionWriter conversions, ConversionIntake events, SecretProtector protector,
    SenderApi api, WebhooksReceived received, TimeProvider clock, ILogger<InboundWorker> log) : BackgroundService
{
    private const int PerClaim = 50, AtOnce = 8;
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2), Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2);

    /// <summary>Pauses after a failure that may pass; after the last one it waits for a person.</summary>
    private static readonly TimeSpan[] Pauses =
        [.. new[] { 2, 10, 60, 300, 900, 3600, 3600, 7200, 14400, 28800 }.Select(seconds => TimeSpan.FromSeconds(seconds))];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await ProcessBatchAsync(stoppingToken) < PerClaim)
                    await received.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // the database is away; the webhooks are still there
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    /// <summary>Processes some webhooks that are due; answers how many.</summary>
    internal async Task<int> ProcessBatchAsync(CancellationToken cancel)
    {
        var claimed = await ClaimAsync(cancel);
        var sources = new Dictionary<Guid, SourceConnection?>();
        foreach (var webhook in claimed)
            if (!sources.ContainsKey(webhook.ConnectionId))
                sources[webhook.ConnectionId] = await directory.GetAsync(webhook.WorkspaceId, webhook.ConnectionId, cancel);
        // In any order: conversions come out the same. Most of the time is spent waiting, for intake's commit or the sender's API.
        await Parallel.ForEachAsync(claimed.OrderBy(w => w.Id), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (webhook, stop) =>
        {
            if (sources[webhook.ConnectionId] is { } source)
                await ProcessAsync(source, webhook, stop);
        });
        return claimed.Count;
    }

    private async Task ProcessAsync(SourceConnection source, StoredWebhook webhook, CancellationToken cancel)
    {
        try
        {
            var (problem, request) = await RunAsync(source, webhook, cancel);
            if (problem is { MayPass: true } && webhook.Attempts < Pauses.Length)
                await PutBackAsync(webhook, problem.Words, clock.GetUtcNow() + Pauses[webhook.Attempts], cancel);
            else
                await FinishAsync(webhook, problem is null ? InboundStatus.Processed : InboundStatus.Failed, problem?.Words ?? request,
                    source.Owner.PrivacyMode && problem is null && request is null, cancel);
        }
        catch (Exception error) when (error is IntakeUnavailableException or IOException or TimeoutException || (error is NpgsqlException && !DataErrors.IsAboutRows(error)))
        {
            LogAway(error, webhook.Id); // it comes back when its lease ends; those beside it go on
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            LogBroken(error, webhook.Id);
            await FinishAsync(webhook, InboundStatus.Failed, "An unexpected error; the server's log has its details.", false, cancel);
        }
    }

    /// <summary>What went wrong, and what a person is asked to do; null = nothing.</summary>
    private async Task<(SenderProblem? Problem, string? Request)> RunAsync(SourceConnection source, StoredWebhook webhook, CancellationToken cancel)
    {
        var sender = catalog.Find(source.Platform)!;
        var request = webhook.Open(protector);
        var reading = SourceReading.Of(sender, request, source.Settings);
        if (reading.Error is { } error)
            return (new SenderProblem(error, MayPass: false), null);
        SenderProblem? problem = null;
        foreach (var record in reading.Records)
        {
            var (complete, missing) = await api.CompleteAsync(sender, source, record, cancel);
            if (complete is null)
            {
                problem ??= missing;
                continue;
            }
            problem ??= missing;
            if (complete.Action == InboundAction.AppUninstalled)
                await PauseAsync(source, "The shop took the app out; connect it again to go on.", cancel);
            var applied = await events.ApplyAsync(source, conversions, complete, webhook.Id, webhook.ReceivedAt, cancel);
            if (applied.Refused is { } refused)
                problem ??= new SenderProblem(refused, MayPass: false);
        }
        return (problem, reading.Records.Any(r => r.Action == InboundAction.PrivacyRequest)
            ? $"{sender.Info.DisplayName} asks on behalf of a person or the whole shop ({reading.Records[0].SourceEvent}); the body names whom. Give out or erase their data within 30 days." : null);
    }

    private async Task<List<StoredWebhook>> ClaimAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand("""
            UPDATE inbound_webhooks w SET next_attempt_at = $2
              FROM (SELECT workspace_id, id FROM inbound_webhooks WHERE status = 'received' AND next_attempt_at <= $1
                     ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
             WHERE w.workspace_id = due.workspace_id AND w.id = due.id
            RETURNING w.workspace_id, w.connection_id, w.id, w.received_at, w.headers, w.body_sealed, w.attempts
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = now });
        command.Parameters.Add(new NpgsqlParameter { Value = now + Lease });
        command.Parameters.Add(new NpgsqlParameter { Value = PerClaim });
        var claimed = new List<StoredWebhook>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            claimed.Add(new StoredWebhook(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetFieldValue<DateTimeOffset>(3), row.GetString(4),
                row.IsDBNull(5) ? [] : row.GetFieldValue<byte[]>(5), row.GetInt32(6)));
        return claimed;
    }

    private async Task FinishAsync(StoredWebhook webhook, InboundStatus status, string? reason, bool forgetBody, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            UPDATE inbound_webhooks SET status = $3, reason = $4, processed_at = $5, next_attempt_at = NULL, body_sealed = CASE WHEN $6 THEN NULL ELSE body_sealed END
             WHERE workspace_id = $1 AND id = $2
            """);
        foreach (var value in new object[] { webhook.WorkspaceId, webhook.Id, status.Word(), reason ?? (object)DBNull.Value, clock.GetUtcNow(), forgetBody })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task PutBackAsync(StoredWebhook webhook, string reason, DateTimeOffset until, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            UPDATE inbound_webhooks SET attempts = attempts + 1, reason = $3, next_attempt_at = $4 WHERE workspace_id = $1 AND id = $2
            """);
        foreach (var value in new object[] { webhook.WorkspaceId, webhook.Id, reason, until })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task PauseAsync(SourceConnection source, string reason, CancellationToken cancel)
    {
        await using var command = database.CreateCommand(
            "UPDATE connections SET state = 'paused', state_reason = $3, state_changed_at = $4 WHERE workspace_id = $1 AND id = $2");
        foreach (var value in new object[] { source.WorkspaceId, source.ConnectionId, reason, clock.GetUtcNow() })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(1421, LogLevel.Error, "Processing webhooks failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1423, LogLevel.Warning, "Webhook {WebhookId} waits: the database or intake is away")]
    private partial void LogAway(Exception error, Guid webhookId);

    [LoggerMessage(1422, LogLevel.Error, "Webhook {WebhookId} could not be processed")]
    private partial void LogBroken(Exception error, Guid webhookId);
}

/// <summary>A stored webhook that this worker holds until its lease ends.</summary>
internal sealed record StoredWebhook(Guid WorkspaceId, Guid ConnectionId, Guid Id, DateTimeOffset ReceivedAt, string Headers, byte[] Body, int Attempts)
{
    /// <summary>As it came over the wire, but for the headers that are not kept.</summary>
    public InboundRequest Open(SecretProtector protector) => new("POST", "", HeadersOf(Headers),
        Body.Length == 0 ? default : protector.Open(InboundIntake.Purpose, WorkspaceId, Id, Body), ReceivedAt);

    /// <summary>Kept headers, found without regard to case.</summary>
    internal static Dictionary<string, string> HeadersOf(string json) =>
        new(JsonSerializer.Deserialize<Dictionary<string, string>>(json) ?? [], StringComparer.OrdinalIgnoreCase);
}
