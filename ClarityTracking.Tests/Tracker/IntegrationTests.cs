using System.Collections.Specialized;
using System.Web;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Tracker;

/// <summary>What forms and calendars of others tell a page, and what they are told: in a real browser, up to the stored row.</summary>
public sealed class IntegrationTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    private const string Empty = "<!doctype html><title>double</title>";

    private const string HubspotSent =
        """{type:"hsFormCallback",eventName:"onFormSubmit",id:"F1",data:[{name:"email",value:"jane@example.com"},{name:"firstname",value:"Jane"}]}""";

    private const string HubspotAccepted = """{type:"hsFormCallback",eventName:"onFormSubmitted",id:"F1",data:{conversionId:"C1",submissionValues:{}}}""";

    private const string CalendlyBooked =
        """
        {event:"calendly.event_scheduled",payload:{event:{uri:"https://api.calendly.com/scheduled_events/E1"},
        invitee:{uri:"https://api.calendly.com/scheduled_events/E1/invitees/I1"}}}
        """;

    private const string MeetingBooked =
        """
        {meetingBookSucceeded:true,meetingsPayload:{bookingResponse:{postResponse:{timerange:{start:1796119200000},
        contact:{firstName:"Jane",lastName:"Doe",email:"jane@example.com"}}}}}
        """;

    private const string CalBooked = """{originator:"CAL",type:"bookingSuccessfulV2",fullType:"CAL:intro:bookingSuccessfulV2",data:{uid:"U1",startTime:"2026-12-01T10:00:00Z"}}""";

    /// <summary>A sender's frame speaks twice, and a stranger's frame says the same first.</summary>
    [Theory]
    [InlineData("https://share.hsforms.com/x", HubspotSent + ", " + HubspotAccepted, "form_submit auto_identify lead", "lead_C1")]
    [InlineData("https://meetings-eu1.hubspot.com/jane", MeetingBooked, "auto_identify schedule", null)]
    [InlineData("https://calendly.com/jane/intro", CalendlyBooked, "schedule", "schedule_I1")]
    [InlineData("https://app.cal.com/jane/intro", CalBooked, "schedule", "schedule_U1")]
    public async Task Frame_SaysItTwice_IsStoredOnce_AndAStrangersNever(string frame, string messages, string expected, string? lastId)
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Answer("^https://", Empty);
        site.Pages["/"] = ("", $"""<iframe src="https://evil.example.net/"></iframe><iframe src="{frame}"></iframe>""");
        var page = await site.OpenAsync(browser, "integrations");
        var names = expected.Split(' ');

        await SayAsync(page, "https://evil.example.net/", messages);
        Assert.Empty(await site.StoredAsync(page, names));

        await SayAsync(page, frame, messages);
        await SayAsync(page, frame, messages);
        var stored = await site.StoredAsync(page, names);
        Assert.Equal(names.Order(), stored.Select(e => e.GetProperty("name").GetString()!).Order());
        var last = stored.Single(e => e.GetProperty("name").GetString() == names[^1]);
        if (lastId is not null)
            Assert.Equal(lastId, last.GetProperty("eventId").GetString());
        if (names.Contains("auto_identify"))
            Assert.Equal("jane@example.com", await site.EmailOfAsync(last));
    }

    [Fact]
    public async Task HubspotForm_InThePageItself_IsOneLeadWithItsForm()
    {
        await using var site = await FramedSite.StartAsync(app);
        var page = await site.OpenAsync(browser, "integrations");
        await page.EvaluateAsync($"() => {{ for (const m of [{HubspotSent}, {HubspotAccepted}, {HubspotAccepted}]) window.postMessage(m, '*'); }}");
        await Task.Delay(50); // a message comes in a task of its own
        var lead = Assert.Single(await site.StoredAsync(page, "lead"));
        Assert.Equal("F1", lead.GetProperty("properties").GetProperty("form_id").GetString());
        Assert.Equal("hubspot", lead.GetProperty("properties").GetProperty("integration").GetString());
        Assert.DoesNotContain("jane", lead.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task HubspotForm_OfTheNewerEditor_IsOneLeadAndNamesThePerson()
    {
        await using var site = await FramedSite.StartAsync(app);
        var page = await site.OpenAsync(browser, "integrations");
        await page.EvaluateAsync(
            """
            () => {
              window.HubSpotFormsV4 = { getFormFromEvent: () => ({ getConversionId: () => "C9",
                getFormFieldValues: () => Promise.resolve([{ name: "0-1/email", value: "jane@example.com" }, { name: "0-1/phone", value: "+49 30 1234567" }]) }) };
              for (let i = 0; i < 2; i++)
                window.dispatchEvent(new CustomEvent("hs-form-event:on-submission:success", { detail: { formId: "F9", instanceId: "0" } }));
            }
            """);
        var stored = await site.StoredAsync(page, "form_submit", "lead", "auto_identify");
        Assert.Equal(["auto_identify", "form_submit", "lead"], stored.Select(e => e.GetProperty("name").GetString()!).Order());
        var lead = stored.Single(e => e.GetProperty("name").GetString() == "lead");
        Assert.Equal("lead_C9", lead.GetProperty("eventId").GetString());
        Assert.Equal("jane@example.com", await site.EmailOfAsync(lead));
    }

    [Fact]
    public async Task Klaviyo_Submit_IsOneSignUp_AFramesCopyIsNone()
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Answer("^https://", Empty);
        site.Pages["/"] = ("", """<iframe src="https://evil.example.net/"></iframe>""");
        var page = await site.OpenAsync(browser, "integrations");
        const string Detail = """{type:"submit",formId:"K1",metaData:{$email:"jane@example.com",$first_name:"Jane"}}""";
        await SayAsync(page, "https://evil.example.net/", $"{{type:'klaviyoForms',detail:{Detail}}}");
        await page.EvaluateAsync("() => window.dispatchEvent(new CustomEvent('klaviyoForms', { detail: { type: 'open', formId: 'K1' } }))");
        Assert.Empty(await site.StoredAsync(page, "newsletter_signup", "auto_identify"));

        await page.EvaluateAsync($"() => {{ for (let i = 0; i < 2; i++) window.dispatchEvent(new CustomEvent('klaviyoForms', {{ detail: {Detail} }})); }}");
        var signUp = Assert.Single(await site.StoredAsync(page, "newsletter_signup"));
        Assert.Equal("K1", signUp.GetProperty("properties").GetProperty("form_id").GetString());
        Assert.Equal("jane@example.com", await site.EmailOfAsync(signUp));
        Assert.Single(await site.StoredAsync(page, "form_submit"));
        Assert.Single(await site.StoredAsync(page, "auto_identify"));
    }

    [Fact]
    public async Task Embeds_AddedAfterwards_CarryTheVisitor_AndALoadedOneIsNotLoadedAgain()
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Answer("^https://", Empty);
        site.Pages["/"] = ("", """<iframe src="https://calendly.com/jane/early"></iframe>""");
        var page = await site.OpenAsync(browser, "integrations", "/?utm_source=ads&utm_campaign=spring&gclid=G1");
        await page.EvaluateAsync(
            """
            () => {
              const add = (src) => document.body.append(Object.assign(document.createElement("iframe"), { src }));
              add("https://calendly.com/jane/intro?month=2026-12");
              add("https://cal.com/jane/intro?embed=intro");
              add("https://jane.as.me/");
              add("https://other.example.net/x");
            }
            """);
        var visitor = await page.EvaluateAsync<string>("ClarityTracking.getVisitorId()");
        var calendly = await QueryOfAsync("calendly.com/jane/intro");
        Assert.Equal(("2026-12", "v_" + visitor), (calendly["month"], calendly["salesforce_uuid"]));
        Assert.Equal(("ads", "spring", null), (calendly["utm_source"], calendly["utm_campaign"], calendly["gclid"]));
        var cal = await QueryOfAsync("//cal.com/jane/intro");
        Assert.Equal(("intro", visitor), (cal["embed"], cal["metadata[ct_vid]"]));
        Assert.Equal(("ads", "G1"), (cal["metadata[utm_source]"], cal["metadata[gclid]"]));
        var acuity = await QueryOfAsync("jane.as.me/");
        Assert.Equal((visitor, "G1"), (acuity["ct_vid"], acuity["gclid"]));
        Assert.Empty(await QueryOfAsync("other.example.net/x"));

        // once the visitor sees it, it stays as it is
        Assert.Empty(await QueryOfAsync("calendly.com/jane/early"));
        Assert.Single(site.Requests, request => request.AbsolutePath == "/jane/early");

        async Task<NameValueCollection> QueryOfAsync(string address) =>
            HttpUtility.ParseQueryString(new Uri(await page.Locator($"iframe[src*='{address}']").GetAttributeAsync("src") ?? "").Query);
    }

    /// <summary>A frame whose address is changed while it is on its way may stay empty in Chromium; many at once, over real HTTP, show that ours do not.</summary>
    [Fact]
    public async Task Embeds_OverRealHttp_ShowTheAddressWithTheVisitor()
    {
        await using var site = await FramedSite.StartAsync(app);
        var cal = site.AddressOf("cal.localhost");
        site.Attributes = $"data-cal-origin=\"{cal}\"";
        var page = await browser.NewPageAsync();
        await page.GotoAsync(site.Url);
        await page.WaitForFunctionAsync("() => window.ClarityTracking?._?.load");
        await page.AddScriptTagAsync(new() { Path = FramedSite.Built("integrations") });
        var visitor = await page.EvaluateAsync<string>("ClarityTracking.getVisitorId()");
        await page.EvaluateAsync(
            "cal => { for (let i = 0; i < 20; i++) document.body.append(Object.assign(document.createElement('iframe'), { src: `${cal}/intro?embed=${i}` })); }", cal);
        for (var i = 0; i < 200 && Shown().Length < 20; i++)
            await Task.Delay(50);
        Assert.True(Shown().Length == 20, string.Join("\n", site.Visits));

        string?[] Shown() => [.. from visit in site.Visits
                                 let query = HttpUtility.ParseQueryString(visit.Query)
                                 where visit.AbsolutePath == "/intro" && query["metadata[ct_vid]"] == visitor
                                 select query["embed"]];
    }

    [Fact]
    public async Task Calendly_WidgetsOwnCall_GetsTheVisitorBeforeItsFrame()
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Pages["/"] = ("<script>window.Calendly = { initPopupWidget: function (o) { this.seen = o; return 7; } };</script>", "");
        var page = await site.OpenAsync(browser, "integrations", "/?utm_source=ads");
        var visitor = await page.EvaluateAsync<string>("ClarityTracking.getVisitorId()");
        Assert.Equal(7, await page.EvaluateAsync<int>("Calendly.initPopupWidget({ url: 'https://calendly.com/jane', text: 'x' })"));
        Assert.Equal($"https://calendly.com/jane?salesforce_uuid=v_{visitor}&utm_source=ads", await page.EvaluateAsync<string>("Calendly.seen.url"));
        await page.EvaluateAsync("Calendly.initPopupWidget({ url: 'https://calendly.com/jane', utm: { utmSource: 'own' } })");
        Assert.Equal($"https://calendly.com/jane?salesforce_uuid=v_{visitor}", await page.EvaluateAsync<string>("Calendly.seen.url"));
    }

    [Fact]
    public async Task BookingLink_Clicked_CarriesTheVisitor()
    {
        await using var site = await FramedSite.StartAsync(app);
        site.Answer("^https://", Empty);
        site.Pages["/"] = ("", """<a href="https://book.squareup.com/appointments/x?lang=de#s"><b>Book</b></a>""");
        var page = await site.OpenAsync(browser, "integrations", "/?fbclid=IwAR0_aBc");
        var visitor = await page.EvaluateAsync<string>("ClarityTracking.getVisitorId()");
        await page.ClickAsync("b");
        await page.WaitForURLAsync("https://book.squareup.com/**");
        Assert.Equal($"https://book.squareup.com/appointments/x?lang=de&ct_vid={visitor}&fbclid=IwAR0_aBc#s", page.Url);
    }

    [Fact]
    public async Task CrossDomain_LinksAndForms_CarryTheVisitorToOwnDomainsOnly()
    {
        await using var site = await FramedSite.StartAsync(app, "data-cross-domain=\"shop.localhost, example.org\"");
        var shop = site.AddressOf("pay.shop.localhost");
        site.Pages["/"] = ("",
            $"""
            <a id="link" href="{shop}/a?x=1#y">Shop</a> <a id="stranger" href="{site.AddressOf("other.localhost")}/b?x=1">Other</a>
            <form id="get" action="{shop}/search?lost=1"><input name="q" value="hair"><button>Search</button></form>
            <form id="post" method="post" action="{shop}/pay?x=1"><input name="action" value="hidden"><button>Pay</button></form>
            """);
        var page = await site.OpenAsync(browser, "integrations");
        var visitor = await page.EvaluateAsync<string>("ClarityTracking.getVisitorId()");

        await page.ClickAsync("#link");
        Assert.Equal("1", (await ArrivedAsync("/a", 1))["x"]);
        await page.WaitForURLAsync("**/a?**");
        Assert.EndsWith("#y", page.Url, StringComparison.Ordinal);

        await ComeBackAsync();
        await page.Locator("#link").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await ArrivedAsync("/a", 2);
        await page.WaitForURLAsync("**/a?**");

        await ComeBackAsync();
        await page.Context.RunAndWaitForPageAsync(() => page.ClickAsync("#link", new() { Button = MouseButton.Middle }));
        await ArrivedAsync("/a", 3);

        await page.ClickAsync("#get button");
        Assert.Equal("hair", (await ArrivedAsync("/search", 1))["q"]);
        await page.WaitForURLAsync("**/search?**");

        await ComeBackAsync();
        await page.ClickAsync("#post button");
        Assert.Equal("1", (await ArrivedAsync("/pay", 1))["x"]);
        await page.WaitForURLAsync("**/pay?**");

        await ComeBackAsync();
        await page.ClickAsync("#stranger");
        await page.WaitForURLAsync("**/b?**");
        Assert.Equal("?x=1", site.Visits.Single(visit => visit.AbsolutePath == "/b").Query);

        async Task<NameValueCollection> ArrivedAsync(string path, int times)
        {
            // as it was asked for: the page that is reached takes the link out of its address
            for (var i = 0; i < 100 && site.Visits.Count(visit => visit.AbsolutePath == path) < times; i++)
                await Task.Delay(50);
            var visits = site.Visits.Where(visit => visit.AbsolutePath == path).ToList();
            Assert.Equal(times, visits.Count);
            await page.WaitForLoadStateAsync();
            var query = HttpUtility.ParseQueryString(visits[^1].Query);
            AssertLink(query["ct_link"], visitor);
            return query;
        }

        async Task ComeBackAsync()
        {
            await page.GotoAsync(site.Url + "/");
            await FramedSite.LoadAsync(page, "integrations");
        }
    }

    [Fact]
    public async Task CrossFrame_IdentifyFromOwnDomains_IsStored_FromOthersNot()
    {
        await using var site = await FramedSite.StartAsync(app, "data-cross-domain=\"example.org\"");
        site.Answer("^https://", Empty);
        site.Pages["/"] = ("", """<iframe src="https://example.org.evil.net/"></iframe><iframe src="https://pay.example.org/"></iframe>""");
        var page = await site.OpenAsync(browser, "integrations");
        const string Message = """{type:"clarity:identify",email:"jane@example.com",traits:{firstName:"Jane"}}""";
        await SayAsync(page, "https://example.org.evil.net/", Message);
        Assert.Empty(await site.StoredAsync(page, "identify"));
        await SayAsync(page, "https://pay.example.org/", Message);
        var identified = Assert.Single(await site.StoredAsync(page, "identify"));
        Assert.Equal("jane@example.com", await site.EmailOfAsync(identified));
    }

    /// <summary>`v.t`: the visitor, and seconds of base 36 not far from now.</summary>
    private static void AssertLink(string? link, string visitor)
    {
        var parts = Assert.IsType<string>(link).Split('.');
        Assert.Equal((2, visitor), (parts.Length, parts[0]));
        var seconds = parts[1].Aggregate(0L, (sum, digit) => (sum * 36) + "0123456789abcdefghijklmnopqrstuvwxyz".IndexOf(digit, StringComparison.Ordinal));
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - seconds, 0, 30);
    }

    /// <summary>Lets the frame at an address speak to the page, and waits until it has been heard.</summary>
    private static async Task SayAsync(IPage page, string frame, string messages)
    {
        var speaker = page.Frames.First(one => one.Url.StartsWith(frame, StringComparison.Ordinal));
        var heard = page.EvaluateAsync("() => new Promise(done => addEventListener('message', function hear({ data }) { if (data === 'done') done(); }))");
        await speaker.EvaluateAsync($"() => {{ for (const message of [{messages}, 'done']) parent.postMessage(message, '*'); }}");
        await heard;
    }
}
