using ClarityTracking.Tests.Attribution.Reports;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Attribution and the overview as their users see them: nothing yet, then journeys, models, and the conversions behind a number.</summary>
public sealed class AttributionJourneyTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task Attribution_FromNothingToTheConversionsBehindANumber_IsShown()
    {
        var site = await ReportSite.CreateAsync(app);
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(site.Account.Email);
        await page.GetByLabel("Password").FillAsync(site.Account.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByTestId("account-menu")).ToBeVisibleAsync();
        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/attribution");
        await Expect(page.GetByText("Which channel earned what")).ToBeVisibleAsync();
        await ShootAsync(page, "attribution-empty");
        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/overview");
        await Expect(page.GetByTestId("attention")).ToContainTextAsync("no event has arrived yet");
        await ShootAsync(page, "overview-empty");

        await SeedAsync(site);
        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/attribution");
        await Expect(page.GetByTestId("conversions")).ToHaveTextAsync("13");
        await Expect(page.GetByTestId("revenue")).ToHaveTextAsync("1,180.00 EUR");
        await Expect(page.Locator("[data-testid=attribution] tr[data-key=facebook]")).ToContainTextAsync("400.00 EUR");
        await Expect(page.GetByTestId("unattributed")).ToHaveTextAsync("1");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("13 conversions worth 1,180.00 EUR in 30 days. Google CPC earned the most");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("TikTok cost 90.00 EUR and earned nothing.");
        await Expect(page.GetByTestId("comparison").Locator("thead th")).ToHaveCountAsync(9);
        await ShootAsync(page, "attribution");

        await page.GetByTestId("model").SelectOptionAsync("markov");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Channels under markov" })).ToBeVisibleAsync();
        await Expect(page.GetByTestId("notes").Locator("[data-note=share_of_observed]")).ToBeVisibleAsync();
        await page.GetByTestId("model").SelectOptionAsync("linear");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Channels under linear" })).ToBeVisibleAsync();
        await page.Locator("[data-testid=attribution] tr[data-key=facebook] a.row-link").ClickAsync();
        await Expect(page.GetByTestId("credited").Locator("article")).ToHaveCountAsync(8);
        await Expect(page.GetByTestId("credited").Locator("article").First).ToContainTextAsync("50 % of");
        await ShootAsync(page, "attribution-panel");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.GetByTestId("credited")).ToHaveCountAsync(0);

        var csv = Uri.UnescapeDataString((await page.GetByTestId("csv").GetAttributeAsync("href"))!);
        Assert.Contains("channel,conversions,kept,revenue", csv, StringComparison.Ordinal);
        Assert.Contains("\"facebook\",4,", csv, StringComparison.Ordinal);

        await page.GotoAsync($"{app.Url}/websites/{site.Site.Id}/overview");
        await Expect(page.GetByTestId("conversions")).ToHaveTextAsync("13");
        await Expect(page.GetByTestId("by-channel")).ToContainTextAsync("Facebook");
        await ShootAsync(page, "overview");
    }

    private static async Task SeedAsync(ReportSite site)
    {
        var now = DateTimeOffset.UtcNow;
        for (var i = 0; i < 8; i++)
            await site.JourneyAsync(now.AddDays(-i - 1), 100, (TimeSpan.FromDays(4), "facebook"), (TimeSpan.FromHours(5), i < 4 ? "google_cpc" : "direct"));
        for (var i = 0; i < 4; i++)
            await site.JourneyAsync(now.AddDays(-2 * i - 1), 70, (TimeSpan.FromDays(1), "email"), (TimeSpan.FromHours(1), i < 2 ? "google_cpc" : "email"));
        await site.JourneyAsync(now.AddDays(-3), 100);
        for (var i = 0; i < 12; i++)
            await site.TouchAsync($"looker{i}", now.AddDays(-i), i % 3 == 0 ? "tiktok" : "google_organic");
        foreach (var (platform, spend) in new[] { ("meta", 120m), ("google_ads", 60m), ("tiktok", 90m) })
            await site.RunAsync("""
                INSERT INTO ad_spend (workspace_id, website_id, day, platform, origin, account_id, campaign_id, campaign_name, impressions, clicks, spend, currency, imported_at)
                VALUES ($1, $2, $3, $4, 'api', '1', '1', 'Autumn', 1, 1, $5, 'EUR', now())
                """, site.Site.WorkspaceId, site.Site.Id, DateOnly.FromDateTime(now.UtcDateTime.AddDays(-2)), platform, spend);
        using var server = site.App.ClientFor(site.Site.SecretKey);
        var views = Enumerable.Range(0, 60).Select(i => new
        {
            event_id = $"view-{i}",
            event_type = "page_view",
            timestamp = ReportSite.Iso(now.AddDays(-(i % 20)).AddMinutes(-i)),
            visitor_id = $"seen{i % 17}",
            session_id = $"visit{i % 25}",
            properties = new { url = $"https://shop.example.com/{(i % 3 == 0 ? "offer" : i % 3 == 1 ? "" : "book")}", channel = i % 4 == 0 ? "facebook" : "google_organic" },
        });
        await AppFixture.JsonOf(await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(server, "/event/track", new { events = views }));
    }

    /// <summary>What is on screen, light and dark, wide and on a phone, where somebody wants to look at it.</summary>
    private static async Task ShootAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("CLARITY_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        foreach (var scheme in (ColorScheme[])[ColorScheme.Dark, ColorScheme.Light])
            foreach (var width in (int[])[390, 1280])
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.SetViewportSizeAsync(width, 860);
                await page.WaitForTimeoutAsync(300); // colours move
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()), FullPage = true });
            }
    }
}
