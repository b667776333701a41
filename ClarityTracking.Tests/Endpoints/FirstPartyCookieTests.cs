using System.Net;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>Cookies set once more by the server: which, for whom, with what value.</summary>
public sealed class FirstPartyCookieTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string All = "ct_visitor=v-1; ct_clicks=%7B%22fbclid%22%3A1%7D; ct_session=s.1; ct_consent=%7B%22ads%22%3Atrue%7D; _fbp=fb.1.2.3; _fbc=fb.1.2.AbC_d-e; shop=secret";

    [Fact]
    public async Task Cookies_OfThePage_AreSetAgainUnchangedForLonger()
    {
        var (status, set, headers) = await PostAsync(All, "example.com", "track.example.com", "https://shop.example.com");
        Assert.Equal(HttpStatusCode.NoContent, status);
        Assert.Equal(
        [
            "ct_consent=%7B%22ads%22%3Atrue%7D; Path=/; Max-Age=34560000; SameSite=Lax; Domain=example.com; Secure",
            "ct_visitor=v-1; Path=/; Max-Age=34560000; SameSite=Lax; Domain=example.com; Secure",
            "_fbp=fb.1.2.3; Path=/; Max-Age=7776000; SameSite=Lax; Domain=example.com; Secure",
            "_fbc=fb.1.2.AbC_d-e; Path=/; Max-Age=7776000; SameSite=Lax; Domain=example.com; Secure",
            "ct_clicks=%7B%22fbclid%22%3A1%7D; Path=/; Max-Age=7776000; SameSite=Lax; Domain=example.com; Secure",
        ], set);
        Assert.Equal("https://shop.example.com", headers["Access-Control-Allow-Origin"]);
        Assert.Equal("true", headers["Access-Control-Allow-Credentials"]);
        Assert.Equal("Origin", headers["Vary"]);
        Assert.Equal("no-store", headers["Cache-Control"]);
    }

    [Theory]
    // nothing to renew
    [InlineData("", "")]
    [InlineData("ct_visitor=; shop=1", "")]
    [InlineData("xct_visitor=1; ct_visitor2=2", "")]
    // opted out: only that is kept
    [InlineData("ct_optout=1; ct_visitor=v; _fbp=fb.1.2.3; ct_consent=x", "ct_optout")]
    [InlineData("ct_optout=; ct_visitor=v", "ct_visitor")]
    // ads refused: the platforms' ids are left to end
    [InlineData("ct_consent=%7B%22ads%22%3Afalse%7D; ct_visitor=v; _fbp=fb.1.2.3; _fbc=x", "ct_consent ct_visitor")]
    // what cannot be a value
    [InlineData("ct_visitor=a\tb; _fbp=fb.1.2.3", "_fbp")]
    public async Task Cookies_ByWhatIsThere_AreRenewedOrLeft(string cookies, string renewed)
    {
        var (status, set, _) = await PostAsync(cookies, null, "shop.example.com", null);
        Assert.Equal((HttpStatusCode.NoContent, renewed), (status, string.Join(' ', set.Select(s => s.Split('=')[0]))));
        Assert.All(set, s => Assert.EndsWith("; Domain=example.com", s, StringComparison.Ordinal));
        Assert.All(set, s => Assert.DoesNotContain("Secure", s, StringComparison.Ordinal)); // asked by http
    }

    [Fact]
    public async Task Cookies_WithGlobalPrivacyControl_LeavesMetasAlone()
    {
        var (_, set, _) = await PostAsync(All, null, "shop.example.com", null, ("Sec-GPC", "1"));
        Assert.Equal(["ct_consent", "ct_visitor", "ct_clicks"], set.Select(s => s.Split('=')[0]));
    }

    [Fact]
    public async Task Cookies_LargerThanAProxyTakes_AreLeftOutFromTheEnd()
    {
        var (_, set, _) = await PostAsync($"ct_visitor=v; ct_clicks={new string('x', 2600)}; _fbp=fb.1.2.3", null, "shop.example.com", null);
        Assert.Equal(["ct_visitor", "_fbp"], set.Select(s => s.Split('=')[0]));
        (_, set, var headers) = await PostAsync($"ct_visitor=v; ct_clicks={new string('x', 2450)}; _fbp=fb.1.2.3", null, "shop.example.com", "https://shop.example.com");
        Assert.Equal(["ct_visitor", "_fbp", "ct_clicks"], set.Select(s => s.Split('=')[0]));
        Assert.InRange(headers.Sum(h => h.Key.Length + h.Value.Length + 4) + 20 * set.Count, 3000, 4096);
    }

    [Theory]
    // the domain as it was given, or the widest one a browser may take
    [InlineData("shop.example.com", "example.com", "; Domain=example.com")]
    [InlineData("shop.example.com", null, "; Domain=example.com")]
    [InlineData("example.com", null, "; Domain=example.com")]
    [InlineData("a.b.example.com", null, "; Domain=example.com")]
    [InlineData("a.b.example.com", "b.example.com", "; Domain=b.example.com")]
    [InlineData("www.shop.example.co.uk", null, "; Domain=example.co.uk")]
    [InlineData("example.co.uk", null, "; Domain=example.co.uk")]
    [InlineData("www.dm.de", null, "; Domain=dm.de")]
    [InlineData("shop.example.com", "", "")]
    [InlineData("localhost", null, "")]
    [InlineData("192.0.2.7", null, "")]
    public async Task Cookies_AreSetOnTheDomain_TheSnippetWritesThemOn(string host, string? domain, string expected)
    {
        var (_, set, _) = await PostAsync("ct_visitor=v", domain, host, null);
        Assert.Equal("ct_visitor=v; Path=/; Max-Age=34560000; SameSite=Lax" + expected, Assert.Single(set));
    }

    [Theory]
    // origin, host, domain, Sec-Fetch-Site -> status
    [InlineData("https://shop.example.com", "shop.example.com", null, null, 204)]
    [InlineData("https://shop.example.com", "shop.example.com", "example.com", null, 204)]
    [InlineData("https://shop.example.com", "track.example.com", ".Example.com", null, 204)]
    [InlineData("https://example.com", "track.example.com", "example.com", "same-site", 204)]
    [InlineData("http://localhost:3000", "localhost", null, null, 204)]
    // a proxy on the customer's domain that puts our host in its place
    [InlineData("https://shop.example.com", "track.agency.example", "example.com", "same-origin", 204)]
    [InlineData("https://shop.example.com", "track.agency.example", "example.com", "same-site", 403)]
    [InlineData("https://shop.example.com", "track.example.com", null, null, 204)]
    [InlineData("https://a.co.uk", "b.co.uk", null, null, 403)]
    [InlineData("https://shop.example.com", "track.example.com", "", null, 403)]
    [InlineData("https://evil.example.net", "track.example.com", "example.com", null, 403)]
    [InlineData("https://evilexample.com", "track.example.com", "example.com", null, 403)]
    [InlineData("https://evil.com", "track.com", "com", null, 403)]
    [InlineData("https://evil.com", "track.com", "com", "cross-site", 403)]
    [InlineData("null", "track.example.com", "example.com", null, 403)]
    [InlineData("file:///x", "track.example.com", "example.com", null, 403)]
    // another's domain, or none at all
    [InlineData(null, "shop.example.com", "other.com", null, 400)]
    [InlineData(null, "shop.example.com", "com", null, 400)]
    [InlineData(null, "shop.example.com", "example.com; HttpOnly", null, 400)]
    [InlineData("https://shop.example.com", "shop.example.com", "x.shop.example.com", null, 400)]
    public async Task Origin_AndDomain_MustBeOfOneSite(string? origin, string host, string? domain, string? site, int status)
    {
        var (answered, set, headers) = await PostAsync("ct_visitor=v", domain, host, origin, site is null ? [] : [("Sec-Fetch-Site", site)]);
        Assert.Equal((status, status == 204 ? 1 : 0), ((int)answered, set.Count));
        if (status == 403)
            Assert.False(headers.ContainsKey("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Refusal_Answered_IsAProblemWithItsName()
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/t/cookies?domain=example.com") { Headers = { { "Origin", "https://evil.example.net" } } };
        Assert.Equal("cross_site", (await AppFixture.ProblemOf(await client.SendAsync(request), 403)).GetProperty("code").GetString());
        await AppFixture.ProblemOf(await client.PostAsync("/t/cookies?domain=other.com", null), 400);
    }

    private async Task<(HttpStatusCode Status, List<string> Set, Dictionary<string, string> Headers)> PostAsync(
        string cookies, string? domain, string host, string? origin, params (string Name, string Value)[] more)
    {
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/t/cookies" + (domain is null ? "" : "?domain=" + Uri.EscapeDataString(domain)));
        request.Headers.Host = host;
        if (cookies.Length > 0)
            request.Headers.TryAddWithoutValidation("Cookie", cookies);
        if (origin is not null)
            request.Headers.TryAddWithoutValidation("Origin", origin);
        foreach (var (name, value) in more)
            request.Headers.Add(name, value);
        using var answer = await client.SendAsync(request);
        return (answer.StatusCode, answer.Headers.TryGetValues("Set-Cookie", out var set) ? [.. set] : [],
            answer.Headers.ToDictionary(h => h.Key, h => string.Join(", ", h.Value)));
    }
}
