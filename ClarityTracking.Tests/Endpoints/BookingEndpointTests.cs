using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>Bookings and sales over the API.</summary>
public sealed class BookingEndpointTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Booking_MovedAndCompleted_IsOneWithItsLifecycleInOrder()
    {
        var sender = await Sender.ConnectAsync(app);
        var now = DateTimeOffset.UtcNow;
        // told in the wrong order
        await sender.PostAsync("booking.completed", new { booking_id = "BK-1" }, at: now);
        await sender.PostAsync("booking.created", new { booking_id = "BK-1", starts_at = "2026-12-01T10:00:00Z", value = "60.00", currency = "EUR", attribution = new { visitor_id = "v1" } }, at: now.AddMinutes(-30));
        await sender.PostAsync("booking.rescheduled", new { booking_id = "BK-1", starts_at = "2026-12-02T10:00:00Z" }, at: now.AddMinutes(-10));
        await sender.PostAsync("order.paid", new { order_id = "O-1", value = "10.00", currency = "EUR" });
        await sender.ProcessedAsync(4);
        // as it is before it is matched, which takes a moment: its match is taken away again
        await Eventually.GetAsync(async () => await app.ValueAsync<bool>($"""
            SELECT NOT EXISTS (SELECT FROM outbox WHERE website_id = '{sender.Site.Id}') AND NOT EXISTS (SELECT FROM event_feed WHERE website_id = '{sender.Site.Id}')
               AND NOT EXISTS (SELECT FROM match_queue WHERE website_id = '{sender.Site.Id}') AND (SELECT count(*) = 2 FROM matches WHERE website_id = '{sender.Site.Id}')
            """) ? true : (bool?)null, "matching to be done");
        await app.RunAsync($"DELETE FROM matches WHERE website_id = '{sender.Site.Id}'");
        using var client = app.ClientFor(sender.Account);
        var path = $"/api/websites/{sender.Site.Id}/bookings";

        var booking = Assert.Single((await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("items").EnumerateArray());
        Assert.Equal("booking_created booking_rescheduled booking_completed", Actions(booking));
        Assert.Equal(("completed", "BK-1", 60.00m, "EUR"), (booking.GetProperty("status").GetString(), booking.GetProperty("senderId").GetString(),
            booking.GetProperty("value").GetDecimal(), booking.GetProperty("currency").GetString()));
        Assert.Equal(DateTimeOffset.Parse("2026-12-02T10:00:00Z", System.Globalization.CultureInfo.InvariantCulture), booking.GetProperty("startsAt").GetDateTimeOffset());
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null, 0), (booking.GetProperty("match").ValueKind, booking.GetProperty("confidence").ValueKind, booking.GetProperty("reasons").GetArrayLength()));

        var whole = await AppFixture.JsonOf(await client.GetAsync($"{path}/{booking.GetProperty("id").GetString()}"));
        var events = whole.GetProperty("events").EnumerateArray().ToList();
        Assert.Equal(["booking_completed", "booking_rescheduled", "schedule"], events.Select(e => e.GetProperty("name").GetString()!).Order(StringComparer.Ordinal));
        Assert.All(events, e => Assert.Equal(JsonValueKind.String, e.GetProperty("id").ValueKind));
        Assert.Equal("v1", whole.GetProperty("attribution").GetProperty("visitor_id").GetString());
    }

    [Fact]
    public async Task List_ByKindStatusAndPage_HoldsWhatFits()
    {
        var sender = await Sender.ConnectAsync(app);
        for (var i = 0; i < 3; i++)
            await sender.PostAsync("order.paid", new { order_id = $"O-{i}", value = "10.00", currency = "EUR" });
        await sender.PostAsync("booking.canceled", new { booking_id = "BK-1" });
        await sender.ProcessedAsync(4);
        using var client = app.ClientFor(sender.Account);
        var path = $"/api/websites/{sender.Site.Id}/bookings";
        async Task<JsonElement> GetAsync(string query) => await AppFixture.JsonOf(await client.GetAsync(path + query));

        Assert.Equal(4, (await GetAsync("?kind=all")).GetProperty("items").GetArrayLength());
        Assert.Equal(3, (await GetAsync("?kind=order&status=paid&source=generic")).GetProperty("items").GetArrayLength());
        Assert.Equal(0, (await GetAsync("?status=confirmed")).GetProperty("items").GetArrayLength());
        Assert.Equal(0, (await GetAsync("?kind=all&to=2020-01-01T00:00:00Z")).GetProperty("items").GetArrayLength());
        var seen = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await GetAsync($"?kind=all&limit=3{cursor}");
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(b => b.GetProperty("senderId").GetString()!));
            cursor = page.GetProperty("nextCursor") is { ValueKind: JsonValueKind.String } next ? $"&cursor={next.GetString()}" : null;
        }
        Assert.Equal(["BK-1", "O-0", "O-1", "O-2"], seen.Order(StringComparer.Ordinal));
        await AppFixture.ProblemOf(await client.GetAsync($"{path}?kind=meeting"), 422);
        await AppFixture.ProblemOf(await client.GetAsync($"{path}?status=lost"), 400);
        await AppFixture.ProblemOf(await client.GetAsync($"{path}/{Guid.NewGuid()}"), 404);
    }

    [Fact]
    public async Task Sales_AreThoseWithValueOfTheCallersWebsites()
    {
        var (sender, stranger) = (await Sender.ConnectAsync(app), await Sender.ConnectAsync(app));
        await sender.PostAsync("order.paid", new { order_id = "O-1", value = "10.00", currency = "EUR" });
        await sender.PostAsync("order.paid", new { order_id = "O-2", value = "9.00", currency = "EUR", test = true });
        await sender.PostAsync("lead.created", new { lead_id = "L-1" });
        await sender.ProcessedAsync(3);
        await stranger.PostAsync("order.paid", new { order_id = "theirs", value = "99.00", currency = "EUR" });
        await stranger.ProcessedAsync();
        using var client = app.ClientFor(sender.Account);
        var sale = Assert.Single((await AppFixture.JsonOf(await client.GetAsync("/api/sales"))).GetProperty("items").EnumerateArray());
        Assert.Equal(("O-1", sender.Site.Id), (sale.GetProperty("senderId").GetString(), sale.GetProperty("websiteId").GetGuid()));
        await AppFixture.ProblemOf(await client.GetAsync($"/api/sales?websiteId={stranger.Site.Id}"), 404);
        // a key sees its own website only
        var other = await app.CreateWebsiteAsync(sender.Account, "Other", "other.example.com");
        using var key = app.ClientFor(other.SecretKey);
        Assert.Equal(0, (await AppFixture.JsonOf(await key.GetAsync("/api/sales"))).GetProperty("items").GetArrayLength());
    }

    private static string Actions(JsonElement booking) => string.Join(' ', booking.GetProperty("lifecycle").EnumerateArray().Select(s => s.GetProperty("action").GetString()));
}
