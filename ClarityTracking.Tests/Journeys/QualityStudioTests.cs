using System.Net.Http.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ClarityTracking.Tests.Journeys;

/// <summary>Match quality as its users see it: the answer, both scores, the chart, what to do, and the events behind a number.</summary>
public sealed class QualityStudioTests(AppWithScores app, Browser browser) : IClassFixture<AppWithScores>, IClassFixture<Browser>
{
    private const string Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    [Fact]
    public async Task Studio_FromEmptyToTheRowsBehindANumber_AnswersShowsAndLeads()
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

        // nothing yet: what will be here, and the next step
        await page.GotoAsync($"{app.Url}/websites/{site.Id}/health");
        await Expect(page.GetByText("How well your events can be used")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("studio")).ToHaveCountAsync(0);
        await ShootAsync(page, "studio-empty");

        var meta = await ConnectAsync(client, site, "meta", "Meta", new { dataset_id = "990001" });
        var tiktok = await ConnectAsync(client, site, "tiktok", "TikTok", new { pixel_code = "C0PIXEL" });
        await HistoryAsync(site, meta);
        await SendAsync(site);

        // answer first: our estimate, Meta's own, the best next key
        await page.ReloadAsync();
        var studio = page.GetByTestId("studio");
        await Expect(studio.GetByTestId("studio-answer")).ToContainTextAsync("Purchase at Meta:");
        await Expect(studio.GetByTestId("studio-answer")).ToContainTextAsync("of 10 by our estimate. Meta itself says 7.1");
        await Expect(studio.GetByTestId("calibration")).ToContainTextAsync("scores of Meta moved it by");
        await Expect(studio.GetByTestId("own-score")).ToContainTextAsync("about the last 48 hours");
        await Expect(studio.GetByTestId("gains")).ToContainTextAsync("Phone");
        await Expect(studio.GetByTestId("gains")).ToContainTextAsync("Give the form's field the type tel");

        // evidence: two pictures, and the same as tables
        await Expect(studio.Locator("[data-testid=chart] svg.apexcharts-svg")).ToHaveCountAsync(2);
        await studio.GetByText("The same as a table").First.ClickAsync();
        await Expect(studio.Locator("figure").First.Locator("tbody tr").First.Locator("td").First).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^\d\.\d$"));
        await ShootAsync(page, "studio", studio);
        Assert.Empty(errors); // the policy of the page lets all of it through

        // Meta refuses: said where the score is, with the reason
        app.Scores.Says = (403, """{"error":{"message":"(#200) Requires ads_read","code":200}}""", null);
        await studio.GetByTestId("fetch-now").ClickAsync();
        await Expect(studio.GetByTestId("fetch-failed")).ToContainTextAsync("Credentials refused");
        await Expect(studio.GetByTestId("fetch-failed")).ToContainTextAsync("ads_read");
        await studio.GetByTestId("own-score").ScrollIntoViewIfNeededAsync();
        await ShootAsync(page, "studio-refused", studio.GetByTestId("own-score"));
        app.Scores.Says = null;

        // the advice of another stack, in the address
        await studio.GetByText("Shopify").ClickAsync();
        await page.WaitForURLAsync("**/health?stack=shopify");
        await Expect(studio.GetByTestId("gains")).ToContainTextAsync("Shipping address phone number");

        // knobs: another chance, another estimate; and back
        var before = await studio.GetByTestId("estimate").InnerTextAsync();
        await studio.GetByTestId("weights").Locator("summary").ClickAsync();
        await studio.Locator("#weight-em").FillAsync("0.99");
        await studio.GetByTestId("save-weights").ClickAsync();
        await Expect(studio.GetByTestId("weights-form")).ToContainTextAsync("must be a chance from 0 to 0.95");
        await studio.Locator("#weight-em").FillAsync("0.2");
        await studio.GetByTestId("save-weights").ClickAsync();
        await Expect(studio.GetByTestId("reset-weights")).ToBeVisibleAsync();
        await Expect(studio.GetByTestId("weights").Locator("summary")).ToContainTextAsync("set by you");
        await ShootAsync(page, "studio-weights", studio.GetByTestId("weights"));
        await studio.GetByTestId("reset-weights").ClickAsync();
        await Expect(studio.GetByTestId("estimate")).ToHaveTextAsync(before);

        // another destination says that it has no public score
        await studio.GetByLabel("Destination").SelectOptionAsync(tiktok.ToString());
        await Expect(studio.GetByTestId("own-score")).ToContainTextAsync("TikTok has no public interface for its match quality");
        await Expect(studio.Locator("[data-key=ttclid]")).ToBeVisibleAsync();
        await Expect(studio.Locator("[data-testid=chart] svg.apexcharts-svg")).ToHaveCountAsync(1);
        await ShootAsync(page, "studio-tiktok", studio);

