using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Web;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Connections;

/// <summary>Consents over real HTTP: the app, and a strict server in the providers' places.</summary>
public sealed class OAuthConsentTests(AppWithOAuth app) : IClassFixture<AppWithOAuth>
{
    [Theory]
    [InlineData("meta", "Jane Example", false)]
    [InlineData("google", "owner@example.com", false)]
    [InlineData("tiktok", null, false)]
    [InlineData("pinterest", "janeexample", false)]
    [InlineData("square", "Example Salon", false)]
    [InlineData("stripe", "Example Clinic", false)]
    [InlineData("shopify", OAuthServer.Shop, true)]
    public async Task Callback_AllowedAtTheProvider_KeepsSealedTokensThatWork(string provider, string? account, bool isReady)
    {
        var (client, site) = await SignedInAsync();
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, provider);

        var status = await AppWithOAuth.StatusAsync(client, site.Id);
        Assert.Equal((id, provider, "connected", account), (status.GetProperty("connectionId").GetGuid(), status.GetProperty("provider").GetString(),
            status.GetProperty("status").GetString(), status.GetProperty("accountName").GetString()));
        Assert.Equal(0, status.GetProperty("missingScopes").GetArrayLength());
        var credentials = await app.CredentialsAsync(id);
        if (provider == "google")
        {
            Assert.True(app.Provider.IsLiveRefresh(credentials.GetProperty("refresh_token").GetString()!));
            Assert.False(credentials.TryGetProperty("access_token", out _)); // fetched at need
        }
        else
            Assert.True(app.Provider.IsLive(credentials.GetProperty("access_token").GetString()!));

