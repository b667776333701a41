using System.Net;
using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Endpoints;

/// <summary>The cookie of the pages is for pages alone.</summary>
public sealed partial class CookieTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Api_CalledWithThePagesCookie_IsUnauthorized()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer(), AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Url) };
        var form = Hidden().Matches(await client.GetStringAsync("/account/login")).ToDictionary(m => m.Groups["name"].Value, m => WebUtility.HtmlDecode(m.Groups["value"].Value));
        form["Input.Email"] = account.Email;
        form["Input.Password"] = account.Password;
        var signedIn = await client.PostAsync("/account/login", new FormUrlEncodedContent(form));
        Assert.Equal(HttpStatusCode.Redirect, signedIn.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/")).StatusCode); // the cookie works for pages

        await AppFixture.ProblemOf(await client.GetAsync("/api/websites"), 401);
        await AppFixture.ProblemOf(await client.DeleteAsync($"/api/websites/{site.Id}"), 401);
    }

    [GeneratedRegex("""<input type="hidden" name="(?<name>[^"]+)" value="(?<value>[^"]*)""")]
    private static partial Regex Hidden();
}
