using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// Sends queued messages. A message is claimed with a lease, sent, and marked: a node that dies between sends it again after the lease. So it is at
/// least once, and a receiver recognises a repetition by the same id (<c>webhook-id</c>, the email's Message-ID); chats have nothing of the kind.
/// </summary>
public sealed partial class AlertSender(
    NpgsqlDataSource database, DestinationClient http, Mailer mailer, SecretProtector protector, TimeProvider clock, ILogger<AlertSender> log)
{
    internal const string SecretPurpose = "alert channel";

    private const int AtOnce = 16;

    /// <summary>Longer than any call takes.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(3), GiveUpAfter = TimeSpan.FromHours(24), TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>Sends what is due, all channels side by side, until nothing is.</summary>
    /// <returns>How many were taken.</returns>
    public async Task<int> SendDueAsync(CancellationToken cancel)
    {
        var taken = 0;
        while (await ClaimAsync(cancel) is { Count: > 0 } claimed)
            taken += (await Task.WhenAll(claimed.Select(message => SendAsync(message, cancel)))).Count(wasTaken => wasTaken);
        return taken;
    }

    /// <summary>Sends one message through a channel now. What goes wrong is an answer.</summary>
    internal async Task<ChannelAnswer> SendAsync(Guid workspaceId, Guid channelId, AlertChannelKind kind, JsonElement settings, byte[]? sealedSecret, Guid id, AlertMessage message,
        CancellationToken cancel)
    {
        if (kind == AlertChannelKind.Email)
            return await mailer.SendAsync([.. settings.GetProperty("to").EnumerateArray().Select(a => a.GetString()!)], MessageText.Subject(message), MessageText.Body(message), id, cancel);
        DestinationRequest request;
        try
        {
            var secrets = JsonElement.Parse(protector.Open(SecretPurpose, workspaceId, channelId, sealedSecret ?? []));
            request = ChannelRequests.Build(kind, settings, secrets, id, message, clock.GetUtcNow());
        }
        catch (CryptographicException)
        {
            return new ChannelAnswer(false, "The channel's secret cannot be opened; the master key has changed. Enter it again.");
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeLimit);
        try
        {
            var result = await http.SendAsync(request, limit.Token);
            var words = result.HttpStatus is { } status ? $"HTTP {status}{(result.Body.Trim() is { Length: > 0 } body ? $": {Start(body)}" : "")}" : result.Body;
            return new ChannelAnswer(result.HttpStatus is >= 200 and < 300, words);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ChannelAnswer(false, "No answer in time.");
        }
    }

    private sealed record Claimed(Guid WorkspaceId, Guid Id, Guid ChannelId, AlertMessage Message, int Attempts, DateTimeOffset CreatedAt,
        bool IsOn, AlertChannelKind Kind, JsonElement Settings, byte[]? Secret);

    private async Task<List<Claimed>> ClaimAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand("""
            WITH due AS (
                SELECT workspace_id, id FROM alert_messages WHERE state = 'queued' AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            UPDATE alert_messages m SET next_attempt_at = $2, attempts = m.attempts + 1
              FROM due, alert_channels c
             WHERE m.workspace_id = due.workspace_id AND m.id = due.id AND c.workspace_id = m.workspace_id AND c.id = m.channel_id
            RETURNING m.workspace_id, m.id, m.channel_id, m.content, m.attempts, m.created_at, c.enabled, c.kind, c.settings, c.secret
            """);
        foreach (var value in (object[])[now, now + Lease, AtOnce])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var claimed = new List<Claimed>();
        while (await reader.ReadAsync(cancel))
            claimed.Add(new Claimed(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), JsonSerializer.Deserialize<AlertMessage>(reader.GetString(3), JsonSerializerOptions.Web)!,
                reader.GetInt32(4), reader.GetFieldValue<DateTimeOffset>(5), reader.GetBoolean(6), EnumText.Parse<AlertChannelKind>(reader.GetString(7))!.Value,
                JsonElement.Parse(reader.GetString(8)), reader.IsDBNull(9) ? null : reader.GetFieldValue<byte[]>(9)));
        return claimed;
    }

    private async Task<bool> SendAsync(Claimed claimed, CancellationToken cancel)
    {
        var answer = claimed.IsOn
            ? await SendAsync(claimed.WorkspaceId, claimed.ChannelId, claimed.Kind, claimed.Settings, claimed.Secret, claimed.Id, claimed.Message, cancel)
            : new ChannelAnswer(false, "The channel is switched off.");
        var now = clock.GetUtcNow();
        var isOver = answer.Taken || !claimed.IsOn || now - claimed.CreatedAt >= GiveUpAfter;
        // the pauses of a rate limited platform: a minute, growing to half an hour
        var next = now + RetryPolicy.Pause(FailureKind.RateLimited, claimed.Attempts, null, Random.Shared.NextDouble());
        await using var update = database.CreateCommand("""
            UPDATE alert_messages SET state = $4, error = $5, next_attempt_at = $6, sent_at = CASE WHEN $4 = 'sent' THEN $7 END
             WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND state = 'queued'
            """);
        foreach (var value in (object[])[claimed.WorkspaceId, claimed.Id, claimed.Attempts, answer.Taken ? "sent" : isOver ? "failed" : "queued"])
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        update.Parameters.Add(new NpgsqlParameter { Value = answer.Taken ? DBNull.Value : Start(answer.Answer), NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        update.Parameters.Add(new NpgsqlParameter { Value = next });
        update.Parameters.Add(new NpgsqlParameter { Value = now });
        await update.ExecuteNonQueryAsync(CancellationToken.None); // what was sent is marked, also while the app stops
        if (!answer.Taken)
            LogNotTaken(claimed.Kind, claimed.ChannelId, claimed.Attempts, isOver ? "given up" : "tried again");
        return answer.Taken;
    }

    private static string Start(string text) => text.Length > 300 ? text[..300] : text;

    // no answer in the log: it may quote what was sent
    [LoggerMessage(1403, LogLevel.Warning, "A message for {Kind} channel {ChannelId} was not taken at attempt {Attempt} and is {Then}")]
    private partial void LogNotTaken(AlertChannelKind kind, Guid channelId, int attempt, string then);
}
