using ClarityTracking.Core.Connections;
using ClarityTracking.Core.People;

namespace ClarityTracking.Tests.Attribution.Matching;

/// <summary>Two writings of one person become equal, and what identifies nobody becomes nothing.</summary>
public sealed class IdentityTextTests
{
    [Theory]
    [InlineData(" Zoe.Muller+spa@GoogleMail.com ", "zoemuller@gmail.com")]
    [InlineData("z.o.e@gmail.example", "zoe@gmail.example")]
    [InlineData("zoe@googlemail.example", "zoe@gmail.example")]
    [InlineData("Zoe.M@Example.com.", "zoe.m@example.com")]
    [InlineData("zoe+a+b@example.com", "zoe@example.com")]
    [InlineData("none@none.example", null)]
    [InlineData("test@test.example", null)]
    [InlineData("noemail@shop.example", null)]
    [InlineData("zoe@example@com", null)]
    [InlineData("zoe", null)]
    [InlineData("@example.com", null)]
    [InlineData("+tag@example.com", "+tag@example.com")]
    [InlineData("", null)]
    public void Email(string text, string? normal) => Assert.Equal(normal, IdentityText.Email(text));

    [Theory]
    [InlineData("(614) 649-2911 ext 12", "us", "16146492911")]
    [InlineData("1-614-649-2911", "us", "16146492911")]
    [InlineData("+1 614 649 2911", null, "16146492911")]
    [InlineData("614.649.2911", "us", "16146492911")]
    [InlineData("0171 2345678", "de", "491712345678")]
    [InlineData("0000000000", "us", null)]
    [InlineData("5555555555", "us", null)]
    [InlineData("+1 555 555 5555", "us", null)]
    [InlineData("1234567890", "us", null)]
    [InlineData("911", "us", null)]
    public void Phone(string text, string? country, string? normal) => Assert.Equal(normal, IdentityText.Phone(text, country));

    [Theory]
    [InlineData("MÜLLER, Zoë ", "zoe muller")]
    [InlineData("Søren O'Brien", "soren obrien")]
    [InlineData("Dr. José L. Peña", "jose pena")]
    [InlineData("Bob S.", "bob s")]
    [InlineData("Smith, Jr.", "smith")]
    [InlineData("walk-in", null)]
    [InlineData(" ", null)]
    public void Name(string text, string? normal) => Assert.Equal(normal, IdentityText.Name(text));

    [Fact]
    public void Keys_AreOfOneWebsiteAndSayTheirKind()
    {
        using var protector = new SecretProtector(new byte[32]);
        var keys = new LinkageKeys(protector);
        var person = TouchpointPerson.Of(["Bob Smith"], ["Bob+x@gmail.example"], ["614-649-2911"], "203.0.113.7", [], "US");
        var (here, there) = (Guid.NewGuid(), Guid.NewGuid());
        var own = keys.Of(here, new Identity("v1", ["gclid.a"], person));
        Assert.Equal(Enum.GetValues<KeyKind>().Except([KeyKind.Slot, KeyKind.External]), own.Select(LinkageKeys.KindOf).Distinct().Order());
        Assert.Empty(own.Intersect(keys.Of(there, new Identity("v1", ["gclid.a"], person))));
        // Bob and Robert meet, and so do two writings of one address
        var robert = keys.Of(here, new Identity(null, [], TouchpointPerson.Of(["ROBERT SMYTHE"], ["b.o.b@googlemail.example"], [], null, [], "US")));
        Assert.Contains(robert, k => LinkageKeys.KindOf(k) == KeyKind.GivenAndInitial && own.Contains(k));
        Assert.Contains(robert, k => LinkageKeys.KindOf(k) == KeyKind.Email && own.Contains(k));
        // a mailing knows the address by its hash alone
        var hash = IdentityText.Sha256("bob@gmail.example");
        Assert.Contains(keys.Key(here, KeyKind.EmailHash, hash), own);
    }

    [Fact]
    public void Person_SealedForOneRow_OpensThereOnly()
    {
        using var protector = new SecretProtector(new byte[32]);
        var person = TouchpointPerson.Of(["Zoë Müller"], ["zoe@example.com"], [], null, [], null);
        var (workspace, row) = (Guid.NewGuid(), Guid.NewGuid());
        var sealedBytes = person.Seal(protector, workspace, row);
        Assert.Equal("zoe muller zoe@example.com", $"{TouchpointPerson.Open(protector, workspace, row, sealedBytes).Names[0]} {TouchpointPerson.Open(protector, workspace, row, sealedBytes).Emails[0]}");
        Assert.ThrowsAny<System.Security.Cryptography.CryptographicException>(() => TouchpointPerson.Open(protector, workspace, Guid.NewGuid(), sealedBytes));
        Assert.True(TouchpointPerson.Open(protector, workspace, row, null).IsEmpty);
    }
}
