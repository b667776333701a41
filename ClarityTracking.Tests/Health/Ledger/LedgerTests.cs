using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using ClarityTracking.Tests.Vectors;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Health.Ledger;

/// <summary>The app with strict TikTok and Tinybird in its reach, and a booking system whose API is away.</summary>
public sealed class LedgerApp : AppFixture
{
    private Dictionary<string, string> _settings = [];

    public FaultyPlatforms Platforms { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => _settings;

    public override async Task InitializeAsync()
    {
        Platforms = await FaultyPlatforms.StartAsync(1);
        (Platforms.Tokens["tiktok"], Platforms.Tokens["tinybird"]) = ("good", "good");
        _settings = new()
        {
            ["Destinations:TikTok:BaseUrl"] = $"http://127.0.0.1:{Platforms.Port}",
            ["Destinations:Tinybird:BaseUrl"] = $"http://127.0.0.1:{Platforms.Port}",
            ["Sources:Acuity:BaseUrl"] = "http://127.0.0.1:1/acuity",
            ["Clarity:RateLimits:WebhooksPerMinute"] = "0",
        };
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Platforms.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>
/// 5,000 orders with every kind of loss among them, each kind by signed webhooks through intake, routing and delivery to platforms over HTTP; only what is
/// mere volume is written to the tables. The ledger says of each one where it stands at each destination.
/// </summary>
public sealed class LedgerTests(LedgerApp app, ITestOutputHelper output) : IClassFixture<LedgerApp>
{
    private const int Orders = 5000, Each = 20, Ordinary = 600;
    private const string Huge = "9999999999999999.00"; // more than intake keeps
    private const string Browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36";

    /// <summary>By the first word of an order's id: what the ledger must say at TikTok and at Tinybird.</summary>
    private static readonly Dictionary<string, (string TikTok, string Tinybird)> Expected = new()
    {
        ["ok"] = ("delivered", "delivered"),
        ["bulk"] = ("delivered", "delivered"),
        ["twice"] = ("delivered", "delivered"),
        ["late"] = ("delivered", "delivered"),
        ["known"] = ("delivered", "delivered"),
        ["whole"] = ("delivered", "delivered"),
        ["part"] = ("delivered", "delivered"),
        ["appointment"] = ("delivered", "delivered"),
        ["called"] = ("delivered", "delivered"),
        ["api"] = ("delivered", "delivered"),
        ["consent"] = ("ignored/consent", "delivered"),
        ["filter"] = ("ignored/filter", "delivered"),
        ["bot"] = ("ignored/bot", "ignored/bot"),
        ["test"] = ("ignored/test", "delivered"),
        ["lead"] = ("ignored/unmapped", "delivered"),
        ["nobody"] = ("ignored/missing_keys", "delivered"),
        ["old"] = ("ignored/too_old", "delivered"),
        ["poison"] = ("failed/permanent", "delivered"),
        ["refused"] = ("missing/refused_by_intake", "missing/refused_by_intake"),
        ["lostrefund"] = ("missing/refused_by_intake", "missing/refused_by_intake"),
        ["gone"] = ("missing/event_gone", "missing/event_gone"),
        ["unmade"] = ("missing/no_event", "missing/no_event"),
        ["unpaid"] = ("not_expected", "not_expected"),
        ["asked"] = ("not_expected", "not_expected"),
        ["webhook"] = ("missing/webhook_failed", "missing/webhook_failed"),
        ["hanging"] = ("pending/webhook", "pending/webhook"),
        ["dying"] = ("failed/too_old", "delivered"),
        ["stuck"] = ("retrying/transient", "delivered"),
        ["waiting"] = ("pending/sending", "delivered"),
    };

    private readonly List<(Sender Sender, string Body)> _messages = [];
    private readonly List<string> _planted = [];
    private readonly List<Sender> _senders = [];
    private Sender _acuity = null!;
    private Account _owner = null!;
    private NewSite _site = null!;

    [Fact]
    public async Task FiveThousandOrders_WithEveryKindOfLoss_EachStandsWhereItDoes()
    {
        var watch = Stopwatch.StartNew();
        await SetUpAsync();
        using var client = app.ClientFor(_owner);
        var tiktok = await ConnectAsync(client, "tiktok", "TikTok", new { pixel_code = "C4A1B2C3D4", events = new Dictionary<string, object> { ["lead"] = false, ["refund"] = false } }, new { access_token = "good" });
        var tinybird = await ConnectAsync(client, "tinybird", "Tinybird", new { data_source = "events" }, new { token = "good" });
        var off = await ConnectAsync(client, "tinybird", "Off then", new { data_source = "events" }, new { token = "good" }, enabled: false);
        await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{_site.Id}/rules",
            new { name = "Not to TikTok", connectionId = tiktok, when = new { field = "order_id", op = "starts_with", value = "filter-" }, then = new { action = "exclude" } }));

        await BrowseAsync();
        PlantMain();
        await PostAllAsync();
        await AcuityAsync();
        await ApiAsync(client);
        await DrainAsync();
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s: {_planted.Count} orders through webhooks, intake, routing and delivery");
        // the rest is volume: as if they had come last week
        var rest = Orders - _planted.Count - Each - 6; // waiting, stuck and dying come later
        await BulkOrders.AddAsync(app, _site, [tiktok, tinybird], rest, 7, allDelivered: true);
        _planted.AddRange(Enumerable.Range(1, rest).Select(i => $"bulk-{i}"));

        // one event after the other that the platform fails on: its connection goes on trying
        Plant("stuck", 3, o => Order(o, minutesAgo: 1));
        Plant($"dying-{FaultyPlatforms.Stuck}", 3, o => Order(o, minutesAgo: 1));
        await PostAllAsync();
        await EventuallyAsync("the stuck ones are tried again", $"SELECT count(*) = 6 FROM delivery_queue WHERE website_id = '{_site.Id}' AND connection_id = '{tiktok}' AND attempts > 0");
        // a week goes by for three of them
        await app.RunAsync($"""
            UPDATE events SET occurred_at = now() - interval '8 days' WHERE website_id = '{_site.Id}' AND order_id LIKE 'dying-%';
            UPDATE delivery_queue SET next_attempt_at = now() FROM events e WHERE e.id = delivery_queue.event_id AND e.order_id LIKE 'dying-%';
            """);
        await EventuallyAsync("the dying ones are given up", $"SELECT count(*) = 3 FROM deliveries WHERE website_id = '{_site.Id}' AND connection_id = '{tiktok}' AND status = 'dead' AND reason = 'too_old'");
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s: retries");
        // credentials that were refused stop a connection; its deliveries wait
        await app.RunAsync($"UPDATE connections SET state = 'paused', state_reason = 'token expired', state_changed_at = now() WHERE id = '{tiktok}'");
        Plant("waiting", Each, o => Order(o, minutesAgo: 1));
        await PostAllAsync();
        await EventuallyAsync("the waiting ones wait", $"SELECT count(*) = {Each} FROM delivery_queue WHERE website_id = '{_site.Id}' AND connection_id = '{tiktok}' AND attempts = 0");
        await EventuallyAsync("Tinybird has them", $"SELECT count(*) = 0 FROM delivery_queue WHERE website_id = '{_site.Id}' AND connection_id <> '{tiktok}'");

        await app.RunAsync($"""
            DELETE FROM events WHERE website_id = '{_site.Id}' AND order_id LIKE 'gone-%';
            DELETE FROM conversion_events WHERE website_id = '{_site.Id}' AND event_id LIKE 'purchase_unmade-%';
            """);
        var later = await ConnectAsync(client, "tinybird", "Added later", new { data_source = "events" }, new { token = "good" });
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{_site.Id}/connections/{off}", new { enabled = true }));

        await EventuallyAsync("nothing may still be on its way to the router", $"SELECT max(received_at) < now() - interval '6 seconds' FROM events WHERE website_id = '{_site.Id}'");
        Assert.Equal(Orders, _planted.Count);
        Assert.Empty(app.Platforms.Complaints);
        await AssertEachAsync(client);
        await AssertSumsAsync(client, tiktok);
        await AssertFiltersAsync(client, tiktok);
        await AssertDetailsAsync(client, tiktok, later);
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s: all");
    }

    // ---- What is planted

    private void PlantMain()
    {
        Plant("twice", Each, o => Order(o), times: 2);
        Plant("late", Each, o => Order(o, minutesAgo: 5 * 24 * 60));
        Plant("known", Each, o => Order(o)); // the browser told it first, under the same event id
        Plant("bot", Each, o => Order(o)); // what told it first was a bot
        Plant("consent", Each, o => Order(o, more: new { attribution = new { visitor_id = $"visitor-{o}" } }));
        Plant("filter", Each, o => Order(o));
        Plant("test", Each, o => Order(o, more: new { test = true }));
        Plant("lead", Each, o => Body("lead.created", new { lead_id = o, value = "10.00", currency = "EUR", customer = new { email = $"{o}@example.com" } }, 1));
        Plant("nobody", Each, o => Body("order.paid", new { order_id = o, value = "10.00", currency = "EUR" }, 1));
        Plant("old", Each, o => Order(o, minutesAgo: 9 * 24 * 60));
        Plant("poison", Each, o => Order(o));
        Plant("refused", Each, o => Order(o, value: Huge));
        Plant("gone", Each, o => Order(o));
        Plant("unmade", Each, o => Order(o));
        Plant("unpaid", Each, o => Body("order.created", new { order_id = o, status = "pending", value = "10.00", currency = "EUR" }, 1));
        Plant("asked", Each, o => Body("booking.created", new { booking_id = o, status = "pending", value = "10.00", currency = "EUR" }, 1));
        Plant("appointment", Each, o => Body("booking.created", Booking(o), 3));
        Plant("called", Each, o => Body("booking.created", Booking(o), 3), o => Body("booking.canceled", Booking(o), 1));
        Plant("whole", Each, o => Order(o), o => Refund(o, "10.00"));
        Plant("part", Each, o => Order(o), o => Refund(o, "4.00"), o => Refund(o, "1.00"));
        Plant("lostrefund", Each, o => Order(o), o => Refund(o, Huge));
        Plant("ok", Ordinary, o => Order(o));
    }

    private void Plant(string kind, int count, params Func<string, string>[] messages) => Plant(kind, count, messages, 1);

    private void Plant(string kind, int count, Func<string, string> message, int times) => Plant(kind, count, [message], times);

    private void Plant(string kind, int count, Func<string, string>[] messages, int times)
    {
        for (var i = 0; i < count; i++)
        {
            var order = $"{kind}-{i}";
            // of one order by one source
            foreach (var message in messages)
                for (var time = 0; time < times; time++)
                    _messages.Add((_senders[i % _senders.Count], message(order)));
            _planted.Add(order);
        }
    }

    private static string Order(string id, int minutesAgo = 2, string value = "10.00", object? more = null, DateTimeOffset? at = null)
    {
        var data = JsonSerializer.SerializeToNode(new { order_id = id, value, currency = "EUR", customer = new { email = $"{id}@example.com" } })!.AsObject();
        foreach (var (name, part) in JsonSerializer.SerializeToNode(more ?? new { })!.AsObject())
            data[name] = part?.DeepClone();
        return Body("order.paid", data, minutesAgo, at);
    }

    private static string Refund(string id, string amount) => Body("order.refunded", new { order_id = id, refund_id = $"{id}-{amount}", value = amount, currency = "EUR", customer = new { email = $"{id}@example.com" } }, 1);

    private static object Booking(string id) => new { booking_id = id, status = "confirmed", starts_at = "2030-01-01T10:00:00Z", value = "10.00", currency = "EUR", customer = new { email = $"{id}@example.com" } };

    private static string Body(string type, object data, int minutesAgo, DateTimeOffset? at = null) =>
        JsonSerializer.Serialize(new { type, timestamp = at ?? DateTimeOffset.UtcNow.AddMinutes(-minutesAgo), data });

    /// <summary>What browsers told before: a purchase under the webhook's event id, one by a bot, and a visit that refused ads.</summary>
    private async Task BrowseAsync()
    {
        object Purchase(string order) => new
        {
            event_id = $"purchase_{order}",
            event_type = "purchase",
            visitor_id = $"visitor-{order}",
            properties = new { url = "https://shop.example.com/thanks", value = 10, currency = "EUR", order_id = order },
            user = new { email = $"{order}@example.com" },
        };
        await CollectAsync(Browser, Range("known").Select(Purchase));
        await CollectAsync("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Range("bot").Select(Purchase));
        await CollectAsync(Browser, Range("consent").Select(order => new
        {
            event_type = "page_view",
            visitor_id = $"visitor-{order}",
            properties = new { url = "https://shop.example.com/" },
            consent = new { ad_user_data = "denied", ad_storage = "denied" },
        }));

        static IEnumerable<string> Range(string kind) => Enumerable.Range(0, Each).Select(i => $"{kind}-{i}");
    }

    private async Task CollectAsync(string agent, IEnumerable<object> events)
    {
        using var client = app.Anonymous();
        client.DefaultRequestHeaders.UserAgent.ParseAdd(agent);
        var answer = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/v1/collect?key={_site.PublishableKey}", new { events }));
        Assert.Equal(Each, answer.GetProperty("accepted").GetInt32());
    }

    /// <summary>A booking system tells ids only, and its API does not answer: five webhooks are given up, five are still tried.</summary>
    private async Task AcuityAsync()
    {
        foreach (var i in Enumerable.Range(0, 10))
        {
            var body = $"action=scheduled&id={700 + i}&calendarID=1&appointmentTypeID=2";
            using var request = new HttpRequestMessage(HttpMethod.Post, _acuity.Path) { Content = new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded") };
            request.Headers.TryAddWithoutValidation("X-Acuity-Signature", SenderFixture.Base64(_acuity.Secret, body));
            using var client = app.Anonymous();
            Assert.Equal(HttpStatusCode.OK, (await client.SendAsync(request)).StatusCode);
        }
        await EventuallyAsync("each was tried", $"SELECT count(*) = 10 FROM inbound_webhooks WHERE website_id = '{_site.Id}' AND attempts > 0");
        await app.RunAsync($"""
            UPDATE inbound_webhooks SET attempts = CASE WHEN rank <= 5 THEN 10 ELSE attempts END, next_attempt_at = now() + CASE WHEN rank <= 5 THEN interval '0' ELSE interval '1 hour' END
              FROM (SELECT id AS one, rank() OVER (ORDER BY id) FROM inbound_webhooks WHERE website_id = '{_site.Id}' AND attempts > 0) ranked WHERE id = one
            """);
        await EventuallyAsync("five are given up", $"SELECT count(*) = 5 FROM inbound_webhooks WHERE website_id = '{_site.Id}' AND status = 'failed' AND attempts = 10");
        for (var i = 0; i < 5; i++)
        {
            _planted.Add($"webhook-{i}");
            _planted.Add($"hanging-{i}");
        }
    }

    /// <summary>Conversions that a page records for a click, with and without an id of its own.</summary>
    private async Task ApiAsync(HttpClient client)
    {
        var link = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{_site.Id}/links", new { name = "Link", targetUrl = "https://shop.example.com/" }));
        using var visitor = app.Anonymous();
        visitor.DefaultRequestHeaders.UserAgent.ParseAdd(Browser);
        for (var i = 0; i < 4; i++)
        {
            var followed = await visitor.GetAsync($"/r/{link.GetProperty("slug").GetString()}");
            var click = System.Web.HttpUtility.ParseQueryString(followed.Headers.Location!.Query)["ct_tracking_id"]!;
            await AppFixture.JsonOf(await visitor.PostAsJsonAsync("/api/conversions", new
            {
                tracking_id = click,
                campaign_link_id = link.Text("id"),
                event_type = "purchase",
                revenue_amount = 10,
                event_data = new { user = new { email = $"api-{i}@example.com" }, order_id = i % 2 == 0 ? $"api-{i}" : null },
            }));
            _planted.Add($"api-{i}");
        }
    }

    // ---- What must have come of it

    private async Task AssertEachAsync(HttpClient client)
    {
        var watch = Stopwatch.StartNew();
        using var answer = await client.GetAsync($"/api/websites/{_site.Id}/ledger.csv");
        Assert.Equal("text/csv; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal([0xEF, 0xBB, 0xBF], bytes[..3]);
        var lines = Encoding.UTF8.GetString(bytes[3..]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(',')).ToList();
        output.WriteLine($"the file of {lines.Count - 1} rows took {watch.Elapsed.TotalSeconds:F2} s");
        var columns = lines[0].Select((name, i) => (name, i)).ToDictionary(c => c.name, c => c.i);
        var names = await NamesAsync(client);
        var found = new Dictionary<string, string[]>();
        foreach (var line in lines.Skip(1))
            Assert.True(found.TryAdd(names.GetValueOrDefault(line[columns["id"]]) ?? line[columns["sender_id"]], line), $"{line[columns["sender_id"]]} is listed twice");
        Assert.Equal("", string.Join(' ', _planted.Except(found.Keys).Concat(found.Keys.Except(_planted)).Take(20)));
        var wrong = new List<string>();
        foreach (var order in _planted)
        {
            var (tiktok, tinybird) = Expected[order.Split('-')[0]];
            Check(order, "TikTok", tiktok);
            Check(order, "Tinybird", tinybird);
            var hasEvent = tinybird is "delivered" or "ignored/bot";
            // of an order whose refund was refused, the purchase comes first; what came last week is older than the connection
            Check(order, "Off then", order.StartsWith("bulk-", StringComparison.Ordinal) ? "missing/connection_added_later"
                : hasEvent || order.StartsWith("lostrefund-", StringComparison.Ordinal) ? "missing/connection_off" : tinybird);
            Check(order, "Added later", hasEvent ? "missing/connection_added_later" : tinybird);
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} are wrong: {string.Join("; ", wrong.GroupBy(w => w.Split(' ')[0].Split('-')[0]).SelectMany(g => g.Take(2)))}");

        void Check(string order, string destination, string expected)
        {
            var line = found[order];
            var said = $"{line[columns[$"{destination}: state"]]}/{line[columns[$"{destination}: cause"]]}".TrimEnd('/');
            if (said != expected)
                wrong.Add($"{order} at {destination}: {said}, not {expected}");
        }
    }

    /// <summary>Rows that have no sender's id of the test's own, by our id.</summary>
    private async Task<Dictionary<string, string>> NamesAsync(HttpClient client)
    {
        var names = new Dictionary<string, string>();
        var (failed, hanging, api) = (0, 0, 0);
        foreach (var row in (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?kind=webhook"))).GetProperty("items").EnumerateArray())
            names[row.Text("id")!] = row.Text("state") == "missing" ? $"webhook-{failed++}" : $"hanging-{hanging++}";
        foreach (var row in (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?kind=manual"))).GetProperty("items").EnumerateArray())
            names[row.Text("id")!] = $"api-{api++}";
        return names;
    }

    private async Task AssertSumsAsync(HttpClient client, Guid tiktok)
    {
        var watch = Stopwatch.StartNew();
        var ledger = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger"));
        output.WriteLine($"the ledger took {watch.Elapsed.TotalSeconds:F2} s");
        var sums = ledger.GetProperty("destinations").EnumerateArray().Single(d => d.GetProperty("connectionId").GetGuid() == tiktok).GetProperty("sums");
        var states = _planted.Select(o => Expected[o.Split('-')[0]].TikTok).ToList();
        var delivered = states.Count(s => s == "delivered");
        var right = states.Count(s => s is "ignored/consent" or "ignored/filter" or "ignored/bot" or "ignored/test" or "ignored/unmapped");
        var none = states.Count(s => s == "not_expected");
        var open = states.Count(s => s.StartsWith("pending", StringComparison.Ordinal) || s.StartsWith("retrying", StringComparison.Ordinal));
        Assert.Equal(states.Count, sums.GetProperty("conversions").GetInt32());
        Assert.Equal(states.Count - none, sums.GetProperty("expected").GetInt32());
        Assert.Equal((delivered, right, open), (sums.GetProperty("delivered").GetInt32(), sums.GetProperty("rightlyIgnored").GetInt32(), sums.GetProperty("open").GetInt32()));
        Assert.Equal((double)delivered / (states.Count - none - right - open), sums.GetProperty("accuracy").GetDouble(), 1e-9);
        Assert.Equal(10m * 4, sums.GetProperty("deliveredValue").GetDecimal()); // only what the API took is in the website's own currency
        foreach (var (group, prefix) in new[] { ("ignored", "ignored/"), ("failed", "failed/"), ("missing", "missing/") })
            Assert.Equal(string.Join(' ', states.Where(s => s.StartsWith(prefix, StringComparison.Ordinal)).GroupBy(s => s[prefix.Length..]).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key}={g.Count()}")),
                string.Join(' ', sums.GetProperty(group).EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => $"{p.Name}={p.Value.GetInt64()}")));
        // days add up to the whole
        Assert.Equal(states.Count, ledger.GetProperty("days").EnumerateArray().Sum(d => d.GetProperty("totals").GetProperty("conversions").GetInt32()));
        Assert.Equal(delivered, ledger.GetProperty("days").EnumerateArray().SelectMany(d => d.GetProperty("destinations").EnumerateArray())
            .Where(d => d.GetProperty("connectionId").GetGuid() == tiktok).Sum(d => d.GetProperty("sums").GetProperty("delivered").GetInt32()));
    }

    private async Task AssertFiltersAsync(HttpClient client, Guid tiktok)
    {
        var path = $"/api/websites/{_site.Id}/ledger?connectionId={tiktok}&state=failed&cause=permanent&limit=15";
        var first = await AppFixture.JsonOf(await client.GetAsync(path));
        var second = await AppFixture.JsonOf(await client.GetAsync($"{path}&cursor={first.Text("nextCursor")}"));
        Assert.Equal(Each, first.GetProperty("items").EnumerateArray().Concat(second.GetProperty("items").EnumerateArray()).Select(i => i.Text("senderId")).Distinct().Count());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("nextCursor").ValueKind);
        Assert.All(first.GetProperty("items").EnumerateArray(), i => Assert.StartsWith("poison-", i.Text("senderId"), StringComparison.Ordinal));
        Assert.Equal(4, (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?source=api"))).GetProperty("items").GetArrayLength());
        // nothing is from before the shop was there
        var before = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z"));
        Assert.Equal((0, JsonValueKind.Null), (before.GetProperty("items").GetArrayLength(), before.GetProperty("accuracy").ValueKind));

        foreach (var (query, code) in new[] { ("state=lost", 400), ("from=yesterday", 400), ("from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", 422), ("from=2001-01-01T00:00:00Z", 422), ("kind=gift", 422) })
            foreach (var file in new[] { "", ".csv" })
                await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger{file}?{query}"), code);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?connectionId={Guid.NewGuid()}"), 404);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger/{Guid.NewGuid()}"), 404);
    }

    private async Task AssertDetailsAsync(HttpClient client, Guid tiktok, Guid later)
    {
        var row = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?connectionId={tiktok}&cause=permanent&limit=1"))).GetProperty("items")[0];
        var details = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger/{row.Text("id")}"));
        var here = details.GetProperty("item").GetProperty("destinations").EnumerateArray().Single(d => d.GetProperty("connectionId").GetGuid() == tiktok);
        Assert.Equal(("failed", "permanent", "purchase"), (here.Text("state"), here.Text("cause"), here.Text("event")));
        var delivery = details.GetProperty("events")[0].GetProperty("deliveries").EnumerateArray().Single(d => d.Text("id") == here.Text("deliveryId"));
        Assert.Contains("Not a valid number", delivery.Text("detail"), StringComparison.Ordinal);
        Assert.Contains(details.GetProperty("item").GetProperty("destinations").EnumerateArray(), d => d.GetProperty("connectionId").GetGuid() == later);
        var webhook = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger?kind=webhook&state=missing&limit=1"))).GetProperty("items")[0];
        var failed = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_site.Id}/ledger/{webhook.Text("id")}"));
        Assert.Equal("failed", failed.Text("webhook"));
        Assert.Contains("did not answer", failed.Text("detail"), StringComparison.Ordinal);
    }

    // ---- Tools

    private async Task SetUpAsync()
    {
        _owner = await app.RegisterAsync();
        _site = await app.CreateWebsiteAsync(_owner);
        using var client = app.ClientFor(_owner);
        for (var i = 0; i < 4; i++)
            _senders.Add(await SourceAsync("generic", new { }, Sender.NewSecret()));
        _acuity = await SourceAsync("acuity", new { user_id = "777" }, SenderFixture.NewSecret());

        async Task<Sender> SourceAsync(string platform, object settings, string secret)
        {
            var made = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{_site.Id}/connections", new { platform, name = platform, settings, credentials = new { webhook_secret = secret } }));
            var url = made.Text("webhookUrl")!;
            return new Sender(app, _owner, _site, url[url.IndexOf("/webhooks/", StringComparison.Ordinal)..], secret);
        }
    }

    private async Task<Guid> ConnectAsync(HttpClient client, string platform, string name, object settings, object credentials, bool enabled = true) =>
        (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{_site.Id}/connections", new { platform, name, settings, credentials, enabled }))).GetProperty("id").GetGuid();

    private async Task PostAllAsync()
    {
        using var client = app.Anonymous();
        var number = 0;
        await Parallel.ForEachAsync(_messages, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (message, cancel) =>
        {
            var id = message.Body.Contains("\"twice-", StringComparison.Ordinal)
                ? "msg_" + JsonElement.Parse(message.Body).GetProperty("data").Text("order_id") : string.Create(CultureInfo.InvariantCulture, $"msg_{Guid.NewGuid():N}_{Interlocked.Increment(ref number)}");
            using var request = new HttpRequestMessage(HttpMethod.Post, message.Sender.Path) { Content = new StringContent(message.Body, Encoding.UTF8, "application/json") };
            foreach (var (name, value) in message.Sender.Signed(message.Body, id))
                request.Headers.TryAddWithoutValidation(name, value);
            using var answer = await client.SendAsync(request, cancel);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(cancel));
        });
        _messages.Clear();
        await EventuallyAsync("all webhooks are processed", $"SELECT count(*) = 0 FROM inbound_webhooks WHERE website_id = '{_site.Id}' AND status = 'received' AND attempts = 0");
    }

    private Task DrainAsync() => EventuallyAsync("all is delivered",
        $"SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM delivery_queue WHERE website_id = '{_site.Id}') = 0");

    private async Task EventuallyAsync(string what, string sql)
    {
        for (var waited = Stopwatch.StartNew(); !await app.ValueAsync<bool>(sql); await Task.Delay(200))
            if (waited.Elapsed > TimeSpan.FromSeconds(90))
                Assert.Fail($"Waited 90 s until {what}: " + await app.ValueAsync<string>("""
                    SELECT coalesce(string_agg(w, '; '), '') FROM (SELECT k || ' ' || count(*) AS w FROM (
                        SELECT 'queue ' || coalesce(reason, '') || coalesce(detail, '') AS k FROM delivery_queue UNION ALL SELECT 'webhook ' || status || coalesce(reason, '') FROM inbound_webhooks
                        UNION ALL SELECT status || ' ' || coalesce(reason, '') FROM deliveries) x GROUP BY k) y
                    """));
    }
}
