using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>How a website's duplicates are looked for.</summary>
/// <param name="WindowMinutes">How far apart events of the same visitor or person with the same value are held to be one; 1 to 1440, 10 by default.</param>
public sealed record DuplicateSettings(int? WindowMinutes);

/// <summary>What stopping duplicates like those of a group came to.</summary>
/// <param name="Group">As it is now.</param>
/// <param name="Preview">What the rule does with the newest events.</param>
public sealed record StoppedDuplicates(DuplicateDetails Group, FilterRulePreview? Preview);

/// <summary>What people decide about duplicates.</summary>
public sealed class DuplicateService(ClarityDb database, FilterRuleService rules, FilterRulePreviews previews, TimeProvider clock)
{
    private const int DefaultMinutes = 10, MostMinutes = 1440;

    /// <summary>These are different things. Events that would join the group later are ignored with it.</summary>
    public Task<Result<DuplicateDetails>> IgnoreAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel) =>
        ChangeAsync(caller, websiteId, id, "duplicates.ignored", async (db, website) => await db.Database.ExecuteSqlAsync($"""
            UPDATE duplicate_groups SET ignored_at = {clock.GetUtcNow()}, ignored_by = {caller.Label}
             WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND id = {id} AND ignored_at IS NULL
            """, cancel), cancel);

    /// <summary>They are one after all; of a stopped group, deletes the rule that stops it and its like.</summary>
    public async Task<Result<DuplicateDetails>> RestoreAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using (var db = database.For(caller))
        {
            var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
            if (!website.IsOk)
                return website.Error;
            var found = await DuplicateQueries.FindAsync(db, website.Value, id, cancel);
            if (!found.IsOk)
                return found.Error;
            if (found.Value.Group is { State: not DuplicateState.Ignored, RuleId: { } rule })
            {
                var deleted = await rules.DeleteAsync(caller, websiteId, rule, cancel); // the groups lose it with the rule
                if (!deleted.IsOk)
                    return deleted.Error;
            }
        }
        return await ChangeAsync(caller, websiteId, id, "duplicates.restored", async (db, website) => await db.Database.ExecuteSqlAsync($"""
            UPDATE duplicate_groups SET ignored_at = NULL, ignored_by = NULL
             WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND id = {id}
            """, cancel), cancel);
    }

    /// <summary>
    /// Makes the filter rule that lets only one of such events through, or, dry, tells what it would do. Groups of the same kind are stopped with it, those
    /// that are found later too.
    /// </summary>
    /// <returns>A conflict <c>no_rule_possible</c> with what to change instead, where no rule can tell the events apart.</returns>
    public async Task<Result<StoppedDuplicates>> StopAsync(Caller caller, Guid websiteId, Guid id, bool dryRun, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await DuplicateQueries.FindAsync(db, website.Value, id, cancel);
        if (!found.IsOk)
            return found.Error;
        if (found.Value.Group.State == DuplicateState.Stopped)
            return new StoppedDuplicates(found.Value, null);
        if (found.Value.Fix is not { Rule: { } rule } fix)
            return new Error(ErrorKind.Conflict, "no_rule_possible", found.Value.Fix is { } change ? $"{change.Text} For example: {change.Code}" : "Intake has ended it already; there is nothing to stop.", []);
        var preview = await previews.RunAsync(caller, websiteId, new FilterRuleTrial(rule), cancel);
        if (!preview.IsOk)
            return preview.Error;
        if (dryRun)
            return new StoppedDuplicates(found.Value, preview.Value);
        var made = await RuleAsync(caller, websiteId, rule, cancel);
        if (!made.IsOk)
            return made.Error;
        var family = ConversionNames.FamilyOf(found.Value.Group.Name) ?? found.Value.Group.Name;
        await using (var transaction = await db.Database.BeginTransactionAsync(cancel))
        {
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO duplicate_stops (workspace_id, website_id, rule_id, family, field, value, "when", "then")
                SELECT workspace_id, website_id, id, {family}, {fix.Field!}, {fix.Value!}, "when", "then" FROM filter_rules
                 WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {made.Value.Id}
                    ON CONFLICT (workspace_id, website_id, rule_id) DO UPDATE
                   SET family = excluded.family, field = excluded.field, value = excluded.value, "when" = excluded."when", "then" = excluded."then"
                """, cancel);
            await db.Database.ExecuteSqlRawAsync($$"""
                UPDATE duplicate_groups g SET rule_id = s.rule_id FROM duplicate_stops s
                 WHERE s.workspace_id = {0} AND s.website_id = {1} AND s.rule_id = {2} AND g.workspace_id = s.workspace_id AND g.website_id = s.website_id AND g.family = s.family
                   AND NOT g.ended AND g.ignored_at IS NULL
                   AND NOT EXISTS (SELECT FROM duplicate_stops s JOIN filter_rules r ON {{GroupStore.RuleSql}} WHERE s.workspace_id = g.workspace_id AND s.website_id = g.website_id AND s.rule_id = g.rule_id)
                   AND (SELECT count(*) FILTER (WHERE {{GroupStore.FieldSql}} IS DISTINCT FROM s.value) = 1 AND count(*) > 1
                          FROM duplicate_members m WHERE m.workspace_id = g.workspace_id AND m.website_id = g.website_id AND m.group_id = g.id)
                """, [website.Value.WorkspaceId, websiteId, made.Value.Id], cancel);
            db.Audit(website.Value.WorkspaceId, caller, "duplicates.stopped", $"duplicate {id}", made.Value.Name, clock.GetUtcNow());
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        var now = await DuplicateQueries.FindAsync(db, website.Value, id, cancel);
        return now.IsOk ? new StoppedDuplicates(now.Value, preview.Value) : now.Error;
    }

    /// <summary>How duplicates are looked for.</summary>
    public async Task<Result<DuplicateSettings>> SettingsAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var minutes = await db.Database.SqlQuery<int>($"""
            SELECT window_minutes AS "Value" FROM duplicate_settings WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId}
            """).ToListAsync(cancel);
        return new DuplicateSettings(minutes is [var own] ? own : DefaultMinutes);
    }

    /// <summary>Sets how duplicates are looked for, from the next event on.</summary>
    public async Task<Result<DuplicateSettings>> SetAsync(Caller caller, Guid websiteId, DuplicateSettings settings, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if (settings.WindowMinutes is not (>= 1 and <= MostMinutes))
            return Error.Invalid(new FieldError("windowMinutes", $"windowMinutes must be 1 to {MostMinutes}."));
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO duplicate_settings (workspace_id, website_id, window_minutes, updated_at) VALUES ({website.Value.WorkspaceId}, {websiteId}, {settings.WindowMinutes}, {now})
                ON CONFLICT (workspace_id, website_id) DO UPDATE SET window_minutes = excluded.window_minutes, updated_at = excluded.updated_at
            """, cancel);
        db.Audit(website.Value.WorkspaceId, caller, "duplicates.settings_changed", $"website {websiteId}", $"{settings.WindowMinutes} minutes", now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return settings;
    }

    /// <summary>The rule, or one that is there and does the same.</summary>
    private async Task<Result<FilterRuleDetails>> RuleAsync(Caller caller, Guid websiteId, FilterRuleValues rule, CancellationToken cancel)
    {
        var all = await rules.ListAsync(caller, websiteId, cancel);
        if (!all.IsOk)
            return all.Error;
        var same = all.Value.FirstOrDefault(r => r is { Enabled: true, ConnectionId: null } && JsonElement.DeepEquals(r.When, rule.When!.Value) && JsonElement.DeepEquals(r.Then, rule.Then!.Value));
        return same is not null ? same : await rules.CreateAsync(caller, websiteId, rule, cancel);
    }

    private async Task<Result<DuplicateDetails>> ChangeAsync(Caller caller, Guid websiteId, Guid id, string action, Func<ClarityDbContext, Website, Task<int>> change, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await DuplicateQueries.FindAsync(db, website.Value, id, cancel);
        if (!found.IsOk)
            return found.Error;
        if (found.Value.Group.State == DuplicateState.Ended)
            return new Error(ErrorKind.Conflict, "already_ended", "Intake has ended it already: nothing is counted twice.", []);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await change(db, website.Value) > 0)
        {
            db.Audit(website.Value.WorkspaceId, caller, action, $"duplicate {id}", found.Value.Group.Name, clock.GetUtcNow());
            await db.SaveChangesAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return await DuplicateQueries.FindAsync(db, website.Value, id, cancel);
    }
}
