using System.Text.Json.Nodes;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations.GoogleAds;

namespace ClarityTracking.Tests.Vectors;

/// <summary>The golden requests and answers of both ways to Google Ads.</summary>
public sealed class GoogleAdsDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/google_ads.json", new GoogleAdsDestination(), """{"developer_token":"dev-token","access_token":"old-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["gclid"] = "gclid" },
        Braces = new Dictionary<string, string>
        {
            ["access_token"] = "fresh-token",
            ["developer_token"] = "dev-token",
            ["customer_id"] = "1234567890",
            ["manager_id"] = "9998887777",
            ["conversion_action_id"] = "987",
            ["N"] = "24",
        },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void GoogleAdsDestination_Vector_SendsExactlyTheExpectedRequest(string id)
    {
        var transport = Vectors.Case(id).GetProperty("context").Text("transport")!;
        var settings = JsonNode.Parse(Vectors.Settings(id, ("customer_id", "123-456-7890"), ("transport", transport)))!;
        settings["conversion_actions"] = new JsonObject { ["purchase"] = "987", ["lead"] = 987 };
        if (transport == "google_ads_api") // the vectors know the manager only there
            settings["manager_id"] = "999-888-7777";
        Vectors.AssertRequest(id, Vectors.RequestOf(id, settings.ToJsonString(), accessToken: "fresh-token"));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void GoogleAdsDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index, events: 2);
        Assert.Equal(expected == "accepted" ? "delivered" : expected, verdict);
    }

    [Fact]
    public void GoogleAdsDestination_PartialFailure_OnlyTheNamedRowIsRefused()
    {
        var (_, _, outcome) = Vectors.JudgeAnswer(0, events: 2);
        Assert.Equal([new DeliveryOutcome.Delivered(null), new DeliveryOutcome.Refused(FailureKind.TooOld, "EXPIRED_EVENT: ...")],
            Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events);
    }

    [Fact]
    public void GoogleAdsDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(3, Requests.Count);
        Assert.Equal(3, Answers.Count);
    }
}
