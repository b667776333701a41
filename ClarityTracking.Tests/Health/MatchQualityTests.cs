using ClarityTracking.Core.Health;

namespace ClarityTracking.Tests.Health;

public sealed class MatchQualityTests
{
    [Theory]
    [InlineData("", 0.0)]
    [InlineData("client_ip_address=1", 3.0)]
    [InlineData("client_ipv4_address=1", 2.7)]
    [InlineData("client_ip_address=1 fbp=1", 5.1)]
    [InlineData("client_ip_address=1 em=1", 6.9)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ip_address=1 external_id=1 name_and_place=1", 9.5)]
    [InlineData("em=1", 5.5)]
    [InlineData("em=0.5", 2.8)]
    [InlineData("em=0.5 client_ip_address=1", 4.9)]
    [InlineData("lead_id=1", 9.0)]
    [InlineData("fb_login_id=1 em=1", 8.0)]
    // too broad: refused as soon as nothing else is there
    [InlineData("place=1", 0.0)]
    [InlineData("db=1", 0.0)]
    [InlineData("ge=1", 0.0)]
    [InlineData("place=1 db=1", 0.6)]
    [InlineData("place=1 em=1", 5.6)]
    // an address is of one kind: the shares of IPv4 and IPv6 never exceed one
    [InlineData("client_ip_address=0.5 client_ipv4_address=0.5", 2.6)]
    [InlineData("client_ip_address=1 client_ipv4_address=1", 3.0)]
    // shares that cannot be are cut off
    [InlineData("em=7 ph=-3", 5.5)]
    public void Estimate_Coverage_IsTheDocumentedScore(string coverage, double score) =>
        Assert.Equal((decimal)score, MatchQuality.Estimate(Coverage(coverage)).Score);

    [Fact]
    public void Estimate_MissingKeys_AreListedByWhatTheyAdd()
    {
        var estimate = MatchQuality.Estimate(Coverage("client_ip_address=1 fbp=1"));

        Assert.Equal(["em", "ph", "fbc", "external_id", "name_and_place", "db", "place"], estimate.Gains.Select(g => g.Key));
        Assert.Equal(2.7m, estimate.Gains[0].Gain);
        Assert.All(estimate.Gains, gain => Assert.Equal(
            MatchQuality.Estimate(Coverage($"client_ip_address=1 fbp=1 {gain.Key}=1")).Score, estimate.Score + gain.Gain));
    }

    [Fact]
    public void Estimate_OnlyIpv4_GainsLittleFromIpv6() =>
        Assert.Equal(0.3m, MatchQuality.Estimate(Coverage("client_ipv4_address=1")).Gains.Single(g => g.Key == "client_ip_address").Gain);

    [Fact]
    public void Estimate_EverythingThere_HasNoGains() =>
        Assert.Empty(MatchQuality.Estimate(MatchQuality.Keys.ToDictionary(k => k.Key, _ => 1m)).Gains);

    static Dictionary<string, decimal> Coverage(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=')).ToDictionary(p => p[0], p => decimal.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture));
}
