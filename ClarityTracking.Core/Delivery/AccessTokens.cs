using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Delivery;

/// <summary>An access token, or why there is none.</summary>
/// <param name="Value">Null when the exchange failed.</param>
/// <param name="Failure">Why; null when there is a token.</param>
/// <param name="RetryAfter">The server's wish when it failed.</param>
public sealed record AccessToken(string? Value, DeliveryOutcome.TryLater? Failure, TimeSpan? RetryAfter = null);

/// <summary>
/// Exchanges refresh tokens and service account keys for access tokens and keeps those until shortly before they end. In memory only: another
/// node, or this one after a restart, fetches its own. Operator settings: <c>OAuth:{Provider}:TokenUrl</c>, <c>ClientId</c>, <c>ClientSecret</c>.
/// </summary>
public sealed class AccessTokens(DestinationClient client, IConfiguration configuration, TimeProvider clock)
{
    private const string Google = "Google", FormContent = "application/x-www-form-urlencoded";
    private const int MostKept = 10_000;

    /// <summary>Given up this long before it ends, so that no call is begun with a token that dies on the way.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(2);

    /// <summary>Where the answer does not say (RFC 6749 only recommends it).</summary>
    private static readonly TimeSpan UsualLife = TimeSpan.FromMinutes(30), LifeOfAssertion = TimeSpan.FromMinutes(60);

    private readonly ConcurrentDictionary<TokenGrant, Kept> _kept = new();

    private sealed record Kept(string Token, DateTimeOffset Until)
    {
        public bool HasServedAgain { get; set; }
    }

    /// <summary>The token of a grant: the kept one, or a new one.</summary>
    public async Task<AccessToken> GetAsync(TokenGrant grant, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (_kept.TryGetValue(grant, out var kept) && kept.Until > now)
        {
            kept.HasServedAgain = true;
            return new AccessToken(kept.Token, null);
        }
        DestinationRequest request;
        try
        {
            request = grant switch
            {
                TokenGrant.Refresh refresh => RefreshRequest(refresh),
                TokenGrant.ServiceAccount account => AssertionRequest(account, now),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException or FormatException)
        {
            return Failed(FailureKind.Credential, error is FormatException ? error.Message : "The service account's private key cannot be read.");
        }
        var result = await client.SendAsync(request, cancel);
        return Read(grant, result, now);
    }

    /// <summary>Drops a token that was refused. True when it had served before, so that a new one may do better.</summary>
    public bool Forget(string token)
    {
        foreach (var (grant, kept) in _kept)
            if (kept.Token == token)
                return _kept.TryRemove(grant, out _) && kept.HasServedAgain;
        return false;
    }

    private AccessToken Read(TokenGrant grant, CallResult result, DateTimeOffset now)
    {
        if (result.HttpStatus is not { } status)
            return Failed(FailureKind.Transient, "The token server did not answer: " + result.Body);
        if (!AnswerJson.TryRead(result.Body, out var answer))
            return Failed(status == 429 ? FailureKind.RateLimited : FailureKind.Transient, $"The token server answered HTTP {status} without JSON.", result.RetryAfter);
        if (status is >= 200 and < 300 && AnswerJson.Text(answer, "access_token") is { Length: > 0 } token)
        {
            var life = AnswerJson.Number(answer, "expires_in") is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : UsualLife;
            if (_kept.Count >= MostKept)
                _kept.Clear();
            _kept[grant] = new Kept(token, now + life - Margin);
            return new AccessToken(token, null);
        }
        var error = AnswerJson.Text(answer, "error");
        var reason = AnswerJson.Reason($"HTTP {status}", error, AnswerJson.Text(answer, "error_description"));
        // invalid_grant and invalid_client come with 400; the first is final until a person consents again
        var kind = HttpStatusKind.Of(status);
        var words = error == "invalid_grant" && grant is TokenGrant.Refresh ? OAuthRefresh.ReconnectNeeded : "No access token";
        return Failed(kind == FailureKind.Permanent ? FailureKind.Credential : kind, $"{words}: {reason}", result.RetryAfter);
    }

    private static AccessToken Failed(FailureKind kind, string reason, TimeSpan? retryAfter = null) =>
        new(null, new DeliveryOutcome.TryLater(kind, reason), retryAfter);

    private DestinationRequest RefreshRequest(TokenGrant.Refresh refresh) => OAuthRequests.Refresh(AppOf(refresh.Provider), refresh.Token);

    private DestinationRequest AssertionRequest(TokenGrant.ServiceAccount account, DateTimeOffset now)
    {
        var url = AppOf(Google).TokenUrl;
        var assertion = Assertion(account, url, now);
        return Request(url, [assertion], ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion));
    }

    /// <summary>A JSON web token signed with RS256 (RFC 7515, 7523; Google: OAuth 2.0 for server to server applications).</summary>
    private static string Assertion(TokenGrant.ServiceAccount account, string audience, DateTimeOffset now)
    {
        var claims = new Dictionary<string, object>
        {
            ["iss"] = account.Email,
            ["scope"] = account.Scope,
            ["aud"] = audience,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + LifeOfAssertion).ToUnixTimeSeconds(),
        };
        var signed = Base64Url("""{"alg":"RS256","typ":"JWT"}"""u8) + "." + Base64Url(JsonSerializer.SerializeToUtf8Bytes(claims));
        using var key = RSA.Create();
        key.ImportFromPem(account.PrivateKey);
        return signed + "." + Base64Url(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private OAuthApp AppOf(string section) => OAuthProviders.OfSection(section) is { } provider ? OAuthApp.Of(configuration, provider)
        : throw new FormatException($"There is no OAuth provider {section}.");

    private static DestinationRequest Request(string url, IReadOnlyList<string> secrets, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var form = new StringBuilder();
        foreach (var (name, value) in fields)
            form.Append(form.Length == 0 ? "" : "&").Append(name).Append('=').Append(Uri.EscapeDataString(value));
        return new DestinationRequest(HttpMethod.Post, new Uri(url), Encoding.UTF8.GetBytes(form.ToString()), new Dictionary<string, string>(), secrets, FormContent);
    }

    private static string Base64Url(ReadOnlySpan<byte> bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
