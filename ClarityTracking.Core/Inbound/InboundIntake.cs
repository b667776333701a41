using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Inbound;

/// <summary>Where a webhook stands.</summary>
public enum InboundStatus
{
    /// <summary>Stored; it will be processed.</summary>
    Received,
    /// <summary>It has become what it says.</summary>
    Processed,
    /// <summary>It says nothing that matters to us.</summary>
    Ignored,
    /// <summary>It could not be processed; it can be replayed.</summary>
    Failed,
    /// <summary>Its signature did not fit; nothing of it was used.</summary>
    Refused,
}

/// <summary>What taking in a webhook came to.</summary>
/// <param name="Verdict">The check of the signature.</param>
/// <param name="Id">Our id of it; null for a ping.</param>
/// <param name="IsDuplicate">It was there already.</param>
/// <param name="Error">Signed, stored, and yet not readable: why.</param>
/// <param name="Field">The field to blame.</param>
public sealed record InboundReceipt(Verdict Verdict, Guid? Id = null, bool IsDuplicate = false, string? Error = null, string? Field = null);

/// <summary>Takes in webhooks: check the signature over the raw bytes, store, answer. What they mean is worked out afterwards, see <see cref="InboundWorker"/>.</summary>
public sealed class InboundIntake(NpgsqlDataSource database, SourceCatalog catalog, SecretProtector protector, WebhooksReceived received)
{
    internal const string Purpose = "inbound";

    /// <summary>Most bytes of a body.</summary>
    public const int LargestBody = 2 * 1024 * 1024;

    /// <summary>Headers that hold secrets, or say nothing.</summary>
    private static readonly HashSet<string> NotKept = new(["Authorization", "Cookie", "X-Webhook-Token", "Connection", "Host", "Accept", "Accept-Encoding", "Content-Length"],
        StringComparer.OrdinalIgnoreCase);
    private const int MostHeaders = 40, LongestHeader = 1000;

    /// <summary>Takes in one request for a connection.</summary>
    /// <exception cref="NpgsqlException">Nothing was stored; the sender must come again.</exception>
    public async Task<InboundReceipt> TakeInAsync(SourceConnection connection, InboundRequest request, CancellationToken cancel)
    {
        var source = catalog.Find(connection.Platform)!;
        var verdict = source.Verify(request, connection.Settings, SourceFields.SecretsOf(connection.Credentials));
        if (verdict.IsPing)
            return new InboundReceipt(verdict);
        var id = Guid.CreateVersion7(request.ReceivedAt);
        if (!verdict.IsValid)
        {
            // a digest of the body, never the body: whoever sent it has not shown that they may tell us anything
            var refused = new Row(id, $"refused:{Digest(request.Body.Span)}", InboundStatus.Refused, Words(verdict), null, null);
            return new InboundReceipt(verdict, (await StoreAsync(connection, request, verdict, refused, cancel)).Id);
        }
        var reading = SourceReading.Of(source, request, connection.Settings);
        var records = reading.Records;
        // A sender that gives no key of its own tells each time something new; several records at once are known by the body.
        var key = reading.Error is not null || records.Count != 1 ? $"sha256:{Digest(request.Body.Span)}" : records[0].RepetitionKey ?? records[0].DeliveryKey ?? $"once:{id}";
        byte[]? body = protector.Seal(Purpose, connection.WorkspaceId, id, request.Body.Span);
        var (status, reason) = reading.Error is { } error ? (InboundStatus.Failed, error)
            : !connection.Enabled ? (InboundStatus.Ignored, "The connection is switched off.")
            : records.All(r => r.Action == InboundAction.Ignored) ? (InboundStatus.Ignored, $"{records[0].SourceEvent ?? "This notification"} means nothing to ClarityTracking.")
            : (InboundStatus.Received, (string?)null);
        if (status == InboundStatus.Ignored && connection.Owner.PrivacyMode)
            body = null; // nothing will be made of it
        var stored = await StoreAsync(connection, request, verdict, new Row(id, key, status, reason, body, records.Count > 0 ? records[0].SourceEvent : null), cancel);
        if (status == InboundStatus.Received && !stored.IsDuplicate)
            received.Raise();
        return new InboundReceipt(verdict, stored.Id, stored.IsDuplicate, reading.Error, reading.Field);
    }

    /// <summary>Whether a connection's secret signed this.</summary>
    public bool IsSignedFor(SourceConnection connection, InboundRequest request) =>
        catalog.Find(connection.Platform)?.Verify(request, connection.Settings, SourceFields.SecretsOf(connection.Credentials)).IsValid == true;

