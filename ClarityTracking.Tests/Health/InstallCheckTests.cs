using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Health.InstallCheck;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Tests.Health;

/// <summary>Checks of local websites over real HTTP in a real Chromium, and of the same as they are sent.</summary>
public sealed class InstallCheckTests(CheckApp app) : IClassFixture<CheckApp>
{
    [Fact]
    public async Task GoodPage_PassesLineByLine_AndItsEventIsATest()
    {
        var site = await SiteAsync(s => $"""
            <!doctype html><head>{s.Tag}<script>window.Klaro = 1; window.klaro = {'{'}{'}'};</script>
            <script>fbq = function () {'{'}{'}'}; fbq('init', '1234567890123'); gtag = fbq; gtag('config', 'AW-99887766');</script>
            <!-- GTM-AB12CD --></head><h1>Shop</h1>
            """);
        var check = await CheckAsync(site, "/page");
        Assert.True(check.GetProperty("byBrowser").GetBoolean(), check.ToString());
        Assert.Equal("page=pass snippet=pass key=pass script=pass connect=pass event=pass consent=pass pixels=info tag_manager=info", Kinds(check));
        Assert.Contains("Klaro", What(check, "consent"), StringComparison.Ordinal);
        Assert.Contains("Meta (1234567890123), Google (AW-99887766)", What(check, "pixels"), StringComparison.Ordinal);
        Assert.Contains("marked as a test", What(check, "event"), StringComparison.Ordinal);
        Assert.True(await app.ValueAsync<bool>($"SELECT bool_and(is_test) FROM events WHERE website_id = '{site.Site.Id}'"));
        Assert.Contains(site.Agents, a => a.StartsWith("Mozilla/5.0", StringComparison.Ordinal) && a.EndsWith(" ClarityTrackingCheck/1.0", StringComparison.Ordinal));
        Assert.DoesNotContain(site.Agents, a => a.Contains("Headless", StringComparison.Ordinal));
        // the same without a browser says what it could not see
        var fetched = await SightAsync(site, "/page");
        Assert.Equal("page=pass snippet=pass key=pass script=pass connect=pass event=info consent=warn pixels=info tag_manager=info", Kinds(fetched));
    }

