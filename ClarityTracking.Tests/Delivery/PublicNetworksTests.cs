using System.Net;
using System.Net.Http.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Tests.Delivery;

/// <summary>Addresses that users choose do not lead into the operator's network.</summary>
public sealed class PublicNetworksTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("172.15.255.255", true)]
    [InlineData("2606:4700:4700::1111", true)]
    [InlineData("64:ff9b::808:808", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("198.18.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("::10.0.0.1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("2002:0a00:0001::1", false)]
    [InlineData("2001:0:0a00:1::1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    public void IsPublic_Address_IsToldByItsNetwork(string address, bool isPublic) => Assert.Equal(isPublic, PublicNetworks.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://hooks.example.com/", false)]
    [InlineData("http://localhost:5080/", true)]
    [InlineData("http://a.localhost./", true)]
    [InlineData("http://2130706433/", true)]
    [InlineData("http://0x7f.1/", true)]
    [InlineData("http://[::ffff:127.0.0.1]/", true)]
    [InlineData("http://169.254.169.254/latest/meta-data", true)]
    public void Refusal_Url_IsRefusedUnlessTheOperatorAllows(string url, bool isRefused)
    {
        Assert.Equal(isRefused, Networks(allows: false).Refusal(new Uri(url)) is not null);
        Assert.Null(Networks(allows: true).Refusal(new Uri(url)));
    }

    [Fact]
    public async Task Handler_NameThatLeadsHome_ConnectsOnlyWhenAllowed()
    {
        await using var upstream = await Upstream.StartAsync();
        var url = upstream.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        using var shut = new HttpClient(Networks(allows: false).Handler());
        var error = await Assert.ThrowsAsync<HttpRequestException>(() => shut.GetAsync(url));
        Assert.Contains("private network", error.InnerException?.Message ?? error.Message, StringComparison.Ordinal);
        Assert.Empty(upstream.Seen);
        using var open = new HttpClient(Networks(allows: true).Handler());
        Assert.Equal(HttpStatusCode.OK, (await open.GetAsync(url)).StatusCode);
        Assert.Single(upstream.Seen);
    }

    static PublicNetworks Networks(bool allows) =>
        new(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Clarity:AllowPrivateNetworks"] = allows.ToString() }).Build());
}

/// <summary>The same over the management API, on an installation with the default.</summary>
public sealed class PrivateWebhookTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Connection_WebhookInAPrivateNetwork_IsRefusedByNameAlsoWhenChanged()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        var path = $"/api/websites/{site.Id}/connections";
        var credentials = new { secret = "more-than-sixteen-characters" };
        var problem = await AppFixture.ProblemOf(await http.PostAsJsonAsync(path, new { platform = "webhook", name = "Hook", settings = new { url = "http://169.254.169.254/latest" }, credentials }), 422);
        Assert.Contains("private network", problem.GetProperty("errors").GetProperty("settings.url").ToString(), StringComparison.Ordinal);

        var connection = await AppFixture.JsonOf(await http.PostAsJsonAsync(path, new { platform = "webhook", name = "Hook", settings = new { url = "https://hooks.example.com/" }, credentials }));
        await AppFixture.ProblemOf(await http.PatchAsJsonAsync($"{path}/{connection.GetProperty("id").GetGuid()}", new { settings = new { url = "http://127.0.0.1/" } }), 422);
    }
}
