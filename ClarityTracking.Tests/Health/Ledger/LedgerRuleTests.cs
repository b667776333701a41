using System.Globalization;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Tests.Health.Ledger;

/// <summary>Each state of the ledger with what leads to it.</summary>
public sealed class LedgerRuleTests
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly LedgerDestination Meta = new(Guid.Parse("00000000-0000-0000-0000-00000000000a"), "Meta", "meta", true, Now.AddDays(-100));
    private static readonly LedgerMoment Moment = new(Now, null, Now.AddDays(-395), Now.AddDays(-90));

    [Fact]
    public void Losses_OfWhatWaits_AreThoseThatWaitTooLong()
    {
        var tally = new LedgerTally("EUR");
        var order = new LedgerConversion(Guid.NewGuid(), ConversionKind.Order, null, ConversionStatus.Paid, "shopify", null, "1", null, false, Now, null, Now, 10, "EUR", 0, []);
        tally.Add(order, new LedgerVerdict(LedgerState.Pending, "sending", LedgerWeight.Open));
        tally.Add(order, new LedgerVerdict(LedgerState.Pending, "sending", LedgerWeight.Open));
        tally.Add(order, new LedgerVerdict(LedgerState.Pending, "sending", LedgerWeight.Loss));
        tally.Add(order, new LedgerVerdict(LedgerState.Missing, "connection_added_later", LedgerWeight.None));
        tally.Add(order, new LedgerVerdict(LedgerState.Missing, "no_event", LedgerWeight.Loss));
        tally.Add(order, new LedgerVerdict(LedgerState.Missing, "no_event", LedgerWeight.Loss));
        var sums = tally.Sums();
        Assert.Equal([new LedgerLoss(LedgerState.Missing, "no_event", 2), new LedgerLoss(LedgerState.Pending, "sending", 1)], sums.Losses);
        Assert.Equal(sums.Lost, sums.Losses.Sum(l => l.Conversions));
    }

    /// <summary>
    /// Conversion <c>kind status [paid] [refunded]</c>; events <c>name@minutes ago: deliveries</c>, apart by <c>;</c>, where a delivery is <c>status[/reason]</c>, <c>-</c> no
    /// delivery, <c>!webhook status</c> not taken in, <c>gone</c> not stored any more.
    /// </summary>
    [Theory]
    // nothing owed
    [InlineData("order pending", "", "not_expected", null, "none")]
    [InlineData("order failed", "", "not_expected", null, "none")]
    [InlineData("order cancelled", "", "not_expected", null, "none")]
    [InlineData("booking pending", "", "not_expected", null, "none")]
    [InlineData("booking cancelled", "", "not_expected", null, "none")]
    [InlineData("booking no_show", "", "not_expected", null, "none")]
    // owed and not made
    [InlineData("order paid paid", "", "missing", "no_event", "loss")]
    [InlineData("payment paid paid", "", "missing", "no_event", "loss")]
    [InlineData("membership paid paid", "", "missing", "no_event", "loss")]
    [InlineData("lead paid paid", "", "missing", "no_event", "loss")]
    [InlineData("deal paid paid", "", "missing", "no_event", "loss")]
    [InlineData("booking confirmed", "", "missing", "no_event", "loss")]
    [InlineData("booking completed", "", "missing", "no_event", "loss")]
    [InlineData("manual paid paid", "", "missing", "no_event", "loss")]
    [InlineData("order paid paid refunded", "purchase@10: delivered", "missing", "no_event", "loss")] // the refund's
    // arrived
    [InlineData("order paid paid", "purchase@10: delivered", "delivered", null, "hit")]
    [InlineData("order paid paid", "purchase@10: dead/permanent delivered", "delivered", null, "hit")]
    [InlineData("order paid paid", "purchase@10: skipped/test delivered", "delivered", null, "hit")]
    [InlineData("booking confirmed", "schedule@10: delivered", "delivered", null, "hit")]
    [InlineData("booking cancelled", "schedule@10: delivered; booking_canceled@5: delivered", "delivered", null, "hit")]
    [InlineData("booking completed paid", "schedule@99: skipped/unmapped; purchase@10: delivered", "delivered", null, "hit")]
    [InlineData("manual paid paid", "newsletter_signup@10: delivered", "delivered", null, "hit")]
    // kept back
    [InlineData("order paid paid", "purchase@10: skipped/consent", "ignored", "consent", "right")]
    [InlineData("order paid paid", "purchase@10: skipped/filter", "ignored", "filter", "right")]
    [InlineData("order paid paid", "purchase@10: skipped/bot", "ignored", "bot", "right")]
    [InlineData("order paid paid", "purchase@10: skipped/test", "ignored", "test", "right")]
    [InlineData("lead paid paid", "lead@10: skipped/unmapped", "ignored", "unmapped", "right")]
    [InlineData("order paid paid", "purchase@10: skipped/missing_keys", "ignored", "missing_keys", "loss")]
    [InlineData("order paid paid", "purchase@10: skipped/missing_field", "ignored", "missing_field", "loss")]
    [InlineData("order paid paid", "purchase@10: skipped/too_old", "ignored", "too_old", "loss")]
    // given up
    [InlineData("order paid paid", "purchase@10: dead/permanent", "failed", "permanent", "loss")]
    [InlineData("order paid paid", "purchase@10: dead/too_old", "failed", "too_old", "loss")]
    // on its way; after an hour it counts as not arrived
    [InlineData("order paid paid", "purchase@10: pending", "pending", "sending", "open")]
    [InlineData("order paid paid", "purchase@61: pending", "pending", "sending", "loss")]
    [InlineData("order paid paid", "purchase@10: retrying/transient", "retrying", "transient", "open")]
    [InlineData("order paid paid", "purchase@90: retrying/rate_limited", "retrying", "rate_limited", "loss")]
    [InlineData("order paid paid", "purchase@10: dead/permanent retrying/transient", "retrying", "transient", "open")] // replayed
    [InlineData("order paid paid", "purchase@0: -", "pending", "routing", "open")]
    [InlineData("order paid paid", "purchase@10: !received", "pending", "webhook", "open")]
    // never came to a delivery
    [InlineData("order paid paid", "purchase@10: !failed", "missing", "refused_by_intake", "loss")]
    [InlineData("order paid paid", "purchase@10: !processed", "missing", "refused_by_intake", "loss")]
    [InlineData("order paid paid", "purchase@10: gone", "missing", "event_gone", "loss")]
    [InlineData("order paid paid", "purchase@600000: gone", "unknown", null, "none")] // past the time that events are kept
    [InlineData("order paid paid", "purchase@10: -", "missing", "connection_off", "loss")]
    [InlineData("order paid paid", "purchase@144001: -", "unknown", null, "none")] // past the time that deliveries are kept
    // several events: what is lost or open counts first, else what it was made by
    [InlineData("order refunded paid refunded", "purchase@10: delivered; refund@5: delivered", "delivered", null, "hit")]
    [InlineData("order refunded paid refunded", "purchase@10: delivered; refund@5: skipped/unmapped", "delivered", null, "hit")]
    [InlineData("order refunded paid refunded", "purchase@10: skipped/consent; refund@5: skipped/consent", "ignored", "consent", "right")]
    [InlineData("order refunded paid refunded", "purchase@10: skipped/filter; refund@5: delivered", "ignored", "filter", "right")]
    [InlineData("order refunded paid refunded", "purchase@10: delivered; refund@5: dead/permanent", "failed", "permanent", "loss")]
    [InlineData("order refunded paid refunded", "purchase@10: delivered; refund@5: !failed", "missing", "refused_by_intake", "loss")]
    [InlineData("order paid paid refunded", "purchase@10: delivered; refund@5: pending", "pending", "sending", "open")]
    [InlineData("order refunded paid refunded", "purchase@10: dead/permanent; refund@5: delivered", "failed", "permanent", "loss")]
    [InlineData("order paid paid refunded", "purchase@10: delivered; refund@9: delivered; refund@5: retrying/transient", "retrying", "transient", "open")]
    [InlineData("booking completed paid", "schedule@99: dead/permanent; purchase@10: delivered", "failed", "permanent", "loss")]
    public void Conversion_AtADestination_StandsWhereTheRuleSays(string conversion, string events, string state, string? cause, string weight)
    {
        var verdict = LedgerRule.At(Read(conversion, events), Meta, Moment);
        Assert.Equal((state, cause, weight), (verdict.State.Word(), verdict.Cause, verdict.Weight.Word()));
    }

    [Fact]
    public void Verdict_NamesTheEventThatDecides()
    {
        Assert.Equal("refund", LedgerRule.At(Read("order refunded paid refunded", "purchase@10: delivered; refund@5: dead/permanent"), Meta, Moment).Event);
        Assert.Equal("purchase", LedgerRule.At(Read("order refunded paid refunded", "purchase@10: delivered; refund@5: delivered"), Meta, Moment).Event);
    }

    [Fact]
    public void ConnectionMadeAfterwards_IsOwedNothing_ButSaidToMissIt()
    {
        var verdict = LedgerRule.At(Read("order paid paid", "purchase@10: -"), Meta with { CreatedAt = Now.AddMinutes(-9) }, Moment);
        Assert.Equal((LedgerState.Missing, "connection_added_later", LedgerWeight.None), (verdict.State, verdict.Cause, verdict.Weight));
    }

    [Fact]
    public void EventThatTheRouterHasNotSeen_IsOnItsWay()
    {
        var waiting = Moment with { FirstUnrouted = IdAt(Now.AddMinutes(-70)) };
        Assert.Equal(("routing", LedgerWeight.Open), Of("purchase@10: -"));
        Assert.Equal(("routing", LedgerWeight.Loss), Of("purchase@65: -"));
        Assert.Equal(("connection_off", LedgerWeight.Loss), Of("purchase@80: -"));

        (string?, LedgerWeight) Of(string events) => LedgerRule.At(Read("order paid paid", events), Meta, waiting) is var v ? (v.Cause, v.Weight) : default;
    }

    [Theory]
    [InlineData(InboundStatus.Failed, 10, LedgerState.Missing, "webhook_failed", LedgerWeight.Loss)]
    [InlineData(InboundStatus.Received, 10, LedgerState.Pending, "webhook", LedgerWeight.Open)]
    [InlineData(InboundStatus.Received, 100, LedgerState.Pending, "webhook", LedgerWeight.Loss)]
    public void WebhookThatBecameNothing_IsALine(InboundStatus status, int minutes, LedgerState state, string cause, LedgerWeight weight)
    {
        var webhook = Read("order pending", "") with { Kind = null, Webhook = status, OccurredAt = Now.AddMinutes(-minutes) };
        var verdict = LedgerRule.At(webhook, Meta, Moment);
        Assert.Equal((state, cause, weight), (verdict.State, verdict.Cause, verdict.Weight));
    }

    [Theory]
    [InlineData("delivered/hit ignored/right", "delivered")]
    [InlineData("ignored/right missing/none", "ignored")]
    [InlineData("delivered/hit missing/none", "delivered")]
    [InlineData("delivered/hit pending/open", "pending")]
    [InlineData("pending/open failed/loss", "failed")]
    [InlineData("failed/loss missing/loss delivered/hit", "missing")]
    [InlineData("retrying/loss failed/loss", "failed")]
    [InlineData("unknown/none not_expected/none", "not_expected")]
    [InlineData("", "not_expected")]
    public void Overall_IsWhereItStandsWorst(string verdicts, string state)
    {
        var overall = LedgerRule.Overall(verdicts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('/'))
            .Select(v => new LedgerVerdict(EnumText.Parse<LedgerState>(v[0])!.Value, null, EnumText.Parse<LedgerWeight>(v[1])!.Value)).Reverse());
        Assert.Equal(state == "not_expected" && verdicts.Length > 0 ? "not_expected" : state, overall.State.Word());
    }

    [Theory]
    [InlineData(100, 90, 5, 2, 90d / 93)]
    [InlineData(10, 10, 0, 0, 1d)]
    [InlineData(10, 0, 0, 0, 0d)]
    [InlineData(10, 0, 10, 0, null)]
    [InlineData(0, 0, 0, 0, null)]
    public void Accuracy_IsDeliveredOfWhatWasToArrive(long expected, long delivered, long rightlyIgnored, long open, double? accuracy) =>
        Assert.Equal(accuracy, LedgerRule.Accuracy(expected, delivered, rightlyIgnored, open));

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData(null, "")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\r\nlines", "\"two\r\nlines\"")]
    [InlineData("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"")]
    [InlineData("+1", "'+1")]
    [InlineData("@x", "'@x")]
    [InlineData("-cmd", "'-cmd")]
    [InlineData("\t=1", "'\t=1")]
    [InlineData("-12.50", "-12.50")]
    public void CsvField_IsQuotedAndRunsNoFormula(string? text, string field) => Assert.Equal(field, LedgerCsv.Field(text));

    private static LedgerConversion Read(string conversion, string events)
    {
        var words = conversion.Split(' ');
        return new LedgerConversion(Guid.CreateVersion7(Now), EnumText.Parse<ConversionKind>(words[0]), words[0] == "manual" ? "newsletter_signup" : null, EnumText.Parse<ConversionStatus>(words[1])!.Value,
            "generic", null, "1", null, false, Now.AddMinutes(-30), words.Skip(2).Contains("paid") ? Now.AddMinutes(-30) : null, Now.AddMinutes(-30), 10, "EUR",
            words.Contains("refunded") && words[^1] == "refunded" && words.Length > 2 ? 5 : 0, [.. events.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(EventOf)]);
    }

    private static LedgerEvent EventOf(string text)
    {
        var (head, told) = (text.Split(':')[0].Split('@'), text.Split(": ")[1]);
        var at = Now.AddMinutes(-int.Parse(head[1], CultureInfo.InvariantCulture));
        var id = IdAt(at);
        if (told[0] == '!')
            return new LedgerEvent(head[0], "x", null, Guid.NewGuid(), EnumText.Parse<InboundStatus>(told[1..]), "why", [], []);
        if (told == "gone")
            return new LedgerEvent(head[0], "x", at, null, null, null, [], []);
        return new LedgerEvent(head[0], "x", at, null, null, null, [id], told == "-" ? [] :
        [
            .. told.Split(' ').Select((d, i) => (Parts: d.Split('/'), Number: i)).Select(d => new LedgerDelivery(Guid.CreateVersion7(at), Meta.Id, id, EnumText.Parse<DeliveryStatus>(d.Parts[0])!.Value,
                d.Parts.ElementAtOrDefault(1), null, d.Parts[0] is "pending" or "retrying" ? null : at.AddSeconds(d.Number))),
            new LedgerDelivery(Guid.CreateVersion7(at), Guid.NewGuid(), id, DeliveryStatus.Delivered, null, null, at), // at another destination
        ]);
    }

    private static Guid IdAt(DateTimeOffset at) => Guid.CreateVersion7(at);
}
