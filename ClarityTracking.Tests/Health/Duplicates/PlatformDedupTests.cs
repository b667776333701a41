using ClarityTracking.Core.Health.Duplicates;

namespace ClarityTracking.Tests.Health.Duplicates;

/// <summary>What each platform makes of a pair, worked out from its documentation.</summary>
public sealed class PlatformDedupTests
{
    private static readonly DedupFacts Pair = new("purchase", SameName: true, SameEventId: true, SameTransaction: true, TimeSpan.FromMinutes(30), AcrossSides: true, SameBrowser: true, BrowserFirst: true);

    // 1 once, 2 twice, ? not certain; in the order meta tiktok pinterest snapchat reddit google_ads google_analytics linkedin microsoft
    public static readonly TheoryData<string, string> Table = new()
    {
        { "one id, half an hour apart", "111111111" },
        { "one id, one minute apart", "1?1111111" },
        { "one id, 4:59 apart", "1?1111111" },
        { "one id, 5 minutes apart", "111111111" },
        { "one id, 25 hours apart", "11?111111" },
        { "one id, 48 hours apart", "11?111111" },
        { "one id, 49 hours apart", "22??21111" },
        { "one id, two of a server", "1111111??" },
        { "one id, two of a server, one minute apart", "1111111??" },
        { "one id, other order", "111112211" },
        { "one id, other name", "2222 2?211" },
        { "one id, a lead", "111111211" },
        { "other id, one order", "?22221122" },
        { "other id, one order, two of a server", "222221122" },
        { "other id, one order, server first", "222221122" },
        { "other id, one order, other browser", "222221122" },
        { "other id, other order", "?22222222" },
        { "other id, other order, a lead", "?22222222" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Of_APair_SaysWhatEachPlatformCounts(string pair, string expected)
    {
        var verdicts = PlatformDedup.Of(FactsOf(pair));
        Assert.Equal(["meta", "tiktok", "pinterest", "snapchat", "reddit", "google_ads", "google_analytics", "linkedin", "microsoft"], verdicts.Select(v => v.Platform));
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal), string.Concat(verdicts.Select(v => v.Outcome switch { DedupOutcome.CountedOnce => '1', DedupOutcome.CountedTwice => '2', _ => '?' })));
        Assert.All(verdicts, v => Assert.True(v.Why.EndsWith('.') && v.Rule.Length > 10));
    }

    private static DedupFacts FactsOf(string pair)
    {
        var facts = Pair;
        foreach (var part in pair.Split(", "))
            facts = part switch
            {
                "one id" or "one order" => facts,
                "other id" => facts with { SameEventId = false },
                "other order" => facts with { SameTransaction = false },
                "other name" => facts with { SameName = false },
                "other browser" => facts with { SameBrowser = false },
                "two of a server" => facts with { AcrossSides = false, BrowserFirst = false },
                "server first" => facts with { BrowserFirst = false },
                "a lead" => facts with { Name = "lead" },
                "half an hour apart" => facts,
                "one minute apart" => facts with { Apart = TimeSpan.FromMinutes(1) },
                "4:59 apart" => facts with { Apart = new TimeSpan(0, 4, 59) },
                "5 minutes apart" => facts with { Apart = TimeSpan.FromMinutes(5) },
                "25 hours apart" => facts with { Apart = TimeSpan.FromHours(25) },
                "48 hours apart" => facts with { Apart = TimeSpan.FromHours(48) },
                "49 hours apart" => facts with { Apart = TimeSpan.FromHours(49) },
                _ => throw new ArgumentException(part),
            };
        return facts;
    }
}
