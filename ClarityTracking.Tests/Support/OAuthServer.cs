using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// One real HTTP server in the places of all OAuth providers and their APIs. Each refuses what its original refuses: another client, another
/// redirect address, a wrong way of authentication, a code that was used, is old or is another client's, a wrong PKCE verifier, a refresh
/// token that was used (where it rotates) or revoked.
/// </summary>
public sealed class OAuthServer : IAsyncDisposable
{
    /// <summary>All that it stands in for.</summary>
    public static readonly string[] Providers = ["meta", "google", "tiktok", "pinterest", "square", "stripe", "shopify"];

    /// <summary>The shop that has installed nothing yet.</summary>
    public const string Shop = "my-shop.myshopify.com";

    /// <summary>Google lists customers for it.</summary>
    public const string DeveloperToken = "developer-token-1";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Code> _codes = new();
    private readonly ConcurrentDictionary<string, Consent> _consents = new();
    private readonly ConcurrentDictionary<string, Grant> _byAccess = new(), _byRefresh = new();

    private sealed record Consent(string Provider, string RedirectUri, string State, string? Challenge, string Scope, string Shop);

    private sealed record Code(Consent Consent, DateTimeOffset Until)
    {
        public bool IsUsed { get; set; }
    }

    private sealed record Grant(string Provider, string Account, string Scope)
    {
        public bool IsRevoked { get; set; }
    }