    private sealed record Row(Guid Id, string Key, InboundStatus Status, string? Reason, byte[]? Body, string? SourceEvent);

    /// <summary>
    /// One row for each key. Said again it is only counted, unless it failed before: then the new body takes its place, since a sender may
    /// have corrected what it could not say the first time.
    /// </summary>
    private async Task<(Guid Id, bool IsDuplicate)> StoreAsync(SourceConnection connection, InboundRequest request, Verdict verdict, Row row, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            WITH again AS (
                UPDATE inbound_webhooks w SET times = w.times + 1, last_received_at = $5
                 WHERE w.workspace_id = $1 AND w.connection_id = $3 AND w.delivery_key = $6 AND w.status <> 'failed'
                RETURNING w.id),
            fresh AS (
                INSERT INTO inbound_webhooks AS w (workspace_id, website_id, connection_id, id, delivery_key, received_at, last_received_at, verdict, status, reason,
                                                   source_event, headers, body_sealed, body_bytes, next_attempt_at)
                SELECT $1, $2, $3, $4, $6, $5, $5, $7, $8, $9, $10, $11, $12, $13, CASE WHEN $8 = 'received' THEN $5 END
                 WHERE NOT EXISTS (SELECT FROM again)
                ON CONFLICT (workspace_id, connection_id, delivery_key) DO UPDATE
                   SET times = w.times + 1, last_received_at = excluded.received_at
                RETURNING w.id, w.id = $4 AS is_new, w.status)
            SELECT id, true, 'again' FROM again UNION ALL SELECT id, NOT is_new, status FROM fresh
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = connection.WorkspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = connection.WebsiteId });
        command.Parameters.Add(new NpgsqlParameter { Value = connection.ConnectionId });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Id });
        command.Parameters.Add(new NpgsqlParameter { Value = request.ReceivedAt });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Key.Length > 500 ? "sha256:" + Digest(System.Text.Encoding.UTF8.GetBytes(row.Key)) : row.Key });
        command.Parameters.Add(new NpgsqlParameter { Value = verdict.Reason });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Status.Word(), NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Reason ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = row.SourceEvent ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Status == InboundStatus.Refused ? "{}" : HeadersOf(request), NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Body ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bytea });
        command.Parameters.Add(new NpgsqlParameter { Value = request.Body.Length });
        Guid id;
        bool isDuplicate, hadFailed;
        await using (var reader = await command.ExecuteReaderAsync(cancel))
        {
            await reader.ReadAsync(cancel);
            (id, isDuplicate, hadFailed) = (reader.GetGuid(0), reader.GetBoolean(1), reader.GetString(2) == "failed");
        }
        return isDuplicate && hadFailed && row.Status != InboundStatus.Failed ? (await TakePlaceAsync(connection, id, request, row, cancel), false) : (id, isDuplicate);
    }

    private async Task<Guid> TakePlaceAsync(SourceConnection connection, Guid id, InboundRequest request, Row row, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            UPDATE inbound_webhooks SET status = $3, reason = $4, body_sealed = $5, body_bytes = $6, attempts = 0, next_attempt_at = CASE WHEN $3 = 'received' THEN $7 END
             WHERE workspace_id = $1 AND id = $2 AND status = 'failed'
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = connection.WorkspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = id });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Status.Word(), NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = row.Reason ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = protector.Seal(Purpose, connection.WorkspaceId, id, request.Body.Span) });
        command.Parameters.Add(new NpgsqlParameter { Value = request.Body.Length });
        command.Parameters.Add(new NpgsqlParameter { Value = request.ReceivedAt });
        await command.ExecuteNonQueryAsync(cancel);
        return id;
    }

    private static string HeadersOf(InboundRequest request) => JsonSerializer.Serialize(
        request.Headers.Where(h => !NotKept.Contains(h.Key) && h.Value.Length <= LongestHeader && !h.Value.Contains('\0')).Take(MostHeaders).ToDictionary(h => h.Key, h => h.Value));

    private static string Words(Verdict verdict) => verdict.Reason switch
    {
        "missing_header" => "It carries no signature.",
        "malformed_header" => "Its signature cannot be read.",
        "timestamp_too_old" or "timestamp_too_new" => "It was signed too long ago or in the future: replayed, or a clock is wrong.",
        "account_mismatch" => "It is of another account than the one in the connection's settings.",
        _ => "Its signature does not fit the secret: the secret is another one, or the body was changed on the way.",
    };

    private static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes)[..16]);
}

/// <summary>Says that webhooks were stored.</summary>
public sealed class WebhooksReceived : Signal;
