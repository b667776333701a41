using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ClarityTracking.Tests.Support;

/// <summary>The app with a server in the places of all OAuth providers, a clock that can be put forward, and what it logs.</summary>
public sealed class AppWithOAuth : AppFixture
{
    private OAuthServer? _server;

    /// <summary>The server in the providers' place.</summary>
    public OAuthServer Provider => _server!;

    /// <summary>The clock of both.</summary>
    public ShiftedClock Clock { get; } = new();

    /// <summary>All that was logged, from debug on.</summary>
    public LogLines Log { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>(Provider.Settings())
    {
        ["Clarity:AllowPrivateNetworks"] = "true", // alerts go to a receiver on this machine
        ["Logging:LogLevel:Default"] = "Debug",
        ["Logging:LogLevel:System.Net.Http"] = "Trace",
    };

    public override async Task InitializeAsync()
    {
        _server = await OAuthServer.StartAsync();
        Provider.Clock = Clock;
        await base.InitializeAsync();
        Provider.RedirectUri = Url + "/api/v1/oauth/callback";
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Provider.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Begins a consent; where the person's browser goes.</summary>
    public static async Task<string> BeginAsync(HttpClient client, Guid websiteId, string provider, Guid? connectionId = null)
    {
        var begun = await JsonOf(await client.PostAsJsonAsync("/api/v1/oauth/connect",
            new { provider, websiteId, connectionId, shop = provider == "shopify" && connectionId is null ? "My-Shop" : null }));
        return begun.GetProperty("authorizeUrl").GetString()!;
    }

    /// <summary>The person decides at the provider; where they are sent back to, as path and query.</summary>
    public static async Task<string> DecideAsync(string authorizeUrl, string answer = "allow")
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var page = await http.GetAsync(authorizeUrl);
        var html = await page.Content.ReadAsStringAsync();
        Assert.True(page.IsSuccessStatusCode, $"{authorizeUrl}: {html}");
        var link = System.Text.RegularExpressions.Regex.Match(html, $"/[a-z]+/decide/[^\"]+/{answer}").Value;
        using var decided = await http.GetAsync(new Uri(new Uri(authorizeUrl), link));
        return decided.Headers.Location!.PathAndQuery;
    }

    /// <summary>The whole way; the connection's id.</summary>
    public static async Task<Guid> ConnectAsync(HttpClient client, Guid websiteId, string provider, Guid? connectionId = null)
    {
        var back = await DecideAsync(await BeginAsync(client, websiteId, provider, connectionId));
        return (await JsonOf(await client.GetAsync(back))).GetProperty("connectionId").GetGuid();
    }

    /// <summary>What is sealed in the database for a connection.</summary>
    public async Task<JsonElement> CredentialsAsync(Guid connectionId)
    {
        var workspace = await ValueAsync<Guid>($"SELECT workspace_id FROM connections WHERE id = '{connectionId}'");
        var sealedBytes = await ValueAsync<byte[]>($"SELECT credentials FROM connections WHERE id = '{connectionId}'");
        return JsonElement.Parse(Services.GetRequiredService<SecretProtector>().Open("credentials", workspace, connectionId, sealedBytes));
    }

    /// <summary>The one connected account of a website as the API tells it.</summary>
    public static async Task<JsonElement> StatusAsync(HttpClient client, Guid websiteId) =>
        Assert.Single((await JsonOf(await client.GetAsync($"/api/v1/oauth/status?websiteId={websiteId}"))).GetProperty("items").EnumerateArray().ToList());

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock).AddSingleton<ILoggerProvider>(Log));
    }
}

/// <summary>Keeps log lines with their exceptions.</summary>
public sealed class LogLines : ILoggerProvider
{
    /// <summary>Oldest first.</summary>
    public ConcurrentQueue<string> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose() { }

    private sealed class Logger(LogLines lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Lines.Enqueue($"{formatter(state, exception)} {exception}");
    }
}
