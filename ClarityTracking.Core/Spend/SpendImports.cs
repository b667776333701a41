using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Spend;

/// <summary>An import of spend.</summary>
/// <param name="Id">Its id.</param>
/// <param name="ConnectionId">The connection; null = a file.</param>
/// <param name="Connection">Its name; null = a file.</param>
/// <param name="Platform">Of the connection; null = a file.</param>
/// <param name="Kind"><c>daily</c>, <c>backfill</c> or <c>csv</c>.</param>
/// <param name="Status"><c>queued</c>, <c>running</c>, <c>done</c> or <c>failed</c>.</param>
/// <param name="FromDay">First day.</param>
/// <param name="ToDay">Last day.</param>
/// <param name="DaysDone">Days imported so far.</param>
/// <param name="Days">Days asked for.</param>
/// <param name="Rows">Rows stored.</param>
/// <param name="Failure">A word of the failure's kind (<c>credential</c>, <c>rate_limited</c> …); also while it waits to try again.</param>
/// <param name="Reason">In the platform's words, and what to do.</param>
/// <param name="NextAt">When it goes on (UTC); null = it is over.</param>
/// <param name="CreatedBy">Who asked for it.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="FinishedAt">UTC; null = not over.</param>
public sealed record SpendImport(Guid Id, Guid? ConnectionId, string? Connection, string? Platform, string Kind, string Status, DateOnly FromDay, DateOnly ToDay, int DaysDone, int Days, long Rows,
    string? Failure, string? Reason, DateTimeOffset? NextAt, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);

/// <summary>A connection that can tell spend.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="Enabled">Disabled ones are not asked.</param>
/// <param name="Account">Whose spend is imported; null = not set, see <paramref name="Missing"/>.</param>
/// <param name="Missing">What to do before it can be imported; null = nothing.</param>
/// <param name="LastSuccessAt">The last import that came to its end (UTC).</param>
/// <param name="Latest">The newest import; null = none yet.</param>
public sealed record SpendOrigin(Guid ConnectionId, string Name, string Platform, bool Enabled, string? Account, string? Missing, DateTimeOffset? LastSuccessAt, SpendImport? Latest);

/// <summary>Asks for imports and tells how they go.</summary>
public sealed class SpendImports(ClarityDb database, IEnumerable<ISpendReader> readers, TimeProvider clock)
{
    /// <summary>Most days of one back-fill.</summary>
    public const int MostDays = 365;

    private readonly Dictionary<string, ISpendReader> _readers = readers.ToDictionary(r => r.Platform, StringComparer.Ordinal);

    /// <summary>Platforms whose spend can be imported.</summary>
    public IReadOnlyCollection<string> Platforms => _readers.Keys;

    /// <summary>Imports of a website, newest first.</summary>
    public async Task<Result<Page<SpendImport>>> ListAsync(Caller caller, Guid websiteId, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        limit = Page.Clamp(limit);
        return Page.Of(await ReadAsync(db, website.Value, cursor, null, limit + 1, cancel), limit, i => i.Id);
    }

