using System.Text.Json;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Tracker;

/// <summary>The snippet where pages, browsers and visitors make it hard: each a fixture in a real browser, up to the stored row.</summary>
public sealed class SituationTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task SinglePageApp_EachChangeOfAddress_IsAViewWithItsOwnTitleAndReferrer()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/app", "page");

        await page.ClickAsync("#next");
        await site.Events.WaitForAsync("page_view", 2);
        await page.ClickAsync("#redirect");
        await site.Events.WaitForAsync("page_view", 3);
        await page.ClickAsync("#fragment");
        await page.ClickAsync("#back");
        await page.ClickAsync("#back");
        await page.WaitForTimeoutAsync(300);

        var views = await site.Events.WaitForAsync("page_view", 4);
        Assert.Equal(["/app", "/app?step=2", "/app?step=3", "/app?step=2"], views.Select(v => v.GetProperty("url").GetString()![site.Url.Length..]));
        Assert.Equal("Step 2", Properties(views[1]).GetProperty("title").GetString());
        Assert.Equal(site.Url + "/app", views[1].GetProperty("referrer").GetString());
    }

    [Fact]
    public async Task BackForwardCache_ComingBack_IsANewView()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageThatIsKeptAsync();
        await site.VisitAsync(page, "/first", "auto");

        await page.ClickAsync("a");
        await page.WaitForURLAsync("**/second");
        await page.EvaluateAsync("setTimeout(() => history.back(), 50)");
        await page.WaitForURLAsync("**/first", new() { WaitUntil = WaitUntilState.Commit });
        await page.WaitForFunctionAsync("() => document.title === 'First'");

        Assert.True(await page.EvaluateAsync<bool>("window.cameBack === true"), "The browser did not keep the page; the snippet must not be what keeps it from doing so.");
        var views = await site.Events.WaitForAsync("page_view", 2);
        Assert.Equal(2, views.Count);
        Assert.Equal(views[0].GetProperty("sessionId").GetString(), views[1].GetProperty("sessionId").GetString());
    }

    /// <summary>In a Chromium of its own that nobody drives: a driven one does not prerender.</summary>
    [Fact]
    public async Task Prerender_IsCountedWhenThePageIsLookedAt()
    {
        var asked = new TaskCompletionSource<DateTimeOffset>();
        await using var site = await Site.StartAsync(app, map: web => web.Use((http, next) =>
        {
            if (http.Request.Path == "/prerendered" && http.Request.Headers["Sec-Purpose"].ToString().Contains("prerender", StringComparison.Ordinal))
                asked.TrySetResult(DateTimeOffset.UtcNow);
            return next(http);
        }));
        // the teaser's own script goes on after three seconds
        using var chromium = Browser.Start(site.Url + "/teaser");

        var early = await site.Events.OneAsync("view_content");
        var view = await site.Events.OneAsync("page_view");
        Assert.Equal("prerendered", Properties(early).GetProperty("content_name").GetString());
        Assert.True(asked.Task.IsCompleted);
        Assert.True(view.GetProperty("occurredAt").GetDateTimeOffset() > await asked.Task + TimeSpan.FromSeconds(1.5), "The view was counted before anyone looked.");
    }

    [Fact]
    public async Task SandboxedFrame_WithoutAnyStorage_IsCounted()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await page.AddInitScriptAsync("addEventListener('message', (event) => window.told = event.data)");
        await page.GotoAsync(site.Url + "/sandbox");
        await page.WaitForFunctionAsync("() => window.told");

        Assert.Empty(await page.EvaluateAsync<string[]>("told"));
        var view = await site.Events.OneAsync("page_view");
        var purchase = await site.Events.OneAsync("purchase");
        Assert.Equal(view.GetProperty("visitorId").GetString(), purchase.GetProperty("visitorId").GetString());
    }

    [Fact]
    public async Task Offline_WhatHappensMeanwhile_IsStoredOnceWhenTheNetworkIsBack()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        await site.Events.OneAsync("page_view");

        await page.Context.SetOfflineAsync(true);
        await page.EvaluateAsync("ClarityTracking.trackPurchase(10, { currency: 'EUR', orderId: 'o-1' }); ClarityTracking.trackEvent('lead')");
        await page.WaitForFunctionAsync("() => (localStorage.ct_retry || '').includes('o-1')");
        Assert.Equal(0, await site.Events.CountAsync("purchase"));
        await page.Context.SetOfflineAsync(false);

        await site.Events.OneAsync("purchase");
        await site.Events.OneAsync("lead");
        await page.WaitForFunctionAsync("() => !(localStorage.ct_retry || '').includes('o-1')");
    }

    [Fact]
    public async Task Offline_PageClosedMeanwhile_IsStoredByTheNextPage()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        await page.Context.SetOfflineAsync(true);
        await page.EvaluateAsync("ClarityTracking.trackPurchase(10, { currency: 'EUR', orderId: 'o-2' })");
        await page.WaitForFunctionAsync("() => (localStorage.ct_retry || '').includes('o-2')");
        await page.CloseAsync();

        var next = await page.Context.NewPageAsync();
        await next.Context.SetOfflineAsync(false);
        await next.GotoAsync(site.Url + "/shop");

        await site.Events.OneAsync("purchase");
    }

    [Fact]
    public async Task PageClosed_RightAfterTheEvent_LosesNothing()
    {
        await using var site = await Site.StartAsync(app, "");
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/leaving", "page");
        await page.ClickAsync("#pay");
        await page.WaitForURLAsync("**/second");
        await site.Events.OneAsync("purchase");
    }

    [Fact]
    public async Task PageClosed_BeforeTheScriptsTimers_LosesNothing()
    {
        await using var site = await Site.StartAsync(app, "");
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        await page.EvaluateAsync("ClarityTracking.trackEvent('Ordinary', {}); setTimeout(() => location = '/second', 0)");
        await page.WaitForURLAsync("**/second");
        await site.Events.OneAsync("Ordinary");
        await site.Events.OneAsync("page_exit");
    }

    [Fact]
    public async Task Consent_Withheld_NothingIsSentOrStoredUntilItIsGiven()
    {
        await using var site = await Site.StartAsync(app, """data-consent data-interval-start="100" """);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop?fbclid=IwAR0_x", "page");
        await page.EvaluateAsync("ClarityTracking.trackPurchase(10, { currency: 'EUR', orderId: 'c-1' })");
        await page.WaitForTimeoutAsync(500);
        Assert.Equal(0, await site.Events.CountAsync("page_view"));
        Assert.Equal("", await page.EvaluateAsync<string>("document.cookie"));
        Assert.Equal(0, await page.EvaluateAsync<int>("localStorage.length"));

        await page.EvaluateAsync("ClarityTracking.consent({ ads: true, analytics: true })");

        var purchase = await site.Events.OneAsync("purchase");
        Assert.True(purchase.GetProperty("consent").GetProperty("adStorage").GetBoolean());
        Assert.Equal("IwAR0_x", purchase.GetProperty("clickIds").GetProperty("fbclid").GetProperty("value").GetString());
        await site.Events.OneAsync("page_view");
    }

    [Fact]
    public async Task Consent_Refused_NothingIsSent()
    {
        await using var site = await Site.StartAsync(app, """data-consent data-interval-start="100" """);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop?fbclid=IwAR0_x", "page");
        await page.EvaluateAsync("ClarityTracking.consent({ ads: false, analytics: false }); ClarityTracking.trackPurchase(10, { currency: 'EUR' })");
        await page.WaitForTimeoutAsync(500);
        Assert.Equal(0, await site.Events.CountAsync("page_view"));
        Assert.Equal(0, await site.Events.CountAsync("purchase"));
        Assert.DoesNotContain("_fb", await page.EvaluateAsync<string>("document.cookie"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GlobalPrivacyControl_EventsCountWithoutAdIds()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await page.AddInitScriptAsync("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })");
        await page.SetExtraHTTPHeadersAsync(new Dictionary<string, string> { ["Sec-GPC"] = "1" });
        await site.VisitAsync(page, "/shop?fbclid=IwAR0_x", "page");

        var view = await site.Events.OneAsync("page_view");
        Assert.Empty(view.GetProperty("cookies").EnumerateObject());
        Assert.Equal("gpc", view.GetProperty("consent").GetProperty("signal").GetString());
        Assert.DoesNotContain("_fb", await page.EvaluateAsync<string>("document.cookie"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cookieless_NothingIsStoredAndTheServerNamesTheVisitorForADay()
    {
        await using var site = await Site.StartAsync(app, """data-cookieless data-interval-start="100" """);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        await page.EvaluateAsync("ClarityTracking.trackEvent('lead')");

        var view = await site.Events.OneAsync("page_view");
        var lead = await site.Events.OneAsync("lead");
        Assert.StartsWith("daily_", view.GetProperty("visitorId").GetString(), StringComparison.Ordinal);
        Assert.Equal(view.GetProperty("visitorId").GetString(), lead.GetProperty("visitorId").GetString());
        Assert.Equal("", await page.EvaluateAsync<string>("document.cookie"));
        Assert.Equal(0, await page.EvaluateAsync<int>("localStorage.length"));
    }

    [Theory]
    [InlineData("the app named", "script-src {app}; connect-src {app}")]
    [InlineData("nonces", "script-src 'nonce-abc' 'strict-dynamic'; connect-src {app}")]
    [InlineData("images alone", "script-src {app}; connect-src 'self'; img-src {app}")]
    public async Task ContentSecurityPolicy_EventsArrive(string situation, string policy)
    {
        _ = situation;
        var headers = new Dictionary<string, string> { ["Content-Security-Policy"] = "default-src 'none'; " + policy.Replace("{app}", app.Url, StringComparison.Ordinal) };
        await using var site = await Site.StartAsync(app, """nonce="abc" data-interval-start="100" """, headers);
        var page = await browser.NewPageAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        await page.GotoAsync(site.Url + "/shop");
        await page.WaitForFunctionAsync("() => window.ClarityTracking?.track");
        await page.EvaluateAsync("ClarityTracking.trackPurchase(10, { currency: 'EUR', orderId: 'csp-1' })");

        await site.Events.OneAsync("page_view");
        await site.Events.OneAsync("purchase");
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("json", false)]
    [InlineData("laterjson", true)]
    [InlineData("tojson", true)]
    [InlineData("freeze", true)]
    [InlineData("global", true)]
    [InlineData("beacon", true)]
    [InlineData("fetch", true)]
    [InlineData("nofetch", true)]
    [InlineData("storage", true)]
    [InlineData("full", true)]
    [InlineData("observer", true)]
    public async Task HostilePage_WorksAndHearsNoErrorOfOurs(string how, bool isCounted)
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        await page.GotoAsync($"{site.Url}/hostile?how={how}");
        await page.WaitForTimeoutAsync(500);
        await page.FillAsync("#email", "jane@example.com");
        await page.ClickAsync("#button");
        await page.EvaluateAsync("window.ClarityTracking?.trackEvent?.('lead')");
        if (isCounted)
            await site.Events.WaitForAsync("page_view", 1);
        await page.GotoAsync(site.Url + "/second");

        Assert.Empty(errors);
        Assert.True(await page.EvaluateAsync<bool>("true"));
    }

    [Fact]
    public async Task Alias_EverythingGoesThroughIt()
    {
        await using var site = await Site.StartAsync(app, byAlias: true);
        var page = await browser.NewPageAsync();
        var paths = new List<string>();
        page.Context.Request += (_, request) => { if (request.Url.StartsWith(app.Url, StringComparison.Ordinal)) paths.Add(new Uri(request.Url).AbsolutePath); };
        await site.VisitAsync(page, "/shop", "auto");
        await site.Events.OneAsync("page_view");
        var alias = site.Events.Website.ScriptAlias;
        Assert.Contains($"/{alias}.js", paths);
        Assert.Contains($"/{alias}", paths);
        Assert.Contains($"/{alias}/page.js", paths);
        Assert.All(paths, path => Assert.StartsWith("/" + alias, path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task RequestsOfTheSnippet_AskNoPreflightQuestion()
    {
        var preflights = 0;
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        page.Context.Request += (_, request) => { if (request.Method == "OPTIONS") preflights++; };
        await site.VisitAsync(page, "/shop", "page");
        await site.Events.OneAsync("page_view");
        Assert.Equal(0, preflights);
    }

    private static JsonElement Properties(JsonElement stored) => stored.GetProperty("properties");
}
