using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>A signed webhook over HTTP, from the sender to the stored conversion, its events and the log.</summary>
public sealed class GenericWebhookTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Booking_BecomesAConversionAndAnEvent_WithWhatTheBrowserTold()
    {
        var sender = await Sender.ConnectAsync(app);
        using (var browser = app.Anonymous())
        {
            var view = await browser.PostAsJsonAsync($"/api/v1/collect?key={sender.Site.PublishableKey}", new
            {
                events = new[]
                {
                    new
                    {
                        event_type = "page_view", visitor_id = "abc123", session_id = "s1", properties = new { url = "https://shop.example.com/?fbclid=IwAR0x&utm_source=ig" },
                        cookies = new { fbp = "fb.1.1761900000001.1122334455" },
                    },
                },
            });
            Assert.Equal(HttpStatusCode.Accepted, view.StatusCode);
        }

        var answer = await sender.PostAsync("booking.created", new
        {
            booking_id = "BK-1",
            status = "confirmed",
            starts_at = "2026-12-24T10:00:00+01:00",
            value = "38.50",
            currency = "eur",
            customer = new { email = "Zoe@Example.com", name = "Zoë Müller" },
            attribution = new { visitor_id = "abc123" },
        });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        var webhook = await sender.ProcessedAsync();
        Assert.Equal("ok", webhook.GetProperty("verdict").GetString());
        Assert.Equal("booking_created", webhook.GetProperty("canonical").GetProperty("action").GetString());
        Assert.Equal("zoe@example.com", webhook.GetProperty("canonical").GetProperty("customer").GetProperty("email").GetString());
        using var client = app.ClientFor(sender.Account);
        var trace = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/events/{webhook.GetProperty("eventIds")[0].GetString()}"));
        var stored = trace.GetProperty("event");
        Assert.Equal("schedule", stored.GetProperty("name").GetString());
        Assert.Equal("schedule_BK-1", stored.GetProperty("eventId").GetString());
        Assert.Equal("webhook", stored.GetProperty("source").GetString());
        Assert.Equal(38.50m, stored.GetProperty("value").GetDecimal());
        Assert.Equal("IwAR0x", stored.GetProperty("clickIds").GetProperty("fbclid").GetProperty("value").GetString());
        Assert.Equal("fb.1.1761900000001.1122334455", stored.GetProperty("cookies").GetProperty("fbp").GetString());
        Assert.Equal("ig", stored.GetProperty("utm").GetProperty("source").GetString());
        Assert.Equal("booking|confirmed|38.50|abc123", await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status, value, visitor_id) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task CancelBeforeCreate_EndsCancelled_AndBothAreTold()
    {
        var sender = await Sender.ConnectAsync(app);
        await sender.PostAsync("booking.canceled", new { booking_id = "BK-2" }, at: DateTimeOffset.UtcNow.AddMinutes(-1));
        await sender.ProcessedAsync();
        await sender.PostAsync("booking.created", new { booking_id = "BK-2", starts_at = "2026-12-24T10:00:00Z" }, at: DateTimeOffset.UtcNow.AddMinutes(-5));
        await sender.ProcessedAsync(2);

        Assert.Equal("cancelled", await app.ValueAsync<string>($"SELECT status FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal("booking_canceled,schedule", await app.ValueAsync<string>($"SELECT string_agg(name, ',' ORDER BY name) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task SameWebhook_ManyTimes_IsOneResult()
    {
        var sender = await Sender.ConnectAsync(app);
        var order = new { order_id = "O-7", value = "10.00", currency = "EUR" };
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => sender.PostAsync("order.paid", order, id: "msg_once")));
        var webhook = await sender.ProcessedAsync();

        Assert.Equal(20, webhook.GetProperty("times").GetInt32());
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'purchase'"));
    }

    [Fact]
    public async Task RefundsOfAPart_AddUp()
    {
        var sender = await Sender.ConnectAsync(app);
        await sender.PostAsync("order.refunded", new { order_id = "O-8", value = "4.00", currency = "EUR", refund_id = "r1" });
        await sender.PostAsync("order.paid", new { order_id = "O-8", value = "10.00", currency = "EUR" }, at: DateTimeOffset.UtcNow.AddMinutes(-3));
        await sender.PostAsync("order.refunded", new { order_id = "O-8", value = "6.00", currency = "EUR", refund_id = "r2" });
        await sender.ProcessedAsync(3);

        Assert.Equal("order|refunded|10.00|10.00", await app.ValueAsync<string>($"SELECT concat_ws('|', kind, status, value, refunded) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal("10.00 4.00 6.00", await app.ValueAsync<string>($"SELECT string_agg(value::text, ' ' ORDER BY value::text) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task WrongSecret_Is401_AndTheLogSaysWhy()
    {
        var sender = await Sender.ConnectAsync(app);
        var answer = await sender.PostAsync("order.paid", new { order_id = "O-9" }, secret: Sender.NewSecret());
        await AppFixture.ProblemOf(answer, 401);
        var webhook = (await sender.LogAsync())[0];
        Assert.Equal("refused", webhook.GetProperty("status").GetString());
        Assert.Equal("signature_mismatch", webhook.GetProperty("verdict").GetString());
        Assert.Contains("secret", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM inbound_webhooks WHERE website_id = '{sender.Site.Id}' AND body_sealed IS NOT NULL"));
        using var client = app.ClientFor(sender.Account);
        await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/inbound-webhooks/{webhook.GetProperty("id").GetString()}/replay", null), 409);
    }

    [Fact]
    public async Task MissingId_Is422_AndTheCorrectedMessageIsTaken()
    {
        var sender = await Sender.ConnectAsync(app);
        var answer = await sender.PostAsync("booking.created", new { status = "confirmed" }, id: "msg_fix");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal("data.booking_id", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("field").GetString());
        Assert.Equal(HttpStatusCode.OK, (await sender.PostAsync("booking.created", new { booking_id = "BK-3" }, id: "msg_fix")).StatusCode);
        await sender.ProcessedAsync();
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task Replay_DoublesNothing()
    {
        var sender = await Sender.ConnectAsync(app);
        await sender.PostAsync("order.paid", new { order_id = "O-10", value = "5.00", currency = "EUR" });
        var webhook = await sender.ProcessedAsync();
        using var client = app.ClientFor(sender.Account);
        await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/inbound-webhooks/{webhook.GetProperty("id").GetString()}/replay", null));
        await sender.ProcessedAsync();
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversion_changes WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task NonsenseOfVisitors_CostsNeitherTheEventNorTheQueue()
    {
        var sender = await Sender.ConnectAsync(app);
        await sender.PostAsync("order.paid", new
        {
            order_id = new string('9', 120),
            value = "10.00",
            currency = "EUR",
            ip = "198.51.100.7, 10.0.0.1",
            user_agent = new string('a', 3000),
            customer = new { email = "zoe@example.com", city = new string('x', 900) },
            attribution = new Dictionary<string, string>
            {
                ["utm_source"] = "a\0b",
                ["utm_content"] = new string('u', 5000),
                ["gclid"] = new string('g', 3000),
                ["landing_url"] = "https://shop.example.com/?utm_campaign=%00x&email=jane@example.com",
            },
        });
        await sender.PostAsync("order.refunded", new { order_id = "O-1", refund_id = new string('r', 20_000), value = "1.00", currency = "EUR" });
        await sender.PostAsync("order.paid", new { order_id = "O-1", value = "3.00", currency = "EUR" }, at: DateTimeOffset.UtcNow.AddMinutes(-2));
        await sender.ProcessedAsync(3);

        Assert.All(await sender.LogAsync(), w => Assert.Equal("processed", w.GetProperty("status").GetString()));
        Assert.Equal("purchase,purchase,refund", await app.ValueAsync<string>($"SELECT string_agg(name, ',' ORDER BY name) FROM events WHERE website_id = '{sender.Site.Id}'"));
        Assert.DoesNotContain("jane@example.com", await app.ValueAsync<string>($"SELECT string_agg(attribution::text, ' ') FROM conversions WHERE website_id = '{sender.Site.Id}'"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EventThatIntakeRefuses_StaysOwed_AndAReplayGivesIt()
    {
        var sender = await Sender.ConnectAsync(app);
        await sender.PostAsync("order.paid", new { order_id = "O-2", value = "5.00", currency = "EUR" }, at: DateTimeOffset.UtcNow.AddHours(2)); // a clock that is ahead
        var webhook = await sender.ProcessedAsync();
        Assert.Equal("failed", webhook.GetProperty("status").GetString());
        Assert.Contains("ahead", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversion_events WHERE website_id = '{sender.Site.Id}' AND taken_in_at IS NULL"));
        await app.RunAsync($"UPDATE conversion_changes SET occurred_at = now() WHERE website_id = '{sender.Site.Id}'"); // two hours later
        using var client = app.ClientFor(sender.Account);
        await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/inbound-webhooks/{webhook.GetProperty("id").GetString()}/replay", null));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'purchase'"));
    }

    [Fact]
    public async Task NoShow_IsNotCompletedByTheClock()
    {
        var sender = await Sender.ConnectAsync(app);
        var now = DateTimeOffset.UtcNow;
        await sender.PostAsync("booking.created", new { booking_id = "BK-9", starts_at = now.AddHours(-1) }, at: now.AddDays(-1));
        await sender.PostAsync("booking.no_show", new { booking_id = "BK-9" }, at: now.AddMinutes(-50));
        await sender.ProcessedAsync(2);
        await sender.PostAsync("booking.completed", new { booking_id = "BK-9" }, at: now.AddMinutes(-10));
        await sender.ProcessedAsync(3);
        Assert.Equal("no_show", await app.ValueAsync<string>($"SELECT status FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal("booking_no_show,schedule", await app.ValueAsync<string>($"SELECT string_agg(name, ',' ORDER BY name) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task UnknownToken_AndForeignPlatform_Are404()
    {
        var sender = await Sender.ConnectAsync(app);
        using var client = app.Anonymous();
        await AppFixture.ProblemOf(await client.PostAsync("/webhooks/generic/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", new StringContent("{}")), 404);
        await AppFixture.ProblemOf(await client.PostAsync(sender.Path.Replace("/generic/", "/stripe/", StringComparison.Ordinal), new StringContent("{}")), 404);
    }
}

/// <summary>A connected source and the system that posts to it.</summary>
sealed class Sender(AppFixture app, Account account, NewSite site, string path, string secret)
{
    public Account Account { get; } = account;

    public NewSite Site { get; } = site;

    /// <summary>Path of its webhook address.</summary>
    public string Path { get; } = path;

    public string Secret { get; } = secret;

    public static string NewSecret() => "whsec_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>Connects a source to a new website.</summary>
    public static async Task<Sender> ConnectAsync(AppFixture app, string platform = "generic", object? settings = null, object? credentials = null)
    {
        var account = await app.RegisterAsync($"{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(account);
        var secret = NewSecret();
        using var client = app.ClientFor(account);
        var connection = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform, name = "Sender", settings = settings ?? new { }, credentials = credentials ?? new { webhook_secret = secret } }));
        var url = connection.GetProperty("webhookUrl").GetString()!;
        return new Sender(app, account, site, url[url.IndexOf("/webhooks/", StringComparison.Ordinal)..], secret);
    }

    /// <summary>Posts one message of the generic body.</summary>
    public Task<HttpResponseMessage> PostAsync(string type, object data, string? id = null, string? secret = null, DateTimeOffset? at = null)
    {
        var body = JsonSerializer.Serialize(new { type, timestamp = at ?? DateTimeOffset.UtcNow, data });
        return PostRawAsync(body, Signed(body, id, secret));
    }

    /// <summary>The headers of a signed body.</summary>
    public (string Name, string Value)[] Signed(string body, string? id = null, string? secret = null)
    {
        id ??= $"msg_{Guid.NewGuid():N}";
        var timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var key = Convert.FromBase64String((secret ?? Secret)["whsec_".Length..]);
        return [("webhook-id", id), ("webhook-timestamp", $"{timestamp}"),
            ("webhook-signature", "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"))))];
    }

    /// <summary>Posts bytes as they are.</summary>
    public async Task<HttpResponseMessage> PostRawAsync(string body, params (string Name, string Value)[] headers)
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request);
    }

    /// <summary>The log, newest first.</summary>
    public async Task<IReadOnlyList<JsonElement>> LogAsync()
    {
        using var client = app.ClientFor(Account);
        return [.. (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{Site.Id}/inbound-webhooks"))).GetProperty("items").EnumerateArray()];
    }

    /// <summary>Waits until so many are in the log and none waits any more; the newest of them.</summary>
    public async Task<JsonElement> ProcessedAsync(int count = 1)
    {
        for (var i = 0; i < 200; i++)
        {
            var log = await LogAsync();
            if (log.Count >= count && log.All(w => w.GetProperty("status").GetString() != "received"))
                return log[0];
            await Task.Delay(100);
        }
        Assert.Fail("The webhooks were not processed: " + string.Join("\n", await LogAsync()));
        return default;
    }
}
