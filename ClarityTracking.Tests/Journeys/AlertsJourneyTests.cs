using ClarityTracking.Tests.Alerts;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Alerts as their users see them: a channel is added and tried, a connection breaks, somebody takes care, a rule is changed.</summary>
public sealed class AlertsJourneyTests(AlertApp app, Browser browser) : IClassFixture<AlertApp>, IClassFixture<Browser>
{
    [Fact]
    public async Task Alert_FromTheChannelToTheAcknowledgement_IsShown()
    {
        var tenant = await app.TenantAsync(withChannels: false);
        var page = await SignedInAsync(tenant.Account);
        await page.GotoAsync($"{app.Url}/websites/{tenant.Site.Id}/alerts");
        await Expect(page.GetByText("Nothing needs you", new() { Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByTestId("no-channel")).ToBeVisibleAsync();
        await ShootAsync(page, "alerts-empty");

        await page.GetByTestId("to-channels").ClickAsync();
        await page.GetByTestId("add-webhook").ClickAsync();
        await page.GetByTestId("channel-url").FillAsync($"{app.Receivers.Url}/hook/{tenant.Name}");
        await page.GetByTestId("save-channel").ClickAsync();
        var secret = await page.GetByTestId("channel-secret").InnerTextAsync();
        app.Receivers.Keys[tenant.Name] = Convert.FromBase64String(secret.Trim()["whsec_".Length..]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();
        await page.GetByTestId("add-channel").ClickAsync();
        await page.GetByTestId("channel-to").FillAsync("someone@nowhere.example.com");
        await page.GetByTestId("channel-digest").SelectOptionAsync("Weekly");
        await ShootAsync(page, "channel-form");
        await page.GetByTestId("save-channel").ClickAsync();
        await page.Locator("[data-channel=webhook]").GetByTestId("test-channel").ClickAsync();
        await Expect(page.GetByTestId("test-answer")).ToContainTextAsync("HTTP 200: ok");
        await page.Locator("[data-channel=email]").GetByTestId("test-channel").ClickAsync();
        await Expect(page.GetByTestId("test-answer")).ToContainTextAsync("did not take it");
        await ShootAsync(page, "channels");

        await tenant.StateAsync(await tenant.ConnectionAsync("Meta"), "paused", "Error validating access token: the session has expired on Friday.");
        await tenant.StateAsync(await tenant.ConnectionAsync("TikTok"), "degraded", "HTTP 503 with an answer that is not the platform's.");
        await tenant.EventsAsync("page_view", app.Now.AddHours(-30), 10);
        await app.PassAsync(2);

        await page.GotoAsync($"{app.Url}/");
        await Expect(page.GetByTestId("row-alerts")).ToContainTextAsync("3");
        await ShootAsync(page, "websites");
        await page.GotoAsync($"{app.Url}/websites/{tenant.Site.Id}/alerts");
        await Expect(page.GetByTestId("open-alerts")).ToContainTextAsync("3");
        await Expect(page.GetByTestId("answer")).ToHaveTextAsync("3 alerts need you, 2 critical.");
        await ShootAsync(page, "alerts");

        await page.Locator("[data-rule=connection_paused] .row-link").ClickAsync();
        await Expect(page.GetByTestId("history")).ToContainTextAsync("Opened");
        await Expect(page.GetByTestId("told")).ToContainTextAsync("Sent");
        await ShootAsync(page, "alert-panel");
        await page.GetByRole(AriaRole.Button, new() { Name = "Close", Exact = true }).Last.ClickAsync();
        var paused = page.Locator("[data-rule=connection_paused]");
        await paused.GetByTestId("acknowledge").ClickAsync();
        await Expect(paused).ToContainTextAsync("Acknowledged");
        await Expect(page.GetByTestId("open-alerts")).ToContainTextAsync("2");
        await page.Locator("[data-rule=no_events]").GetByTestId("snooze").SelectOptionAsync("For 4 hours");
        await Expect(page.Locator("[data-rule=no_events]")).ToContainTextAsync("Snoozed for 4 h");
        await paused.GetByTestId("undo").ClickAsync();
        await Expect(paused).ToContainTextAsync("Open, critical");

        await page.GetByTestId("to-rules").ClickAsync();
        var rule = page.Locator("[data-rule=no_events]");
        await rule.Locator("summary").ClickAsync();
        await rule.GetByLabel("Threshold in hours").FillAsync("48");
        await rule.GetByLabel("Threshold in hours").BlurAsync();
        await Expect(rule).ToContainTextAsync("No event has arrived for 48 hours, or");
        await page.GetByTestId("has-quiet").CheckAsync();
        await ShootAsync(page, "rules");
        await page.GetByTestId("save-rules").ClickAsync();
        await Expect(page.GetByText("Saved", new() { Exact = true })).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Expect(page.GetByTestId("quiet-from")).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("^22:00"));
        await Expect(page.Locator("[data-rule=no_events]")).ToContainTextAsync("48 hours");
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
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()) });
            }
    }
}
