namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>How a provider wants its token requests.</summary>
public enum TokenStyle
{
    /// <summary>POST, form (RFC 6749).</summary>
    Form,
    /// <summary>POST, a JSON object.</summary>
    Json,
    /// <summary>GET, all in the query (Meta).</summary>
    Query,
}

/// <summary>How the client proves who it is in token requests.</summary>
public enum ClientAuth
{
    /// <summary>Id and secret stand among the parameters.</summary>
    InRequest,
    /// <summary>HTTP Basic of id and secret.</summary>
    Basic,
    /// <summary>The secret as bearer token (Stripe).</summary>
    BearerSecret,
}

/// <summary>How access is taken back.</summary>
public enum RevokeStyle
{
    /// <summary>POST form <c>token=</c> (RFC 7009).</summary>
    Token,
    /// <summary>DELETE with the token, which takes all permissions of the person away (Meta).</summary>
    Permissions,
    /// <summary>POST JSON with <c>Authorization: Client secret</c> (Square).</summary>
    ClientHeader,
    /// <summary>POST form naming the account (Stripe).</summary>
    Deauthorize,
    /// <summary>POST JSON of client and token (TikTok).</summary>
    ClientJson,
    /// <summary>DELETE that uninstalls the app from the shop (Shopify).</summary>
    Uninstall,
}

/// <summary>
/// The facts about one provider: addresses, parameters, lives of its tokens. Addresses are defaults; the operator's settings
/// <c>OAuth:{Section}:*</c> win. Source: vendors' pages and official clients as of 2026-11-20 (docs/integrations/oauth.md).
/// </summary>
public sealed record OAuthProvider
{
    /// <summary>Its name in the API (<c>google</c>).</summary>
    public required string Key { get; init; }

    /// <summary>Its section of the operator's settings (<c>Google</c>).</summary>
    public required string Section { get; init; }

    /// <summary>As people write it.</summary>
    public required string DisplayName { get; init; }

    /// <summary>The platform whose connections it grants access to (<c>google_ads</c>).</summary>
    public required string Platform { get; init; }

    /// <summary>Where a person consents. <c>{shop}</c> stands for the shop's host.</summary>
    public required string AuthorizeUrl { get; init; }

    /// <summary>Where codes and refresh tokens are exchanged.</summary>
    public required string TokenUrl { get; init; }

    /// <summary>Where access is taken back; null = the provider documents none, the person does it in their account.</summary>
    public string? RevokeUrl { get; init; }

    /// <summary>See <see cref="RevokeStyle"/>.</summary>
    public RevokeStyle Revoke { get; init; }

    /// <summary>Base of the calls that tell which accounts there are.</summary>
    public required string ApiBaseUrl { get; init; }

    /// <summary>What we ask for. Empty where the app's own registration says it (TikTok).</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Between scopes in the authorize address.</summary>
    public string ScopeSeparator { get; init; } = " ";

    /// <summary>More parameters of the authorize address.</summary>
    public IReadOnlyList<(string Name, string Value)> AuthorizeExtra { get; init; } = [("response_type", "code")];

    /// <summary>More parameters of the code's exchange.</summary>
    public IReadOnlyList<(string Name, string Value)> TokenExtra { get; init; } = [("grant_type", "authorization_code")];

    /// <summary>PKCE with S256 (RFC 7636).</summary>
    public bool HasPkce { get; init; }

    /// <summary>See <see cref="TokenStyle"/>.</summary>
    public TokenStyle Style { get; init; }

    /// <summary>See <see cref="ClientAuth"/>.</summary>
    public ClientAuth Auth { get; init; }

    /// <summary>Parameter of the client's id.</summary>
    public string ClientIdName { get; init; } = "client_id";

    /// <summary>Parameter of the client's secret.</summary>
    public string ClientSecretName { get; init; } = "client_secret";

    /// <summary>Parameter of the code, in the exchange and in the callback.</summary>
    public string CodeName { get; init; } = "code";

    /// <summary>Whether the exchange repeats the redirect address.</summary>
    public bool RepeatsRedirect { get; init; } = true;

    /// <summary>The short-lived token is exchanged once more for one of about 60 days, which cannot be refreshed (Meta).</summary>
    public bool ExchangesForLongLived { get; init; }

    /// <summary>Access tokens are fetched at need (<see cref="Delivery.AccessTokens"/>); only the refresh token is kept, and must be there.</summary>
    public bool KeepsOnlyRefreshToken { get; init; }

    /// <summary>Refreshed at least this often, however long the access token lives.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Each shop has a host of its own, and signs its callback (Shopify).</summary>
    public bool IsPerShop { get; init; }

    /// <summary>The setting that the account's id of the token answer becomes (<c>merchant_id</c>); null = a person chooses.</summary>
    public string? AccountSetting { get; init; }

    /// <summary>Webhooks that the app makes are signed with the app's own secret (Shopify); else each subscription has one, which a person copies.</summary>
    public bool SignsWithClientSecret { get; init; }
}
