namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>Reads robots.txt (RFC 9309): the group of our name, else the one of *; of the rules that fit, the longest wins, and allow among equals.</summary>
internal static class RobotsTxt
{
    /// <summary>More than the first 500 KiB nobody need read (RFC 9309, section 2.5).</summary>
    public const int MostBytes = 500 * 1024;

    private const int MostRules = 500, LongestRule = 500;

    /// <summary>Whether an agent may fetch a path.</summary>
    /// <param name="text">The file.</param>
    /// <param name="agent">Our name.</param>
    /// <param name="pathAndQuery">Begins with a slash.</param>
    public static bool Allows(string text, string agent, string pathAndQuery)
    {
        List<(bool Allow, string Path)> own = [], all = [];
        var (isNamed, isOwnGroup, isAllGroup, isInRules) = (false, false, false, false);
        foreach (var line in text.Split('\n').Select(l => l.Split('#')[0].Trim()))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                continue;
            var (name, value) = (line[..colon].Trim().ToLowerInvariant(), line[(colon + 1)..].Trim());
            if (name == "user-agent")
            {
                if (isInRules)
                    (isOwnGroup, isAllGroup, isInRules) = (false, false, false);
                isOwnGroup |= value.Equals(agent, StringComparison.OrdinalIgnoreCase);
                isAllGroup |= value == "*";
                isNamed |= isOwnGroup;
            }
            else if (name is "allow" or "disallow")
            {
                isInRules = true;
                if (value.Length is 0 or > LongestRule)
                    continue;
                if (isOwnGroup && own.Count < MostRules)
                    own.Add((name == "allow", value));
                if (isAllGroup && all.Count < MostRules)
                    all.Add((name == "allow", value));
            }
        }
        var best = (isNamed ? own : all).Where(r => Fits(r.Path, pathAndQuery)).OrderByDescending(r => r.Path.Length).ThenByDescending(r => r.Allow).ToList();
        return best.Count == 0 || best[0].Allow;
    }

    /// <summary>A star stands for anything; a dollar at the end for the path's end. Each piece is looked for where the one before ended, so it takes no step back.</summary>
    private static bool Fits(string rule, string path)
    {
        var isToEnd = rule.EndsWith('$');
        var pieces = (isToEnd ? rule[..^1] : rule).Split('*');
        if (!path.StartsWith(pieces[0], StringComparison.Ordinal))
            return false;
        var at = pieces[0].Length;
        foreach (var piece in pieces.Skip(1))
        {
            var found = path.IndexOf(piece, at, StringComparison.Ordinal);
            if (found < 0)
                return false;
            at = found + piece.Length;
        }
        // what the last piece found first need not be where the path ends
        return !isToEnd || (pieces.Length == 1 ? at == path.Length : path.EndsWith(pieces[^1], StringComparison.Ordinal));
    }
}
