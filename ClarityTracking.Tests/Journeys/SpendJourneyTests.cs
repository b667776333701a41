using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Core.Spend;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Ad spend as its users see it: nothing yet, a file with a mistake and without, a connected account, a token that expired.</summary>
public sealed class SpendJourneyTests(AppWithAds app, Browser browser) : IClassFixture<AppWithAds>, IClassFixture<Browser>
{
    [Fact]
    public async Task Spend_FromTheFirstFileToTheRoas_IsShown()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { currency = "EUR" });
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(account.Email);
        await page.GetByLabel("Password").FillAsync(account.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByTestId("account-menu")).ToBeVisibleAsync();
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/spend");
        await Expect(page.GetByText("What your ads cost, and what they bring")).ToBeVisibleAsync();
        await ShootAsync(page, "spend-empty");

        await page.GetByTestId("open-upload").ClickAsync();
        var yesterday = SpendImporter.Today(app.Clock.GetUtcNow()).Days.To;
        await ChooseAsync(page, $"day;campaign;cost;clicks\n{yesterday:yyyy-MM-dd};Sponsor spot;1.234;10\n");
        await Expect(page.GetByTestId("preview")).ToContainTextAsync("no column source");
        await page.GetByTestId("source").FillAsync("podcast");
        await page.GetByTestId("source").BlurAsync();
        await Expect(page.GetByTestId("preview")).ToContainTextAsync("Line 2: \"1.234\" may be 1234 or 1.234");
        await Expect(page.GetByTestId("store")).ToBeDisabledAsync();
        await ShootAsync(page, "spend-upload-errors");
        await ChooseAsync(page, $"day;campaign;cost;clicks\n{yesterday.AddDays(-1):yyyy-MM-dd};Sponsor spot;120,50;10\n{yesterday:yyyy-MM-dd};Sponsor spot;79,50;6\n");
        await Expect(page.GetByTestId("preview")).ToContainTextAsync("200.00 EUR together. Lines without a currency count as EUR.");
        await ShootAsync(page, "spend-upload");
        await page.GetByTestId("store").ClickAsync();
        await Expect(page.GetByTestId("spend")).ToHaveTextAsync("200.00 EUR");

        app.Ads.Accounts["9001"] = new("EUR", "Europe/Berlin", [new(yesterday, "11", "Autumn offer", "21", "Women", "31", "Red", 5000, 100, 150m), new(yesterday, "12", "Retargeting", "22", "All", "32", "Blue", 900, 20, 50m)]);
        await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "1", ad_account_id = "act_9001" }, credentials = new { access_token = StrictAds.Token } });
        await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "tiktok", name = "TikTok", settings = new { pixel_code = "C0PIXEL", advertiser_id = "9002" }, credentials = new { access_token = "expired" } });
        await app.RunAsync($"""
            INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, occurred_at, value, currency, attribution, told_at, updated_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{Guid.CreateVersion7()}', 'generic', 'order', '1', 'paid', '{app.Clock.GetUtcNow():O}', 600, 'EUR', '{"{"}"utm_source":"facebook","utm_campaign":"autumn_offer"{"}"}', now(), now())
            """);
        await app.Services.GetRequiredService<SpendImporter>().RunDueAsync(default);
        await page.ReloadAsync();
        await Expect(page.GetByTestId("roas")).ToHaveTextAsync("1.50");
        await Expect(page.Locator("[data-campaign='11']")).ToContainTextAsync("4.00");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("400.00 EUR spent in 30 days brought 600.00 EUR, a ROAS of 1.50. Best: Autumn offer with 4.00.");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("The import of TikTok failed");
        await Expect(page.Locator("[data-origin=tiktok]")).ToContainTextAsync("Failed: credentials refused");
        await Expect(page.Locator("[data-origin=tiktok]").GetByTestId("why")).ToContainTextAsync("40105");
        await ShootAsync(page, "spend");
        await page.Locator("[data-origin=meta]").GetByTestId("backfill").ClickAsync();
        await Expect(page.Locator("[data-origin=meta]")).ToContainTextAsync("Queued");
    }

    private static Task ChooseAsync(IPage page, string csv) =>
        page.GetByTestId("file").SetInputFilesAsync(new FilePayload { Name = "spend.csv", MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes(csv) });

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
