using System.Text;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>Why nothing was connected, each with its stable code.</summary>
public static class OAuthErrors
{
    private const int LongestWords = 300;

    /// <summary>No state came back.</summary>
    public static readonly Error NoState = new(ErrorKind.Invalid, "oauth_state_missing", "The answer carries no state, so it belongs to nothing that was begun here.", []);

    /// <summary>Never made, long gone, or another tenant's.</summary>
    public static readonly Error UnknownState = new(ErrorKind.NotFound, "oauth_state_unknown", "This answer belongs to nothing that you began here. Begin again on the Connections page.", []);

    /// <summary>A colleague's.</summary>
    public static readonly Error AnotherUser = new(ErrorKind.Forbidden, "oauth_state_of_another_user", "Another user began this. Who begins connecting must also finish it.", []);

    /// <summary>The same user, but another browser or sign-in.</summary>
    public static readonly Error AnotherSession = new(ErrorKind.Forbidden, "oauth_state_of_another_session",
        "This was begun in another browser or before you signed in again. Begin again on the Connections page.", []);

    /// <summary>A second time.</summary>
    public static readonly Error UsedState = new(ErrorKind.Conflict, "oauth_state_used", "This answer was used before; each counts once. Look at the connection, or begin again.", []);

    /// <summary>After ten minutes.</summary>
    public static readonly Error ExpiredState = new(ErrorKind.Invalid, "oauth_state_expired", "This took longer than ten minutes. Begin again on the Connections page.", []);

    /// <summary>Another address of this installation.</summary>
    public static readonly Error WrongRedirect = new(ErrorKind.Invalid, "oauth_redirect_mismatch",
        "The answer came to another address of this installation than it was begun at. Set Clarity__PublicUrl to the one that is registered.", []);

    /// <summary>No such provider.</summary>
    public static readonly Error UnknownProvider = new(ErrorKind.Invalid, "unknown_provider",
        $"This provider is unknown; known are: {string.Join(", ", OAuthProviders.All.Select(p => p.Key))}.",
        [new FieldError("provider", $"provider must be one of {string.Join(", ", OAuthProviders.All.Select(p => p.Key))}.")]);

    /// <summary>The errors that have no website to be shown on, by code.</summary>
    public static IReadOnlyDictionary<string, string> Words { get; } =
        new[] { NoState, UnknownState, AnotherUser, AnotherSession, UsedState, ExpiredState, WrongRedirect }.ToDictionary(e => e.Code, e => e.Message);

    /// <summary>The provider came back with an error instead of a code (RFC 6749, section 4.1.2.1).</summary>
    internal static Error FromProvider(OAuthProvider provider, string error, string? description) => error == "access_denied"
        ? new(ErrorKind.Invalid, "oauth_denied", $"Access was not allowed at {provider.DisplayName}. Nothing was changed.", [])
        : new(ErrorKind.Invalid, "oauth_provider_error", $"{provider.DisplayName} answered: {Plain(AnswerJson.Reason(error, description))}. Nothing was changed.", []);

    internal static Error NoCode(OAuthProvider provider) =>
        new(ErrorKind.Invalid, "oauth_code_missing", $"{provider.DisplayName} sent neither a code nor an error. Begin again.", []);

    internal static Error NotExchanged(OAuthProvider provider, string reason) =>
        new(ErrorKind.Invalid, "oauth_exchange_failed", $"{provider.DisplayName} did not give access: {Plain(reason)}. Begin again; if it stays, the operator should look at the app's settings there.", []);

    internal static Error NoRefreshToken(OAuthProvider provider) => new(ErrorKind.Invalid, "oauth_no_refresh_token",
        $"{provider.DisplayName} gave no lasting access. Remove this app's access in the account's security settings and connect again.", []);

    /// <summary>A provider's words as one short line.</summary>
    private static string Plain(string words) => Line(words.TrimEnd('.'), LongestWords);

    /// <summary>A provider's words as one line that a database keeps: no control characters, no half of a surrogate pair (also not by being cut).</summary>
    internal static string Line(string words, int longest)
    {
        var line = new StringBuilder();
        foreach (var rune in words.EnumerateRunes()) // half a pair comes as U+FFFD
        {
            if (Rune.IsControl(rune))
                continue;
            if (line.Length + rune.Utf16SequenceLength > longest)
                break;
            line.Append(rune.ToString());
        }
        return line.ToString();
    }
}
