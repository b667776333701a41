using System.Net;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>
/// The life of an order, a payment and a booking as each sender tells it: whatever the order of arrival, each notification twice, the
/// conversion ends in the same state and every event is told once.
/// </summary>
public sealed class LifecycleTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Start = new(DateTimeOffset.UtcNow.AddHours(-5).ToUnixTimeSeconds() * TimeSpan.TicksPerSecond + DateTimeOffset.UnixEpoch.Ticks, TimeSpan.Zero);

    public static TheoryData<string, string, string> Lives => new()
    {
        { "shopify", "order|refunded|61.80|61.80", "purchase:purchase_5001:61.80 refund:refund_91:10.00 refund:refund_92:51.80" },
        { "woocommerce", "order|refunded|85.00|85.00", "purchase:purchase_4711:85.00 refund:refund_51:15.00 refund:refund_52:70.00" },
        { "stripe", "payment|refunded|149.00|149.00", "purchase:purchase_pi_1:149.00 refund:refund_ch_1_149.00:129.00 refund:refund_ch_1_20.00:20.00" },
        { "square", "booking|cancelled||0", "booking_canceled:booking_canceled_bk1: booking_rescheduled:booking_rescheduled_bk1_1800003600: schedule:schedule_bk1:" },
    };

    [Theory, MemberData(nameof(Lives))]
    public async Task Life_InAnyOrderAndTwice_EndsTheSame(string platform, string state, string events)
    {
        foreach (var order in SenderMessages.Orders(4))
        {
            var sender = await Sender.ConnectAsync(app, platform);
            var life = LifeOf(platform, sender);
            foreach (var index in order)
            {
                // the second of each pair arrives while the first is being processed, or after
                var answers = await Task.WhenAll(life[index].PostAsync(sender), life[index].PostAsync(sender));
                Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
                if (order[0] == 0 || order[^1] == 0)
                    await sender.ProcessedAsync();
            }
            await sender.ProcessedAsync(life.Length);

            var arrival = string.Join(",", order);
            Assert.Equal($"{arrival} {state}", $"{arrival} " + await app.ValueAsync<string>(
                $"SELECT string_agg(concat_ws('|', kind, status, coalesce(value::text, ''), refunded), ' ') FROM conversions WHERE website_id = '{sender.Site.Id}'"));
            Assert.Equal($"{arrival} {events}", $"{arrival} " + await app.ValueAsync<string>(
                $"SELECT string_agg(name || ':' || event_id || ':' || coalesce(value::text, ''), ' ' ORDER BY name, event_id) FROM events WHERE website_id = '{sender.Site.Id}'"));
        }
    }

    private Message[] LifeOf(string platform, Sender sender) => platform switch
    {
        "shopify" =>
        [
            SenderMessages.Shopify(sender, "orders/create", ShopifyOrder("pending")),
            SenderMessages.Shopify(sender, "orders/paid", ShopifyOrder("paid")),
            SenderMessages.Shopify(sender, "refunds/create", ShopifyRefund(91, "10.00", 1)),
            // tells both refunds again beside its own
            SenderMessages.Shopify(sender, "orders/updated", ShopifyOrder("refunded", Start.AddHours(2), ShopifyRefund(91, "10.00", 1), ShopifyRefund(92, "51.80", 2))),
        ],
        "woocommerce" =>
        [
            SenderMessages.WooCommerce(sender, "order.created", WooOrder("pending", 0, isPaid: false)),
            SenderMessages.WooCommerce(sender, "order.updated", WooOrder("processing", 1)),
            SenderMessages.WooCommerce(sender, "order.updated", WooOrder("processing", 2, refunds: (51, "-15.00"))),
            SenderMessages.WooCommerce(sender, "order.updated", WooOrder("refunded", 3, true, (51, "-15.00"), (52, "-70.00"))),
        ],
        "stripe" =>
        [
            SenderMessages.Stripe(sender, "payment_intent.succeeded", Start, new { id = "pi_1", amount = 14900, amount_received = 14900, currency = "eur", status = "succeeded", latest_charge = "ch_1", metadata = new { } }),
            SenderMessages.Stripe(sender, "checkout.session.completed", Start.AddSeconds(1),
                new { id = "cs_live_1", mode = "payment", payment_status = "paid", payment_intent = "pi_1", amount_total = 14900, currency = "eur", customer_details = new { email = "a@example.com" } }),
            SenderMessages.Stripe(sender, "charge.refunded", Start.AddHours(1), Charge(2000), new { amount_refunded = 0 }),
            SenderMessages.Stripe(sender, "charge.refunded", Start.AddHours(2), Charge(14900), new { amount_refunded = 2000 }),
        ],
        _ =>
        [
            SenderMessages.Square(sender, app.Url, "booking.created", "booking", SquareBooking(0, "ACCEPTED", 1800000000)),
            SenderMessages.Square(sender, app.Url, "booking.updated", "booking", SquareBooking(1, "ACCEPTED", 1800003600)),
            SenderMessages.Square(sender, app.Url, "booking.updated", "booking", SquareBooking(2, "ACCEPTED", 1800003600)),
            SenderMessages.Square(sender, app.Url, "booking.updated", "booking", SquareBooking(3, "CANCELLED_BY_CUSTOMER", 1800003600)),
        ],
    };

    /// <summary>Square tells only the total of refunds: what platforms are told adds up to it, whatever came first.</summary>
    [Fact]
    public async Task SquarePayment_InAnyOrder_IsOnePurchaseAndRefundsThatAddUp()
    {
        foreach (var order in SenderMessages.Orders(4))
        {
            var sender = await Sender.ConnectAsync(app, "square");
            Message[] life =
            [
                SenderMessages.Square(sender, app.Url, "payment.created", "payment", SquarePayment("APPROVED", 0)),
                SenderMessages.Square(sender, app.Url, "payment.updated", "payment", SquarePayment("COMPLETED", 1)),
                SenderMessages.Square(sender, app.Url, "payment.updated", "payment", SquarePayment("COMPLETED", 2, refunded: 1000)),
                SenderMessages.Square(sender, app.Url, "payment.updated", "payment", SquarePayment("COMPLETED", 3, refunded: 5400)),
            ];
            for (var i = 0; i < order.Length; i++)
            {
                Assert.Equal(HttpStatusCode.OK, (await life[order[i]].PostAsync(sender)).StatusCode);
                await sender.ProcessedAsync(i + 1);
            }
            Assert.Equal("payment|refunded|54.00|54.00", await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status, value, refunded) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
            Assert.Equal($"{string.Join(",", order)} purchase:54.00 refund:54.00", $"{string.Join(",", order)} " + await app.ValueAsync<string>(
                $"SELECT string_agg(t.name || ':' || t.total, ' ' ORDER BY t.name) FROM (SELECT name, sum(value) AS total FROM events WHERE website_id = '{sender.Site.Id}' GROUP BY name) t"));
        }
    }

    [Theory]
    [InlineData("cancelled", "cancelled")]
    [InlineData("failed", "failed")]
    public async Task WooCommerceOrder_ThatWasNeverPaid_EndsAsItsStatusSays(string status, string state)
    {
        var sender = await Sender.ConnectAsync(app, "woocommerce");
        await SenderMessages.WooCommerce(sender, "order.updated", WooOrder(status, 2, isPaid: false)).PostAsync(sender);
        await SenderMessages.WooCommerce(sender, "order.created", WooOrder("pending", 0, isPaid: false)).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal($"order|{state}|85.00", await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status, value) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task ShopifyOrder_ThatWasCancelled_IsCancelled()
    {
        var sender = await Sender.ConnectAsync(app, "shopify");
        await SenderMessages.Shopify(sender, "orders/cancelled", new
        {
            id = 5001,
            name = "#1",
            financial_status = "voided",
            total_price = "61.80",
            currency = "EUR",
            processed_at = SenderMessages.Time(Start),
            updated_at = SenderMessages.Time(Start.AddHours(1)),
            cancelled_at = SenderMessages.Time(Start.AddHours(1)),
        }).PostAsync(sender);
        await SenderMessages.Shopify(sender, "orders/create", ShopifyOrder("pending")).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal("order|cancelled", await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    /// <summary>A method that takes days is a purchase when the money is there; one that fails is none.</summary>
    [Theory]
    [InlineData("checkout.session.async_payment_succeeded", "paid", "payment|paid", "purchase_pi_7")]
    [InlineData("checkout.session.async_payment_failed", "unpaid", "payment|failed", null)]
    public async Task StripeCheckout_WithADelayedMethod(string then, string paymentStatus, string state, string? eventId)
    {
        var sender = await Sender.ConnectAsync(app, "stripe");
        object Session(string status) => new { id = "cs_live_7", mode = "payment", payment_status = status, payment_intent = "pi_7", amount_total = 500, currency = "eur" };
        await SenderMessages.Stripe(sender, "checkout.session.completed", Start, Session("unpaid")).PostAsync(sender);
        await sender.ProcessedAsync();
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}'"));
        await SenderMessages.Stripe(sender, then, Start.AddHours(3), Session(paymentStatus)).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal(state, await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(eventId ?? "", await app.ValueAsync<string>($"SELECT coalesce(string_agg(event_id, ' '), '') FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    private static object ShopifyOrder(string status, DateTimeOffset? updated = null, params object[] refunds) => new
    {
        id = 5001,
        name = "#1001",
        financial_status = status,
        total_price = "61.80",
        currency = "EUR",
        created_at = SenderMessages.Time(Start),
        processed_at = SenderMessages.Time(Start),
        updated_at = SenderMessages.Time(updated ?? Start),
        cancelled_at = (string?)null,
        refunds,
        email = "zoe@example.com",
        source_name = "web",
    };

    private static object ShopifyRefund(long id, string amount, int hour) => new
    {
        id,
        order_id = 5001,
        created_at = SenderMessages.Time(Start.AddHours(hour)),
        processed_at = SenderMessages.Time(Start.AddHours(hour)),
        transactions = new[] { new { kind = "refund", status = "success", amount, currency = "EUR" }, new { kind = "refund", status = "failure", amount = "99.00", currency = "EUR" } },
    };

    private static object WooOrder(string status, int hour, bool isPaid = true, params (int Id, string Total)[] refunds) => new
    {
        id = 4711,
        number = "4711",
        status,
        currency = "USD",
        total = "85.00",
        date_created_gmt = SenderMessages.Gmt(Start),
        date_modified_gmt = SenderMessages.Gmt(Start.AddHours(hour)),
        date_paid_gmt = isPaid ? SenderMessages.Gmt(Start.AddMinutes(1)) : null,
        billing = new { email = "d@example.com" },
        refunds = refunds.Select(r => new { id = r.Id, total = r.Total }),
    };

    private static object Charge(int refunded) => new { id = "ch_1", amount = 14900, amount_refunded = refunded, currency = "eur", payment_intent = "pi_1", refunded = refunded == 14900 };

    private static object SquareBooking(int version, string status, long startsAt) => new
    {
        id = "bk1",
        version,
        status,
        created_at = SenderMessages.Time(Start),
        updated_at = SenderMessages.Time(Start.AddMinutes(version)),
        start_at = SenderMessages.Time(DateTimeOffset.FromUnixTimeSeconds(startsAt)),
        customer_id = "C1",
        location_id = "L1",
    };

    private static object SquarePayment(string status, int hour, int refunded = 0) => new
    {
        id = "pay1",
        status,
        created_at = SenderMessages.Time(Start),
        updated_at = SenderMessages.Time(Start.AddHours(hour)),
        total_money = new { amount = 5400, currency = "USD" },
        refunded_money = new { amount = refunded, currency = "USD" },
        location_id = "L1",
    };
}
