using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations.TikTok;

namespace ClarityTracking.Tests.Vectors;

/// <summary>TikTok's golden requests and answers.</summary>
public sealed class TikTokDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/tiktok.json", new TikTokDestination(), """{"access_token":"tiktok-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["ttclid"] = "ttclid" },
        Cookies = new Dictionary<string, string> { ["ttp"] = "ttp" },
        Braces = new Dictionary<string, string> { ["token"] = "tiktok-token", ["pixel_code"] = "C4A" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void TikTokDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("pixel_code", "C4A"))));

    [Theory]
    [MemberData(nameof(Answers))]
    public void TikTokDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index);
        Assert.Equal(expected, verdict);
    }

    [Fact]
    public void TikTokDestination_NamedEventInABatch_OnlyThatOneIsRefused()
    {
        var (_, verdict, outcome) = Vectors.JudgeAnswer(1, events: 3);
        Assert.Equal("partial", verdict);
        var events = Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events;
        Assert.IsType<DeliveryOutcome.Refused>(events[0]);
        Assert.All(events.Skip(1), e => Assert.IsType<DeliveryOutcome.NotTaken>(e));
    }

    [Fact]
    public void TikTokDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(4, Requests.Count);
        Assert.Equal(4, Answers.Count);
    }
}
