using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>The test panel as its users see it: a real event, what the platform would get of it, and the test that is sent.</summary>
public sealed class TestPanelTests(AppWithMeta app, Browser browser) : IClassFixture<AppWithMeta>, IClassFixture<Browser>
{
    [Fact]
    public async Task Panel_FromTheListToTheAnswer_ShowsWhatIsSent()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner, "Example Shop");
        using var client = app.ClientFor(owner);
        var page = await SignedInAsync(owner);
        var made = await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "EAAB-secret-token" } });
        var connection = (await AppFixture.JsonOf(made)).GetProperty("id").GetGuid();

        // no event yet: the connection can be tried all the same
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        await page.GetByTestId("test-connection").ClickAsync();
        var panel = page.GetByTestId("test-panel");
        await panel.GetByTestId("send-nobody").ClickAsync();
        await Expect(page.GetByTestId("test-result")).ToContainTextAsync("took the event");

        await CollectAsync(site);
        await Eventually.GetAsync(() => Task.FromResult(app.Meta.Seen.Any(s => s.Body.Contains("order-7", StringComparison.Ordinal)) ? true : (bool?)null), "the delivery");

        // the purchase is chosen by itself, though the page view is newer
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?test={connection}");
        await Expect(panel.GetByTestId("test-event")).ToContainTextAsync("Purchase");
        await Expect(panel.Locator("[data-key=em]")).ToHaveAttributeAsync("data-state", "present");
        await Expect(panel.Locator("tr", new() { Has = page.Locator("[data-key=ph][data-state=invalid]") })).ToContainTextAsync("without its country");
        await Expect(panel.Locator("[data-key=fbp]")).ToHaveAttributeAsync("data-state", "missing");
        await Expect(panel.GetByTestId("test-estimate")).ToContainTextAsync("5.5");
        await Expect(panel).ToContainTextAsync("order-7");
        await Expect(panel).Not.ToContainTextAsync("Chrome/131");
        await ShootAsync(page, "panel");

        // without a code it says that it counts, and asks
        await Expect(panel.GetByTestId("test-mode")).ToContainTextAsync("counts as a real event");
        var before = app.Meta.Seen.Count;
        await panel.GetByTestId("send-test").ClickAsync();
        await page.GetByText("Do not send").ClickAsync();
        Assert.Equal(before, app.Meta.Seen.Count);
        await panel.GetByTestId("test-code").FillAsync("TEST42");
        await Expect(panel.GetByTestId("send-test")).ToHaveTextAsync("Send as test");
        await panel.GetByTestId("send-test").ClickAsync();
        await Expect(page.GetByTestId("test-result")).ToContainTextAsync("Answer 200");
        var sent = JsonElement.Parse(app.Meta.Seen.Last().Body);
        Assert.Equal(("TEST42", "order-7"), (sent.Text("test_event_code"), sent.GetProperty("data")[0].Text("event_id")));
        foreach (var hidden in (string[])["EAAB-secret-token", "Chrome/131"])
            await Expect(page.GetByTestId("test-result")).Not.ToContainTextAsync(hidden);
        await page.GetByTestId("test-result").ScrollIntoViewIfNeededAsync();
        await ShootAsync(page, "sent");

        // another event: found by its name, in the address, and skipped with the trace's words
        await panel.GetByTestId("choose-event").ClickAsync();
        await Expect(panel.GetByTestId("found-events").Locator("tr")).ToHaveCountAsync(3);
        await ShootAsync(page, "choose");
        await panel.GetByTestId("search-event").FillAsync("lea");
        await Expect(panel.GetByTestId("found-events").Locator("tr")).ToHaveCountAsync(1);
        await panel.Locator("tr[data-event-id=lead-7]").ClickAsync();
        await Expect(panel.GetByTestId("test-skip")).ToContainTextAsync("Skipped: no consent.");
        await Expect(panel.GetByTestId("send-test")).ToBeDisabledAsync();
        Assert.Contains("event=", page.Url, StringComparison.Ordinal);
        await ShootAsync(page, "skipped");
        await page.ReloadAsync();
        await Expect(panel.GetByTestId("test-event")).ToContainTextAsync("Lead");
    }

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

    private async Task CollectAsync(NewSite site)
    {
        using var visitor = app.Anonymous();
        visitor.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        await AppFixture.JsonOf(await visitor.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new
        {
            events = new object[]
            {
                new
                {
                    event_id = "order-7", event_type = "purchase", session_id = "s",
                    properties = new { url = "https://shop.example.com/thanks", value = 149.9m, currency = "EUR", order_id = "7" },
                    user = new { email = "jane.doe@example.com", phone = "0171 2345678" },
                },
                new
                {
                    event_id = "lead-7", event_type = "lead", session_id = "s", properties = new { url = "https://shop.example.com/contact" },
                    consent = new { ad_user_data = "denied" },
                },
                new { event_id = "view-7", event_type = "page_view", session_id = "s", properties = new { url = "https://shop.example.com/" } },
            },
        }));
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
                await page.WaitForTimeoutAsync(400); // colours move
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()) });
            }
    }
}
