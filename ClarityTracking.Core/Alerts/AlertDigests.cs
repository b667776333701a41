using System.Text.Json;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Data;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// Digests: what happened at all websites of a channel in a day or a week. A digest that is due is queued and its next time set in one transaction,
/// so it goes out once, whichever node finds it; one that was missed while nobody was up goes out once, late.
/// </summary>
public sealed partial class AlertDigests(NpgsqlDataSource database, IConfiguration configuration, AlertMessagesQueued queued, TimeProvider clock, ILogger<AlertDigests> log)
{
    /// <summary>Queues what is due.</summary>
    /// <returns>How many.</returns>
    public async Task<int> ComposeDueAsync(CancellationToken cancel)
    {
        var made = 0;
        var seen = new HashSet<Guid>();
        while (await NextDueAsync([.. seen], cancel) is { } channel)
        {
            seen.Add(channel);
            try
            {
                if (await ComposeAsync(channel, cancel))
                    made++;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                LogFailed(error, channel);
            }
        }
        if (made > 0)
            queued.Raise();
        return made;
    }

    private async Task<Guid?> NextDueAsync(Guid[] seen, CancellationToken cancel)
    {
        await using var command = Command(database.CreateCommand("SELECT id FROM alert_channels WHERE next_digest_at <= $1 AND enabled AND NOT id = ANY ($2) LIMIT 1"), clock.GetUtcNow(), seen);
        return await command.ExecuteScalarAsync(cancel) as Guid?;
    }

