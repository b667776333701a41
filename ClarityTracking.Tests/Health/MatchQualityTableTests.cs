using ClarityTracking.Core.Health;

namespace ClarityTracking.Tests.Health;

/// <summary>The published formula, 10 · (1 − Π(1 − chance · coverage)) rounded to a tenth, worked out for many combinations of keys (docs/match-quality.md).</summary>
public sealed class MatchQualityTableTests
{
    [Theory]
    [InlineData("", 0.0)]
    [InlineData("em=1", 5.5)]
    [InlineData("ph=1", 4.5)]
    [InlineData("fbc=1", 4.5)]
    [InlineData("fbp=1", 3.0)]
    [InlineData("client_ip_address=1", 3.0)]
    [InlineData("client_ipv4_address=1", 2.7)]
    [InlineData("external_id=1", 1.5)]
    [InlineData("name_and_place=1", 1.5)]
    [InlineData("db=1", 0.0)]
    [InlineData("place=1", 0.0)]
    [InlineData("lead_id=1", 9.0)]
    [InlineData("fb_login_id=1", 5.5)]
    [InlineData("em=1 ph=1", 7.5)]
    [InlineData("em=1 fbc=1", 7.5)]
    [InlineData("em=1 fbp=1", 6.9)]
    [InlineData("em=1 client_ip_address=1", 6.9)]
    [InlineData("em=1 client_ipv4_address=1", 6.7)]
    [InlineData("em=1 external_id=1", 6.2)]
    [InlineData("em=1 name_and_place=1", 6.2)]
    [InlineData("ph=1 fbc=1", 7.0)]
    [InlineData("ph=1 client_ip_address=1", 6.2)]
    [InlineData("fbc=1 fbp=1", 6.2)]
    [InlineData("fbc=1 fbp=1 client_ip_address=1", 7.3)]
    [InlineData("fbp=1 client_ip_address=1", 5.1)]
    [InlineData("fbp=1 client_ipv4_address=1", 4.9)]
    [InlineData("client_ip_address=1 external_id=1", 4.1)]
    [InlineData("em=1 ph=1 fbc=1", 8.6)]
    [InlineData("em=1 ph=1 fbp=1 client_ip_address=1", 8.8)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1", 9.0)]
    [InlineData("em=1 fbc=1 fbp=1 client_ip_address=1", 8.8)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ip_address=1", 9.3)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ipv4_address=1", 9.3)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ip_address=1 external_id=1", 9.4)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ip_address=1 external_id=1 name_and_place=1", 9.5)]
    [InlineData("em=1 ph=1 fbc=1 fbp=1 client_ip_address=1 external_id=1 name_and_place=1 db=1 place=1", 9.5)]
    [InlineData("lead_id=1 em=1 ph=1", 9.8)]
    [InlineData("db=1 place=1", 0.6)]
    [InlineData("db=1 em=1", 5.6)]
    [InlineData("place=1 fbp=1", 3.2)]
    [InlineData("em=0.5", 2.8)]
    [InlineData("em=0.5 ph=0.5", 4.4)]
    [InlineData("em=0.8 ph=0.25 fbp=0.9", 6.4)]
    [InlineData("client_ip_address=0.4 client_ipv4_address=0.6", 2.6)]
    [InlineData("client_ip_address=0.4 client_ipv4_address=0.6 fbp=0.95 fbc=0.2 em=0.3", 6.0)]
    [InlineData("em=0.01", 0.1)]
    [InlineData("em=0.99 ph=0.99 fbc=0.99 fbp=0.99 client_ip_address=0.99", 9.3)]
    [InlineData("name_and_place=0.5 external_id=0.5 db=0.5", 1.6)]
    [InlineData("fbp=0.95 client_ip_address=0.98 fbc=0.12 em=0.04", 5.3)]
    [InlineData("em=1 client_ip_address=1 fbp=1 fbc=0.35 ph=0.6 external_id=0.6", 8.8)]
    public void Estimate_Combination_IsTheFormulasResult(string coverage, double score) =>
        Assert.Equal((decimal)score, MatchQuality.Estimate(Coverage(coverage)).Score);

    [Theory]
    [InlineData("em=1 fbp=1 client_ip_address=1", "em=0.8", 9.0)] // 10 · (1 − 0.2 · 0.7 · 0.7)
    [InlineData("em=1 fbp=1", "em=0", 3.0)] // a key of no worth leaves the others theirs
    [InlineData("em=1", "em=0", 0.0)]
    [InlineData("em=1", "ph=0.95", 5.5)] // what is not there has no say
    public void Estimate_WithAWebsitesOwnChances_TakesThem(string coverage, string chances, double score) =>
        Assert.Equal((decimal)score, MatchQuality.Estimate(Coverage(coverage), Coverage(chances)).Score);

    [Fact]
    public void Gain_OfAKey_SaysFromWhereToWhere()
    {
        // fbp and address on every event, external id on half: 10 · (1 − 0.7 · 0.7 · 0.925) = 5.5; with a phone on all: 10 · (1 − 0.453 · 0.55) = 7.5
        var estimate = MatchQuality.Estimate(Coverage("fbp=1 client_ip_address=1 external_id=0.5"));
        var phone = estimate.Gains.Single(g => g.Key == "ph");
        Assert.Equal((5.5m, 2.0m, 7.5m), (estimate.Score, phone.Gain, phone.To));
    }

    [Theory]
    [InlineData("fbp=1 client_ip_address=1", 1.2, 6.3, 9.0, 2.7)] // email 5.1 → 7.8, moved by 1.2
    [InlineData("em=1 ph=1 fbc=1", 3, 10, 10, 0)] // never beyond 10
    [InlineData("fbp=1", -5, 0, 1.9, 1.9)] // never below 0
    [InlineData("", 2, 0, 7.5, 7.5)] // where nothing can match, nothing is added
    public void Shifted_ByAnOffset_StaysWithinTheScale(string coverage, double offset, double score, double to, double gain)
    {
        var shifted = MatchQuality.Estimate(Coverage(coverage)).Shifted((decimal)offset);
        Assert.Equal((decimal)score, shifted.Score);
        var email = shifted.Gains.SingleOrDefault(g => g.Key == "em");
        Assert.Equal(coverage.Contains("em=1", StringComparison.Ordinal), email is null);
        if (email is not null)
            Assert.Equal(((decimal)to, (decimal)gain), (email.To, email.Gain));
    }

    static Dictionary<string, decimal> Coverage(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=')).ToDictionary(p => p[0], p => decimal.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture));
}
