using System.Net.Http.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Rules as their writers see them: from a template over the preview to the trace of an event that a rule kept back.</summary>
public sealed class RulesTests(AppWithMeta app, Browser browser) : IClassFixture<AppWithMeta>, IClassFixture<Browser>
{
    [Fact]
    public async Task Rule_FromTheTemplateToTheTrace_KeepsStaffVisitsBack()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner, "Example Shop");
        using var client = app.ClientFor(owner);
        foreach (var (name, dataset) in new[] { ("Meta", "111"), ("Meta of the agency", "222") })
            await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
                new { platform = "meta", name, settings = new { dataset_id = dataset }, credentials = new { access_token = "EAAB-secret-token" } }));
        await CollectAsync(site, ("view-1", "page_view", "https://shop.example.com/admin/orders?page=2"), ("view-2", "page_view", "https://shop.example.com/?a=1"), ("lead-1", "lead", "https://shop.example.com/contact?b=2"));
        var page = await SignedInAsync(owner);

        // empty, with templates to begin with
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/rules");
        await Expect(page.Locator("[data-testid^=template-]")).ToHaveCountAsync(3);
        await ShootAsync(page, "rules-empty");
        await page.GetByTestId("template-staff").ClickAsync();
        var preview = page.GetByTestId("rule-preview");
        await Expect(preview.GetByTestId("preview-count")).ToContainTextAsync("1 of the last 3 events fits");
        await Expect(preview.Locator("tr[data-event-id=view-1]")).ToContainTextAsync("Kept back");
        await Expect(preview.Locator("tr[data-event-id=view-1] a")).ToHaveAttributeAsync("href", new System.Text.RegularExpressions.Regex($"websites/{site.Id}/events/"));

        // what is typed is tried a moment later; what is not complete is said
        var first = page.GetByTestId("condition").First;
        await first.GetByTestId("condition-value").FillAsync("/contact");
        await Expect(preview.Locator("tr[data-event-id=lead-1]")).ToBeVisibleAsync();
        await Expect(preview.Locator("tr[data-event-id=view-1]")).Not.ToBeVisibleAsync();
        await first.GetByTestId("condition-value").FillAsync("");
        await Expect(preview.GetByTestId("preview-problem")).ToContainTextAsync("Not complete yet");
        await first.GetByTestId("condition-value").FillAsync("/admin");
        await Expect(preview.Locator("tr[data-event-id=view-1]")).ToBeVisibleAsync();
        await ShootAsync(page, "rules-editor");
        await page.GetByTestId("save-rule").ClickAsync();
        var row = page.Locator("tr[data-rule='Exclude staff visits']");
        await Expect(row).ToContainTextAsync("Keep back from all connections");
        await Expect(row).ToContainTextAsync("Page path starts with /admin or page path starts with /wp-admin");

        // the next staff visit: the trace says why it went nowhere
        await CollectAsync(site, ("view-3", "page_view", "https://shop.example.com/admin/"));
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Id}' AND reason = 'filter'") == 2 ? true : (bool?)null, "the skips");
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/events/view-3");
        await Expect(page.Locator(".timeline")).ToContainTextAsync("Meta: skipped, filter rule");
        await Expect(page.Locator(".timeline")).ToContainTextAsync("The rule \"Exclude staff visits\" excludes it.");
        await ShootAsync(page, "rules-trace");

        // a second one that changes fields for one connection only, with before and after
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/rules?open=new&template=query");
        await page.GetByTestId("rule-connection").SelectOptionAsync("Meta");
        await page.GetByTestId("add-change").ClickAsync();
        var change = page.GetByTestId("change").Nth(1);
        await change.GetByTestId("change-field").SelectOptionAsync("properties.");
        await change.GetByTestId("change-field-name").FillAsync("email");
        await change.GetByTestId("change-value").FillAsync("x");
        await Expect(preview.GetByTestId("preview-problem")).ToContainTextAsync("personal data");
        await change.GetByTestId("change-field").SelectOptionAsync("utm_term");
        await change.GetByTestId("change-value").FillAsync("checked");
        var lead = preview.Locator("tr[data-event-id=lead-1]");
        await Expect(lead).ToContainTextAsync("Sent, changed: Meta");
        await Expect(lead.Locator("del").First).ToHaveTextAsync("https://shop.example.com/contact?b=2");
        await Expect(lead.Locator("ins").First).ToHaveTextAsync("https://shop.example.com/contact");
        await ShootAsync(page, "rules-changes");
        await page.GetByTestId("save-rule").ClickAsync();

        // order by keyboard, copy, switch off, delete with undo
        var rows = page.GetByTestId("rules").Locator("tbody tr");
        await Expect(rows).ToHaveCountAsync(2);
        await rows.Nth(1).GetByTestId("rule-up").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(rows.First).ToHaveAttributeAsync("data-rule", "Page addresses without query");
        await row.GetByTestId("duplicate-rule").ClickAsync();
        await Expect(page.Locator("tr[data-rule='Exclude staff visits (copy)']")).ToContainTextAsync("Switched off");
        await ShootAsync(page, "rules-list");
        await row.GetByTestId("delete-rule").ClickAsync();
        await Expect(row).ToHaveCountAsync(0);
        await page.GetByTestId("undo-rule").ClickAsync();
        await Expect(row).ToContainTextAsync("On");
        await row.GetByTestId("toggle-rule").ClickAsync();
        await Expect(row).ToContainTextAsync("Switched off");
        await page.ReloadAsync();
        await Expect(page.GetByTestId("answer")).ToHaveTextAsync("1 rule decides what reaches your 2 connections.");
    }

    [Fact]
    public async Task Consent_OfAConnection_IsChosenInItsForm()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner, "Example Shop");
        using var client = app.ClientFor(owner);
        var path = $"/api/websites/{site.Id}/connections/" + (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", name = "Meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "EAAB-secret-token" } }))).Text("id");
        var page = await SignedInAsync(owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        await page.GetByTestId("edit-connection").ClickAsync();
        await Expect(page.GetByTestId("consent-ad_user_data")).ToBeCheckedAsync();
        await Expect(page.GetByTestId("consent-ad_personalization")).Not.ToBeCheckedAsync();
        // as it is: nothing is written that the platform says by itself
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("connection-form")).ToHaveCountAsync(0);
        Assert.False((await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("settings").TryGetProperty("consent", out _));
        await page.GetByTestId("edit-connection").ClickAsync();
        await page.GetByTestId("consent-ad_personalization").CheckAsync();
        await page.GetByTestId("consent-ad_storage").UncheckAsync();
        await page.GetByTestId("consent").ScrollIntoViewIfNeededAsync();
        await ShootAsync(page, "consent");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("connection-form")).ToHaveCountAsync(0);
        Assert.Equal("""["ad_user_data","ad_personalization"]""", string.Concat((await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("settings").GetProperty("consent").GetRawText().Where(c => !char.IsWhiteSpace(c))));
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

    private async Task CollectAsync(NewSite site, params (string Id, string Type, string Url)[] events)
    {
        using var visitor = app.Anonymous();
        visitor.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        await AppFixture.JsonOf(await visitor.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new
        {
            events = events.Select(e => new { event_id = e.Id, event_type = e.Type, session_id = "s", properties = new { url = e.Url, plan = "Gold" }, user = new { email = "jane.doe@example.com" } }),
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
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()), FullPage = true });
            }
    }
}
