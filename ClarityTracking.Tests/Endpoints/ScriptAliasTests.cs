using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using ClarityTracking.Web.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>The word under which a website's script and intake stand a second time.</summary>
public sealed class ScriptAliasTests(TrackerApp app) : IClassFixture<TrackerApp>
{
    [Fact]
    public async Task Core_UnderAnAlias_SendsToItAndLoadsFromIt()
    {
        var alias = (await NewSiteAsync()).Alias;
        using var client = app.Anonymous();
        var core = await client.GetStringAsync($"/{alias}.js");
        Assert.Equal(app.Core.Replace("\"/api/v1/collect\"", $"\"/{alias}\"", StringComparison.Ordinal).Replace("\"/t/\"", $"\"/{alias}/\"", StringComparison.Ordinal), core);
        Assert.DoesNotContain("/api/v1/collect", core, StringComparison.Ordinal);
        Assert.DoesNotContain("/t/", core, StringComparison.Ordinal);
        Assert.Contains($"\"/{alias}\"", core, StringComparison.Ordinal);
        Assert.Contains($"\"/{alias}/\"", core, StringComparison.Ordinal);
        Assert.Equal(TrackerApp.Auto, await client.GetStringAsync($"/{alias}/auto.js?v=abc123"));
        Assert.Equal(HttpStatusCode.NoContent, (await client.PostAsync($"/{alias}/cookies", null)).StatusCode);
        var version = (await client.GetAsync($"/{alias}.js")).Headers.ETag!.Tag.Trim('"');
        Assert.Equal(core, await client.GetStringAsync($"/{alias}/{version}.js"));
        Assert.Equal(app.Core, await client.GetStringAsync($"/t/{version}.js"));
    }

    [Fact]
    public async Task Collect_UnderAnAlias_StoresTheEventOfTheKey()
    {
        var (site, another) = (await NewSiteAsync(), await NewSiteAsync());
        Assert.NotEqual(site.Alias, another.Alias);
        foreach (var alias in new[] { site.Alias, another.Alias })
        {
            var id = Guid.NewGuid().ToString();
            using var answer = await CollectAsync($"/{alias}", site.Site.PublishableKey, id);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            Assert.Equal(site.Site.Id, await app.ValueAsync<Guid>($"SELECT website_id FROM events WHERE event_id = '{id}'"));
        }
        // the rules of the path it stands for: refusals, problem details, other origins
        using var refused = await CollectAsync($"/{site.Alias}", "pk_live_doesNotExist0000000000000000000", "x");
        Assert.Equal("unknown_key", (await AppFixture.ProblemOf(refused, 401)).GetProperty("code").GetString());
        using var client = app.Anonymous();
        using var preflight = new HttpRequestMessage(HttpMethod.Options, $"/{site.Alias}")
        {
            Headers = { { "Origin", "https://shop.example.com" }, { "Access-Control-Request-Method", "POST" }, { "Access-Control-Request-Headers", "x-api-key" } },
        };
        Assert.Equal("*", Assert.Single((await client.SendAsync(preflight)).Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal((await client.GetAsync("/api/v1/collect")).StatusCode, (await client.GetAsync($"/{site.Alias}")).StatusCode);
    }

    [Fact]
    public async Task Alias_Changed_WorksAtOnceAndTheFormerOnesFor30Days()
    {
        var (account, site, first) = await NewSiteAsync();
        using var client = app.ClientFor(account);
        var (second, third) = (ScriptAlias.New(), ScriptAlias.New());
        foreach (var alias in new[] { second, third })
        {
            var changed = await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { scriptAlias = alias }));
            Assert.Equal(alias, changed.GetProperty("scriptAlias").GetString());
        }
        var shown = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}"));
        Assert.Equal([first, second], shown.GetProperty("formerScriptAliases").EnumerateArray().Select(a => a.GetString()!));
        var until = shown.GetProperty("formerScriptAliasesUntil").GetDateTimeOffset();
        Assert.InRange(until - DateTimeOffset.UtcNow, TimeSpan.FromDays(29.9), TimeSpan.FromDays(30));
        foreach (var alias in new[] { first, second, third })
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/{alias}.js")).StatusCode);

