using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Tests.Components;

public sealed class WordsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, "just now")]
    [InlineData(-4, "just now")]
    [InlineData(-59, "59 s ago")]
    [InlineData(-60, "1 min ago")]
    [InlineData(-3599, "59 min ago")]
    [InlineData(-3600, "1 h ago")]
    [InlineData(-86399, "23 h ago")]
    [InlineData(-86400, "yesterday")]
    [InlineData(-172800, "2 days ago")]
    [InlineData(250, "in 4 min")]
    [InlineData(86400, "in 1 day")]
    public void Ago_Distance_IsToldInItsLargestUnit(int seconds, string expected) => Assert.Equal(expected, Words.Ago(Now.AddSeconds(seconds), Now));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(9_999, "9,999")]
    [InlineData(12_400, "12.4 k")]
    [InlineData(3_100_000, "3.1 M")]
    public void Rounded_Count_FitsATile(long count, string expected) => Assert.Equal(expected, Words.Rounded(count));

    [Theory]
    [InlineData("149.9", "EUR", "149.90 EUR")]
    [InlineData("1200", "JPY", "1,200 JPY")]
    [InlineData("1.5", "KWD", "1.500 KWD")]
    [InlineData("10", null, "10.00")]
    public void Money_Currency_HasItsMinorUnits(string value, string? currency, string expected) =>
        Assert.Equal(expected, Words.Money(decimal.Parse(value, System.Globalization.CultureInfo.InvariantCulture), currency));

    [Theory]
    [InlineData("short", 5, "short")]
    [InlineData("0123456789", 5, "01…89")]
    [InlineData("0123456789", 6, "012…89")]
    public void Middle_LongText_KeepsBeginningAndEnd(string text, int length, string expected)
    {
        Assert.Equal(expected, Words.Middle(text, length));
        Assert.True(Words.Middle(text, length).Length <= length);
    }

    [Theory]
    [InlineData(DeliveryStatus.Pending, null, null, "info", "Pending")]
    [InlineData(DeliveryStatus.Retrying, "transient", 250, "warn", "Retrying in 4 min")]
    [InlineData(DeliveryStatus.Retrying, "transient", -1, "warn", "Retrying now")]
    [InlineData(DeliveryStatus.Delivered, null, null, "good", "Delivered")]
    [InlineData(DeliveryStatus.Skipped, "consent", null, "", "Skipped: no consent")]
    [InlineData(DeliveryStatus.Dead, "permanent", null, "bad", "Dead: refused by the platform")]
    public void StatusWords_Delivery_SaysStateAndReason(DeliveryStatus status, string? reason, int? nextInSeconds, string kind, string words) =>
        Assert.Equal(new StatusText(kind, words), StatusWords.Of(status, reason, nextInSeconds is { } s ? Now.AddSeconds(s) : null, Now));

    [Theory]
    [InlineData(ConnectionState.Healthy, true, null, "good", "Healthy")]
    [InlineData(ConnectionState.Paused, true, "token_id expired on Tuesday", "bad", "Paused: token_id expired on Tuesday")]
    [InlineData(ConnectionState.Paused, false, "token expired", "", "Switched off")]
    public void StatusWords_Connection_SaysStateAndReason(ConnectionState state, bool enabled, string? reason, string kind, string words) =>
        Assert.Equal(new StatusText(kind, words), StatusWords.Of(state, enabled, reason));

    [Fact]
    public void StatusWords_EverySkipAndFailure_HasWordsOfItsOwn()
    {
        string[] reasons = [.. Core.Data.EnumText.All<SkipReason>(), .. Core.Data.EnumText.All<FailureKind>()];

        Assert.All(reasons, reason => Assert.True(StatusWords.Knows(reason), $"No words for the reason '{reason}'."));
    }

    [Theory]
    [InlineData(InboundStatus.Received, "ok", 0, null, "info", "Being processed")]
    [InlineData(InboundStatus.Received, "ok", 2, 240, "warn", "Retrying in 4 min")]
    [InlineData(InboundStatus.Processed, "ok", 0, null, "good", "Processed")]
    [InlineData(InboundStatus.Failed, "ok", 3, null, "bad", "Failed")]
    [InlineData(InboundStatus.Refused, "signature_mismatch", 0, null, "bad", "Refused: signature does not fit")]
    [InlineData(InboundStatus.Refused, "some_new_verdict", 0, null, "bad", "Refused: some new verdict")]
    public void StatusWords_Webhook_SaysStateAndVerdict(InboundStatus status, string verdict, int attempts, int? nextInSeconds, string kind, string words) =>
        Assert.Equal(new StatusText(kind, words), StatusWords.Of(status, verdict, attempts, nextInSeconds is { } s ? Now.AddSeconds(s) : null, Now));
}
