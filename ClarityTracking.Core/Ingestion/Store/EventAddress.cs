using ClarityTracking.Core.Data;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>Where an event lies.</summary>
public readonly record struct EventAddress(Guid WorkspaceId, Guid WebsiteId, Guid Id);

/// <summary>Rows of the log by their addresses.</summary>
internal static class EventAddresses
{
    /// <summary>
    /// The rows <paramref name="alias"/> of a table of the log that <see cref="WithAddresses"/> names, for FROM. OFFSET 0 makes each a look-up by its key: of a
    /// week that has just begun the planner knows nothing, and would now and then rather compare every row with every address. The range of ids lets it leave
    /// out all other weeks.
    /// </summary>
    public static string In(string table, string alias) => $"""
        unnest($1, $2, $3) AS wanted(workspace_id, website_id, id)
         CROSS JOIN LATERAL (SELECT * FROM {table} r WHERE r.workspace_id = wanted.workspace_id AND r.website_id = wanted.website_id AND r.id = wanted.id
                                AND r.id BETWEEN $4 AND $5 OFFSET 0) {alias}
        """;

    /// <summary>Adds the addresses as $1 to $5.</summary>
    /// <param name="command">Without parameters so far.</param>
    /// <param name="addresses">At least one.</param>
    public static NpgsqlCommand WithAddresses(this NpgsqlCommand command, IReadOnlyCollection<EventAddress> addresses) =>
        command.With(addresses.Select(a => a.WorkspaceId).ToArray(), addresses.Select(a => a.WebsiteId).ToArray(), addresses.Select(a => a.Id).ToArray(),
            addresses.Min(a => a.Id), addresses.Max(a => a.Id));
}
