using System.Net.Http.Json;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Replay, backfill and a connection's states as their users see them.</summary>
public sealed class ReplayTests(AppWithMeta app, Browser browser) : IClassFixture<AppWithMeta>, IClassFixture<Browser>
{
    private const string BadEvent = """{"error":{"message":"Invalid parameter","code":100,"error_subcode":2804050,"error_user_msg":"The event is not valid."}}""";

    [Fact]
    public async Task Deliveries_FromDeadToSentAgain_ShowPlanProgressAndResult()
    {
        var (owner, site, http) = await OwnerAsync();
        var connection = await ConnectAsync(http, site);
        app.Meta.Respond = _ => (400, BadEvent, null);
        await CollectAsync(site, 30, "lead");
        await CollectAsync(site, 12, "contact");
        await Eventually.GetAsync(async () => await DeadAsync(site) == 42 ? true : (bool?)null, "the dead deliveries");
        app.Meta.Respond = null;

        var page = await SignedInAsync(owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/deliveries");
        await Expect(page.GetByTestId("count-dead")).ToContainTextAsync("42");
        await page.GetByTestId("replay").ClickAsync();
        var plan = page.GetByTestId("replay-plan");
        await Expect(plan).ToContainTextAsync("42");
        await page.GetByTestId("replay-event").FillAsync("lead");
        await page.GetByTestId("replay-event").PressAsync("Tab");
        await Expect(page.GetByTestId("replay-confirm")).ToHaveTextAsync("Send 30 deliveries");
        await page.GetByTestId("replay-status").SelectOptionAsync("retrying");
        await Expect(page.GetByTestId("replay-confirm")).ToBeDisabledAsync();
        await page.GetByTestId("replay-status").SelectOptionAsync("dead");
        await Expect(page.GetByTestId("replay-confirm")).ToHaveTextAsync("Send 30 deliveries");
        await ShootAsync(page, "replay-dialog");
        await page.GetByTestId("replay-confirm").ClickAsync();
        await Expect(page.Locator("[data-job-status=done]")).ToContainTextAsync("30 of 30 deliveries sent");
        await Expect(page.GetByTestId("count-dead")).ToContainTextAsync("12"); // those sent again are not dead any more
        await ShootAsync(page, "replay-done");
        await page.GetByTestId("job-rows").ClickAsync();
        await Expect(page.GetByTestId("f-name")).ToHaveValueAsync("lead");
        await Expect(page.Locator("tr[data-delivery-status=delivered]")).ToHaveCountAsync(30);

        // the rest from the group of equal failures, then one that cannot end by itself is stopped
        await page.GetByTestId("replay-group").ClickAsync();
        await Expect(page.GetByTestId("replay-confirm")).ToHaveTextAsync("Send 12 deliveries");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await app.RunAsync($"""
            INSERT INTO delivery_jobs (workspace_id, website_id, id, kind, connection_id, request, status, matched, too_old, already_delivered, will_send, handled, sent, next_batch_at, created_by, created_at, started_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{Guid.CreateVersion7()}', 'replay', '{connection}', '{"{}"}', 'running', 1200, 0, 0, 1200, 500, 480, now() + interval '1 hour', '{owner.Email}', now(), now())
            """);
        await page.ReloadAsync(); // running jobs are shown to whoever comes
        var running = page.Locator("[data-job-status=running]");
        await Expect(running.GetByRole(AriaRole.Progressbar)).ToHaveAttributeAsync("aria-valuenow", "500");
        await Expect(running).ToContainTextAsync("500 of 1,200 looked at, 480 queued.");
        await ShootAsync(page, "replay-running");
        await running.GetByTestId("cancel-job").ClickAsync();
        await Expect(page.Locator("[data-job-status=cancelled]")).ToContainTextAsync("Stopped after 500 of 1,200");
        http.Dispose();
    }

    [Fact]
    public async Task Connections_NewOne_IsOfferedTheEventsFromBeforeAndShowsItsStates()
    {
        var (owner, site, http) = await OwnerAsync();
        await CollectAsync(site, 25, "lead");
        await CollectAsync(site, 3, "purchase"); // Meta takes none without a value
        var page = await SignedInAsync(owner);
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/connections?open=new&platform=meta");
        await page.GetByTestId("field-dataset_id").FillAsync("111");
        await page.GetByTestId("field-access_token").FillAsync("EAAB-token");
        await page.GetByTestId("save-connection").ClickAsync();
        await Expect(page.GetByTestId("backfill-plan")).ToContainTextAsync("25 of 28 events will be sent; would be skipped: a field is missing (3).");
        await ShootAsync(page, "backfill-offer");
        await page.GetByTestId("backfill-days").FillAsync("9");
        await page.GetByTestId("backfill-days").PressAsync("Tab");
        await Expect(page.GetByTestId("backfill-plan")).ToContainTextAsync("Give 1 to 7 days.");
        await page.GetByTestId("backfill-days").FillAsync("2");
        await page.GetByTestId("backfill-days").PressAsync("Tab");
        await Expect(page.GetByTestId("backfill-start")).ToHaveTextAsync("Send 25 events");
        await page.GetByTestId("backfill-start").ClickAsync();

        // its health opens: the job, and what happened
        var panel = page.GetByTestId("connection-health");
        await Expect(panel.Locator("[data-job-status=done]")).ToContainTextAsync("25 of 28 events sent; left out: a field is missing (3)");
        await Expect(panel.GetByTestId("backfill-plan")).ToContainTextAsync("None of 28 events will be sent");
        await Expect(page.GetByTestId("offer")).ToHaveCountAsync(0);
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Id}' AND status = 'delivered'") == 25 ? true : (bool?)null, "the deliveries");

        // paused: says what resumes it; a test that works does
        app.Meta.Respond = _ => (401, """{"error":{"message":"Error validating access token","code":190}}""", null);
        await CollectAsync(site, 4, "contact");
        await page.ReloadAsync();
        await Expect(panel.GetByTestId("paused-notice")).ToContainTextAsync("4 wait");
        await Expect(panel.GetByTestId("paused-notice")).ToContainTextAsync("resumes when you enter new credentials");
        await ShootAsync(page, "paused");
        app.Meta.Respond = null;
        await panel.GetByRole(AriaRole.Link, new() { Name = "Test" }).ClickAsync();
        await page.GetByTestId("choose-event").ClickAsync();
        await page.Locator("tr[data-event-id=contact-0]").ClickAsync();
        await page.GetByTestId("test-code").FillAsync("TEST42");
        await page.GetByTestId("send-test").ClickAsync();
        await Expect(page.GetByTestId("test-result")).ToContainTextAsync("The connection is resumed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Close", Exact = true }).Last.ClickAsync();
        await page.GetByTestId("connection-health-link").ClickAsync();
        await Expect(panel.GetByTestId("state-history")).ToContainTextAsync("Resumed: 4 sent, 0 too old");
        await Expect(panel.GetByTestId("state-history").Locator("li")).ToHaveCountAsync(3);
        await ShootAsync(page, "history");
        http.Dispose();
    }

    private async Task<(Account, NewSite, HttpClient)> OwnerAsync()
    {
        var owner = await app.RegisterAsync($"owner-{Guid.NewGuid():N}@example.com");
        return (owner, await app.CreateWebsiteAsync(owner, "Example Shop"), app.ClientFor(owner));
    }

    private static async Task<Guid> ConnectAsync(HttpClient http, NewSite site) => (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
        new { platform = "meta", name = "Meta", settings = new { dataset_id = "111" }, credentials = new { access_token = "EAAB-token" } }))).GetProperty("id").GetGuid();

    private Task<long> DeadAsync(NewSite site) => app.ValueAsync<long>($"SELECT count(*) FROM deliveries WHERE website_id = '{site.Id}' AND status = 'dead'");

    private async Task CollectAsync(NewSite site, int count, string name)
    {
        using var visitor = app.Anonymous();
        visitor.DefaultRequestHeaders.UserAgent.ParseAdd("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
        await AppFixture.JsonOf(await visitor.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new
        {
            events = Enumerable.Range(0, count).Select(i => new
            {
                event_id = $"{name}-{i}",
                event_type = name,
                session_id = "s",
                properties = new { url = "https://shop.example.com/contact" },
                user = new { email = "jane.doe@example.com" },
            }),
        }));
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM outbox WHERE website_id = '{site.Id}'") == 0 ? true : (bool?)null, "the router");
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
                await page.WaitForTimeoutAsync(400); // colours move
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()) });
            }
    }
}
