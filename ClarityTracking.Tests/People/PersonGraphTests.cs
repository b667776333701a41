using ClarityTracking.Core.People;

namespace ClarityTracking.Tests.People;

/// <summary>Who is who, sighting by sighting: the rules of docs/identity.md.</summary>
public sealed class PersonGraphTests
{
    private readonly PersonGraph _graph = new();
    private DateTimeOffset _at = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Words such as <c>email:a</c>; an email's word becomes a counted token.</summary>
    private Guid? See(string words, string? name = null)
    {
        _at = _at.AddMinutes(1);
        return _graph.Take(new Sighting("event", Guid.CreateVersion7(_at), _at, [.. words.Split(' ').Select(Token)], new PersonShown(name, null, null)));
    }

    private static PersonToken Token(string word)
    {
        var (kind, value) = (Enum.Parse<PersonIdKind>(word.Split(':')[0], ignoreCase: true), word.Split(':')[1]);
        return new PersonToken(kind, kind == PersonIdKind.Email ? $"{(long)KeyKind.Email << 60 | (uint)value.GetHashCode(StringComparison.Ordinal)}" : value);
    }

    private void AssertSame(string one, string other, bool same) => Assert.Equal(same, RootOf(one) == RootOf(other));

    private Guid RootOf(string word) => _graph.RootOf(_graph.Tokens[Token(word)].PersonId);

    [Fact]
    public void SeenTogether_AreOnePerson_AndAnonymousVisitorsAreNobody()
    {
        Assert.Null(See("visitor:v1"));
        var jane = See("email:jane visitor:v1");
        Assert.NotNull(jane);
        Assert.Equal(jane, See("visitor:v1"));
        See("email:jane visitor:v2"); // another device
        AssertSame("visitor:v1", "visitor:v2", true);
        Assert.Single(_graph.Persons);
        Assert.Empty(_graph.Merges);
    }

    [Fact]
    public void AnEmailThatBothKnow_MergesThem_AndTheOlderStays()
    {
        var phone = See("phone:1 visitor:v1");
        var email = See("email:jane visitor:v2");
        See("email:jane phone:1", "jane doe");
        var merge = Assert.Single(_graph.Merges);
        Assert.Equal((phone, email, PersonIdKind.Phone), (merge.KeptId, merge.MergedId, merge.Kind));
        AssertSame("visitor:v1", "visitor:v2", true);
        Assert.Equal(email, _graph.Tokens[Token("email:jane")].PersonId); // stays with whom it was first seen with
    }

    [Fact]
    public void ABrowserThatGivesAnotherAddress_IsAFamilys()
    {
        See("email:jane visitor:tablet");
        See("email:joe visitor:tablet");
        AssertSame("email:jane", "email:joe", false);
        Assert.Empty(_graph.Merges);
        Assert.Equal(RootOf("email:jane"), RootOf("visitor:tablet"));
    }

    [Fact]
    public void ABrowserOfFourPeople_IdentifiesNoOne()
    {
        foreach (var customer in new[] { "a", "b", "c" })
            See($"email:{customer} visitor:desk");
        Assert.Equal(RootOf("email:a"), _graph.RootOf(See("visitor:desk")!.Value));
        See("email:d visitor:desk");
        Assert.True(_graph.Tokens[Token("visitor:desk")].IsShared);
        Assert.Null(See("visitor:desk"));
        See("phone:9 visitor:desk");
        Assert.Equal(5, _graph.Persons.Count);
    }

    [Fact]
    public void ANumberUnderAnotherName_IsAHouseholds()
    {
        See("email:jane phone:home", "jane doe");
        See("email:joe phone:home", "joe doe");
        AssertSame("email:jane", "email:joe", false);
        See("email:jane2 phone:home", "jane miller"); // the same given name: she has two addresses
        AssertSame("email:jane", "email:jane2", true);
        See("email:bob phone:2", "robert doe");
        See("email:bob2 phone:2", "bob doe");
        AssertSame("email:bob", "email:bob2", true);
    }

    [Fact]
    public void OverALimit_TheWeakestIsDropped()
    {
        See("external:1 email:shared visitor:v1");
        See("external:2 email:shared visitor:v1"); // one person has one own id
        AssertSame("external:1", "external:2", false);
        Assert.Equal(RootOf("external:1"), RootOf("email:shared"));

        for (var i = 1; i <= 7; i++)
            See($"email:desk phone:{i}00");
        Assert.Equal(5, Enumerable.Range(1, 7).Count(i => _graph.Tokens.ContainsKey(Token($"phone:{i}00"))));
    }

    [Fact]
    public void AMergeTakenBack_IsNotMadeAgainByTheSameEvidence()
    {
        var a = See("phone:1")!.Value;
        var b = See("email:jane")!.Value;
        _graph.Undone[(a, b)] = (int)PersonIdKind.Phone;
        See("email:jane phone:1");
        AssertSame("phone:1", "email:jane", false);
        See("external:9 phone:1");
        See("external:9 email:jane"); // surer evidence than the one that was taken back
        AssertSame("phone:1", "email:jane", true);
    }

    [Fact]
    public void AMembersWord_IsNotBeaten()
    {
        var a = See("phone:1")!.Value;
        var b = See("email:jane")!.Value;
        _graph.Undone[(b, a)] = -1;
        See("external:9 phone:1");
        See("external:9 email:jane");
        AssertSame("phone:1", "email:jane", false);
    }

    [Theory]
    [InlineData("jane doe", "jane miller", true)]
    [InlineData("bob", "robert doe", true)]
    [InlineData("j doe", "jane doe", true)]
    [InlineData(null, "jane", true)]
    [InlineData("jane doe", "joe doe", false)]
    public void GivenNames_MayBeOnePersons(string? one, string? other, bool alike) => Assert.Equal(alike, PersonGraph.AreAlike(one, other));
}
