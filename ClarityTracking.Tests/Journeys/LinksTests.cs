using System.Net.Http.Json;
using System.Web;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Links and bookings in a real browser: made, followed, and what came of it.</summary>
public sealed class LinksTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task Link_MadeAndFollowed_CountsItsClickAndWhatItLedTo()
    {
        var owner = await app.RegisterAsync($"owner-{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(owner);
        await using var shop = await Shop.StartAsync("");
        var page = await SignInAsync(owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/links");
        await page.GetByTestId("add-link").ClickAsync();
        var slug = $"spring-{Guid.NewGuid():N}"[..20];
        await page.GetByLabel("Name").FillAsync("Spring flyer");
        await page.GetByLabel("Leads to").FillAsync(shop.Url + "/spring");
        await page.GetByLabel("Short word (optional)").FillAsync("a b");
        await page.GetByTestId("save-link").ClickAsync();
        await Expect(page.Locator(".field-error")).ToContainTextAsync("Short word must be 3 to 64 characters");
        await page.GetByLabel("Short word (optional)").FillAsync(slug);
        await page.GetByText("Campaign parameters it adds").ClickAsync();
        await page.GetByLabel("utm_source (optional)").FillAsync("flyer");
        await page.GetByTestId("save-link").ClickAsync();
        await Expect(page.GetByTestId("link-url")).ToHaveTextAsync($"{app.Url}/r/{slug}");
        await Expect(page.GetByTestId("funnel")).ToContainTextAsync("0clicks");

        var visitor = await browser.NewPageAsync();
        await visitor.GotoAsync($"{app.Url}/r/{slug}");
        Assert.StartsWith($"{shop.Url}/spring?", visitor.Url, StringComparison.Ordinal);
        Assert.Contains("utm_source=flyer", visitor.Url, StringComparison.Ordinal);
        await Expect(page.GetByTestId("funnel")).ToContainTextAsync("1click");
        var query = HttpUtility.ParseQueryString(new Uri(visitor.Url).Query);
        using var anonymous = app.Anonymous();
        var told = await anonymous.PostAsJsonAsync("/api/conversions", new { tracking_id = query["ct_tracking_id"], campaign_link_id = query["ct_campaign_link_id"], event_type = "purchase", revenue_amount = 49.90 });
        Assert.Equal(201, (int)told.StatusCode);
        await Expect(page.GetByTestId("link-types")).ToContainTextAsync("Purchase");
        await Expect(page.GetByTestId("funnel")).ToContainTextAsync("49.90 USD");
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByTestId("qr-png").ClickAsync());
        Assert.Equal($"{slug}.png", download.SuggestedFilename);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], (await File.ReadAllBytesAsync(await download.PathAsync()))[..4]);
        Assert.True(await page.GetByTestId("qr").EvaluateAsync<bool>("image => image.complete && image.naturalWidth > 0"));

        await page.GetByTestId("edit-link").ClickAsync();
        await page.GetByLabel("Name").FillAsync("Spring poster");
        await page.GetByTestId("save-link").ClickAsync();
        await Expect(page.GetByTestId("link-panel")).ToContainTextAsync("Spring poster");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.GetByTestId("link-panel")).ToHaveCountAsync(0);
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("1 click in the last 30 days; Spring poster earned the most, 49.90 USD");
        // the conversion is on the Bookings page among all others
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/bookings");
        await page.GetByTestId("kind-all").ClickAsync();
        await Expect(page.GetByTestId("bookings")).ToContainTextAsync("Conversions API");

        await page.GotoAsync($"{app.Url}/websites/{site.Id}/links");
        await page.Locator($"[data-link={slug}] .row-link").ClickAsync();
        await page.GetByTestId("end-link").ClickAsync();
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "End link", Exact = true }).First.ClickAsync();
        await Expect(page.GetByText("Links that know what they earned")).ToBeVisibleAsync();
        Assert.Equal(410, (int)(await anonymous.GetAsync($"/r/{slug}")).StatusCode);
    }

    [Fact]
    public async Task Booking_OnItsPage_FollowsItsLifeAndShowsItsEvents()
    {
        var sender = await Sender.ConnectAsync(app);
        var page = await SignInAsync(sender.Account);
        await page.GotoAsync($"{app.Url}/websites/{sender.Site.Id}/bookings");
        await Expect(page.GetByText("Bookings will be listed here")).ToBeVisibleAsync();
        await sender.PostAsync("booking.created", new { booking_id = "BK-7", starts_at = "2026-12-01T10:00:00Z", value = "60.00", currency = "EUR", status = "confirmed" }, at: DateTimeOffset.UtcNow.AddMinutes(-20));
        await Expect(page.GetByTestId("bookings")).ToContainTextAsync("Booking BK-7"); // by itself
        await page.Locator("[data-booking=BK-7] .row-link").ClickAsync();
        var panel = page.GetByTestId("booking-panel");
        await Expect(panel).ToContainTextAsync("Confirmed");
        await Expect(panel).ToContainTextAsync("nobody who fits the customer");
        await sender.PostAsync("booking.rescheduled", new { booking_id = "BK-7", starts_at = "2026-12-02T10:00:00Z" }, at: DateTimeOffset.UtcNow.AddMinutes(-10));
        await sender.PostAsync("booking.completed", new { booking_id = "BK-7" });
        await sender.PostAsync("order.refunded", new { order_id = "BK-7", value = "15.00", currency = "EUR", refund_id = "r1" });
        await Expect(page.GetByTestId("lifecycle").Locator("li b")).ToHaveTextAsync(["Booking created", "Booking rescheduled", "Booking completed", "Refund"]);
        await Expect(panel).ToContainTextAsync("15.00 EUR refunded, 45.00 EUR left");
        await Expect(page.GetByTestId("booking-event")).ToHaveCountAsync(4);
        await Expect(page.GetByTestId("booking-sums")).ToContainTextAsync("Completed");
        await page.Keyboard.PressAsync("Escape");
        await page.GotoAsync($"{app.Url}/websites/{sender.Site.Id}/bookings?status=no_show");
        await Expect(page.GetByText("Nothing fits")).ToBeVisibleAsync();
    }

    private async Task<IPage> SignInAsync(Account owner)
    {
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{app.Url}/account/login");
        await page.GetByLabel("Email").FillAsync(owner.Email);
        await page.GetByLabel("Password").FillAsync(owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.WaitForURLAsync(url => !url.Contains("/account/", StringComparison.Ordinal));
        return page;
    }
}