        // taken back, it is no former one any more
        var back = await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { scriptAlias = first }));
        Assert.Equal([second, third], back.GetProperty("formerScriptAliases").EnumerateArray().Select(a => a.GetString()!));

        await app.RunAsync($"UPDATE websites SET script_alias_changed_at = now() - interval '31 days' WHERE id = '{site.Id}'");
        app.Services.GetRequiredService<ScriptAliasDirectory>().Forget();
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync($"/{second}.js")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/{first}.js")).StatusCode);
        Assert.Equal(0, (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}"))).GetProperty("formerScriptAliases").GetArrayLength());
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("")]
    [InlineData("has space")]
    [InlineData("ümlaut")]
    [InlineData("with_underscore")]
    [InlineData("with/slash")]
    [InlineData("a.js")]
    [InlineData("api")]
    [InlineData("Webhooks")]
    [InlineData("trackingscript")]
    [InlineData("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddd")]
    public async Task Alias_AgainstTheRules_IsRefusedByItsField(string alias)
    {
        var (account, site, before) = await NewSiteAsync();
        using var client = app.ClientFor(account);
        var problem = await AppFixture.ProblemOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { scriptAlias = alias }), 422);
        Assert.Equal("validation_failed", problem.GetProperty("code").GetString());
        Assert.True(problem.GetProperty("errors").TryGetProperty("scriptAlias", out _));
        Assert.Equal(before, (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}"))).GetProperty("scriptAlias").GetString());
    }

    [Fact]
    public async Task Alias_OfAnotherWebsite_IsTakenAlsoWhenItIsAFormerOne()
    {
        var (other, (account, site, _)) = (await NewSiteAsync(), await NewSiteAsync());
        using var byOther = app.ClientFor(other.Account);
        using var client = app.ClientFor(account);
        await TakenAsync(other.Alias);
        await AppFixture.JsonOf(await byOther.PatchAsJsonAsync($"/api/websites/{other.Site.Id}", new { scriptAlias = ScriptAlias.New() }));
        await TakenAsync(other.Alias);
        await app.RunAsync($"UPDATE websites SET script_alias_changed_at = now() - interval '31 days' WHERE id = '{other.Site.Id}'");
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { scriptAlias = other.Alias }));

        async Task TakenAsync(string alias) => Assert.Equal("script_alias_taken",
            (await AppFixture.ProblemOf(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { scriptAlias = alias }), 409)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Alias_WantedByTwoAtOnce_IsOnesAndTheOtherIsTold()
    {
        var alias = ScriptAlias.New();
        var sites = new[] { await NewSiteAsync(), await NewSiteAsync(), await NewSiteAsync(), await NewSiteAsync() };
        var answers = await Task.WhenAll(sites.Select(async s =>
        {
            using var client = app.ClientFor(s.Account);
            return (int)(await client.PatchAsJsonAsync($"/api/websites/{s.Site.Id}", new { scriptAlias = alias })).StatusCode;
        }));
        Assert.Equal([200, 409, 409, 409], answers.Order());
    }

    [Fact]
    public async Task Directory_OfAnotherNode_KnowsAChangeAfterTenSeconds()
    {
        var clock = new MovableClock(DateTimeOffset.UtcNow);
        await using var database = NpgsqlDataSource.Create(app.ConnectionString);
        var node = new ScriptAliasDirectory(database, clock);
        Assert.False(await node.IsAliasAsync("somebody"));
        var alias = (await NewSiteAsync()).Alias;
        Assert.False(await node.IsAliasAsync(alias)); // the list it has is young
        clock.Now += TimeSpan.FromSeconds(10);
        Assert.True(await node.IsAliasAsync(alias));
        Assert.False(await node.IsAliasAsync("api"));

        // the database away: the last list serves, but a node that never had one must not call an alias unknown
        await database.DisposeAsync();
        clock.Now += TimeSpan.FromMinutes(1);
        await using var away = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1");
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () => await new ScriptAliasDirectory(away, clock).IsAliasAsync(alias));
    }

    [Fact]
    public async Task Migration_ForWebsitesOfBefore_GaveEachItsOwnAlias()
    {
        // the same statement the migration runs, on rows as they were
        var text = File.ReadAllText(Directory.GetFiles(Path.Combine(Root(), "ClarityTracking.Core/Data/Migrations"), "*_ScriptAliasAndDailySalts.cs").Single());
        var update = text[text.IndexOf("UPDATE websites", StringComparison.Ordinal)..];
        update = update[..(update.IndexOf(';', StringComparison.Ordinal) + 1)];
        for (var i = 0; i < 3; i++)
            await NewSiteAsync();
        await app.RunAsync(update);
        Assert.True(await app.ValueAsync<bool>("SELECT bool_and(script_alias ~ '^[bcdfghjkmnpqrstvwxyz2-9]{8}$') FROM websites"));
        app.Services.GetRequiredService<ScriptAliasDirectory>().Forget();
    }

    [Fact]
    public void Reserved_Words_HoldEveryFirstSegmentOfTheApp()
    {
        var segments = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(e => e.RoutePattern.PathSegments is [{ Parts: [RoutePatternLiteralPart literal, ..] }, ..] ? literal.Content : null)
            .Where(s => s is not null).Select(s => s!.Split('.')[0].ToLowerInvariant()).Where(s => ScriptAlias.IsWord(s)).Distinct().Order().ToList();
        Assert.Contains("api", segments);
        Assert.Contains("websites", segments);
        Assert.Equal([], segments.Except(ScriptAlias.Reserved));
    }

    [Theory]
    [InlineData("/abc", "abc", "/api/v1/collect")]
    [InlineData("/abc.js", "abc", "/t.js")]
    [InlineData("/abc/auto.js", "abc", "/t/auto.js")]
    [InlineData("/abc/cookies", "abc", "/t/cookies")]
    [InlineData("/a-1/x/y", "a-1", "/t/x/y")]
    [InlineData("/abc.js/x", null, null)]
    [InlineData("/abc.css", null, null)]
    [InlineData("/abc.min.js", null, null)]
    [InlineData("/ABC", null, null)]
    [InlineData("/ab", null, null)]
    [InlineData("/api/websites", null, null)]
    [InlineData("/", null, null)]
    [InlineData("//abc", null, null)]
    [InlineData("", null, null)]
    [InlineData(null, null, null)]
    public void AliasIn_Paths_FindsTheWordAndWhatItStandsFor(string? path, string? alias, string? standsFor) =>
        Assert.Equal((alias, standsFor), ScriptAliasPaths.AliasIn(path) is { } found ? (found.Alias, found.Path) : (null, null));

    [Fact]
    public void New_Words_AreOfTheFormAndDiffer()
    {
        var words = Enumerable.Range(0, 1000).Select(_ => ScriptAlias.New()).ToList();
        Assert.All(words, word => Assert.True(word.Length == 8 && ScriptAlias.IsWord(word)));
        Assert.Equal(1000, words.Distinct().Count());
    }

    private async Task<(Account Account, NewSite Site, string Alias)> NewSiteAsync()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        return (account, site, await app.ValueAsync<string>($"SELECT script_alias FROM websites WHERE id = '{site.Id}'"));
    }

    private async Task<HttpResponseMessage> CollectAsync(string path, string key, string eventId)
    {
        using var client = app.Anonymous();
        using var content = new StringContent($$"""{"apiKey":"{{key}}","events":[{"event_id":"{{eventId}}","event_type":"lead"} ]} """, Encoding.UTF8, "text/plain");
        return await client.PostAsync(path, content);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "ClarityTracking.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }
}
