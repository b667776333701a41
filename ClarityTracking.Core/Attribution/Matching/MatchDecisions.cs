using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// People's word on matches: confirmed or rejected, it stays whatever arrives later, until it is undone. Each decision teaches the workspace's calibration.
/// </summary>
public sealed class MatchDecisions(ClarityDb tenants, NpgsqlDataSource database, MatchCalibration calibration, MatchQueries matches, ConversionsQueued queued, TimeProvider clock)
{
    /// <summary>Says that a touchpoint earned the conversion, or (null) that none did.</summary>
    public Task<Result<MatchInfo>> ConfirmAsync(Caller caller, Guid websiteId, Guid conversionId, Guid? touchpointId, CancellationToken cancel) =>
        DecideAsync(caller, websiteId, conversionId, "match.confirmed", touchpointId?.ToString() ?? "none", async (connection, workspaceId, now) =>
        {
            if (touchpointId is { } id && !await ExistsAsync(connection, workspaceId, websiteId, id, conversionId, cancel))
                return Error.Invalid(new FieldError("touchpointId", "touchpointId must be a touchpoint of this website that is not later than the conversion."));
            // all of the confirmed visitor's are the customer's; where there is none, nobody's are. Where another visitor was the answer, what made others the customer was wrong
            return await ChangeAsync(connection, """
                WITH before AS (SELECT touchpoint_id, (evidence ->> 'answer')::uuid AS answer FROM matches WHERE workspace_id = $1 AND website_id = $2 AND conversion_id = $3),
                whose AS (SELECT profile FROM touchpoints WHERE workspace_id = $1 AND website_id = $2 AND id = $4::uuid),
                kept AS (
                    SELECT EXISTS (SELECT FROM before b JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.id = b.touchpoint_id JOIN whose w USING (profile))
                       AND NOT EXISTS (SELECT FROM before b JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.id = b.answer JOIN whose w ON w.profile <> t.profile) AS others),
                decided AS (
                    UPDATE matches SET touchpoint_id = $4::uuid, confidence = 1, decision = 'confirmed', decided_by = $5::uuid, decided_at = $6,
                           reasons = CASE WHEN touchpoint_id IS NOT DISTINCT FROM $4::uuid THEN reasons ELSE jsonb_build_array('decided by a person') END
                     WHERE workspace_id = $1 AND website_id = $2 AND conversion_id = $3 RETURNING conversion_id),
                gone AS (
                    DELETE FROM match_touches x WHERE workspace_id = $1 AND conversion_id IN (SELECT conversion_id FROM decided) AND ($4::uuid IS NULL OR NOT (SELECT others FROM kept))
                       AND NOT EXISTS (SELECT FROM touchpoints t JOIN whose w USING (profile) WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.id = x.touchpoint_id)),
                added AS (
                    INSERT INTO match_touches (workspace_id, website_id, conversion_id, touchpoint_id, occurred_at, confidence)
                    SELECT $1, $2, d.conversion_id, t.id, t.occurred_at, 1 FROM decided d, whose w JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.profile = w.profile
                      JOIN conversions c ON c.workspace_id = $1 AND c.id = $3
                     WHERE t.channel IS NOT NULL AND t.occurred_at <= c.occurred_at AND (t.id = $4::uuid OR t.occurred_at >= c.occurred_at - interval '90 days')
                    ON CONFLICT (workspace_id, conversion_id, touchpoint_id) DO UPDATE SET confidence = 1)
                SELECT count(*) FROM decided
                """, cancel, workspaceId, websiteId, conversionId, touchpointId, caller.UserId, now);
        }, cancel);

    /// <summary>Says that the answer is wrong: nothing is credited until somebody says what is right.</summary>
    public Task<Result<MatchInfo>> RejectAsync(Caller caller, Guid websiteId, Guid conversionId, CancellationToken cancel) =>
        DecideAsync(caller, websiteId, conversionId, "match.rejected", null, (connection, workspaceId, now) => ChangeAsync(connection, """
            WITH decided AS (
                UPDATE matches m SET touchpoint_id = NULL, confidence = 1, decision = 'rejected', decided_by = $4::uuid, decided_at = $5, reasons = jsonb_build_array('rejected by a person')
                 WHERE workspace_id = $1 AND website_id = $2 AND conversion_id = $3 RETURNING conversion_id),
            gone AS (DELETE FROM match_touches WHERE workspace_id = $1 AND conversion_id IN (SELECT conversion_id FROM decided))
            SELECT count(*) FROM decided
            """, cancel, workspaceId, websiteId, conversionId, caller.UserId, now), cancel);

    /// <summary>Takes a decision back: the conversion is matched anew.</summary>
    public Task<Result<MatchInfo>> UndoAsync(Caller caller, Guid websiteId, Guid conversionId, CancellationToken cancel) =>
        DecideAsync(caller, websiteId, conversionId, "match.undone", null, async (connection, workspaceId, now) =>
        {
            var changed = await ChangeAsync(connection, """
                WITH undone AS (
                    UPDATE matches SET decision = 'review', touchpoint_id = (evidence ->> 'answer')::uuid, confidence = 0, decided_by = NULL, decided_at = NULL, reasons = '[]'
                     WHERE workspace_id = $1 AND website_id = $2 AND conversion_id = $3 AND decision IN ('confirmed', 'rejected') RETURNING conversion_id)
                SELECT count(*) FROM undone
                """, cancel, workspaceId, websiteId, conversionId);
            if (changed is null)
                await MatchQueue.AddAsync(connection, workspaceId, websiteId, conversionId, now, cancel);
            return changed;
        }, cancel);

    private async Task<Result<MatchInfo>> DecideAsync(Caller caller, Guid websiteId, Guid conversionId, string action, string? detail,
        Func<NpgsqlConnection, Guid, DateTimeOffset, Task<Error?>> change, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var (workspaceId, now) = (website.Value.WorkspaceId, clock.GetUtcNow());
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using (var transaction = await connection.BeginTransactionAsync(cancel))
        {
            if (await change(connection, workspaceId, now) is { } error)
                return error;
            await calibration.RelearnAsync(connection, workspaceId, cancel);
            await transaction.CommitAsync(cancel);
        }
        calibration.Forget(workspaceId);
        queued.Raise();
        db.Audit(workspaceId, caller, action, $"conversion {conversionId}", detail, now);
        await db.SaveChangesAsync(cancel);
        return await matches.GetAsync(caller, websiteId, conversionId, cancel);
    }

    private static async Task<Error?> ChangeAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object?[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection).With(values);
        return (long)(await command.ExecuteScalarAsync(cancel))! == 0 ? Error.NotFound("match") : null;
    }

    private static async Task<bool> ExistsAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid touchpointId, Guid conversionId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT EXISTS (SELECT FROM touchpoints t JOIN conversions c ON c.workspace_id = $1 AND c.website_id = $2 AND c.id = $4
                            WHERE t.workspace_id = $1 AND t.website_id = $2 AND t.id = $3 AND t.occurred_at <= c.occurred_at AND t.channel IS NOT NULL)
            """, connection).With(workspaceId, websiteId, touchpointId, conversionId);
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }
}