        var connection = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{id}"));
        Assert.Equal(OAuthProviders.Find(provider)!.Platform, connection.GetProperty("platform").GetString());
        Assert.Equal(isReady, connection.GetProperty("enabled").GetBoolean()); // the others wait for a choice
        if (provider is "square" or "stripe" or "shopify")
        {
            Assert.Contains($"/webhooks/{provider}/", connection.GetProperty("webhookUrl").GetString(), StringComparison.Ordinal);
            Assert.Equal(provider == "shopify" ? OAuthServer.ClientSecret(provider) : null, credentials.TryGetProperty("webhook_secret", out var secret) ? secret.GetString() : null);
            var setting = provider switch { "square" => "merchant_id", "stripe" => "account", _ => "shop_domain" };
            Assert.Equal(provider == "shopify" ? OAuthServer.Shop : app.Provider.Account, connection.GetProperty("settings").GetProperty(setting).GetString());
            if (!isReady)
            {
                Assert.StartsWith("Not ready: ", connection.GetProperty("stateReason").GetString(), StringComparison.Ordinal);
                // what the form does
                var saved = await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}/connections/{id}", new { enabled = true, credentials = new { webhook_secret = "whsec_1234567890" } }));
                Assert.Equal((true, "healthy"), (saved.GetProperty("enabled").GetBoolean(), saved.GetProperty("state").GetString()));
            }
        }
        else
            Assert.Equal(JsonValueKind.Null, connection.GetProperty("webhookUrl").ValueKind);
        var sealedText = Encoding.Latin1.GetString(await app.ValueAsync<byte[]>($"SELECT credentials FROM connections WHERE id = '{id}'"));
        Assert.All(credentials.EnumerateObject(), token => Assert.DoesNotContain(token.Value.GetString()!, sealedText, StringComparison.Ordinal));
        // 60 days from Meta end for good; what is refreshed does not, or ends with the refresh token
        var ends = status.GetProperty("credentialsExpireAt");
        var days = ends.ValueKind == JsonValueKind.Null ? (double?)null : (ends.GetDateTimeOffset() - app.Clock.GetUtcNow()).TotalDays;
        Assert.Equal(provider switch { "meta" or "pinterest" => 60, "shopify" => 90, _ => (double?)null }, days is { } exact ? Math.Round(exact) : null);
        Assert.Contains("connection.connected", await app.ValueAsync<string[]>($"SELECT array_agg(action::text) FROM audit_log WHERE workspace_id = '{site.WorkspaceId}'"));
    }

    [Fact]
    public async Task Connect_Begun_KeepsOnlyAHashOfTheStateAndExpiresInTenMinutes()
    {
        var (client, site) = await SignedInAsync();
        var begun = await AppFixture.JsonOf(await client.PostAsJsonAsync("/api/v1/oauth/connect", new { provider = "google", websiteId = site.Id }));
        Assert.InRange(begun.GetProperty("expiresAt").GetDateTimeOffset() - app.Clock.GetUtcNow(), TimeSpan.FromMinutes(9.5), TimeSpan.FromMinutes(10));
        var query = HttpUtility.ParseQueryString(new Uri(begun.GetProperty("authorizeUrl").GetString()!).Query);
        Assert.Equal(32, System.Buffers.Text.Base64Url.DecodeFromChars(query["state"]!).Length);
        Assert.Equal(app.Provider.RedirectUri, query["redirect_uri"]);
        var row = await app.ValueAsync<string>($"SELECT s::text FROM oauth_states s WHERE website_id = '{site.Id}'");
        Assert.DoesNotContain(query["state"]!, row, StringComparison.Ordinal);
        var two = HttpUtility.ParseQueryString(new Uri(await AppWithOAuth.BeginAsync(client, site.Id, "google")).Query);
        Assert.NotEqual(query["state"], two["state"]);
        Assert.NotEqual(query["code_challenge"], two["code_challenge"]);
    }

    [Fact]
    public async Task Callback_AnsweredTwice_CountsOnceEvenAtTheSameTime()
    {
        var (client, site) = await SignedInAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "square"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => client.GetAsync(back)));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.OK);
        foreach (var refused in answers.Where(a => a.StatusCode != HttpStatusCode.OK))
            Assert.Equal("oauth_state_used", (await AppFixture.ProblemOf(refused, 409)).GetProperty("code").GetString());
        Assert.Equal("oauth_state_used", await CodeOfAsync(client, back, 409));
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM connections WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task Callback_AfterTenMinutes_IsRefused()
    {
        var (client, site) = await SignedInAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "google"));
        app.Clock.Advance(TimeSpan.FromMinutes(10.1));
        Assert.Equal("oauth_state_expired", await CodeOfAsync(client, back, 422));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM connections WHERE website_id = '{site.Id}'"));
    }

    [Fact]
    public async Task Callback_ByAnotherUser_IsRefusedAndLeavesItToTheFirst()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var client = app.ClientFor(owner);
        var (colleague, stranger) = (await app.RegisterAsync(), await app.RegisterAsync());
        (await client.PostAsJsonAsync($"/api/workspaces/{owner.WorkspaceId}/members", new { email = colleague.Email, role = "admin" })).EnsureSuccessStatusCode();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "pinterest"));

        using var asColleague = app.ClientFor(colleague);
        Assert.Equal("oauth_state_of_another_user", await CodeOfAsync(asColleague, back, 403));
        using var asStranger = app.ClientFor(stranger);
        Assert.Equal("oauth_state_unknown", await CodeOfAsync(asStranger, back, 404));
        using var asNobody = app.Anonymous();
        Assert.Equal("unauthorized", await CodeOfAsync(asNobody, back, 401));
        using var asKey = app.ClientFor(site.SecretKey);
        Assert.Equal("unauthorized", await CodeOfAsync(asKey, back, 401));
        using var elsewhere = app.ClientFor((await AppFixture.JsonOf(await asNobody.PostAsJsonAsync("/api/login", new { email = owner.Email, password = owner.Password })))
            .GetProperty("accessToken").GetString()!);
        Assert.Equal("oauth_state_of_another_session", await CodeOfAsync(elsewhere, back, 403));

        // a renewed token is still the same sign-in
        using var renewed = app.ClientFor((await AppFixture.JsonOf(await asNobody.PostAsJsonAsync("/api/refresh", new { refreshToken = owner.RefreshToken })))
            .GetProperty("accessToken").GetString()!);
        Assert.Equal(HttpStatusCode.OK, (await renewed.GetAsync(back)).StatusCode);
    }

    [Fact]
    public async Task Callback_DeniedByThePerson_SaysSoAndChangesNothing()
    {
        var (client, site) = await SignedInAsync();
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, "google");
        var before = await app.ValueAsync<string>($"SELECT md5(c::text) FROM connections c WHERE id = '{id}'");
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "google", id), "deny");
        var problem = await AppFixture.ProblemOf(await client.GetAsync(back), 422);
        Assert.Equal(("oauth_denied", "Access was not allowed at Google. Nothing was changed."), (problem.GetProperty("code").GetString(), problem.GetProperty("detail").GetString()));
        Assert.Equal(before, await app.ValueAsync<string>($"SELECT md5(c::text) FROM connections c WHERE id = '{id}'"));
        Assert.Equal("oauth_state_used", await CodeOfAsync(client, back, 409));
    }

    [Theory]
    [InlineData("state=STATE&error=server_error&error_description=Try%20later", 422, "oauth_provider_error")]
    [InlineData("state=STATE", 422, "oauth_code_missing")]
    [InlineData("state=STATE&code=made-up", 422, "oauth_exchange_failed")]
    [InlineData("code=made-up", 422, "oauth_state_missing")]
    [InlineData("state=&code=made-up", 422, "oauth_state_missing")]
    [InlineData("state=made-up&code=made-up", 404, "oauth_state_unknown")]
    public async Task Callback_WithAnythingElse_IsANamedError(string query, int status, string code)
    {
        var (client, site) = await SignedInAsync();
        var state = HttpUtility.ParseQueryString(new Uri(await AppWithOAuth.BeginAsync(client, site.Id, "google")).Query)["state"];
        Assert.Equal(code, await CodeOfAsync(client, "/api/v1/oauth/callback?" + query.Replace("STATE", state, StringComparison.Ordinal), status));
    }

    [Theory]
    [InlineData("meta")]
    [InlineData("google")]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("square")]
    [InlineData("stripe")]
    [InlineData("shopify")]
    public async Task Callback_WithACodeThatHasExpired_TellsTheProvidersReason(string provider)
    {
        var (client, site) = await SignedInAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, provider));
        app.Provider.ExpireCodes();
        var problem = await AppFixture.ProblemOf(await client.GetAsync(back), 422);
        Assert.Equal("oauth_exchange_failed", problem.GetProperty("code").GetString());
        Assert.Contains("the code has expired", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Callback_AtAnotherAddressOfTheApp_IsRefused()
    {
        var (client, site) = await SignedInAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "google"));
        using var request = new HttpRequestMessage(HttpMethod.Get, back) { Headers = { Host = "evil.example.com" } };
        Assert.Equal("oauth_redirect_mismatch", (await AppFixture.ProblemOf(await client.SendAsync(request), 422)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("hmac", "0")]
    [InlineData("host", "other")]
    [InlineData("code", "other")]
    [InlineData("shop", "other.myshopify.com")]
    [InlineData("timestamp", "-91")]
    [InlineData("timestamp", "91")]
    [InlineData("hmac", null)]
    public async Task ShopifyCallback_Tampered_IsRefused(string field, string? value)
    {
        var (client, site) = await SignedInAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "shopify"));
        var fields = HttpUtility.ParseQueryString(back[back.IndexOf('?', StringComparison.Ordinal)..]);
        var all = fields.AllKeys.ToDictionary(k => k!, k => fields[k]!);
        if (field == "timestamp")
        {
            all[field] = (app.Clock.GetUtcNow().ToUnixTimeSeconds() + int.Parse(value!, System.Globalization.CultureInfo.InvariantCulture)).ToString(System.Globalization.CultureInfo.InvariantCulture);
            all["hmac"] = OAuthServer.SignatureOf(all); // signed, but old or from the future
        }
        else if (value is null)
            all.Remove(field);
        else
            all[field] = field == "hmac" ? (all[field][0] == '0' ? '1' : '0') + all[field][1..] : value;
        var query = string.Join('&', all.Select(f => $"{f.Key}={Uri.EscapeDataString(f.Value)}"));
        Assert.Equal("oauth_answer_not_signed", await CodeOfAsync(client, "/api/v1/oauth/callback?" + query, 422));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM connections WHERE website_id = '{site.Id}'"));
    }

    [Theory]
    [InlineData("my-shop", "my-shop.myshopify.com")]
    [InlineData(" https://My-Shop.myshopify.com/admin ", "my-shop.myshopify.com")]
    [InlineData("my-shop.myshopify.com.evil.example.com", null)]
    [InlineData("evil.example.com/my-shop.myshopify.com", null)]
    [InlineData("user@my-shop.myshopify.com", null)]
    [InlineData("my-shop.myshopify.com:8080", null)]
    [InlineData("-shop", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void ShopOf_WhatPeopleType_IsAShopsHostOrNothing(string? typed, string? shop) => Assert.Equal(shop, ShopifyCallback.ShopOf(typed));

    [Fact]
    public async Task Connect_WhoMayNotOrWrongly_IsRefused()
    {
        var (client, site) = await SignedInAsync();
        using var key = app.ClientFor(site.SecretKey);
        Assert.Equal("forbidden", await ConnectCodeAsync(key, new { provider = "google", websiteId = site.Id }, 403));
        var stranger = await app.RegisterAsync();
        using var asStranger = app.ClientFor(stranger);
        Assert.Equal("not_found", await ConnectCodeAsync(asStranger, new { provider = "google", websiteId = site.Id }, 404));
        var own = await app.CreateWebsiteAsync(stranger);
        var theirs = await AppWithOAuth.ConnectAsync(client, site.Id, "google");
        Assert.Equal("not_found", await ConnectCodeAsync(asStranger, new { provider = "google", websiteId = own.Id, connectionId = theirs }, 404));
        Assert.Equal("not_found", (await AppFixture.ProblemOf(await asStranger.GetAsync($"/api/v1/oauth/status?websiteId={site.Id}"), 404)).GetProperty("code").GetString());
        Assert.Equal("unknown_provider", await ConnectCodeAsync(client, new { provider = "myspace", websiteId = site.Id }, 422));
        Assert.Equal("validation_failed", await ConnectCodeAsync(client, new { provider = "google" }, 422));
        Assert.Equal("validation_failed", await ConnectCodeAsync(client, new { provider = "meta", websiteId = site.Id, connectionId = theirs }, 422));
        Assert.Equal("validation_failed", await ConnectCodeAsync(client, new { provider = "shopify", websiteId = site.Id, shop = "evil.example.com" }, 422));
    }

    [Fact]
    public async Task Callback_AfterTheRoleWasTakenAway_IsForbidden()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        var admin = await app.RegisterAsync();
        using var client = app.ClientFor(owner);
        (await client.PostAsJsonAsync($"/api/workspaces/{owner.WorkspaceId}/members", new { email = admin.Email, role = "admin" })).EnsureSuccessStatusCode();
        using var asAdmin = app.ClientFor(admin);
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(asAdmin, site.Id, "google"));
        await app.RunAsync($"UPDATE members SET role = 'viewer' WHERE user_id = '{admin.UserId}' AND workspace_id = '{owner.WorkspaceId}'");
        Assert.Equal("forbidden", await CodeOfAsync(asAdmin, back, 403));
    }

    [Fact]
    public async Task Status_ScopeWithheld_NamesIt()
    {
        var (client, site) = await SignedInAsync();
        app.Provider.WithheldScope = "https://www.googleapis.com/auth/datamanager";
        await AppWithOAuth.ConnectAsync(client, site.Id, "google");
        app.Provider.WithheldScope = null;
        Assert.Equal("https://www.googleapis.com/auth/datamanager", Assert.Single((await AppWithOAuth.StatusAsync(client, site.Id)).GetProperty("missingScopes").EnumerateArray().ToList()).GetString());
    }

    [Fact]
    public async Task Connecting_AllProviders_LeavesNoSecretInLogsAnswersOrTables()
    {
        var (client, site) = await SignedInAsync();
        var answers = new StringBuilder();
        foreach (var provider in OAuthServer.Providers)
        {
            var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, provider));
            var answer = await client.GetAsync(back);
            answers.Append(await answer.Content.ReadAsStringAsync());
            var failing = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, provider));
            app.Provider.ExpireCodes();
            answers.Append(await (await client.GetAsync(failing)).Content.ReadAsStringAsync());
        }
        foreach (var path in new[] { $"/api/v1/oauth/status?websiteId={site.Id}", "/api/v1/oauth/providers", $"/api/websites/{site.Id}/connections" })
            answers.Append(await client.GetStringAsync(path));
        foreach (var table in new[] { "connections", "oauth_states", "oauth_grants", "audit_log" })
            answers.Append(await app.ValueAsync<string>($"SELECT string_agg(t::text, ' ') FROM {table} t WHERE workspace_id = '{site.WorkspaceId}'"));
        var log = string.Join('\n', app.Log.Lines);
        Assert.Contains("oauth", log, StringComparison.OrdinalIgnoreCase);
        foreach (var secret in app.Provider.Secrets.Concat(OAuthServer.Providers.Select(OAuthServer.ClientSecret)))
        {
            Assert.DoesNotContain(secret, answers.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
        }
    }

    private async Task<(HttpClient Client, NewSite Site)> SignedInAsync()
    {
        var account = await app.RegisterAsync();
        return (app.ClientFor(account), await app.CreateWebsiteAsync(account));
    }

    private static async Task<string?> CodeOfAsync(HttpClient client, string path, int status) =>
        (await AppFixture.ProblemOf(await client.GetAsync(path), status)).GetProperty("code").GetString();

    private static async Task<string?> ConnectCodeAsync(HttpClient client, object order, int status) =>
        (await AppFixture.ProblemOf(await client.PostAsJsonAsync("/api/v1/oauth/connect", order), status)).GetProperty("code").GetString();
}