    private async Task<bool> ComposeAsync(Guid channelId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        Guid workspaceId;
        Guid? websiteId;
        string workspace;
        DigestSchedule schedule;
        await using (var read = Command(new NpgsqlCommand("""
            SELECT c.workspace_id, c.website_id, w.name, c.digest, c.digest_hour, c.digest_weekday, c.time_zone
              FROM alert_channels c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.id = $1 AND c.next_digest_at <= $2 AND c.enabled FOR UPDATE OF c SKIP LOCKED
            """, connection), channelId, now))
        await using (var reader = await read.ExecuteReaderAsync(cancel))
        {
            if (!await reader.ReadAsync(cancel))
                return false; // another node has it
            (workspaceId, websiteId, workspace) = (reader.GetGuid(0), reader.IsDBNull(1) ? null : reader.GetGuid(1), reader.GetString(2));
            schedule = new DigestSchedule(EnumText.Parse<DigestRhythm>(reader.GetString(3))!.Value, reader.GetInt32(4), (DayOfWeek)reader.GetInt32(5), reader.GetString(6));
        }
        var figures = new DigestFigures(schedule.Rhythm.Word(), now - schedule.Span, now, await WebsitesAsync(connection, workspaceId, websiteId, now - schedule.Span, now, cancel));
        var open = await OpenAsync(connection, workspaceId, websiteId, cancel);
        await AlertComposer.QueueAsync(connection, workspaceId, channelId, new AlertMessage("digest", workspace, now, AlertComposer.PublicUrl(configuration), open, figures), cancel);
        await using (var move = Command(new NpgsqlCommand("UPDATE alert_channels SET next_digest_at = $3 WHERE workspace_id = $1 AND id = $2", connection),
            workspaceId, channelId, schedule.Next(now) is { } next ? next : DBNull.Value))
        {
            move.Parameters[2].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz;
            await move.ExecuteNonQueryAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return true;
    }

    private static async Task<List<DigestWebsite>> WebsitesAsync(NpgsqlConnection connection, Guid workspaceId, Guid? websiteId, DateTimeOffset from, DateTimeOffset to, CancellationToken cancel)
    {
        await using var command = Command(new NpgsqlCommand("""
            SELECT w.id, w.name, e.now, e.before, d.delivered, d.dead, a.opened, a.resolved, a.still_open
              FROM websites w
             CROSS JOIN LATERAL (
                   SELECT coalesce(sum(events) FILTER (WHERE hour >= $2), 0)::bigint AS now, coalesce(sum(events) FILTER (WHERE hour < $2), 0)::bigint AS before
                     FROM event_rollups WHERE workspace_id = w.workspace_id AND website_id = w.id AND NOT is_test AND hour >= $2 - ($3 - $2) AND hour < $3) e
             CROSS JOIN LATERAL (
                   SELECT coalesce(sum(r.deliveries) FILTER (WHERE r.status = 'delivered'), 0)::bigint AS delivered, coalesce(sum(r.deliveries) FILTER (WHERE r.status = 'dead'), 0)::bigint AS dead
                     FROM connections c JOIN delivery_rollups r ON r.workspace_id = c.workspace_id AND r.website_id = c.website_id AND r.connection_id = c.id
                    WHERE c.workspace_id = w.workspace_id AND c.website_id = w.id AND r.hour >= $2 AND r.hour < $3) d
             CROSS JOIN LATERAL (
                   SELECT (SELECT count(*) FROM alerts o WHERE o.workspace_id = w.workspace_id AND o.website_id = w.id AND o.state <> 'resolved') AS still_open,
                          count(*) FILTER (WHERE h.change IN ('opened', 'reopened')) AS opened, count(*) FILTER (WHERE h.change = 'resolved') AS resolved
                     FROM alerts l JOIN alert_history h ON h.workspace_id = l.workspace_id AND h.alert_id = l.id
                    WHERE l.workspace_id = w.workspace_id AND l.website_id = w.id AND l.updated_at >= $2 AND h.at >= $2 AND h.at < $3) a
             WHERE w.workspace_id = $1 AND ($4::uuid IS NULL OR w.id = $4)
             ORDER BY a.still_open DESC, w.name
            """, connection), workspaceId, from, to, websiteId is { } id ? id : DBNull.Value);
        command.Parameters[3].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid;
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var websites = new List<DigestWebsite>();
        while (await reader.ReadAsync(cancel))
            websites.Add(new DigestWebsite(reader.GetGuid(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt64(5),
                reader.GetInt64(6), reader.GetInt64(7), reader.GetInt64(8)));
        return websites;
    }

    private static async Task<List<AlertNews>> OpenAsync(NpgsqlConnection connection, Guid workspaceId, Guid? websiteId, CancellationToken cancel)
    {
        await using var command = Command(new NpgsqlCommand("""
            SELECT a.id, a.opening, a.website_id, w.name, a.kind, a.severity, a.subject_name, a.evidence, a.opened_at
              FROM alerts a JOIN websites w ON w.workspace_id = a.workspace_id AND w.id = a.website_id
             WHERE a.workspace_id = $1 AND ($2::uuid IS NULL OR a.website_id = $2) AND a.state <> 'resolved'
             ORDER BY a.severity <> 'critical', w.name, a.id LIMIT 200
            """, connection), workspaceId, websiteId is { } id ? id : DBNull.Value);
        command.Parameters[1].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid;
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var open = new List<AlertNews>();
        while (await reader.ReadAsync(cancel))
        {
            var evidence = JsonSerializer.Deserialize<AlertEvidence>(reader.GetString(7), JsonSerializerOptions.Web)!;
            open.Add(new AlertNews("opened", reader.GetGuid(0), reader.GetInt32(1), reader.GetGuid(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                AlertWords.Title(reader.GetString(4), reader.GetString(6)), AlertWords.Text(reader.GetString(4), evidence), evidence, reader.GetFieldValue<DateTimeOffset>(8), null));
        }
        return open;
    }

    private static NpgsqlCommand Command(NpgsqlCommand command, params object[] values)
    {
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    [LoggerMessage(1405, LogLevel.Error, "The digest of alert channel {ChannelId} could not be made")]
    private partial void LogFailed(Exception error, Guid channelId);
}
