using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Connecting accounts by consent, in a real browser.</summary>
public sealed class ConnectAccountTests(AppWithOAuth app, AppFixture bare, Browser browser)
    : IClassFixture<AppWithOAuth>, IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task MetaAccount_ConnectedChosenReconnectedDisconnected_IsToldInWords()
    {
        app.Provider.Account = $"account-{Guid.NewGuid():N}";
        var (owner, site) = await SiteAsync(app);
        var page = await SignInAsync(app, owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=meta");
        await page.GetByTestId("oauth-connect").ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Deny" }).ClickAsync();
        await Expect(page.GetByTestId("oauth-failure")).ToHaveTextAsync(new Regex("Access was not allowed at Meta. Nothing was changed."));
        Assert.DoesNotContain("state=", page.Url, StringComparison.Ordinal);

        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=meta");
        await page.GetByTestId("oauth-connect").ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Allow" }).ClickAsync();
        await Expect(page.GetByTestId("oauth-connected")).ToContainTextAsync("Meta is connected.");
        await Expect(page.GetByTestId("oauth-card")).ToContainTextAsync("Jane Example");
        await Expect(page.GetByTestId("oauth-status")).ToHaveTextAsync("Connected");
        await page.GetByTestId("oauth-choice").SelectOptionAsync("1234567890");
        await Expect(page.GetByTestId("field-dataset_id")).ToHaveValueAsync("1234567890");
        await Expect(page.GetByTestId("connections")).ToContainTextAsync("Healthy");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("connection-form")).ToHaveCountAsync(0);

        await page.GetByTestId("edit-connection").ClickAsync();
        await Expect(page.GetByTestId("oauth-choice")).ToHaveValueAsync("1234567890");
        await page.GetByTestId("oauth-reconnect").ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Allow" }).ClickAsync();
        await Expect(page.GetByTestId("oauth-connected")).ToBeVisibleAsync();
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM connections WHERE website_id = '{site.Id}'"));

        await page.GetByTestId("oauth-disconnect").ClickAsync();
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Disconnect", Exact = true }).First.ClickAsync();
        await Expect(page.GetByTestId("oauth-connect")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("oauth-connected")).ToHaveCountAsync(0);
        await Expect(page.GetByTestId("connections")).ToContainTextAsync("Paused: Disconnected from Meta.");
        Assert.Contains(app.Provider.Revoked, r => r == ("meta", app.Provider.Account));
    }

    [Fact]
    public async Task ShopifyShop_TypedInPartAndInstalled_IsConnectedWithoutAForm()
    {
        var (owner, site) = await SiteAsync(app);
        var page = await SignInAsync(app, owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=shopify");
        await page.GetByTestId("oauth-connect").ClickAsync();
        await Expect(page.Locator(".field-error")).ToContainTextAsync("such as my-shop.myshopify.com");
        await page.GetByTestId("oauth-shop").FillAsync("my-shop");
        await page.GetByTestId("oauth-connect").ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Allow" }).ClickAsync();
        await Expect(page.GetByTestId("oauth-card")).ToContainTextAsync(OAuthServer.Shop);
        await Expect(page.GetByTestId("oauth-status")).ToHaveTextAsync("Connected");
    }

    [Fact]
    public async Task Answer_InAnotherPersonsBrowserOrTwice_IsExplained()
    {
        var (owner, site) = await SiteAsync(app);
        using var client = app.ClientFor(owner);
        var back = await AppWithOAuth.DecideAsync(await AppWithOAuth.BeginAsync(client, site.Id, "google"));
        // nobody is signed in: sign in first, and then it is another sign-in than the one it was begun in
        var page = await browser.NewPageAsync();
        await page.GotoAsync(app.Url + back);
        await page.GetByLabel("Email").FillAsync(owner.Email);
        await page.GetByLabel("Password").FillAsync(owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByTestId("not-connected")).ToContainTextAsync("begun in another browser");
        var stranger = await SignInAsync(app, await app.RegisterAsync($"stranger-{Guid.NewGuid():N}@example.com"));
        await stranger.GotoAsync(app.Url + back);
        await Expect(stranger.GetByTestId("not-connected")).ToContainTextAsync("nothing that you began here");
        await stranger.GotoAsync($"{app.Url}/account/not-connected?reason=<b>x</b>");
        await Expect(stranger.GetByTestId("not-connected")).ToHaveTextAsync("The answer cannot be used. Begin again on the Connections page.");
    }

    [Fact]
    public async Task RevokedAccess_OnThePage_SaysReconnectNeededAndLeadsThere()
    {
        app.Provider.Account = $"account-{Guid.NewGuid():N}";
        var (owner, site) = await SiteAsync(app);
        using var client = app.ClientFor(owner);
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, "pinterest");
        await app.RunAsync($"""
            UPDATE connections SET enabled = true, state = 'paused', state_reason = 'Reconnect needed: Pinterest refused the refresh: HTTP 400: invalid_grant' WHERE id = '{id}';
            UPDATE oauth_grants SET needs_reconnect = true, refresh_due_at = NULL WHERE connection_id = '{id}'
            """);
        foreach (var (dark, width) in new[] { (true, 1280), (false, 390) })
        {
            var page = await SignInAsync(app, owner, dark, width);
            await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
            await Expect(page.GetByTestId("connections")).ToContainTextAsync("Paused: Reconnect needed: Pinterest refused the refresh");
            await page.GetByTestId("reconnect").ClickAsync();
            await Expect(page.GetByTestId("oauth-status")).ToHaveTextAsync("Reconnect needed");
            Assert.True(await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways");
        }
    }

    [Fact]
    public async Task Provider_NotSetUpByTheOperator_IsExplainedAndTokensCanBeTyped()
    {
        var (owner, site) = await SiteAsync(bare);
        var page = await SignInAsync(bare, owner);
        await page.GotoAsync($"{bare.Url}/websites/{site.Id}/connections?open=new&platform=google_ads");
        await Expect(page.GetByTestId("oauth-missing")).ToContainTextAsync("OAuth__Google__ClientId and OAuth__Google__ClientSecret");
        await Expect(page.GetByTestId("oauth-connect")).ToHaveCountAsync(0);
        await Expect(page.GetByTestId("field-refresh_token")).ToBeVisibleAsync();
        await page.GotoAsync($"{bare.Url}/websites/{site.Id}/connections?open=new&platform=reddit");
        await Expect(page.GetByTestId("field-access_token")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("oauth-card")).ToHaveCountAsync(0);
    }

    private static async Task<(Account Owner, NewSite Site)> SiteAsync(AppFixture on)
    {
        var owner = await on.RegisterAsync($"owner-{Guid.NewGuid():N}@example.com");
        return (owner, await on.CreateWebsiteAsync(owner));
    }

    private async Task<IPage> SignInAsync(AppFixture on, Account owner, bool dark = false, int width = 1280)
    {
        var page = await browser.NewPageAsync(dark, width);
        await page.GotoAsync($"{on.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(owner.Email);
        await page.GetByLabel("Password").FillAsync(owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.WaitForURLAsync(new Regex("^(?!.*login).*$"));
        return page;
    }
}
