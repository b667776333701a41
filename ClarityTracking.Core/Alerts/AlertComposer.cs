using System.Text.Json;
using ClarityTracking.Core.Data;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Alerts;

/// <summary>Raised when messages were queued, so that the sender need not wait for its next look.</summary>
public sealed class AlertMessagesQueued : Signal;

/// <summary>
/// Makes one message per channel out of all that it has not been told yet. Quiet hours, the limit per website and the pause after a flapping alert
/// only delay, and what is over by then is left out, with the reason.
/// </summary>
public sealed partial class AlertComposer(NpgsqlDataSource database, IConfiguration configuration, AlertMessagesQueued queued, TimeProvider clock, ILogger<AlertComposer> log)
{
    /// <summary>An alert that opens again is not told again within this time.</summary>
    public static readonly TimeSpan FlapPause = TimeSpan.FromMinutes(30);

    /// <summary>Most messages to a channel within an hour that tell of the same website; more news wait and come together.</summary>
    public const int MostPerHour = 6;

    /// <summary>Where the dashboard is, from <c>Clarity:PublicUrl</c>.</summary>
    internal static string? PublicUrl(IConfiguration configuration) => configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url.TrimEnd('/') : null;

    /// <summary>Makes the messages that may go out now.</summary>
    /// <returns>How many.</returns>
    public async Task<int> ComposeAsync(CancellationToken cancel)
    {
        var made = 0;
        foreach (var (workspace, channel) in await WaitingAsync(cancel))
            try
            {
                if (await ComposeAsync(workspace, channel, cancel))
                    made++;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                LogFailed(error, channel);
            }
        if (made > 0)
            queued.Raise();
        return made;
    }

    private async Task<List<(Guid Workspace, Guid Channel)>> WaitingAsync(CancellationToken cancel)
    {
        await using var command = database.CreateCommand("SELECT DISTINCT workspace_id, channel_id FROM alert_notifications WHERE message_id IS NULL AND left_out IS NULL");
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var channels = new List<(Guid, Guid)>();
        while (await reader.ReadAsync(cancel))
            channels.Add((reader.GetGuid(0), reader.GetGuid(1)));
        return channels;
    }

    private async Task<bool> ComposeAsync(Guid workspaceId, Guid channelId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var channel = Command(connection, """
            SELECT c.enabled, w.name FROM alert_channels c JOIN workspaces w ON w.id = c.workspace_id WHERE c.workspace_id = $1 AND c.id = $2 FOR UPDATE OF c SKIP LOCKED
            """, workspaceId, channelId);
        bool isOn;
        string workspace;
        await using (var reader = await channel.ExecuteReaderAsync(cancel))
        {
            if (!await reader.ReadAsync(cancel))
                return false; // another node is at it, or it was deleted
            (isOn, workspace) = (reader.GetBoolean(0), reader.GetString(1));
        }
        var waiting = await ReadAsync(connection, workspaceId, channelId, now, cancel);
        var fates = waiting.ConvertAll(w => (Waiting: w, Fate: isOn ? FateOf(w, now) : "The channel is switched off."));
        var told = fates.Where(f => f.Fate is null && (f.Waiting.News.IsOver || f.Waiting.LastToldAt is not { } last || now - last >= FlapPause)
            && f.Waiting.MessagesThisHour < MostPerHour && f.Waiting.Schedule.Allows(f.Waiting.Severity, now, f.Waiting.Zone)).Select(f => f.Waiting).ToList();
        // paused after degraded: what opened says it all
        var replaced = told.Where(w => w.News.IsOver && told.Exists(o => !o.News.IsOver && o.Subject.Length > 0 && o.Subject != AlertKind.Rest && (o.News.WebsiteId, o.Subject) == (w.News.WebsiteId, w.Subject))).ToList();
        told.RemoveAll(replaced.Contains);

        foreach (var (left, why) in fates.Where(f => f.Fate is not null).Select(f => (f.Waiting, f.Fate!)).Concat(replaced.Select(w => (w, "Another alert of the same connection opened."))))
            await MarkAsync(connection, workspaceId, channelId, left, "left_out = $6", why, cancel);
        if (told.Count > 0)
        {
            var message = new AlertMessage("alerts", workspace, now, PublicUrl(configuration),
                [.. told.Select(w => w.News).OrderBy(n => n.IsOver).ThenBy(n => n.Severity != "critical").ThenBy(n => n.Website, StringComparer.OrdinalIgnoreCase).ThenBy(n => n.Title, StringComparer.Ordinal)]);
            var id = await QueueAsync(connection, workspaceId, channelId, message, cancel);
            foreach (var one in told)
                await MarkAsync(connection, workspaceId, channelId, one, "message_id = $6, told_at = $7", id, cancel, now);
        }
        await transaction.CommitAsync(cancel);
        return told.Count > 0;
    }

    /// <summary>Queues a message inside the transaction that decides on it.</summary>
    internal static async Task<Guid> QueueAsync(NpgsqlConnection connection, Guid workspaceId, Guid channelId, AlertMessage message, CancellationToken cancel)
    {
        var id = Guid.CreateVersion7(message.At);
        await using var insert = Command(connection, """
            INSERT INTO alert_messages (workspace_id, id, channel_id, content, state, next_attempt_at, created_at) VALUES ($1, $2, $3, $4, 'queued', $5, $5)
            """, workspaceId, id, channelId, new NpgsqlParameter { Value = JsonSerializer.Serialize(message, JsonSerializerOptions.Web), NpgsqlDbType = NpgsqlDbType.Jsonb }, message.At);
        await insert.ExecuteNonQueryAsync(cancel);
        return id;
    }

