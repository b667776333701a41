namespace ClarityTracking.Web.Account;

/// <summary>Where to go after signing in. An address from outside could lead to a copy of our sign-in page.</summary>
public static class LocalUrl
{
    /// <summary>The address when it is a path of this app, else the start page.</summary>
    public static string Or(string? url, string fallback = "/") => IsLocal(url) ? url! : fallback;

    /// <summary>One leading slash, no second one nor a backslash (browsers read both as a host), no control characters.</summary>
    public static bool IsLocal(string? url) =>
        url is ['/'] or ['/', not ('/' or '\\'), ..] && !url.Any(char.IsControl) && Uri.TryCreate(url, UriKind.Relative, out _);
}
