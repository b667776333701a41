using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.People;

/// <summary>Merges by hand, and taking back any merge. Both keep all rows, so that each can be turned again.</summary>
public sealed class PersonMerges(ClarityDb tenants, NpgsqlDataSource database, PersonQueries queries, TimeProvider clock)
{
    private const string Manual = "manual";

    /// <summary>Says that two persons are one. The older one stays.</summary>
    public async Task<Result<PersonInfo>> MergeAsync(Caller caller, Guid websiteId, Guid personId, Guid otherId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var (one, other) = (await PersonQueries.GroupAsync(db, website.Value, personId, cancel), await PersonQueries.GroupAsync(db, website.Value, otherId, cancel));
        if (one.Length == 0 || other.Length == 0)
            return Error.NotFound("person");
        if (one[0] == other[0])
            return new Error(ErrorKind.Conflict, "already_one", "These are one person already.", []);
        var (kept, merged) = one[0].CompareTo(other[0]) < 0 ? (one[0], other[0]) : (other[0], one[0]);
        var now = clock.GetUtcNow();
        await using (var connection = await database.OpenConnectionAsync(cancel))
        await using (var transaction = await connection.BeginTransactionAsync(cancel))
        {
            await TouchpointWorker.LockAsync(connection, websiteId, cancel);
            await using var merge = new NpgsqlCommand("""
                WITH moved AS (
                    UPDATE persons SET merged_into = $3 WHERE workspace_id = $1 AND id = $4 AND merged_into IS NULL
                       AND EXISTS (SELECT FROM persons k WHERE k.workspace_id = $1 AND k.id = $3 AND k.merged_into IS NULL) RETURNING id)
                INSERT INTO person_merges (workspace_id, website_id, id, kept_id, merged_id, kind, confidence, merged_at) SELECT $1, $2, $5, $3, id, $6, 1, $7 FROM moved
                """, connection).With(website.Value.WorkspaceId, websiteId, kept, merged, Guid.CreateVersion7(now), Manual, now);
            if (await merge.ExecuteNonQueryAsync(cancel) == 0)
                return new Error(ErrorKind.Conflict, "changed_meanwhile", "One of them was merged meanwhile; look again.", []);
            await transaction.CommitAsync(cancel);
        }
        db.Audit(website.Value.WorkspaceId, caller, "person.merged", $"person {kept}", $"with {merged}", now);
        await db.SaveChangesAsync(cancel);
        return await queries.GetAsync(caller, websiteId, kept, cancel);
    }

    /// <summary>Takes a merge back: both persons are as before, and what showed them to be one is not believed again.</summary>
    /// <returns>The person that is one of its own again.</returns>
    public async Task<Result<PersonInfo>> UndoAsync(Caller caller, Guid websiteId, Guid mergeId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        Guid merged;
        await using (var connection = await database.OpenConnectionAsync(cancel))
        await using (var transaction = await connection.BeginTransactionAsync(cancel))
        {
            await TouchpointWorker.LockAsync(connection, websiteId, cancel);
            await using var find = new NpgsqlCommand("SELECT kept_id, merged_id, undone_at FROM person_merges WHERE workspace_id = $1 AND website_id = $2 AND id = $3", connection)
                .With(website.Value.WorkspaceId, websiteId, mergeId);
            Guid kept;
            await using (var row = await find.ExecuteReaderAsync(cancel))
            {
                if (!await row.ReadAsync(cancel))
                    return Error.NotFound("merge");
                if (!row.IsDBNull(2))
                    return new Error(ErrorKind.Conflict, "already_undone", "This merge was taken back already.", []);
                (kept, merged) = (row.GetGuid(0), row.GetGuid(1));
            }
            await using var undo = new NpgsqlCommand("""
                WITH undone AS (UPDATE person_merges SET undone_at = $4, undone_by = $5::uuid WHERE workspace_id = $1 AND id = $6)
                UPDATE persons SET merged_into = NULL WHERE workspace_id = $1 AND id = $3 AND merged_into = $2
                """, connection).With(website.Value.WorkspaceId, kept, merged, now, caller.UserId, mergeId);
            await undo.ExecuteNonQueryAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        db.Audit(website.Value.WorkspaceId, caller, "person.merge_undone", $"person {merged}", null, now);
        await db.SaveChangesAsync(cancel);
        return await queries.GetAsync(caller, websiteId, merged, cancel);
    }
}