    private OAuthServer(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>Where each client registered that people are sent back to.</summary>
    public string RedirectUri { get; set; } = "";

    /// <summary>The time it goes by.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Token calls that were answered, and how: provider, grant type, status.</summary>
    public ConcurrentQueue<(string Provider, string Grant, int Status)> TokenCalls { get; } = new();

    /// <summary>Every secret that went over the wire.</summary>
    public ConcurrentBag<string> Secrets { get; } = [];

    /// <summary>Revocations: provider and account.</summary>
    public ConcurrentQueue<(string Provider, string Account)> Revoked { get; } = new();

    /// <summary>Answers token calls instead of the original when it gives a status and body.</summary>
    public Func<string, (int Status, string Body)?>? Trouble { get; set; }

    /// <summary>How long a token call takes; something may happen meanwhile.</summary>
    public Func<Task>? BeforeTokenAnswer { get; set; }

    /// <summary>The person's account at each provider; two connections of one account share it.</summary>
    public string Account { get; set; } = "acct_1";

    /// <summary>What a person takes out of the consent.</summary>
    public string? WithheldScope { get; set; }

    public static string ClientId(string provider) => $"{provider}-client";

    public static string ClientSecret(string provider) => $"{provider}-s3cret";

    /// <summary>The app's settings that lead it here.</summary>
    public Dictionary<string, string> Settings()
    {
        var settings = new Dictionary<string, string>();
        foreach (var provider in Providers)
        {
            var section = $"OAuth:{(provider == "tiktok" ? "TikTok" : char.ToUpperInvariant(provider[0]) + provider[1..])}";
            settings[$"{section}:ClientId"] = ClientId(provider);
            settings[$"{section}:ClientSecret"] = ClientSecret(provider);
            settings[$"{section}:AuthorizeUrl"] = $"{Url}/{provider}/authorize" + (provider == "shopify" ? "?for={shop}" : "");
            settings[$"{section}:TokenUrl"] = $"{Url}/{provider}/token";
            settings[$"{section}:ApiBaseUrl"] = $"{Url}/{provider}";
            if (provider != "pinterest") // documents none
                settings[$"{section}:RevokeUrl"] = $"{Url}/{provider}/revoke";
        }
        return settings;
    }

    public static async Task<OAuthServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new OAuthServer(app);
        app.MapGet("/{provider}/authorize", server.Authorize);
        app.MapGet("/{provider}/decide/{id}/{answer}", server.Decide);
        app.MapMethods("/{provider}/token", ["GET", "POST"], server.TokenAsync);
        app.MapMethods("/{provider}/revoke", ["POST", "DELETE"], server.RevokeAsync);
        app.MapMethods("/shopify/admin/api/2026-07/webhooks.json", ["GET", "POST"], (Delegate)server.ShopWebhooksAsync);
        app.MapDelete("/shopify/admin/api/2026-07/webhooks/{id:long}.json", server.DeleteShopWebhook);
        app.MapGet("/{provider}/{**path}", server.Api);
        await app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>All codes that are out are too old.</summary>
    public void ExpireCodes()
    {
        foreach (var (code, what) in _codes)
            _codes[code] = what with { Until = DateTimeOffset.MinValue };
    }

    /// <summary>A person takes access back at the provider.</summary>
    public void Revoke(string provider)
    {
        foreach (var grant in _byAccess.Values.Concat(_byRefresh.Values).Where(g => g.Provider == provider))
            grant.IsRevoked = true;
    }

    /// <summary>Does this access token work?</summary>
    public bool IsLive(string accessToken) => _byAccess.TryGetValue(accessToken, out var grant) && !grant.IsRevoked;

    /// <summary>Would this refresh token be exchanged?</summary>
    public bool IsLiveRefresh(string refreshToken) => _byRefresh.TryGetValue(refreshToken, out var grant) && !grant.IsRevoked;

    private IResult Authorize(string provider, HttpContext http)
    {
        var query = http.Request.Query;
        string Get(string name) => query[name].ToString();
        var wanted = provider switch
        {
            "google" => Get("access_type") == "offline" && Get("prompt") == "consent" && Get("response_type") == "code" && Get("code_challenge_method") == "S256"
                && Get("code_challenge").Length == 43 && Get("scope").Contains("auth/datamanager", StringComparison.Ordinal),
            "meta" => Get("response_type") == "code" && Get("scope") == "ads_management,ads_read,business_management",
            "square" => Get("session") == "false" && Get("scope").Contains("APPOINTMENTS_READ CUSTOMERS_READ".Split(' ')[0], StringComparison.Ordinal),
            "stripe" => Get("response_type") == "code" && Get("scope") == "read_only",
            "pinterest" => Get("response_type") == "code" && Get("scope").Contains("ads:read,ads:write", StringComparison.Ordinal),
            "shopify" => Get("for") == Shop && Get("scope").Contains("read_orders", StringComparison.Ordinal),
            _ => query.Keys.Order(StringComparer.Ordinal).SequenceEqual(["app_id", "redirect_uri", "state"]),
        };
        var isPkceAlone = provider == "google" || Get("code_challenge").Length == 0; // the others would refuse or ignore it
        if (!wanted || !isPkceAlone || Get(provider == "tiktok" ? "app_id" : "client_id") != ClientId(provider) || Get("state").Length < 40)
            return Results.Text("bad authorize request", statusCode: 400);
        if (Get("redirect_uri") != RedirectUri)
            return Results.Text("redirect_uri_mismatch", statusCode: 400);
        var id = Random();
        _consents[id] = new Consent(provider, Get("redirect_uri"), Get("state"), query.ContainsKey("code_challenge") ? Get("code_challenge") : null,
            string.Join(' ', Get("scope").Split([' ', ',']).Where(s => s != WithheldScope)), Get("for"));
        return Results.Content($"<!doctype html><title>Consent</title><h1>{provider}</h1><a href=\"/{provider}/decide/{id}/allow\">Allow</a> <a href=\"/{provider}/decide/{id}/deny\">Deny</a>", "text/html");
    }

    private IResult Decide(string provider, string id, string answer)
    {
        if (!_consents.TryRemove(id, out var consent))
            return Results.NotFound();
        var fields = new Dictionary<string, string?> { ["state"] = consent.State };
        if (answer == "deny")
        {
            fields["error"] = "access_denied";
            fields["error_description"] = "The user denied <b>access</b>";
        }
        else
        {
            var code = Random();
            _codes[code] = new Code(consent, Clock.GetUtcNow().AddMinutes(5));
            fields[provider == "tiktok" ? "auth_code" : "code"] = code;
        }
        if (provider == "shopify")
        {
            fields["host"] = "YWRtaW4/x+y=";
            fields["shop"] = consent.Shop;
            fields["timestamp"] = Clock.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
            fields["hmac"] = SignatureOf(fields!);
        }
        return Results.Redirect(QueryHelpers.AddQueryString(consent.RedirectUri, fields));
    }

    /// <summary>As Shopify signs a callback.</summary>
    public static string SignatureOf(IReadOnlyDictionary<string, string> fields)
    {
        var message = string.Join('&', fields.Where(f => f.Key != "hmac").OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(f => $"{System.Net.WebUtility.UrlEncode(f.Key)}={System.Net.WebUtility.UrlEncode(f.Value)}"));
        return Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(ClientSecret("shopify")), Encoding.UTF8.GetBytes(message)));
    }

    private async Task<IResult> TokenAsync(string provider, HttpContext http)
    {
        var fields = await FieldsAsync(provider, http);
        string Get(string name) => fields?.GetValueOrDefault(name) ?? "";
        var grantType = Get("grant_type") is { Length: > 0 } given ? given : "authorization_code";
        if (BeforeTokenAnswer is { } wait)
            await wait();
        var (status, answer) = Trouble?.Invoke(provider) is { } trouble ? (trouble.Status, trouble.Body)
            : fields is null || !IsClient(provider, http, Get) ? (401, """{"error":"invalid_client","error_description":"unknown client or wrong authentication"}""")
            : grantType switch
            {
                "refresh_token" when provider is "google" or "pinterest" or "square" or "shopify" => Refreshed(provider, Get),
                "fb_exchange_token" when provider == "meta" => Exchanged(Get("fb_exchange_token")),
                "authorization_code" when (Get("grant_type").Length > 0) == provider is "google" or "pinterest" or "square" or "stripe" => FromCode(provider, Get),
                _ => (400, """{"error":"unsupported_grant_type"}"""),
            };
        TokenCalls.Enqueue((provider, grantType, status));
        return Results.Text(answer, "application/json", statusCode: status);
    }

    private static async Task<Dictionary<string, string>?> FieldsAsync(string provider, HttpContext http)
    {
        if (provider == "meta")
            return http.Request.Method == "GET" ? http.Request.Query.ToDictionary(p => p.Key, p => p.Value.ToString()) : null;
        if (http.Request.Method != "POST" || http.Request.QueryString.HasValue)
            return null;
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        var isJson = http.Request.ContentType == "application/json";
        if (isJson != provider is "square" or "tiktok" or "shopify")
            return null;
        return isJson ? JsonSerializer.Deserialize<Dictionary<string, string>>(body) : QueryHelpers.ParseQuery(body).ToDictionary(p => p.Key, p => p.Value.Single()!);
    }

    private static bool IsClient(string provider, HttpContext http, Func<string, string> get)
    {
        var header = http.Request.Headers.Authorization.ToString();
        return provider switch
        {
            "pinterest" => header == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId(provider)}:{ClientSecret(provider)}")) && get("client_secret").Length == 0,
            "stripe" => header == $"Bearer {ClientSecret(provider)}" && get("client_secret").Length == 0,
            "tiktok" => get("app_id") == ClientId(provider) && get("secret") == ClientSecret(provider) && header.Length == 0,
            _ => get("client_id") == ClientId(provider) && get("client_secret") == ClientSecret(provider) && header.Length == 0,
        };
    }

    private (int, string) FromCode(string provider, Func<string, string> get)
    {
        var redirect = provider is "stripe" or "tiktok" or "shopify" ? "" : RedirectUri;
        if (!_codes.TryGetValue(get(provider == "tiktok" ? "auth_code" : "code"), out var code) || code.Consent.Provider != provider)
            return Refusal(provider, "the code is unknown");
        lock (code)
        {
            if (code.IsUsed)
                return Refusal(provider, "the code was used");
            if (code.Until < Clock.GetUtcNow())
                return Refusal(provider, "the code has expired");
            if (get("redirect_uri") != redirect)
                return Refusal(provider, "redirect_uri does not match");
            if (code.Consent.Challenge is { } challenge
                ? Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(get("code_verifier")))) != challenge : get("code_verifier").Length > 0)
                return Refusal(provider, "code_verifier does not match");
            if (provider == "shopify" && get("expiring") != "1")
                return Refusal(provider, "expiring");
            code.IsUsed = true;
        }
        return Answer(provider, new Grant(provider, Account, code.Consent.Scope), null);
    }

    private (int, string) Refreshed(string provider, Func<string, string> get)
    {
        var sent = get("refresh_token");
        if (!_byRefresh.TryGetValue(sent, out var grant) || grant.IsRevoked || grant.Provider != provider)
            return Refusal(provider, $"the refresh token {sent} is revoked or was used");
        if (provider is not ("pinterest" or "shopify"))
            return Answer(provider, grant, sent);
        if (!_byRefresh.TryRemove(sent, out _)) // good for one call
            return Refusal(provider, "the refresh token was used");
        return Answer(provider, grant, null);
    }

    private (int, string) Exchanged(string shortLived) => _byAccess.TryRemove(shortLived, out var grant) && !grant.IsRevoked
        ? (200, new JsonObject { ["access_token"] = NewAccess(grant), ["token_type"] = "bearer", ["expires_in"] = 5_183_944 }.ToJsonString())
        : (400, """{"error":{"message":"Error validating access token","type":"OAuthException","code":190}}""");

    private (int, string) Answer(string provider, Grant grant, string? sameRefresh)
    {
        var access = NewAccess(grant);
        string Refresh()
        {
            var refresh = sameRefresh ?? Random();
            _byRefresh[refresh] = grant;
            Secrets.Add(refresh);
            return refresh;
        }
        var claims = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"sub":"{{grant.Account}}","email":"owner@example.com"}"""));
        var answer = provider switch
        {
            "meta" => new JsonObject { ["access_token"] = access, ["token_type"] = "bearer", ["expires_in"] = 5000 },
            "google" when sameRefresh is not null => new JsonObject { ["access_token"] = access, ["expires_in"] = 3599, ["token_type"] = "Bearer", ["scope"] = grant.Scope },
            "google" => new JsonObject { ["access_token"] = access, ["refresh_token"] = Refresh(), ["expires_in"] = 3599, ["token_type"] = "Bearer", ["scope"] = grant.Scope, ["id_token"] = $"e30.{claims}.sig" },
            "tiktok" => new JsonObject { ["code"] = 0, ["message"] = "OK", ["data"] = new JsonObject { ["access_token"] = access, ["scope"] = new JsonArray(4, 5), ["advertiser_ids"] = new JsonArray("7001") } },
            "pinterest" => new JsonObject { ["access_token"] = access, ["refresh_token"] = Refresh(), ["expires_in"] = 2_592_000, ["refresh_token_expires_in"] = 5_184_000, ["scope"] = grant.Scope },
            "square" => new JsonObject { ["access_token"] = access, ["refresh_token"] = Refresh(), ["expires_at"] = Clock.GetUtcNow().AddDays(30).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture), ["merchant_id"] = grant.Account },
            "stripe" => new JsonObject { ["access_token"] = access, ["refresh_token"] = Random(), ["stripe_user_id"] = grant.Account, ["scope"] = "read_only", ["livemode"] = true },
            _ => new JsonObject { ["access_token"] = access, ["refresh_token"] = Refresh(), ["expires_in"] = 3600, ["refresh_token_expires_in"] = 7_776_000, ["scope"] = grant.Scope.Replace(' ', ',') },
        };
        return (200, answer.ToJsonString());
    }

    private string NewAccess(Grant grant)
    {
        var access = Random();
        _byAccess[access] = grant;
        Secrets.Add(access);
        return access;
    }

    private static (int, string) Refusal(string provider, string why) => provider == "tiktok"
        ? (200, $$"""{"code":40110,"message":"{{why}}","data":{} }""") : (400, $$"""{"error":"invalid_grant","error_description":"{{why}}"}""");

    private async Task<IResult> RevokeAsync(string provider, HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        var (header, query) = (http.Request.Headers.Authorization.ToString(), http.Request.Query);
        JsonElement Json() => JsonElement.Parse(body);
        string Form(string name) => QueryHelpers.ParseQuery(body)[name].ToString();
        var token = provider switch
        {
            "meta" when http.Request.Method == "DELETE" && query["appsecret_proof"] == Proof(query["access_token"].ToString()) => query["access_token"].ToString(),
            "google" => Form("token"),
            "square" when header == $"Client {ClientSecret(provider)}" && Json().GetProperty("client_id").GetString() == ClientId(provider) => Json().GetProperty("access_token").GetString(),
            "tiktok" when Json().GetProperty("app_id").GetString() == ClientId(provider) && Json().GetProperty("secret").GetString() == ClientSecret(provider) => Json().GetProperty("access_token").GetString(),
            "shopify" when http.Request.Method == "DELETE" => http.Request.Headers["X-Shopify-Access-Token"].ToString(),
            "stripe" when header == $"Bearer {ClientSecret(provider)}" && Form("client_id") == ClientId(provider) =>
                _byAccess.FirstOrDefault(a => a.Value.Provider == provider && a.Value.Account == Form("stripe_user_id")).Key,
            _ => null,
        };
        if (token is null || (_byAccess.GetValueOrDefault(token) ?? _byRefresh.GetValueOrDefault(token)) is not { IsRevoked: false } grant)
            return Results.Text("""{"error":"invalid_request"}""", "application/json", statusCode: 400);
        grant.IsRevoked = true;
        Revoked.Enqueue((provider, grant.Account));
        return Results.Text(provider == "tiktok" ? """{"code":0,"message":"OK"}""" : "{}", "application/json");
    }

    private IResult Api(string provider, string path, HttpContext http)
    {
        var headers = http.Request.Headers;
        var token = provider switch
        {
            "meta" => http.Request.Query["appsecret_proof"] == Proof(http.Request.Query["access_token"].ToString()) ? http.Request.Query["access_token"].ToString() : "",
            "tiktok" => headers["Access-Token"].ToString(),
            "shopify" => headers["X-Shopify-Access-Token"].ToString(),
            _ => headers.Authorization.ToString() is ['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var bearer] ? bearer : "",
        };
        if (!_byAccess.TryGetValue(token, out var grant) || grant.IsRevoked || grant.Provider != provider)
            return Results.Text("""{"error":{"message":"token refused"}}""", "application/json", statusCode: 401);
        var answer = (provider, path) switch
        {
            ("meta", "v25.0/me") => $$"""{"id":"{{grant.Account}}","name":"Jane Example"}""",
            ("meta", "v25.0/me/adaccounts") => """
                {"data":[{"account_id":"11","name":"Shop ads","adspixels":{"data":[{"id":"1234567890","name":"Shop dataset"},{"id":"222","name":"Old dataset"}]},"id":"act_11"},
                         {"account_id":"12","name":"Agency","adspixels":{"data":[{"id":"222","name":"Old dataset"}]}},{"account_id":"13","name":"Empty"}]}
                """,
            ("google", "v24/customers:listAccessibleCustomers") when headers["developer-token"] == DeveloperToken => """{"resourceNames":["customers/1234567890","customers/5"]}""",
            ("tiktok", "open_api/v1.3/oauth2/advertiser/get/") when http.Request.Query["secret"] == ClientSecret("tiktok") =>
                """{"code":0,"message":"OK","data":{"list":[{"advertiser_id":"7001","advertiser_name":"Shop"},{"advertiser_id":"7002","advertiser_name":"Other"}]}}""",
            ("tiktok", "open_api/v1.3/pixel/list/") when http.Request.Query["advertiser_id"] == "7001" => """{"code":0,"data":{"pixels":[{"pixel_code":"C4APIXEL","pixel_name":"Shop pixel","pixel_id":"9"}]}}""",
            ("tiktok", "open_api/v1.3/pixel/list/") => """{"code":40001,"message":"no permission"}""",
            ("pinterest", "v5/user_account") => $$"""{"id":"{{grant.Account}}","username":"janeexample"}""",
            ("pinterest", "v5/ad_accounts") => """{"items":[{"id":"549755885175","name":"Shop","currency":"EUR"}],"bookmark":null}""",
            ("square", "v2/merchants/me") => $$"""{"merchant":{"id":"{{grant.Account}}","business_name":"Example Salon"} }""",
            ("square", "v2/locations") => """{"locations":[{"id":"L1","name":"Main street","merchant_id":"M1"},{"id":"L2","name":"Harbour","merchant_id":"M1"}]}""",
            ("stripe", "v1/account") => $$"""{"id":"{{grant.Account}}","business_profile":{"name":"Example Clinic"} }""",
            _ => null,
        };
        return answer is null ? Results.NotFound() : Results.Text(answer, "application/json");
    }

    /// <summary>Webhooks of the shop, by id.</summary>
    public ConcurrentDictionary<long, (string Topic, string Address)> ShopWebhooks { get; } = new();

    /// <summary>As Shopify: by the token of an installed app, each topic needs its scope, an address counts once for a topic, and only https is taken (but for this machine).</summary>
    private async Task<IResult> ShopWebhooksAsync(HttpContext http)
    {
        if (ShopGrant(http) is not { } grant)
            return Results.Json(new { errors = "[API] Invalid API key or access token (unrecognized login or wrong password)" }, statusCode: 401);
        if (http.Request.Method == "GET")
            return Results.Json(new { webhooks = ShopWebhooks.Select(w => new { id = w.Key, topic = w.Value.Topic, address = w.Value.Address, format = "json" }) });
        var webhook = (await JsonSerializer.DeserializeAsync<JsonElement>(http.Request.Body)).GetProperty("webhook");
        var (topic, address) = (webhook.GetProperty("topic").GetString()!, webhook.GetProperty("address").GetString()!);
        var scope = topic.Split('/')[0] switch { "orders" or "refunds" => "read_orders", "checkouts" => "read_checkouts", "app" => "", _ => null };
        if (scope is null)
            return Results.Json(new { errors = new { topic = new[] { "Invalid topic specified" } } }, statusCode: 422);
        if (scope.Length > 0 && !grant.Scope.Split(' ').Contains(scope))
            return Results.Json(new { errors = $"[API] This action requires merchant approval for {scope} scope." }, statusCode: 403);
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || (url.Scheme != "https" && !url.IsLoopback) || webhook.GetProperty("format").GetString() != "json")
            return Results.Json(new { errors = new { address = new[] { "protocol http:// is not supported" } } }, statusCode: 422);
        if (ShopWebhooks.Values.Contains((topic, address)))
            return Results.Json(new { errors = new { address = new[] { "for this topic has already been taken" } } }, statusCode: 422);
        var id = 1_000_000_000_000 + ShopWebhooks.Count + Environment.TickCount64;
        while (!ShopWebhooks.TryAdd(id, (topic, address)))
            id++;
        return Results.Json(new { webhook = new { id, topic, address, format = "json" } }, statusCode: 201);
    }

    private IResult DeleteShopWebhook(long id, HttpContext http) =>
        ShopGrant(http) is null ? Results.StatusCode(401) : ShopWebhooks.TryRemove(id, out _) ? Results.Json(new { }) : Results.NotFound();

    private Grant? ShopGrant(HttpContext http) =>
        _byAccess.TryGetValue(http.Request.Headers["X-Shopify-Access-Token"].ToString(), out var grant) && grant is { IsRevoked: false, Provider: "shopify" } ? grant : null;

    private static string Proof(string token) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(ClientSecret("meta")), Encoding.UTF8.GetBytes(token)));

    private static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24));
}
