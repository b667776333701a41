using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Connections;

/// <summary>What becomes of granted access with time: refreshed, ended, revoked, disconnected.</summary>
public sealed class OAuthRefreshTests(AppWithOAuth app) : IClassFixture<AppWithOAuth>, IAsyncLifetime
{
    private Account _owner = null!;
    private NewSite _site = null!;

    /// <summary>Grants of other tests would be due as well once the clock is put forward.</summary>
    public async Task InitializeAsync()
    {
        await app.RunAsync("DELETE FROM oauth_grants");
        (app.Provider.Trouble, app.Provider.BeforeTokenAnswer, app.Provider.Account) = (null, null, $"acct_{Guid.NewGuid():N}");
        _owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(_owner);
        app.Provider.TokenCalls.Clear();
        app.Provider.Revoked.Clear();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData("square", 6.9, 7.1, false)]     // Square's advice: every 7 days, of 30; the refresh token stays
    [InlineData("pinterest", 6.9, 7.1, true)]
    [InlineData("shopify", 0.027, 0.029, true)] // two thirds of an hour
    public async Task Run_TokenThatEndsSoon_IsRefreshedBeforeAndKeepsWhatIsNew(string provider, double early, double due, bool rotates)
    {
        var id = await ConnectAsync(provider);
        var before = await app.CredentialsAsync(id);
        app.Clock.Advance(TimeSpan.FromDays(early));
        Assert.Equal(0, (await RefreshAsync()).Refreshed);
        app.Clock.Advance(TimeSpan.FromDays(due - early));
        Assert.Equal(new OAuthRefreshResult(1, 0, 0), await RefreshAsync());
        Assert.Equal(0, (await RefreshAsync()).Refreshed);

        var after = await app.CredentialsAsync(id);
        Assert.NotEqual(Text(before, "access_token"), Text(after, "access_token"));
        Assert.True(app.Provider.IsLive(Text(after, "access_token")) && app.Provider.IsLiveRefresh(Text(after, "refresh_token")));
        Assert.Equal(rotates, Text(before, "refresh_token") != Text(after, "refresh_token"));
        var status = await StatusAsync();
        Assert.Equal("connected", status.GetProperty("status").GetString());
        Assert.InRange(app.Clock.GetUtcNow() - status.GetProperty("refreshedAt").GetDateTimeOffset(), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(1));
        // and again, with the new one
        app.Clock.Advance(TimeSpan.FromDays(due));
        Assert.Equal(1, (await RefreshAsync()).Refreshed);
        Assert.True(app.Provider.IsLiveRefresh(Text(await app.CredentialsAsync(id), "refresh_token")));
    }

    [Theory]
    [InlineData("pinterest")]
    [InlineData("square")]
    public async Task Run_OnTwoNodesAtOnce_RefreshesOnce(string provider)
    {
        var id = await ConnectAsync(provider);
        app.Clock.Advance(TimeSpan.FromDays(8));
        app.Provider.TokenCalls.Clear();
        app.Provider.BeforeTokenAnswer = () => Task.Delay(400); // long enough for the others to look
        await using var second = SecondNode();
        var nodes = new[] { Refresher(app.Services), Refresher(second), Refresher(app.Services), Refresher(second) };
        var results = await Task.WhenAll(nodes.Select(node => node.RunAsync(CancellationToken.None)));
        app.Provider.BeforeTokenAnswer = null;
        Assert.Equal(1, results.Sum(r => r.Refreshed));
        Assert.Equal((0, 0), (results.Sum(r => r.Failed), results.Sum(r => r.Paused)));
        Assert.Equal([(provider, "refresh_token", 200)], app.Provider.TokenCalls);
        Assert.True(app.Provider.IsLiveRefresh(Text(await app.CredentialsAsync(id), "refresh_token")));
    }

