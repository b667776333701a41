using System.Text.Json;
using System.Web;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Tracker;

/// <summary>
/// The browser's own pixels get the id of the stored event. The doubles do what the platforms' base codes and scripts do with the page:
/// queue, take the queue over, replace functions; each call of an event becomes a request with its id.
/// </summary>
public sealed class PixelBridgeTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    /// <summary>Meta's base code: a function that queues until its script gives it <c>callMethod</c>.</summary>
    private const string MetaBase =
        """
        <script>
        (function () {
          var fbq = window.fbq = function () { fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments); };
          if (!window._fbq) window._fbq = fbq;
          fbq.push = fbq; fbq.loaded = true; fbq.version = "2.0"; fbq.queue = [];
          var script = document.createElement("script");
          script.async = true; script.src = "https://connect.facebook.net/en_US/fbevents.js";
          document.head.appendChild(script);
        })();
        fbq("init", "123"); fbq("track", "PageView");
        </script>
        """;

    /// <summary>Meta's script: it refuses two different functions, sets properties, then works through the queue.</summary>
    private const string MetaScript =
        """
        (function () {
          if (window.fbq !== window._fbq) throw new Error("Multiple pixels with conflicting versions");
          var pixels = [];
          var fire = function (pixel, name, id) {
            // a request of a page that is gone cannot be watched
            localStorage.setItem("told", (localStorage.getItem("told") || "") + name + "=" + id + " ");
            new Image().src = "https://www.facebook.com/tr/?id=" + pixel + "&ev=" + name + (id ? "&eid=" + encodeURIComponent(id) : "");
          };
          window.fbq.callMethod = function (method, first, second, third, fourth) {
            if (this !== window.fbq && this !== window._fbq && !this.queue) throw new Error("wrong this");
            if (method === "init") pixels.push(first);
            if (/^track(Custom)?$/.test(method)) pixels.forEach(function (pixel) { fire(pixel, first, third && third.eventID); });
            if (/^trackSingle/.test(method)) fire(first, second, fourth && fourth.eventID);
          };
          window.fbq.getState = function () { return { pixels: pixels }; };
          for (var call; (call = window.fbq.queue.shift());) window.fbq.callMethod.apply(window.fbq, call);
        })();
        """;

    /// <summary>TikTok's base code: a list with methods that append to it; its script puts another object in its place.</summary>
    private const string TikTokBase =
        """
        <script>
        window.ttq = [];
        ["page", "track", "identify"].forEach(function (m) { ttq[m] = function () { ttq.push([m].concat([].slice.call(arguments))); }; });
        ttq.page();
        </script><script async src="https://analytics.tiktok.com/i18n/pixel/events.js"></script>
        """;

    private const string TikTokScript =
        """
        (function () {
          var waiting = window.ttq, tell = function (name, id) {
            new Image().src = "https://analytics.tiktok.com/api?ev=" + name + (id ? "&eid=" + encodeURIComponent(id) : "");
          };
          window.ttq = { page: function () { tell("Pageview"); }, track: function (name, fields, options) { tell(name, options && options.event_id); } };
          waiting.forEach(function (call) { window.ttq[call[0]].apply(window.ttq, call.slice(1)); });
        })();
        """;

    /// <summary>Pinterest's base code queues lists; its script takes over the queue's <c>push</c>.</summary>
    private const string PinterestBase =
        """
        <script>
        window.pintrk = function () { window.pintrk.queue.push([].slice.call(arguments)); };
        pintrk.queue = []; pintrk.version = "3.0"; pintrk("load", "9"); pintrk("page");
        </script><script async src="https://s.pinimg.com/ct/core.js"></script>
        """;

    private const string PinterestScript =
        """
        (function () {
          var tell = function (call) {
            if (call[0] === "track") new Image().src = "https://ct.pinterest.com/v3/?ev=" + call[1] + (call[2] && call[2].event_id ? "&eid=" + encodeURIComponent(call[2].event_id) : "");
          };
          window.pintrk.queue.splice(0).forEach(tell);
          window.pintrk.queue.push = tell;
        })();
        """;

    private const string Buy = "ClarityTracking.trackPurchase(20, { currency: 'EUR', orderId: '1', items: [{ id: 'A', price: 10, quantity: 2 }] });";

    [Theory]
    [InlineData("WeAlone", Buy, "")]
    [InlineData("PageAfterUs", Buy + "fbq('track', 'Purchase', { value: 20 }); ttq.track('CompletePayment', {}); pintrk('track', 'checkout', {})", "")]
    [InlineData("PageBeforeUs", "fbq('track', 'Purchase'); ttq.track('Purchase'); pintrk('track', 'checkout');" + Buy, "none")]
    public async Task Purchase_IsCountedOnceByEachPixel(string who, string lines, string id)
    {
        await using var site = await StartAsync();
        var page = await site.OpenAsync(browser, "pixels");
        await page.WaitForFunctionAsync("() => fbq.callMethod && !Array.isArray(ttq) && pintrk.queue.push !== [].push");
        await page.WaitForTimeoutAsync(1100); // TikTok's object has been replaced: the bridge looks again within a second
        await page.EvaluateAsync($"() => {{ {lines} }}");
        var purchase = Assert.Single(await site.StoredAsync(page, "purchase"));
        Assert.Equal("purchase_1", purchase.GetProperty("eventId").GetString());

        await page.WaitForTimeoutAsync(2500);
        var expected = id == "none" ? null : "purchase_1";
        Assert.Equal([("Purchase", expected)], Told(site, "www.facebook.com", "PageView"));
        Assert.Equal([(who == "PageAfterUs" ? "CompletePayment" : "Purchase", expected)], Told(site, "analytics.tiktok.com", "Pageview"));
        Assert.Equal([("checkout", expected)], Told(site, "ct.pinterest.com", ""));
        Assert.Equal(["PageView"], Told(site, "www.facebook.com", "Purchase").Select(told => told.Name));
    }

    /// <summary>The usual thank-you page: everything fires while it loads, before the bridge is there; Meta's script may be faster or slower than it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Purchase_FiredByThePageWhileItLoads_IsCountedOnce(bool scriptFirst)
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Answer("fbevents", scriptFirst ? MetaScript : "", "text/javascript").Answer("^https://", "");
        site.Pages["/"] = (MetaBase, $"<script>fbq('track', 'Purchase'); window.ClarityTracking = {{ q: [['trackPurchase', [20, {{ orderId: '1' }}]]] }};</script>");
        var page = await site.OpenAsync(browser, "pixels");
        Assert.Single(await site.StoredAsync(page, "purchase"));
        await page.WaitForTimeoutAsync(1500);
        if (!scriptFirst)
            await page.AddScriptTagAsync(new() { Content = MetaScript });
        await page.WaitForTimeoutAsync(1000);
        var told = Assert.Single(Told(site, "www.facebook.com", "PageView"));
        // what had left already cannot be given an id; what waited is
        Assert.Equal(("Purchase", scriptFirst ? null : "purchase_1"), told);
    }

    [Fact]
    public async Task Lead_PageLeavesAtOnce_IsStillToldWithTheStoredId()
    {
        await using var site = await StartAsync();
        var page = await site.OpenAsync(browser, "pixels");
        await page.WaitForFunctionAsync("() => fbq.callMethod");
        await page.EvaluateAsync("() => { ClarityTracking.track('lead', { eventId: 'L1' }); }");
        await page.GotoAsync(site.Url + "/next");
        await page.WaitForFunctionAsync("() => window.ClarityTracking?._?.load");
        Assert.Equal("L1", Assert.Single(await site.StoredAsync(page, "lead")).GetProperty("eventId").GetString());
        Assert.Equal("PageView=undefined Lead=L1 ", await page.EvaluateAsync<string>("localStorage.getItem('told')"));
    }

    [Fact]
    public async Task Refused_PixelsAreToldNothing_TheEventIsStored()
    {
        await using var site = await StartAsync();
        var page = await site.OpenAsync(browser, "pixels");
        await page.WaitForFunctionAsync("() => fbq.callMethod");
        await page.EvaluateAsync($"() => {{ ClarityTracking.consent({{ ads: false }}); {Buy} }}");
        Assert.Single(await site.StoredAsync(page, "purchase"));
        await page.WaitForTimeoutAsync(2500);
        Assert.Empty(Told(site, "www.facebook.com", "PageView"));
        Assert.Empty(Told(site, "ct.pinterest.com", ""));
    }

    [Fact]
    public async Task SwitchedOff_PixelsAreToldNothing()
    {
        await using var site = await StartAsync("data-pixels=\"false\"");
        var page = await site.OpenAsync(browser, "pixels");
        await page.EvaluateAsync($"() => {{ {Buy} }}");
        Assert.Single(await site.StoredAsync(page, "purchase"));
        await page.WaitForTimeoutAsync(2500);
        Assert.Empty(Told(site, "www.facebook.com", "PageView"));
    }

    private async Task<FramedSite> StartAsync(string attributes = "")
    {
        var site = await FramedSite.StartAsync(app, attributes);
        site.Answer("fbevents", MetaScript, "text/javascript").Answer("events\\.js$", TikTokScript, "text/javascript").Answer("core\\.js$", PinterestScript, "text/javascript");
        site.Answer("^https://", "");
        site.Pages["/"] = (MetaBase + TikTokBase + PinterestBase, "");
        return site;
    }

    /// <summary>The events a platform was told, with their ids, without the one that is its base code's.</summary>
    private static List<(string Name, string? Id)> Told(FramedSite site, string host, string without) =>
        [.. from request in site.Requests
            let query = HttpUtility.ParseQueryString(request.Query)
            where request.Host == host && query["ev"] is { } name && name != without
            select (query["ev"]!, query["eid"])];
}
