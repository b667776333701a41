using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>
/// Patterns over documents that strangers write: linear in the document's length, and bounded in time and in what they find. What is not found in
/// that time counts as not there.
/// </summary>
internal static class PagePatterns
{
    /// <summary>Longest time that one pattern may take over one document, all its matches together.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(1);

    /// <summary>A pattern without backtracking.</summary>
    public static Regex Of(string pattern, RegexOptions options = RegexOptions.None) => new(pattern, options | RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, TimeLimit);

    /// <summary>The first matches, as many as asked for and as come in time.</summary>
    public static IEnumerable<Match> In(Regex pattern, string text, int most)
    {
        var until = Environment.TickCount64 + (long)TimeLimit.TotalMilliseconds;
        for (var match = FirstIn(pattern, text); match.Success && most-- > 0 && Environment.TickCount64 < until; match = NextOf(match))
            yield return match;
    }

    /// <summary>The first match; one without success when there is none, or none in time.</summary>
    public static Match FirstIn(Regex pattern, string text) => OrNone(() => pattern.Match(text));

    private static Match NextOf(Match match) => OrNone(match.NextMatch);

    private static Match OrNone(Func<Match> find)
    {
        try
        {
            return find();
        }
        catch (RegexMatchTimeoutException)
        {
            return Match.Empty;
        }
    }
}
