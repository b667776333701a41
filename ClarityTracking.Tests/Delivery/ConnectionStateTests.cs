using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Support.Platforms;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Delivery;

/// <summary>The app with strict platforms, and a clock that begins three days ago, so that the platforms' own clock agrees at the end.</summary>
public sealed class AppThreeDaysAgo : AppFixture
{
    private StrictPlatforms? _platforms;

    public StrictPlatforms Platforms => _platforms!;

    public ShiftedClock Clock { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings =>
        new[] { "TikTok", "Pinterest" }.ToDictionary(name => $"Destinations:{name}:BaseUrl", _ => Platforms.Url);

    public override async Task InitializeAsync()
    {
        Clock.Advance(-TimeSpan.FromDays(3));
        _platforms = await StrictPlatforms.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Platforms.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock));
    }
}

/// <summary>How connections are paused and resumed, and what is told of it.</summary>
public sealed class ConnectionStateTests(AppThreeDaysAgo app, ITestOutputHelper output) : IClassFixture<AppThreeDaysAgo>
{
    [Fact]
    public async Task Paused_ForThreeDaysThenFixed_DrainsWhatIsYoungEnoughAndSaysHowManyWereTooOld()
    {
        const int Young = 900, Old = 130, Later = 40;
        app.Platforms.Token = "good-token";
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        var connection = await ConnectAsync(http, site, "tiktok");
        var start = app.Clock.GetUtcNow();
        await SendAsync(site, ["first"], start);
        await EventuallyAsync(() => Task.FromResult(Taken().Count), 1, "the first event");

        // the token is revoked: the first call says so, and everything waits from then on
        app.Platforms.Token = "another-token";
        await SendAsync(site, ["revoked"], start);
        await EventuallyAsync(async () => (await HealthAsync(http, connection)).GetProperty("state").GetString(), "paused", "the pause");
        await SendAsync(site, Enumerable.Range(0, Young - 1).Select(i => $"young-{i}"), start); // with "revoked" that many
        await SendAsync(site, Enumerable.Range(0, Old).Select(i => $"old-{i}"), start - TimeSpan.FromDays(5)); // eight days old at the end; TikTok takes seven
        await EventuallyAsync(() => app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE connection_id = '{connection}'"), Young + Old, "the queue");
        app.Clock.Advance(TimeSpan.FromDays(2));
        await SendAsync(site, Enumerable.Range(0, Later).Select(i => $"later-{i}"), app.Clock.GetUtcNow());
        await EventuallyAsync(() => app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE connection_id = '{connection}'"), Young + Old + Later, "the queue");
        var calls = app.Platforms.Calls.Count;
        app.Clock.Advance(TimeSpan.FromDays(1));
        await Task.Delay(1500); // longer than the worker looks
        Assert.Equal(calls, app.Platforms.Calls.Count); // paused is paused

        using var again = await SignInAsync(owner); // three days are longer than a sign-in
        await AppFixture.JsonOf(await again.PatchAsJsonAsync($"/api/websites/{site.Id}/connections/{connection}", new { credentials = new { access_token = "another-token" } }));
        await EventuallyAsync(async () => (await HealthAsync(again, connection)).GetProperty("history")[0].GetProperty("drain").GetProperty("isDrained").GetBoolean(), true, "the drain");

        var health = await HealthAsync(again, connection);
        Assert.Equal((0, "healthy"), (health.GetProperty("backlog").GetInt32(), health.GetProperty("state").GetString()));
        var history = health.GetProperty("history").EnumerateArray().ToList();
        output.WriteLine(string.Join('\n', history));
        Assert.Equal(["healthy", "paused", "healthy"], history.Select(h => h.GetProperty("state").GetString()));
        Assert.Contains("40105", history[1].GetProperty("reason").GetString() + Reasons(connection), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(3).TotalMinutes, (history[0].GetProperty("at").GetDateTimeOffset() - history[1].GetProperty("at").GetDateTimeOffset()).TotalMinutes, 2.0);
        var drain = history[0].GetProperty("drain");
        Assert.Equal((Young + Old + Later, Young + Later, Old), (drain.GetProperty("waiting").GetInt32(), drain.GetProperty("sent").GetInt32(), drain.GetProperty("tooOld").GetInt32()));
        Assert.Equal((0, 0, 0, 0), (drain.GetProperty("dead").GetInt32(), drain.GetProperty("skipped").GetInt32(), drain.GetProperty("retrying").GetInt32(), drain.GetProperty("stillWaiting").GetInt32()));

        // the platform got the young ones, each once, and none that is too old
        var taken = Taken();
        Assert.Equal(1 + Young + Later, taken.Count);
        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.DoesNotContain(taken, id => id.StartsWith("old-", StringComparison.Ordinal));
        // and the rest says why it was not sent
        var dead = (await AppFixture.JsonOf(await again.GetAsync($"/api/websites/{site.Id}/deliveries?status=dead&limit=200"))).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(Old, dead.Count);
        Assert.All(dead, d => Assert.Equal("too_old", d.GetProperty("reason").GetString()));
        Assert.All(dead, d => Assert.Contains("7 days", d.GetProperty("detail").GetString(), StringComparison.Ordinal));
        Assert.Equal((Old, Old, 0, 0), Jobs.JobSite.Plan(await AppFixture.JsonOf(await again.PostAsJsonAsync($"/api/websites/{site.Id}/deliveries/replay", new { dryRun = true }))));
        await app.RunAsync("UPDATE connections SET enabled = false");
        app.Clock.Advance(-TimeSpan.FromDays(3));
    }

    [Theory]
    [InlineData("settings")]
    [InlineData("credentials")]
    [InlineData("test")]
    public async Task Paused_ThenChangedOrTestedWell_IsResumed(string by)
    {
        app.Platforms.Token = "good-token";
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        var connection = await ConnectAsync(http, site, "tiktok");
        await app.RunAsync($"UPDATE connections SET state = 'paused', state_reason = 'Wrong token', state_changed_at = now() WHERE id = '{connection}'");
        await SendAsync(site, [$"kept-{by}"], DateTimeOffset.UtcNow.AddDays(-3));
        await EventuallyAsync(() => app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE connection_id = '{connection}'"), 1, "the queue");
        var path = $"/api/websites/{site.Id}/connections/{connection}";

        // a new name is no reason to try again, and neither is a test that fails
        await AppFixture.JsonOf(await http.PatchAsJsonAsync(path, new { name = "TikTok again" }));
        app.Platforms.Token = "another-token";
        Assert.False((await AppFixture.JsonOf(await http.PostAsJsonAsync($"{path}/test", new { }))).GetProperty("resumed").GetBoolean());
        app.Platforms.Token = "good-token";
        Assert.Equal("paused", (await HealthAsync(http, connection)).GetProperty("state").GetString());

        if (by == "test")
            Assert.True((await AppFixture.JsonOf(await http.PostAsJsonAsync($"{path}/test", new { testCode = "TEST1" }))).GetProperty("resumed").GetBoolean());
        else
            await AppFixture.JsonOf(await http.PatchAsync(path, JsonContent.Create(by == "settings" ? new { settings = new { pixel_code = "C4B" } } : (object)new { credentials = new { access_token = "good-token" } })));
        await EventuallyAsync(() => Task.FromResult(Taken().Contains($"kept-{by}")), true, "the event that was kept");
        await EventuallyAsync(async () => (await HealthAsync(http, connection)).GetProperty("history")[0].GetProperty("drain") is var d
            && d.GetProperty("isDrained").GetBoolean() && d.GetProperty("sent").GetInt32() == 1, true, "the drain");
        Assert.Equal(["healthy", "paused", "healthy"], (await HealthAsync(http, connection)).GetProperty("history").EnumerateArray().Select(h => h.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task History_OfAConnection_IsWrittenWhateverChangesIt()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        var connection = await ConnectAsync(http, site, "pinterest");
        await app.RunAsync($"UPDATE connections SET state = 'degraded', state_reason = '503', state_changed_at = now() WHERE id = '{connection}'");
        await app.RunAsync($"UPDATE connections SET state = 'degraded', state_reason = '502', failures_in_a_row = 2 WHERE id = '{connection}'"); // no change of state
        await app.RunAsync($"UPDATE connections SET state = 'paused', state_reason = 'Token', state_changed_at = now() WHERE id = '{connection}'");
        var history = (await HealthAsync(http, connection)).GetProperty("history").EnumerateArray().Select(h => (h.GetProperty("state").GetString(), h.GetProperty("reason").GetString()));
        Assert.Equal([("paused", "Token"), ("degraded", "503"), ("healthy", null)], history);
        await app.RunAsync($"DELETE FROM connections WHERE id = '{connection}'");
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM connection_states WHERE connection_id = '{connection}'"));
    }

    private List<string> Taken() => [.. app.Platforms.Taken.Where(t => !t.EventId.StartsWith("test-", StringComparison.Ordinal)).Select(t => t.EventId)];

    private string Reasons(Guid connection) => app.ValueAsync<string>($"SELECT string_agg(response, ' ') FROM delivery_calls WHERE connection_id = '{connection}'").GetAwaiter().GetResult();

    private static async Task<Guid> ConnectAsync(HttpClient http, NewSite site, string platform) =>
        (await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections", new
        {
            platform,
            settings = platform == "tiktok" ? new { pixel_code = "C4A" } : (object)new { ad_account_id = "549755885175" },
            credentials = new { access_token = "good-token" },
        }))).GetProperty("id").GetGuid();

    private async Task<HttpClient> SignInAsync(Account account)
    {
        using var anyone = app.Anonymous();
        var answer = await AppFixture.JsonOf(await anyone.PostAsJsonAsync("/api/login", new { email = account.Email, password = account.Password }));
        return app.ClientFor(answer.GetProperty("accessToken").GetString()!);
    }

    private static async Task<JsonElement> HealthAsync(HttpClient http, Guid connection) => await AppFixture.JsonOf(await http.GetAsync($"/api/connections/{connection}/health"));

    private async Task SendAsync(NewSite site, IEnumerable<string> ids, DateTimeOffset at)
    {
        using var anyone = app.Anonymous();
        foreach (var chunk in ids.Chunk(400))
        {
            var events = chunk.Select(id => $$"""
                {"event_id":"{{id}}","event_type":"purchase","timestamp":"{{at:yyyy-MM-ddTHH:mm:ssZ}}","visitor_id":"v-1","properties":{"value":10,"currency":"EUR","order_id":"{{id}}","url":"https://shop.example.com/thanks"},"user":{"email":"jane@example.com"} }
                """);
            using var content = new StringContent($$"""{"events":[{{string.Join(',', events)}}]}""", Encoding.UTF8, "application/json");
            var answer = await anyone.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            Assert.Equal(chunk.Length, (await AppFixture.JsonOf(answer)).GetProperty("accepted").GetInt32());
        }
    }

    private static async Task EventuallyAsync<T>(Func<Task<T>> ask, T wanted, string what)
    {
        var (last, tries) = (default(T), 0);
        for (; tries < 300; tries++)
        {
            last = await ask();
            if (Equals(last, wanted))
                return;
            await Task.Delay(100);
        }
        Assert.Fail($"Waited for {what} to be {wanted}; it is {last}.");
    }
}
