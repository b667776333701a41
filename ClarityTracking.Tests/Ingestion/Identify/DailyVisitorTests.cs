using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Ingestion.Identify;

/// <summary>Ids of cookieless visitors: what makes two of them the same, and that a day's cannot be made again.</summary>
public sealed partial class DailyVisitorTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    private static readonly byte[] Salt = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], OtherSalt = new byte[32];
    private static readonly Guid Site = new("11111111-1111-1111-1111-111111111111"), OtherSite = new("22222222-2222-2222-2222-222222222222");

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.0")]
    [InlineData("203.0.113.255", "203.0.113.0")]
    [InlineData("203.0.114.7", "203.0.114.0")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.0")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1::")]
    [InlineData("2001:db8:1:ffff::1", "2001:db8:1::")]
    [InlineData("2001:db8:2::1", "2001:db8:2::")]
    [InlineData("fe80::1%eth0", "fe80::")]
    [InlineData("nonsense", "")]
    public void NetworkOf_Address_IsShortened(string ip, string network) => Assert.Equal(network, DailyVisitor.NetworkOf(ip));

    [Fact]
    public void IdOf_SameNetworkAndBrowser_IsTheSameAndElseAnother()
    {
        var id = DailyVisitor.IdOf(Salt, Site, "203.0.113.7", Firefox);
        Assert.Matches("^daily_[0-9a-f]{32}$", id);
        Assert.Equal(id, DailyVisitor.IdOf(Salt, Site, "203.0.113.99", Firefox));
        Assert.Equal(DailyVisitor.IdOf(Salt, Site, "2001:db8:1:2::3", Firefox), DailyVisitor.IdOf(Salt, Site, "2001:db8:1:9::9", Firefox));
        string[] others =
        [
            id, DailyVisitor.IdOf(OtherSalt, Site, "203.0.113.7", Firefox), DailyVisitor.IdOf(Salt, OtherSite, "203.0.113.7", Firefox),
            DailyVisitor.IdOf(Salt, Site, "203.0.114.7", Firefox), DailyVisitor.IdOf(Salt, Site, "2001:db8:1::1", Firefox),
            DailyVisitor.IdOf(Salt, Site, "203.0.113.7", "curl/8"), DailyVisitor.IdOf(Salt, Site, "203.0.113.7", null),
        ];
        Assert.Equal(others.Length, others.Distinct().Count());
    }

    [Fact]
    public void SessionOf_SameHour_IsTheSameAndNoVisitorId()
    {
        var at = new DateTimeOffset(2026, 11, 20, 10, 5, 0, TimeSpan.Zero);
        var session = DailyVisitor.SessionOf(Salt, "daily_1", at);
        Assert.Equal(session, DailyVisitor.SessionOf(Salt, "daily_1", at.AddMinutes(54).ToOffset(TimeSpan.FromHours(5.5))));
        Assert.NotEqual(session, DailyVisitor.SessionOf(Salt, "daily_1", at.AddMinutes(55)));
        Assert.NotEqual(session, DailyVisitor.SessionOf(Salt, "daily_2", at));
        Assert.NotEqual("daily_1", session);
    }

    [Fact]
    public async Task Salts_OfTwoNodes_AreOneAndChangeWithTheDay()
    {
        await using var database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());
        var clock = new MovableClock(new DateTimeOffset(2026, 11, 20, 23, 59, 59, TimeSpan.Zero));
        var nodes = Enumerable.Range(0, 4).Select(_ => new DailySalts(database, Protector(1), clock)).ToList();
        var salts = await Task.WhenAll(nodes.Concat(nodes).Select(n => Task.Run(n.OfTodayAsync)));
        Assert.All(salts, salt => Assert.Equal(salts[0], salt));
        Assert.Equal(32, salts[0].Length);
        Assert.DoesNotContain(Convert.ToHexString(salts[0]), await StoredAsync(database), StringComparison.OrdinalIgnoreCase);

        clock.Now += TimeSpan.FromSeconds(1);
        var next = await nodes[0].OfTodayAsync();
        Assert.NotEqual(salts[0], next);
        Assert.Equal(next, await nodes[1].OfTodayAsync());
        Assert.Equal("2026-11-21", (await StoredAsync(database)).Split(' ')[0]); // yesterday's is gone

        clock.Now += TimeSpan.FromDays(1);
        Assert.Equal((1, 0), (await nodes[2].ForgetAsync(default), await nodes[2].ForgetAsync(default)));
        Assert.Equal("", await StoredAsync(database));
        // a clock that was put back makes no salt of a day that is over
        var saved = await nodes[0].OfTodayAsync();
        clock.Now -= TimeSpan.FromHours(1);
        Assert.Equal(saved, await nodes[0].OfTodayAsync());
    }

    [Fact]
    public async Task Salt_UnderAnotherMasterKey_IsReplaced()
    {
        await using var database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());
        var clock = new MovableClock(new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero));
        var before = await new DailySalts(database, Protector(1), clock).OfTodayAsync();
        var after = await new DailySalts(database, Protector(2), clock).OfTodayAsync();
        Assert.NotEqual(before, after);
        Assert.Equal(after, await new DailySalts(database, Protector(2), clock).OfTodayAsync());
    }

    [Fact]
    public async Task Collect_WithoutVisitorId_GivesBrowsersADailyOneAndServersNone()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var other = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var first = await StoreAsync(site.PublishableKey, "203.0.113.7");
        Assert.Matches(DailyIds(), first);
        Assert.Equal(first, await StoreAsync(site.PublishableKey, "203.0.113.200"));
        Assert.NotEqual(first, await StoreAsync(site.PublishableKey, "203.0.114.7"));
        Assert.NotEqual(first, await StoreAsync(other.PublishableKey, "203.0.113.7"));
        Assert.Equal(await StoreAsync(site.PublishableKey, "2001:db8:1::7"), await StoreAsync(site.PublishableKey, "2001:db8:1:8::9"));

        // what the sender says stays as it is
        Assert.Equal("v1|s1", await StoreAsync(site.PublishableKey, "203.0.113.7", ",\"visitor_id\":\"v1\",\"session_id\":\"s1\""));
        Assert.Equal("v1|-", await StoreAsync(site.PublishableKey, "203.0.113.7", ",\"visitor_id\":\"v1\""));
        Assert.Equal(first.Split('|')[0] + "|s1", await StoreAsync(site.PublishableKey, "203.0.113.7", ",\"session_id\":\"s1\""));
        Assert.Equal("-|-", await StoreAsync(site.SecretKey, "203.0.113.7"));
    }

    [GeneratedRegex(@"^daily_[0-9a-f]{32}\|daily_[0-9a-f]{32}\z")]
    private static partial Regex DailyIds();

    /// <summary>Sends one event and answers <c>visitor|session</c> as stored.</summary>
    private async Task<string> StoreAsync(string key, string ip, string more = "")
    {
        var id = Guid.NewGuid().ToString();
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/collect")
        {
            Content = new StringContent($$"""{"events":[{"event_id":"{{id}}","event_type":"page_view"{{more}}} ]} """, Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-API-Key", key);
        request.Headers.Add("X-Forwarded-For", ip); // believed from this machine
        request.Headers.TryAddWithoutValidation("User-Agent", Firefox);
        await AppFixture.JsonOf(await client.SendAsync(request));
        return await app.ValueAsync<string>($"SELECT coalesce(visitor_id, '-') || '|' || coalesce(session_id, '-') FROM events WHERE event_id = '{id}'");
    }

    private static SecretProtector Protector(byte key) => new([.. Enumerable.Repeat(key, 32)]);

    private static async Task<string> StoredAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand("SELECT coalesce(string_agg(day || ' ' || encode(sealed, 'hex'), ' '), '') FROM daily_salts");
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
