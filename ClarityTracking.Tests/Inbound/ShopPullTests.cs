using System.Globalization;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Inbound;

/// <summary>
/// Past orders, payments and appointments of shops: what a webhook told, a pull does not tell again, nor the other way round. The senders' APIs
/// refuse what their originals refuse.
/// </summary>
public sealed class ShopPullTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private readonly string _secret = SenderFixture.NewSecret();

    [Fact]
    public async Task Shopify_PagesByLink_AndAddsNothingToWhatWebhooksTold()
    {
        var paid = ShopifyOrder(11, "paid");
        var (partly, cancelled) = (ShopifyOrder(12, "partially_refunded", refund: 15), ShopifyOrder(13, "voided", isCancelled: true));
        app.Apis.Put("/shopify/admin/api/2026-07/orders.json", request =>
        {
            if (request.Query["page_info"] == "p=2")
                // Shopify refuses filters beside it
                return request.Query.ContainsKey("created_at_min") || request.Query.ContainsKey("status") ? null : new { orders = new[] { cancelled } };
            if (request.Query["status"] != "any" || !request.Query.ContainsKey("created_at_min") || int.Parse(request.Query["limit"]!, CultureInfo.InvariantCulture) > 250)
                return null;
            request.HttpContext.Response.Headers.Link = "<https://x.myshopify.com/admin/api/2026-07/orders.json?limit=50&page_info=p0>; rel=\"previous\", "
                + "<https://x.myshopify.com/admin/api/2026-07/orders.json?limit=50&page_info=p%3D2>; rel=\"next\"";
            return new { orders = new[] { paid, partly } };
        });

        // webhooks, then the pull
        var told = await ShopifyAsync();
        await PostAsync(told, "orders/create", ShopifyOrder(11, "pending"), "orders/paid", paid, "orders/paid", ShopifyOrder(12, "paid"), "refunds/create", Refund(12, 15),
            "orders/updated", partly, "orders/create", ShopifyOrder(13, "authorized"), "orders/cancelled", cancelled);
        var (conversions, events) = (await app.ConversionsAsync(told), await app.EventsAsync(told));
        Assert.Equal("order|paid|50.00|0 order|paid|50.00|15 order|cancelled|50.00|0", conversions);
        Assert.Equal("purchase=2 refund=1", events);
        var pull = await app.PullAsync(told, 30);
        Assert.Equal(("done", 2, 5, 0), (Text(pull, "status"), Number(pull, "pages"), Number(pull, "records"), Number(pull, "changes")));
        Assert.Equal((conversions, events), (await app.ConversionsAsync(told), await app.EventsAsync(told)));

        // the pull, then webhooks, then the pull again
        var pulled = await ShopifyAsync();
        Assert.Equal("done", Text(await app.PullAsync(pulled, 30), "status"));
        Assert.Equal((conversions, events), (await app.ConversionsAsync(pulled), await app.EventsAsync(pulled)));
        var changes = await ChangesAsync(pulled);
        await PostAsync(pulled, "orders/paid", paid, "refunds/create", Refund(12, 15), "orders/updated", partly, "orders/cancelled", cancelled);
        Assert.Equal(0, Number(await app.PullAsync(pulled, 30), "changes"));
        Assert.Equal((conversions, events, changes), (await app.ConversionsAsync(pulled), await app.EventsAsync(pulled), await ChangesAsync(pulled)));

        Task<Sender> ShopifyAsync() => Sender.ConnectAsync(app, "shopify", new { shop_domain = SenderMessages.Shop }, new { webhook_secret = _secret, access_token = SenderApis.Token });
        async Task PostAsync(Sender sender, params object[] topicsAndBodies)
        {
            foreach (var pair in topicsAndBodies.Chunk(2))
                Assert.True((await SenderMessages.Shopify(sender, (string)pair[0], pair[1], secret: _secret).PostAsync(sender)).IsSuccessStatusCode);
            await sender.ProcessedAsync(topicsAndBodies.Length / 2);
        }
    }

    [Fact]
    public async Task WooCommerce_PagesByNumber_AndAddsNothingToWhatWebhooksTold()
    {
        var all = Enumerable.Range(1, 101).Select(id => WooOrder(id, "processing")).Append(WooOrder(500, "completed", refund: 15)).Append(WooOrder(510, "cancelled", isPaid: false)).ToList();
        app.Apis.Put("/woo/wp-json/wc/v3/orders", request =>
        {
            if (request.Query["dates_are_gmt"] != "true" || !request.Query.ContainsKey("after") || !request.Query.ContainsKey("before") || request.Query["order"] != "asc")
                return null;
            var (page, size) = (int.Parse(request.Query["page"]!, CultureInfo.InvariantCulture), int.Parse(request.Query["per_page"]!, CultureInfo.InvariantCulture));
            request.HttpContext.Response.Headers["X-WP-TotalPages"] = $"{(all.Count + size - 1) / size}";
            return size > 100 ? null : all.Skip((page - 1) * size).Take(size);
        });
        var told = await WooAsync();
        await PostAsync(told, "order.created", WooOrder(500, "pending", isPaid: false), "order.updated", WooOrder(500, "processing"), "order.updated", all[101],
            "order.created", WooOrder(510, "pending", isPaid: false), "order.updated", all[102]);
        Assert.Equal("order|paid|50.00|15 order|cancelled|50.00|0", await app.ConversionsAsync(told));
        var pull = await app.PullAsync(told, 30);
        Assert.Equal(("done", 2, 105, 101), (Text(pull, "status"), Number(pull, "pages"), Number(pull, "records"), Number(pull, "changes")));
        Assert.Equal("purchase=102 refund=1", await app.EventsAsync(told));

        var pulled = await WooAsync();
        await app.PullAsync(pulled, 30);
        Assert.Equal("purchase=102 refund=1", await app.EventsAsync(pulled));
        var (conversions, changes) = (await app.ConversionsAsync(pulled), await ChangesAsync(pulled));
        await PostAsync(pulled, "order.updated", all[0], "order.updated", all[101], "order.updated", all[102]);
        Assert.Equal(0, Number(await app.PullAsync(pulled, 30), "changes"));
        Assert.Equal((conversions, changes, "purchase=102 refund=1"), (await app.ConversionsAsync(pulled), await ChangesAsync(pulled), await app.EventsAsync(pulled)));

        async Task PostAsync(Sender sender, params object[] topicsAndBodies)
        {
            foreach (var pair in topicsAndBodies.Chunk(2))
                Assert.True((await SenderMessages.WooCommerce(sender, (string)pair[0], pair[1], _secret).PostAsync(sender)).IsSuccessStatusCode);
            await sender.ProcessedAsync(topicsAndBodies.Length / 2);
        }
    }

    [Fact]
    public async Task Stripe_SessionsIntentsAndRefunds_AddNothingToWhatWebhooksTold()
    {
        var session = StripeSession("cs_1", "pi_1");
        object intent = StripeIntent("pi_1"), own = StripeIntent("pi_2");
        app.Apis.Put("/stripe/v1/checkout/sessions", request => Page(request, "data.payment_intent.latest_charge", StripeSession("cs_2", null, "unpaid", "open"), session));
        app.Apis.Put("/stripe/v1/payment_intents", request => Page(request, "data.latest_charge", own, intent));
        app.Apis.Put("/stripe/v1/charges", request => Page(request, "data.refunds", StripeCharge("ch_2", "pi_2", 0), StripeCharge("ch_1", "pi_1", 2500, 1000, 1500)));

        var told = await StripeAsync();
        await SenderMessages.Stripe(told, "payment_intent.succeeded", Now.AddDays(-2), intent, secret: _secret).PostAsync(told);
        await SenderMessages.Stripe(told, "checkout.session.completed", Now.AddDays(-2), session, secret: _secret).PostAsync(told);
        await SenderMessages.Stripe(told, "payment_intent.succeeded", Now.AddDays(-2), own, secret: _secret).PostAsync(told);
        await SenderMessages.Stripe(told, "charge.refunded", Now.AddDays(-1), StripeCharge("ch_1", "pi_1", 1000), new { amount_refunded = 0 }, secret: _secret).PostAsync(told);
        await SenderMessages.Stripe(told, "charge.refunded", Now, StripeCharge("ch_1", "pi_1", 2500), new { amount_refunded = 1000 }, secret: _secret).PostAsync(told);
        await told.ProcessedAsync(5);
        const string Conversions = "payment|paid|50.00|0 payment|paid|50.00|25", Events = "purchase=2 refund=2";
        Assert.Equal(Events, await app.EventsAsync(told));
        var before = await app.ConversionsAsync(told);
        var pull = await app.PullAsync(told, 30);
        Assert.Equal(("done", 6, 5, 0), (Text(pull, "status"), Number(pull, "pages"), Number(pull, "records"), Number(pull, "changes")));
        Assert.Equal((before, Events), (await app.ConversionsAsync(told), await app.EventsAsync(told)));

        var pulled = await StripeAsync();
        await app.PullAsync(pulled, 30);
        Assert.Equal(Conversions, string.Join(' ', (await app.ConversionsAsync(pulled)).Split(' ').Order(StringComparer.Ordinal)));
        Assert.Equal(Events, await app.EventsAsync(pulled));
        var changes = await ChangesAsync(pulled);
        await SenderMessages.Stripe(pulled, "checkout.session.completed", Now.AddDays(-2), session, secret: _secret).PostAsync(pulled);
        await SenderMessages.Stripe(pulled, "payment_intent.succeeded", Now.AddDays(-2), own, secret: _secret).PostAsync(pulled);
        await SenderMessages.Stripe(pulled, "charge.refunded", Now, StripeCharge("ch_1", "pi_1", 2500), new { amount_refunded = 1000 }, secret: _secret).PostAsync(pulled);
        await pulled.ProcessedAsync(3);
        Assert.Equal((Events, changes), (await app.EventsAsync(pulled), await ChangesAsync(pulled)));

        Task<Sender> StripeAsync() => Sender.ConnectAsync(app, "stripe", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });
        // newest first, one at a time
        static object? Page(HttpRequest request, string expand, params object[] things)
        {
            if (request.Query["expand[]"] != expand || !request.Query.ContainsKey("created[gte]") || int.Parse(request.Query["limit"]!, CultureInfo.InvariantCulture) > 100)
                return null;
            var ids = things.Select(t => JsonSerializer.SerializeToElement(t).GetProperty("id").GetString()).ToList();
            var at = request.Query["starting_after"].ToString() is { Length: > 0 } after ? ids.IndexOf(after) + 1 : 0;
            return new { @object = "list", data = things.Skip(at).Take(1), has_more = at + 1 < things.Length };
        }
    }

    [Fact]
    public async Task Square_PaymentsAndAppointmentsInWindows_AddNothingToWhatWebhooksTold()
    {
        var payment = SquarePayment("p1", refunded: 0);
        object back = SquarePayment("p2", refunded: 1500), made = SquareBooking("b1", 0, "ACCEPTED", 40), off = SquareBooking("b2", 3, "CANCELLED_BY_CUSTOMER", 5);
        app.Apis.Put("/square/v2/payments", request => request.Query["cursor"] == "c2" ? new { payments = new[] { back } }
            : request.Query["sort_order"] == "ASC" && request.Query.ContainsKey("begin_time") ? new { payments = new[] { payment }, cursor = "c2" } : null);
        var windows = new List<double>();
        app.Apis.Put("/square/v2/bookings", request =>
        {
            var (from, to) = (DateTimeOffset.Parse(request.Query["start_at_min"]!, CultureInfo.InvariantCulture), DateTimeOffset.Parse(request.Query["start_at_max"]!, CultureInfo.InvariantCulture));
            windows.Add((to - from).TotalDays);
            return windows[^1] > 31 ? null : new
            {
                bookings = new[] { (5, off), (40, made) }.Where(b => Now.AddDays(b.Item1) is var start && start >= from && start < to).Select(b => b.Item2),
            };
        });
        foreach (var (path, answer) in new (string, object)[]
        {
            ("customers/C1", new { customer = new { id = "C1", given_name = "Zoe", email_address = "zoe@example.com" } }),
            ("catalog/object/CUT", new { @object = new { item_variation_data = new { name = "Cut", price_money = new { amount = 3500, currency = "USD" } } } }),
        })
            app.Apis.Put($"/square/v2/{path}", answer);

        var told = await SquareAsync();
        await PostAsync(told, "payment.updated", payment, "payment.updated", SquarePayment("p2", 0), "payment.updated", back,
            "booking.created", made, "booking.created", SquareBooking("b2", 0, "ACCEPTED", 4), "booking.updated", SquareBooking("b2", 1, "ACCEPTED", 5), "booking.updated", off);
        const string Events = "booking_canceled=1 booking_rescheduled=1 purchase=2 refund=1 schedule=2";
        Assert.Equal(Events, await app.EventsAsync(told));
        var conversions = await app.ConversionsAsync(told);
        var pull = await app.PullAsync(told, 10);
        Assert.Equal(("done", 0), (Text(pull, "status"), Number(pull, "changes")));
        Assert.Equal(6, Number(pull, "records"));
        Assert.True(windows.Count > 11);
        Assert.Equal((conversions, Events), (await app.ConversionsAsync(told), await app.EventsAsync(told)));

        var pulled = await SquareAsync();
        await app.PullAsync(pulled, 10);
        const string WithoutMoves = "booking_canceled=1 purchase=2 refund=1 schedule=2"; // lists do not tell where it was moved from
        Assert.Equal(WithoutMoves, await app.EventsAsync(pulled));
        var changes = await ChangesAsync(pulled);
        await PostAsync(pulled, "payment.updated", payment, "payment.updated", back, "booking.created", made, "booking.updated", off);
        Assert.Equal((WithoutMoves, changes), (await app.EventsAsync(pulled), await ChangesAsync(pulled)));

        Task<Sender> SquareAsync() => Sender.ConnectAsync(app, "square", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });
        async Task PostAsync(Sender sender, params object[] typesAndThings)
        {
            foreach (var pair in typesAndThings.Chunk(2))
            {
                var answer = await SenderMessages.Square(sender, app.Url.TrimEnd('/'), (string)pair[0], ((string)pair[0]).Split('.')[0], pair[1], secret: _secret).PostAsync(sender);
                Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            }
            await sender.ProcessedAsync(typesAndThings.Length / 2);
        }
    }

    [Fact]
    public async Task Hubspot_SearchesBeyondTheLastId_AndAddsNothingToWhatWebhooksTold()
    {
        var contacts = Enumerable.Range(1, 101).Select(id => Thing(id, new { email = $"c{id}@example.com", createdate = Iso(-2), ct_vid = "abc123" })).ToList();
        var meeting = Thing(70, new { hs_createdate = Iso(-2), hs_lastmodifieddate = Iso(-1), hs_meeting_start_time = Iso(-1), hs_meeting_outcome = "COMPLETED", hs_meeting_title = "Consult" });
        var deal = Thing(80, new { closedate = Iso(-1), dealstage = "closedwon", amount = "1500", deal_currency_code = "EUR", dealname = "Package" });
        foreach (var (kind, things) in new[] { ("contacts", contacts), ("meetings", [meeting]), ("deals", [deal]) })
            app.Apis.Put($"/hubspot/crm/v3/objects/{kind}/search", request => Search(request, kind, things));
        app.Apis.Put("/hubspot/crm/v3/objects/contacts/1", contacts[0]);
        app.Apis.Put("/hubspot/crm/v3/objects/meetings/70", With(meeting, 1));
        app.Apis.Put("/hubspot/crm/v3/objects/deals/80", With(deal, 1));

        var told = await HubspotAsync();
        object[] batch = [Change("contact.creation", 1), Change("object.creation", 70, null, null, "0-47"), Change("object.propertyChange", 70, "hs_meeting_outcome", "COMPLETED", "0-47"),
            Change("deal.propertyChange", 80, "dealstage", "closedwon")];
        await PostAsync(told, batch);
        Assert.Equal("booking_completed=1 deal_won=1 lead=1 schedule=1", await app.EventsAsync(told));
        var pull = await app.PullAsync(told, 10);
        Assert.Equal(("done", 4, 104, 100), (Text(pull, "status"), Number(pull, "pages"), Number(pull, "records"), Number(pull, "changes")));
        const string Events = "booking_completed=1 deal_won=1 lead=101 schedule=1";
        Assert.Equal(Events, await app.EventsAsync(told));

        var pulled = await HubspotAsync();
        await app.PullAsync(pulled, 10);
        Assert.Equal(Events, await app.EventsAsync(pulled));
        Assert.Equal("deal|paid|1500.00|0", (await app.ConversionsAsync(pulled)).Split(' ').Single(c => c.StartsWith("deal", StringComparison.Ordinal)));
        var changes = await ChangesAsync(pulled);
        await PostAsync(pulled, batch);
        Assert.Equal(0, Number(await app.PullAsync(pulled, 10), "changes"));
        Assert.Equal((Events, changes), (await app.EventsAsync(pulled), await ChangesAsync(pulled)));

        Task<Sender> HubspotAsync() => Sender.ConnectAsync(app, "hubspot", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });
        async Task PostAsync(Sender sender, object[] changes)
        {
            var (body, timestamp) = (JsonSerializer.Serialize(changes), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            await sender.PostRawAsync(body, ("X-HubSpot-Request-Timestamp", $"{timestamp}"),
                ("X-HubSpot-Signature-v3", SenderFixture.Base64(_secret, $"POST{app.Url.TrimEnd('/')}{sender.Path}{body}{timestamp}")));
            await sender.ProcessedAsync();
        }
    }

    [Theory]
    [InlineData("shopify", "/shopify/admin/api/2026-07/orders.json")]
    [InlineData("woocommerce", "/woo/wp-json/wc/v3/orders")]
    [InlineData("stripe", "/stripe/v1/checkout/sessions")]
    [InlineData("square", "/square/v2/payments")]
    [InlineData("hubspot", "/hubspot/crm/v3/objects/contacts/search")]
    public async Task Pull_SlowedDownIsAskedAgain_AndRefusedIsSaidInWords(string platform, string path)
    {
        // somebody else's token, and nothing that stands there
        var stranger = await ConnectAsync("expired");
        var failed = await app.PullAsync(stranger, 5);
        Assert.Equal("failed", Text(failed, "status"));
        Assert.Contains("refused the connection's credentials (HTTP 401)", Text(failed, "reason"), StringComparison.Ordinal);
        Assert.DoesNotContain("expired", Text(failed, "reason"), StringComparison.Ordinal);

        var calls = app.Apis.Calls.Count(c => c.StartsWith(path, StringComparison.Ordinal));
        var sender = await ConnectAsync(SenderApis.Token);
        app.Apis.Fail(path, 429, 403);
        failed = await app.PullAsync(sender, 5);
        Assert.Equal("failed", Text(failed, "status"));
        Assert.Contains("HTTP 403", Text(failed, "reason"), StringComparison.Ordinal); // the 429 was waited out
        Assert.Equal(2, app.Apis.Calls.Count(c => c.StartsWith(path, StringComparison.Ordinal)) - calls);
        app.Apis.Fail(path, 301);
        Assert.Contains("leads elsewhere", Text(await app.PullAsync(sender, 5), "reason"), StringComparison.Ordinal);

        Task<Sender> ConnectAsync(string token) => platform == "woocommerce" ? WooAsync(token) : Sender.ConnectAsync(app, platform,
            platform == "shopify" ? new { shop_domain = SenderMessages.Shop } : new { }, new { webhook_secret = _secret, access_token = token });
    }

    [Theory]
    [InlineData("http://shop.example.com", "https")]
    [InlineData(null, "shop's address")]
    public async Task WooCommerce_KeyIsNeverSentInTheClear(string? site, string words)
    {
        var sender = await Sender.ConnectAsync(app, "woocommerce", site is null ? new { } : new { site_url = site },
            new { webhook_secret = _secret, consumer_key = "ck", consumer_secret = "cs" });
        using var client = app.ClientFor(sender.Account);
        var state = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/connections/{await app.ConnectionAsync(sender)}/pull"));
        Assert.False(state.GetProperty("canPull").GetBoolean());
        Assert.Contains(words, Text(state, "reason"), StringComparison.Ordinal);
    }

    private Task<Sender> WooAsync(string secret = SenderApis.Token) => Sender.ConnectAsync(app, "woocommerce", new { site_url = $"{app.Apis.Url}/woo/" },
        new { webhook_secret = _secret, consumer_key = SenderApis.WooKey, consumer_secret = secret });

    private Task<long> ChangesAsync(Sender sender) => app.ValueAsync<long>($"SELECT count(*) FROM conversion_changes WHERE website_id = '{sender.Site.Id}'");

    private static object ShopifyOrder(long id, string status, decimal refund = 0, bool isCancelled = false) => new
    {
        id,
        name = $"#{id}",
        financial_status = status,
        total_price = "50.00",
        currency = "EUR",
        created_at = Iso(-3, (int)id),
        processed_at = Iso(-3, (int)id),
        updated_at = Iso(-1),
        cancelled_at = isCancelled ? Iso(-1) : null,
        email = $"o{id}@example.com",
        note_attributes = new[] { new { name = "_ct_vid", value = "abc123" } },
        refunds = refund > 0 ? new[] { Refund(id, refund) } : [],
    };

    private static object Refund(long order, decimal amount) => new
    {
        id = 9000 + order,
        order_id = order,
        processed_at = Iso(-1),
        transactions = new[] { new { kind = "refund", status = "success", amount = amount.ToString("F2", CultureInfo.InvariantCulture), currency = "EUR" } },
    };

    private static object WooOrder(int id, string status, decimal refund = 0, bool isPaid = true) => new
    {
        id,
        number = $"{id}",
        status,
        total = "50.00",
        currency = "EUR",
        date_created_gmt = SenderMessages.Gmt(Now.AddDays(-3).AddSeconds(id)),
        date_paid_gmt = isPaid ? SenderMessages.Gmt(Now.AddDays(-3).AddSeconds(id + 1)) : null,
        date_modified_gmt = SenderMessages.Gmt(status switch { "pending" => Now.AddDays(-3).AddSeconds(id), "processing" => Now.AddDays(-2), _ => Now.AddDays(-1) }),
        billing = new { email = $"w{id}@example.com" },
        refunds = refund > 0 ? new[] { new { id = 9000 + id, total = $"-{refund.ToString("F2", CultureInfo.InvariantCulture)}" } } : [],
    };

    private static object StripeSession(string id, string? intent, string payment = "paid", string status = "complete") => new
    {
        id,
        mode = "payment",
        payment_status = payment,
        status,
        payment_intent = intent,
        amount_total = 5000,
        currency = "eur",
        created = Now.AddDays(-2).ToUnixTimeSeconds() - 60,
        livemode = true,
        client_reference_id = "v_abc123",
        customer_details = new { email = "zoe@example.com" },
    };

    private static object StripeIntent(string id) => new
    {
        id,
        status = "succeeded",
        amount = 5000,
        amount_received = 5000,
        currency = "eur",
        created = Now.AddDays(-2).ToUnixTimeSeconds(),
        livemode = true,
        latest_charge = new { id = id.Replace("pi", "ch", StringComparison.Ordinal), created = Now.AddDays(-2).ToUnixTimeSeconds() + 5 },
    };

    private static object StripeCharge(string id, string intent, long refunded, params long[] refunds) => new
    {
        id,
        payment_intent = intent,
        amount = 5000,
        amount_refunded = refunded,
        refunded = refunded == 5000,
        currency = "eur",
        created = Now.AddDays(-2).ToUnixTimeSeconds(),
        livemode = true,
        refunds = new { data = refunds.Select((amount, i) => new { id = $"re_{i}", amount, status = "succeeded", created = Now.AddDays(-1).ToUnixTimeSeconds() + i }).Reverse() },
    };

    private static object SquarePayment(string id, long refunded) => new
    {
        id,
        status = "COMPLETED",
        total_money = new { amount = 5000, currency = "USD" },
        refunded_money = refunded > 0 ? new { amount = refunded, currency = "USD" } : null,
        created_at = Iso(-3),
        updated_at = Iso(refunded > 0 ? -1 : -3),
        customer_id = "C1",
    };

    private static object SquareBooking(string id, int version, string status, int startsIn) => new
    {
        id,
        version,
        status,
        created_at = Iso(-4),
        updated_at = Iso(-4, version * 60),
        start_at = Iso(startsIn),
        customer_id = "C1",
        appointment_segments = new[] { new { service_variation_id = "CUT" } },
    };

    private static JsonElement Thing(int id, object properties) => JsonSerializer.SerializeToElement(new { id = $"{id}", properties });

    private static object With(JsonElement thing, int contact) => new
    {
        id = thing.GetProperty("id").GetString(),
        properties = thing.GetProperty("properties"),
        associations = new { contacts = new { results = new[] { new { id = $"{contact}" } } } },
    };

    /// <summary>As HubSpot: by the properties that were asked for, and at most so many.</summary>
    private static object? Search(HttpRequest request, string kind, List<JsonElement> things)
    {
        var body = JsonElement.Parse((string)request.HttpContext.Items["body"]!);
        var filters = body.GetProperty("filterGroups")[0].GetProperty("filters").EnumerateArray().ToList();
        var limit = body.GetProperty("limit").GetInt32();
        var made = kind switch { "contacts" => "createdate", "meetings" => "hs_createdate", _ => "closedate" };
        if (limit > 200 || filters.Count(f => f.GetProperty("propertyName").GetString() == made) != 2 || body.GetProperty("sorts")[0].GetProperty("propertyName").GetString() != "hs_object_id"
            || (kind == "deals" && !filters.Exists(f => f.GetProperty("operator").GetString() == "IN" && f.GetProperty("values")[0].GetString() == "closedwon")))
            return null;
        var after = filters.Where(f => f.GetProperty("propertyName").GetString() == "hs_object_id").Select(f => int.Parse(f.GetProperty("value").GetString()!, CultureInfo.InvariantCulture)).SingleOrDefault();
        var asked = body.GetProperty("properties").EnumerateArray().Select(p => p.GetString()).ToHashSet();
        return new
        {
            total = things.Count,
            results = things.Where(t => int.Parse(t.GetProperty("id").GetString()!, CultureInfo.InvariantCulture) > after).Take(limit).Select(t => new
            {
                id = t.GetProperty("id").GetString(),
                properties = t.GetProperty("properties").EnumerateObject().Where(p => asked.Contains(p.Name)).ToDictionary(p => p.Name, p => p.Value),
            }),
        };
    }

    private static object Change(string type, int id, string? property = null, string? value = null, string? objectTypeId = null) => new
    {
        portalId = 1,
        subscriptionType = type,
        objectId = id,
        occurredAt = Now.AddDays(-2).ToUnixTimeMilliseconds() + (property is null ? 400 : 90_000_000),
        propertyName = property,
        propertyValue = value,
        objectTypeId,
    };

    private static string Iso(int days, int seconds = 0) => Now.AddDays(days).AddSeconds(seconds).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? "";

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
