using ClarityTracking.Core.Health;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Tests.Destinations.Meta;

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

    [Fact]
    public void KeysOf_EverythingKnown_NamesEachKey()
    {
        var keys = MatchQuality.KeysOf(new MetaEvents
        {
            User = new UserData
            {
                Email = ["jane.doe@example.com"],
                Phone = ["+16505551212"],
                FirstName = "Jane",
                LastName = "Doe",
                City = "Paris",
                State = "IDF",
                Zip = "75018",
                Country = "FR",
                DateOfBirth = "1997-02-16",
                ExternalId = ["c-1"],
            },
            Ip = "2001:4860:4860::8888",
            Cookies = new() { ["fbp"] = "fb.1.1763000000000.1234567890", ["fbc"] = "fb.1.1763000000000.Click" },
        }.Build());

        Assert.Equal(MatchQuality.Keys.Select(k => k.Key).Except(["lead_id", "fb_login_id", "client_ipv4_address"]).Order(), keys.Order());
    }

    [Fact]
    public void KeysOf_OnlyUnusableValues_IsEmpty() => Assert.Empty(MatchQuality.KeysOf(new MetaEvents
    {
        User = new UserData { Email = ["noreply@example.com"], Phone = ["0000000"], FirstName = "Jane", LastName = "Doe", Gender = "f" },
        Ip = "10.0.0.1",
        Cookies = new() { ["fbp"] = "fbx.1.1.1", ["fbc"] = "fb.1.Click" },
    }.Build()));

    [Fact]
    public void KeysOf_PublicIpv4_IsNamedByItsKind() =>
        Assert.Equal(["em", "client_ipv4_address"], MatchQuality.KeysOf(new MetaEvents().Build()));

    [Theory]
    [InlineData("0171 2345678", null, false)] // nobody knows whose
    [InlineData("0171 2345678", "DE", true)] // the website's country completes it
    [InlineData("+49 171 2345678", null, true)]
    [InlineData("e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176", null, true)] // hashed by the sender
    public void KeysOf_Phone_CountsWhereItsCountryIsKnown(string phone, string? country, bool counts) =>
        Assert.Equal(counts, MatchQuality.KeysOf(new MetaEvents { User = new UserData { Phone = [phone] } }.Build(), country).Contains("ph"));

    [Fact]
    public void KeysOf_Md5_IsAbsent() =>
        Assert.DoesNotContain("em", MatchQuality.KeysOf(new MetaEvents { User = new UserData { Email = ["9e107d9d372bb6826bd81d3542a419d6"] } }.Build()));

    [Fact]
    public void Estimate_OfOneEvent_IsThatOfItsUsableKeys()
    {
        // email and IPv4 with browser: 10 · (1 − 0.45 · 0.73); the phone lacks its country
        var user = new UserData { Email = ["jane.doe@example.com"], Phone = ["0171 2345678"] };
        Assert.Equal(6.7m, MatchQuality.Estimate(new MetaEvents { User = user }.Build(), null).Score);
        Assert.Equal(8.2m, MatchQuality.Estimate(new MetaEvents { User = user }.Build(), "DE").Score);
    }

    static Dictionary<string, decimal> Coverage(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=')).ToDictionary(p => p[0], p => decimal.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture));
}
