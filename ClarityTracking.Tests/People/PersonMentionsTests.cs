using ClarityTracking.Core.People;

namespace ClarityTracking.Tests.People;

/// <summary>What of a text names somebody: whole values in every writing, and nothing that only holds one.</summary>
public sealed class PersonMentionsTests
{
    private static readonly PersonMentions Jane = new(new PersonRequest("jane.doe@example.com", null, null), "US");
    private static readonly PersonMentions Number = new(new PersonRequest(null, "+1 512 778 2877", null), "US");
    private static readonly PersonMentions Vienna = new(new PersonRequest(null, "+43 1 5137788", null), "AT");
    private static readonly PersonMentions Visitor = new(new PersonRequest(null, null, "a1b2c3d4-77"), null);

    [Theory]
    [InlineData("""{"email":"jane.doe@example.com"}""")]
    [InlineData("""{"email":"Jane.Doe@Example.com"}""")]
    [InlineData("""{"email":"jane.doe\u0040example.com"}""")]
    [InlineData("""{"note":"Thanks,\njane.doe@example.com."}""")]
    [InlineData("""{"raw":"{\"email\":\"jane.doe\\u0040example.com\"}"}""")]
    [InlineData("""{"email":"jane.doe+shop@example.com"}""")]
    [InlineData("name=Jane&email=jane.doe%40example.com&x=1")]
    [InlineData("mail=jane.doe%2Bshop%40example.com")]
    [InlineData("from Jane <jane.doe@example.com>")]
    public void AnAddress_InAnyWriting_IsFound(string text) => Assert.True(Jane.IsIn(text));

    [Theory]
    [InlineData("""{"email":"mary-jane.doe@example.com"}""")]
    [InlineData("""{"email":"jane.doe@example.com.au"}""")]
    [InlineData("""{"email":"xjane.doe@example.com"}""")]
    [InlineData("""{"email":"jane.doe@example.comx"}""")]
    [InlineData("""{"email":"jane","host":"example.com"}""")]
    [InlineData("")]
    [InlineData("@ %40 \\ \\u00 \\u0040")]
    public void AnotherAddress_IsNot(string text) => Assert.False(Jane.IsIn(text));

    [Theory]
    [InlineData("""{"phone":"+15127782877"}""")]
    [InlineData("""{"phone":"(512) 778-2877"}""")]
    [InlineData("""{"phone":15127782877}""")]
    [InlineData("""{"phone":"1.512.778.2877"}""")]
    [InlineData("phone=%2B1+512+778+2877")]
    [InlineData("""{"note":"call\n5127782877"}""")]
    public void ANumber_InAnyWriting_IsFound(string text) => Assert.True(Number.IsIn(text));

    [Theory]
    [InlineData("""{"phone":"+151277828771"}""")]
    [InlineData("""{"phone":"+15127782878"}""")]
    [InlineData("""{"id":"95127782877"}""")]
    [InlineData("""{"hash":"a5127782877f"}""")]
    [InlineData("""{"phone":"7782877"}""")]
    public void AnotherNumber_IsNot(string text) => Assert.False(Number.IsIn(text));

    [Theory]
    [InlineData("+43 (0)1 5137788")]
    [InlineData("01/513 77 88")]
    [InlineData("0043 1 5137788")]
    public void ANumber_WithATrunkPrefix_IsFound(string text) => Assert.True(Vienna.IsIn(text));

    [Theory]
    [InlineData("""{"attribution":{"visitor_id":"a1b2c3d4-77"}}""", true)]
    [InlineData("visitor_id=a1b2c3d4-77&x=1", true)]
    [InlineData("""{"visitor_id":"a1b2c3d4-770"}""", false)]
    [InlineData("""{"visitor_id":"a1b2c3d4-77-2"}""", false)]
    [InlineData("""{"visitor_id":"xa1b2c3d4-77"}""", false)]
    [InlineData("""{"note":null,"count":1}""", false)]
    public void AVisitor_IsFoundWhole(string text, bool isThere) => Assert.Equal(isThere, Visitor.IsIn(text));
}
