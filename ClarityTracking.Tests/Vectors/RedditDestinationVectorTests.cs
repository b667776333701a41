using ClarityTracking.Core.Destinations.Reddit;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Reddit's golden requests and answers.</summary>
public sealed class RedditDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/reddit.json", new RedditDestination(), """{"access_token":"reddit-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["click_id"] = "rdt_cid" },
        Cookies = new Dictionary<string, string> { ["rdt_uuid_cookie"] = "rdt_uuid" },
        Braces = new Dictionary<string, string> { ["token"] = "reddit-token", ["pixel_id"] = "a2_abc" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void RedditDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("pixel_id", "a2_abc"))));

    [Theory]
    [MemberData(nameof(Answers))]
    public void RedditDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index);
        Assert.Equal(expected, verdict);
    }

    [Fact]
    public void RedditDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(3, Requests.Count);
        Assert.Equal(2, Answers.Count);
    }
}
