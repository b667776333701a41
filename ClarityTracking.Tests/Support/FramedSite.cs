using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// A customer's website on an origin of its own, with the snippet and with what other senders embed into it. The senders' real addresses
/// are answered by doubles inside the browser, so that every origin is the true one; no other host is ever reached.
/// </summary>
public sealed partial class FramedSite : IAsyncDisposable
{
    private readonly WebApplication _host;
    private readonly AppFixture _app;
    private readonly Account _account;
    private readonly NewSite _website;
    private readonly List<(Regex Address, string Type, string Content)> _doubles = [];
    private int _markers;

    private FramedSite(WebApplication host, AppFixture app, Account account, NewSite website, string attributes) =>
        (_host, _app, _account, _website, Attributes) = (host, app, account, website, attributes);

    /// <summary>The website's address by the name <c>localhost</c>.</summary>
    public string Url => AddressOf("localhost");

    /// <summary>More attributes of the snippet's tag.</summary>
    public string Attributes { get; set; }

    /// <summary>What stands in the head in front of the snippet, and in the body, by path; other paths are empty pages.</summary>
    public Dictionary<string, (string Head, string Body)> Pages { get; } = [];

    /// <summary>Requests to the doubles, in order.</summary>
    public ConcurrentQueue<Uri> Requests { get; } = [];

    /// <summary>Addresses of this website's pages as they were asked for, in order.</summary>
    public ConcurrentQueue<Uri> Visits { get; } = [];

    /// <param name="attributes">More attributes of the snippet's tag.</param>
    public static async Task<FramedSite> StartAsync(AppFixture app, string attributes = "")
    {
        var account = await app.RegisterAsync();
        var website = await app.CreateWebsiteAsync(account);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var site = new FramedSite(builder.Build(), app, account, website, attributes);
        site._host.MapFallback((HttpContext http) =>
        {
            site.Visits.Enqueue(new Uri(http.Request.GetEncodedUrl()));
            return Results.Text(site.Render(http.Request.Path), "text/html");
        });
        await site._host.StartAsync();
        return site;
    }

    /// <summary>The same website by another name of this machine, such as <c>shop.localhost</c>.</summary>
    public string AddressOf(string host) => _host.Urls.First().Replace("127.0.0.1", host, StringComparison.Ordinal);

    /// <summary>Answers every address that matches.</summary>
    public FramedSite Answer(string address, string content, string type = "text/html")
    {
        _doubles.Add((new Regex(address), type, content));
        return this;
    }

    /// <summary>Opens a page and waits until the core, and the file named, are there.</summary>
    public async Task<IPage> OpenAsync(Browser browser, string file, string path = "/")
    {
        var page = await browser.NewPageAsync();
        await page.Context.RouteAsync("**/*", RouteAsync);
        await page.GotoAsync(path.StartsWith('/') ? Url + path : path);
        await LoadAsync(page, file);
        return page;
    }

    /// <summary>Loads a file of the snippet into the page that is shown now.</summary>
    public static async Task LoadAsync(IPage page, string file)
    {
        await page.WaitForFunctionAsync("() => window.ClarityTracking?._?.load");
        await page.EvaluateAsync(
            """
            file => new Promise((done, fail) => {
              ClarityTracking._.load(file);
              const script = [...document.scripts].find((one) => one.src.includes(`/t/${file}.js`));
              script.addEventListener("load", done);
              script.addEventListener("error", () => fail(new Error(file + ".js could not be loaded")));
              // another file had loaded it before
              if (performance.getEntriesByName(script.src).length) setTimeout(done, 200);
            })
            """, file);
    }

    /// <summary>The stored events with one of these names, oldest first, after all that the page has recorded until now has been stored.</summary>
    public async Task<List<JsonElement>> StoredAsync(IPage page, params string[] names)
    {
        using var client = _app.ClientFor(_account);
        // requests may overtake one another: the first mark makes sure of what was on its way, the second of what waited
        await MarkAsync(page, client);
        await MarkAsync(page, client);
        List<JsonElement> found = [];
        foreach (var item in (await ListAsync(client)).Where(item => names.Contains(item.GetProperty("name").GetString())))
        {
            var path = $"/api/websites/{_website.Id}/events/{item.GetProperty("id").GetGuid()}";
            found.Add((await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("event"));
        }
        found.Reverse();
        return found;
    }

    /// <summary>The email that a stored event knows.</summary>
    public async Task<string?> EmailOfAsync(JsonElement stored)
    {
        using var client = _app.ClientFor(_account);
        var answer = await client.PostAsync($"/api/websites/{_website.Id}/events/{stored.GetProperty("id").GetGuid()}/reveal", null);
        return (await AppFixture.JsonOf(answer)).GetProperty("personal").GetProperty("user").GetProperty("email")[0].GetString();
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private async Task MarkAsync(IPage page, HttpClient client)
    {
        var mark = $"mark-{_markers++}";
        await page.EvaluateAsync("mark => { ClarityTracking.track('mark', { eventId: mark }); ClarityTracking.sendData(); }", mark);
        for (var i = 0; i < 200; i++)
        {
            if ((await ListAsync(client)).Any(item => item.GetProperty("eventId").GetString() == mark))
                return;
            await Task.Delay(50);
        }
        throw new Xunit.Sdk.XunitException($"{mark} was never stored.");
    }

    private async Task<List<JsonElement>> ListAsync(HttpClient client) =>
        [.. (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{_website.Id}/events?limit=100"))).GetProperty("items").EnumerateArray()];

    private string Render(string path)
    {
        var (head, body) = Pages.GetValueOrDefault(path);
        return $"""
            <!doctype html><html><head><title>Salon</title>{head}
            <script async src="{_app.Url}/t.js" data-apikey="{_website.PublishableKey}" {Attributes}></script></head><body>{body}</body></html>
            """;
    }

    private async Task RouteAsync(IRoute route)
    {
        var address = new Uri(route.Request.Url);
        if (LaterFile().Match(address.AbsolutePath) is { Success: true } later && File.Exists(Built(later.Groups[1].Value)))
            await route.FulfillAsync(new() { Path = Built(later.Groups[1].Value), ContentType = "text/javascript" });
        else if (address.Host is "localhost" or "127.0.0.1" || address.Host.EndsWith(".localhost", StringComparison.Ordinal))
            await route.ContinueAsync();
        else
        {
            Requests.Enqueue(address);
            if (_doubles.FirstOrDefault(one => one.Address.IsMatch(address.AbsoluteUri)) is { Content: { } content } found)
                await route.FulfillAsync(new() { Body = content, ContentType = found.Type });
            else
                await route.AbortAsync();
        }
    }

    /// <summary>The path of a file of the snippet as it is shipped.</summary>
    public static string Built(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "wwwroot-tracker")))
                return Path.Combine(folder.FullName, "ClarityTracking.Web", "wwwroot", "tracker", name + ".js");
        throw new InvalidOperationException("The repository was not found above " + AppContext.BaseDirectory);
    }

    [GeneratedRegex("^/t/([a-z]+)\\.js$")]
    private static partial Regex LaterFile();
}