        // a number leads to its rows
        await studio.Locator("[data-key=ph]").GetByTestId("without").ClickAsync();
        await Expect(page.GetByTestId("event-rows")).ToBeVisibleAsync();
        await Expect(page.GetByTestId("without")).ToContainTextAsync("Without phone");
        await Expect(page.GetByTestId("event-rows").Locator("tbody tr")).ToHaveCountAsync(2);
        await ShootAsync(page, "events-without");
    }

    /// <summary>Two weeks of rollups as the router writes them, getting better, and Meta's score of most days.</summary>
    private Task HistoryAsync(NewSite site, Guid meta) => app.RunAsync($$$"""
        INSERT INTO event_rollups SELECT '{{{site.WorkspaceId}}}', '{{{site.Id}}}', h, 'purchase', false, 10, 0
          FROM generate_series(date_trunc('hour', now()) - interval '14 days', date_trunc('hour', now()) - interval '3 days', '1 hour') h;
        INSERT INTO key_rollups SELECT '{{{site.WorkspaceId}}}', '{{{site.Id}}}', h, 'purchase', k.key, k.events + CASE WHEN k.key = 'em' AND h > now() - interval '6 days' THEN 3 ELSE 0 END
          FROM generate_series(date_trunc('hour', now()) - interval '14 days', date_trunc('hour', now()) - interval '3 days', '1 hour') h,
               (VALUES ('*', 10), ('em', 6), ('ph', 2), ('fbp', 9), ('client_ip_address', 8), ('client_user_agent', 10), ('ttp', 4)) AS k(key, events);
        INSERT INTO platform_scores (workspace_id, website_id, connection_id, source, day, event_name, score, verdict, detail, fetched_at)
        SELECT '{{{site.WorkspaceId}}}', '{{{site.Id}}}', '{{{meta}}}', '990001', ((now() - d * interval '1 day') AT TIME ZONE 'UTC')::date, 'Purchase', 7.1 - d * 0.05, 'scored',
               '{"keys":[{"key":"em","share":0.92},{"key":"client_ip_address","share":1}],
                 "facts":[{"group":"freshness","name":"real_time","percent":null,"text":"Events arrive within minutes."},
                          {"group":"dedup","name":"event_id pairs browser and server","percent":91,"text":null},
                          {"group":"additional_conversions","name":"reported thanks to the server''s events","percent":8.1,"text":null}],"answer":{}}', now() - d * interval '1 day'
          FROM generate_series(0, 11) d WHERE d <> 5;
        INSERT INTO platform_score_fetches VALUES ('{{{site.WorkspaceId}}}', '{{{site.Id}}}', '{{{meta}}}', now() - interval '1 hour', now() + interval '20 hours', now() - interval '1 hour', 'told', NULL, NULL, 0)
        """);

    private async Task SendAsync(NewSite site)
    {
        using var server = app.ClientFor(site.SecretKey);
        var order = new { url = "https://shop.example.com/thanks", value = 10, currency = "EUR" };
        await AppFixture.JsonOf(await server.PostAsJsonAsync("/event/track", new
        {
            events = new object[]
            {
                new { event_id = "o-1", event_type = "purchase", properties = order, user = new { email = "a@example.com", phone = "+4930123456", ip = "8.8.8.8", user_agent = Agent } },
                new { event_id = "o-2", event_type = "purchase", properties = order, user = new { email = "b@example.com", phone = "0171 2345678", ip = "8.8.4.4", user_agent = Agent } },
                new { event_id = "o-3", event_type = "purchase", properties = order, user = new { email = "c@example.com", ip = "8.8.4.4", user_agent = Agent } },
                new { event_id = "l-1", event_type = "lead", properties = new { url = "https://shop.example.com/" }, user = new { email = "c@example.com" } },
            },
        }));
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM key_rollups WHERE website_id = '{site.Id}' AND name = 'lead'") > 0 ? true : (bool?)null, "the rollups");
    }

    private static async Task<Guid> ConnectAsync(HttpClient client, NewSite site, string platform, string name, object settings) =>
        (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform, name, settings, credentials = new { access_token = StrictScores.Token } }))).GetProperty("id").GetGuid();

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
    private static async Task ShootAsync(IPage page, string name, ILocator? part = null)
    {
        if (Environment.GetEnvironmentVariable("CLARITY_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        foreach (var scheme in (ColorScheme[])[ColorScheme.Dark, ColorScheme.Light])
            foreach (var width in (int[])[390, 1280])
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.SetViewportSizeAsync(width, 860);
                await page.WaitForTimeoutAsync(600); // colours move, charts are drawn again
                var path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant());
                if (part is null)
                    await page.ScreenshotAsync(new() { Path = path });
                else
                    await part.ScreenshotAsync(new() { Path = path });
            }
    }
}
