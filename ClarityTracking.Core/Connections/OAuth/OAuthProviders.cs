namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>All providers. Adding one is an entry here, and its accounts in <see cref="OAuthAccounts"/>.</summary>
public static class OAuthProviders
{
    /// <summary>Every provider, in the order people see them.</summary>
    public static IReadOnlyList<OAuthProvider> All { get; } =
    [
        new()
        {
            Key = "meta",
            Section = "Meta",
            DisplayName = "Meta",
            Platform = "meta",
            AuthorizeUrl = "https://www.facebook.com/v25.0/dialog/oauth",
            TokenUrl = "https://graph.facebook.com/v25.0/oauth/access_token",
            RevokeUrl = "https://graph.facebook.com/v25.0/me/permissions",
            Revoke = RevokeStyle.Permissions,
            ApiBaseUrl = "https://graph.facebook.com",
            Scopes = ["ads_management", "ads_read", "business_management"],
            ScopeSeparator = ",",
            TokenExtra = [],
            Style = TokenStyle.Query,
            ExchangesForLongLived = true,
        },
        new()
        {
            Key = "google",
            Section = "Google",
            DisplayName = "Google",
            Platform = "google_ads",
            AuthorizeUrl = "https://accounts.google.com/o/oauth2/v2/auth",
            TokenUrl = "https://oauth2.googleapis.com/token",
            RevokeUrl = "https://oauth2.googleapis.com/revoke",
            Revoke = RevokeStyle.Token,
            ApiBaseUrl = "https://googleads.googleapis.com",
            // openid and email tell which account it is
            Scopes = ["openid", "email", "https://www.googleapis.com/auth/adwords", "https://www.googleapis.com/auth/datamanager"],
            // a refresh token comes only with offline access, and again only after a new consent
            AuthorizeExtra = [("response_type", "code"), ("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true")],
            HasPkce = true,
            KeepsOnlyRefreshToken = true,
            RenewEvery = TimeSpan.FromDays(1), // finds a revoked grant before the next conversion does
        },
        new()
        {
            Key = "tiktok",
            Section = "TikTok",
            DisplayName = "TikTok",
            Platform = "tiktok",
            AuthorizeUrl = "https://business-api.tiktok.com/portal/auth",
            TokenUrl = "https://business-api.tiktok.com/open_api/v1.3/oauth2/access_token/",
            RevokeUrl = "https://business-api.tiktok.com/open_api/v1.3/oauth2/revoke_token/",
            Revoke = RevokeStyle.ClientJson,
            ApiBaseUrl = "https://business-api.tiktok.com",
            AuthorizeExtra = [],
            TokenExtra = [],
            Style = TokenStyle.Json,
            ClientIdName = "app_id",
            ClientSecretName = "secret",
            CodeName = "auth_code",
            RepeatsRedirect = false,
        },
        new()
        {
            Key = "pinterest",
            Section = "Pinterest",
            DisplayName = "Pinterest",
            Platform = "pinterest",
            AuthorizeUrl = "https://www.pinterest.com/oauth/",
            TokenUrl = "https://api.pinterest.com/v5/oauth/token",
            Revoke = RevokeStyle.Token,
            ApiBaseUrl = "https://api.pinterest.com",
            Scopes = ["user_accounts:read", "ads:read", "ads:write"],
            ScopeSeparator = ",",
            // each refresh then brings a new refresh token of 60 days
            TokenExtra = [("grant_type", "authorization_code"), ("continuous_refresh", "true")],
            Auth = ClientAuth.Basic,
        },
        new()
        {
            Key = "square",
            Section = "Square",
            DisplayName = "Square",
            Platform = "square",
            AuthorizeUrl = "https://connect.squareup.com/oauth2/authorize",
            TokenUrl = "https://connect.squareup.com/oauth2/token",
            RevokeUrl = "https://connect.squareup.com/oauth2/revoke",
            Revoke = RevokeStyle.ClientHeader,
            ApiBaseUrl = "https://connect.squareup.com",
            Scopes = ["APPOINTMENTS_READ", "APPOINTMENTS_ALL_READ", "CUSTOMERS_READ", "PAYMENTS_READ", "ORDERS_READ", "ITEMS_READ", "MERCHANT_PROFILE_READ"],
            // without it Square takes whoever is signed in there, unasked
            AuthorizeExtra = [("response_type", "code"), ("session", "false")],
            Style = TokenStyle.Json,
            AccountSetting = "merchant_id",
        },
        new()
        {
            Key = "stripe",
            Section = "Stripe",
            DisplayName = "Stripe",
            Platform = "stripe",
            AuthorizeUrl = "https://connect.stripe.com/oauth/authorize",
            TokenUrl = "https://connect.stripe.com/oauth/token",
            RevokeUrl = "https://connect.stripe.com/oauth/deauthorize",
            Revoke = RevokeStyle.Deauthorize,
            ApiBaseUrl = "https://api.stripe.com",
            Scopes = ["read_only"],
            Auth = ClientAuth.BearerSecret,
            RepeatsRedirect = false,
            AccountSetting = "account",
        },
        new()
        {
            Key = "shopify",
            Section = "Shopify",
            DisplayName = "Shopify",
            Platform = "shopify",
            AuthorizeUrl = "https://{shop}/admin/oauth/authorize",
            TokenUrl = "https://{shop}/admin/oauth/access_token",
            RevokeUrl = "https://{shop}/admin/api_permissions/current.json",
            Revoke = RevokeStyle.Uninstall,
            ApiBaseUrl = "https://{shop}",
            Scopes = ["read_orders", "read_customers", "read_checkouts", "write_pixels"],
            ScopeSeparator = ",",
            AuthorizeExtra = [],
            TokenExtra = [("expiring", "1")],
            Style = TokenStyle.Json,
            RepeatsRedirect = false,
            IsPerShop = true,
            AccountSetting = "shop_domain",
            SignsWithClientSecret = true,
        },
    ];

    /// <summary>The provider of a key of the API, or null.</summary>
    public static OAuthProvider? Find(string? key) => All.FirstOrDefault(p => p.Key == key);

    /// <summary>The provider that grants access to a platform, or null.</summary>
    public static OAuthProvider? OfPlatform(string platform) => All.FirstOrDefault(p => p.Platform == platform);

    /// <summary>The provider of a section of the operator's settings, or null.</summary>
    internal static OAuthProvider? OfSection(string section) => All.FirstOrDefault(p => p.Section == section);
}