    [Theory]
    [InlineData("missing", "snippet=fail", "not in the page")]
    [InlineData("wrong-key", "key=fail", "unknown or was revoked")]
    [InlineData("other-key", "key=fail", "another website's")]
    [InlineData("twice", "snippet=warn", "2 times")]
    [InlineData("gone", "page=fail", "HTTP 404")]
    public async Task WrongPage_NamesCauseAndFix(string page, string finding, string words)
    {
        var (mine, other) = (await SiteAsync(_ => ""), await SiteAsync(_ => ""));
        mine.Pages["/missing"] = "<!doctype html><title>x</title><h1>No tag here</h1>";
        mine.Pages["/wrong-key"] = mine.Tag.Replace(mine.Site.PublishableKey, "pk_live_00000000000000000000000000", StringComparison.Ordinal);
        mine.Pages["/other-key"] = mine.Tag.Replace(mine.Site.PublishableKey, other.Site.PublishableKey, StringComparison.Ordinal);
        mine.Pages["/twice"] = mine.Tag + mine.Tag;
        var check = await CheckAsync(mine, "/" + page);
        Assert.Contains(finding, Kinds(check), StringComparison.Ordinal);
        var (key, line) = (finding.Split('=')[0], Line(check, finding.Split('=')[0]));
        Assert.Contains(words, What(check, key), StringComparison.Ordinal);
        Assert.NotEqual("", line.GetProperty("fix").GetString());
        if (page == "wrong-key")
            Assert.Contains("event=fail", Kinds(check), StringComparison.Ordinal);
        Assert.Contains(finding, Kinds(await SightAsync(mine, "/" + page)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("script-src 'self'; connect-src *", "script=fail", "script-src")]
    [InlineData("connect-src 'self'", "connect=fail", "connect-src")]
    [InlineData("default-src 'none'", "script=fail", "script-src")]
    public async Task ContentSecurityPolicy_IsNamedWithTheDirectives(string policy, string finding, string directive)
    {
        var site = await SiteAsync(s => s.Tag);
        site.Headers["Content-Security-Policy"] = policy;
        foreach (var check in new[] { await CheckAsync(site, "/page"), await SightAsync(site, "/page") })
        {
            Assert.Contains(finding, Kinds(check), StringComparison.Ordinal);
            var line = Line(check, finding.Split('=')[0]);
            Assert.Contains(directive, line.GetProperty("what").GetString(), StringComparison.Ordinal);
            Assert.Equal($"script-src {app.Url.TrimEnd('/')}; connect-src {app.Url.TrimEnd('/')}", line.GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task Robots_ThatForbid_AreObeyed()
    {
        var site = await SiteAsync(s => s.Tag);
        site.Pages["/robots.txt"] = "User-agent: *\nAllow: /\n\nUser-agent: clarityTrackingCheck\nDisallow: /page";
        var check = await CheckAsync(site, "/page");
        Assert.Equal("page=fail", Kinds(check));
        Assert.Contains("robots.txt", What(check, "page"), StringComparison.Ordinal);
        Assert.DoesNotContain("/page", site.Asked);
    }

    [Fact]
    public async Task SlowOrHugePage_EndsWithinItsBounds()
    {
        var site = await SiteAsync(s => s.Tag);
        var fetch = new PageFetch(Networks()) { TimeLimit = TimeSpan.FromSeconds(2) };
        Assert.Contains("did not answer within 2 seconds", (await fetch.GetAsync(new Uri(site.Url + "/slow"), CancellationToken.None)).Trouble, StringComparison.Ordinal);
        var browser = new PageBrowser(Networks(), Configuration()) { PageLimit = TimeSpan.FromSeconds(4) };
        var slow = await browser.LookAsync(browser.Find()!, new Uri(site.Url + "/slow"), _ => false, CancellationToken.None);
        Assert.Contains("did not answer in time", slow.Trouble, StringComparison.Ordinal);

        var huge = await new PageFetch(Networks()).GetAsync(new Uri(site.Url + "/huge"), CancellationToken.None);
        Assert.True(huge.IsCut && huge.Html.Length <= 2 * 1024 * 1024);
        var cut = await LookAsync(site, "/huge", Networks());
        Assert.True(cut.IsCut || cut.Trouble is not null);
    }

    /// <summary>The site is let through, its neighbour on this machine is not: neither by redirect, nor as a script of the page.</summary>
    [Fact]
    public async Task PrivateNetwork_IsRefused_AlsoBehindARedirectAndInsideThePage()
    {
        var (site, neighbour) = (await SiteAsync(s => s.Tag), await SiteAsync(_ => "secret"));
        site.Pages["/inside"] = $"<!doctype html><h1>Shop</h1><script src=\"{neighbour.Url}/page\"></script><iframe src=\"{neighbour.Url.Replace("localhost", "127.0.0.1", StringComparison.Ordinal)}/page\"></iframe>";
        site.Redirects["/away"] = neighbour.Url + "/page";
        var port = new Uri(site.Url).Port;
        var networks = new PublicNetworks(new ConfigurationBuilder().Build()) { Exempt = (_, p) => p == port };
        Assert.Contains("private network", (await new PageFetch(networks).GetAsync(new Uri(site.Url + "/away"), CancellationToken.None)).Trouble, StringComparison.Ordinal);
        Assert.Contains("private network", (await LookAsync(site, "/away", networks)).Trouble, StringComparison.Ordinal);
        var inside = await LookAsync(site, "/inside", networks);
        Assert.Null(inside.Trouble);
        Assert.Contains("<h1>Shop</h1>", inside.Html, StringComparison.Ordinal);
        Assert.Empty(neighbour.Asked);
        Assert.Null((await LookAsync(site, "/away", Networks())).Trouble); // the operator may lift it
    }

    /// <summary>Pages are strangers': without its sandbox no browser opens them, unless the operator says so.</summary>
    [Fact]
    public async Task AsRoot_PagesAreOnlyFetched_AndTheNoteSaysWhy()
    {
        var site = await SiteAsync(s => s.Tag);
        var configuration = (IConfiguration)app.Services.GetService(typeof(IConfiguration))!;
        configuration["Clarity:InstallCheck:AllowUnsandboxed"] = "no";
        try
        {
            var check = await CheckAsync(site, "/page");
            var isRoot = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess;
            Assert.Equal(!isRoot, check.GetProperty("byBrowser").GetBoolean());
            if (isRoot)
                Assert.Contains("as root", check.GetProperty("note").GetString(), StringComparison.Ordinal);
            Assert.Contains("snippet=pass key=pass", Kinds(check), StringComparison.Ordinal);
        }
        finally
        {
            configuration["Clarity:InstallCheck:AllowUnsandboxed"] = "true";
        }
    }

    /// <summary>Who calls chooses the host of the request: it must not become code that others paste.</summary>
    [Fact]
    public async Task HostOfTheRequest_IsNeitherStoredNorShown()
    {
        var site = await SiteAsync(_ => "<!doctype html><h1>No tag</h1>");
        using var client = app.ClientFor(site.Account);
        var path = $"/api/websites/{site.Site.Id}/install-check";
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(new { url = site.Url + "/page" }) };
        request.Headers.Host = "evil.example.com";
        Assert.Equal(HttpStatusCode.Accepted, (await client.SendAsync(request)).StatusCode);
        var check = await EndAsync(client, path);
        Assert.Equal(JsonValueKind.Null, Line(check, "snippet").GetProperty("code").ValueKind);
        Assert.DoesNotContain("evil", check.ToString(), StringComparison.Ordinal);
        Assert.Equal("", await app.ValueAsync<string>($"SELECT origin FROM install_checks WHERE website_id = '{site.Site.Id}'"));
    }

    [Fact]
    public async Task SwitchedOff_WhatWasAskedForBefore_Waits()
    {
        var site = await SiteAsync(_ => "");
        var configuration = (IConfiguration)app.Services.GetService(typeof(IConfiguration))!;
        using var client = app.ClientFor(site.Account);
        configuration["Clarity:InstallCheck:Enabled"] = "false";
        try
        {
            await app.RunAsync($"""
                INSERT INTO install_checks (workspace_id, website_id, id, status, url, origin, next_at, created_by, created_at)
                VALUES ('{site.Site.WorkspaceId}', '{site.Site.Id}', gen_random_uuid(), 'queued', '{site.Url}/page', '', now(), 'x', now())
                """);
            await Task.Delay(TimeSpan.FromSeconds(6)); // longer than the worker sleeps
            Assert.Equal("queued", await app.ValueAsync<string>($"SELECT status FROM install_checks WHERE website_id = '{site.Site.Id}'"));
        }
        finally
        {
            configuration["Clarity:InstallCheck:Enabled"] = "true";
        }
        Assert.Equal("done", (await EndAsync(client, $"/api/websites/{site.Site.Id}/install-check")).GetProperty("status").GetString());
    }

    /// <summary>A page can answer the look at it with a text of any length.</summary>
    [Fact]
    public async Task PageThatTellsTooMuch_EndsTheLookByName()
    {
        var site = await SiteAsync(_ => "<!doctype html><script>var much = 'x'.repeat(20 << 20); JSON.stringify = function () { return much; };</script>");
        var sight = await LookAsync(site, "/page", Networks());
        Assert.Contains("larger than the check takes in", sight.Trouble, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("facebook.com/tr?&")]
    [InlineData("<!--")]
    [InlineData("<script ")]
    [InlineData("<script>")]
    [InlineData("<script src=a>")]
    [InlineData("<meta content-security-policy content=")]
    [InlineData("analytics.tiktok.com/&sdkid=")]
    [InlineData("bat.bing.com/?ti=ct.pinterest.com/tid=linkedin.com/collect?&fbq( 'init' , ")]
    public async Task HostilePage_IsDiagnosedWithinSeconds(string repeated)
    {
        var html = new StringBuilder(PageFetch.MostBytes);
        while (html.Length + repeated.Length <= PageFetch.MostBytes)
            html.Append(repeated);
        var sight = new PageSight { Url = new Uri("https://shop.example.com/"), Status = 200, Html = html.ToString() };
        var site = new DiagnosedWebsite(Guid.NewGuid(), "shop.example.com", "word", "https://t.example.com", _ => Task.FromResult<Core.Ingestion.Validate.KeyOwner?>(null));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.NotEmpty(await InstallDiagnosis.OfAsync(sight, site, null));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{repeated}: {watch.Elapsed}");
    }

    [Fact]
    public void HostileRobotsTxt_IsReadWithinSeconds()
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var stars = "User-agent: *\n" + string.Concat(Enumerable.Repeat("Disallow: /" + string.Concat(Enumerable.Repeat("*a", 200)) + "b$\n", 1200));
        Assert.True(RobotsTxt.Allows(stars, "ClarityTrackingCheck", "/" + new string('a', 2000)));
        Assert.True(RobotsTxt.Allows(string.Concat(Enumerable.Repeat("User-agent: x\n", 20_000)) + string.Concat(Enumerable.Repeat("Disallow: /\n", 18_000)), "ClarityTrackingCheck", "/a"));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), watch.Elapsed.ToString());
    }

    [Fact]
    public async Task Start_WhatCannotBe_IsRefused()
    {
        var site = await SiteAsync(_ => "");
        using var client = app.ClientFor(site.Account);
        var path = $"/api/websites/{site.Site.Id}/install-check";
        foreach (var url in new[] { "https://evil.example.com/", "file:///etc/passwd", "//evil.example.com/", "http://user@localhost/", "not an address" })
            Assert.Equal("validation_failed", (await AppFixture.ProblemOf(await client.PostAsJsonAsync(path, new { url }), 422)).GetProperty("code").GetString());
        Assert.Equal(JsonValueKind.Null, (await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("check").ValueKind);
        using var stranger = app.ClientFor(await app.RegisterAsync());
        await AppFixture.ProblemOf(await stranger.PostAsJsonAsync(path, new { }), 404);
        await AppFixture.ProblemOf(await stranger.GetAsync(path), 404);
    }

    [Theory]
    [InlineData("", "/a", true)]
    [InlineData("User-agent: *\nDisallow: /", "/a", false)]
    [InlineData("User-agent: *\nDisallow:", "/a", true)]
    [InlineData("User-agent: *\nDisallow: /\nUser-agent: ClarityTrackingCheck\nAllow: /", "/a", true)]
    [InlineData("User-agent: *\nDisallow: /shop\nAllow: /shop/open", "/shop/open/1", true)]
    [InlineData("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", false)]
    [InlineData("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?x", true)]
    [InlineData("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?x.pdf", false)]
    [InlineData("User-agent: *\nDisallow: /a*b*b$", "/ab", true)]
    [InlineData("User-agent: *\nDisallow: /a*b*b$", "/axbb", false)]
    [InlineData("User-agent: *\nDisallow: /a$", "/a/b", true)]
    [InlineData("User-agent: other\nUser-agent: ClarityTrackingCheck # us\nDisallow: /a", "/a", false)]
    public void RobotsTxt_LongestRuleOfOurGroupWins(string text, string path, bool allowed) => Assert.Equal(allowed, RobotsTxt.Allows(text, "ClarityTrackingCheck", path));

    [Theory]
    [InlineData("default-src 'self'", "https://t.example.com/t.js", false)]
    [InlineData("default-src 'self'", "https://shop.example.com/t.js", true)]
    [InlineData("script-src https:", "https://t.example.com/t.js", true)]
    [InlineData("script-src *.example.com", "https://t.example.com/t.js", true)]
    [InlineData("script-src t.example.com/other.js", "https://t.example.com/t.js", false)]
    [InlineData("script-src https://t.example.com:8443", "https://t.example.com/t.js", false)]
    [InlineData("script-src 'none'; script-src-elem t.example.com", "https://t.example.com/t.js", true)]
    [InlineData("script-src 'nonce-abc' 'strict-dynamic'", "https://t.example.com/t.js", null)]
    [InlineData("img-src 'self'", "https://t.example.com/t.js", true)]
    public void PagePolicy_SaysWhetherTheScriptMayLoad(string policy, string script, bool? allowed) =>
        Assert.Equal(allowed, PagePolicy.Allows(policy, ["script-src-elem", "script-src"], new Uri(script), new Uri("https://shop.example.com/")));

    private static async Task<PageSight> LookAsync(CheckSite site, string path, PublicNetworks networks)
    {
        var browser = new PageBrowser(networks, Configuration()) { SnippetLimit = TimeSpan.FromSeconds(1) };
        return await browser.LookAsync(browser.Find()!, new Uri(site.Url + path), _ => false, CancellationToken.None);
    }

    private static IConfiguration Configuration() => new ConfigurationBuilder().AddInMemoryCollection([new("Clarity:InstallCheck:AllowUnsandboxed", "true")]).Build();

    private static PublicNetworks Networks() => new(new ConfigurationBuilder().AddInMemoryCollection([new("Clarity:AllowPrivateNetworks", "true")]).Build());

    private Task<CheckSite> SiteAsync(Func<CheckSite, string> page) => CheckSite.StartAsync(app, page);

    /// <summary>Asks for a check and waits for its end.</summary>
    private async Task<JsonElement> CheckAsync(CheckSite site, string path)
    {
        using var client = app.ClientFor(site.Account);
        var api = $"/api/websites/{site.Site.Id}/install-check";
        Assert.Equal(HttpStatusCode.Accepted, (await client.PostAsJsonAsync(api, new { url = site.Url + path })).StatusCode);
        return await EndAsync(client, api);
    }

    private static async Task<JsonElement> EndAsync(HttpClient client, string api)
    {
        for (var i = 0; i < 1200; i++)
        {
            var check = (await AppFixture.JsonOf(await client.GetAsync(api))).GetProperty("check");
            if (check.GetProperty("status").GetString() is "done" or "failed")
                return check;
            await Task.Delay(100);
        }
        Assert.Fail("The check did not end: " + await client.GetStringAsync(api));
        return default;
    }

    /// <summary>The same without a browser, as the API would tell it.</summary>
    private async Task<JsonElement> SightAsync(CheckSite site, string path)
    {
        var sight = await new PageFetch(Networks()).GetAsync(new Uri(site.Url + path), CancellationToken.None);
        var keys = (Core.Ingestion.Validate.KeyDirectory)app.Services.GetService(typeof(Core.Ingestion.Validate.KeyDirectory))!;
        var findings = await InstallDiagnosis.OfAsync(sight, new DiagnosedWebsite(site.Site.Id, "localhost", site.Site.ScriptAlias, app.Url.TrimEnd('/'), keys.FindAsync), null);
        return JsonSerializer.SerializeToElement(new { findings = findings.Select(f => new { key = f.Key, kind = Core.Data.EnumText.Word(f.Kind), what = f.What, fix = f.Fix ?? "", code = f.Code }) });
    }

    private static string Kinds(JsonElement check) => string.Join(' ', check.GetProperty("findings").EnumerateArray().Select(f => $"{f.GetProperty("key").GetString()}={f.GetProperty("kind").GetString()}"));

    private static JsonElement Line(JsonElement check, string key) => check.GetProperty("findings").EnumerateArray().First(f => f.GetProperty("key").GetString() == key);

    private static string What(JsonElement check, string key) => Line(check, key).GetProperty("what").GetString()!;
}

/// <summary>The app, allowed to look at websites on this machine.</summary>
public sealed class CheckApp : AppFixture
{
    private readonly List<CheckSite> _sites = [];

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Clarity:AllowPrivateNetworks"] = "true",
        ["Clarity:InstallCheck:AllowUnsandboxed"] = "true", // tests may run as root, and their pages are their own
    };

    internal void Add(CheckSite site) => _sites.Add(site);

    public override async ValueTask DisposeAsync()
    {
        foreach (var site in _sites)
            await site.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A customer's website on a port of its own.</summary>
sealed class CheckSite(WebApplication web, Account account, NewSite site, string tag) : IAsyncDisposable
{
    public Account Account { get; } = account;

    public NewSite Site { get; } = site;

    public string Tag { get; } = tag;

    public string Url => web.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);

    public System.Collections.Concurrent.ConcurrentDictionary<string, string> Pages { get; } = new();

    public System.Collections.Concurrent.ConcurrentDictionary<string, string> Redirects { get; } = new();

    public System.Collections.Concurrent.ConcurrentDictionary<string, string> Headers { get; } = new();

    /// <summary>Paths that were asked for.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Asked { get; } = new();

    public System.Collections.Concurrent.ConcurrentQueue<string> Agents { get; } = new();

    public static async Task<CheckSite> StartAsync(CheckApp app, Func<CheckSite, string> page)
    {
        var account = await app.RegisterAsync();
        var website = await app.CreateWebsiteAsync(account);
        await app.RunAsync($"UPDATE websites SET domain = 'localhost' WHERE id = '{website.Id}'");
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var web = builder.Build();
        var site = new CheckSite(web, account, website, $"<script async src=\"{app.Url.TrimEnd('/')}/t.js\" data-apikey=\"{website.PublishableKey}\" data-interval-start=\"100\"></script>");
        web.Run(site.AnswerAsync);
        await web.StartAsync();
        app.Add(site);
        site.Pages["/page"] = page(site);
        return site;
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        Asked.Enqueue(path);
        Agents.Enqueue(http.Request.Headers.UserAgent.ToString());
        foreach (var (name, value) in Headers)
            http.Response.Headers[name] = value;
        if (Redirects.TryGetValue(path, out var to))
        {
            http.Response.Redirect(to);
            return;
        }
        http.Response.ContentType = path == "/robots.txt" ? "text/plain" : "text/html; charset=utf-8";
        if (path == "/slow")
            await Task.Delay(TimeSpan.FromSeconds(20), http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        if (path == "/huge")
        {
            var block = Encoding.ASCII.GetBytes("<p>" + new string('x', 64 * 1024 - 7) + "</p>");
            for (var i = 0; i < 1600 && !http.RequestAborted.IsCancellationRequested; i++)
                await http.Response.Body.WriteAsync(block);
            return;
        }
        if (!Pages.TryGetValue(path, out var body))
            http.Response.StatusCode = 404;
        await http.Response.WriteAsync(body ?? "nothing here");
    }

    public ValueTask DisposeAsync() => web.DisposeAsync();
}
