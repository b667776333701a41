namespace ClarityTracking.Core;

/// <summary>What one process does; several processes on one database may share the work (<c>Clarity__Roles</c>).</summary>
[Flags]
public enum NodeRoles
{
    /// <summary>Dashboard and management API.</summary>
    Web = 1,
    /// <summary>The snippet and intake.</summary>
    Collect = 2,
    /// <summary>Routing, delivery and scheduled jobs.</summary>
    Worker = 4,
    /// <summary>Everything: the default.</summary>
    All = Web | Collect | Worker,
}

/// <summary>Reads roles from text.</summary>
public static class NodeRolesText
{
    /// <summary>Roles from <c>web,collect,worker</c>; nothing given = all.</summary>
    /// <exception cref="InvalidOperationException">An unknown word; the message names it.</exception>
    public static NodeRoles Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return NodeRoles.All;
        var roles = default(NodeRoles);
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
            roles |= word.ToLowerInvariant() switch
            {
                "web" => NodeRoles.Web,
                "collect" => NodeRoles.Collect,
                "worker" => NodeRoles.Worker,
                _ => throw new InvalidOperationException($"Clarity__Roles: '{word}' is no role. Give some of web, collect and worker, separated by commas."),
            };
        return roles;
    }
}
