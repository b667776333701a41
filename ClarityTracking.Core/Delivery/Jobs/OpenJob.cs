using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>A job while a worker holds its row and does one batch of it, in one transaction.</summary>
internal sealed class OpenJob
{
    private readonly Dictionary<string, long> _leftOut;

    private OpenJob(Dictionary<string, long> leftOut) => _leftOut = leftOut;

    public required Guid WorkspaceId { get; init; }

    public required Guid WebsiteId { get; init; }

    public required Guid Id { get; init; }

    public required JobKind Kind { get; init; }

    public required Guid? ConnectionId { get; init; }

    /// <summary>JSON, as <see cref="JobJson"/> writes it.</summary>
    public required string Request { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Everything up to this id is done.</summary>
    public required Guid Position { get; set; }

    public long Handled { get; private set; }

    public long Sent { get; private set; }

    /// <summary>Done or failed after this batch; null = there is more to do.</summary>
    public JobStatus? End { get; private set; }

    private string? Detail { get; set; }

    /// <summary>How long to leave the job alone after this batch.</summary>
    public TimeSpan Pause { get; set; }

    /// <summary>One more was given to the queue.</summary>
    public void Send() => (Handled, Sent) = (Handled + 1, Sent + 1);

    /// <summary>One more was looked at and not sent.</summary>
    public void LeaveOut(string reason)
    {
        Handled++;
        _leftOut[reason] = _leftOut.GetValueOrDefault(reason) + 1;
    }

    public void Finish() => End = JobStatus.Done;

    public void Fail(string detail) => (End, Detail) = (JobStatus.Failed, detail);

    /// <summary>
    /// Takes the open job whose turn it is and that no other worker holds; null when there is none. Its row stays locked until the transaction
    /// ends, also when that is the end of this process.
    /// </summary>
    public static async Task<OpenJob?> TakeAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT workspace_id, website_id, id, kind, connection_id, request, created_at, position, handled, sent, left_out
              FROM delivery_jobs WHERE status IN ('queued', 'running') AND next_batch_at <= $1 ORDER BY next_batch_at LIMIT 1 FOR UPDATE SKIP LOCKED
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = now });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        if (!await reader.ReadAsync(cancel))
            return null;
        return new OpenJob(JsonSerializer.Deserialize<Dictionary<string, long>>(reader.GetString(10))!)
        {
            WorkspaceId = reader.GetGuid(0),
            WebsiteId = reader.GetGuid(1),
            Id = reader.GetGuid(2),
            Kind = Data.EnumText.Parse<JobKind>(reader.GetString(3))!.Value,
            ConnectionId = reader.IsDBNull(4) ? null : reader.GetGuid(4),
            Request = reader.GetString(5),
            CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
            Position = reader.GetGuid(7),
            Handled = reader.GetInt64(8),
            Sent = reader.GetInt64(9),
        };
    }

    /// <summary>Writes how far it is.</summary>
    public async Task SaveAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        await using var update = new NpgsqlCommand("""
            UPDATE delivery_jobs SET status = $3, detail = $4, position = $5, handled = $6, sent = $7, left_out = $8, failures = 0, next_batch_at = $9,
                   started_at = coalesce(started_at, $10), finished_at = $11
             WHERE workspace_id = $1 AND id = $2
            """, connection);
        foreach (var value in new object[] { WorkspaceId, Id, Data.EnumText.Word(End ?? JobStatus.Running) })
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        update.Parameters.Add(new NpgsqlParameter { Value = (object?)Detail ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        foreach (var value in new object[] { Position, Handled, Sent })
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        update.Parameters.Add(new NpgsqlParameter { Value = JsonSerializer.Serialize(_leftOut), NpgsqlDbType = NpgsqlDbType.Jsonb });
        update.Parameters.Add(new NpgsqlParameter { Value = now + Pause });
        update.Parameters.Add(new NpgsqlParameter { Value = now });
        update.Parameters.Add(new NpgsqlParameter { Value = End is null ? DBNull.Value : now, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        await update.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>A batch broke: the job waits, and after the fifth in a row it is given up.</summary>
    public async Task SetBackAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        await using var update = database.CreateCommand("""
            UPDATE delivery_jobs SET failures = failures + 1, next_batch_at = $3::timestamptz + (failures + 1) * interval '5 seconds',
                   status = CASE WHEN failures >= 4 THEN 'failed' ELSE status END, finished_at = CASE WHEN failures >= 4 THEN $3 END,
                   detail = CASE WHEN failures >= 4 THEN 'It broke five times at the same place; the server''s log says how.' END
             WHERE workspace_id = $1 AND id = $2 AND status IN ('queued', 'running')
            """);
        foreach (var value in new object[] { WorkspaceId, Id, now })
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        await update.ExecuteNonQueryAsync(cancel);
    }
}
