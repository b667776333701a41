using System.Net;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Senders repeat themselves, all at once when something was down: the same thousand webhooks five times are a thousand results.</summary>
public sealed class RedeliveryStormTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const int PerSender = 250, Times = 5, AtOnce = 24;

    [Fact]
    public async Task ThousandWebhooks_FiveTimesInRandomOrder_AreAThousandResults()
    {
        var now = DateTimeOffset.UtcNow.AddHours(-1);
        var senders = new List<Sender>();
        var posts = new List<(Sender Sender, Message Message)>();
        foreach (var platform in new[] { "shopify", "woocommerce", "stripe", "square" })
        {
            var sender = await Sender.ConnectAsync(app, platform);
            senders.Add(sender);
            for (var i = 0; i < PerSender; i++)
            {
                var (id, at) = ($"{platform}-{i}", now.AddSeconds(i));
                posts.Add((sender, platform switch
                {
                    "shopify" => SenderMessages.Shopify(sender, "orders/paid", new { id, name = "#1", financial_status = "paid", total_price = "1.00", currency = "EUR", processed_at = SenderMessages.Time(at) }, id: id),
                    "woocommerce" => SenderMessages.WooCommerce(sender, "order.updated", new { id = i + 1, status = "processing", total = "1.00", currency = "EUR", date_paid_gmt = SenderMessages.Gmt(at), date_modified_gmt = SenderMessages.Gmt(at) }),
                    "stripe" => SenderMessages.Stripe(sender, "payment_intent.succeeded", at, new { id, amount_received = 100, currency = "eur" }, id: "evt_" + id),
                    _ => SenderMessages.Square(sender, app.Url, "payment.updated", "payment", new { id, status = "COMPLETED", updated_at = SenderMessages.Time(at), total_money = new { amount = 100, currency = "EUR" } }, id: "e-" + id),
                }));
            }
        }
        var storm = Enumerable.Repeat(posts, Times).SelectMany(p => p).ToArray();
        new Random(20261121).Shuffle(storm);

        using var client = app.Anonymous();
        await Parallel.ForEachAsync(storm, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (post, cancel) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, post.Sender.Path) { Content = new StringContent(post.Message.Body) };
            foreach (var (name, value) in post.Message.Headers)
                request.Headers.TryAddWithoutValidation(name, value);
            using var answer = await client.SendAsync(request, cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        });

        var websites = string.Join(", ", senders.Select(s => $"'{s.Site.Id}'"));
        for (var i = 0; i < 600 && await CountAsync("inbound_webhooks", "status = 'received'") > 0; i++)
            await Task.Delay(500); // a machine that builds at the same time is slow; nothing else is waited for
        Assert.Equal(1000, await CountAsync("inbound_webhooks", "status = 'processed' AND verdict = 'ok'"));
        Assert.Equal(5000, await app.ValueAsync<long>($"SELECT sum(times) FROM inbound_webhooks WHERE website_id IN ({websites})"));
        Assert.Equal(1000, await CountAsync("conversions", "status = 'paid' AND value = 1.00"));
        Assert.Equal(1000, await CountAsync("conversions", "true"));
        Assert.Equal(1000, await CountAsync("conversion_changes", "true"));
        Assert.Equal(1000, await CountAsync("events", "name = 'purchase'"));
        Assert.Equal(1000, await CountAsync("events", "true"));

        Task<long> CountAsync(string table, string where) => app.ValueAsync<long>($"SELECT count(*) FROM {table} WHERE website_id IN ({websites}) AND {where}");
    }
}
