using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Routing;

/// <summary>
/// The rules of websites, made ready once and kept until they change. Whoever reads connections reads the version of the website's rules in the same
/// query; only a version not seen before costs another one.
/// </summary>
public sealed partial class FilterRules(ILogger<FilterRules> log)
{
    private const int MostKept = 10_000;

    private readonly ConcurrentDictionary<Guid, (string Version, FilterRuleSet Rules)> _kept = new();

    /// <summary>
    /// SQL: what changes whenever the enabled rules of a website do, NULL when it has none. By the rows' own transaction numbers, because clocks of
    /// nodes differ.
    /// </summary>
    /// <param name="owner">Table or alias with <c>workspace_id</c> and <c>website_id</c>.</param>
    internal static string VersionSql(string owner) => $"""
        (SELECT md5(string_agg(r.id::text || r.xmin::text, ',' ORDER BY r.id)) FROM filter_rules r
          WHERE r.workspace_id = {owner}.workspace_id AND r.website_id = {owner}.website_id AND r.enabled)
        """;

    /// <summary>A website's enabled rules.</summary>
    /// <param name="connection">To read them when they are new.</param>
    /// <param name="workspaceId">The tenant.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="version">As <see cref="VersionSql"/> read it.</param>
    /// <param name="cancel">Ends it.</param>
    internal async ValueTask<FilterRuleSet> GetAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, string? version, CancellationToken cancel)
    {
        if (version is null)
            return FilterRuleSet.Empty;
        if (_kept.TryGetValue(websiteId, out var kept) && kept.Version == version)
            return kept.Rules;
        var rules = await LoadAsync(connection, workspaceId, websiteId, cancel);
        if (_kept.Count >= MostKept)
            _kept.Clear();
        _kept[websiteId] = (version, rules);
        return rules;
    }

    /// <summary>A website's enabled rules, read afresh.</summary>
    internal async Task<FilterRuleSet> LoadAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT id, name, connection_id, "when"::text, "then"::text FROM filter_rules
             WHERE workspace_id = $1 AND website_id = $2 AND enabled ORDER BY priority, id
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = workspaceId });
        command.Parameters.Add(new NpgsqlParameter { Value = websiteId });
        var rules = new List<FilterRule>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            rules.Add(Ready(reader.GetGuid(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetGuid(2), reader.GetString(3), reader.GetString(4)));
        return new FilterRuleSet(rules);
    }

    /// <summary>A stored rule, made ready. One that cannot be read (a later version wrote it) stays, as broken.</summary>
    internal FilterRule Ready(Guid id, string name, Guid? connectionId, string when, string then)
    {
        var reader = new FilterRuleReader();
        var condition = reader.ReadWhen(JsonElement.Parse(when));
        var (action, routeTo, changes) = reader.ReadThen(JsonElement.Parse(then), connectionId, known: null);
        if (reader.Errors.Count == 0)
            return new FilterRule(id, name, connectionId, condition, action, routeTo, changes);
        LogBroken(id, reader.Errors[0].Field);
        return new FilterRule(id, name, connectionId, new Condition.All([]), null, routeTo, [], IsBroken: true);
    }

    [LoggerMessage(1111, LogLevel.Error, "The filter rule {RuleId} cannot be read at {Place}; its events are kept back")]
    private partial void LogBroken(Guid ruleId, string place);
}
