using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Support;

/// <summary>A real HTTP server in a platform's place: keeps what it was sent, answers what it was told to.</summary>
public sealed class Upstream : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Upstream(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>What it was sent, oldest first.</summary>
    public ConcurrentQueue<(string PathAndQuery, string Body)> Seen { get; } = new();

    /// <summary>What it answers next; Meta's "taken" by default.</summary>
    public (int Status, string Body) Answer { get; set; } = (200, """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""");

    /// <summary>Answers by what was sent; wins over <see cref="Answer"/>. The last value is a Retry-After in seconds.</summary>
    public Func<string, (int Status, string Body, int? RetryAfter)>? Respond { get; set; }

    /// <summary>Answers by address and body, as late as it likes; wins over the others.</summary>
    public Func<string, string, Task<(int Status, string Body, int? RetryAfter)>>? RespondAsync { get; set; }

    public static async Task<Upstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var upstream = new Upstream(builder.Build());
        upstream._app.MapFallback(async (HttpContext http) =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var body = await reader.ReadToEndAsync();
            upstream.Seen.Enqueue((http.Request.Path + http.Request.QueryString, body));
            var (status, answer, retryAfter) = upstream.RespondAsync is { } respond ? await respond(http.Request.Path + http.Request.QueryString, body) : upstream.Respond?.Invoke(body) ?? (upstream.Answer.Status, upstream.Answer.Body, null);
            if (retryAfter is { } seconds)
                http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return Results.Text(answer, "application/json", statusCode: status);
        });
        await upstream._app.StartAsync();
        return upstream;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

/// <summary>The app with a server in Meta's place.</summary>
public sealed class AppWithMeta : AppFixture
{
    private Upstream? _meta;

    /// <summary>The server in Meta's place.</summary>
    public Upstream Meta => _meta!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Destinations:Meta:BaseUrl"] = Meta.Url };

    public override async Task InitializeAsync()
    {
        _meta = await Upstream.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Meta.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The app with one server in the place of Meta, Pinterest and Tinybird, and a clock that can be put forward.</summary>
public sealed class AppWithPlatform : AppFixture
{
    private Upstream? _platform;

    /// <summary>The server in the platforms' place.</summary>
    public Upstream Platform => _platform!;

    /// <summary>The app's clock.</summary>
    public ShiftedClock Clock { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Destinations:Meta:BaseUrl"] = Platform.Url,
        ["Destinations:Tinybird:BaseUrl"] = Platform.Url,
        ["Destinations:Pinterest:BaseUrl"] = Platform.Url,
    };

    public override async Task InitializeAsync()
    {
        _platform = await Upstream.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Platform.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock));
    }
}

/// <summary>The system's clock, put forward.</summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _ahead;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _ahead));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, by.Ticks);
}

/// <summary>Waiting for what happens soon.</summary>
public static class Eventually
{
    /// <summary>Asks again and again until the answer is not null; fails after ten seconds.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> ask, string what) where T : struct
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!patience.IsCancellationRequested)
        {
            if (await ask() is { } answer)
                return answer;
            await Task.Delay(50);
        }
        throw new TimeoutException($"Waited ten seconds for {what}.");
    }
}
