using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Routing;

/// <summary>What to try on recent events.</summary>
/// <param name="Rule">A rule being written; null = the rules as they are saved.</param>
/// <param name="RuleId">The saved rule that it takes the place of; null = it is new.</param>
/// <param name="Limit">How many of the newest events, 1 to <see cref="RuleLimits.MostPreviewed"/>; null = as many as can be.</param>
public sealed record FilterRuleTrial(FilterRuleValues? Rule = null, Guid? RuleId = null, int? Limit = null);

/// <summary>What rules would do with a website's newest events. Bots and refused events are not among them: no rule is ever asked about those.</summary>
/// <param name="Events">How many events were looked at.</param>
/// <param name="From">The oldest of them was received then (UTC); null = there is none.</param>
/// <param name="Matched">How many of them the rule being written is about; without one, how many any rule is about.</param>
/// <param name="Connections">What would become of them, by connection; each one's first three numbers add up to <paramref name="Events"/>.</param>
/// <param name="Samples">The newest of the matched ones.</param>
/// <param name="EventNames">Names that occur, the most frequent first.</param>
/// <param name="Fields">Own properties that occur, as conditions write them.</param>
public sealed record FilterRulePreview(int Events, DateTimeOffset? From, int Matched, IReadOnlyList<ConnectionEffect> Connections,
    IReadOnlyList<SampleEvent> Samples, IReadOnlyList<string> EventNames, IReadOnlyList<string> Fields);

/// <summary>What would become of the events at one connection.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Name">As the user calls it.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="Enabled">Off = it gets nothing, whatever rules say; the numbers are what it would get.</param>
/// <param name="Included">Would be sent.</param>
/// <param name="Excluded">Kept back by a rule.</param>
/// <param name="Skipped">Not sent for another reason (consent, not mapped, too old …).</param>
/// <param name="Changed">Of those sent: with another field than the event has.</param>
public sealed record ConnectionEffect(Guid ConnectionId, string Name, string Platform, bool Enabled, int Included, int Excluded, int Skipped, int Changed);

/// <summary>An event that rules are about.</summary>
/// <param name="Id">Our id.</param>
/// <param name="EventId">The sender's.</param>
/// <param name="Name">Its name, as stored.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="Url">Address of the page, as stored.</param>
/// <param name="Outcomes">At each connection.</param>
public sealed record SampleEvent(Guid Id, string EventId, string Name, DateTimeOffset OccurredAt, string? Url, IReadOnlyList<SampleOutcome> Outcomes);

/// <summary>What would become of an event at one connection.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Skip">Why it would not be sent; null = it would.</param>
/// <param name="Changes">Fields that differ from the stored event; empty when it is not sent.</param>
public sealed record SampleOutcome(Guid ConnectionId, Skip? Skip, IReadOnlyList<FieldDifference> Changes);

/// <summary>A field that a rule changes.</summary>
/// <param name="Field">As rules write it.</param>
/// <param name="Before">As stored; null = the event has none.</param>
/// <param name="After">As it would be sent; null = without.</param>
public sealed record FieldDifference(string Field, string? Before, string? After);

/// <summary>Tries filter rules on events that really happened. Sends and changes nothing.</summary>
public sealed class FilterRulePreviews(ClarityDb database, EventLoader events, FilterRules rules, DestinationCatalog catalog, TimeProvider clock)
{
    private const int MostSamples = 50, MostFields = 200, LongestShown = 300;

