using System.Globalization;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Tests.Destinations.Meta;

public sealed class MetaAnswerTests
{
    [Theory]
    [InlineData(400, 100, 2804003, FailureKind.TooOld)]
    [InlineData(400, 100, 2804009, FailureKind.Permanent)]
    [InlineData(400, 100, 2804050, FailureKind.Permanent)]
    [InlineData(400, 100, 33, FailureKind.Credential)]
    [InlineData(500, 100, null, FailureKind.Permanent)]
    [InlineData(400, 190, 460, FailureKind.Credential)]
    [InlineData(500, 190, 463, FailureKind.Credential)]
    [InlineData(400, 102, null, FailureKind.Credential)]
    [InlineData(403, 10, null, FailureKind.Credential)]
    [InlineData(403, 200, null, FailureKind.Credential)]
    [InlineData(403, 299, null, FailureKind.Credential)]
    [InlineData(400, 3, null, FailureKind.Credential)]
    [InlineData(400, 1, null, FailureKind.Transient)]
    [InlineData(500, 2, null, FailureKind.Transient)]
    [InlineData(400, 341, null, FailureKind.Transient)]
    [InlineData(400, 368, null, FailureKind.Transient)]
    [InlineData(400, 5000, null, FailureKind.Transient)]
    [InlineData(400, 21009, null, FailureKind.Transient)]
    [InlineData(400, 4, null, FailureKind.RateLimited)]
    [InlineData(500, 17, null, FailureKind.RateLimited)]
    [InlineData(400, 32, null, FailureKind.RateLimited)]
    [InlineData(400, 613, null, FailureKind.RateLimited)]
    [InlineData(400, 80003, null, FailureKind.RateLimited)]
    [InlineData(400, 80004, null, FailureKind.RateLimited)]
    // a code nobody knows: the status decides
    [InlineData(400, 987654, null, FailureKind.Permanent)]
    [InlineData(401, 987654, null, FailureKind.Credential)]
    [InlineData(408, 987654, null, FailureKind.Transient)]
    [InlineData(429, 987654, null, FailureKind.RateLimited)]
    [InlineData(503, 987654, null, FailureKind.Transient)]
    public void Judge_ErrorCode_DecidesBeforeTheStatus(int status, int code, int? subcode, FailureKind kind) =>
        Assert.Equal(kind, Kind(Judge(status, $$"""{"error":{"code":{{code}},"error_subcode":{{(subcode?.ToString(CultureInfo.InvariantCulture) ?? "null")}},"message":"m" } }""")));

    [Theory]
    [InlineData(100, FailureKind.Transient)]
    [InlineData(987654, FailureKind.Transient)]
    [InlineData(190, FailureKind.Credential)]
    public void Judge_IsTransient_CountsUnlessTheCodeIsClear(int code, FailureKind kind) =>
        Assert.Equal(kind, Kind(Judge(400, $$"""{"error":{"code":{{code}},"is_transient":true } }""")));

    [Theory]
    [InlineData(200, "")]
    [InlineData(200, "<html>Please sign in</html>")]
    [InlineData(200, """{"events_received":0}""")]
    [InlineData(200, "[1]")]
    [InlineData(200, "null")]
    [InlineData(400, "<html>Bad request</html>")]
    [InlineData(404, "not found")]
    [InlineData(502, """{"error":"bad gateway"}""")]
    [InlineData(500, "\uD800")]
    [InlineData(500, "{\"error\":")]
    public void Judge_AnswerThatIsNotTheGraphApis_IsTransient(int status, string body) => Assert.Equal(FailureKind.Transient, Kind(Judge(status, body)));

    [Fact]
    public void Judge_MessageThatIsNoText_IsJudgedByItsCode() =>
        Assert.Equal(FailureKind.Permanent, Kind(Judge(400, "{\"error\":{\"code\":100,\"message\":\"\\ud800\"}}")));

    [Fact]
    public void Judge_DeepBomb_IsTransient() => Assert.Equal(FailureKind.Transient, Kind(Judge(500, new string('[', 100_000))));

    [Fact]
    public void Judge_TooManyRequestsWithoutBody_IsRateLimited() => Assert.Equal(FailureKind.RateLimited, Kind(Judge(429, "")));

    [Fact]
    public void Judge_EventsReceived_IsDeliveredWithTheTrace() =>
        Assert.Equal(new DeliveryOutcome.Delivered("AbC"), Judge(200, """{"events_received":2,"messages":[],"fbtrace_id":"AbC"}"""));

    [Fact]
    public void Judge_ErrorWithStatus200_IsStillAnError() =>
        Assert.Equal(FailureKind.Credential, Kind(Judge(200, """{"error":{"code":190},"events_received":1}""")));

    [Fact]
    public void Judge_Refusal_SaysWhyInMetasWords() =>
        Assert.Equal(new DeliveryOutcome.Refused(FailureKind.TooOld, "100/2804003 Invalid parameter: Event Timestamp Too Old (fbtrace_id X1)"),
            Judge(400, """{"error":{"message":"Invalid parameter","code":100,"error_subcode":2804003,"error_user_title":"Event Timestamp Too Old","fbtrace_id":"X1"}}"""));

    static DeliveryOutcome Judge(int status, string body) => MetaEvents.Meta.Judge(new(status, body, 1));

    static FailureKind? Kind(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Refused refused => refused.Kind,
        DeliveryOutcome.TryLater later => later.Kind,
        _ => null,
    };

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"fbtrace_id":"A1"}""")]
    public void Judge_SuccessWithoutTheCount_IsDelivered(string body) => Assert.IsType<DeliveryOutcome.Delivered>(Judge(200, body));
}
