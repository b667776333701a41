using ClarityTracking.Tests.Attribution.Touchpoints;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>The page of people in a real browser: found, opened, taken apart, given out, erased.</summary>
public sealed class PeopleTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task People_AreFoundOpenedTakenApartAndErased()
    {
        var site = await TouchSite.StartAsync(app);
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(site.Owner.Email);
        await page.GetByLabel("Password").FillAsync(site.Owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.WaitForURLAsync(url => !url.Contains("/account/", StringComparison.Ordinal));
        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/people");
        await Expect(page.GetByText("People will be listed here")).ToBeVisibleAsync();

        var at = DateTimeOffset.UtcNow.AddHours(-2);
        object Identify(object user) => new { event_type = "identify", timestamp = at.AddMinutes(20), visitor_id = "v1", properties = new { }, user };
        await site.BrowseAsync(TouchSite.View("v1", at, "/?gclid=abc&utm_campaign=spring"));
        await site.TrackAsync(Identify(new { email = "jane@example.com", first_name = "Jane", last_name = "Doe" }));
        await site.TrackAsync(new { event_type = "identify", timestamp = at.AddMinutes(30), visitor_id = "v2", user = new { phone = "+15127782877" } },
            new { event_type = "purchase", timestamp = at.AddMinutes(40), visitor_id = "v1", properties = new { order_id = "1001", value = 50, currency = "USD" }, user = new { email = "jane@example.com" } });
        await site.TrackAsync(new { event_type = "identify", timestamp = at.AddMinutes(50), visitor_id = "v3", user = new { email = "jane@example.com", phone = "+15127782877" } });

        var people = page.GetByTestId("people"); // by itself
        await Expect(people.Locator("tbody tr")).ToHaveCountAsync(1);
        await Expect(people).ToContainTextAsync("Jane D.");
        await Expect(people).ToContainTextAsync("2 profiles");
        await page.GetByTestId("people-search").FillAsync("nobody@example.com");
        await page.GetByTestId("people-find").ClickAsync();
        await Expect(page.GetByText("Nobody is known by that")).ToBeVisibleAsync();
        await page.GetByTestId("people-search").FillAsync("Jane@example.com");
        await page.GetByTestId("people-find").ClickAsync();
        await people.Locator(".row-link").First.ClickAsync();
        await Expect(page.GetByTestId("person-answer")).ToContainTextAsync("Jane D. made 1 conversion");
        await Expect(page.GetByTestId("person-answer")).ToContainTextAsync("Google CPC");
        await Expect(page.GetByTestId("person-timeline")).ToContainTextAsync("Visit: Google CPC");
        await ShootAsync(page, "person");
        await page.GetByTestId("undo-merge").ClickAsync();
        await Expect(page.GetByTestId("person-merge")).ToContainTextAsync("Taken back");
        await page.Keyboard.PressAsync("Escape");
        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/people");
        await Expect(people.Locator("tbody tr")).ToHaveCountAsync(2);
        await ShootAsync(page, "people");

        await page.GetByTestId("export-person").ClickAsync(); // nobody was named
        await Expect(page.GetByText("Give an email, a phone or a visitorId.").First).ToBeVisibleAsync();
        await page.GetByTestId("request-email").FillAsync("jane@example.com");
        await page.GetByTestId("export-person").ClickAsync();
        await Expect(page.GetByTestId("request-result")).ToContainTextAsync("1 conversion");
        await Expect(page.GetByTestId("download-person")).ToBeVisibleAsync();
        await page.GetByTestId("erase-person").ClickAsync();
        await Expect(page.GetByTestId("typed-confirm")).ToBeDisabledAsync();
        await page.GetByTestId("typed-name").FillAsync("jane@example.com");
        await page.GetByTestId("typed-confirm").ClickAsync();
        await Expect(page.GetByTestId("request-result")).ToContainTextAsync("Erased: 1 profile");
        await Expect(people.Locator("tbody tr")).ToHaveCountAsync(1);
    }

    /// <summary>Pictures for people's eyes, when a folder is named.</summary>
    private static async Task ShootAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("CLARITY_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
            foreach (var width in new[] { 1280, 390 })
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.SetViewportSizeAsync(width, 860);
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()) });
            }
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(1280, 860);
    }
}
