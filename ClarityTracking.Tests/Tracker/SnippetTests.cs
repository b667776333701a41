using System.Text.Json;
using ClarityTracking.Tests.Support;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Tracker;

/// <summary>The core of the snippet, from a real page in a real browser to the stored row: each kind of event it knows.</summary>
public sealed class SnippetTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    [Fact]
    public async Task Visit_IsStoredAsSessionViewScrollAndExit()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop?utm_source=facebook&utm_medium=paid&fbclid=IwAR0_aBc-DeF.123~Xyz", "page");

        await page.EvaluateAsync("scrollTo(0, document.body.scrollHeight)");
        await site.Events.WaitForAsync("scroll", 4);
        await page.CloseAsync(new() { RunBeforeUnload = true });

        var start = await site.Events.OneAsync("session_start");
        var view = await site.Events.OneAsync("page_view");
        Assert.Equal((view.GetProperty("sessionId").GetString(), view.GetProperty("visitorId").GetString()),
            (start.GetProperty("sessionId").GetString(), start.GetProperty("visitorId").GetString()));
        Assert.Equal("Red shoes", Properties(view).GetProperty("title").GetString());
        Assert.Equal([25, 50, 75, 100], (await site.Events.WaitForAsync("scroll", 4)).Select(e => Properties(e).GetProperty("percent_scrolled").GetInt32()).Order());
        var exit = Properties(await site.Events.OneAsync("page_exit"));
        Assert.Equal(100, exit.GetProperty("percent_scrolled").GetInt32());
        Assert.InRange(exit.GetProperty("engagement_time_msec").GetInt32(), 100, 60_000);
    }

    [Fact]
    public async Task Identify_IsStoredHashedAndStaysWithLaterEvents()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");

        await page.EvaluateAsync("ClarityTracking.identify('Jane.Doe@Example.com', { firstName: 'Jane', phone: '+49 30 123456' }); ClarityTracking.trackEvent('contact')");

        foreach (var name in (string[])["identify", "contact"])
        {
            var stored = await site.Events.OneAsync(name);
            Assert.DoesNotContain("jane", stored.GetProperty("properties").GetRawText(), StringComparison.OrdinalIgnoreCase);
            Assert.Contains("Jane.Doe@Example.com", (await site.Events.RevealAsync(stored)).GetRawText(), StringComparison.Ordinal);
            Assert.Contains("em", stored.GetProperty("keys").EnumerateArray().Select(key => key.GetString()));
        }
    }

    [Fact]
    public async Task SessionEnd_AfterTheTimeout_IsStoredWithTheOldSession()
    {
        // a tenth of a second
        await using var site = await Site.StartAsync(app, """data-interval-start="100" data-session-timeout="0.00167" """);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        var first = (await site.Events.OneAsync("page_view")).GetProperty("sessionId").GetString();

        await page.WaitForTimeoutAsync(300);
        await page.EvaluateAsync("ClarityTracking.trackEvent('lead')");

        Assert.Equal(first, (await site.Events.WaitForAsync("session_end", 1))[0].GetProperty("sessionId").GetString());
        Assert.NotEqual(first, (await site.Events.OneAsync("lead")).GetProperty("sessionId").GetString());
    }

    [Fact]
    public async Task SessionEnd_OnRequest_IsStored()
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop", "page");
        await page.EvaluateAsync("ClarityTracking.endSession(true)");
        await site.Events.OneAsync("session_end");
    }

    public static TheoryData<string, string, string> Calls => new()
    {
        { "trackEvent('Plan chosen', { planName: 'pro', eventId: 'plan-1' })", "Plan chosen", """{"planName":"pro"}""" },
        { "goal('Called us', { minutes: 3 })", "goal", """{"event_name":"Called us","minutes":3}""" },
        { "trackEvent('view_content', { contentName: 'Chair', items: [{ id: 'c', price: 12.5, quantity: 1 }] })", "view_content", """{"content_name":"Chair"}""" },
        { "trackEvent('add_to_cart', { value: 12.5, currency: 'EUR' })", "add_to_cart", """{"value":12.5,"currency":"EUR"}""" },
        { "trackEvent('initiate_checkout', { value: 25, currency: 'EUR' })", "initiate_checkout", """{"value":25,"currency":"EUR"}""" },
        { "trackPurchase(149.9, { currency: 'EUR', orderId: '5001' })", "purchase", """{"value":149.9,"currency":"EUR","order_id":"5001"}""" },
        { "trackEvent('lead', { value: 5, currency: 'EUR' })", "lead", """{"value":5,"currency":"EUR"}""" },
        { "trackEvent('schedule', { contentName: 'Haircut' })", "schedule", """{"content_name":"Haircut"}""" },
        { "trackEvent('complete_registration')", "complete_registration", "{}" },
        { "trackEvent('subscribe', { value: 9, currency: 'USD' })", "subscribe", """{"value":9,"currency":"USD"}""" },
        { "trackEvent('contact')", "contact", "{}" },
        { "trackCourseEnrollment({ courseId: 'c1', value: 99, currency: 'EUR', orderId: 'e-1' })", "course_enrollment", """{"course_id":"c1","value":99,"order_id":"e-1"}""" },
        { "trackNewsletterSignup({ email: 'jane@example.com', list: 'weekly' })", "newsletter_signup", """{"list":"weekly"}""" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Call_IsStoredAsThatEvent(string call, string name, string properties)
    {
        await using var site = await Site.StartAsync(app);
        var page = await browser.NewPageAsync();
        await site.VisitAsync(page, "/shop?gclid=Cj0KCQ-x_1", "page");

        await page.EvaluateAsync("ClarityTracking." + call);
        await page.EvaluateAsync("ClarityTracking.sendData('xhr')");

        var stored = await site.Events.OneAsync(name);
        Assert.Equal("Cj0KCQ-x_1", stored.GetProperty("clickIds").GetProperty("gclid").GetProperty("value").GetString());
        using var expected = JsonDocument.Parse(properties);
        var all = Flat(stored);
        foreach (var property in expected.RootElement.EnumerateObject())
            Assert.True(all.TryGetValue(property.Name, out var value) && value == property.Value.ToString(), $"{property.Name} of {stored}");
    }

    /// <summary>The properties of a stored event with those that have columns of their own, by the collect contract's names.</summary>
    private static Dictionary<string, string> Flat(JsonElement stored)
    {
        var all = Properties(stored).EnumerateObject().ToDictionary(p => p.Name, p => p.Value.ToString());
        foreach (var (column, name) in new[] { ("value", "value"), ("currency", "currency"), ("orderId", "order_id") })
            if (stored.TryGetProperty(column, out var value) && value.ValueKind != JsonValueKind.Null)
                all[name] = value.ToString();
        return all;
    }

    internal static JsonElement Properties(JsonElement stored) => stored.GetProperty("properties");
}
