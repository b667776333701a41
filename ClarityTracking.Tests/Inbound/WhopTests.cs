using System.Globalization;
using System.Net;
using System.Text.Json;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Whop over HTTP: payments and refunds in every order.</summary>
public sealed class WhopTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private readonly string _secret = "ws_" + SenderFixture.NewSecret();

    public static TheoryData<string> Orders => [.. SenderFixture.Orders("spr")];

    [Theory, MemberData(nameof(Orders))]
    public async Task PaidRefundedInParts_InAnyOrder_IsRefunded(string order)
    {
        var sender = await Sender.ConnectAsync(app, "whop", credentials: new { webhook_secret = _secret });
        for (var i = 0; i < order.Length; i++)
        {
            var (type, data) = order[i] switch
            {
                's' => ("payment.succeeded", Payment("paid", "2026-11-10T10:00:00Z")),
                'p' => ("refund.created", Refund("r1", 97, "2026-11-11T10:00:00Z")),
                _ => ("refund.updated", Refund("r2", 400, "2026-11-12T10:00:00Z")),
            };
            await PostAsync(sender, type, data);
            await sender.ProcessedAsync(i + 1);
        }
        await PostAsync(sender, "refund.updated", Refund("r1", 97, "2026-11-11T10:00:00Z"));
        await PostAsync(sender, "refund.created", Refund("r3", 497, "2026-11-13T10:00:00Z", "failed"));
        await sender.ProcessedAsync(5);

        Assert.Equal("payment|refunded|497.00|497", await app.ConversionsAsync(sender));
        Assert.Equal("purchase=1 refund=2", await app.EventsAsync(sender));
        Assert.Equal("97.00 400.00", await app.ValueAsync<string>($"SELECT string_agg(round(value, 2)::text, ' ' ORDER BY value) FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'refund'"));
    }

    [Fact]
    public async Task FailedThenPaid_IsPaid_AndAnotherCompanyIsRefused()
    {
        var sender = await Sender.ConnectAsync(app, "whop", new { company_id = "biz_1" }, new { webhook_secret = _secret });
        await PostAsync(sender, "payment.succeeded", Payment("paid", "2026-11-10T10:00:00Z"));
        await PostAsync(sender, "payment.failed", Payment("open", null));
        await sender.ProcessedAsync(2);
        Assert.Equal("payment|paid|497.00|0", await app.ConversionsAsync(sender));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(sender, "payment.succeeded", Payment("paid", "2026-11-10T10:00:00Z"), "biz_2")).StatusCode);
    }

    private Task<HttpResponseMessage> PostAsync(Sender sender, string type, object data, string company = "biz_1")
    {
        var (id, body) = ($"msg_{Guid.NewGuid():N}", JsonSerializer.Serialize(new { type, company_id = company, timestamp = "2026-11-10T10:00:00Z", data }));
        var timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return sender.PostRawAsync(body, ("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", "v1," + SenderFixture.Base64(_secret, $"{id}.{timestamp}.{body}")));
    }

    private static object Payment(string status, string? paidAt) => new
    {
        id = "pay_1",
        status,
        total = 497,
        currency = "usd",
        created_at = "2026-11-10T09:59:00Z",
        paid_at = paidAt,
        user = new { id = "user_1", email = "zoe@example.com", name = "Zoe Example" },
        product = new { id = "prod_1", title = "Course" },
        metadata = new { ct_vid = "abc123" },
    };

    private static object Refund(string id, int amount, string at, string status = "succeeded") =>
        new { id = $"rfnd_{id}", amount, currency = "usd", status, created_at = at, payment = new { id = "pay_1" } };
}
