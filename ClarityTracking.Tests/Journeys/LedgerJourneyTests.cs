using System.Globalization;
using System.Net.Http.Json;
using ClarityTracking.Tests.Health.Ledger;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>The ledger as its users see it: the answer, what was lost and what to do, one conversion's way, the file.</summary>
public sealed class LedgerJourneyTests(LedgerApp app, Browser browser) : IClassFixture<LedgerApp>, IClassFixture<Browser>
{
    [Fact]
    public async Task Ledger_FromEmptyToOneConversionSentAgain_AnswersShowsAndLeads()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner, "Example Shop");
        using var client = app.ClientFor(owner);
        var page = await SignedInAsync(owner);
        var errors = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
                errors.Add(message.Text);
        };

        await page.GotoAsync($"{app.Url}/websites/{site.Id}/ledger");
        await Expect(page.GetByText("Every order, and where it went")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("ledger-csv")).ToBeDisabledAsync();
        await ShootAsync(page, "ledger-empty");

        var tiktok = await ConnectAsync(client, site, "tiktok", "TikTok", new { pixel_code = "C4A1B2C3D4" }, new { access_token = "good" });
        var tinybird = await ConnectAsync(client, site, "tinybird", "Tinybird", new { data_source = "events" }, new { token = "good" });
        await app.RunAsync($"UPDATE connections SET created_at = now() - interval '1 year' WHERE website_id = '{site.Id}'");
        await BulkOrders.AddAsync(app, site, [tiktok, tinybird], 500, 6);

        // the answer first: 5 are dead at each and as many retried, of them one of each hundred at both
        await page.ReloadAsync();
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("of 500 conversions reached TikTok and Tinybird in the last 30 days");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("10 failed, 10 have waited for over an hour");
        await Expect(page.GetByTestId("definition")).ToContainTextAsync("rightly ignored");
        await Expect(page.GetByTestId("ledger-destinations")).ToContainTextAsync("500 expected, 485 delivered, 5 rightly ignored, 10 lost");
        await Expect(page.GetByTestId("ledger").Locator("tbody tr")).ToHaveCountAsync(50);
        await ShootAsync(page, "ledger");

        // a loss leads to its conversions, one of them to its way and to what to do
        await page.GetByTestId("ledger-losses").GetByText("Failed: refused by the platform").ClickAsync();
        await page.WaitForURLAsync("**/ledger?state=failed&cause=permanent");
        await Expect(page.GetByTestId("ledger").Locator("tbody tr")).ToHaveCountAsync(10);
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("of 500 conversions reached"); // the list is narrowed, the answer is not
        await page.GetByTestId("ledger").Locator("tbody tr a.row-link").First.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        var panel = page.GetByTestId("ledger-panel");
        await Expect(panel).ToContainTextAsync("Failed: refused by the platform");
        await Expect(panel).ToContainTextAsync("Invalid parameter: value");
        await Expect(panel.GetByTestId("ledger-destination")).ToHaveCountAsync(2);
        await ShootAsync(page, "ledger-panel");
        await panel.GetByTestId("send-again").First.ClickAsync();
        await Expect(page.GetByText("The event is older than the platform takes").Or(page.GetByText("It is being sent again")).First).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await Expect(panel).ToHaveCountAsync(0);

        // the file has the rows of the filter
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByTestId("ledger-csv").ClickAsync());
        Assert.Equal("ledger.csv", download.SuggestedFilename);
        var lines = await File.ReadAllLinesAsync(await download.PathAsync());
        Assert.InRange(lines.Length, 9, 11);
        Assert.Contains(",TikTok: state,", lines[0], StringComparison.Ordinal);

        await page.GetByLabel("Where it stands").SelectOptionAsync("unknown");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "No conversion fits" })).ToBeVisibleAsync();
        Assert.Empty(errors);
    }

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, string name, object settings, object credentials) =>
        (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new { platform, name, settings, credentials }))).GetProperty("id").GetGuid();

    private async Task<IPage> SignedInAsync(Account account)
    {
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(account.Email);
        await page.GetByLabel("Password").FillAsync(account.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByTestId("account-menu")).ToBeVisibleAsync();
        return page;
    }

    /// <summary>Pictures of the moment in light, dark and on a phone, into CLARITY_SCREENSHOTS when that is set.</summary>
    private static async Task ShootAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("CLARITY_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        foreach (var (look, scheme, width) in new[] { ("light", ColorScheme.Light, 1280), ("dark", ColorScheme.Dark, 1280), ("phone", ColorScheme.Light, 390) })
        {
            await page.EmulateMediaAsync(new() { ColorScheme = scheme });
            await page.SetViewportSizeAsync(width, 860);
            await page.WaitForTimeoutAsync(400);
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{look}.png")), FullPage = true });
        }
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(1280, 860);
    }
}
