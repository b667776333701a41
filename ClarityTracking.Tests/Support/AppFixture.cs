using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Data;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// The whole app on a real port with a database of its own. Use as a class fixture; derive and override <see cref="Settings"/> to set more.
/// </summary>
public class AppFixture : WebApplicationFactory<Program>, IAsyncLifetime
{
    private static readonly byte[] MasterKey = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private int _people;

    /// <summary>Where the app listens, by the name <c>localhost</c>.</summary>
    public string Url { get; private set; } = "";

    /// <summary>The app's database.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>More settings, by configuration name.</summary>
    protected virtual IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>();

    /// <summary>How the app reaches the database; tests that stand in between override it.</summary>
    protected virtual string ConnectionStringOfApp(string direct) => direct;

    public virtual async Task InitializeAsync()
    {
        ConnectionString = await TestDatabase.CreateAsync();
        UseKestrel(0);
        StartServer();
        Url = Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
    }

    async Task IAsyncLifetime.DisposeAsync() => await DisposeAsync();

    /// <summary>A client without sign-in.</summary>
    public HttpClient Anonymous() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(Url) };

    /// <summary>A client that sends a token or a secret key.</summary>
    public HttpClient ClientFor(string tokenOrKey)
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokenOrKey);
        return client;
    }

    /// <summary>A client of a person.</summary>
    public HttpClient ClientFor(Account account) => ClientFor(account.AccessToken);

    /// <summary>A new account with its first workspace.</summary>
    public async Task<Account> RegisterAsync(string? email = null, string password = "correct horse battery")
    {
        email ??= $"person{Interlocked.Increment(ref _people)}@example.com";
        using var client = Anonymous();
        var answer = await client.PostAsJsonAsync("/api/register", new { email, password });
        var json = await JsonOf(answer);
        return new Account(email, password, json.GetProperty("userId").GetGuid(), json.GetProperty("workspaceId").GetGuid(),
            json.GetProperty("accessToken").GetString()!, json.GetProperty("refreshToken").GetString()!);
    }

    /// <summary>A new website of an account.</summary>
    public async Task<NewSite> CreateWebsiteAsync(Account account, string name = "Shop", string domain = "shop.example.com")
    {
        using var client = ClientFor(account);
        var json = await JsonOf(await client.PostAsJsonAsync("/api/websites", new { name, domain, workspaceId = account.WorkspaceId }));
        return new NewSite(json.GetProperty("id").GetGuid(), account.WorkspaceId, json.GetProperty("publishableKey").GetString()!, json.GetProperty("secretKey").GetString()!,
            json.GetProperty("scriptAlias").GetString()!);
    }

    /// <summary>The JSON of an answer that must be a success; a failure shows what came instead.</summary>
    public static async Task<JsonElement> JsonOf(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri} answered {(int)answer.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>The problem details of an answer that must be a refusal with this status.</summary>
    public static async Task<JsonElement> ProblemOf(HttpResponseMessage answer, int status)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == status, $"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri} answered {(int)answer.StatusCode}, not {status}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEqual("", problem.GetProperty("code").GetString());
        return problem;
    }

    /// <summary>Runs SQL as the owner of everything.</summary>
    public Task RunAsync(string sql) => TestDatabase.RunAsync(ConnectionString, sql);

    /// <summary>One value by SQL as the owner of everything.</summary>
    public async Task<T> ValueAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Development")
            .UseSetting("ConnectionStrings:Clarity", ConnectionStringOfApp(ConnectionString))
            .UseSetting("Clarity:MasterKey", Convert.ToBase64String(MasterKey))
            // all tests come from one address
            .UseSetting("Clarity:RateLimits:AuthPerMinute", "0")
            .UseSetting("Clarity:RateLimits:ManagementPerMinute", "0")
            .UseSetting("Clarity:RateLimits:ManagementPerMinutePerAddress", "0");
        foreach (var (name, value) in Settings)
            builder.UseSetting(name, value);
    }
}

/// <summary>A registered account.</summary>
public sealed record Account(string Email, string Password, Guid UserId, Guid WorkspaceId, string AccessToken, string RefreshToken);

/// <summary>A website with its first keys.</summary>
public sealed record NewSite(Guid Id, Guid WorkspaceId, string PublishableKey, string SecretKey, string ScriptAlias);
