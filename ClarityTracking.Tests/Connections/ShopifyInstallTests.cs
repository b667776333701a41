using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Connections;

/// <summary>What the app makes in a shop that installs it, and takes out again.</summary>
public sealed class ShopifyInstallTests(AppWithOAuth app) : IClassFixture<AppWithOAuth>, IAsyncLifetime
{
    private static readonly string[] Topics = ["app/uninstalled", "checkouts/create", "orders/cancelled", "orders/create", "orders/paid", "orders/updated", "refunds/create"];

    public Task InitializeAsync()
    {
        app.Provider.ShopWebhooks.Clear();
        (app.Provider.WithheldScope, app.Provider.Account) = (null, $"acct_{Guid.NewGuid():N}");
        return app.RunAsync("DELETE FROM oauth_grants");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Install_MakesItsWebhooksOnce_TheyAreTaken_AndDisconnectOrDeleteTakesThemOut()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, "shopify");
        var path = await PathAsync(client, site, id);
        Assert.Equal(Topics, Made());
        Assert.All(app.Provider.ShopWebhooks.Values, w => Assert.Equal(app.Provider.RedirectUri.Replace("/api/v1/oauth/callback", path, StringComparison.Ordinal), w.Address));
        Assert.All((await AppWithOAuth.StatusAsync(client, site.Id)).GetProperty("webhooks").EnumerateArray(), w => Assert.Equal(JsonValueKind.Null, w.GetProperty("problem").ValueKind));

        // again: nothing twice; one that a person took out is back, one of an older address is gone
        var before = app.Provider.ShopWebhooks.Keys.Order().ToList();
        Assert.True(app.Provider.ShopWebhooks.TryRemove(before[0], out var lost));
        app.Provider.ShopWebhooks[5] = ("orders/paid", "https://old.example.com" + path);
        app.Provider.ShopWebhooks[6] = ("orders/paid", "https://another.example.com/hook");
        var again = await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/webhooks", null));
        Assert.Equal(Topics.Length, again.GetProperty("items").GetArrayLength());
        Assert.Contains(lost, app.Provider.ShopWebhooks.Values);
        Assert.Equal(Topics.Length + 1, app.Provider.ShopWebhooks.Count);
        Assert.False(app.Provider.ShopWebhooks.ContainsKey(5));

        // what Shopify posts to such an address, signed with the app's secret
        var sender = new Sender(app, account, site, path, OAuthServer.ClientSecret("shopify"));
        var order = new { id = 7, financial_status = "paid", total_price = "5.00", currency = "EUR", processed_at = "2026-11-20T10:00:00Z" };
        Assert.True((await SenderMessages.Shopify(sender, "orders/paid", order, shop: OAuthServer.Shop).PostAsync(sender)).IsSuccessStatusCode);
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());

        await AppFixture.JsonOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/disconnect", null));
        Assert.Equal([6L], app.Provider.ShopWebhooks.Keys);
        await AppFixture.ProblemOf(await client.PostAsync($"/api/v1/oauth/connections/{id}/webhooks", null), 409);

        // a connection that is deleted is disconnected first
        id = await AppWithOAuth.ConnectAsync(client, site.Id, "shopify");
        Assert.Equal(Topics.Length + 1, app.Provider.ShopWebhooks.Count);
        (await client.DeleteAsync($"/api/websites/{site.Id}/connections/{id}")).EnsureSuccessStatusCode();
        Assert.Equal([6L], app.Provider.ShopWebhooks.Keys);
    }

    [Fact]
    public async Task Install_WhatShopifyRefuses_IsToldByTopic_AndMadeWhenItCan()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        app.Provider.WithheldScope = "read_checkouts";
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, "shopify");
        Assert.Equal(Topics.Where(t => t != "checkouts/create"), Made());
        var problem = Assert.Single((await AppWithOAuth.StatusAsync(client, site.Id)).GetProperty("webhooks").EnumerateArray().ToList(), w => w.GetProperty("problem").ValueKind == JsonValueKind.String);
        Assert.Equal("checkouts/create", problem.GetProperty("topic").GetString());
        Assert.Contains("HTTP 403: [API] This action requires merchant approval for read_checkouts scope", problem.GetProperty("problem").GetString(), StringComparison.Ordinal);

        app.Provider.WithheldScope = null;
        Assert.Equal(id, await AppWithOAuth.ConnectAsync(client, site.Id, "shopify", id));
        Assert.Equal(Topics, Made());
    }

    [Fact]
    public async Task Install_OfAShopSetUpByHand_KeepsItsSecretBesideTheApps()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var made = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "shopify", settings = new { shop_domain = OAuthServer.Shop }, credentials = new { webhook_secret = "secret-of-the-admin-page" } }));
        var id = made.GetProperty("id").GetGuid();
        await AppWithOAuth.ConnectAsync(client, site.Id, "shopify", id);
        var credentials = await app.CredentialsAsync(id);
        Assert.Equal((OAuthServer.ClientSecret("shopify"), "secret-of-the-admin-page"),
            (credentials.GetProperty("webhook_secret").GetString(), credentials.GetProperty("webhook_secret_previous").GetString()));
    }

    private IEnumerable<string> Made() => app.Provider.ShopWebhooks.Values.Select(w => w.Topic).Order(StringComparer.Ordinal);

    private static async Task<string> PathAsync(HttpClient client, NewSite site, Guid id)
    {
        var url = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/connections/{id}"))).GetProperty("webhookUrl").GetString()!;
        return url[url.IndexOf("/webhooks/", StringComparison.Ordinal)..];
    }
}
