using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>Tokens that a provider gave.</summary>
/// <param name="AccessToken">In the clear.</param>
/// <param name="RefreshToken">Null when none came.</param>
/// <param name="AccessExpiresAt">UTC; null = it does not end, or the provider does not say.</param>
/// <param name="RefreshExpiresAt">UTC; null = as above.</param>
/// <param name="Scopes">What was granted; empty when the provider does not say.</param>
/// <param name="AccountId">The provider's id of the account, where the answer tells.</param>
/// <param name="AccountName">Its name, where the answer tells.</param>
internal sealed record OAuthTokens(string AccessToken, string? RefreshToken, DateTimeOffset? AccessExpiresAt, DateTimeOffset? RefreshExpiresAt,
    IReadOnlyList<string> Scopes, string? AccountId, string? AccountName)
{
    /// <summary>Shows no token where the record is printed.</summary>
    public override string ToString() => "OAuth tokens";
}

/// <summary>Why there are no tokens.</summary>
/// <param name="Kind">Who can help.</param>
/// <param name="Reason">In the provider's words, secrets masked.</param>
/// <param name="RetryAfter">The provider's wish.</param>
internal sealed record OAuthRefusal(OAuthRefusalKind Kind, string Reason, TimeSpan? RetryAfter);

/// <summary>Who can help.</summary>
internal enum OAuthRefusalKind
{
    /// <summary>The grant is dead (<c>invalid_grant</c>): a person must consent again.</summary>
    Grant,
    /// <summary>Refused for another reason; our app's settings may be wrong.</summary>
    Refused,
    /// <summary>No usable answer; the same request may work later.</summary>
    Transient,
}

/// <summary>Reads token answers of all providers; anything may come.</summary>
static class OAuthAnswer
{
    /// <summary>No token is believed to live longer: dates further away only overflow.</summary>
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(3650);

    private const int LongestReason = 1000;

    /// <summary>Tokens, or why there are none.</summary>
    /// <param name="request">What was sent, for masking: the answer itself must arrive unmasked, since a provider may give the same token again.</param>
    /// <param name="result">What came back.</param>
    /// <param name="now">Now (UTC).</param>
    internal static (OAuthTokens? Tokens, OAuthRefusal? Refusal) Read(DestinationRequest request, CallResult result, DateTimeOffset now)
    {
        if (result.HttpStatus is not { } status)
            return Refused(OAuthRefusalKind.Transient, "No answer: " + result.Body);
        if (!AnswerJson.TryRead(result.Body, out var answer))
            return Refused(status is >= 400 and < 500 and not 408 and not 429 ? OAuthRefusalKind.Refused : OAuthRefusalKind.Transient, $"HTTP {status} without JSON");
        // TikTok wraps everything, and answers 200 with a code when it refuses
        var data = AnswerJson.Member(answer, "data") is { ValueKind: JsonValueKind.Object } inner ? inner : answer;
        if (status is >= 200 and < 300 && AnswerJson.Text(data, "access_token") is { Length: > 0 } token)
        {
            var (accountId, accountName) = AccountOf(data);
            return (new OAuthTokens(token, AnswerJson.Text(data, "refresh_token") is { Length: > 0 } refresh ? refresh : null,
                Until(data, now, "expires_at", "expires_in"), Until(data, now, "refresh_token_expires_at", "refresh_token_expires_in"),
                ScopesOf(data), accountId, accountName), null);
        }
        var error = AnswerJson.Text(answer, "error");
        var details = AnswerJson.Member(answer, "error"); // Meta: an object
        var code = AnswerJson.Number(answer, "code");
        var reason = AnswerJson.Reason($"HTTP {status}", error, AnswerJson.Text(answer, "error_description"), AnswerJson.Text(details, "message"),
            code is { } number and not 0 ? number.ToString(CultureInfo.InvariantCulture) : null, AnswerJson.Text(answer, "message"));
        var kind = error == "invalid_grant" ? OAuthRefusalKind.Grant
            : status is 408 or 429 or >= 500 || (status < 300 && code is null or >= 50000 or 40100) ? OAuthRefusalKind.Transient
            : OAuthRefusalKind.Refused;
        return Refused(kind, reason);

        (OAuthTokens?, OAuthRefusal?) Refused(OAuthRefusalKind kind, string reason) => (null, new OAuthRefusal(kind, OAuthErrors.Line(request.Mask(reason), LongestReason), result.RetryAfter));
    }

    private static DateTimeOffset? Until(JsonElement from, DateTimeOffset now, string at, string inSeconds)
    {
        if (AnswerJson.Text(from, at) is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until))
            return until < now + LongestLife ? until.ToUniversalTime() : now + LongestLife;
        return AnswerJson.Decimal(from, inSeconds) is { } seconds and > 0 ? now.AddSeconds((double)Math.Min(seconds, (decimal)LongestLife.TotalSeconds)) : null;
    }

    private static List<string> ScopesOf(JsonElement data) => AnswerJson.Text(data, "scope") is { } text
        ? [.. text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]
        : AnswerJson.Member(data, "scope") is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(s => s.GetRawText().Trim('"'))] : [];

    private static (string? Id, string? Name) AccountOf(JsonElement data)
    {
        if ((AnswerJson.Text(data, "merchant_id") ?? AnswerJson.Text(data, "stripe_user_id")) is { } id)
            return (id, null);
        // straight from the token server over TLS, so its signature need not be checked (OpenID Connect Core 1.0, 3.1.3.7)
        if (AnswerJson.Text(data, "id_token")?.Split('.') is not [_, var claims, _])
            return (null, null);
        try
        {
            var payload = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(claims));
            return AnswerJson.TryRead(payload, out var json) ? (AnswerJson.Text(json, "sub"), AnswerJson.Text(json, "email")) : (null, null);
        }
        catch (FormatException)
        {
            return (null, null);
        }
    }
}
