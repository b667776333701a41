using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Tests.Health.Duplicates;

/// <summary>Which conversions are one: a pure function, whatever the order they come in.</summary>
public sealed class DuplicateClusterTests
{
    private static readonly Guid Site = Guid.CreateVersion7(), Workspace = Guid.CreateVersion7();
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    [Fact]
    public void OneOrder_UnderTwoIds_IsOneWhateverTheAmount()
    {
        Assert.Equal(["different_ids same_order: a b"], Found(Print("a", order: "1001"), Print("b", 7000, order: "#1001", value: 59.9m, visitor: null)));
        Assert.Equal(["browser_and_server same_order: a b"], Found(Print("a", order: "1001"), Print("b", 60, order: "1001", isServer: true)));
    }

    [Fact]
    public void OneOrder_AfterMoreThanEightDays_IsTwo() =>
        Assert.Empty(Found(Print("a", order: "1001"), Print("b", (8 * 86400) + 60, order: "1001")));

    [Fact]
    public void OneNumber_OfOtherPersonsAndAmounts_IsTwoShops() =>
        Assert.Empty(Found(Print("a", order: "1001", visitor: "v1", person: 4), Print("b", 60, order: "1001", visitor: "v2", person: 8, value: 12)));

    [Fact]
    public void TwoOrders_OfOneVisitor_AreTwo() => Assert.Empty(Found(Print("a", order: "1001"), Print("b", 60, order: "1002")));

    [Theory]
    [InlineData(600, true)]
    [InlineData(601, false)]
    public void NoOrder_WithinTheWindow_IsOne(int seconds, bool isOne) => Assert.Equal(isOne, Found(Print("a"), Print("b", seconds)).Count == 1);

    [Theory]
    [InlineData("undefined")]
    [InlineData("{{order.id}}")]
    [InlineData(" ")]
    [InlineData("0")]
    public void APlaceholder_IsNoOrder(string order) => Assert.Empty(Found(Print("a", order: order, visitor: "v1"), Print("b", 60, order: order, visitor: "v2")));

    [Fact]
    public void OtherPersonsInOneBrowser_AreTwo() => Assert.Empty(Found(Print("a", person: 4), Print("b", 60, person: 8)));

    [Fact]
    public void AnEmailAndAPhone_DoNotSayOtherPersons() => Assert.Single(Found(Print("a", person: 4), Print("b", 60, person: 9)));

    [Fact]
    public void OnePerson_InTwoBrowsers_IsOne() =>
        Assert.Equal(["different_ids same_person_and_value: a b"], Found(Print("a", visitor: "v1", person: 4), Print("b", 60, visitor: "v2", person: 4)));

    [Fact]
    public void OtherValueOrCurrencyOrName_AreTwo()
    {
        Assert.Empty(Found(Print("a"), Print("b", 60, value: 50)));
        Assert.Empty(Found(Print("a"), Print("b", 60) with { Currency = "USD" }));
        Assert.Empty(Found(Print("a"), Print("b", 60) with { Family = "lead" }));
    }

    [Fact]
    public void OtherItemsOfOneSide_AreTwo_AndOfTwoSidesOne()
    {
        Assert.Empty(Found(Print("a") with { About = 1 }, Print("b", 60) with { About = 2 }));
        Assert.Single(Found(Print("a") with { About = 1 }, Print("b", 60, isServer: true) with { About = 2 }));
    }

    [Fact]
    public void TwoForms_AreTwo_AndOneFormSentTwiceIsOne()
    {
        Assert.Empty(Found(Print("a", value: null) with { Path = 1 }, Print("b", 60, value: null) with { Path = 2 }));
        Assert.Single(Found(Print("a", value: null) with { Path = 1 }, Print("b", 60, value: null) with { Path = 1 }));
    }

    [Fact]
    public void TwoOrdersAndTwoPagesWithoutNumbers_FindTheirOwn() =>
        Assert.Equal(["browser_and_server same_visitor_and_value: a c", "browser_and_server same_visitor_and_value: b d"],
            Found(Print("a"), Print("b", 300), Print("c", 20, order: "1", isServer: true), Print("d", 320, order: "2", isServer: true)));

    [Fact]
    public void OneId_AfterDays_IsOne() => Assert.Equal(["same_id same_id: x x"], Found(Print("x"), Print("x", 7 * 86400)));

    [Fact]
    public void OtherWebsites_AreNeverCompared()
    {
        var other = Print("b", 5, order: "1");
        Assert.Empty(Found(Print("a", order: "1"), other with { Address = other.Address with { WebsiteId = Guid.CreateVersion7() } }));
    }

    [Fact]
    public void AnyOrderOfArrival_ComesToTheSame()
    {
        var random = new Random(3);
        ConversionPrint[] prints =
        [
            Print("a"), Print("b", 300), Print("c", 20, order: "1", isServer: true), Print("d", 320, order: "2", isServer: true), Print("e", 500), Print("f", 30, visitor: "w", order: "1", value: 70),
            Print("g", 40, visitor: "x", person: 4), Print("h", 60, visitor: "y", person: 4), Print("i", 90, visitor: "y", person: 8),
        ];
        var expected = Found(prints);
        for (var i = 0; i < 50; i++)
        {
            random.Shuffle(prints);
            Assert.Equal(expected, Found(prints));
        }
    }

    [Theory]
    [InlineData("Order Completed", "purchase")]
    [InlineData("Purchase", "purchase")]
    [InlineData("generate_lead", "lead")]
    [InlineData("Quiz done", "Quiz done")]
    [InlineData("refund", null)]
    [InlineData("booking_rescheduled", null)]
    public void Names_ThatMeanTheSame_HaveOneFamily(string name, string? family) => Assert.Equal(family, ConversionNames.FamilyOf(name));

    private static List<string> Found(params ConversionPrint[] prints) => [.. DuplicateClusters.Find(prints, Window)
        .Select(c => $"{Core.Data.EnumText.Word(c.Kind)} {Core.Data.EnumText.Word(c.Reason)}: {string.Join(' ', c.Members.Select(m => m.EventId).Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal)];

    private static ConversionPrint Print(string id, int seconds = 0, string? order = null, decimal? value = 49.9m, string? visitor = "v", long? person = null, bool isServer = false) => new()
    {
        // the id holds when it was received
        Address = new EventAddress(Workspace, Site, Guid.CreateVersion7(Noon.AddSeconds(seconds))),
        EventId = id,
        Name = "purchase",
        Family = "purchase",
        Source = isServer ? EventSource.Server : EventSource.Browser,
        OccurredAt = Noon.AddSeconds(seconds),
        VisitorId = visitor,
        OrderId = order,
        Value = value,
        Currency = value is null ? null : "EUR",
        Visitors = visitor is null ? [] : [ConversionPrint.Hash(visitor)],
        Persons = person is { } p ? [p] : [],
    };
}
