using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Health.Bots;

/// <summary>What a rule says of the events it is about.</summary>
public enum BotSaying
{
    /// <summary>They are held back.</summary>
    Bot,
    /// <summary>They are let through, whatever our own verdict.</summary>
    Human,
}

/// <summary>A rule about bots as a caller sees it.</summary>
/// <param name="Id">Its id; the older rule is asked first.</param>
/// <param name="Name">As the user calls it; stands beside events it holds back.</param>
/// <param name="Verdict">What it says.</param>
/// <param name="When">Which events it is about; conditions as those of filter rules (docs/integrations/rules.md).</param>
/// <param name="Enabled">Off = not asked.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="UpdatedAt">UTC.</param>
public sealed record BotRuleDetails(Guid Id, string Name, BotSaying Verdict, JsonElement When, bool Enabled, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A rule as it is written.</summary>
/// <param name="Name">Required.</param>
/// <param name="Verdict">Required.</param>
/// <param name="When">Required; must ask something.</param>
/// <param name="Enabled">Null = on when new, else as it is.</param>
public sealed record BotRuleValues(string? Name, BotSaying? Verdict, JsonElement? When, bool? Enabled = null);

/// <summary>What a rule would be about among a website's newest events.</summary>
/// <param name="Events">How many events were looked at.</param>
/// <param name="From">The oldest of them was received then (UTC); null = there is none.</param>
/// <param name="Matched">How many the rule is about.</param>
/// <param name="Turned">Of these, how many have the other verdict now.</param>
/// <param name="Samples">The newest of the matched ones.</param>
public sealed record BotRuleTrial(int Events, DateTimeOffset? From, int Matched, int Turned, IReadOnlyList<BotSample> Samples);

/// <summary>An event a rule is about.</summary>
public sealed record BotSample(Guid Id, string Name, DateTimeOffset OccurredAt, string? Url, string? UserAgent, string? BotReason);

/// <summary>Rules about bots. They hold from the next event on, within ten seconds on every node; what is stored stays as it was taken in.</summary>
public sealed class BotRuleService(ClarityDb database, EventLoader events, KeyDirectory keys, TimeProvider clock)
{
    private const int LargestWhen = 64 * 1024, Tried = 1000, MostSamples = 20;

    /// <summary>All rules of a website in the order they are asked.</summary>
    public async Task<Result<IReadOnlyList<BotRuleDetails>>> ListAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? await RowsAsync(db, website.Value, cancel) : website.Error;
    }

    /// <summary>Makes a rule.</summary>
    public async Task<Result<BotRuleDetails>> CreateAsync(Caller caller, Guid websiteId, BotRuleValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var errors = Check(values, out _);
        if (errors.Count > 0)
            return Error.Invalid(errors);
        if ((await RowsAsync(db, website.Value, cancel)).Count >= RuleLimits.MostRules)
            return new Error(ErrorKind.Conflict, "too_many_rules", $"A website has at most {RuleLimits.MostRules} rules about bots. Delete one, or join two.", []);
        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        return await WriteAsync(db, caller, website.Value, id, "bot_rule.created", values.Name!.Trim(), $"""
            INSERT INTO bot_rules (workspace_id, website_id, id, name, verdict, "when", enabled, created_at, updated_at)
            VALUES ({website.Value.WorkspaceId}, {websiteId}, {id}, {values.Name.Trim()}, {values.Verdict!.Value.Word()}, {values.When!.Value.GetRawText()}::jsonb, {values.Enabled ?? true}, {now}, {now})
            """, cancel);
    }

    /// <summary>Writes a rule anew.</summary>
    public async Task<Result<BotRuleDetails>> ReplaceAsync(Caller caller, Guid websiteId, Guid id, BotRuleValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if ((await RowsAsync(db, website.Value, cancel)).Find(r => r.Id == id) is not { } before)
            return Error.NotFound("rule");
        var errors = Check(values, out _);
        if (errors.Count > 0)
            return Error.Invalid(errors);
        return await WriteAsync(db, caller, website.Value, id, "bot_rule.changed", values.Name!.Trim(), $"""
            UPDATE bot_rules SET name = {values.Name.Trim()}, verdict = {values.Verdict!.Value.Word()}, "when" = {values.When!.Value.GetRawText()}::jsonb,
                   enabled = {values.Enabled ?? before.Enabled}, updated_at = {clock.GetUtcNow()}
             WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id}
            """, cancel);
    }

    /// <summary>Deletes a rule; events it held back stay held back until they are released.</summary>
    public async Task<Result<Done>> DeleteAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if ((await RowsAsync(db, website.Value, cancel)).Find(r => r.Id == id) is not { } rule)
            return Error.NotFound("rule");
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"DELETE FROM bot_rules WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id}", cancel);
        db.Audit(website.Value.WorkspaceId, caller, "bot_rule.deleted", $"bot rule {id}", rule.Name, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        keys.Forget();
        return Done.It;
    }

    /// <summary>Tries a rule on the website's newest events. Changes nothing. In privacy mode no address is kept, so a rule about one finds none here.</summary>
    public async Task<Result<BotRuleTrial>> TryAsync(Caller caller, Guid websiteId, BotRuleValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        // a name is for people: what is tried need not have one yet
        var errors = Check(values with { Name = string.IsNullOrWhiteSpace(values.Name) ? "This rule" : values.Name }, out var when);
        if (errors.Count > 0)
            return Error.Invalid(errors);
        var workspaceId = website.Value.WorkspaceId;
        var ids = await db.Events.AsNoTracking().Where(e => e.WorkspaceId == workspaceId && e.WebsiteId == websiteId && e.Source != EventSource.Webhook)
            .OrderByDescending(e => e.Id).Take(Tried).Select(e => e.Id).ToListAsync(cancel);
        await db.Database.OpenConnectionAsync(cancel);
        // the caller's own connection: row level security holds for it
        var loaded = await events.LoadAsync((NpgsqlConnection)db.Database.GetDbConnection(), ids.ConvertAll(id => new EventAddress(workspaceId, websiteId, id)), cancel);
        var newest = ids.Where(loaded.ContainsKey).Select(id => loaded[id]).ToList();
        var matched = newest.FindAll(when!.IsTrueOf);
        return new BotRuleTrial(newest.Count, newest.Count == 0 ? null : newest[^1].ReceivedAt, matched.Count, matched.Count(e => e.BotReason is null == (values.Verdict == BotSaying.Bot)),
            [.. matched.Take(MostSamples).Select(e => new BotSample(e.Id, e.Name, e.OccurredAt, e.Url, e.UserAgent, e.BotReason))]);
    }

    private static IReadOnlyList<FieldError> Check(BotRuleValues values, out Condition? ready)
    {
        ready = null;
        var rules = new FieldRules();
        rules.Name("name", values.Name, required: true);
        if (values.Verdict is null)
            rules.Add("verdict", "verdict must be bot or human.");
        if (values.When is not { ValueKind: JsonValueKind.Object } when || !when.EnumerateObject().Any())
            rules.Add("when", "when must ask something; a rule about every event would hold all of them.");
        else if (when.GetRawText().Length > LargestWhen)
            rules.Add("when", "when is larger than 64 KiB.");
        else
        {
            var reader = new FilterRuleReader();
            ready = reader.ReadWhen(when);
            return [.. rules.Errors, .. reader.Errors];
        }
        return rules.Errors;
    }

    private async Task<Result<BotRuleDetails>> WriteAsync(ClarityDbContext db, Caller caller, Website website, Guid id, string action, string name, FormattableString sql, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync(sql, cancel);
        db.Audit(website.WorkspaceId, caller, action, $"bot rule {id}", name, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        keys.Forget();
        return (await RowsAsync(db, website, cancel)).Find(r => r.Id == id) is { } rule ? rule : Error.NotFound("rule");
    }

    private static async Task<List<BotRuleDetails>> RowsAsync(ClarityDbContext db, Website website, CancellationToken cancel) =>
        (await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", name AS "Name", verdict AS "Verdict", "when"::text AS "When", enabled AS "Enabled", created_at AS "CreatedAt", updated_at AS "UpdatedAt"
              FROM bot_rules WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} ORDER BY id
            """).ToListAsync(cancel)).ConvertAll(r => new BotRuleDetails(r.Id, r.Name, EnumText.Parse<BotSaying>(r.Verdict) ?? BotSaying.Bot, JsonElement.Parse(r.When), r.Enabled, r.CreatedAt, r.UpdatedAt));

    private sealed record Row(Guid Id, string Name, string Verdict, string When, bool Enabled, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
}
