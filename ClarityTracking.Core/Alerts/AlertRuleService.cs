using System.Globalization;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Alerts;

/// <summary>A rule of a website, with its defaults.</summary>
/// <param name="Kind">Stable word.</param>
/// <param name="Title">Sentence case.</param>
/// <param name="Sentence">The rule in words; <c>{0}</c> stands where the threshold does.</param>
/// <param name="Severity">Of its alerts.</param>
/// <param name="Unit">Of the threshold.</param>
/// <param name="Least">Smallest threshold.</param>
/// <param name="Most">Largest threshold.</param>
/// <param name="Enabled">Off = not measured, and its alerts are resolved.</param>
/// <param name="Threshold">When it holds.</param>
/// <param name="RaiseAfterMinutes">How long it must hold to be raised.</param>
/// <param name="ResolveAfterMinutes">How long it must be over to be resolved.</param>
/// <param name="Defaults">What holds when nothing is changed.</param>
public sealed record AlertRuleInfo(string Kind, string Title, string Sentence, AlertSeverity Severity, string Unit, decimal Least, decimal Most,
    bool Enabled, decimal Threshold, int RaiseAfterMinutes, int ResolveAfterMinutes, AlertRuleDefaults Defaults);

/// <summary>What holds when nothing is changed; every rule is on by default.</summary>
public sealed record AlertRuleDefaults(decimal Threshold, int RaiseAfterMinutes, int ResolveAfterMinutes);

/// <summary>What can be set of a rule; null = the default.</summary>
public sealed record AlertRuleValues(string? Kind, bool? Enabled, decimal? Threshold, int? RaiseAfterMinutes, int? ResolveAfterMinutes);

/// <summary>When messages may go out; null for the hours = no quiet hours, for the days = every day.</summary>
/// <param name="QuietFrom"><c>HH:mm</c> in the website's time zone.</param>
/// <param name="QuietTo"><c>HH:mm</c>; on the next day when it is the earlier time.</param>
/// <param name="Days">Names of days (<c>monday</c>).</param>
/// <param name="CriticalAlways">Critical alerts are told at any time; true when not given.</param>
public sealed record AlertScheduleValues(string? QuietFrom, string? QuietTo, IReadOnlyList<string>? Days, bool? CriticalAlways);

/// <summary>All rules of a website and when it tells.</summary>
/// <param name="Items">Every kind there is.</param>
/// <param name="Schedule">When messages may go out.</param>
/// <param name="TimeZone">The website's; the schedule's times are in it.</param>
public sealed record AlertRules(IReadOnlyList<AlertRuleInfo> Items, AlertScheduleValues Schedule, string TimeZone);

/// <summary>What to change; rules not named and a schedule not given stay as they are.</summary>
public sealed record AlertRulesValues(IReadOnlyList<AlertRuleValues?>? Items, AlertScheduleValues? Schedule);

/// <summary>The rules of a website. Only changes are stored, so better defaults reach everybody who has not chosen otherwise.</summary>
public sealed class AlertRuleService(ClarityDb database, TimeProvider clock)
{
    private const int LongestMinutes = 10_080;

