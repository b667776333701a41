using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Routing;

/// <summary>A filter rule as a caller sees it. What the parts mean: docs/integrations/rules.md.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">As the user calls it; stands in the trace of events it keeps back.</param>
/// <param name="Priority">Smaller ones are asked first; of equal ones the older.</param>
/// <param name="ConnectionId">The one connection it is for; null = all.</param>
/// <param name="Enabled">Off = not asked.</param>
/// <param name="When">Which events it is about.</param>
/// <param name="Then">What it does with them.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="UpdatedAt">UTC.</param>
public sealed record FilterRuleDetails(Guid Id, string Name, int Priority, Guid? ConnectionId, bool Enabled, JsonElement When, JsonElement Then,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A rule as it is written.</summary>
/// <param name="Name">Required.</param>
/// <param name="Priority">Null = after all others when new, else as it is.</param>
/// <param name="ConnectionId">Null = all connections.</param>
/// <param name="Enabled">Null = on when new, else as it is.</param>
/// <param name="When">Required; <c>{}</c> is every event.</param>
/// <param name="Then">Required.</param>
public sealed record FilterRuleValues(string? Name, int? Priority, Guid? ConnectionId, bool? Enabled, JsonElement? When, JsonElement? Then);

/// <summary>The filter rules of a website.</summary>
public sealed class FilterRuleService(ClarityDb database, TimeProvider clock)
{
    private const int LargestPart = 64 * 1024, Step = 10;

    /// <summary>All rules of a website in the order they are asked.</summary>
    public async Task<Result<IReadOnlyList<FilterRuleDetails>>> ListAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? await RowsAsync(db, website.Value, cancel) : website.Error;
    }

    /// <summary>One rule.</summary>
    public async Task<Result<FilterRuleDetails>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? await FindAsync(db, website.Value, id, cancel) : website.Error;
    }

    /// <summary>Makes a rule after its parts were read.</summary>
    public async Task<Result<FilterRuleDetails>> CreateAsync(Caller caller, Guid websiteId, FilterRuleValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var others = await RowsAsync(db, website.Value, cancel);
        var errors = Check(values, await ConnectionsAsync(db, websiteId, cancel), out _);
        if (errors.Count > 0)
            return Error.Invalid(errors);
        if (others.Count >= RuleLimits.MostRules)
            return new Error(ErrorKind.Conflict, "too_many_rules", $"A website has at most {RuleLimits.MostRules} rules. Delete one, or join two.", []);
        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var priority = values.Priority ?? Math.Min(RuleLimits.LargestPriority, others.Select(r => r.Priority).DefaultIfEmpty(0).Max() + Step);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO filter_rules (workspace_id, website_id, id, name, priority, connection_id, enabled, "when", "then", created_at, updated_at)
            VALUES ({website.Value.WorkspaceId}, {websiteId}, {id}, {values.Name!.Trim()}, {priority}, {values.ConnectionId}, {values.Enabled ?? true},
                    {values.When!.Value.GetRawText()}::jsonb, {values.Then!.Value.GetRawText()}::jsonb, {now}, {now})
            """, cancel);
        return await DoneAsync(db, transaction, caller, website.Value, id, "rule.created", values.Name.Trim(), now, cancel);
    }

    /// <summary>Writes a rule anew.</summary>
    public async Task<Result<FilterRuleDetails>> ReplaceAsync(Caller caller, Guid websiteId, Guid id, FilterRuleValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await FindAsync(db, website.Value, id, cancel);
        if (!found.IsOk)
            return found.Error;
        var errors = Check(values, await ConnectionsAsync(db, websiteId, cancel), out _);
        if (errors.Count > 0)
            return Error.Invalid(errors);
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE filter_rules SET name = {values.Name!.Trim()}, priority = {values.Priority ?? found.Value.Priority}, connection_id = {values.ConnectionId},
                   enabled = {values.Enabled ?? found.Value.Enabled}, "when" = {values.When!.Value.GetRawText()}::jsonb,
                   "then" = {values.Then!.Value.GetRawText()}::jsonb, updated_at = {now}
             WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id}
            """, cancel);
        return await DoneAsync(db, transaction, caller, website.Value, id, "rule.changed", values.Name.Trim(), now, cancel);
    }

    /// <summary>Deletes a rule; what it kept back stays skipped until it is sent again by id.</summary>
    public async Task<Result<Done>> DeleteAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await FindAsync(db, website.Value, id, cancel);
        if (!found.IsOk)
            return found.Error;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync(
            $"DELETE FROM filter_rules WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id}", cancel);
        db.Audit(website.Value.WorkspaceId, caller, "rule.deleted", $"rule {id}", found.Value.Name, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return Done.It;
    }

    /// <summary>Puts rules into an order by numbering their priorities anew; rules that are not named come after, in the order they had.</summary>
    public async Task<Result<IReadOnlyList<FilterRuleDetails>>> OrderAsync(Caller caller, Guid websiteId, IReadOnlyList<Guid> ids, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var rows = await RowsAsync(db, website.Value, cancel);
        Guid[] order = [.. ids.Where(id => rows.Exists(r => r.Id == id)).Distinct(), .. rows.Select(r => r.Id).Except(ids)];
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE filter_rules r SET priority = o.place::int * {Step}, updated_at = {now}
              FROM unnest({order}) WITH ORDINALITY AS o(id, place)
             WHERE r.workspace_id = {website.Value.WorkspaceId} AND r.website_id = {websiteId} AND r.id = o.id AND r.priority <> o.place::int * {Step}
            """, cancel);
        db.Audit(website.Value.WorkspaceId, caller, "rules.ordered", $"website {websiteId}", null, now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return await RowsAsync(db, website.Value, cancel);
    }

    /// <summary>What is wrong with a rule as it is written; empty when nothing is, and then it is ready.</summary>
    internal static IReadOnlyList<FieldError> Check(FilterRuleValues values, IReadOnlySet<Guid> connections, out FilterRule? ready)
    {
        ready = null;
        var rules = new FieldRules();
        var name = rules.Name("name", values.Name, required: true);
        if (values.Priority is < 0 or > RuleLimits.LargestPriority)
            rules.Add("priority", $"priority must be 0 to {RuleLimits.LargestPriority}.");
        if (values.ConnectionId is { } only && !connections.Contains(only))
            rules.Add("connectionId", "There is no such connection on this website.");
        var reader = new FilterRuleReader();
        var (when, then) = (Part("when", values.When), Part("then", values.Then));
        var condition = when is { } w ? reader.ReadWhen(w) : null;
        var effect = then is { } t ? reader.ReadThen(t, values.ConnectionId, connections) : default;
        IReadOnlyList<FieldError> errors = [.. rules.Errors, .. reader.Errors];
        if (errors.Count == 0)
            ready = new FilterRule(Guid.Empty, name!, values.ConnectionId, condition!, effect.Action, effect.RouteTo, effect.Changes);
        return errors;

        JsonElement? Part(string field, JsonElement? json)
        {
            if (json is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } given)
                rules.Add(field, $"{field} is missing.");
            else if (given.GetRawText().Length > LargestPart)
                rules.Add(field, $"{field} is larger than 64 KiB.");
            else
                return given;
            return null;
        }
    }

    internal static async Task<IReadOnlySet<Guid>> ConnectionsAsync(ClarityDbContext db, Guid websiteId, CancellationToken cancel) =>
        (await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).Select(c => c.Id).ToListAsync(cancel)).ToHashSet();

    internal static async Task<List<FilterRuleDetails>> RowsAsync(ClarityDbContext db, Website website, CancellationToken cancel) =>
        (await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", name AS "Name", priority AS "Priority", connection_id AS "ConnectionId", enabled AS "Enabled", "when"::text AS "When",
                   "then"::text AS "Then", created_at AS "CreatedAt", updated_at AS "UpdatedAt"
              FROM filter_rules WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} ORDER BY priority, id
            """).ToListAsync(cancel)).ConvertAll(r => new FilterRuleDetails(r.Id, r.Name, r.Priority, r.ConnectionId, r.Enabled, JsonElement.Parse(r.When),
            JsonElement.Parse(r.Then), r.CreatedAt, r.UpdatedAt));

    private static async Task<Result<FilterRuleDetails>> FindAsync(ClarityDbContext db, Website website, Guid id, CancellationToken cancel) =>
        (await RowsAsync(db, website, cancel)).Find(r => r.Id == id) is { } rule ? rule : Error.NotFound("rule");

    private static async Task<Result<FilterRuleDetails>> DoneAsync(ClarityDbContext db, Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction,
        Caller caller, Website website, Guid id, string action, string name, DateTimeOffset now, CancellationToken cancel)
    {
        db.Audit(website.WorkspaceId, caller, action, $"rule {id}", name, now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return await FindAsync(db, website, id, cancel);
    }

    private sealed record Row(Guid Id, string Name, int Priority, Guid? ConnectionId, bool Enabled, string When, string Then, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt);
}
