using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Microsoft;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Microsoft's golden requests and answers.</summary>
public sealed class MicrosoftDestinationVectorTests
{
    static readonly MicrosoftDestination Destination = new();

    static readonly DestinationVectors Vectors = new("destinations/microsoft.json", Destination, """{"access_token":"microsoft-token"}""")
    {
        ClickIds = new Dictionary<string, string> { ["msclkid"] = "msclkid" },
        Braces = new Dictionary<string, string> { ["token"] = "microsoft-token", ["uet_tag_id"] = "343012345" },
    };

    public static TheoryData<string> Requests => Vectors.Ids;

    public static TheoryData<int> Answers => Vectors.Answers;

    /// <summary>The vectors' note leaves the phone's form, the value's name and continueOnValidationError open; ours are the vectors' own, so nothing is settled.</summary>
    [Theory]
    [MemberData(nameof(Requests))]
    public void MicrosoftDestination_Vector_SendsExactlyTheExpectedRequest(string id) =>
        Vectors.AssertRequest(id, Vectors.RequestOf(id, Vectors.Settings(id, ("uet_tag_id", "343012345"))));

    [Theory]
    [MemberData(nameof(Answers))]
    public void MicrosoftDestination_VectorAnswer_IsJudged(int index)
    {
        var (expected, verdict, _) = Vectors.JudgeAnswer(index);
        Assert.Equal(expected, verdict);
    }

    [Theory]
    [InlineData(400, false)]
    [InlineData(200, true)]
    public void MicrosoftDestination_NamedEventInABatch_OnlyThatOneIsRefused(int status, bool othersTaken)
    {
        var outcome = Destination.Judge(new DestinationAnswer(status,
            """{"eventsReceived":2,"error":{"code":"InvalidRequest","details":[{"index":1,"propertyName":"eventTime","errorMessage":"too old"}]},"traceId":"t"}""", Events: 3));
        var events = Assert.IsType<DeliveryOutcome.Mixed>(outcome).Events;
        Assert.Equal(new DeliveryOutcome.Refused(FailureKind.Permanent, "InvalidRequest: eventTime: too old"), events[1]);
        DeliveryOutcome others = othersTaken ? new DeliveryOutcome.Delivered("t") : DeliveryOutcome.NotTaken.It;
        Assert.Equal([others, others], [events[0], events[2]]);
    }

    [Fact]
    public void MicrosoftDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(3, Requests.Count);
        Assert.Equal(2, Answers.Count);
    }
}
