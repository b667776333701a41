using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Web;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Delivery;

/// <summary>Exchanges at a real HTTP server in the token server's place.</summary>
public sealed class AccessTokensTests : IAsyncLifetime
{
    private static readonly TokenGrant Refresh = new TokenGrant.Refresh("Google", "refresh/1");
    private readonly Clock _clock = new();
    private Upstream _server = null!;
    private AccessTokens _tokens = null!;

    public async Task InitializeAsync()
    {
        _server = await Upstream.StartAsync();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["OAuth:Google:TokenUrl"] = _server.Url + "/token",
            ["OAuth:Google:ClientId"] = "client",
            ["OAuth:Google:ClientSecret"] = "s3cret",
        }).Build();
        var clients = new ServiceCollection().AddHttpClient(DestinationClient.ClientName).Services.BuildServiceProvider().GetRequiredService<IHttpClientFactory>();
        _tokens = new AccessTokens(new DestinationClient(clients, configuration, _clock), configuration, _clock);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Get_RefreshToken_IsExchangedOnceUntilShortlyBeforeItsEnd()
    {
        _server.Answer = (200, """{"access_token":"a1","expires_in":3600,"token_type":"Bearer"}""");
        Assert.Equal("a1", (await _tokens.GetAsync(Refresh, default)).Value);
        Assert.Equal("a1", (await _tokens.GetAsync(Refresh, default)).Value);
        var form = HttpUtility.ParseQueryString(Assert.Single(_server.Seen).Body);
        Assert.Equal(("refresh_token", "refresh/1", "client", "s3cret"), (form["grant_type"], form["refresh_token"], form["client_id"], form["client_secret"]));

        _clock.Now += TimeSpan.FromMinutes(59);
        _server.Answer = (200, """{"access_token":"a2","expires_in":3600}""");
        Assert.Equal("a2", (await _tokens.GetAsync(Refresh, default)).Value);
        Assert.Equal("a2", (await _tokens.GetAsync(new TokenGrant.Refresh("Google", "refresh/1"), default)).Value);
    }

    [Fact]
    public async Task Forget_RefusedToken_IsFetchedAnewAndOnlyAnOldOneCountsAsStale()
    {
        _server.Answer = (200, """{"access_token":"a1","expires_in":3600}""");
        await _tokens.GetAsync(Refresh, default);
        Assert.False(_tokens.Forget("a1")); // fresh: its refusal is final
        await _tokens.GetAsync(Refresh, default);
        await _tokens.GetAsync(Refresh, default);
        Assert.True(_tokens.Forget("a1"));
        Assert.False(_tokens.Forget("a1"));
        await _tokens.GetAsync(Refresh, default);
        Assert.Equal(3, _server.Seen.Count);
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_grant","error_description":"Token has been revoked: refresh/1"}""", FailureKind.Credential)]
    [InlineData(401, """{"error":"invalid_client"}""", FailureKind.Credential)]
    [InlineData(429, """{"error":"rate"}""", FailureKind.RateLimited)]
    [InlineData(503, "<html>", FailureKind.Transient)]
    [InlineData(200, "<html>", FailureKind.Transient)]
    [InlineData(200, """{"token_type":"Bearer"}""", FailureKind.Transient)]
    public async Task Get_RefusedExchange_IsAFailureOfItsKindWithoutTheSecret(int status, string body, FailureKind kind)
    {
        _server.Answer = (status, body);
        var token = await _tokens.GetAsync(Refresh, default);
        Assert.Null(token.Value);
        Assert.Equal(kind, token.Failure!.Kind);
        Assert.DoesNotContain("refresh/1", token.Failure.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_ServiceAccount_SendsAnAssertionThatItsPublicKeyVerifies()
    {
        using var key = RSA.Create(2048);
        _server.Answer = (200, """{"access_token":"a1","expires_in":"3599"}""");
        var grant = new TokenGrant.ServiceAccount("robot@example.com", key.ExportPkcs8PrivateKeyPem(), "https://www.googleapis.com/auth/spreadsheets");
        Assert.Equal("a1", (await _tokens.GetAsync(grant, default)).Value);
        var form = HttpUtility.ParseQueryString(Assert.Single(_server.Seen).Body);
        Assert.Equal("urn:ietf:params:oauth:grant-type:jwt-bearer", form["grant_type"]);
        var parts = form["assertion"]!.Split('.');
        Assert.True(key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Bytes(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        var claims = JsonElement.Parse(Bytes(parts[1]));
        var now = _clock.Now.ToUnixTimeSeconds();
        Assert.Equal(("robot@example.com", _server.Url + "/token", now, now + 3600),
            (claims.GetProperty("iss").GetString(), claims.GetProperty("aud").GetString(), claims.GetProperty("iat").GetInt64(), claims.GetProperty("exp").GetInt64()));
    }

    [Fact]
    public async Task Get_ServiceAccountWithABrokenKey_IsACredentialFailureWithoutACall()
    {
        var token = await _tokens.GetAsync(new TokenGrant.ServiceAccount("robot@example.com", "-----BEGIN PRIVATE KEY-----\nnope\n-----END PRIVATE KEY-----", "s"), default);
        Assert.Equal(FailureKind.Credential, token.Failure!.Kind);
        Assert.Empty(_server.Seen);
    }

    [Fact]
    public async Task Get_ServerAway_IsTransient()
    {
        await _server.DisposeAsync();
        Assert.Equal(FailureKind.Transient, (await _tokens.GetAsync(Refresh, default)).Failure!.Kind);
    }

    private static byte[] Bytes(string part) => System.Buffers.Text.Base64Url.DecodeFromChars(part);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
