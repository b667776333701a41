using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Destinations.Snapchat;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Snapchat's golden requests; there are no golden answers, since its answers are not documented.</summary>
public sealed class SnapchatDestinationVectorTests
{
    static readonly DestinationVectors Vectors = new("destinations/snapchat.json", new SnapchatDestination(), """{"access_token":"snapchat-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["sc_click_id"] = "ScCid" },
        Cookies = new Dictionary<string, string> { ["sc_cookie1"] = "sc_cookie1" },
        Braces = new Dictionary<string, string> { ["token"] = "snapchat-token", ["pixel_id"] = "0a1b" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    [Theory]
    [MemberData(nameof(Requests))]
    public void SnapchatDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("pixel_id", "0a1b"))), LeaveZipOpen);

    /// <summary>The vector's note: the form of a US ZIP+4 is not settled, either will do.</summary>
    static void LeaveZipOpen(JsonNode body)
    {
        foreach (var sent in body["data"]!.AsArray())
            if (sent!["user_data"]!.AsObject() is { } user && user.ContainsKey("zp"))
            {
                Assert.Contains((string?)user["zp"], (string[])[Sha("94105"), Sha("94105-1234")]);
                user["zp"] = "either";
            }
    }

    static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void SnapchatDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(3, Requests.Count);
        Assert.Empty(Vectors.Answers);
    }
}