    /// <summary>Tries a rule, or the saved ones.</summary>
    /// <param name="caller">At least an admin, as rules are theirs to write.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="trial">What to try.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Errors of the rule by place, as on saving it.</returns>
    public async Task<Result<FilterRulePreview>> RunAsync(Caller caller, Guid websiteId, FilterRuleTrial trial, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if (trial.Limit is < 1 or > RuleLimits.MostPreviewed)
            return Error.Invalid(new FieldError("limit", $"limit must be 1 to {RuleLimits.MostPreviewed}."));
        var saved = await FilterRuleService.RowsAsync(db, website.Value, cancel);
        if (trial.RuleId is { } replaced && !saved.Exists(r => r.Id == replaced))
            return Error.NotFound("rule");
        var connections = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).OrderBy(c => c.Name).ThenBy(c => c.Id).ToListAsync(cancel);
        FilterRule? draft = null;
        if (trial.Rule is { } written)
        {
            // a name is for people: what is tried need not have one yet
            var errors = FilterRuleService.Check(written with { Name = string.IsNullOrWhiteSpace(written.Name) ? "This rule" : written.Name },
                connections.Select(c => c.Id).ToHashSet(), out draft);
            if (errors.Count > 0)
                return Error.Invalid(errors);
        }
        var set = new FilterRuleSet(InOrder(saved, trial, draft));
        var newest = await NewestAsync(db, website.Value, trial.Limit ?? RuleLimits.MostPreviewed, cancel);
        return Tell(newest, set, draft, [.. connections.Select(c => (c, catalog.Find(c.Platform))).Where(c => c.Item2 is not null)
            .Select(c => new Target(c.c, c.Item2!, JsonElement.Parse(c.c.Settings)))]);
    }

    /// <summary>The rules as they would be asked with the draft among them, as if it were on.</summary>
    private List<FilterRule> InOrder(List<FilterRuleDetails> saved, FilterRuleTrial trial, FilterRule? draft)
    {
        var old = saved.Find(r => r.Id == trial.RuleId);
        var all = saved.Where(r => r.Enabled && (draft is null || r.Id != trial.RuleId))
            .Select(r => (r.Priority, r.Id, Rule: rules.Ready(r.Id, r.Name, r.ConnectionId, r.When.GetRawText(), r.Then.GetRawText()))).ToList();
        if (draft is not null)
            all.Add((trial.Rule!.Priority ?? old?.Priority ?? int.MaxValue, old?.Id ?? Guid.AllBitsSet, draft));
        return [.. all.OrderBy(r => r.Priority).ThenBy(r => r.Id).Select(r => r.Rule)];
    }

    private async Task<List<Event>> NewestAsync(ClarityDbContext db, Website website, int limit, CancellationToken cancel)
    {
        var ids = await db.Events.AsNoTracking().Where(e => e.WorkspaceId == website.WorkspaceId && e.WebsiteId == website.Id && e.BotReason == null)
            .OrderByDescending(e => e.Id).Take(limit).Select(e => e.Id).ToListAsync(cancel);
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            // the caller's own connection: row level security holds for it
            var loaded = await events.LoadAsync((NpgsqlConnection)db.Database.GetDbConnection(), ids.ConvertAll(id => new EventAddress(website.WorkspaceId, website.Id, id)), cancel);
            return [.. ids.Where(loaded.ContainsKey).Select(id => loaded[id])];
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private sealed record Target(Connection Connection, IDestination Destination, JsonElement Settings)
    {
        public int Included { get; set; }

        public int Excluded { get; set; }

        public int Skipped { get; set; }

        public int Changed { get; set; }
    }

    private FilterRulePreview Tell(List<Event> newest, FilterRuleSet set, FilterRule? draft, List<Target> targets)
    {
        var now = clock.GetUtcNow();
        var (matched, samples) = (0, new List<SampleEvent>());
        foreach (var stored in newest)
        {
            var about = set.About(stored);
            var isMatched = draft is null ? about.Count > 0 : about.Any(rule => ReferenceEquals(rule, draft));
            matched += isMatched ? 1 : 0;
            var outcomes = targets.ConvertAll(target =>
            {
                var routed = EventRouter.Route(stored, about, target.Connection.Id, target.Destination, target.Settings, now);
                var differences = routed.Skip is null ? Differences(about, stored, routed.Event) : [];
                target.Included += routed.Skip is null ? 1 : 0;
                target.Excluded += routed.Skip?.Reason == SkipReason.Filter ? 1 : 0;
                target.Skipped += routed.Skip is { Reason: not SkipReason.Filter } ? 1 : 0;
                target.Changed += differences.Count > 0 ? 1 : 0;
                return new SampleOutcome(target.Connection.Id, routed.Skip, differences);
            });
            if (isMatched && samples.Count < MostSamples)
                samples.Add(new SampleEvent(stored.Id, stored.EventId, stored.Name, stored.OccurredAt, stored.Url, outcomes));
        }
        return new FilterRulePreview(newest.Count, newest.Count == 0 ? null : newest[^1].ReceivedAt, matched,
            targets.ConvertAll(t => new ConnectionEffect(t.Connection.Id, t.Connection.Name, t.Connection.Platform, t.Connection.Enabled, t.Included, t.Excluded, t.Skipped, t.Changed)),
            samples, [.. newest.GroupBy(e => e.Name).OrderByDescending(g => g.Count()).Select(g => g.Key)], FieldsOf(newest));
    }

    private static List<FieldDifference> Differences(IReadOnlyList<FilterRule> about, Event stored, Event sent)
    {
        var differences = new List<FieldDifference>();
        if (ReferenceEquals(stored, sent))
            return differences;
        foreach (var name in about.SelectMany(r => r.Changes).SelectMany(c => c.Names).Select(n => n == "url_query" ? "url" : n).Distinct())
        {
            // items is one thing to remove and several to ask about
            var field = EventField.Find(name == "items" ? "properties.items" : name)!;
            var (before, after) = (field.Text(stored), field.Text(sent));
            if (before != after)
                differences.Add(new FieldDifference(name, Short(before), Short(after)));
        }
        return differences;
    }

    private static string? Short(string? text) => text is { Length: > LongestShown } ? text[..LongestShown] + "…" : text;

    /// <summary>Own properties of one or two levels; what has a field of its own is not told twice.</summary>
    private static List<string> FieldsOf(List<Event> newest)
    {
        string[] known = ["items", "value", "currency", "order_id"];
        var fields = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var e in newest)
        {
            if (e.Properties.ValueKind != JsonValueKind.Object)
                continue;
            foreach (var member in e.Properties.EnumerateObject().Where(m => !known.Contains(m.Name)))
            {
                if (fields.Count >= MostFields)
                    return [.. fields];
                if (member.Value.ValueKind == JsonValueKind.Object)
                    fields.UnionWith(member.Value.EnumerateObject().Select(inner => $"properties.{member.Name}.{inner.Name}"));
                else
                    fields.Add($"properties.{member.Name}");
            }
        }
        return [.. fields.Where(name => EventField.PropertyOf(name) is not null).Take(MostFields)];
    }
}