    /// <summary>Why something is never told; null = it is told, now or later.</summary>
    private static string? FateOf(Waiting waiting, DateTimeOffset now) => waiting switch
    {
        { IsCurrent: false } => "It opened again since.",
        { News.IsOver: true, State: not AlertState.Resolved } => "It is open again.",
        { News.IsOver: true, WasOpeningTold: false } => "Its opening was not told.",
        { News.IsOver: false, State: AlertState.Resolved } => "It was over before it could be told.",
        { News.IsOver: false, State: AlertState.Acknowledged } => "Somebody takes care of it already.",
        { News.IsOver: false, State: AlertState.Snoozed, SnoozedUntil: var until } when until > now => "It was snoozed before it could be told.",
        _ => null,
    };

    private sealed record Waiting(AlertNews News, string Subject, AlertSeverity Severity, AlertState State, DateTimeOffset? SnoozedUntil, bool IsCurrent, bool WasOpeningTold,
        DateTimeOffset? LastToldAt, long MessagesThisHour, AlertSchedule Schedule, TimeZoneInfo Zone);

    private static async Task<List<Waiting>> ReadAsync(NpgsqlConnection connection, Guid workspaceId, Guid channelId, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT n.news, n.alert_id, n.opening, n.website_id, w.name, a.kind, a.severity, a.subject, a.subject_name, a.evidence, a.opened_at, a.resolved_at,
                   a.state, a.snoozed_until, a.opening = n.opening,
                   EXISTS (SELECT FROM alert_notifications o WHERE o.workspace_id = n.workspace_id AND o.alert_id = n.alert_id AND o.opening = n.opening
                            AND o.channel_id = n.channel_id AND o.news = 'opened' AND o.message_id IS NOT NULL),
                   (SELECT max(p.told_at) FROM alert_notifications p WHERE p.workspace_id = n.workspace_id AND p.alert_id = n.alert_id AND p.channel_id = n.channel_id),
                   (SELECT count(DISTINCT h.message_id) FROM alert_notifications h WHERE h.workspace_id = n.workspace_id AND h.channel_id = n.channel_id
                       AND h.website_id = n.website_id AND h.told_at > $3),
                   s.quiet_from, s.quiet_to, s.days, s.critical_always, w.time_zone
              FROM alert_notifications n
              JOIN alerts a ON a.workspace_id = n.workspace_id AND a.id = n.alert_id
              JOIN websites w ON w.workspace_id = n.workspace_id AND w.id = n.website_id
              LEFT JOIN alert_schedules s ON s.workspace_id = n.workspace_id AND s.website_id = n.website_id
             WHERE n.workspace_id = $1 AND n.channel_id = $2 AND n.message_id IS NULL AND n.left_out IS NULL
             -- news that are held back must hide neither critical ones nor other websites
             ORDER BY a.severity <> 'critical', row_number() OVER (PARTITION BY n.website_id, a.severity ORDER BY n.created_at, n.alert_id), n.created_at, n.alert_id LIMIT 1000
            """, workspaceId, channelId, now - TimeSpan.FromHours(1));
        var waiting = new List<Waiting>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var evidence = JsonSerializer.Deserialize<AlertEvidence>(reader.GetString(9), JsonSerializerOptions.Web)!;
            var (kind, subjectName) = (reader.GetString(5), reader.GetString(8));
            var news = new AlertNews(reader.GetString(0), reader.GetGuid(1), reader.GetInt32(2), reader.GetGuid(3), reader.GetString(4), kind, reader.GetString(6),
                AlertWords.Title(kind, subjectName), AlertWords.Text(kind, evidence), evidence, reader.GetFieldValue<DateTimeOffset>(10), TimeOrNull(reader, 11));
            var schedule = reader.IsDBNull(20) ? AlertSchedule.Always : new AlertSchedule(
                reader.IsDBNull(18) ? null : reader.GetFieldValue<TimeOnly>(18), reader.IsDBNull(19) ? null : reader.GetFieldValue<TimeOnly>(19),
                [.. reader.GetFieldValue<int[]>(20).Select(day => (DayOfWeek)day)], reader.GetBoolean(21));
            // a zone that this machine does not know must not silence a website
            var zone = TimeZoneInfo.TryFindSystemTimeZoneById(reader.GetString(22), out var found) ? found : TimeZoneInfo.Utc;
            waiting.Add(new Waiting(news, reader.GetString(7), EnumText.Parse<AlertSeverity>(reader.GetString(6))!.Value, EnumText.Parse<AlertState>(reader.GetString(12))!.Value,
                TimeOrNull(reader, 13), reader.GetBoolean(14), reader.GetBoolean(15), TimeOrNull(reader, 16), reader.GetInt64(17), schedule, zone));
        }
        return waiting;
    }

    private static async Task MarkAsync(NpgsqlConnection connection, Guid workspaceId, Guid channelId, Waiting waiting, string set, object value, CancellationToken cancel, DateTimeOffset? at = null)
    {
        await using var update = Command(connection,
            $"UPDATE alert_notifications SET {set} WHERE workspace_id = $1 AND channel_id = $2 AND alert_id = $3 AND opening = $4 AND news = $5",
            [workspaceId, channelId, waiting.News.AlertId, waiting.News.Opening, waiting.News.News, value, .. at is { } time ? new object[] { time } : []]);
        await update.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value });
        return command;
    }

    private static DateTimeOffset? TimeOrNull(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);

    [LoggerMessage(1402, LogLevel.Error, "The news for alert channel {ChannelId} could not be put together")]
    private partial void LogFailed(Exception error, Guid channelId);
}
