using System.Net;
using System.Net.Http.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Skool through a relay, over HTTP.</summary>
public sealed class SkoolTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private readonly string _token = SenderFixture.NewSecret();

    /// <summary>A member has the same id when they join and when they pay.</summary>
    [Fact]
    public async Task JoinedThenPaid_IsALeadAndAMembership_OnceEach()
    {
        var sender = await ConnectAsync();
        const string joined = """{"event":"member.joined","id":"m1","email":"zoe@example.com","group":"Circle","date":"2026-11-10T10:00:00Z","price":""}""";
        const string paid = """{"event":"member.paid","id":"m1","email":"zoe@example.com","group":"Circle","price":"49","currency":"USD","date":"2026-11-10T11:00:00Z","ct_vid":"abc123"}""";
        foreach (var body in new[] { paid, joined, paid, joined })
            await AppFixture.JsonOf(await sender.PostRawAsync(body, ("Authorization", $"Bearer {_token}")));
        await sender.ProcessedAsync(2);
        Assert.Equal("lead|paid|-|0 membership|paid|49.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("lead=1 subscribe=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Form_WithTheOtherHeader_IsTaken()
    {
        var sender = await ConnectAsync();
        await AppFixture.JsonOf(await sender.PostRawAsync("event=member.paid&email=zoe%40example.com&full_name=Zoe+Example&group=Circle&price=49.50&currency=eur", ("X-Webhook-Token", _token)));
        await sender.ProcessedAsync();
        Assert.Equal("membership|paid|49.50|0", await app.ConversionsAsync(sender));
    }

    [Theory]
    [InlineData("""{"event":"member.paid"}""", "email")]
    [InlineData("""{"event":"member.paid","id":"x","date":"last Monday"}""", "date")]
    [InlineData("""{"event":"member.paid","id":"x","price":"$49"}""", "price")]
    [InlineData("""{"id":"x"}""", "event")]
    public async Task WrongField_Is422_AndNamed(string body, string field)
    {
        var sender = await ConnectAsync();
        var answer = await sender.PostRawAsync(body, ("Authorization", $"Bearer {_token}"));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal(field, (await answer.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>()).GetProperty("field").GetString());
    }

    [Fact]
    public async Task ShortToken_IsRefusedWhenConnecting_AndNoTokenIs401()
    {
        var sender = await ConnectAsync();
        await AppFixture.ProblemOf(await sender.PostRawAsync("{}"), 401);
        using var client = app.ClientFor(sender.Account);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{sender.Site.Id}/connections", new { platform = "skool", credentials = new { webhook_secret = "short" } }), 422);
    }

    private Task<Sender> ConnectAsync() => Sender.ConnectAsync(app, "skool", credentials: new { webhook_secret = _token });
}
