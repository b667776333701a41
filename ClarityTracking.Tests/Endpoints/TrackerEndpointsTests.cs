using System.IO.Compression;
using System.Net;
using System.Text;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>The app with files of a known text beside the core that was built.</summary>
public sealed class TrackerApp : AppFixture
{
    public const string Auto = "/* auto */ (() => {})()", LaterVersion = "abc123";
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("clarity-web-root");

    /// <summary>The core as it was built.</summary>
    public string Core { get; private set; } = "";

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        var environment = Services.GetRequiredService<IWebHostEnvironment>();
        using (var reader = new StreamReader(environment.WebRootFileProvider.GetFileInfo("tracker/t.js").CreateReadStream()))
            Core = await reader.ReadToEndAsync();
        var tracker = _root.CreateSubdirectory("tracker").FullName;
        await File.WriteAllTextAsync(Path.Combine(tracker, "t.js"), Core);
        await File.WriteAllTextAsync(Path.Combine(tracker, "auto.js"), Auto);
        await File.WriteAllTextAsync(Path.Combine(tracker, "later-files.version"), LaterVersion);
        environment.WebRootFileProvider = new PhysicalFileProvider(_root.FullName); // read at the first request for a script
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _root.Delete(recursive: true);
    }
}

/// <summary>The snippet's files over HTTP: which, how long they may be kept, how they are packed.</summary>
public sealed class TrackerEndpointsTests(TrackerApp app) : IClassFixture<TrackerApp>
{
    private const string Short = "public, max-age=3600, stale-while-revalidate=86400", Long = "public, max-age=31536000, immutable";

    [Theory]
    [InlineData("/t.js", Short)]
    [InlineData("/trackingscript.js", Short)]
    [InlineData("/trackingLeads.js", Short)]
    [InlineData("/t/auto.js?v=abc123", Long)]
    [InlineData("/t/auto.js?v=older", Short)]
    [InlineData("/t/auto.js", Short)]
    [InlineData("/api/conversions/script", "public, max-age=3600")]
    public async Task Script_Asked_HasItsLifeAndMayBeUsedByAnyPage(string path, string life)
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Origin", "https://shop.example.com" } } };
        using var answer = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/javascript", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal(life.Split(", ").Order(), answer.Headers.CacheControl!.ToString().Split(", ").Order());
        Assert.Equal("*", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Contains("Accept-Encoding", answer.Headers.Vary);
    }

    [Fact]
    public async Task Files_Asked_AreWhatWasBuilt()
    {
        using var client = app.Anonymous();
        Assert.Equal(app.Core, await client.GetStringAsync("/t.js"));
        Assert.Equal(TrackerApp.Auto, await client.GetStringAsync("/t/auto.js?v=abc123"));
        var campaign = await client.GetStringAsync("/api/conversions/script");
        Assert.EndsWith(app.Core, campaign, StringComparison.Ordinal);
        Assert.Contains("window.CampaignTracker", campaign[..^app.Core.Length], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_OfAnEarlierRelease_IsTheCurrentOneForAShortTime()
    {
        using var client = app.CreateClient();
        using var answer = await client.GetAsync("/t/000000000000.js");
        Assert.Equal(app.Core, await answer.Content.ReadAsStringAsync());
        Assert.Equal(TimeSpan.FromHours(1), answer.Headers.CacheControl!.MaxAge);
    }

    [Theory]
    [InlineData("/t/nothing.js")]
    [InlineData("/t/t.js")]
    [InlineData("/t/later-files.js")]
    [InlineData("/t/00000000000.js")]
    [InlineData("/t/..%2Ft.js")]
    [InlineData("/t/auto")]
    [InlineData("/nobody.js")]
    [InlineData("/nobody")]
    public async Task Path_OfNoFile_IsNotFound(string path)
    {
        using var client = app.Anonymous();
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task Core_UnderItsVersion_IsKeptForAYear()
    {
        using var client = app.Anonymous();
        var version = (await client.GetAsync("/t.js")).Headers.ETag!.Tag.Trim('"');
        using var answer = await client.GetAsync($"/t/{version}.js");
        Assert.Equal(app.Core, await answer.Content.ReadAsStringAsync());
        Assert.Contains("immutable", answer.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip")]
    public async Task Script_Packed_UnfoldsToTheSame(string encoding)
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/t.js") { Headers = { { "Accept-Encoding", encoding } } };
        using var answer = await client.SendAsync(request);
        Assert.Equal(encoding, Assert.Single(answer.Content.Headers.ContentEncoding));
        await using var packed = await answer.Content.ReadAsStreamAsync();
        await using Stream plain = encoding == "br" ? new BrotliStream(packed, CompressionMode.Decompress) : new GZipStream(packed, CompressionMode.Decompress);
        using var reader = new StreamReader(plain, Encoding.UTF8);
        Assert.Equal(app.Core, await reader.ReadToEndAsync());
    }

    [Theory]
    [InlineData("/t.js")]
    [InlineData("/t/auto.js?v=abc123")]
    public async Task Script_KnownAlready_IsNotSentAgain(string path)
    {
        using var client = app.Anonymous();
        var first = await client.GetAsync(path);
        using var again = new HttpRequestMessage(HttpMethod.Get, path);
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        var answer = await client.SendAsync(again);
        Assert.Equal((HttpStatusCode.NotModified, 0), (answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync()).Length));

        var head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
        Assert.Equal((HttpStatusCode.OK, first.Content.Headers.ContentLength), (head.StatusCode, head.Content.Headers.ContentLength));
    }
}
