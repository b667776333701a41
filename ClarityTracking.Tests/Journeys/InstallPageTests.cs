using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>The install page as its users see it: choose, copy, send the address to a colleague, see it arrive.</summary>
public sealed class InstallPageTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task Choices_StandInTheAddress_AndInTheSnippet()
    {
        var (page, url, _) = await OpenAsync();
        await page.GetByTestId("stack-gtm").ClickAsync();
        await page.GetByTestId("options").Locator("summary").ClickAsync();
        await page.GetByTestId("option-consent").CheckAsync();
        await page.GetByTestId("option-domains").PressSequentiallyAsync("booking.example.com, bad_one");
        await page.GetByTestId("option-timeout").PressSequentiallyAsync("45");
        await page.GetByTestId("from-own").CheckAsync();
        await page.GetByTestId("option-host").PressSequentiallyAsync("shop.example.com");

        var snippet = page.GetByTestId("snippet");
        await Expect(snippet).ToContainTextAsync(new Regex("""s\.src = "https://shop\.example\.com/[a-z0-9]{8}\.js";"""));
        await Expect(snippet).ToContainTextAsync("""s.setAttribute("data-consent", "");""");
        await Expect(snippet).ToContainTextAsync("""s.setAttribute("data-cross-domain", "booking.example.com");""");
        await Expect(snippet).ToContainTextAsync("""s.setAttribute("data-session-timeout", "45");""");
        await Expect(page.GetByText("\"bad_one\" is no domain.")).ToBeVisibleAsync();
        await Expect(page.GetByText("Pass on the visitor's choice")).ToBeVisibleAsync();
        var text = await snippet.InnerTextAsync();

        var colleague = await page.Context.NewPageAsync();
        await colleague.GotoAsync(page.Url);
        await Expect(colleague.GetByTestId("snippet")).ToHaveTextAsync(text);
        await Expect(colleague.GetByTestId("option-domains")).ToHaveValueAsync("booking.example.com, bad_one");

        await colleague.GetByTestId("causes").Locator("summary").ClickAsync();
        await Expect(colleague.GetByTestId("csp")).ToHaveTextAsync("script-src https://shop.example.com; connect-src https://shop.example.com");
        Assert.StartsWith(url + "?", page.Url, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 1280)]
    [InlineData(true, 1280)]
    [InlineData(true, 390)]
    public async Task Everything_Unfolded_IsAccessibleAndFitsTheScreen(bool dark, int width)
    {
        var (page, url, _) = await OpenAsync(dark, width);
        await page.GotoAsync($"{url}?stack=shopify&on=consent,debug&domains=bad_one&from=own");
        await Expect(page.GetByTestId("snippet")).ToBeVisibleAsync();
        await page.EvaluateAsync("document.querySelectorAll('main details, .content details').forEach(d => d.open = true)");

        var found = await page.RunAxe(new Deque.AxeCore.Commons.AxeRunOptions { RunOnly = new() { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21aa"] } });

        Assert.Empty(found.Violations.Select(v => $"{v.Id}: {v.Help} {string.Join(' ', v.Nodes.Select(n => n.Html))}"));
        Assert.Equal(0, await page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth"));
    }

    [Fact]
    public async Task Copy_PutsTheSnippetOnTheClipboard_AndSaysSo()
    {
        var (page, _, _) = await OpenAsync();
        await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);

        await page.GetByRole(AriaRole.Button, new() { Name = "Copy snippet" }).ClickAsync();

        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Copy snippet" })).ToContainTextAsync("Copied");
        Assert.Equal(await page.GetByTestId("snippet").InnerTextAsync(), await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
    }

    [Fact]
    public async Task Listener_HearsConsentPurchaseAndRefusals()
    {
        var (page, url, snippet) = await OpenAsync();
        var refused = page.GetByTestId("refused");
        await Expect(refused).ToHaveCountAsync(0);
        await using var shop = await Shop.StartAsync(snippet);
        var visitor = await browser.NewPageAsync();
        await visitor.GotoAsync(shop.Url);
        await visitor.WaitForFunctionAsync("() => window.ClarityTracking?.consent");
        await visitor.EvaluateAsync("() => { ClarityTracking.consent({ads: true, analytics: false}); ClarityTracking.trackPurchase(20, {currency: 'EUR', orderId: '7'}); ClarityTracking.track('lead', {value: 'much'}); }");

        await Expect(page.Locator("li[data-sign=consent]")).ToContainTextAsync("Consent (ads granted, analytics denied)");
        await Expect(page.Locator("li[data-sign=purchase]")).ToContainTextAsync("Purchase (20.00 EUR, order 7)");
        await Expect(page.Locator("li[data-sign=identify]")).ToHaveAttributeAsync("data-heard", "no");
        await Expect(page.GetByTestId("causes")).ToHaveCountAsync(0);
        await page.GotoAsync(url);
        await Expect(refused).ToContainTextAsync("1 event was refused in the last hour (value invalid)");
    }

    private async Task<(IPage Page, string Url, string Snippet)> OpenAsync(bool dark = false, int width = 1280)
    {
        var page = await browser.NewPageAsync(dark, width);
        await page.GotoAsync($"{app.Url}/account/register");
        await page.GetByLabel("Email").FillAsync($"owner-{Guid.NewGuid():N}@example.com");
        await page.GetByLabel("Password").FillAsync("correct horse battery");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create account" }).ClickAsync();
        await page.GetByTestId("website-name").FillAsync("Example Shop");
        await page.GetByTestId("website-domain").FillAsync("shop.example.com");
        await page.GetByTestId("create-website").ClickAsync();
        var url = new Uri(new Uri(app.Url), await page.GetByTestId("to-install").GetAttributeAsync("href")).ToString();
        await page.GotoAsync(url);
        return (page, url, await page.GetByTestId("snippet").InnerTextAsync());
    }
}
