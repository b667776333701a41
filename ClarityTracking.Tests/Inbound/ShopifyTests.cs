using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>What only Shopify does: one address for all shops, two header families, privacy topics, an app that is taken out.</summary>
public sealed class ShopifyTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly object Order = new { id = 77, name = "#7", financial_status = "paid", total_price = "5.00", currency = "EUR", processed_at = "2026-11-20T10:00:00+01:00" };

    private static object Settings(string shop) => new { shop_domain = shop };

    [Fact]
    public async Task SharedAddress_FindsTheConnectionWhoseSecretSigned()
    {
        var shop = $"s{Guid.NewGuid():N}.myshopify.com";
        // somebody else may claim the shop, but has not its secret
        var impostor = await Sender.ConnectAsync(app, "shopify", Settings(shop));
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(shop.ToUpperInvariant().Replace(".MYSHOPIFY.COM", ".myshopify.com", StringComparison.Ordinal)));
        Assert.Equal(HttpStatusCode.OK, (await PostShared(SenderMessages.Shopify(sender, "orders/paid", Order, shop: shop))).StatusCode);
        await sender.ProcessedAsync();

        Assert.Equal("77", await app.ValueAsync<string>($"SELECT sender_id FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Empty(await impostor.LogAsync());
        await AppFixture.ProblemOf(await PostShared(SenderMessages.Shopify(sender, "orders/paid", Order, shop: "unknown.myshopify.com")), 404);
        await AppFixture.ProblemOf(await PostShared(SenderMessages.Shopify(sender, "orders/paid", Order, secret: Sender.NewSecret(), shop: shop)), 401);
        await AppFixture.ProblemOf(await PostShared(new Message("{}")), 404);
    }

    [Fact]
    public async Task BothHeaderFamilies_AreRead()
    {
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(SenderMessages.Shop));
        Assert.Equal(HttpStatusCode.OK, (await SenderMessages.ShopifyEvent(sender, "orders", "paid", Order).PostAsync(sender)).StatusCode);
        Assert.Equal("order_paid", (await sender.ProcessedAsync()).GetProperty("canonical").GetProperty("action").GetString());
    }

    [Fact]
    public async Task AnotherShop_IsRefused_ThoughTheSameAppSignedForIt()
    {
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(SenderMessages.Shop));
        var problem = await AppFixture.ProblemOf(await SenderMessages.Shopify(sender, "orders/paid", Order, shop: "other.myshopify.com").PostAsync(sender), 401);
        Assert.Equal("account_mismatch", problem.GetProperty("code").GetString());
        Assert.Contains("another account", (await sender.LogAsync())[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("customers/data_request")]
    [InlineData("customers/redact")]
    [InlineData("shop/redact")]
    public async Task PrivacyTopics_AreAnswered_AndTheLogAsksAPerson(string topic)
    {
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(SenderMessages.Shop));
        var body = new { shop_domain = SenderMessages.Shop, customer = new { id = 4, email = "Zoe@Example.com", phone = "+4930" }, orders_to_redact = new[] { 77 } };
        await AppFixture.ProblemOf(await SenderMessages.Shopify(sender, topic, body, secret: Sender.NewSecret()).PostAsync(sender), 401);
        Assert.Equal(HttpStatusCode.OK, (await SenderMessages.Shopify(sender, topic, body).PostAsync(sender)).StatusCode);

        var webhook = await sender.ProcessedAsync(2);
        Assert.Equal("processed", webhook.GetProperty("status").GetString());
        Assert.Contains(topic, webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Contains("30 days", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("privacy_request", webhook.GetProperty("canonical").GetProperty("action").GetString());
        Assert.Equal("zoe@example.com", webhook.GetProperty("canonical").GetProperty("customer").GetProperty("email").GetString());
    }

    [Fact]
    public async Task PrivacyRequest_OfAWebsiteThatKeepsNothingReadable_StaysReadableUntilSomebodyActs()
    {
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(SenderMessages.Shop));
        await app.RunAsync($"UPDATE websites SET privacy_mode = true WHERE id = '{sender.Site.Id}'");
        await SenderMessages.Shopify(sender, "orders/paid", Order).PostAsync(sender);
        await SenderMessages.Shopify(sender, "customers/redact", new { shop_domain = SenderMessages.Shop, customer = new { id = 4, email = "zoe@example.com" } }).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal("customers/redact", await app.ValueAsync<string>($"SELECT string_agg(source_event, ' ') FROM inbound_webhooks WHERE website_id = '{sender.Site.Id}' AND body_sealed IS NOT NULL"));
    }

    [Fact]
    public async Task AppUninstalled_PausesTheConnection()
    {
        var sender = await Sender.ConnectAsync(app, "shopify", Settings(SenderMessages.Shop));
        await SenderMessages.Shopify(sender, "app/uninstalled", new { id = 1, myshopify_domain = SenderMessages.Shop }).PostAsync(sender);
        await sender.ProcessedAsync();
        using var client = app.ClientFor(sender.Account);
        var connection = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/connections"))).GetProperty("items")[0];
        Assert.Equal("paused", connection.GetProperty("state").GetString());
        Assert.Contains("took the app out", connection.GetProperty("stateReason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Checkout_IsAnInitiatedCheckout_WithWhatTheCartHandedThrough()
    {
        var sender = await Sender.ConnectAsync(app, "shopify");
        var visitor = Guid.NewGuid().ToString();
        await SenderMessages.Shopify(sender, "checkouts/create", new
        {
            token = "tok1",
            created_at = SenderMessages.Time(DateTimeOffset.UtcNow),
            total_price = "20.00",
            currency = "EUR",
            note_attributes = new Dictionary<string, string> { ["_ct_vid"] = visitor, ["_fbp"] = "fb.1.1.2" },
            landing_site = "/?fbclid=IwAR9&utm_source=ig",
        }).PostAsync(sender);
        await sender.ProcessedAsync();
        Assert.Equal("initiate_checkout checkout_tok1 20.00", await app.ValueAsync<string>($"SELECT concat_ws(' ', name, event_id, value) FROM events WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(visitor, await app.ValueAsync<string>($"SELECT visitor_id FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Theory]
    [InlineData("shop.example.com")]
    [InlineData("evil.com/x.myshopify.com")]
    [InlineData(".myshopify.com")]
    [InlineData("a.b.myshopify.com")]
    public async Task ShopDomain_ThatIsNone_IsANamedError(string domain)
    {
        var account = await app.RegisterAsync($"{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var answer = await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new { platform = "shopify", name = "Shop", settings = Settings(domain), credentials = new { webhook_secret = "shpss_1" } });
        Assert.Contains("settings.shop_domain", (await AppFixture.ProblemOf(answer, 422)).ToString(), StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> PostShared(Message message)
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhook/shopify/order") { Content = new StringContent(message.Body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in message.Headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request);
    }
}
