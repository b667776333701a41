using System.Text.RegularExpressions;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Connecting a system that tells of bookings, in a real browser: from the picker to the webhook in the log.</summary>
public sealed class SourcesTests(AppFixture app, AppFarAway farAway, Browser browser)
    : IClassFixture<AppFixture>, IClassFixture<AppFarAway>, IClassFixture<Browser>
{
    [Fact]
    public async Task GenericSource_Connected_ShowsItsSampleLiveAndInTheLog()
    {
        var (owner, site) = await SiteAsync();
        var page = await SignInAsync(owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        await page.GetByTestId("to-sources").ClickAsync();
        await page.GetByTestId("connect-generic").ClickAsync();
        await page.GetByTestId("generate-secret").ClickAsync();
        await Expect(page.GetByTestId("generated-secret")).ToContainTextAsync("whsec_");
        await page.GetByTestId("save-connection").ClickAsync();

        var url = await page.GetByTestId("webhook-url").InnerTextAsync();
        Assert.Matches($"^{app.Url}/webhooks/generic/[\\w-]{{32}}$", url);
        await Expect(page.GetByTestId("source-steps")).ToContainTextAsync(url);
        await Expect(page.GetByTestId("address-warning")).ToHaveCountAsync(0); // localhost
        await Expect(page.GetByTestId("listening")).ToContainTextAsync("Waiting for the first webhook…");
        await page.GetByTestId("send-sample").ClickAsync();
        await Expect(page.GetByTestId("sample-result")).ToContainTextAsync("The sample was taken: booking created → schedule");
        await Expect(page.GetByTestId("listening")).ToContainTextAsync("booking created → schedule (sample)");

        await page.GetByTestId("open-in-log").ClickAsync();
        await Expect(page.GetByTestId("inbound-panel")).ToContainTextAsync("Signature fits");
        await Expect(page.GetByTestId("inbound-panel")).ToContainTextAsync("booking_created");
        await Expect(page.GetByTestId("became-event")).ToHaveTextAsync("Schedule");
        await Expect(page.GetByTestId("became-conversion")).ToContainTextAsync("Confirmed");
        Assert.DoesNotContain("sample@example.com", await page.GetByTestId("inbound-panel").InnerTextAsync(), StringComparison.Ordinal);
        await page.GetByTestId("reveal-body").CheckAsync();
        await Expect(page.GetByTestId("inbound-body")).ToContainTextAsync("sample@example.com");
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{site.WorkspaceId}' AND action = 'personal_data.revealed'"));
        await page.GetByTestId("replay-webhook").ClickAsync();
        await Expect(page.GetByText("It is being processed again")).ToBeVisibleAsync();
        await Expect(page.Locator("[data-testid=inbound] [data-webhook-status=processed]")).ToHaveCountAsync(1);
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{site.WorkspaceId}' AND action = 'webhook.replayed'"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{site.Id}'"));

        // sources stay off the Connections page, which leads to them
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        await Expect(page.GetByTestId("connect-meta")).ToBeVisibleAsync();
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/sources");
        await Expect(page.GetByTestId("sources")).ToContainTextAsync("Booking created → schedule");
    }

    [Fact]
    public async Task RealWebhook_WhileThePanelIsOpen_AppearsByItself()
    {
        var sender = await Sender.ConnectAsync(app);
        var page = await SignInAsync(sender.Account);
        await page.GotoAsync($"{app.Url}/websites/{sender.Site.Id}/sources");
        await Expect(page.GetByTestId("answer")).ToHaveTextAsync("Waiting for the first webhook.");
        await page.GetByTestId("open-source").ClickAsync();
        await Expect(page.GetByTestId("listening")).ToContainTextAsync("Waiting for the first webhook…");
        await sender.PostAsync("order.paid", new { order_id = "O-1", value = "10.00", currency = "EUR" });
        await Expect(page.GetByTestId("listening")).ToHaveTextAsync(new Regex("Arrived (just now|\\d+ s ago): order paid → purchase"));
        await sender.PostAsync("order.paid", new { order_id = "O-2" }, secret: Sender.NewSecret());
        await Expect(page.GetByTestId("listening")).ToContainTextAsync("Its signature does not fit the secret");
    }

    [Fact]
    public async Task Secret_ChangedOnThePage_BothAreTakenUntilTheOldIsTakenOut()
    {
        var sender = await Sender.ConnectAsync(app);
        var page = await SignInAsync(sender.Account);
        await page.GotoAsync($"{app.Url}/websites/{sender.Site.Id}/sources");
        await page.GetByTestId("open-source").ClickAsync();
        await page.GetByTestId("secret-card").Locator("summary").ClickAsync();
        await page.GetByTestId("rotate-secret").ClickAsync();
        await Expect(page.GetByTestId("two-secrets")).ToBeVisibleAsync();
        var fresh = await page.GetByTestId("rotated-secret").InnerTextAsync();
        Assert.Equal(200, (int)(await sender.PostAsync("order.paid", new { order_id = "A" })).StatusCode);
        Assert.Equal(200, (int)(await sender.PostAsync("order.paid", new { order_id = "B" }, secret: fresh)).StatusCode);
        await page.GetByTestId("forget-previous").ClickAsync();
        await Expect(page.GetByTestId("rotate-secret")).ToHaveCountAsync(1);
        await Expect(page.GetByTestId("two-secrets")).ToHaveCountAsync(0);
        Assert.Equal(401, (int)(await sender.PostAsync("order.paid", new { order_id = "C" })).StatusCode);
        Assert.Equal(200, (int)(await sender.PostAsync("order.paid", new { order_id = "D" }, secret: fresh)).StatusCode);
    }

    [Fact]
    public async Task FailedWebhooks_OnTheLog_AreGroupedAndReplayed()
    {
        var sender = await Sender.ConnectAsync(app);
        for (var i = 0; i < 3; i++)
            await sender.PostAsync("booking.created", new { status = "confirmed" });
        await sender.PostAsync("order.paid", new { order_id = "O-1" }, secret: Sender.NewSecret());
        var page = await SignInAsync(sender.Account);
        await page.GotoAsync($"{app.Url}/websites/{sender.Site.Id}/sources/log");
        await Expect(page.GetByTestId("answer")).ToContainTextAsync("3 webhooks could not be processed in the last 7 days");
        await Expect(page.GetByTestId("inbound")).ToContainTextAsync("Refused: signature does not fit");
        // the cause is corrected meanwhile: here, the rule that refused them
        await app.RunAsync($"UPDATE inbound_webhooks SET reason = 'The booking page did not answer.' WHERE website_id = '{sender.Site.Id}' AND status = 'failed'");
        await page.ReloadAsync();
        await page.GetByTestId("replay-group").ClickAsync();
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Replay", Exact = true }).First.ClickAsync();
        await Expect(page.GetByText("3 webhooks are being processed again")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("inbound-failures")).ToContainTextAsync("data.booking_id is missing");

        await page.GetByRole(AriaRole.Link, new() { Name = "Refused", Exact = true }).ClickAsync();
        await Expect(page.Locator("[data-testid=inbound] tbody tr")).ToHaveCountAsync(1);
        await page.Locator("[data-testid=inbound] .row-link").First.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("inbound-panel")).ToContainTextAsync("Nothing of a refused webhook is kept");
        await Expect(page.GetByTestId("replay-webhook")).ToHaveCountAsync(0);
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.GetByTestId("inbound-panel")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task SenderThatMakesItsSecretLater_GetsTheAddressFirst()
    {
        var (owner, site) = await SiteAsync();
        var page = await SignInAsync(owner);
        // an old link to the Connections page leads here
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=generic");
        await page.WaitForURLAsync(url => url.Contains("/sources?", StringComparison.Ordinal));
        await page.GetByRole(AriaRole.Button, new() { Name = "Get the webhook address" }).ClickAsync();
        var url = await page.GetByTestId("webhook-url").InnerTextAsync();
        await Expect(page.GetByTestId("sources")).ToContainTextAsync("Waits for its secret");
        await Expect(page.GetByTestId("send-sample")).ToHaveCountAsync(0);
        await Expect(page.GetByTestId("toggle-source")).ToBeDisabledAsync();
        await page.GetByTestId("field-webhook_secret").FillAsync(Sender.NewSecret());
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("listening")).ToContainTextAsync("Waiting for the first webhook…");
        await Expect(page.GetByTestId("webhook-url")).ToHaveTextAsync(url);
        await Expect(page.GetByTestId("sources")).ToContainTextAsync("Healthy");
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections");
        await Expect(page.GetByTestId("connect-meta")).ToBeVisibleAsync(); // still empty: a source is no destination
    }

    [Fact]
    public async Task PublicAddress_NotReachableAndNotHttps_IsTold()
    {
        var sender = await Sender.ConnectAsync(farAway);
        var page = await SignInAsync(sender.Account, farAway);
        await page.GotoAsync($"{farAway.Url}/websites/{sender.Site.Id}/sources");
        await page.GetByTestId("open-source").ClickAsync();
        await Expect(page.GetByTestId("webhook-url")).ToContainTextAsync("http://track.invalid/webhooks/generic/");
        await Expect(page.GetByTestId("address-warning")).ToContainTextAsync("not https");
        await page.GetByTestId("send-sample").ClickAsync();
        await Expect(page.GetByTestId("sample-result")).ToContainTextAsync("The address does not answer from this server");
    }

    private async Task<(Account Owner, NewSite Site)> SiteAsync()
    {
        var owner = await app.RegisterAsync($"owner-{Guid.NewGuid():N}@example.com");
        return (owner, await app.CreateWebsiteAsync(owner));
    }

    private async Task<IPage> SignInAsync(Account owner, AppFixture? at = null)
    {
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{(at ?? app).Url}/account/login");
        await page.GetByLabel("Email").FillAsync(owner.Email);
        await page.GetByLabel("Password").FillAsync(owner.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.WaitForURLAsync(url => !url.Contains("/account/", StringComparison.Ordinal));
        return page;
    }
}

/// <summary>An installation whose operator gave an address that nobody answers at.</summary>
public sealed class AppFarAway : AppFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["Clarity:PublicUrl"] = "http://track.invalid" };
}
