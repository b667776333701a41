using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Identify;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>Reads stored events in bulk, for the router and the delivery worker.</summary>
public sealed partial class EventLoader(PersonalDataSealer sealer, ILogger<EventLoader> log)
{
    private static readonly string Sql = $"""
        SELECT e.workspace_id, e.website_id, e.id, e.event_id, e.name, e.source, e.is_test, e.occurred_at, e.received_at, e.visitor_id,
               e.session_id, e.url, e.referrer, e.value, e.currency, e.order_id, e.user_agent, e.bot_reason, e.click_ids, e.cookies, e.utm,
               e.consent, e.match_keys, e.properties, e.personal_sealed
          FROM {EventAddresses.In("events", "e")}
        """;

    /// <summary>Loads events by address. Those that are gone (retention) are missing in the answer.</summary>
    public async Task<Dictionary<Guid, Event>> LoadAsync(NpgsqlConnection connection, IReadOnlyCollection<EventAddress> addresses, CancellationToken cancel)
    {
        var events = new Dictionary<Guid, Event>(addresses.Count);
        if (addresses.Count == 0)
            return events;
        await using var command = new NpgsqlCommand(Sql, connection).WithAddresses(addresses);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var loaded = Read(reader);
            events[loaded.Id] = loaded;
        }
        return events;
    }

    private Event Read(NpgsqlDataReader row)
    {
        var (workspaceId, id) = (row.GetGuid(0), row.GetGuid(2));
        return new Event
        {
            WorkspaceId = workspaceId,
            WebsiteId = row.GetGuid(1),
            Id = id,
            EventId = row.GetString(3),
            Name = row.GetString(4),
            Source = EnumText.Parse<EventSource>(row.GetString(5))!.Value,
            IsTest = row.GetBoolean(6),
            OccurredAt = row.GetFieldValue<DateTimeOffset>(7),
            ReceivedAt = row.GetFieldValue<DateTimeOffset>(8),
            VisitorId = Text(row, 9),
            SessionId = Text(row, 10),
            Url = Text(row, 11),
            Referrer = Text(row, 12),
            Value = row.IsDBNull(13) ? null : row.GetDecimal(13),
            Currency = Text(row, 14),
            OrderId = Text(row, 15),
            UserAgent = Text(row, 16),
            BotReason = Text(row, 17),
            ClickIds = Json<Dictionary<string, ClickId>>(row, 18)!,
            Cookies = Json<Dictionary<string, string>>(row, 19)!,
            Utm = Json<Dictionary<string, string>>(row, 20)!,
            Consent = Json<Consent>(row, 21),
            MatchKeys = Json<Dictionary<string, IReadOnlyList<string>>>(row, 22) is { } keys ? new MatchKeys(keys) : MatchKeys.None,
            Properties = Json<JsonElement>(row, 23),
            Personal = row.IsDBNull(24) ? null : Open(workspaceId, id, row.GetFieldValue<byte[]>(24)),
        };
    }

    /// <summary>Without the master key it was sealed with, an event still goes its way by its hashed keys; it must not stop the queue.</summary>
    private PersonalData? Open(Guid workspaceId, Guid id, byte[] sealedBytes)
    {
        try
        {
            return sealer.Open(workspaceId, id, sealedBytes);
        }
        catch (CryptographicException error)
        {
            LogUnreadable(error, id);
            return null;
        }
    }

    [LoggerMessage(1301, LogLevel.Error, "The personal data of event {EventId} cannot be opened with this master key")]
    private partial void LogUnreadable(Exception error, Guid eventId);

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static T? Json<T>(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? default : JsonSerializer.Deserialize<T>(row.GetFieldValue<byte[]>(column), JsonColumn.Options);
}
