using System.Text.Json.Nodes;
using ClarityTracking.Core.Destinations.GoogleAnalytics;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Google Analytics' golden requests and answers.</summary>
public sealed class AnalyticsDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/ga4.json", new AnalyticsDestination(), """{"api_secret":"ga-secret"}""")
    {
        Cookies = new Dictionary<string, string> { ["ga_cookie"] = "ga", ["session_id"] = "ga_session" },
        Braces = new Dictionary<string, string> { ["secret"] = "ga-secret", ["G-ID"] = "G-ABC123" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    [Theory]
    [MemberData(nameof(Requests))]
    public void AnalyticsDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("measurement_id", "G-ABC123"))), LeaveCaseOfAddressOpen);

    /// <summary>The vector's note: the case of the plain parts of an address is not settled.</summary>
    static void LeaveCaseOfAddressOpen(JsonNode body)
    {
        if (body["user_data"]?["address"]?[0] is JsonObject address)
            foreach (var name in (string[])["city", "region", "postal_code", "country"])
                address[name] = ((string?)address[name])?.ToUpperInvariant();
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void AnalyticsDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index);
        Assert.Equal(expected == "invalid" ? "permanent" : expected, verdict);
    }

    [Fact]
    public void AnalyticsDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(4, Requests.Count);
        Assert.Equal(2, Answers.Count);
    }
}
