using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Delivery;

/// <summary>The router's decision about one event and one connection.</summary>
internal sealed record NewDelivery(Event Event, Guid ConnectionId, Guid Id, Skip? Skip, DateTimeOffset Now)
{
    /// <summary>Puts deliveries to make into the queue, due at once.</summary>
    public static async Task QueueAsync(NpgsqlConnection connection, List<NewDelivery> deliveries, CancellationToken cancel)
    {
        if (deliveries.Count == 0)
            return;
        await using var copy = await connection.BeginBinaryImportAsync("""
            COPY delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at) FROM STDIN (FORMAT binary)
            """, cancel);
        foreach (var delivery in deliveries)
        {
            await copy.StartRowAsync(cancel);
            WriteKeys(copy, delivery);
            copy.Write(delivery.Now.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(delivery.Now.UtcDateTime, NpgsqlDbType.TimestampTz);
        }
        await copy.CompleteAsync(cancel);
    }

    /// <summary>Appends skips to the finished deliveries.</summary>
    public static async Task RecordSkipsAsync(NpgsqlConnection connection, List<NewDelivery> skips, CancellationToken cancel)
    {
        if (skips.Count == 0)
            return;
        await using var copy = await connection.BeginBinaryImportAsync("""
            COPY deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, detail, attempts, created_at, finished_at) FROM STDIN (FORMAT binary)
            """, cancel);
        foreach (var delivery in skips)
        {
            await copy.StartRowAsync(cancel);
            WriteKeys(copy, delivery);
            copy.Write(DeliveryStatus.Skipped.Word(), NpgsqlDbType.Text);
            copy.Write(delivery.Skip!.Reason.Word(), NpgsqlDbType.Text);
            copy.Write(delivery.Skip.Detail, NpgsqlDbType.Text);
            copy.Write(0, NpgsqlDbType.Integer);
            copy.Write(delivery.Now.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(delivery.Now.UtcDateTime, NpgsqlDbType.TimestampTz);
        }
        await copy.CompleteAsync(cancel);
    }

    private static void WriteKeys(NpgsqlBinaryImporter copy, NewDelivery delivery)
    {
        copy.Write(delivery.Event.WorkspaceId, NpgsqlDbType.Uuid);
        copy.Write(delivery.Event.WebsiteId, NpgsqlDbType.Uuid);
        copy.Write(delivery.Id, NpgsqlDbType.Uuid);
        copy.Write(delivery.ConnectionId, NpgsqlDbType.Uuid);
        copy.Write(delivery.Event.Id, NpgsqlDbType.Uuid);
        copy.Write(delivery.Event.Name, NpgsqlDbType.Text);
    }
}

/// <summary>Says that deliveries were queued.</summary>
public sealed class DeliveriesQueued : Signal;
