using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>Calls providers: the requests of <see cref="OAuthRequests"/>, sent and read.</summary>
public sealed class OAuthClient(DestinationClient client, IConfiguration configuration, TimeProvider clock)
{
    /// <summary>The operator's app at a provider.</summary>
    public OAuthApp AppOf(OAuthProvider provider, string? shop = null) => OAuthApp.Of(configuration, provider, shop);

    /// <summary>Tokens for a code; Meta's short-lived one is exchanged at once for the long-lived.</summary>
    internal async Task<(OAuthTokens? Tokens, OAuthRefusal? Refusal)> ExchangeAsync(OAuthApp app, string code, string redirectUri, string? verifier)
    {
        var first = await TokensAsync(OAuthRequests.Exchange(app, code, redirectUri, verifier));
        if (first.Tokens is not { } tokens || !app.Provider.ExchangesForLongLived)
            return first;
        var second = await TokensAsync(OAuthRequests.LongLived(app, tokens.AccessToken));
        return second.Tokens is { Scopes.Count: 0 } withoutScopes ? (withoutScopes with { Scopes = tokens.Scopes }, null) : second;
    }

    /// <summary>Fresh tokens for a refresh token.</summary>
    internal Task<(OAuthTokens? Tokens, OAuthRefusal? Refusal)> RefreshAsync(OAuthApp app, string refreshToken) => TokensAsync(OAuthRequests.Refresh(app, refreshToken));

    /// <summary>Takes access back at the provider. Null when it did; else why not, in words.</summary>
    internal async Task<string?> RevokeAsync(OAuthApp app, string? accessToken, string? refreshToken, string? accountId)
    {
        if (OAuthRequests.Revoke(app, accessToken, refreshToken, accountId) is not { } request)
            return $"{app.Provider.DisplayName} has no address for taking access back";
        var result = await client.SendAsync(request, CancellationToken.None);
        // TikTok answers 200 with a code when it refuses
        if (result.HttpStatus is >= 200 and < 300 && !(AnswerJson.TryRead(result.Body, out var answer) && AnswerJson.Number(answer, "code") is { } code and not 0))
            return null;
        return $"{app.Provider.DisplayName} did not confirm it ({(result.HttpStatus is { } status ? $"HTTP {status}" : "no answer")})";
    }

    /// <summary>Sends one request to a provider's API.</summary>
    internal Task<CallResult> SendAsync(DestinationRequest request) => client.SendAsync(request, CancellationToken.None);

    /// <summary>Reads a JSON object from a provider's API; else why there is none, in words.</summary>
    internal async Task<(System.Text.Json.JsonElement Answer, string? Trouble)> ReadAsync(DestinationRequest request, string who, CancellationToken cancel)
    {
        var result = await client.SendAsync(request, cancel);
        if (result.HttpStatus is >= 200 and < 300 && AnswerJson.TryRead(result.Body, out var answer))
            return AnswerJson.Number(answer, "code") is { } code and not 0
                ? (default, $"{who}: {AnswerJson.Reason(code.ToString(System.Globalization.CultureInfo.InvariantCulture), AnswerJson.Text(answer, "message"))}") : (answer, null);
        AnswerJson.TryRead(result.Body, out var refusal);
        var details = AnswerJson.Member(refusal, "error");
        return (default, $"{who}: {AnswerJson.Reason(result.HttpStatus is { } status ? $"HTTP {status}" : "no answer", AnswerJson.Text(details, "message"), AnswerJson.Text(refusal, "message"))}");
    }

    /// <summary>Never cancelled: a code or a refresh token may be spent by the call, so its answer must be seen.</summary>
    private async Task<(OAuthTokens? Tokens, OAuthRefusal? Refusal)> TokensAsync(DestinationRequest request)
    {
        // sent without its list of secrets: masking the answer would also mask a token that is given again
        var result = await client.SendAsync(request with { Secrets = [] }, CancellationToken.None);
        return OAuthAnswer.Read(request, result, clock.GetUtcNow());
    }
}
