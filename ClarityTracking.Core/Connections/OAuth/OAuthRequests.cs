using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>Writes the requests of all providers from their facts. Pure.</summary>
static class OAuthRequests
{
    /// <summary>Where a person is sent to consent.</summary>
    /// <param name="app">Our app.</param>
    /// <param name="redirectUri">Where the provider sends them back, exactly as registered.</param>
    /// <param name="state">Comes back with them.</param>
    /// <param name="challenge">PKCE challenge (S256); null where the provider has none.</param>
    internal static string AuthorizeUrl(OAuthApp app, string redirectUri, string state, string? challenge)
    {
        var provider = app.Provider;
        var fields = new List<(string, string)> { (provider.ClientIdName, app.ClientId), ("redirect_uri", redirectUri), ("state", state) };
        if (provider.Scopes.Count > 0)
            fields.Add(("scope", string.Join(provider.ScopeSeparator, provider.Scopes)));
        fields.AddRange(provider.AuthorizeExtra);
        if (challenge is not null)
            fields.AddRange([("code_challenge", challenge), ("code_challenge_method", "S256")]);
        return WithQuery(app.AuthorizeUrl, fields);
    }

    /// <summary>Exchanges a code.</summary>
    internal static DestinationRequest Exchange(OAuthApp app, string code, string redirectUri, string? verifier)
    {
        var fields = new List<(string, string)>(app.Provider.TokenExtra) { (app.Provider.CodeName, code) };
        if (app.Provider.RepeatsRedirect)
            fields.Add(("redirect_uri", redirectUri));
        if (verifier is not null)
            fields.Add(("code_verifier", verifier));
        return ToToken(app, fields, [code, verifier ?? ""]);
    }

    /// <summary>Exchanges a refresh token (RFC 6749, section 6).</summary>
    internal static DestinationRequest Refresh(OAuthApp app, string refreshToken) =>
        ToToken(app, [("grant_type", "refresh_token"), ("refresh_token", refreshToken)], [refreshToken]);

    /// <summary>Exchanges Meta's token of some hours for one of about 60 days (Facebook Login: long-lived tokens, 2026-11-20).</summary>
    internal static DestinationRequest LongLived(OAuthApp app, string accessToken) =>
        ToToken(app, [("grant_type", "fb_exchange_token"), ("fb_exchange_token", accessToken)], [accessToken]);

    /// <summary>Takes access back; null when the provider has no address for that.</summary>
    /// <param name="app">Our app.</param>
    /// <param name="accessToken">Null when only a refresh token is kept.</param>
    /// <param name="refreshToken">Null when there is none.</param>
    /// <param name="accountId">The provider's id of the account.</param>
    internal static DestinationRequest? Revoke(OAuthApp app, string? accessToken, string? refreshToken, string? accountId)
    {
        if (app.RevokeUrl is not { } url || (refreshToken ?? accessToken) is not { } token)
            return null;
        var (id, secret) = ((app.Provider.ClientIdName, app.ClientId), (app.Provider.ClientSecretName, app.ClientSecret));
        var access = accessToken ?? token;
        string[] secrets = [access, token, app.ClientSecret];
        return app.Provider.Revoke switch
        {
            RevokeStyle.Token => Form(url, [("token", token)], app.Provider.Auth == ClientAuth.Basic ? Headers(app) : [], secrets),
            RevokeStyle.Permissions => Empty(HttpMethod.Delete, WithQuery(url, [("access_token", access), ("appsecret_proof", AppSecretProof(app, access))]), [], secrets),
            RevokeStyle.ClientHeader => JsonBody(url, [id, ("access_token", access)], new() { ["Authorization"] = $"Client {app.ClientSecret}" }, secrets),
            RevokeStyle.Deauthorize => Form(url, [id, ("stripe_user_id", accountId ?? "")], Headers(app), secrets),
            RevokeStyle.ClientJson => JsonBody(url, [id, secret, ("access_token", access)], [], secrets),
            RevokeStyle.Uninstall => Empty(HttpMethod.Delete, url, new() { ["X-Shopify-Access-Token"] = access }, secrets),
        };
    }

