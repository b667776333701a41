using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Tracker;

/// <summary>What the snippet records by itself, from a real page in a real browser to the stored row.</summary>
public sealed class AutoCaptureTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    /// <summary>The tag as customers paste it: behaviour events wait five seconds or for the page's end.</summary>
    private const string AsPasted = "";

    private const string Quick = """data-interval-start="100" """;

    [Fact]
    public async Task Click_OnWhatCanBePressed_IsStoredOnceWithItsPath()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        await page.ClickAsync("#text");
        await page.ClickAsync("#inner", new() { ClickCount = 3 });
        await page.ClickAsync("#reserve");
        await page.ClickAsync("#typed");
        await page.ClickAsync("text=First");

        var clicks = await site.Events.WaitForAsync("click", 4);
        Assert.Equal(4, clicks.Count);
        var basket = Properties(clicks[0]);
        Assert.Equal(("html>body>main>section.offers.spring>button.primary:nth-of-type(2)", "button", "Add to basket"),
            (Text(basket, "element_path"), Text(basket, "element_tag"), Text(basket, "element_text")));
        Assert.Equal("webdriver", Text(basket, "bot_hint"));
        var reserve = Properties(clicks[1]);
        Assert.Equal(("button#reserve:nth-of-type(3)", "reserve", "reserve"), (Text(reserve, "element_path"), Text(reserve, "element_id"), Text(reserve, "click_name")));
        Assert.Equal(("Check now", "First"), (Text(Properties(clicks[2]), "element_text"), Text(Properties(clicks[3]), "element_text")));
        Assert.StartsWith($"{site.Url}/clicks", clicks[0].GetProperty("url").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Click_OnOutboundLink_IsStoredThoughThePageIsLeftAtOnce()
    {
        await using var site = await Site.StartAsync(app, AsPasted);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        await page.ClickAsync("#outbound");

        var click = Properties(await site.Events.OneAsync("click"));
        Assert.True(click.GetProperty("outbound").GetBoolean());
        Assert.Equal(($"{site.OtherUrl}/clicks?from=here#top", "127.0.0.1", "outbound", "partner", "Our partner"),
            (Text(click, "link_url"), Text(click, "link_domain"), Text(click, "link_id"), Text(click, "link_classes"), Text(click, "link_text")));
    }

    [Theory]
    [InlineData("download", "/files/Price-List.PDF", "pdf", "localhost")]
    [InlineData("saved", "notes.txt", "txt", null)]
    public async Task Click_OnFile_IsStoredAsDownload(string id, string name, string extension, string? domain)
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        await page.ClickAsync("#" + id);

        var click = Properties(await site.Events.OneAsync("click"));
        Assert.True(click.GetProperty("download").GetBoolean());
        Assert.Equal((name, extension, domain), (Text(click, "file_name"), Text(click, "file_extension"), Text(click, "link_domain")));
        Assert.False(click.TryGetProperty("outbound", out _));
        Assert.DoesNotContain("hello", click.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inside", "Inside", "/clicks#inside")]
    [InlineData("drawn", "Map", "/clicks#drawn")]
    [InlineData("call", "Call [redacted]", "tel:[redacted]")]
    [InlineData("write", "[redacted]", "mailto:[redacted]?subject=Hello")]
    [InlineData("reset", "Card [redacted], [redacted]", "/reset?access_token=[redacted]&page=2")]
    public async Task Click_OnLink_IsStoredWithoutWhatIsSensitive(string id, string text, string url)
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        await page.ClickAsync("#" + id);

        var click = Properties(await site.Events.OneAsync("click"));
        Assert.Equal((text, url.StartsWith('/') ? site.Url + url : url), (Text(click, "link_text"), Text(click, "link_url")));
        Assert.False(click.TryGetProperty("outbound", out _));
    }

    [Fact]
    public async Task Click_InPrivateArea_TellsThePathAlone()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        await page.ClickAsync("#balance");
        await page.ClickAsync("#mixed");

        var clicks = await site.Events.WaitForAsync("click", 2);
        Assert.Equal(["bot_hint", "element_path", "title"], Properties(clicks[0]).EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal("button#balance", Text(Properties(clicks[0]), "element_path"));
        Assert.All(clicks, click => Assert.DoesNotContain("Jane", click.GetRawText(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task GetClickInfo_OfAnElement_TellsWhatAClickWould()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/clicks");

        var info = await page.EvaluateAsync<JsonElement>("ClarityTracking.getClickInfo(document.querySelector('shop-card').shadowRoot.querySelector('button'))");
        Assert.Equal(("button#shaded", "In the shade"), (Text(info, "element_path"), Text(info, "element_text")));
        Assert.Equal("nothing", await page.EvaluateAsync<string>("ClarityTracking.getClickInfo(null) || 'nothing'"));

        await page.ClickAsync("#shaded");
        Assert.Equal("In the shade", Text(Properties(await site.Events.OneAsync("click")), "element_text"));
    }

    [Fact]
    public async Task Form_FilledInAndSent_IsStoredWithoutItsValues()
    {
        await using var site = await Site.StartAsync(app, AsPasted);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms", "forms");

        await page.FillAsync("[name=message]", "My knee hurts");
        await page.FillAsync("[name=secret]", "hunter2-hunter2");
        await page.CheckAsync("[name=terms]");
        await page.FillAsync("[name=message]", "My knee still hurts");
        await page.FillAsync("[name=diagnosis]", "gonarthrosis");
        await page.ClickAsync("#contact button");

        var sent = Properties(await site.Events.OneAsync("form_submit"));
        Assert.Equal(("form#contact:nth-of-type(1)", "contact", "contact form", site.Url + "/thanks", "Send it"),
            (Text(sent, "element_path"), Text(sent, "form_id"), Text(sent, "form_name"), Text(sent, "form_destination"), Text(sent, "form_submit_text")));
        Assert.Equal(["your_email", "", "lname", "phone", "secret", "terms", "message", "topic"],
            sent.GetProperty("form_fields").EnumerateArray().Select(f => f.GetString()));

        var interactions = (await site.Events.WaitForAsync("form_interaction", 5)).Select(Properties).ToList();
        Assert.Equal(["focus message ", "blur message True", "blur secret True", "blur terms True", "blur  "],
            interactions.Select(i => $"{Text(i, "interaction")} {Text(i, "field_name")} {(i.TryGetProperty("filled", out var filled) ? filled.GetBoolean() : null)}"));
        Assert.All([sent, .. interactions], p => Assert.DoesNotMatch("knee|hunter2|gonarthrosis|diagnosis", p.GetRawText()));
    }

    [Fact]
    public async Task AutoIdentify_FromAForm_NamesTheVisitorOfThisAndLaterEvents()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms", "forms");

        await page.FillAsync("[name=your_email]", " Jane.Doe@Example.com");
        await page.FillAsync("[autocomplete=given-name]", "Jane");
        await site.Events.OneAsync("auto_identify");
        await page.FillAsync("[name=lname]", "Doe");
        await page.FillAsync("[name=phone]", "+49 30 1234567");
        await page.ClickAsync("#contact button");

        var submitted = await site.Events.OneAsync("form_submit");
        var identified = await site.Events.WaitForAsync("auto_identify", 2);
        Assert.Equal(2, identified.Count);
        Assert.Equal(["em"], Keys(identified[0]));
        Assert.Equal(["em", "fn", "ln", "ph"], Keys(identified[1]));
        Assert.Equal(["em", "fn", "ln", "ph"], Keys(submitted));
        Assert.Equal(Sha("jane.doe@example.com"), await MatchKeyAsync(submitted, "em"));
        Assert.Equal(Sha("49301234567"), await MatchKeyAsync(submitted, "ph"));
        Assert.DoesNotContain("jane", submitted.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("[name=friend_email]", "#refer button")]
    [InlineData("#invite [name=email]", "#invite button")]
    [InlineData("[name=patient_email]", "#patient button")]
    public async Task AutoIdentify_OfSomebodyElseOrInPrivate_DoesNotHappen(string field, string button)
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms", "forms");

        await page.FillAsync(field, "friend@example.com");
        await page.ClickAsync(button);

        var submitted = await site.Events.OneAsync("form_submit");
        Assert.Empty(Keys(submitted));
        Assert.Equal(0, await site.Events.CountAsync("auto_identify"));
        Assert.DoesNotContain("friend@", submitted.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AutoIdentify_InOpenShadowRoot_Happens()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms", "forms");

        await page.ClickAsync("#shaded input");
        await page.Keyboard.TypeAsync("jane@example.com");
        await page.Keyboard.PressAsync("Enter");

        var submitted = await site.Events.OneAsync("form_submit");
        Assert.Equal("form#shaded", Text(Properties(submitted), "element_path"));
        Assert.Equal(Sha("jane@example.com"), await MatchKeyAsync(await site.Events.OneAsync("auto_identify"), "em"));
        Assert.Equal(["em"], Keys(submitted));
    }

    [Fact]
    public async Task AutoIdentify_FromTheAddress_HappensOnceAndYieldsToThePage()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/search?email=Jane%2Bnews@example.com", "forms");
        var identified = await site.Events.OneAsync("auto_identify");
        Assert.Equal(Sha("jane+news@example.com"), await MatchKeyAsync(identified, "em"));
        Assert.DoesNotContain("jane", identified.GetRawText(), StringComparison.OrdinalIgnoreCase);

        await page.EvaluateAsync("ClarityTracking.identify('login@example.com')");
        await site.VisitAsync(page, "/search?email=jane%2Bnews@example.com", "forms");
        await site.VisitAsync(page, "/forms", "forms");
        await page.FillAsync("[name=your_email]", "someone@example.com");
        await page.FillAsync("[name=lname]", "Else");
        await page.EvaluateAsync("ClarityTracking.trackEvent('lead')");
        Assert.Equal(Sha("login@example.com"), await MatchKeyAsync(await site.Events.OneAsync("lead"), "em"));
        Assert.Equal(1, await site.Events.CountAsync("auto_identify"));
    }

    [Fact]
    public async Task AutoIdentify_SwitchedOff_LeavesFormsToThePage()
    {
        await using var site = await Site.StartAsync(app, Quick + """data-auto-identify="false" """);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms?email=jane@example.com", "forms");

        await page.FillAsync("[name=your_email]", "jane@example.com");
        await page.ClickAsync("#contact button");

        Assert.Empty(Keys(await site.Events.OneAsync("form_submit")));
        Assert.Equal(0, await site.Events.CountAsync("auto_identify"));
    }

    [Fact]
    public async Task OnlyIdentify_FormAndClicks_IdentifiesAndRecordsNothingElse()
    {
        await using var site = await Site.StartAsync(app, Quick + "data-only-identify");
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/forms?q=shoes", "forms");

        await page.FillAsync("[name=your_email]", "jane@example.com");
        await page.ClickAsync("#contact button");

        Assert.Equal(["em"], Keys(await site.Events.OneAsync("auto_identify")));
        foreach (var name in (string[])["click", "form_submit", "form_interaction", "search"])
            Assert.Equal(0, await site.Events.CountAsync(name));
    }

    [Fact]
    public async Task Search_InTheAddressOrInPlace_IsStoredOncePerTermAndView()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/search?page=1&q=red+shoes", "forms");
        await page.EvaluateAsync("history.pushState(0, '', '/search?query=blue%20shoes%20for%20jane@example.com')");
        await site.Events.WaitForAsync("search", 2);
        await page.FillAsync("[name=term]", "hats");
        await page.Keyboard.PressAsync("Enter");
        await site.Events.WaitForAsync("search", 3);
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForTimeoutAsync(1500);
        await page.EvaluateAsync("ClarityTracking.trackEvent('lead')");
        await site.Events.OneAsync("lead");

        Assert.Equal(["red shoes", "blue shoes for [redacted]", "hats"],
            (await site.Events.WaitForAsync("search", 3)).Select(e => Text(Properties(e), "search_string")));
    }

    [Fact]
    public async Task PrivacyMode_EverythingTold_LeavesTheBrowserUnreadable()
    {
        await using var site = await Site.StartAsync(app, Quick + "data-privacy-mode");
        var page = await browser.NewPageAsync();
        var bodies = new List<string>();
        page.Request += (_, request) => bodies.Add(request.Url + request.PostData);
        await site.VisitAsync(page, "/forms?email=jane%40example.com&utm_source=mail&fbclid=IwAR0-0301234567x&phone=%2B49301234567", "forms");

        await page.EvaluateAsync("ClarityTracking.trackEvent('lead', { note: 'call +49 30 1234567', order_id: '0301234567', deep: [{ to: 'Jane.Doe@example.com' }], amount: 12 })");
        await page.FillAsync("[name=your_email]", "Jane.Doe@Example.com");
        await page.FillAsync("[autocomplete=given-name]", "Jane");
        await page.FillAsync("[name=phone]", "+49 30 1234567");
        await page.ClickAsync("#contact button");

        var submitted = await site.Events.OneAsync("form_submit");
        Assert.Equal(Sha("jane.doe@example.com"), await MatchKeyAsync(submitted, "em"));
        Assert.Equal(Sha("49301234567"), await MatchKeyAsync(submitted, "ph"));
        Assert.Equal(Sha("jane"), await MatchKeyAsync(submitted, "fn"));
        var lead = await site.Events.OneAsync("lead");
        Assert.Equal("call [redacted]", Text(Properties(lead), "note"));
        Assert.Equal("[redacted]", Text(Properties(lead).GetProperty("deep")[0], "to"));
        Assert.Equal(12, Properties(lead).GetProperty("amount").GetInt32());
        Assert.Equal("0301234567", lead.GetProperty("orderId").GetString());
        Assert.Equal("IwAR0-0301234567x", lead.GetProperty("clickIds").GetProperty("fbclid").GetProperty("value").GetString());
        Assert.Contains("fbclid=IwAR0-0301234567x", lead.GetProperty("url").GetString(), StringComparison.Ordinal);

        var collected = bodies.Where(b => b.Contains("/api/v1/collect", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(collected);
        foreach (var text in collected.Append(submitted.GetRawText()).Append(lead.GetRawText())
            .Append((await site.Events.RevealAsync(submitted)).GetRawText())
            .Append(await page.EvaluateAsync<string>("JSON.stringify({...localStorage}) + document.cookie")))
            Assert.DoesNotMatch("(?i)jane|doe@|49301234567|30 1234567", text);
    }

    [Fact]
    public async Task Cookies_ScriptOnTheSameSite_AreRenewedOncePerSession()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        var renewals = 0;
        page.Request += (_, request) => renewals += request.Url == $"{app.Url}/t/cookies" && request.Method == "POST" ? 1 : 0;
        await site.VisitAsync(page, "/clicks");
        await site.VisitAsync(page, "/clicks");
        await page.ClickAsync("#reserve");
        await site.Events.OneAsync("click");
        Assert.Equal(1, renewals);
    }

    private static JsonElement Properties(JsonElement stored) => stored.GetProperty("properties");

    private static string? Text(JsonElement properties, string name) => properties.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static IEnumerable<string> Keys(JsonElement stored) => stored.GetProperty("keys").EnumerateArray().Select(k => k.GetString()!).Order();

    private Task<string> MatchKeyAsync(JsonElement stored, string key) =>
        app.ValueAsync<string>($"SELECT match_keys -> '{key}' ->> 0 FROM events WHERE id = '{stored.GetProperty("id").GetGuid()}'");

    private static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
