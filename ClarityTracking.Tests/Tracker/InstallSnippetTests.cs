using ClarityTracking.Tests.Support;
using ClarityTracking.Web.Components.Pages.Install;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Tracker;

/// <summary>What the install page generates, pasted into a page and visited in a real browser, up to the stored row.</summary>
public sealed class InstallSnippetTests(AppFixture app, Browser browser) : IClassFixture<AppFixture>, IClassFixture<Browser>
{
    /// <summary>How a text of the install page comes into a page.</summary>
    private static readonly Dictionary<string, Func<string, string>> Pages = new(StringComparer.Ordinal)
    {
        ["html"] = text => text,
        ["shopify"] = text => text,
        ["wordpress"] = text => Between(text, "?>", "<?php"),
        ["gtm"] = AsTagManager,
        ["nextjs"] = AsNextScript,
    };

    [Theory]
    [InlineData("html", "")]
    [InlineData("html", "debug,no-auto-identify,hash")]
    [InlineData("shopify", "debug")]
    [InlineData("wordpress", "debug")]
    [InlineData("gtm", "")]
    [InlineData("gtm", "debug,no-auto-identify,hash")]
    [InlineData("nextjs", "")]
    [InlineData("nextjs", "debug,no-auto-identify,hash")]
    public async Task Tag_InAPage_StoresItsView(string stack, string on)
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var plan = Plan(site, on);
        await using var shop = await Shop.StartAsync(Pages[stack](Snippets.Named(stack).Tag(plan).Code));
        var page = await browser.NewPageAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);

        await page.GotoAsync($"{shop.Url}/shoes?gclid=abc123");

        await Stored(site, "name = 'page_view' AND url LIKE '%/shoes?gclid=abc123' AND click_ids ? 'gclid'");
        // every attribute came through: the script says in its configuration what it read
        Assert.Equal(on.Contains("debug", StringComparison.Ordinal), await page.EvaluateAsync<bool>("ClarityTracking.getConfig().debug"));
        Assert.Equal(plan.Attributes.Count, await page.EvaluateAsync<int>("Object.keys(document.querySelector('script[data-apikey]').dataset).filter(k => k != 'nscript').length"));
        Assert.Empty(errors);
    }

    [Fact]
    public async Task Calls_BeforeTheScriptHasLoaded_AreKeptAndStored()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var plan = Plan(site, "");
        var html = Snippets.Named("html");
        var calls = string.Concat(html.More(plan).Take(2).Select(p => p.Code));
        // the calls stand before the tag, so the stub has to keep them
        await using var shop = await Shop.StartAsync(calls + html.Tag(plan).Code);
        var page = await browser.NewPageAsync();

        await page.GotoAsync(shop.Url);

        await Stored(site, "name = 'purchase' AND order_id = '1001' AND value = 149.90 AND currency = 'EUR' AND event_id = 'purchase_1001'");
        await Stored(site, "name = 'identify' AND match_keys ? 'em'");
    }

    [Fact]
    public async Task TagManagerPurchase_FromTheDataLayer_IsStored()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var plan = Plan(site, "");
        var gtm = Snippets.Named("gtm");
        var purchase = gtm.More(plan).Single(p => p.Title == "Report a purchase").Code
            .Replace("{{ecommerce}}", """{transaction_id:"T-77",value:20.5,currency:"GBP",items:[{item_id:"S1",item_name:"Soap",price:20.5,quantity:1}]}""", StringComparison.Ordinal);
        await using var shop = await Shop.StartAsync(AsTagManager(purchase) + AsTagManager(gtm.Tag(plan).Code));
        var page = await browser.NewPageAsync();

        await page.GotoAsync(shop.Url);

        await Stored(site, "name = 'purchase' AND order_id = 'T-77' AND value = 20.5 AND currency = 'GBP'");
    }

    [Fact]
    public async Task NextCalls_ThroughTheHelper_AreStored()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var plan = Plan(site, "");
        var next = Snippets.Named("nextjs");
        var helper = await ScriptCheck.ToJavaScriptAsync(next.More(plan).First().Code);
        var call = """clarity("identify", "jane@example.com", {externalId: "c-1"}); clarity("trackPurchase", 12, {currency: "EUR", orderId: "N-1"});""";
        await using var shop = await Shop.StartAsync($"<script type=\"module\">{helper}\n{call}</script>" + AsNextScript(next.Tag(plan).Code));
        var page = await browser.NewPageAsync();

        await page.GotoAsync(shop.Url);

        await Stored(site, "name = 'purchase' AND order_id = 'N-1'");
        await Stored(site, "name = 'identify' AND match_keys ? 'em' AND match_keys ? 'external_id'");
    }

    /// <summary>The pixel of Shopify's checkout, in a frame without storage, with doubles of the three things Shopify hands it.</summary>
    [Fact]
    public async Task ShopifyPixel_OrderCompleted_IsStoredWithVisitorAndClick()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var pixel = Snippets.Named("shopify").More(Plan(site, "")).Single(p => p.Title == "Checkout and purchases").Code;
        var shopify = """
            const jar = { ct_visitor: "v-42", ct_session: "s-7.1790000000000", _fbp: "fb.1.1790000000000.123", ct_clicks: encodeURIComponent(JSON.stringify({gclid: {value: "Cj0-abc_1", first_seen: new Date().toISOString()}})) };
            const browser = { cookie: { get: async (name) => jar[name] || "" } };
            const init = { customerPrivacy: { analyticsProcessingAllowed: true, marketingAllowed: true, preferencesProcessingAllowed: true, saleOfDataAllowed: true } };
            const api = { customerPrivacy: { subscribe: async () => {} } };
            const handlers = {};
            const analytics = { subscribe: async (name, handler) => { handlers[name] = handler; } };
            """;
        var order = """
            const price = { amount: 74.95, currencyCode: "EUR" };
            handlers.checkout_completed({
              id: "sh-1", name: "checkout_completed", timestamp: new Date().toISOString(),
              context: { document: { title: "Thank you", referrer: "", location: { href: "https://shop.example.com/checkouts/cn/1/thank-you" } } },
              data: { checkout: { token: "t1", email: "jane@example.com", phone: null, currencyCode: "EUR", totalPrice: { amount: 149.9, currencyCode: "EUR" },
                order: { id: "gid://shopify/OrderIdentity/5990123456789" },
                lineItems: [{ quantity: 2, variant: { id: "v1", price, product: { id: "p1", title: "Cream" } } }] } } });
            """;
        await using var shop = await Shop.StartAsync("");
        var page = await browser.NewPageAsync();
        await page.GotoAsync(shop.Url);

        await page.EvaluateAsync("code => { const f = document.createElement('iframe'); f.setAttribute('sandbox', 'allow-scripts'); f.srcdoc = `<script>${code}</scr` + 'ipt>'; document.body.append(f); }",
            shopify + pixel + order);

        await Stored(site, """
            name = 'purchase' AND event_id = 'purchase_5990123456789' AND order_id = '5990123456789' AND value = 149.9 AND visitor_id = 'v-42' AND session_id = 's-7'
            AND click_ids ? 'gclid' AND cookies ? 'fbp' AND match_keys ? 'em' AND url = 'https://shop.example.com/checkouts/cn/1/thank-you'
            """);
    }

    private TagPlan Plan(NewSite site, string on) =>
        TagPlan.Of(app.Url.TrimEnd('/') + "/", alias: "q7x", site.PublishableKey, "EUR", new SnippetOptions { On = on.Split(',').ToHashSet() });

    private async Task Stored(NewSite site, string where)
    {
        for (var i = 0; i < 100; i++, await Task.Delay(100))
            if (await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{site.Id}' AND {where}") > 0)
                return;
        Assert.Fail($"No stored event of the page matches {where}; stored: " + await app.ValueAsync<string>(
            $"SELECT coalesce(string_agg(row_to_json(e)::text, E'\\n'), 'nothing') FROM events e WHERE website_id = '{site.Id}'"));
    }

    /// <summary>As Tag Manager does it: the tag's markup is parsed in a detached element, and each script built anew with only these of its properties.</summary>
    private static string AsTagManager(string tag) => $$"""
        <script>
        addEventListener("DOMContentLoaded", function () {
          var box = document.createElement("div");
          box.innerHTML = {{Quote.Js(tag)}};
          Array.from(box.children).forEach(function (from) {
            var script = document.createElement("script");
            script.async = false;
            script.type = "text/javascript";
            script.id = from.id;
            script.text = from.textContent;
            if (from.getAttribute("src")) script.src = from.getAttribute("src");
            document.body.insertBefore(script, null);
          });
        });
        </script>
        """;

    /// <summary>As next/script does it after hydration: an element made by hand, every property set as an attribute.</summary>
    private static string AsNextScript(string layout)
    {
        var element = ScriptCheck.ScriptElement().Match(layout).Value;
        var properties = string.Join(", ", ScriptCheck.JsxAttribute().Matches(element).Select(m => $"{Quote.Js(m.Groups[1].Value)}: {(m.Groups[3].Success ? m.Groups[3].Value : Quote.Js(m.Groups[2].Value))}"));
        return $$"""
            <script>
            addEventListener("DOMContentLoaded", function () {
              var script = document.createElement("script"), properties = { {{properties}} };
              script.src = properties.src;
              for (var name in properties) if (name !== "strategy") script.setAttribute(name.toLowerCase(), String(properties[name]));
              script.setAttribute("data-nscript", properties.strategy);
              document.body.appendChild(script);
            });
            </script>
            """;
    }

    private static string Between(string text, string after, string before)
    {
        var from = text.IndexOf(after, StringComparison.Ordinal) + after.Length;
        return text[from..text.LastIndexOf(before, StringComparison.Ordinal)];
    }
}
