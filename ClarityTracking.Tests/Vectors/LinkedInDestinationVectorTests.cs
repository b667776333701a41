using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.LinkedIn;

namespace ClarityTracking.Tests.Vectors;

/// <summary>LinkedIn's golden requests and answers.</summary>
public sealed class LinkedInDestinationVectorTests
{
    static readonly LinkedInDestination Destination = new();

    static readonly DestinationVectors Vectors = new("destinations/linkedin.json", Destination, """{"access_token":"linkedin-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["li_fat_id"] = "li_fat_id" },
        Braces = new Dictionary<string, string> { ["token"] = "linkedin-token", ["yyyymm"] = "202603", ["rule_id"] = "104012" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void LinkedInDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, """{"rules":{"purchase":104012,"lead":"104012","schedule":"104012"}}"""));

    [Theory]
    [MemberData(nameof(Answers))]
    public void LinkedInDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index);
        // a version that has ended waits for a person as a token does
        Assert.Equal(expected == "configuration" ? "credentials" : expected, verdict);
    }

    [Fact]
    public void LinkedInDestination_NamedElements_OnlyThoseAreRefused()
    {
        var outcome = Destination.Judge(new DestinationAnswer(422,
            """{"status":422,"code":"INVALID","message":"ERROR :: /elements/1/user/userIds :: bad\nERROR :: /elements/10/eventId :: bad"}""", Events: 11));
        var events = Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events;
        Assert.Equal([1, 10], Enumerable.Range(0, 11).Where(i => events[i] is DeliveryOutcome.Refused));
        Assert.Equal(9, events.Count(e => e is DeliveryOutcome.NotTaken));
    }

    [Fact]
    public void LinkedInDestination_BatchAnswer_EachElementByItsStatus()
    {
        var outcome = Destination.Judge(new DestinationAnswer(200,
            """{"elements":[{"status":201},{"status":400,"error":{"status":400,"message":"no"}},{"status":429}]}""", Events: 3));
        Assert.Equal([new DeliveryOutcome.Delivered(null), new DeliveryOutcome.Refused(FailureKind.Permanent, "HTTP 400: no"),
            new DeliveryOutcome.TryLater(FailureKind.RateLimited, "HTTP 429")], Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events);
    }

    [Fact]
    public void LinkedInDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(3, Requests.Count);
        Assert.Equal(3, Answers.Count);
    }
}
