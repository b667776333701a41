using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Vectors;

/// <summary>
/// The server's half of each request: which fbc is sent, that fbp goes through, which address counts. Setting cookies is the snippet's
/// half: there the index of the cookie's domain is part of the value, while a value made on the server without a cookie has index 1 (Meta,
/// fbp and fbc parameters). So a case with another index is checked twice: made here, and passed on from the snippet's cookie.
/// A new fbp is the snippet's alone. Appendices are kept in what a cookie brings and never added.
/// </summary>
public sealed class MetaRequestContextTests
{
    const string File = "meta/fbc-fbp-client-ip.json";

    public static TheoryData<string> Requests => VectorFile.Ids(File);

    [Theory]
    [MemberData(nameof(Requests))]
    public void MetaBrowserIds_RequestContext_SendsTheExpectedValues(string id)
    {
        var vector = VectorFile.Cases(File)[id];
        var input = vector.GetProperty("input");
        var expected = vector.GetProperty("expected");
        var (sentFbc, sentFbp) = Send(input, input.GetProperty("cookies").Text("_fbc"));

        var expectedFbc = expected.Text("fbc");
        if (expectedFbc is null)
        {
            Assert.Null(sentFbc);
        }
        else if (expected.Text("fbc_appendix") is "net_new" or "modified_new")
        {
            var parts = expectedFbc.Split('.');
            Assert.Equal($"fb.1.{parts[2]}.{parts[3]}", sentFbc);
            Assert.Equal(expectedFbc, Send(input, expectedFbc).Fbc);
        }
        else
        {
            Assert.Equal(input.GetProperty("cookies").Text("_fbc"), sentFbc);
            Assert.Equal(expectedFbc, string.Join('.', sentFbc!.Split('.').Take(4)));
        }

        Assert.Equal(expected.Text("fbp_appendix") == "net_new" ? null : expected.Text("fbp"), sentFbp);

        Assert.Equal(expected.Text("client_ip_address"),
            ClientIp.Choose(input.GetProperty("cookies").Text("_fbi"), input.Text("x_forwarded_for"), input.Text("remote_address")));
    }

    [Fact]
    public void MetaRequestContexts_Counted_NoneIsSkipped() => Assert.Equal(31, Requests.Count);

    static (string? Fbc, string? Fbp) Send(JsonElement input, string? fbcCookie)
    {
        var clock = VectorFile.Read(File).GetProperty("clock_ms").GetInt64();
        var cookies = new Dictionary<string, string>();
        if (fbcCookie is not null)
            cookies["fbc"] = fbcCookie;
        if (input.GetProperty("cookies").Text("_fbp") is { } fbp)
            cookies["fbp"] = fbp;
        var query = string.Join('&', input.GetProperty("query").EnumerateObject().Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value.GetString()!)}"));
        var userData = new MetaEvents
        {
            Url = $"https://{input.Text("host")}/?{query}",
            Referrer = input.Text("referer"),
            OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(clock),
            Cookies = cookies,
        }.Map().GetProperty("user_data");
        return (userData.Text("fbc"), userData.Text("fbp"));
    }
}
