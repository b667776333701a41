using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>A plan and, where there is something to do, the job that does it.</summary>
/// <param name="Plan">What will happen.</param>
/// <param name="JobId">Null when there is nothing to send.</param>
public sealed record StartedJob(ReplayPlan Plan, Guid? JobId);

/// <summary>Replays and backfills: made, listed, cancelled. <see cref="DeliveryJobWorker"/> does them.</summary>
public sealed class DeliveryJobs(ClarityDb database, JobsQueued queued, TimeProvider clock)
{
    /// <summary>Jobs of a website, newest first.</summary>
    public async Task<Result<Page<DeliveryJob>>> ListAsync(Caller caller, Guid websiteId, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        limit = Page.Clamp(limit);
        var rows = await RowsAsync(db, found.Value, cursor ?? Guid.AllBitsSet, limit + 1, cancel);
        return Page.Of(rows, limit, job => job.Id);
    }

    /// <summary>One job.</summary>
    public async Task<Result<DeliveryJob>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return found.IsOk ? await OneAsync(db, found.Value, id, cancel) : found.Error;
    }

    /// <summary>
    /// Stops a job after the batch that is being done; returns once that is over. What it has queued is sent. Cancelling twice is like once.
    /// </summary>
    /// <returns>The job; an error (<c>job_finished</c>) when it had ended by itself.</returns>
    public async Task<Result<DeliveryJob>> CancelAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!found.IsOk)
            return found.Error;
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var stopped = await db.Database.ExecuteSqlAsync($"""
            UPDATE delivery_jobs SET status = 'cancelled', finished_at = {now}
             WHERE workspace_id = {found.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id} AND status IN ('queued', 'running')
            """, cancel);
        var job = await OneAsync(db, found.Value, id, cancel);
        if (!job.IsOk)
            return job.Error;
        if (stopped == 0 && job.Value.Status != JobStatus.Cancelled)
            return new Error(ErrorKind.Conflict, "job_finished", "The job has ended already; there is nothing to cancel.", []);
        if (stopped == 1)
        {
            db.Audit(found.Value.WorkspaceId, caller, $"{job.Value.Kind.Word()}.cancelled", $"job {id}", $"{job.Value.Sent} were queued until then", now);
            await db.SaveChangesAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return job;
    }

    /// <summary>Makes a job, with its line in the audit log. The caller has been allowed to.</summary>
    /// <returns>Its id; an error (<c>backfill_running</c>) when the connection has an open backfill already.</returns>
    internal async Task<Result<Guid>> QueueAsync<TRequest>(
        ClarityDbContext db, Caller caller, Website website, JobKind kind, Guid? connectionId, TRequest request, ReplayPlan plan, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var json = JsonSerializer.Serialize(request, JobJson.Options);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        try
        {
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO delivery_jobs (workspace_id, website_id, id, kind, connection_id, request, status, matched, too_old, already_delivered, will_send,
                                           next_batch_at, created_by, created_at)
                VALUES ({website.WorkspaceId}, {website.Id}, {id}, {kind.Word()}, {connectionId}, {json}::jsonb, 'queued', {plan.Matched}, {plan.TooOld},
                        {plan.AlreadyDelivered}, {plan.WillSend}, {now}, {caller.Label}, {now})
                """, cancel);
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return new Error(ErrorKind.Conflict, "backfill_running", "The connection is being fed earlier events already. Wait for that, or cancel it first.", []);
        }
        var subject = connectionId is null ? $"website {website.Id}" : $"connection {connectionId}";
        db.Audit(website.WorkspaceId, caller, kind == JobKind.Replay ? "deliveries.replayed" : "connection.backfilled", subject, $"{plan.WillSend} of {plan.Matched}, job {id}", now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        queued.Raise();
        return id;
    }

    private static async Task<Result<DeliveryJob>> OneAsync(ClarityDbContext db, Website website, Guid id, CancellationToken cancel) =>
        (await RowsAsync(db, website, Guid.AllBitsSet, 1, cancel, id)) is [var job] ? job : Error.NotFound("job");

    private static async Task<List<DeliveryJob>> RowsAsync(ClarityDbContext db, Website website, Guid before, int most, CancellationToken cancel, Guid? only = null)
    {
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", kind AS "Kind", status AS "Status", detail AS "Detail", connection_id AS "ConnectionId",
                   (request - 'ids')::text AS "Request", jsonb_array_length(request -> 'ids') AS "Ids",
                   matched AS "Matched", too_old AS "TooOld", already_delivered AS "AlreadyDelivered", will_send AS "WillSend",
                   handled AS "Handled", sent AS "Sent", left_out::text AS "LeftOut", created_by AS "CreatedBy",
                   created_at AS "CreatedAt", started_at AS "StartedAt", finished_at AS "FinishedAt"
              FROM delivery_jobs
             WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND id < {before} AND ({only}::uuid IS NULL OR id = {only})
             ORDER BY id DESC LIMIT {most}
            """).ToListAsync(cancel);
        return rows.ConvertAll(row => new DeliveryJob(row.Id, EnumText.Parse<JobKind>(row.Kind)!.Value, EnumText.Parse<JobStatus>(row.Status)!.Value, row.Detail, row.ConnectionId,
            JsonSerializer.Deserialize<JobRequest>(row.Request, JobJson.Options)! with { Ids = row.Ids },
            new ReplayPlan(row.Matched, row.TooOld, row.AlreadyDelivered, row.WillSend), row.Handled, row.Sent,
            JsonSerializer.Deserialize<Dictionary<string, long>>(row.LeftOut)!, row.CreatedBy, row.CreatedAt, row.StartedAt, row.FinishedAt));
    }

    private sealed record Row(Guid Id, string Kind, string Status, string? Detail, Guid? ConnectionId, string Request, int? Ids, long Matched, long TooOld, long AlreadyDelivered,
        long WillSend, long Handled, long Sent, string LeftOut, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);
}

/// <summary>Says that a job was made.</summary>
public sealed class JobsQueued : Signal;
