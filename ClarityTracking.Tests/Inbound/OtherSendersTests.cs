using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>What only Stripe, Square and WooCommerce do, over HTTP.</summary>
public sealed class OtherSendersTests(AppFixture app) : IClassFixture<AppFixture>
{
    /// <summary>An id that was handed through a field of Stripe's begins with v_; the browser's own does not.</summary>
    [Fact]
    public async Task StripeReference_FindsTheBrowsersVisitor()
    {
        var sender = await Sender.ConnectAsync(app, "stripe");
        var visitor = Guid.NewGuid().ToString();
        using (var browser = app.Anonymous())
            Assert.Equal(HttpStatusCode.Accepted, (await browser.PostAsJsonAsync($"/api/v1/collect?key={sender.Site.PublishableKey}", new
            {
                events = new[] { new { event_type = "page_view", visitor_id = visitor, session_id = "s1", properties = new { url = "https://shop.example.com/?gclid=Cj0K9&utm_source=google" } } },
            })).StatusCode);
        await SenderMessages.Stripe(sender, "checkout.session.completed", DateTimeOffset.UtcNow, new
        {
            id = "cs_live_3",
            mode = "payment",
            payment_status = "paid",
            payment_intent = "pi_3",
            amount_total = 900,
            currency = "eur",
            client_reference_id = "v_" + visitor,
        }).PostAsync(sender);
        var webhook = await sender.ProcessedAsync();

        Assert.Equal("v_" + visitor, webhook.GetProperty("canonical").GetProperty("attribution").GetProperty("visitor_id").GetString());
        Assert.Equal(visitor, await app.ValueAsync<string>($"SELECT visitor_id FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        using var client = app.ClientFor(sender.Account);
        var stored = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/events/{webhook.GetProperty("eventIds")[0].GetString()}"))).GetProperty("event");
        Assert.Equal(visitor, stored.GetProperty("visitorId").GetString());
        Assert.Equal("Cj0K9", stored.GetProperty("clickIds").GetProperty("gclid").GetProperty("value").GetString());
        Assert.Equal("google", stored.GetProperty("utm").GetProperty("source").GetString());
    }

    [Fact]
    public async Task StripeTestMode_IsATest()
    {
        var sender = await Sender.ConnectAsync(app, "stripe");
        await SenderMessages.Stripe(sender, "payment_intent.succeeded", DateTimeOffset.UtcNow, new { id = "pi_4", amount_received = 500, currency = "eur" }, live: false).PostAsync(sender);
        await sender.ProcessedAsync();
        Assert.True(await app.ValueAsync<bool>($"SELECT is_test FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.True(await app.ValueAsync<bool>($"SELECT is_test FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task StripePaymentIntents_AreLeftOut_WhereAllGoesThroughCheckout()
    {
        var sender = await Sender.ConnectAsync(app, "stripe", new { checkout_only = true });
        await SenderMessages.Stripe(sender, "payment_intent.succeeded", DateTimeOffset.UtcNow, new { id = "pi_5", amount_received = 500, currency = "eur" }).PostAsync(sender);
        Assert.Equal("ignored", (await sender.ProcessedAsync()).GetProperty("status").GetString());
    }

    /// <summary>An endpoint of a newer or older version may know the payment only by the invoice.</summary>
    [Fact]
    public async Task StripeSubscription_ItsFirstPaymentAndItsCheckout_AreOneConversion()
    {
        var sender = await Sender.ConnectAsync(app, "stripe");
        var now = DateTimeOffset.UtcNow;
        await SenderMessages.Stripe(sender, "payment_intent.succeeded", now, new { id = "pi_6", amount_received = 500, currency = "eur", payment_details = new { order_reference = "in_6" } }).PostAsync(sender);
        await SenderMessages.Stripe(sender, "checkout.session.completed", now.AddSeconds(1),
            new { id = "cs_live_6", mode = "subscription", payment_status = "paid", invoice = "in_6", amount_total = 500, currency = "eur" }).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal("purchase_pi_6", await app.ValueAsync<string>($"SELECT string_agg(event_id, ' ') FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Theory]
    [InlineData("acct_1", HttpStatusCode.OK)]
    [InlineData("acct_2", HttpStatusCode.Unauthorized)]
    [InlineData(null, HttpStatusCode.OK)] // an endpoint of the account itself names none
    public async Task StripeAccount_MustBeTheConnections(string? account, HttpStatusCode status)
    {
        var sender = await Sender.ConnectAsync(app, "stripe", new { account = "acct_1" });
        Assert.Equal(status, (await SenderMessages.Stripe(sender, "payment_intent.succeeded", DateTimeOffset.UtcNow, new { id = "pi_8", amount_received = 1, currency = "eur" }, account: account).PostAsync(sender)).StatusCode);
    }

    [Theory]
    [InlineData("MLA", HttpStatusCode.OK)]
    [InlineData("MLB", HttpStatusCode.Unauthorized)]
    public async Task SquareMerchant_MustBeTheConnections(string merchant, HttpStatusCode status)
    {
        var sender = await Sender.ConnectAsync(app, "square", new { merchant_id = "MLA" });
        Assert.Equal(status, (await SenderMessages.Square(sender, app.Url, "payment.updated", "payment", new { id = "p", status = "COMPLETED" }, merchant).PostAsync(sender)).StatusCode);
    }

    /// <summary>Behind a proxy that the operator did not name, the address in the subscription is another one than the app sees.</summary>
    [Fact]
    public async Task SquareNotificationUrl_IsWhatIsSigned()
    {
        var sender = await Sender.ConnectAsync(app, "square", new { notification_url = "https://track.example.com/elsewhere?a=1" });
        const string body = """{"merchant_id":"M","type":"payment.updated","event_id":"e1","data":{"object":{"payment":{"id":"p","status":"COMPLETED"}}}}""";
        string Signed(string url) => Convert.ToBase64String(System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(sender.Secret), Encoding.UTF8.GetBytes(url + body)));
        Assert.Equal(HttpStatusCode.Unauthorized, (await sender.PostRawAsync(body, ("x-square-hmacsha256-signature", Signed(app.Url + sender.Path)))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await sender.PostRawAsync(body, ("x-square-hmacsha256-signature", Signed("https://track.example.com/elsewhere?a=1")))).StatusCode);
    }

    [Fact]
    public async Task WooCommercePing_Is200_AndLeavesNothing()
    {
        var sender = await Sender.ConnectAsync(app, "woocommerce");
        using var client = app.Anonymous();
        using var ping = new FormUrlEncodedContent([new("webhook_id", "12")]);
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(sender.Path, ping)).StatusCode);
        Assert.Empty(await sender.LogAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, (await sender.PostRawAsync("webhook_id=12")).StatusCode); // JSON says its content type: no ping
    }

    [Fact]
    public async Task WooCommerceTwoOrdersOfOneSecond_AreTwoOrders()
    {
        var sender = await Sender.ConnectAsync(app, "woocommerce");
        var at = SenderMessages.Gmt(DateTimeOffset.UtcNow);
        foreach (var id in new[] { 1, 2 })
            await SenderMessages.WooCommerce(sender, "order.created", new { id, status = "processing", currency = "EUR", total = "5.00", date_paid_gmt = at, date_modified_gmt = at }).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'purchase'"));
    }

    /// <summary>While a secret is changed both are valid; afterwards only the new one.</summary>
    [Theory]
    [InlineData("shopify")]
    [InlineData("woocommerce")]
    [InlineData("stripe")]
    [InlineData("square")]
    public async Task SecretRotation_TakesBothUntilTheOldOneIsRemoved(string platform)
    {
        var (old, next) = (Sender.NewSecret(), Sender.NewSecret());
        var sender = await Sender.ConnectAsync(app, platform, credentials: new { webhook_secret = next, webhook_secret_previous = old });
        Message Of(string secret) => platform switch
        {
            "shopify" => SenderMessages.Shopify(sender, "orders/edited", new { id = 1 }, secret: secret),
            "woocommerce" => SenderMessages.WooCommerce(sender, "coupon.created", new { id = 1 }, secret),
            "stripe" => SenderMessages.Stripe(sender, "customer.created", DateTimeOffset.UtcNow, new { id = "cus_1" }, secret: secret),
            _ => SenderMessages.Square(sender, app.Url, "refund.created", "refund", new { id = "r" }, secret: secret),
        };
        Assert.Equal(HttpStatusCode.OK, (await Of(old).PostAsync(sender)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Of(next).PostAsync(sender)).StatusCode);
        using var client = app.ClientFor(sender.Account);
        var connection = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/connections"))).GetProperty("items")[0].GetProperty("id").GetString();
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{sender.Site.Id}/connections/{connection}", new { credentials = new { webhook_secret_previous = (string?)null } }));
        for (var i = 0; i < 100 && (await Of(old).PostAsync(sender)).StatusCode == HttpStatusCode.OK; i++)
            await Task.Delay(100);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Of(old).PostAsync(sender)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Of(next).PostAsync(sender)).StatusCode);
    }
}
