using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Attribution.Reports;

/// <summary>Reports of what came in through the front door: server events, signed webhooks, touchpoints, matching.</summary>
public sealed class IntakeTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private static readonly (string Vector, string Model)[] Models =
    [
        ("first", "model=first_touch"), ("last", "model=last_touch"), ("last_non_direct", "model=last_non_direct"), ("linear", "model=linear"), ("position_based", "model=position_based"),
        ("time_decay", "model=time_decay"), ("shapley", "model=shapley"), ("shapley_rate", "model=shapley_rate"), ("markov_1", "model=markov"), ("markov_2", "model=markov&order=2"), ("markov_3", "model=markov&order=3"),
    ];

    [Fact]
    public async Task Journeys200_ThroughIntake_EarnWhatTheyMust()
    {
        var site = await ReportSite.CreateAsync(app);
        var hook = await HookAsync(site);
        var links = new Dictionary<string, Guid>();
        foreach (var link in VectorFile.Read("attribution/dev200/links.json").EnumerateObject())
            links[link.Name] = await site.LinkAsync(link.Name, link.Value.GetProperty("window_days").GetInt32());
        var journeys = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Vectors", "data", "attribution", "dev200", "journeys.jsonl")).Select(line => JsonElement.Parse(line)).ToList();
        // conversions first, touches later: the order of arrival must not matter
        foreach (var journey in journeys.Where(j => j.TryGetProperty("value", out _)))
            await PostAsync(hook, "order.paid", Id(journey), End(journey), journey.GetProperty("value").GetDecimal(), visitor: Id(journey));
        foreach (var some in journeys.Chunk(50))
            await TrackAsync(site, some.SelectMany(journey => EventsOf(journey, links)));
        await SettleAsync(site);

        var period = $"from={ReportSite.Iso(journeys.Min(End))}&to={ReportSite.Iso(journeys.Max(End).AddMilliseconds(1))}";
        var expected = VectorFile.Read("attribution/dev200/expected.json");
        foreach (var (vector, query) in Models)
            AssertRows(expected.GetProperty("models").GetProperty(vector), await site.GetAsync($"{period}&{query}&windowDays=30"), vector);
        foreach (var (window, query) in ((string, string)[])[("7d", "&windowDays=7"), ("14d", "&windowDays=14"), ("60d", "&windowDays=60"), ("per_link_else_30d", "")])
            foreach (var (vector, model) in Models.Take(6))
            {
                var report = await site.GetAsync($"{period}&{model}{query}");
                AssertRows(expected.GetProperty("windows").GetProperty(window).GetProperty(vector), report, $"{window} {vector}");
                Assert.Equal(expected.GetProperty("windows").GetProperty(window).GetProperty("unattributed_conversions").GetInt32(), report.GetProperty("unattributed").GetProperty("conversions").GetInt32());
            }
        var byLink = await site.GetAsync($"{period}&model=last_touch&by=link");
        AssertRows(expected.GetProperty("last_link_click").GetProperty("by_link"), byLink, "last_link_click");
        Assert.Equal(expected.GetProperty("last_link_click").GetProperty("no_link_in_window")[0].GetInt32(), byLink.GetProperty("unattributed").GetProperty("conversions").GetInt32());
        Assert.Equal(expected.GetProperty("last_link_click").GetProperty("no_link_in_window")[1].GetDecimal(), byLink.GetProperty("unattributed").GetProperty("revenue").GetDecimal());
    }

    [Fact]
    public async Task RefundNoShowAndLateIdentification_ChangeYesterdaysReport()
    {
        var site = await ReportSite.CreateAsync(app);
        var hook = await HookAsync(site);
        var yesterday = DateTimeOffset.UtcNow.AddDays(-1);
        var period = $"from={ReportSite.Iso(yesterday.AddHours(-1))}&to={ReportSite.Iso(yesterday.AddHours(1))}&model=last_touch";
        await TrackAsync(site, [Visit("va", yesterday.AddDays(-2), "facebook"), Visit("vb", yesterday.AddDays(-3), "email"), Visit("vc", yesterday.AddDays(-1), "google_cpc")]);
        await PostAsync(hook, "order.paid", "order-1", yesterday, 100, visitor: "va");
        await PostAsync(hook, "booking.created", "booking-1", yesterday, 80, visitor: "vb");
        // nothing says yet that this is the visitor who came by google_cpc
        await PostAsync(hook, "order.paid", "order-2", yesterday, 50, email: "jane.doe@example.com");
        await SettleAsync(site);
        var before = await site.GetAsync(period);
        Assert.Equal([("email", 80.0), ("facebook", 100.0)], Earned(before));
        Assert.Equal(50m, before.GetProperty("unattributed").GetProperty("revenue").GetDecimal());

        await PostAsync(hook, "order.refunded", "order-1", DateTimeOffset.UtcNow, 40);
        await PostAsync(hook, "booking.no_show", "booking-1", DateTimeOffset.UtcNow, null);
        await SettleAsync(site);
        var restated = await site.GetAsync(period);
        Assert.Equal([("facebook", 60.0)], Earned(restated));
        Assert.Equal((3, 110m), (restated.GetProperty("totals").GetProperty("conversions").GetInt32(), restated.GetProperty("totals").GetProperty("revenue").GetDecimal()));

        await TrackAsync(site, [new { event_id = "late", event_type = "identify", timestamp = ReportSite.Iso(DateTimeOffset.UtcNow), visitor_id = "vc", user = new { email = "Jane.Doe@example.com", first_name = "Jane", last_name = "Doe" } }]);
        await SettleAsync(site);
        var found = await site.GetAsync(period);
        Assert.Equal([("facebook", 60.0), ("google_cpc", 50.0)], Earned(found));
        Assert.Equal(0, found.GetProperty("unattributed").GetProperty("conversions").GetInt32());
    }

    private static List<(string, double)> Earned(JsonElement report) => [.. ReportSite.Rows(report).Where(r => r.Value.Revenue > 0).Select(r => (r.Key, r.Value.Revenue)).OrderBy(r => r.Key, StringComparer.Ordinal)];

    private static void AssertRows(JsonElement expected, JsonElement report, string what)
    {
        var rows = ReportSite.Rows(report);
        foreach (var channel in expected.EnumerateObject())
        {
            var (conversions, value) = channel.Value.ValueKind == JsonValueKind.Array ? (channel.Value[0].GetDouble(), channel.Value[1].GetDouble())
                : (channel.Value.GetProperty("conversions").GetDouble(), channel.Value.GetProperty("value").GetDouble());
            var got = rows.GetValueOrDefault(channel.Name);
            Assert.True(Math.Abs(conversions - got.Conversions) < 1e-6 && Math.Abs(value - got.Revenue) < 1e-6, $"{what}: {channel.Name} must be {conversions}, {value}, is {got}");
        }
        Assert.DoesNotContain(rows, r => r.Value.Conversions > 1e-6 && !expected.TryGetProperty(r.Key, out _));
    }

    private static string Id(JsonElement journey) => journey.GetProperty("id").GetString()!;

    private static DateTimeOffset End(JsonElement journey) => DateTimeOffset.FromUnixTimeMilliseconds(journey.GetProperty("end").GetInt64());

    private static object Visit(string visitor, DateTimeOffset at, string channel) =>
        new { event_id = $"{visitor}-visit", event_type = "page_view", timestamp = ReportSite.Iso(at), visitor_id = visitor, properties = new { channel } };

    private static IEnumerable<object> EventsOf(JsonElement journey, Dictionary<string, Guid> links)
    {
        var (id, end, hasConverted) = (Id(journey), End(journey), journey.TryGetProperty("value", out _));
        foreach (var touch in journey.GetProperty("touches").EnumerateArray().OrderBy(t => t.GetProperty("seq").GetInt32()))
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(touch.GetProperty("ts").GetInt64());
            if (hasConverted || at <= end) // one that did not convert ends with the last that was seen of it: nothing comes after
                yield return new
                {
                    event_id = $"{id}-{touch.GetProperty("seq").GetInt32()}",
                    event_type = "page_view",
                    timestamp = ReportSite.Iso(at),
                    visitor_id = id,
                    properties = new { channel = touch.GetProperty("channel").GetString() },
                    click_ids = touch.Text("link") is { } link ? new { ct_campaign_link_id = links[link].ToString() } : null,
                };
        }
        if (!hasConverted) // a tap on the number earns nothing and says when the visitor was last there
            yield return new { event_id = $"{id}-end", event_type = "custom", timestamp = ReportSite.Iso(end), visitor_id = id, properties = new { event_name = "call_click" } };
    }

    private async Task TrackAsync(ReportSite site, IEnumerable<object> events)
    {
        using var server = app.ClientFor(site.Site.SecretKey);
        var answer = await AppFixture.JsonOf(await server.PostAsJsonAsync("/event/track", new { events }));
        Assert.Equal(0, answer.GetProperty("rejected").GetArrayLength());
    }

    private static async Task<string> HookAsync(ReportSite site)
    {
        var source = await AppFixture.JsonOf(await site.Client.PostAsJsonAsync($"/api/websites/{site.Site.Id}/connections",
            new { platform = "generic", credentials = new { webhook_secret = "whsec_" + Convert.ToBase64String(Secret) } }));
        return source.GetProperty("webhookUrl").GetString()!;
    }

    private async Task PostAsync(string hook, string type, string id, DateTimeOffset at, decimal? value, string? visitor = null, string? email = null)
    {
        var booking = type.StartsWith("booking", StringComparison.Ordinal);
        var body = JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["type"] = type,
            ["timestamp"] = ReportSite.Iso(at),
            ["data"] = new Dictionary<string, object?>
            {
                [booking ? "booking_id" : "order_id"] = id,
                ["value"] = value?.ToString(CultureInfo.InvariantCulture),
                ["currency"] = "EUR",
                ["customer"] = email is null ? null : new { email, name = "Jane Doe" },
                ["attribution"] = visitor is null ? null : new { visitor_id = visitor },
            }.Where(f => f.Value is not null).ToDictionary(),
        });
        var (webhook, now) = ($"{type}-{id}", DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(app.Url), new Uri(hook, UriKind.RelativeOrAbsolute).IsAbsoluteUri ? new Uri(hook).PathAndQuery : hook))
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        message.Headers.Add("webhook-id", webhook);
        message.Headers.Add("webhook-timestamp", now);
        message.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(HMACSHA256.HashData(Secret, Encoding.UTF8.GetBytes($"{webhook}.{now}.{body}"))));
        using var client = app.Anonymous();
        await AppFixture.JsonOf(await client.SendAsync(message));
    }

    /// <summary>Waits until nothing of the website is under way: stored events are touchpoints, webhooks are conversions, conversions are matched.</summary>
    private async Task SettleAsync(ReportSite site)
    {
        var calm = 0;
        for (var patience = 0; patience < 600 && calm < 3; patience++)
        {
            var waiting = await app.ValueAsync<string>($"""
                SELECT concat_ws(', ', (SELECT 'outbox' FROM outbox WHERE website_id = '{site.Site.Id}' LIMIT 1), (SELECT 'feed' FROM event_feed WHERE website_id = '{site.Site.Id}' AND follower <> 'duplicates' LIMIT 1),
                       (SELECT 'webhooks' FROM inbound_webhooks WHERE website_id = '{site.Site.Id}' AND status = 'received' LIMIT 1),
                       (SELECT 'matches' FROM match_queue WHERE website_id = '{site.Site.Id}' LIMIT 1),
                       (SELECT 'conversions without a match' FROM conversions c WHERE website_id = '{site.Site.Id}' AND NOT EXISTS (SELECT FROM matches m WHERE m.conversion_id = c.id) LIMIT 1))
                """);
            calm = waiting.Length == 0 ? calm + 1 : 0;
            if (patience == 599)
                Assert.Fail($"Still waiting after a minute: {waiting}");
            await Task.Delay(100);
        }
    }
}
