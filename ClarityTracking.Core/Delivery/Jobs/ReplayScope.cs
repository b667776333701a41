using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>
/// A replay's request as SQL: counted for the plan and done batch by batch by the same conditions. They name the website, as no row level security does.
/// </summary>
internal sealed record ReplayScope(Guid WorkspaceId, Guid WebsiteId, ReplayRequest Request, Guid[] ConnectionIds, DateTimeOffset[] Cutoffs)
{
    /// <summary>Rows of one transaction: long enough to be quick, short enough not to hold the delivery worker or a cancel up.</summary>
    internal const int Batch = 500;

    // A visitor's refusal is nobody's to overrule, so such a skip never fits. The event is looked up for each row: as a plain join the planner, who
    // knows nothing of a week that has just begun, may go through all of the week's events for every row.
    private const string Finished = """
          FROM deliveries d
          JOIN unnest(@connections, @cutoffs) AS c(id, cutoff) ON c.id = d.connection_id
          LEFT JOIN LATERAL (SELECT e.id, e.occurred_at FROM events e WHERE e.workspace_id = @workspace AND e.website_id = @website AND e.id = d.event_id LIMIT 1) e ON true
         WHERE d.workspace_id = @workspace AND d.website_id = @website AND d.status = ANY (@statuses)
           AND d.id > @position AND d.id >= @lowest AND d.id < @highest AND d.finished_at <= @asked
           AND (@ids::uuid[] IS NULL OR d.id = ANY (@ids)) AND (@name::text IS NULL OR d.event_name = @name) AND (@reason::text IS NULL OR d.reason = @reason)
           AND NOT (d.status = 'skipped' AND d.reason = 'consent')
        """;
    private const string IsOld = "e.id IS NULL OR e.occurred_at < c.cutoff";
    private const string IsSent = """
        EXISTS (SELECT FROM deliveries x WHERE x.workspace_id = d.workspace_id AND x.event_id = d.event_id AND x.connection_id = d.connection_id AND x.status = 'delivered')
        """;

    // What is due already needs no help unless it is named; what is on its way needs none at all.
    private const string Waiting = """
          FROM delivery_queue d
         WHERE d.workspace_id = @workspace AND d.website_id = @website AND d.connection_id = ANY (@connections) AND d.attempts > 0
           AND (d.claimed_until IS NULL OR d.claimed_until <= @now)
           AND d.id > @position AND d.id >= @lowest AND d.id < @highest AND (@ids::uuid[] IS NOT NULL OR d.next_attempt_at > @now)
           AND (@ids::uuid[] IS NULL OR d.id = ANY (@ids)) AND (@name::text IS NULL OR d.event_name = @name) AND (@reason::text IS NULL OR d.reason = @reason)
        """;

    private string[] Statuses => Request switch
    {
        { Status: DeliveryStatus.Retrying } => [],
        { Status: { } one } => [one.Word()],
        { Ids: not null } => ["dead", "skipped", "delivered"],
        _ => ["dead"],
    };

    private bool WithWaiting => Request.Status == DeliveryStatus.Retrying || Request is { Status: null, Ids: not null };