    /// <summary>Reads from a provider's API with a granted token.</summary>
    /// <param name="app">Our app.</param>
    /// <param name="pathAndQuery">Below the API's base, with leading slash.</param>
    /// <param name="accessToken">The token.</param>
    /// <param name="more">More headers.</param>
    internal static DestinationRequest Read(OAuthApp app, string pathAndQuery, string accessToken, params (string Name, string Value)[] more)
    {
        var url = app.ApiBaseUrl + pathAndQuery;
        var headers = new Dictionary<string, string>();
        if (app.Provider.Key == "meta") // proof that the token is used by the app it was given to
            url = WithQuery(url, [("access_token", accessToken), ("appsecret_proof", AppSecretProof(app, accessToken))]);
        else if (app.Provider.Key == "tiktok")
            headers["Access-Token"] = accessToken;
        else if (app.Provider.Key == "shopify")
            headers["X-Shopify-Access-Token"] = accessToken;
        else
            headers["Authorization"] = $"Bearer {accessToken}";
        foreach (var (name, value) in more)
            headers[name] = value;
        return Empty(HttpMethod.Get, url, headers, [accessToken, app.ClientSecret, .. more.Select(m => m.Value)]);
    }

    /// <summary>Adds parameters to an address.</summary>
    internal static string WithQuery(string url, IEnumerable<(string Name, string Value)> fields) =>
        url + (url.Contains('?', StringComparison.Ordinal) ? "&" : "?") + Encoded(fields);

    private static DestinationRequest ToToken(OAuthApp app, IEnumerable<(string, string)> fields, string[] secrets)
    {
        var provider = app.Provider;
        if (provider.Auth == ClientAuth.InRequest)
            fields = [(provider.ClientIdName, app.ClientId), (provider.ClientSecretName, app.ClientSecret), .. fields];
        secrets = [app.ClientSecret, .. secrets];
        return provider.Style switch
        {
            TokenStyle.Form => Form(app.TokenUrl, fields, Headers(app), secrets),
            TokenStyle.Json => JsonBody(app.TokenUrl, fields, Headers(app), secrets),
            TokenStyle.Query => Empty(HttpMethod.Get, WithQuery(app.TokenUrl, fields), Headers(app), secrets),
        };
    }

    private static Dictionary<string, string> Headers(OAuthApp app) => app.Provider.Auth switch
    {
        ClientAuth.InRequest => [],
        ClientAuth.Basic => new() { ["Authorization"] = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{app.ClientId}:{app.ClientSecret}")) },
        ClientAuth.BearerSecret => new() { ["Authorization"] = $"Bearer {app.ClientSecret}" },
    };

    private static string AppSecretProof(OAuthApp app, string accessToken) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(app.ClientSecret), Encoding.UTF8.GetBytes(accessToken)));

    private static DestinationRequest Form(string url, IEnumerable<(string, string)> fields, Dictionary<string, string> headers, string[] secrets) =>
        new(HttpMethod.Post, new Uri(url), Encoding.UTF8.GetBytes(Encoded(fields)), headers, secrets, "application/x-www-form-urlencoded");

    private static DestinationRequest JsonBody(string url, IEnumerable<(string Name, string Value)> fields, Dictionary<string, string> headers, string[] secrets) =>
        new(HttpMethod.Post, new Uri(url), JsonSerializer.SerializeToUtf8Bytes(fields.ToDictionary(f => f.Name, f => f.Value)), headers, secrets);

    private static DestinationRequest Empty(HttpMethod method, string url, Dictionary<string, string> headers, string[] secrets) =>
        new(method, new Uri(url), [], headers, secrets);

    private static string Encoded(IEnumerable<(string Name, string Value)> fields) =>
        string.Join('&', fields.Select(f => $"{Uri.EscapeDataString(f.Name)}={Uri.EscapeDataString(f.Value)}"));
}