/// <summary>An installation whose operator registered nothing.</summary>
public sealed class OAuthNotConfiguredTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("meta", "Meta")]
    [InlineData("google", "Google")]
    [InlineData("tiktok", "TikTok")]
    [InlineData("pinterest", "Pinterest")]
    [InlineData("square", "Square")]
    [InlineData("stripe", "Stripe")]
    [InlineData("shopify", "Shopify")]
    public async Task Connect_NotConfigured_NamesTheSettingsToSet(string provider, string section)
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync("/api/v1/oauth/connect", new { provider, websiteId = site.Id, shop = "my-shop" }), 422);
        Assert.Equal("oauth_not_configured", problem.GetProperty("code").GetString());
        Assert.Contains($"OAuth__{section}__ClientId and OAuth__{section}__ClientSecret", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        var list = await AppFixture.JsonOf(await client.GetAsync("/api/v1/oauth/providers"));
        Assert.Equal(app.Url + "/api/v1/oauth/callback", list.GetProperty("redirectUri").GetString());
        var info = list.GetProperty("items").EnumerateArray().Single(p => p.GetProperty("provider").GetString() == provider);
        Assert.False(info.GetProperty("configured").GetBoolean());
        Assert.Equal(problem.GetProperty("detail").GetString(), info.GetProperty("message").GetString());
    }
}
