using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>One visit from the pasted snippet to the row that says delivered, as its users see it: in a real browser, over real HTTP.</summary>
public sealed class FirstVisitTests(AppWithMeta app, Browser browser) : IClassFixture<AppWithMeta>, IClassFixture<Browser>
{
    private const string ClickId = "IwAR0_aBc-DeF.123~Xyz";

    [Fact]
    public async Task Visit_FromSnippetToPlatform_IsSeenLiveAndDelivered()
    {
        var owner = await browser.NewPageAsync();
        await RegisterAsync(owner);
        var websiteId = await CreateWebsiteAsync(owner);
        await ConnectMetaAsync(owner, websiteId);
        var snippet = await CopySnippetAsync(owner, websiteId);

        await owner.GotoAsync($"{app.Url}/websites/{websiteId}/live");
        await Expect(owner.GetByText("None has arrived yet")).ToBeVisibleAsync();
        await owner.EvaluateAsync("window.neverReloaded = true");

        await using var shop = await Shop.StartAsync(snippet);
        var visitor = await browser.NewPageAsync();
        await visitor.GotoAsync($"{shop.Url}/shoes?fbclid={ClickId}&utm_source=facebook&utm_campaign=spring");
        await visitor.WaitForFunctionAsync("() => window.ClarityTracking?.getVisitorId");
        await visitor.EvaluateAsync("() => { ClarityTracking.identify('Jane.Doe@Example.com'); ClarityTracking.trackPurchase(149.9, { currency: 'EUR', orderId: '5001' }); }");

        var rows = owner.GetByTestId("live-rows");
        await Expect(rows.GetByText("Purchase", new() { Exact = true }).First).ToBeVisibleAsync(new() { Timeout = 2000 });
        await Expect(rows.GetByText("Page view", new() { Exact = true }).First).ToBeVisibleAsync();
        Assert.True(await owner.EvaluateAsync<bool>("window.neverReloaded === true"));

        AssertPurchase(await ReceivedAsync("Purchase"), shop.Url);
        await ReceivedAsync("PageView");

        await owner.GotoAsync($"{app.Url}/websites/{websiteId}/deliveries");
        var purchase = owner.GetByTestId("deliveries").Locator("tr", new() { HasText = "Purchase" });
        await Expect(purchase.GetByText("Delivered", new() { Exact = true })).ToBeVisibleAsync();

        await owner.GotoAsync($"{app.Url}/websites/{websiteId}/install");
        foreach (var sign in (string[])["page_view", "click_id", "identify"])
            await Expect(owner.Locator($"li[data-sign={sign}]")).ToHaveAttributeAsync("data-heard", "yes");
    }

    private async Task RegisterAsync(IPage page)
    {
        await page.GotoAsync($"{app.Url}/account/register");
        await page.GetByLabel("Email").FillAsync($"owner-{Guid.NewGuid():N}@example.com");
        await page.GetByLabel("Password").FillAsync("correct horse battery");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create account" }).ClickAsync();
        await Expect(page.GetByTestId("account-menu")).ToBeVisibleAsync();
    }

    private static async Task<Guid> CreateWebsiteAsync(IPage page)
    {
        await page.GetByTestId("website-name").FillAsync("Example Shop");
        await page.GetByTestId("website-domain").FillAsync("shop.example.com");
        await page.GetByTestId("create-website").ClickAsync();
        var link = await page.GetByTestId("to-install").GetAttributeAsync("href");
        return Guid.Parse(link!.Split('/')[^2]);
    }

    private async Task ConnectMetaAsync(IPage page, Guid websiteId)
    {
        await page.GotoAsync($"{app.Url}/websites/{websiteId}/connections");
        await page.GetByTestId("connect-meta").ClickAsync();
        await page.GetByTestId("field-dataset_id").FillAsync("123456789");
        await page.GetByTestId("field-access_token").FillAsync("EAAB-secret-token");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("connections")).ToContainTextAsync("Healthy");
    }

    private async Task<string> CopySnippetAsync(IPage page, Guid websiteId)
    {
        await page.GotoAsync($"{app.Url}/websites/{websiteId}/install");
        await Expect(page.GetByText("Waiting for your first event")).ToBeVisibleAsync();
        return await page.GetByTestId("snippet").InnerTextAsync();
    }

    private async Task<JsonElement> ReceivedAsync(string name)
    {
        for (var i = 0; i < 100; i++)
        {
            foreach (var (path, body) in app.Meta.Seen)
            {
                Assert.Equal("/v25.0/123456789/events?access_token=EAAB-secret-token", path);
                foreach (var item in JsonDocument.Parse(body).RootElement.GetProperty("data").EnumerateArray())
                    if (item.GetProperty("event_name").GetString() == name)
                        return item;
            }
            await Task.Delay(100);
        }
        throw new Xunit.Sdk.XunitException($"Meta never received {name}.");
    }

    private static void AssertPurchase(JsonElement purchase, string shopUrl)
    {
        Assert.Equal("purchase_5001", purchase.GetProperty("event_id").GetString());
        Assert.Equal("website", purchase.GetProperty("action_source").GetString());
        Assert.StartsWith($"{shopUrl}/shoes?fbclid=", purchase.GetProperty("event_source_url").GetString(), StringComparison.Ordinal);
        var custom = purchase.GetProperty("custom_data");
        Assert.Equal((149.9m, "EUR", "5001"), (custom.GetProperty("value").GetDecimal(), custom.GetProperty("currency").GetString(), custom.GetProperty("order_id").GetString()));
        Assert.Equal("149.9", custom.GetProperty("value").GetRawText());
        var user = purchase.GetProperty("user_data");
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("jane.doe@example.com")));
        Assert.Equal(hash, Assert.Single(user.GetProperty("em").EnumerateArray()).GetString());
        Assert.Matches($@"^fb\.\d\.\d{{13}}\.{Regex.Escape(ClickId)}$", user.GetProperty("fbc").GetString());
        Assert.Matches(@"^fb\.\d\.\d{13}\.\d+$", user.GetProperty("fbp").GetString());
        Assert.Contains("Chrome", user.GetProperty("client_user_agent").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("jane", purchase.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }
}
