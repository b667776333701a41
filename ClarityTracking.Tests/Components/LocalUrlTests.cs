using ClarityTracking.Web.Account;

namespace ClarityTracking.Tests.Components;

public sealed class LocalUrlTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/websites/1/live?x=1#y")]
    public void LocalUrl_PathOfThisApp_IsTaken(string url) => Assert.Equal(url, LocalUrl.Or(url));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("https://example.com/")]
    [InlineData("//example.com")]
    [InlineData("/\\example.com")]
    [InlineData("websites")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/\t/example.com")]
    [InlineData("/\n/example.com")]
    public void LocalUrl_AnythingElse_LeadsHome(string? url) => Assert.Equal("/", LocalUrl.Or(url));
}
