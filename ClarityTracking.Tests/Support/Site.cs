using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// A customer's website on an origin of its own: <c>/name</c> is the fixture <c>Tracker/Fixtures/name.html</c> with <c>{{snippet}}</c> replaced
/// by the tag of a real website of the app. Ask <see cref="Events"/> what the app has stored.
/// </summary>
public sealed class Site : IAsyncDisposable
{
    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "Tracker", "Fixtures");
    private readonly WebApplication _web;

    private Site(WebApplication web, StoredEvents events) => (_web, Events) = (web, events);

    /// <summary>The website's address, by the name <c>localhost</c>.</summary>
    public string Url => OtherUrl.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);

    /// <summary>The same server by its address: another host to browsers.</summary>
    public string OtherUrl => _web.Urls.First();

    /// <summary>What the app has stored of it.</summary>
    public StoredEvents Events { get; }

    /// <summary>Starts a website with an account of its own.</summary>
    /// <param name="app">Takes the events.</param>
    /// <param name="attributes">Of the tag, beside src and key.</param>
    /// <param name="headers">Of every page, such as a content security policy.</param>
    /// <param name="map">More paths; they come before the fixtures.</param>
    /// <param name="byAlias">The tag names the website's own script address.</param>
    public static async Task<Site> StartAsync(AppFixture app, string attributes = """data-interval-start="100" """,
        IReadOnlyDictionary<string, string>? headers = null, Action<WebApplication>? map = null, bool byAlias = false)
    {
        var owner = await app.RegisterAsync();
        var website = await app.CreateWebsiteAsync(owner);
        var snippet = $"""<script async src="{app.Url}/{(byAlias ? website.ScriptAlias : "t")}.js" data-apikey="{website.PublishableKey}" {attributes}></script>""";
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var web = builder.Build();
        var site = new Site(web, new StoredEvents(app, owner, website));
        web.Use((http, next) =>
        {
            foreach (var (name, value) in headers ?? new Dictionary<string, string>())
                http.Response.Headers[name] = value;
            return next(http);
        });
        map?.Invoke(web);
        web.MapMethods("/{name}", ["GET", "POST"], async (string name) =>
            File.Exists(FileOf(name))
                ? Results.Text((await File.ReadAllTextAsync(FileOf(name))).Replace("{{snippet}}", snippet, StringComparison.Ordinal)
                    .Replace("{{other}}", site.OtherUrl, StringComparison.Ordinal), "text/html; charset=utf-8")
                : Results.NotFound());
        await web.StartAsync();
        return site;

        static string FileOf(string name) => Path.Combine(Fixtures, Path.GetFileName(name) + ".html");
    }

    /// <summary>Opens a page and waits until the file of the snippet that the test is about has run.</summary>
    /// <param name="page">The visitor's.</param>
    /// <param name="path">With its query.</param>
    /// <param name="file">A lazy file's name without its ending.</param>
    public async Task VisitAsync(IPage page, string path, string file = "auto")
    {
        // a script's load event says that it has run
        await page.AddInitScriptAsync("""
            window.ran = {};
            document.addEventListener("load", (event) => {
              const name = /\/(\w+)\.js\b/.exec(event.target.src || "");
              if (name) ran[name[1]] = true;
            }, true);
            """);
        await page.GotoAsync(Url + path);
        await page.WaitForFunctionAsync("file => ran[file]", file);
    }

    public ValueTask DisposeAsync() => _web.DisposeAsync();
}

/// <summary>The stored rows of a website, through the app's own API.</summary>
public sealed class StoredEvents(AppFixture app, Account owner, NewSite website)
{
    /// <summary>The website whose rows these are.</summary>
    public NewSite Website { get; } = website;

    /// <summary>All events of this name, oldest first, as soon as there are at least so many; fails after ten seconds.</summary>
    public async Task<IReadOnlyList<JsonElement>> WaitForAsync(string name, int count)
    {
        using var client = app.ClientFor(owner);
        IReadOnlyList<JsonElement> rows = [];
        for (var patience = 0; patience < 100; patience++)
        {
            rows = await ListAsync(client, name);
            if (rows.Count >= count)
                break;
            await Task.Delay(100);
        }
        Assert.True(rows.Count >= count,
            $"Of {count} {name} events {rows.Count} were stored. All: {string.Join(", ", (await ListAsync(client, null)).Select(e => e.GetProperty("name")))}");
        var traces = new List<JsonElement>();
        foreach (var row in rows.OrderBy(e => e.GetProperty("occurredAt").GetDateTimeOffset()))
        {
            var trace = await client.GetAsync($"/api/websites/{Website.Id}/events/{row.GetProperty("id").GetGuid()}");
            traces.Add((await AppFixture.JsonOf(trace)).GetProperty("event"));
        }
        return traces;
    }

    /// <summary>The one event of this name.</summary>
    public async Task<JsonElement> OneAsync(string name) => Assert.Single(await WaitForAsync(name, 1));

    /// <summary>The events of this name now: none, if the test means that none may come.</summary>
    public async Task<int> CountAsync(string name)
    {
        using var client = app.ClientFor(owner);
        return (await ListAsync(client, name)).Count;
    }

    /// <summary>What of the person can be read again: the sealed data of a row. A JSON null when there is none.</summary>
    public async Task<JsonElement> RevealAsync(JsonElement stored)
    {
        using var client = app.ClientFor(owner);
        var answer = await client.PostAsync($"/api/websites/{Website.Id}/events/{stored.GetProperty("id").GetGuid()}/reveal", null);
        return (await AppFixture.JsonOf(answer)).GetProperty("personal");
    }

    private async Task<IReadOnlyList<JsonElement>> ListAsync(HttpClient client, string? name) =>
        [.. (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{Website.Id}/events?limit=100{(name is null ? "" : "&name=" + name)}")))
            .GetProperty("items").EnumerateArray()];
}