    /// <summary>All rules.</summary>
    public async Task<Result<AlertRules>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? await ReadAsync(db, website.Value, cancel) : website.Error;
    }

    /// <summary>Changes the rules that are named, and the schedule when it is given.</summary>
    public async Task<Result<AlertRules>> ChangeAsync(Caller caller, Guid websiteId, AlertRulesValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var rules = new FieldRules();
        var changed = new List<(AlertKind Kind, AlertRuleValues Values)>();
        foreach (var (index, item) in (values.Items ?? []).Index())
            if (AlertCatalog.Find(item?.Kind ?? "") is not { } kind)
                rules.Add($"items[{index}].kind", $"items[{index}].kind must be one of {string.Join(", ", AlertCatalog.All.Select(k => k.Key))}.");
            else if (changed.Exists(c => c.Kind == kind))
                rules.Add($"items[{index}].kind", $"items[{index}].kind is named twice.");
            else
            {
                Check(rules, kind, item!);
                changed.Add((kind, item!));
            }
        var schedule = values.Schedule is { } given ? Checked(rules, given) : null;
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);

        var (workspaceId, now) = (website.Value.WorkspaceId, clock.GetUtcNow());
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        foreach (var (kind, v) in changed)
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO alert_rules (workspace_id, website_id, kind, enabled, threshold, raise_after_minutes, resolve_after_minutes)
                VALUES ({workspaceId}, {websiteId}, {kind.Key}, {v.Enabled ?? true}, {v.Threshold}::numeric, {v.RaiseAfterMinutes}::int, {v.ResolveAfterMinutes}::int)
                    ON CONFLICT (workspace_id, website_id, kind) DO UPDATE SET enabled = excluded.enabled, threshold = excluded.threshold,
                       raise_after_minutes = excluded.raise_after_minutes, resolve_after_minutes = excluded.resolve_after_minutes
                """, cancel);
        if (schedule is not null)
        {
            int[] days = [.. schedule.Days.Select(day => (int)day)];
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO alert_schedules (workspace_id, website_id, quiet_from, quiet_to, days, critical_always)
                VALUES ({workspaceId}, {websiteId}, {schedule.QuietFrom}::time, {schedule.QuietTo}::time, {days}, {schedule.CriticalAlways})
                    ON CONFLICT (workspace_id, website_id) DO UPDATE SET quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, days = excluded.days,
                       critical_always = excluded.critical_always
                """, cancel);
        }
        if (changed.Count > 0 || schedule is not null)
        {
            db.Audit(workspaceId, caller, "alert_rules.changed", $"website {websiteId}", string.Join(", ", [.. changed.Select(c => c.Kind.Key), .. schedule is null ? [] : new[] { "schedule" }]), now);
            await db.SaveChangesAsync(cancel);
        }
        var read = await ReadAsync(db, website.Value, cancel);
        await transaction.CommitAsync(cancel);
        return read;
    }

    private static void Check(FieldRules rules, AlertKind kind, AlertRuleValues values)
    {
        if (values.Threshold is { } threshold && (threshold < kind.Range.Least || threshold > kind.Range.Most))
            rules.Add($"{kind.Key}.threshold", string.Create(CultureInfo.InvariantCulture, $"threshold of {kind.Key} must be from {kind.Range.Least} to {kind.Range.Most} {kind.Unit}."));
        if (values.RaiseAfterMinutes is < 0 or > LongestMinutes)
            rules.Add($"{kind.Key}.raiseAfterMinutes", $"raiseAfterMinutes of {kind.Key} must be from 0 to {LongestMinutes}.");
        if (values.ResolveAfterMinutes is < 0 or > LongestMinutes)
            rules.Add($"{kind.Key}.resolveAfterMinutes", $"resolveAfterMinutes of {kind.Key} must be from 0 to {LongestMinutes}.");
    }

    private static AlertSchedule Checked(FieldRules rules, AlertScheduleValues given)
    {
        var (from, to) = (Time("schedule.quietFrom", given.QuietFrom), Time("schedule.quietTo", given.QuietTo));
        if (given.QuietFrom is null != given.QuietTo is null || (from is not null && from == to))
            rules.Add("schedule.quietTo", "schedule.quietTo and schedule.quietFrom must both be given and differ, or neither.");
        var days = AlertSchedule.Always.Days.ToList();
        if (given.Days is { } named)
        {
            days = [.. AlertSchedule.Always.Days.Where(day => named.Contains(day.Word()))];
            if (days.Count == 0 || named.Any(word => EnumText.Parse<DayOfWeek>(word) is null))
                rules.Add("schedule.days", $"schedule.days must name at least one of {string.Join(", ", AlertSchedule.Always.Days.Select(day => day.Word()))}.");
        }
        return new AlertSchedule(from, to, days, given.CriticalAlways ?? true);

        TimeOnly? Time(string field, string? text)
        {
            if (text is null)
                return null;
            if (TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
                return time;
            rules.Add(field, $"{field} is no time of day; write it like 22:00.");
            return null;
        }
    }

    private sealed record RuleRow(string Kind, bool Enabled, decimal? Threshold, int? RaiseAfter, int? ResolveAfter);

    private sealed record ScheduleRow(TimeOnly? QuietFrom, TimeOnly? QuietTo, int[] Days, bool CriticalAlways);

    private static async Task<AlertRules> ReadAsync(ClarityDbContext db, Website website, CancellationToken cancel)
    {
        var rows = (await db.Database.SqlQuery<RuleRow>($"""
            SELECT kind AS "Kind", enabled AS "Enabled", threshold AS "Threshold", raise_after_minutes AS "RaiseAfter", resolve_after_minutes AS "ResolveAfter"
              FROM alert_rules WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id}
            """).ToListAsync(cancel)).ToDictionary(row => row.Kind);
        var schedule = await db.Database.SqlQuery<ScheduleRow>($"""
            SELECT quiet_from AS "QuietFrom", quiet_to AS "QuietTo", days AS "Days", critical_always AS "CriticalAlways"
              FROM alert_schedules WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id}
            """).SingleOrDefaultAsync(cancel) ?? new ScheduleRow(null, null, [.. AlertSchedule.Always.Days.Select(day => (int)day)], true);
        return new AlertRules([.. AlertCatalog.All.Select(kind => Info(kind, rows.GetValueOrDefault(kind.Key)))],
            new AlertScheduleValues(schedule.QuietFrom?.ToString("HH:mm", CultureInfo.InvariantCulture), schedule.QuietTo?.ToString("HH:mm", CultureInfo.InvariantCulture),
                [.. schedule.Days.Select(day => ((DayOfWeek)day).Word())], schedule.CriticalAlways), website.TimeZone);
    }

    private static AlertRuleInfo Info(AlertKind kind, RuleRow? row) => new(kind.Key, kind.Title, kind.Sentence, kind.Severity, kind.Unit, kind.Range.Least, kind.Range.Most,
        row?.Enabled ?? true, row?.Threshold ?? kind.Threshold, row?.RaiseAfter ?? kind.RaiseAfter, row?.ResolveAfter ?? kind.ResolveAfter,
        new AlertRuleDefaults(kind.Threshold, kind.RaiseAfter, kind.ResolveAfter));
}
