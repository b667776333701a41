using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Matching;

/// <summary>A website with a booking system: touchpoints go in as a server tells them, bookings as signed webhooks.</summary>
sealed class MatchSite(AppFixture app, Account owner, Guid id, string secretKey, string hook, byte[] secret)
{
    public Guid Id => id;

    public Account Owner => owner;

    public static async Task<MatchSite> StartAsync(AppFixture app, Account? owner = null)
    {
        owner ??= await app.RegisterAsync();
        using var client = app.ClientFor(owner);
        var site = await AppFixture.JsonOf(await client.PostAsJsonAsync("/api/websites", new { name = "Salon", domain = "salon.example.com", defaultCountry = "US", currency = "USD" }));
        var secret = RandomNumberGenerator.GetBytes(32);
        var source = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.GetProperty("id").GetGuid()}/connections", new
        {
            platform = "generic",
            name = "Bookings",
            settings = new { },
            credentials = new { webhook_secret = "whsec_" + Convert.ToBase64String(secret) },
        }));
        return new MatchSite(app, owner, site.GetProperty("id").GetGuid(), site.GetProperty("secretKey").GetString()!, new Uri(source.GetProperty("webhookUrl").GetString()!).AbsolutePath, secret);
    }

    /// <summary>Sends touchpoints.</summary>
    public async Task TrackAsync(params object[] events)
    {
        using var server = app.ClientFor(secretKey);
        foreach (var batch in events.Chunk(200))
        {
            var answer = await server.PostAsJsonAsync("/event/track", new { events = batch });
            Assert.Equal(batch.Length, (await AppFixture.JsonOf(answer)).GetProperty("accepted").GetInt32());
        }
    }

    /// <summary>Sends a booking.</summary>
    public async Task BookAsync(string bookingId, DateTimeOffset at, object data)
    {
        var members = JsonSerializer.SerializeToNode(data)!.AsObject();
        members["booking_id"] = bookingId;
        var body = JsonSerializer.Serialize(new { type = "booking.created", timestamp = at.ToString("O"), data = members });
        var (message, time) = ($"{bookingId}-{at.Ticks}", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        using var request = new HttpRequestMessage(HttpMethod.Post, hook) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", message);
        request.Headers.Add("webhook-timestamp", time.ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{message}.{time}.{body}"))));
        using var sender = app.Anonymous();
        Assert.Equal(HttpStatusCode.OK, (await sender.SendAsync(request)).StatusCode);
    }

    /// <summary>The lines of the website once so many conversions are known and nothing waits.</summary>
    public async Task<Dictionary<string, JsonElement>> SettledAsync(int conversions, int seconds = 60)
    {
        for (var patience = 0; patience < seconds * 10; patience++)
        {
            if (await app.ValueAsync<bool>($"""
                SELECT (SELECT count(*) FROM matches WHERE website_id = '{id}') >= {conversions} AND NOT EXISTS (SELECT FROM match_queue WHERE website_id = '{id}')
                   AND NOT EXISTS (SELECT FROM outbox WHERE website_id = '{id}') AND NOT EXISTS (SELECT FROM event_feed WHERE website_id = '{id}' AND follower <> 'duplicates')
                   AND NOT EXISTS (SELECT FROM inbound_webhooks w WHERE w.website_id = '{id}' AND w.status = 'received')
                """))
                return await LinesAsync();
            await Task.Delay(100);
        }
        Assert.Fail($"Matching did not settle within {seconds} seconds.");
        return [];
    }

    /// <summary>What <c>format=jsonl</c> says, by booking.</summary>
    public async Task<Dictionary<string, JsonElement>> LinesAsync()
    {
        using var client = app.ClientFor(owner);
        var text = await client.GetStringAsync($"/api/websites/{id}/matches?format=jsonl");
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonElement.Parse(l)).ToDictionary(l => l.GetProperty("booking_id").GetString()!);
    }

    /// <summary>Calls the management API.</summary>
    public async Task<HttpResponseMessage> CallAsync(HttpMethod method, string path, object? body = null)
    {
        using var client = app.ClientFor(owner);
        return await client.SendAsync(new HttpRequestMessage(method, $"/api/websites/{id}/{path}") { Content = body is null ? null : JsonContent.Create(body) });
    }

    public Task<Guid> ConversionAsync(string bookingId) => app.ValueAsync<Guid>($"SELECT id FROM conversions WHERE website_id = '{id}' AND sender_id = '{bookingId}'");

    public Task<Guid> TouchpointAsync(string eventId) => app.ValueAsync<Guid>($"SELECT id FROM touchpoints WHERE website_id = '{id}' AND event_id = '{eventId}'");
}
