using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations.Pinterest;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Pinterest's golden requests and answers.</summary>
public sealed class PinterestDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/pinterest.json", new PinterestDestination(), """{"access_token":"pinterest-token"}""")
    {
        Cookies = new Dictionary<string, string> { ["epik"] = "epik" },
        Braces = new Dictionary<string, string> { ["token"] = "pinterest-token", ["ad_account_id"] = "549755885175" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void PinterestDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("ad_account_id", "549755885175"))));

    [Theory]
    [MemberData(nameof(Answers))]
    public void PinterestDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index, events: 2);
        Assert.Equal(expected, verdict);
    }

    [Fact]
    public void PinterestDestination_PartlyFailed_EachEventHasItsOwnOutcome()
    {
        var (_, _, outcome) = Vectors.JudgeAnswer(1, events: 2);
        Assert.Equal([new DeliveryOutcome.Delivered(null), new DeliveryOutcome.Refused(FailureKind.Permanent, "'event_time' is invalid")],
            Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events);
    }

    [Fact]
    public void PinterestDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(4, Requests.Count);
        Assert.Equal(3, Answers.Count);
    }
}