    [Theory]
    [InlineData("pinterest", 8)]
    [InlineData("google", 1.1)]
    [InlineData("square", 8)]
    public async Task Run_RevokedAtTheProvider_PausesWithTheReasonUntilReconnected(string provider, double days)
    {
        var id = await ConnectAsync(provider);
        await app.RunAsync($"UPDATE connections SET enabled = true WHERE id = '{id}'");
        app.Provider.Revoke(provider);
        app.Clock.Advance(TimeSpan.FromDays(days));
        Assert.Equal(new OAuthRefreshResult(0, 0, 1), await RefreshAsync());

        Assert.Equal("paused", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
        var reason = await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}'");
        Assert.StartsWith($"Reconnect needed: {OAuthProviders.Find(provider)!.DisplayName} refused the refresh: HTTP 400: invalid_grant: ", reason, StringComparison.Ordinal);
        Assert.All(app.Provider.Secrets, secret => Assert.DoesNotContain(secret, reason, StringComparison.Ordinal)); // the provider quotes it
        Assert.Contains("connection.paused", await app.ValueAsync<string[]>($"SELECT array_agg(action::text) FROM audit_log WHERE workspace_id = '{_site.WorkspaceId}'"));
        var status = await StatusAsync();
        Assert.Equal(("reconnect_needed", reason), (status.GetProperty("status").GetString(), status.GetProperty("reason").GetString()));
        app.Clock.Advance(TimeSpan.FromDays(30));
        app.Provider.TokenCalls.Clear();
        await RefreshAsync();
        Assert.Empty(app.Provider.TokenCalls); // no use asking again

        using var client = await ClientAsync();
        Assert.Equal(id, await AppWithOAuth.ConnectAsync(client, _site.Id, provider, id));
        Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
        Assert.Equal("connected", (await StatusAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Run_ProviderAway_IsTriedAgainAndNotPaused()
    {
        var id = await ConnectAsync("square");
        app.Clock.Advance(TimeSpan.FromDays(8));
        app.Provider.Trouble = _ => (503, "<html>");
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(new OAuthRefreshResult(0, 1, 0), await RefreshAsync());
            app.Clock.Advance(TimeSpan.FromHours(7));
        }
        Assert.Contains("503", (await StatusAsync()).GetProperty("lastError").GetString(), StringComparison.Ordinal);
        app.Provider.Trouble = null;
        Assert.Equal(1, (await RefreshAsync()).Refreshed);
        Assert.Equal(JsonValueKind.Null, (await StatusAsync()).GetProperty("lastError").ValueKind);
        Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
    }

    [Fact]
    public async Task Run_RefusedForAnotherReason_PausesOnlyAfterSeveral()
    {
        var id = await ConnectAsync("square");
        app.Clock.Advance(TimeSpan.FromDays(8));
        app.Provider.Trouble = _ => (401, """{"message":"Not Authorized","type":"service.not_authorized"}""");
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(new OAuthRefreshResult(0, 1, 0), await RefreshAsync());
            Assert.Equal(new OAuthRefreshResult(0, 0, 0), await RefreshAsync()); // not at once
            app.Clock.Advance(TimeSpan.FromHours(7));
        }
        Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
        Assert.Equal(new OAuthRefreshResult(0, 0, 1), await RefreshAsync());
        Assert.Contains("Not Authorized", await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}'"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(400)]
    public async Task Run_ReconnectedWhileTheProviderWasCalled_KeepsWhatThePersonGranted(int status)
    {
        var id = await ConnectAsync("pinterest");
        app.Clock.Advance(TimeSpan.FromDays(8));
        using var client = await ClientAsync();
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, _site.Id, "pinterest", id));
        if (status == 400)
            app.Provider.Revoke("pinterest");
        var isFirst = true;
        app.Provider.BeforeTokenAnswer = async () =>
        {
            if (!isFirst)
                return;
            isFirst = false;
            await AppFixture.JsonOf(await client.GetAsync(back));
        };
        Assert.Equal(new OAuthRefreshResult(0, 0, 0), await RefreshAsync());
        Assert.Contains(app.Provider.TokenCalls, c => c == ("pinterest", "refresh_token", status));
        var credentials = await app.CredentialsAsync(id);
        Assert.True(app.Provider.IsLive(Text(credentials, "access_token")) && app.Provider.IsLiveRefresh(Text(credentials, "refresh_token")));
        Assert.Equal("connected", (await StatusAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Run_AccessThatNobodyCanRefresh_WarnsDaysBeforeAndPausesAtItsEnd()
    {
        var id = await ConnectAsync("meta");
        using (var client = await ClientAsync())
            await client.PostAsJsonAsync($"/api/v1/oauth/connections/{id}/choose", new { id = "1234567890" });
        app.Clock.Advance(TimeSpan.FromDays(52));
        await RefreshAsync();
        Assert.Equal("connected", (await StatusAsync()).GetProperty("status").GetString());
        app.Clock.Advance(TimeSpan.FromDays(2));
        await RefreshAsync();
        var status = await StatusAsync();
        Assert.Equal("ends_soon", status.GetProperty("status").GetString());
        Assert.InRange((status.GetProperty("credentialsExpireAt").GetDateTimeOffset() - app.Clock.GetUtcNow()).TotalDays, 5, 7);
        Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
        app.Clock.Advance(TimeSpan.FromDays(6.5));
        Assert.Equal(1, (await RefreshAsync()).Paused);
        Assert.Equal(0, (await RefreshAsync()).Paused);
        Assert.StartsWith("Reconnect needed: the access that Meta granted ended on ", await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}' AND state = 'paused'"), StringComparison.Ordinal);
        Assert.Equal("reconnect_needed", (await StatusAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Change_TokenTypedByHand_TakesTheGrantsPlace()
    {
        var id = await ConnectAsync("meta");
        using var client = await ClientAsync();
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{id}", new { settings = new { dataset_id = "1" }, credentials = new { app_secret = "s" } }));
        await StatusAsync(); // still there: another credential was typed
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{id}", new { credentials = new { access_token = "typed" } }));
        Assert.Equal(0, (await AppFixture.JsonOf(await client.GetAsync($"/api/v1/oauth/status?websiteId={_site.Id}"))).GetProperty("items").GetArrayLength());
        Assert.True(await app.ValueAsync<bool>($"SELECT credentials_expire_at IS NULL FROM connections WHERE id = '{id}'"));
        app.Clock.Advance(TimeSpan.FromDays(90));
        Assert.Equal(0, (await RefreshAsync()).Paused);
    }

    [Theory]
    [InlineData("meta", true)]
    [InlineData("google", true)]
    [InlineData("tiktok", true)]
    [InlineData("square", true)]
    [InlineData("stripe", true)]
    [InlineData("shopify", true)]
    [InlineData("pinterest", false)]
    public async Task Disconnect_ConnectedAccount_IsRevokedAtTheProviderAndForgotten(string provider, bool canRevoke)
    {
        var id = await ConnectAsync(provider);
        using var client = await ClientAsync();
        var answer = await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/disconnect", null));
        Assert.Equal(canRevoke, answer.GetProperty("revoked").GetBoolean());
        Assert.Equal(canRevoke ? 1 : 0, app.Provider.Revoked.Count(r => r.Provider == provider));
        if (!canRevoke)
            Assert.Contains("has no address for taking access back", answer.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain((await app.CredentialsAsync(id)).EnumerateObject(), c => c.Name.EndsWith("_token", StringComparison.Ordinal));
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM oauth_grants WHERE connection_id = '{id}'"));
        Assert.StartsWith("Disconnected from ", await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}' AND state = 'paused'"), StringComparison.Ordinal);
        await AppFixture.ProblemOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/disconnect", null), 409);
    }

    [Fact]
    public async Task Delete_ConnectedConnection_RevokesFirst()
    {
        var id = await ConnectAsync("square");
        using var client = await ClientAsync();
        (await client.DeleteAsync($"/api/websites/{_site.Id}/connections/{id}")).EnsureSuccessStatusCode();
        Assert.Equal([("square", app.Provider.Account)], app.Provider.Revoked);
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM connections WHERE id = '{id}'"));
    }

    [Fact]
    public async Task Run_PlatformRefusedTheTokenBeforeItsTime_TriesAFreshOneWithGrowingPauses()
    {
        var id = await ConnectAsync("pinterest");
        foreach (var hours in new[] { 1, 2, 4, 8, 16, 24, 24 })
        {
            app.Clock.Advance(TimeSpan.FromMinutes(1));
            await PauseAsync();
            app.Clock.Advance(TimeSpan.FromHours(hours) - TimeSpan.FromMinutes(5));
            Assert.Equal(0, (await RefreshAsync()).Refreshed);
            app.Clock.Advance(TimeSpan.FromMinutes(6));
            Assert.Equal(1, (await RefreshAsync()).Refreshed);
            Assert.Equal("healthy", await app.ValueAsync<string>($"SELECT state FROM connections WHERE id = '{id}'"));
        }
        app.Clock.Advance(TimeSpan.FromHours(25));
        Assert.Equal(0, (await RefreshAsync()).Refreshed); // healthy: no hurry
        await PauseAsync();
        app.Provider.Revoke("pinterest");
        Assert.Equal(1, (await RefreshAsync()).Paused);
        Assert.StartsWith("Reconnect needed", await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}'"), StringComparison.Ordinal);

        Task PauseAsync() => app.RunAsync($"""
            UPDATE connections SET state = 'paused', state_reason = 'HTTP 401', state_changed_at = '{app.Clock.GetUtcNow():O}' WHERE id = '{id}'
            """);
    }

    [Fact]
    public async Task Run_SourceWithoutItsSecret_KeepsItsTokensFreshAndItsReason()
    {
        var id = await ConnectAsync("square", withSecret: false);
        app.Clock.Advance(TimeSpan.FromHours(3));
        Assert.Equal(0, (await RefreshAsync()).Refreshed);
        app.Clock.Advance(TimeSpan.FromDays(8));
        Assert.Equal(1, (await RefreshAsync()).Refreshed);
        Assert.StartsWith("Not ready", await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}'"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OneGrantThatCannotBeRefreshed_HoldsUpNoOther()
    {
        var bad = await ConnectAsync("shopify");
        var good = await ConnectAsync("pinterest");
        app.Provider.Trouble = provider => provider == "shopify" ? (400, """{"error":"x\u0000y\ud800"}""") : null;
        app.Clock.Advance(TimeSpan.FromDays(8));
        Assert.Equal(new OAuthRefreshResult(1, 1, 0), await RefreshAsync());
        Assert.Equal(new OAuthRefreshResult(0, 0, 0), await RefreshAsync());
        Assert.True(await app.ValueAsync<bool>($"SELECT last_error <> '' AND lease_until IS NULL FROM oauth_grants WHERE connection_id = '{bad}'"));
        Assert.True(app.Provider.IsLive(Text(await app.CredentialsAsync(good), "access_token")));

        // an address that is none: the request cannot even be written
        app.Clock.Advance(TimeSpan.FromDays(8));
        await using var misled = SecondNode(("OAuth:Shopify:TokenUrl", "http://"));
        Assert.Equal(new OAuthRefreshResult(1, 1, 0), await Refresher(misled).RunAsync(CancellationToken.None));
        Assert.Contains("address", await app.ValueAsync<string>($"SELECT last_error FROM oauth_grants WHERE connection_id = '{bad}'"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\0b\r\nc", 10, "abc")]
    [InlineData("ab\ud83d\ude00", 3, "ab")]
    [InlineData("HALFx", 10, "\ufffdx")]
    public void Line_WhatProvidersWrite_IsWhatADatabaseKeeps(string words, int longest, string line) => Assert.Equal(line, OAuthErrors.Line(words.Replace("HALF", "\ud800", StringComparison.Ordinal), longest));

    [Fact]
    public async Task Disconnect_AccountThatAnotherConnectionUses_IsNotRevokedUntilTheLast()
    {
        var first = await ConnectAsync("google");
        var second = await ConnectAsync("google");
        using var client = await ClientAsync();
        var answer = await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{first}/disconnect", null));
        Assert.False(answer.GetProperty("revoked").GetBoolean());
        Assert.Empty(app.Provider.Revoked);
        Assert.True(app.Provider.IsLiveRefresh(Text(await app.CredentialsAsync(second), "refresh_token")));
        Assert.True((await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{second}/disconnect", null))).GetProperty("revoked").GetBoolean());
    }

    [Fact]
    public async Task Disconnect_ProviderThatRefuses_ForgetsAllTheSameAndSaysSo()
    {
        var id = await ConnectAsync("square");
        app.Provider.Revoke("square"); // nothing left to take back
        using var client = await ClientAsync();
        var answer = await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/disconnect", null));
        Assert.False(answer.GetProperty("revoked").GetBoolean());
        Assert.Contains("take this app's access back in the account's own settings", answer.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain((await app.CredentialsAsync(id)).EnumerateObject(), c => c.Name.EndsWith("_token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("meta", "1234567890,222", "Shop dataset", "dataset_id")]
    [InlineData("tiktok", "C4APIXEL", "Shop pixel", "pixel_code")]
    [InlineData("pinterest", "549755885175", "Shop", "ad_account_id")]
    [InlineData("square", "L1,L2", "Main street", "location_id")]
    public async Task Accounts_OfAConnectedAccount_AreChosenAndBecomeSettings(string provider, string ids, string name, string setting)
    {
        var id = await ConnectAsync(provider);
        using var client = await ClientAsync();
        var items = (await AppFixture.JsonOf(await client.GetAsync($"/api/v1/oauth/connections/{id}/accounts"))).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(ids.Split(','), items.Select(i => i.GetProperty("id").GetString()));
        Assert.Equal(name, items[0].GetProperty("name").GetString());
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/v1/oauth/connections/{id}/choose", new { id = "666" }), 422);
        (await client.PostAsJsonAsync($"/api/v1/oauth/connections/{id}/choose", new { id = items[0].GetProperty("id").GetString() })).EnsureSuccessStatusCode();
        var connection = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/connections/{id}"));
        Assert.Equal(items[0].GetProperty("id").GetString(), connection.GetProperty("settings").GetProperty(setting).GetString());
        Assert.True(connection.GetProperty("enabled").GetBoolean());
    }

    [Fact]
    public async Task Accounts_OfGoogle_NeedADeveloperTokenAndSaySo()
    {
        var id = await ConnectAsync("google");
        using var client = await ClientAsync();
        var without = await AppFixture.JsonOf(await client.GetAsync($"/api/v1/oauth/connections/{id}/accounts"));
        Assert.Contains("developer token", without.GetProperty("note").GetString(), StringComparison.Ordinal);
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{id}", new
        {
            settings = new { customer_id = "1112223333", conversion_actions = new { purchase = "987" } },
            credentials = new { developer_token = OAuthServer.DeveloperToken },
        }));
        var with = await AppFixture.JsonOf(await client.GetAsync($"/api/v1/oauth/connections/{id}/accounts"));
        Assert.Equal(["123-456-7890", "5"], with.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("name").GetString()));
        app.Provider.Revoke("google");
        Assert.Equal(0, (await RefreshAsync()).Refreshed);
    }

    [Fact]
    public async Task Run_OldStates_AreForgotten()
    {
        using var client = await ClientAsync();
        await AppWithOAuth.BeginAsync(client, _site.Id, "google");
        await RefreshAsync();
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM oauth_states WHERE website_id = '{_site.Id}'"));
        app.Clock.Advance(TimeSpan.FromDays(1.1));
        await RefreshAsync();
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM oauth_states WHERE website_id = '{_site.Id}'"));
    }

    private static string Text(JsonElement credentials, string name) => credentials.GetProperty(name).GetString()!;

    private static OAuthRefresh Refresher(IServiceProvider node) => node.GetRequiredService<OAuthRefresh>();

    private Task<OAuthRefreshResult> RefreshAsync() => Refresher(app.Services).RunAsync(CancellationToken.None);

    /// <summary>Signs in anew: the clock may have been put forward past the last token.</summary>
    private async Task<HttpClient> ClientAsync()
    {
        using var nobody = app.Anonymous();
        var answer = await AppFixture.JsonOf(await nobody.PostAsJsonAsync("/api/login", new { email = _owner.Email, password = _owner.Password }));
        return app.ClientFor(answer.GetProperty("accessToken").GetString()!);
    }

    private async Task<Guid> ConnectAsync(string provider, bool withSecret = true)
    {
        using var client = await ClientAsync();
        var id = await AppWithOAuth.ConnectAsync(client, _site.Id, provider);
        if (provider is "square" or "stripe" && withSecret)
            (await client.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{id}", new { enabled = true, credentials = new { webhook_secret = "key-of-the-subscription-1" } })).EnsureSuccessStatusCode();
        return id;
    }

    private async Task<JsonElement> StatusAsync()
    {
        using var client = await ClientAsync();
        return await AppWithOAuth.StatusAsync(client, _site.Id);
    }

    /// <summary>Another process of the installation, but for its web server.</summary>
    private ServiceProvider SecondNode(params (string Name, string Value)[] settings) => new ServiceCollection().AddLogging()
        .AddSingleton<TimeProvider>(app.Clock)
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(app.Provider.Settings()!)
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Name, (string?)s.Value))).Build())
        .AddClarityCore(app.ConnectionString, [.. Enumerable.Range(1, 32).Select(i => (byte)i)])
        .BuildServiceProvider();
}
