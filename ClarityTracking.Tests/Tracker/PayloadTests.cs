using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Tracker;

/// <summary>
/// What every shipped version of the snippet sent, byte for byte but for the key: pages and browsers keep old versions, and the server must
/// go on understanding them. A version that changes the payload adds a file; no file is ever changed.
/// </summary>
public sealed class PayloadTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Tracker", "Payloads");

    public static TheoryData<string> Versions => [.. Directory.GetFiles(Folder, "*.json").Order().Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Payload_OfAShippedVersion_IsStoredWhole(string version)
    {
        var owner = await app.RegisterAsync();
        var website = await app.CreateWebsiteAsync(owner);
        var events = new StoredEvents(app, owner, website);
        using var client = app.CreateClient();
        var sent = new List<string>();
        foreach (var body in JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Folder, version + ".json")))!.AsArray())
        {
            body!["apiKey"] = website.PublishableKey;
            using var answer = await client.PostAsync("/api/v1/collect", new StringContent(body.ToJsonString(), Encoding.UTF8, "text/plain"));
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            var result = await AppFixture.JsonOf(answer);
            Assert.Equal((body["events"]!.AsArray().Count, 0, 0),
                (result.GetProperty("accepted").GetInt32(), result.GetProperty("duplicates").GetInt32(), result.GetProperty("rejected").GetArrayLength()));
            sent.AddRange(body["events"]!.AsArray().Select(e => (string)e!["event_type"]!));
        }

        foreach (var name in sent)
            await events.OneAsync(name == "custom" ? "Plan chosen" : name);
        var purchase = await events.OneAsync("purchase");
        Assert.Equal((149.9m, "EUR", "5001"),
            (purchase.GetProperty("value").GetDecimal(), purchase.GetProperty("currency").GetString(), purchase.GetProperty("orderId").GetString()));
        Assert.Equal("IwAR0_aBc", purchase.GetProperty("clickIds").GetProperty("fbclid").GetProperty("value").GetString());
        Assert.Equal("fb.1.1763700000123.IwAR0_aBc", purchase.GetProperty("cookies").GetProperty("fbc").GetString());
        Assert.Contains("em", purchase.GetProperty("keys").EnumerateArray().Select(key => key.GetString()));
        Assert.True(purchase.GetProperty("consent").GetProperty("adStorage").GetBoolean());
    }

    [Fact]
    public async Task Image_WithAnEvent_IsTakenInAndAnsweredByAPixel()
    {
        var owner = await app.RegisterAsync();
        var website = await app.CreateWebsiteAsync(owner);
        using var client = app.CreateClient();
        var body = JsonSerializer.Serialize(new { apiKey = website.PublishableKey, events = new[] { new { event_id = "i-1", event_type = "page_view", session_id = "s", properties = new { url = "https://shop.example.com/" } } } });

        using var answer = await client.GetAsync("/api/v1/collect?body=" + Uri.EscapeDataString(body));

        Assert.Equal((HttpStatusCode.OK, "image/gif"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        await new StoredEvents(app, owner, website).OneAsync("page_view");
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest, "body_empty")]
    [InlineData("?body=%7B", HttpStatusCode.BadRequest, "invalid_json")]
    [InlineData("?body=%7B%22apiKey%22%3A%22pk_live_x%22%2C%22events%22%3A%5B%7B%7D%5D%7D", HttpStatusCode.Unauthorized, "unknown_key")]
    public async Task Image_ThatCannotBeTaken_IsNoPixelAndSaysWhy(string query, HttpStatusCode status, string code)
    {
        using var client = app.CreateClient();
        using var answer = await client.GetAsync("/api/v1/collect" + query);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(code, JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString());
    }
}
