using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Connecting several platforms on the Connections page, in a real browser.</summary>
public sealed class ConnectPlatformsTests(AppWithPlatforms app, Browser browser) : IClassFixture<AppWithPlatforms>, IClassFixture<Browser>
{
    [Fact]
    public async Task Connections_SeveralPlatforms_ArePickedByNameAndNameEventsInLines()
    {
        var owner = await app.RegisterAsync($"owner-{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(owner);
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login?returnUrl=/websites/{site.Id}/connections");
        await page.GetByLabel("Email").FillAsync(owner.Email);
        await page.GetByLabel("Password").FillAsync(owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();

        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        foreach (var name in (string[])["Meta", "TikTok", "Pinterest", "Snapchat", "Reddit"])
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = $"Connect {name}" })).ToBeVisibleAsync();
        await page.GetByTestId("connect-tiktok").ClickAsync();
        await page.GetByTestId("field-pixel_code").FillAsync("C4A");
        await page.GetByTestId("field-access_token").FillAsync("good-token");
        await page.GetByTestId("field-events").FillAsync("form_submit = Lead\npage_view = off\ncontact");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.Locator(".field-error")).ToContainTextAsync("contact: Must be TikTok's event name");
        await page.GetByTestId("field-events").FillAsync("form_submit = Lead\npage_view = off");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("connections")).ToContainTextAsync("TikTok");

        using var http = app.ClientFor(owner);
        var settings = (await AppFixture.JsonOf(await http.GetAsync($"/api/websites/{site.Id}/connections"))).GetProperty("items")[0].GetProperty("settings");
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse("""{"form_submit":"Lead","page_view":false}"""), settings.GetProperty("events")), settings.ToString());
        await page.GetByTestId("edit-connection").ClickAsync();
        // the database keeps members in an order of its own
        await Expect(page.GetByTestId("field-events")).ToHaveValueAsync(new Regex("^(form_submit = Lead\npage_view = off|page_view = off\nform_submit = Lead)$"));

        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new");
        await page.GetByRole(AriaRole.Link, new() { Name = "Pinterest", Exact = true }).ClickAsync();
        await page.GetByTestId("field-ad_account_id").FillAsync("549755885175");
        await page.GetByTestId("field-access_token").FillAsync("good-token");
        await page.GetByTestId("field-test").CheckAsync();
        await page.GetByTestId("save-connection").ClickAsync();
        await page.Locator("tr", new() { HasText = "Pinterest" }).GetByTestId("test-connection").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Send a page view by nobody" }).ClickAsync();
        await Expect(page.GetByTestId("test-result")).ToContainTextAsync("took the event");
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=reddit");
        await Expect(page.GetByTestId("field-pixel_id")).ToBeVisibleAsync();
    }
}