    /// <summary>Connections that can tell spend, and how their imports stand.</summary>
    public async Task<Result<IReadOnlyList<SpendOrigin>>> OriginsAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var platforms = _readers.Keys.ToArray();
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId && platforms.Contains(c.Platform)).OrderBy(c => c.Id).ToListAsync(cancel);
        var origins = new List<SpendOrigin>();
        foreach (var connection in connections)
        {
            var reader = _readers[connection.Platform];
            var account = reader.AccountOf(JsonElement.Parse(connection.Settings));
            var latest = await ReadAsync(db, website.Value, null, connection.Id, 1, cancel);
            var success = await db.Database.SqlQuery<DateTimeOffset?>($"""
                SELECT max(finished_at) AS "Value" FROM spend_imports WHERE workspace_id = {website.Value.WorkspaceId} AND connection_id = {connection.Id} AND status = 'done'
                """).SingleAsync(cancel);
            origins.Add(new SpendOrigin(connection.Id, connection.Name, connection.Platform, connection.Enabled, account, account is null ? reader.HowToSetAccount : null, success, latest.FirstOrDefault()));
        }
        return origins;
    }

    /// <summary>Asks for the last days of a connection's account once more, yesterday (UTC) included.</summary>
    public async Task<Result<SpendImport>> BackfillAsync(Caller caller, Guid websiteId, Guid connectionId, int days, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await Connections.ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Analyst, cancel);
        if (!found.IsOk)
            return found.Error;
        if (_readers.GetValueOrDefault(found.Value.Platform) is not { } reader)
            return new Error(ErrorKind.Invalid, "no_spend", "Spend is imported from Meta, Google Ads, TikTok and Pinterest; upload a file for others.", []);
        if (reader.AccountOf(JsonElement.Parse(found.Value.Settings)) is null)
            return new Error(ErrorKind.Invalid, "no_ad_account", reader.HowToSetAccount, []);
        var most = Math.Min(MostDays, reader.MostDaysBack);
        if (days < 1 || days > most)
            return Error.Invalid(new FieldError("days", $"days must be from 1 to {most}."));
        var now = clock.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var (workspaceId, from) = (found.Value.WorkspaceId, today.AddDays(-days));
        var id = Guid.CreateVersion7(now);
        var made = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO spend_imports (workspace_id, website_id, id, connection_id, kind, due_day, from_day, to_day, next_day, status, not_before, created_by, created_at)
            VALUES ({workspaceId}, {websiteId}, {id}, {connectionId}, 'backfill', {today}, {from}, {today.AddDays(-1)}, {from}, 'queued', {now}, {caller.Label}, {now})
            ON CONFLICT DO NOTHING
            """, cancel);
        if (made == 0)
            return new Error(ErrorKind.Conflict, "import_running", "Days of this connection are being imported already; wait until that has ended.", []);
        db.Audit(workspaceId, caller, "spend.backfill", $"connection {connectionId}", $"{days} days", now);
        await db.SaveChangesAsync(cancel);
        return (await ReadAsync(db, (workspaceId, websiteId), null, connectionId, 1, cancel))[0];
    }

    private static Task<List<SpendImport>> ReadAsync(ClarityDbContext db, Website website, Guid? cursor, Guid? connectionId, int limit, CancellationToken cancel) =>
        ReadAsync(db, (website.WorkspaceId, website.Id), cursor, connectionId, limit, cancel);

    private static Task<List<SpendImport>> ReadAsync(ClarityDbContext db, (Guid Workspace, Guid Website) of, Guid? cursor, Guid? connectionId, int limit, CancellationToken cancel) =>
        db.Database.SqlQuery<SpendImport>($"""
            SELECT i.id AS "Id", i.connection_id AS "ConnectionId", c.name AS "Connection", c.platform AS "Platform", i.kind AS "Kind", i.status AS "Status", i.from_day AS "FromDay",
                   i.to_day AS "ToDay", i.next_day - i.from_day AS "DaysDone", i.to_day - i.from_day + 1 AS "Days", i.row_count AS "Rows", i.failure AS "Failure", i.reason AS "Reason",
                   CASE WHEN i.status = 'queued' THEN i.not_before END AS "NextAt", i.created_by AS "CreatedBy", i.created_at AS "CreatedAt", i.finished_at AS "FinishedAt"
              FROM spend_imports i LEFT JOIN connections c ON c.workspace_id = i.workspace_id AND c.id = i.connection_id
             WHERE i.workspace_id = {of.Workspace} AND i.website_id = {of.Website} AND ({cursor}::uuid IS NULL OR i.id < {cursor}) AND ({connectionId}::uuid IS NULL OR i.connection_id = {connectionId})
             ORDER BY i.id DESC LIMIT {limit}
            """).ToListAsync(cancel);
}
