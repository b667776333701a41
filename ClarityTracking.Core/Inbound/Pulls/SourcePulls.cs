using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Inbound.Pulls;

/// <summary>Where a pull stands.</summary>
public enum PullStatus
{
    /// <summary>A worker will begin.</summary>
    Queued,
    /// <summary>At it; between steps, and while it waits for the sender too.</summary>
    Running,
    /// <summary>All pages were read.</summary>
    Done,
    /// <summary>Given up; the reason says what to do. What was read stays.</summary>
    Failed,
}

/// <summary>A pull of past bookings and orders.</summary>
/// <param name="Id">Our id.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Reason">Why it waits or failed, in a sentence; null = all is well.</param>
/// <param name="Days">How many days back.</param>
/// <param name="Since">What was made at or after (UTC).</param>
/// <param name="Until">And before (UTC).</param>
/// <param name="Pages">Answers read so far.</param>
/// <param name="Records">What they told.</param>
/// <param name="Changes">Of it: not known before.</param>
/// <param name="Refused">Of it: incomplete, or its event was refused.</param>
/// <param name="NextStepAt">When it goes on (UTC); null when it has ended.</param>
/// <param name="CreatedBy">Who asked for it.</param>
/// <param name="CreatedAt">When (UTC).</param>
/// <param name="FinishedAt">When it ended (UTC).</param>
public sealed record SourcePull(Guid Id, PullStatus Status, string? Reason, int Days, DateTimeOffset Since, DateTimeOffset Until, int Pages, long Records, long Changes,
    long Refused, DateTimeOffset? NextStepAt, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);

/// <summary>Whether a connection's past can be pulled, and its newest pull.</summary>
/// <param name="CanPull">The sender's API lists it and the connection has what it takes to ask.</param>
/// <param name="Reason">Why it cannot, a sentence; null when it can.</param>
/// <param name="Pull">The newest; null = none yet.</param>
public sealed record PullState(bool CanPull, string? Reason, SourcePull? Pull);

/// <summary>Says that pulls were asked for.</summary>
public sealed class PullsQueued : Signal;

/// <summary>Asks for pulls of past bookings and orders and tells how far they are. <see cref="PullWorker"/> does them.</summary>
public sealed class SourcePulls(ClarityDb database, SourceCatalog catalog, ConnectionService connections, PullsQueued queued, TimeProvider clock)
{
    /// <summary>Most days back.</summary>
    public const int MostDays = 365;

    /// <summary>How far the newest pull of a connection is.</summary>
    public async Task<Result<PullState>> GetAsync(Caller caller, Guid websiteId, Guid connectionId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var reason = ReasonNotTo(found.Value);
        return new PullState(reason is null, reason, await NewestAsync(db, found.Value, cancel));
    }

    /// <summary>Begins a pull of what was made in the last days. One at a time for each connection; it may be done again at any time: what is known adds nothing.</summary>
    public async Task<Result<SourcePull>> StartAsync(Caller caller, Guid websiteId, Guid connectionId, int? days, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var connection = found.Value;
        if (ReasonNotTo(connection) is { } reason)
            return new Error(ErrorKind.Invalid, "pull_not_possible", reason, []);
        if (days is not (>= 1 and <= MostDays))
            return Error.Invalid(new FieldError("days", $"days must be 1 to {MostDays}."));
        var now = clock.GetUtcNow();
        var (id, since) = (Guid.CreateVersion7(now), now.AddDays(-days.Value));
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var started = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO source_pulls AS p (workspace_id, website_id, connection_id, id, status, days, since, until, next_step_at, created_by, created_at)
            VALUES ({connection.WorkspaceId}, {websiteId}, {connectionId}, {id}, 'queued', {days.Value}, {since}, {now}, {now}, {caller.Label}, {now})
            ON CONFLICT (workspace_id, connection_id) DO UPDATE SET id = excluded.id, status = excluded.status, reason = NULL, days = excluded.days, since = excluded.since,
                until = excluded.until, cursor = NULL, pages = 0, records = 0, changes = 0, refused = 0, attempts = 0, next_step_at = excluded.next_step_at,
                created_by = excluded.created_by, created_at = excluded.created_at, finished_at = NULL
             WHERE p.status IN ('done', 'failed')
            """, cancel);
        if (started == 0)
            return new Error(ErrorKind.Conflict, "pull_running", "A pull of this connection is not finished yet.", []);
        db.Audit(connection.WorkspaceId, caller, "source.pulled", $"connection {connectionId}", $"{connection.Platform}: {days} days", now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        queued.Raise();
        return (await NewestAsync(db, connection, cancel))!;
    }

    private string? ReasonNotTo(Connection connection) =>
        catalog.Find(connection.Platform) is not { } source ? "This connection is no source."
        : source is not IPullSource pulls ? $"{source.Info.DisplayName} has no list of the past to ask for."
        : !connection.Enabled ? "The connection is switched off. Switch it on first."
        : pulls.PullNeeds(System.Text.Json.JsonElement.Parse(connection.Settings), connections.Opened(connection));

    private static async Task<SourcePull?> NewestAsync(ClarityDbContext db, Connection connection, CancellationToken cancel)
    {
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", status AS "Status", reason AS "Reason", days AS "Days", since AS "Since", until AS "Until", pages AS "Pages", records AS "Records",
                   changes AS "Changes", refused AS "Refused", CASE WHEN status IN ('queued', 'running') THEN next_step_at END AS "NextStepAt",
                   created_by AS "CreatedBy", created_at AS "CreatedAt", finished_at AS "FinishedAt"
              FROM source_pulls WHERE workspace_id = {connection.WorkspaceId} AND connection_id = {connection.Id}
            """).ToListAsync(cancel);
        return rows is [var r] ? new SourcePull(r.Id, EnumText.Parse<PullStatus>(r.Status)!.Value, r.Reason, r.Days, r.Since, r.Until, r.Pages, r.Records, r.Changes, r.Refused,
            r.NextStepAt, r.CreatedBy, r.CreatedAt, r.FinishedAt) : null;
    }

    private sealed record Row(Guid Id, string Status, string? Reason, int Days, DateTimeOffset Since, DateTimeOffset Until, int Pages, long Records, long Changes, long Refused,
        DateTimeOffset? NextStepAt, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);
}