    /// <summary>Reads the connections that the request is about; those switched off are none of them, as nothing would send what is queued.</summary>
    public static async Task<ReplayScope> LoadAsync(
        NpgsqlConnection connection, DestinationCatalog catalog, Guid workspaceId, Guid websiteId, ReplayRequest request, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT id, platform FROM connections WHERE workspace_id = $1 AND website_id = $2 AND enabled AND ($3::uuid IS NULL OR id = $3)", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = workspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = websiteId });
        command.Parameters.Add(new NpgsqlParameter { Value = (object?)request.ConnectionId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        var found = new List<(Guid Id, DateTimeOffset Cutoff)>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            if (catalog.Find(reader.GetString(1)) is { } destination)
                found.Add((reader.GetGuid(0), now - destination.Info.MaxAge));
        return new ReplayScope(workspaceId, websiteId, request, [.. found.Select(f => f.Id)], [.. found.Select(f => f.Cutoff)]);
    }

    /// <summary>The plan.</summary>
    public async Task<ReplayPlan> CountAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command($"""
            SELECT count(*), count(*) FILTER (WHERE NOT sent AND old), count(*) FILTER (WHERE sent)
              FROM (SELECT {IsOld} AS old, {IsSent} AS sent {Finished}) AS fitting
            UNION ALL SELECT count(*), 0, 0 {Waiting} AND @waiting
            """, connection, Guid.Empty, now);
        command.CommandTimeout = PlanTimeout.Seconds;
        long matched = 0, tooOld = 0, sent = 0;
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            (matched, tooOld, sent) = (matched + reader.GetInt64(0), tooOld + reader.GetInt64(1), sent + reader.GetInt64(2));
        return new ReplayPlan(matched, tooOld, sent, matched - tooOld - sent);
    }

    /// <summary>
    /// Does one batch: finished deliveries go back into the queue and out of the sums, retrying ones become due. Those named by id are one batch.
    /// </summary>
    public async Task RunAsync(NpgsqlConnection connection, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        if (WithWaiting && await HurryAsync(connection, job, now, cancel) is { } last && Statuses.Length == 0)
        {
            job.Position = last;
            return;
        }
        var page = Statuses.Length == 0 ? [] : await PageAsync(connection, job, now, cancel);
        var sendable = page.Where(row => !row.IsOld && !row.IsSent).ToList();
        var moved = await RequeueAsync(connection, sendable, job.CreatedAt, now, cancel);
        foreach (var row in page)
            if (row.IsSent)
                job.LeaveOut("already_delivered");
            else if (row.IsOld)
                job.LeaveOut(SkipReason.TooOld.Word());
            else if (moved.Contains(row.Id))
                job.Send();
            else
                job.LeaveOut("gone"); // another replay was quicker
        await RollupWriter.TakeBackAsync(connection, WorkspaceId, WebsiteId,
            [.. sendable.Where(row => moved.Contains(row.Id)).Select(row => (row.ConnectionId, row.EventName, row.Status, row.Reason ?? "", row.FinishedAt))], cancel);
        if (page.Count < Batch || Request.Ids is not null)
            job.Finish();
        else
            job.Position = page[^1].Id;
    }

    private sealed record FinishedRow(Guid Id, Guid ConnectionId, string EventName, string Status, string? Reason, DateTimeOffset FinishedAt, bool IsOld, bool IsSent);

    private async Task<List<FinishedRow>> PageAsync(NpgsqlConnection connection, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command($"""
            SELECT d.id, d.connection_id, d.event_name, d.status, d.reason, d.finished_at, {IsOld}, {IsSent} {Finished}
             ORDER BY d.id LIMIT {(Request.Ids is null ? Batch : ReplayRequest.MaxIds)}
            """, connection, job.Position, now, job.CreatedAt);
        var page = new List<FinishedRow>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            page.Add(new FinishedRow(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.IsDBNull(4) ? null : reader.GetString(4),
                reader.GetFieldValue<DateTimeOffset>(5), reader.GetBoolean(6), reader.GetBoolean(7)));
        return page;
    }

    /// <summary>Moves deliveries back into the queue, under their ids. Of two replays at once the second finds the rows gone, so each is queued once.</summary>
    private async Task<HashSet<Guid>> RequeueAsync(NpgsqlConnection connection, List<FinishedRow> rows, DateTimeOffset asked, DateTimeOffset now, CancellationToken cancel)
    {
        var moved = new HashSet<Guid>(rows.Count);
        if (rows.Count == 0)
            return moved;
        // the range of ids lets the planner leave out all other weeks' partitions
        await using var command = new NpgsqlCommand("""
            WITH moved AS (
                DELETE FROM deliveries WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) AND id BETWEEN $4 AND $5 AND status <> 'delivered' AND finished_at <= $6
                RETURNING workspace_id, website_id, id, connection_id, event_id, event_name, created_at)
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at)
            SELECT workspace_id, website_id, id, connection_id, event_id, event_name, created_at, $7 FROM moved RETURNING id
            """, connection);
        foreach (var value in new object[] { WorkspaceId, WebsiteId, rows.ConvertAll(r => r.Id), rows.Min(r => r.Id), rows.Max(r => r.Id), asked, now })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            moved.Add(reader.GetGuid(0));
        return moved;
    }

    /// <summary>Makes retrying deliveries due now.</summary>
    /// <returns>The last one's id; null when there is no further batch of them.</returns>
    private async Task<Guid?> HurryAsync(NpgsqlConnection connection, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command($"""
            UPDATE delivery_queue q SET next_attempt_at = @now
              FROM (SELECT d.workspace_id, d.id {Waiting} ORDER BY d.id LIMIT {(Request.Ids is null ? Batch : ReplayRequest.MaxIds)} FOR UPDATE SKIP LOCKED) due -- a batch that comes back locks its rows in another order
             WHERE q.workspace_id = due.workspace_id AND q.id = due.id
            RETURNING q.id
            """, connection, job.Position, now, job.CreatedAt);
        var (hurried, last) = (0, Guid.Empty);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        for (; await reader.ReadAsync(cancel); hurried++)
        {
            job.Send();
            last = last.CompareTo(reader.GetGuid(0)) < 0 ? reader.GetGuid(0) : last;
        }
        return hurried == Batch && Request.Ids is null ? last : null;
    }

    private NpgsqlCommand Command(string sql, NpgsqlConnection connection, Guid position, DateTimeOffset now, DateTimeOffset? asked = null)
    {
        var command = new NpgsqlCommand(sql, connection);
        void Add(string name, object? value, NpgsqlDbType type) => command.Parameters.Add(new NpgsqlParameter(name, type) { Value = value ?? DBNull.Value });
        Add("workspace", WorkspaceId, NpgsqlDbType.Uuid);
        Add("website", WebsiteId, NpgsqlDbType.Uuid);
        Add("connections", ConnectionIds, NpgsqlDbType.Array | NpgsqlDbType.Uuid);
        Add("cutoffs", Cutoffs, NpgsqlDbType.Array | NpgsqlDbType.TimestampTz);
        Add("statuses", Statuses, NpgsqlDbType.Array | NpgsqlDbType.Text);
        Add("waiting", WithWaiting, NpgsqlDbType.Boolean);
        Add("position", position, NpgsqlDbType.Uuid);
        // ids carry the time of routing
        Add("lowest", Partitions.LowestId(Request.From ?? DateTimeOffset.UnixEpoch), NpgsqlDbType.Uuid);
        Add("highest", Request.To is { } to ? Partitions.LowestId(to) : Guid.AllBitsSet, NpgsqlDbType.Uuid);
        // what this replay sent and the platform refused again is not sent a third time
        Add("asked", (asked ?? now).ToUniversalTime(), NpgsqlDbType.TimestampTz);
        Add("now", now, NpgsqlDbType.TimestampTz);
        Add("ids", Request.Ids?.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Uuid);
        Add("name", Request.EventName, NpgsqlDbType.Text);
        Add("reason", Request.Reason, NpgsqlDbType.Text);
        return command;
    }
}
