using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>Reads robots.txt (RFC 9309): the group of our name, else the one of *; of the rules that fit, the longest wins, and allow among equals.</summary>
internal static class RobotsTxt
{
    /// <summary>More than the first 500 KiB nobody need read (RFC 9309, section 2.5).</summary>
    public const int MostBytes = 500 * 1024;

    /// <summary>Whether an agent may fetch a path.</summary>
    /// <param name="text">The file.</param>
    /// <param name="agent">Our name.</param>
    /// <param name="pathAndQuery">Begins with a slash.</param>
    public static bool Allows(string text, string agent, string pathAndQuery)
    {
        List<(bool Allow, string Path)> own = [], all = [];
        var named = false;
        List<string> group = [];
        var isInRules = false;
        foreach (var line in text.Split('\n').Select(l => l.Split('#')[0].Trim()))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                continue;
            var (name, value) = (line[..colon].Trim().ToLowerInvariant(), line[(colon + 1)..].Trim());
            if (name == "user-agent")
            {
                if (isInRules)
                    group = [];
                isInRules = false;
                group.Add(value);
                named |= value.Equals(agent, StringComparison.OrdinalIgnoreCase);
            }
            else if (name is "allow" or "disallow")
            {
                isInRules = true;
                if (value.Length == 0)
                    continue;
                if (group.Exists(g => g.Equals(agent, StringComparison.OrdinalIgnoreCase)))
                    own.Add((name == "allow", value));
                if (group.Contains("*"))
                    all.Add((name == "allow", value));
            }
        }
        var best = (named ? own : all).Where(r => Fits(r.Path, pathAndQuery)).OrderByDescending(r => r.Path.Length).ThenByDescending(r => r.Allow).ToList();
        return best.Count == 0 || best[0].Allow;
    }

    private static bool Fits(string rule, string path)
    {
        var end = rule.EndsWith('$');
        var pattern = "^" + string.Join(".*", (end ? rule[..^1] : rule).Split('*').Select(Regex.Escape)) + (end ? "$" : "");
        return Regex.IsMatch(path, pattern, RegexOptions.NonBacktracking);
    }
}
