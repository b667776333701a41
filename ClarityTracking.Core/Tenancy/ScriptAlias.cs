using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Tenancy;

/// <summary>
/// The word under which a website's script and intake stand a second time: <c>/{alias}.js</c>, <c>/{alias}</c>, <c>/{alias}/…</c>. Ad
/// blockers list known paths; a word that only one website uses is on no list.
/// </summary>
public static partial class ScriptAlias
{
    /// <summary>Fewest and most characters.</summary>
    public const int Shortest = 3, Longest = 40;

    /// <summary>How long a website's former aliases still work, counted from its last change: pages are cached, tags are changed late.</summary>
    public static readonly TimeSpan FormerWorkFor = TimeSpan.FromDays(30);

    /// <summary>Most former aliases a website keeps.</summary>
    public const int MostFormer = 20;

    // without vowels it is no word: not a rude one, not a route, and none of those that blockers look for
    private const string Alphabet = "bcdfghjkmnpqrstvwxyz23456789";

    /// <summary>
    /// First path segments of the app (a test compares them with its routes), of what browsers and crawlers ask every host for, and words
    /// kept for pages to come. An alias goes before the routes, so none of them may be one.
    /// </summary>
    public static readonly FrozenSet<string> Reserved = new[]
    {
        "account", "api", "css", "dashboard", "event", "health", "js", "openapi", "tracker", "trackingleads", "trackingscript", "webhook", "webhooks",
        "websites", "not-found", "error", "favicon", "robots", "sitemap", "ads", "security", "manifest", "index", "well-known",
        "admin", "alerts", "app", "assets", "attribution", "auth", "bookings", "campaigns", "connections", "consent", "deliveries", "docs", "events",
        "help", "images", "integrations", "invite", "jobs", "links", "live", "login", "logout", "members", "metrics", "oauth", "operator", "people",
        "pixels", "privacy", "register", "reports", "sales", "settings", "signin", "static", "status", "workspaces", "www",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>A new one: 8 random letters and digits (38 bits).</summary>
    public static string New() => RandomNumberGenerator.GetString(Alphabet, 8);

    /// <summary>Has it the form of an alias: 3 to 40 of a-z, 0-9 and hyphen?</summary>
    public static bool IsWord(ReadOnlySpan<char> text) => Form().IsMatch(text);

    [GeneratedRegex(@"^[a-z0-9-]{3,40}\z")]
    private static partial Regex Form();
}
