using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Tests.Ingestion.Validate;

public sealed class BotVerdictTests
{
    [Theory]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36")]
    [InlineData("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1")]
    [InlineData("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/490.0.0.44.71]")]
    [InlineData("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 [Pinterest/Android]")]
    [InlineData("Mozilla/5.0 (Linux; Android 10; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36")]
    [InlineData("python-requests/2.32.3")]
    [InlineData(null)]
    public void Of_BrowserOrIntegration_IsNull(string? agent) => Assert.Null(BotVerdict.Of(agent));

    [Theory]
    [InlineData("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "known crawler: Googlebot")]
    [InlineData("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "link preview: facebookexternalhit")]
    [InlineData("Mozilla/5.0 (Linux; Android 11) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse", "site check: Chrome-Lighthouse")]
    [InlineData("Mozilla/5.0 (compatible; Whatever/1.0; +https://example.com/about)", "calls itself a bot: +http")]
    [InlineData("Mozilla/5.0 (compatible; SomeBot/1.0)", "calls itself a bot: bot")]
    public void Of_Machine_NamesTheReason(string agent, string reason) => Assert.Equal(reason, BotVerdict.Of(agent));

    [Theory]
    [InlineData("prefetch;prerender")]
    [InlineData("preview")]
    [InlineData("Prefetch")]
    public void Of_PageFetchedAhead_IsNotSeen(string purpose) =>
        Assert.Equal("prefetched, not seen", BotVerdict.Of("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0", purpose));

    [Theory]
    [InlineData("https://semalt.com/crawler.php?u=https://shop.example.com", "referrer spam: semalt.com")]
    [InlineData("https://49.semalt.com/", "referrer spam: semalt.com")]
    [InlineData("https://notsemalt.com/", null)]
    [InlineData("https://www.google.com/", null)]
    [InlineData("no address", null)]
    public void Of_Referrer_NamesSpam(string referrer, string? reason) =>
        Assert.Equal(reason, BotVerdict.Of("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", null, referrer));
}
