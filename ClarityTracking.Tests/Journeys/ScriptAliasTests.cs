using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>From the alias on the settings page to the stored event of a page that uses it, in a real browser.</summary>
public sealed class ScriptAliasTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task Alias_ChangedOnTheSettingsPage_LoadsTheScriptAndTakesItsEvents()
    {
        var owner = await browser.NewPageAsync();
        await owner.GotoAsync($"{app.Url}/account/register");
        await owner.GetByLabel("Email").FillAsync($"owner-{Guid.NewGuid():N}@example.com");
        await owner.GetByLabel("Password").FillAsync("correct horse battery");
        await owner.GetByRole(AriaRole.Button, new() { Name = "Create account" }).ClickAsync();
        await owner.GetByTestId("website-name").FillAsync("Example Shop");
        await owner.GetByTestId("website-domain").FillAsync("shop.example.com");
        await owner.GetByTestId("create-website").ClickAsync();
        var id = (await owner.GetByTestId("to-install").GetAttributeAsync("href"))!.Split('/')[^2];

        await owner.GotoAsync($"{app.Url}/websites/{id}/settings");
        var tag = owner.GetByTestId("alias-tag");
        var first = await owner.GetByTestId("script-alias").InputValueAsync();
        await Expect(tag).ToContainTextAsync($"/{first}.js\" data-apikey=\"pk_live_");

        await owner.GetByTestId("script-alias").FillAsync("webhooks");
        await owner.GetByTestId("save-alias").ClickAsync();
        await Expect(owner.GetByText("Alias is a word the app needs itself; choose another.")).ToBeVisibleAsync();

        var alias = "my-" + ScriptAlias.New();
        await owner.GetByTestId("script-alias").FillAsync(alias);
        await owner.GetByTestId("save-alias").ClickAsync();
        await Expect(tag).ToContainTextAsync($"/{alias}.js\"");
        await Expect(owner.GetByTestId("former-aliases")).ToContainTextAsync(first);

        await using var shop = await Shop.StartAsync(await tag.InnerTextAsync());
        var visitor = await browser.NewPageAsync();
        var asked = new List<string>();
        visitor.Request += (_, request) =>
        {
            if (request.Url.StartsWith(app.Url, StringComparison.Ordinal))
                lock (asked)
                    asked.Add($"{request.Method} {new Uri(request.Url).AbsolutePath}");
        };
        var stored = visitor.WaitForResponseAsync(response => response.Request.Method == "POST" && response.Url == $"{app.Url}/{alias}" && response.Status == 202);
        await visitor.GotoAsync(shop.Url + "/shoes");
        await stored;
        Assert.Equal($"page_view {shop.Url}/shoes", await app.ValueAsync<string>($"SELECT name || ' ' || url FROM events WHERE website_id = '{id}' AND name = 'page_view'"));
        lock (asked)
            Assert.All(asked, request => Assert.Contains($" /{alias}", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task CampaignScript_WithAStubOfEitherName_IsOneObject()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        await using var shop = await Shop.StartAsync($$"""
            <script>window.CampaignTracker={q:[["trackEvent",["lead",{source:"stub"} ]]]}</script>
            <script async src="{{app.Url}}/api/conversions/script" data-apikey="{{site.PublishableKey}}"></script>
            """);
        var visitor = await browser.NewPageAsync();
        var stored = visitor.WaitForResponseAsync(response => response.Url == $"{app.Url}/api/v1/collect" && response.Status == 202);
        await visitor.GotoAsync(shop.Url);
        await stored;
        Assert.True(await visitor.EvaluateAsync<bool>("window.CampaignTracker === window.ClarityTracking && typeof CampaignTracker.trackPurchase === 'function'"));
        Assert.Equal("stub", await app.ValueAsync<string>($"SELECT properties->>'source' FROM events WHERE website_id = '{site.Id}' AND name = 'lead'"));
    }
}
