using ClarityTracking.Core.Data;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Delivery;

/// <summary>A change of a connection's state.</summary>
/// <param name="At">UTC.</param>
/// <param name="State">healthy, degraded or paused.</param>
/// <param name="Reason">In the platform's words; null when healthy.</param>
/// <param name="Drain">Where a pause ended: what became of the deliveries that had waited.</param>
public sealed record ConnectionStateChange(DateTimeOffset At, Connections.ConnectionState State, string? Reason, ConnectionDrain? Drain);

/// <summary>What became of the deliveries that had waited for a paused connection.</summary>
/// <param name="Waiting">How many waited when it was resumed.</param>
/// <param name="StillWaiting">Of these: have not been tried since, or are being sent.</param>
/// <param name="IsDrained">None of them is due any more, so the following numbers are final; before they are 0.</param>
/// <param name="Sent">The platform took them.</param>
/// <param name="TooOld">Had grown older than the platform takes.</param>
/// <param name="Dead">The platform refused them.</param>
/// <param name="Skipped">Are not sent any more, because the settings changed.</param>
/// <param name="Retrying">The platform failed on them; they are tried again by themselves.</param>
public sealed record ConnectionDrain(long Waiting, long StillWaiting, bool IsDrained, long Sent, long TooOld, long Dead, long Skipped, long Retrying)
{
    /// <summary>The newest changes first, at most <paramref name="most"/>.</summary>
    internal static async Task<IReadOnlyList<ConnectionStateChange>> HistoryAsync(ClarityDbContext db, Connections.Connection connection, int most, DateTimeOffset now, CancellationToken cancel)
    {
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT s.at AS "At", s.state AS "State", s.reason AS "Reason", s.waiting AS "Waiting", s.drained_at IS NOT NULL AS "IsDrained",
                   coalesce(s.sent, 0) AS "Sent", coalesce(s.too_old, 0) AS "TooOld", coalesce(s.dead, 0) AS "Dead", coalesce(s.skipped, 0) AS "Skipped",
                   coalesce(s.retrying, 0) AS "Retrying",
                   CASE WHEN s.waiting IS NULL OR s.drained_at IS NOT NULL THEN 0
                        ELSE (SELECT count(*) FROM delivery_queue q WHERE q.workspace_id = s.workspace_id AND q.connection_id = s.connection_id
                                 AND q.created_at <= s.at AND q.next_attempt_at <= {now}) END AS "StillWaiting"
              FROM connection_states s WHERE s.workspace_id = {connection.WorkspaceId} AND s.connection_id = {connection.Id} ORDER BY s.number DESC LIMIT {most}
            """).ToListAsync(cancel);
        return rows.ConvertAll(r => new ConnectionStateChange(r.At, EnumText.Parse<Connections.ConnectionState>(r.State)!.Value, r.Reason,
            r.Waiting is { } waiting ? new ConnectionDrain(waiting, r.StillWaiting, r.IsDrained, r.Sent, r.TooOld, r.Dead, r.Skipped, r.Retrying) : null));
    }

    private sealed record Row(DateTimeOffset At, string State, string? Reason, long? Waiting, bool IsDrained, long Sent, long TooOld, long Dead, long Skipped, long Retrying, long StillWaiting);

    /// <summary>
    /// Writes down what became of those that waited, once for each pause: when none of them is due or on its way, or when the connection is paused
    /// again. Those the platform fails on while it takes others are not waited for.
    /// </summary>
    internal static async Task SettleAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        var drained = new List<(long Number, Guid Workspace, Guid Website, Guid Connection, DateTimeOffset At, DateTimeOffset Until, DateTimeOffset? Since)>();
        await using (var find = database.CreateCommand("""
            SELECT s.number, s.workspace_id, s.website_id, s.connection_id, s.at, coalesce(again.at, $1), s.waiting_since
              FROM connection_states s
              JOIN connections c ON c.workspace_id = s.workspace_id AND c.id = s.connection_id
              LEFT JOIN LATERAL (SELECT n.at FROM connection_states n WHERE n.workspace_id = s.workspace_id AND n.connection_id = s.connection_id
                                    AND n.number > s.number AND n.state = 'paused' ORDER BY n.number LIMIT 1) again ON true
             WHERE s.waiting IS NOT NULL AND s.drained_at IS NULL
               AND (again.at IS NOT NULL OR c.state = 'healthy' AND NOT EXISTS (
                   SELECT FROM delivery_queue q WHERE q.workspace_id = s.workspace_id AND q.connection_id = s.connection_id AND q.created_at <= s.at AND q.next_attempt_at <= $1))
            """))
        {
            find.Parameters.Add(new NpgsqlParameter { Value = now });
            await using var reader = await find.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
                drained.Add((reader.GetInt64(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetGuid(3), reader.GetFieldValue<DateTimeOffset>(4),
                    reader.GetFieldValue<DateTimeOffset>(5), reader.IsDBNull(6) ? null : reader.GetFieldValue<DateTimeOffset>(6)));
        }
        foreach (var d in drained)
        {
            // ids carry when a delivery was made: the range leaves out all other weeks' partitions
            await using var settle = database.CreateCommand("""
                UPDATE connection_states s SET drained_at = $5, sent = n.sent, too_old = n.too_old, dead = n.dead, skipped = n.skipped,
                       retrying = (SELECT count(*) FROM delivery_queue q WHERE q.workspace_id = $1 AND q.connection_id = $3 AND q.created_at <= $4)
                  FROM (SELECT count(*) FILTER (WHERE status = 'delivered') AS sent,
                               count(*) FILTER (WHERE status = 'dead' AND reason = 'too_old') AS too_old,
                               count(*) FILTER (WHERE status = 'dead' AND reason <> 'too_old') AS dead,
                               count(*) FILTER (WHERE status = 'skipped') AS skipped
                          FROM deliveries WHERE workspace_id = $1 AND website_id = $2 AND connection_id = $3 AND id >= $7 AND id < $8
                           AND created_at <= $4 AND finished_at >= $4 AND finished_at <= $5) n
                 WHERE s.workspace_id = $1 AND s.connection_id = $3 AND s.number = $6 AND s.drained_at IS NULL
                """);
            foreach (var value in new object[] { d.Workspace, d.Website, d.Connection, d.At, d.Until, d.Number,
                Partitions.LowestId(d.Since ?? d.At), Partitions.LowestId(d.At.AddMilliseconds(1)) })
                settle.Parameters.Add(new NpgsqlParameter { Value = value });
            await settle.ExecuteNonQueryAsync(cancel);
        }
    }
}
