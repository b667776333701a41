using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Tracker;

/// <summary>What a consent banner says stands in the stored event.</summary>
public sealed class ConsentSignalTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    private const string DataLayer = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }";

    private const string TcfStub =
        """
        (function () {
          var waiting = [];
          window.__tcfapi = function () { waiting.push([].slice.call(arguments)); };
          window.choose = function (consents) {
            var id = 0, data = { tcfPolicyVersion: 4, gdprApplies: true, eventStatus: "useractioncomplete", purpose: { consents: consents, legitimateInterests: {} } };
            window.__tcfapi = function (command, version, callback) { if (command === "addEventListener") callback(Object.assign({ listenerId: ++id }, data), true); };
            waiting.splice(0).forEach(function (call) { window.__tcfapi.apply(null, call); });
          };
        })();
        """;

    [Theory]
    [InlineData("{ 1: true, 2: true, 3: true, 4: true, 7: true, 8: true }", "granted", "granted")]
    [InlineData("{ 1: true, 8: true }", "denied", "granted")]
    [InlineData("{}", "denied", "denied")]
    public async Task Tcf_ChoiceInTheBanner_StandsInTheStoredEvent(string consents, string ads, string analytics)
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Pages["/"] = ($"<script>{TcfStub}</script>", "");
        var page = await site.OpenAsync(browser, "consent");
        await page.EvaluateAsync("() => { ClarityTracking.track('before'); }");
        await page.EvaluateAsync($"() => {{ choose({consents}); ClarityTracking.track('after'); }}");
        Assert.Equal((null, null), ConsentOf(Assert.Single(await site.StoredAsync(page, "before"))));
        Assert.Equal((ads, analytics), ConsentOf(Assert.Single(await site.StoredAsync(page, "after"))));
    }

    [Fact]
    public async Task Tcf_BannerComesLate_IsHeard()
    {
        await using var site = await FramedSite.StartAsync(app);
        var page = await site.OpenAsync(browser, "consent");
        await page.EvaluateAsync($"() => {{ {TcfStub}; choose({{ 1: true }}); }}");
        await page.WaitForFunctionAsync("() => ClarityTracking._.read('consent')");
        await page.EvaluateAsync("() => { ClarityTracking.track('after'); }");
        Assert.Equal(("denied", "denied"), ConsentOf(Assert.Single(await site.StoredAsync(page, "after"))));
    }

    [Fact]
    public async Task ConsentMode_DeniedUntilAsked_ThenGranted_IsGranted_AndThePagesOwnWordWins()
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Pages["/"] = ($"<script>{DataLayer} gtag('consent', 'default', {{ ad_storage: 'denied', analytics_storage: 'denied', wait_for_update: 500 }});</script>", "");
        var page = await site.OpenAsync(browser, "consent");
        await page.EvaluateAsync("() => { ClarityTracking.track('before'); }");
        await page.EvaluateAsync(
            """
            () => {
              gtag("consent", "update", { ad_storage: "granted", ad_user_data: "granted", ad_personalization: "granted", analytics_storage: "granted" });
              ClarityTracking.track("granted");
              ClarityTracking.consent({ ads: false });
              gtag("consent", "update", { ad_storage: "granted" });
              ClarityTracking.track("own");
              gtag("consent", "update", { analytics_storage: "denied" });
              ClarityTracking.track("later");
            }
            """);
        Assert.Equal((null, null), ConsentOf(Assert.Single(await site.StoredAsync(page, "before"))));
        Assert.Equal(("granted", "granted"), ConsentOf(Assert.Single(await site.StoredAsync(page, "granted"))));
        Assert.Equal(("denied", "granted"), ConsentOf(Assert.Single(await site.StoredAsync(page, "own"))));
        Assert.Equal(("denied", "denied"), ConsentOf(Assert.Single(await site.StoredAsync(page, "later"))));
        Assert.True(await page.EvaluateAsync<int>("dataLayer.length") >= 4);
    }

    private static (string? Ads, string? Analytics) ConsentOf(JsonElement stored)
    {
        var consent = stored.GetProperty("consent");
        return consent.ValueKind == JsonValueKind.Null ? (null, null) : (Word("adStorage"), Word("analyticsStorage"));

        string? Word(string name) => consent.GetProperty(name).ValueKind switch
        {
            JsonValueKind.True => "granted",
            JsonValueKind.False => "denied",
            _ => consent.GetProperty(name).GetString(),
        };
    }
}
