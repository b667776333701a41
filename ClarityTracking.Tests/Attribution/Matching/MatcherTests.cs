using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.People;

namespace ClarityTracking.Tests.Attribution.Matching;

/// <summary>What speaks for a match, with the model that ships.</summary>
public sealed class MatcherTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 5, 20, 15, 0, 0, TimeSpan.Zero);
    private static readonly Guid Website = Guid.Parse("6f1de2a4-0000-7000-8000-000000000001");
    private static readonly KeyStatistics Common = new(.01, new HashSet<long>());
    private readonly SecretProtector _protector = new(new byte[32]);
    private readonly LinkageKeys _keys;

    public MatcherTests() => _keys = new LinkageKeys(_protector);

    public void Dispose() => _protector.Dispose();

    [Fact]
    public void SameEmail_IsNamed_WithItsReason()
    {
        var visit = Touch("v1", Now.AddDays(-2));
        var answer = Answer(Booking(email: "Bob+x@gmail.example", name: "Bob Smith"), visit, Touch("v1", Now.AddDays(-2).AddMinutes(3), TouchKind.Lead, email: "bob@gmail.example", name: "Robert Smith"));
        Assert.Equal(visit.Id, answer.Touch?.Id);
        Assert.InRange(answer.Confidence, .9, 1);
        var reasons = MatchReasons.Of(answer, Now);
        Assert.Equal("same email", reasons[0]);
        Assert.Contains("name similar (short form)", reasons);
        Assert.Contains("clicked 2 days before", reasons);
        Assert.Contains(answer.Evidence, w => w.Field == "email=equal");
    }

    [Fact]
    public void AnotherPerson_IsNotNamed()
    {
        var answer = Answer(Booking(email: "bob@example.com", name: "Bob Smith"), Touch("v1", Now.AddDays(-2)),
            Touch("v1", Now.AddDays(-2).AddMinutes(3), TouchKind.Lead, email: "mei@example.com", name: "Mei Tanaka"));
        Assert.Null(answer.Touch);
        Assert.InRange(answer.Confidence, .7, 1);
        Assert.Empty(answer.Touches);
    }

    [Fact]
    public void NewestTouchOfThePerson_IsCredited_OnlyInsideTheWindowAndWithASource()
    {
        var (old, older) = (Touch("v1", Now.AddDays(-31).AddMilliseconds(1)), Touch("v1", Now.AddDays(-31)));
        var booking = Booking("v1", "bob@example.com", "Bob Smith");
        Assert.Equal(old.Id, Answer(booking, old, older, Touch("v1", Now.AddMinutes(-15), earns: false)).Touch?.Id);
        Assert.Null(Answer(booking, older).Touch);
        Assert.Null(Answer(booking, Touch("v1", Now.AddSeconds(1))).Touch); // after it
        // all of the path is kept, direct visits too
        Assert.Equal(3, Answer(booking, old, older, Touch("v1", Now.AddMinutes(-15), earns: false)).Touches.Count);
    }

    [Fact]
    public void FrontDesksBrowser_NamesNobody()
    {
        var desk = _keys.Key(Website, KeyKind.Visitor, "desk");
        var booking = Booking("desk", "bob@example.com", "Bob Smith");
        Assert.NotNull(Answer(booking, Touch("desk", Now.AddMinutes(-20))).Touch);
        var shared = new KeyStatistics(.01, new HashSet<long> { desk });
        Assert.Null(Matcher.Answer(booking, [Touch("desk", Now.AddMinutes(-20))], shared, MatchModel.Default).Touch);
        // who typed it in does not hide whose booking it is
        var own = Touch("v1", Now.AddDays(-3));
        Assert.Equal(own.Id, Matcher.Answer(booking, [Touch("desk", Now.AddMinutes(-20)), own, Touch("v1", Now.AddDays(-3), TouchKind.Identify, email: "bob@example.com")], shared, MatchModel.Default).Touch?.Id);
    }

    [Fact]
    public void RareName_SaysMoreThanACommonOne()
    {
        var booking = Booking(name: "Aoife Ibanez", intake: IntakeKind.Phone);
        MatchTouch[] lead = [Touch(null, Now.AddDays(-1), TouchKind.PlatformLead, name: "Aoife Ibanez")];
        double With(double share) => Matcher.Compare(booking, lead, new KeyStatistics(share, new HashSet<long>()), MatchModel.Default)[0].First;
        Assert.True(With(.0005) > With(.05), $"{With(.0005)} against {With(.05)}");
    }

    [Fact]
    public void CallJustBefore_NamesAVisitorWithoutAName()
    {
        var visit = Touch("v1", Now.AddMinutes(-14));
        var answer = Answer(Booking(name: "Bob Smith", intake: IntakeKind.Phone), visit, Touch("v1", Now.AddMinutes(-2), TouchKind.Call));
        Assert.Equal(visit.Id, answer.Touch?.Id);
        Assert.Contains("tapped the phone number within two minutes before", MatchReasons.Of(answer, Now));
    }

    [Fact]
    public void IdThatWasPassedThrough_IsBelieved_UnlessSomethingSpeaksAgainstIt()
    {
        var visit = Touch("v1", Now.AddDays(-2));
        var booking = Booking("v1", "bob@example.com");
        double Of(MatchSubject subject, KeyStatistics statistics, params MatchTouch[] touches) => Matcher.Compare(subject, touches, statistics, MatchModel.Default).Find(c => c.Profile.Id == "v1")!.First;
        Assert.Equal(.95, Of(booking, Common, visit));
        Assert.NotEqual(.95, Of(booking, Common with { CrowdedVisitors = new HashSet<long> { _keys.Key(Website, KeyKind.Visitor, "v1") } }, visit));
        Assert.NotEqual(.95, Of(booking with { Location = "north" }, Common, visit with { Location = "south" }));
        Assert.NotEqual(.95, Of(booking with { Service = "haircut" }, Common, visit with { Service = "shave" }));
        Assert.NotEqual(.95, Of(booking, Common, visit, Touch("v2", Now.AddDays(-1), TouchKind.Lead, email: "bob@example.com")));
    }

    [Theory]
    [InlineData("robert smith", "robert smith", "equal")]
    [InlineData("bob smith", "robert smith", "nick")]
    [InlineData("robert smihh", "robert smith", "near")]
    [InlineData("rbert smith", "robert smith", "near")]
    [InlineData("robert s", "robert smith", "initial")]
    [InlineData("mary smith", "robert smith", "surname")]
    [InlineData("robert", "robert smith", "given")]
    [InlineData("mei tanaka", "robert smith", "other")]
    public void NameLevels(string one, string other, string level) =>
        Assert.Equal(level, Comparison.NameLevel([one], new Profile("p", [Touch("p", Now, TouchKind.Lead, name: other)], Now)));

    [Theory]
    [InlineData("smith", "smith", 0)]
    [InlineData("smith", "smtih", 1)]
    [InlineData("smith", "smit", 1)]
    [InlineData("smith", "smythe", 2)]
    [InlineData("smith", "jones", 3)]
    [InlineData("", "ab", 2)]
    public void Slips(string one, string other, int slips) => Assert.Equal(slips, EditDistance.Of(one, other, 2));

    [Fact]
    public void Curves_NeverFall_AndDecisionsMoveThem()
    {
        var random = new Random(7);
        var answers = Enumerable.Range(0, 3000).Select(_ => random.NextDouble()).Select(raw => (raw, random.NextDouble() < raw * raw)).ToList();
        var learned = CalibrationCurve.Of(answers);
        foreach (var curve in new[] { learned, MatchModel.Default.Attributed, MatchModel.Default.Unattributed, MatchModel.Default.Pairs })
        {
            var shares = Enumerable.Range(0, 101).Select(i => curve.At(i / 100.0)).ToList();
            Assert.All(shares.Zip(shares.Skip(1)), pair => Assert.True(pair.First <= pair.Second));
            Assert.All(shares, share => Assert.InRange(share, 0, 1));
        }
        Assert.InRange(learned.At(.5), .18, .34); // a quarter of those were right
        var rejected = MatchModel.Default.Attributed.With([.. Enumerable.Repeat((.95, false), 40)], 25);
        Assert.True(rejected.At(.9) < MatchModel.Default.Attributed.At(.9) - .05);
        Assert.Same(learned, learned.With([], 25));
    }

    [Fact]
    public void WithoutReadableValues_KeysAloneAreCompared()
    {
        MatchTouch Unreadable(MatchTouch touch) => touch with { Person = TouchpointPerson.Nothing };
        var visit = Touch("v1", Now.AddDays(-2));
        var booking = Booking(email: "bob@example.com", name: "Bob Smith") with { Person = TouchpointPerson.Nothing };
        var answer = Answer(booking, Unreadable(visit), Unreadable(Touch("v1", Now.AddDays(-2), TouchKind.Lead, email: "bob@example.com", name: "Bob Smith")));
        Assert.Equal(visit.Id, answer.Touch?.Id);
        Assert.Contains("email=equal", answer.Levels);
        Assert.Contains("name=equal", answer.Levels);
    }

    private static MatchAnswer Answer(MatchSubject booking, params MatchTouch[] touches) => Matcher.Answer(booking, touches, Common, MatchModel.Default);

    private MatchSubject Booking(string? visitor = null, string? email = null, string? name = null, IntakeKind intake = IntakeKind.Website)
    {
        var person = TouchpointPerson.Of([name], [email], [], null, [], "US");
        return new MatchSubject(Guid.NewGuid(), Now, intake, person, _keys.OfConversion(Website, new Identity(visitor, [], person), Now), default, null, null);
    }

    private MatchTouch Touch(string? visitor, DateTimeOffset at, TouchKind kind = TouchKind.Visit, string? email = null, string? name = null, bool earns = true)
    {
        var (person, id) = (TouchpointPerson.Of([name], [email], [], null, [], "US"), Guid.NewGuid());
        var isOnPath = kind is TouchKind.Visit or TouchKind.PlatformLead;
        return new MatchTouch(id, at, kind, visitor ?? id.ToString(), isOnPath, isOnPath && earns, person,
            _keys.Of(Website, new Identity(visitor, [], person, kind is TouchKind.Call or TouchKind.Outbound ? at : null)), default, null, null);
    }
}
