using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Tests.Ingestion.Identify;

/// <summary>Each platform's own normalisation, and that a form equal to the plain rule's is kept once.</summary>
public sealed class PlatformRulesTests
{
    // key, what the sender wrote, the form that is hashed; null = nothing for this platform
    [Theory]
    [InlineData(MatchKeyNames.EmailAnalytics, "Jane.Doe+shop@GMail.com", "janedoe+shop@gmail.com")]
    [InlineData(MatchKeyNames.EmailAnalytics, "jane.doe@googlemail.com", "janedoe@googlemail.com")]
    [InlineData(MatchKeyNames.EmailAnalytics, "jane.doe+x@example.com", "jane.doe+x@example.com")]
    [InlineData(MatchKeyNames.EmailGoogle, "Jane.Doe+shop@GMail.com", "janedoe@gmail.com")]
    [InlineData(MatchKeyNames.EmailGoogle, "jane.doe+x@example.com", "jane.doe+x@example.com")]
    [InlineData(MatchKeyNames.EmailReddit, "Jane.Doe+shop@GMail.com", "janedoe@gmail.com")]
    [InlineData(MatchKeyNames.EmailReddit, "Jane.Doe@Example.com", "janedoe@example.com")]
    [InlineData(MatchKeyNames.EmailReddit, "jane@example.com", "jane@example.com")]
    [InlineData(MatchKeyNames.EmailReddit, "+x@example.com", null)]
    [InlineData(MatchKeyNames.PhoneE164, "+1 (650) 555-1212", "+16505551212")]
    [InlineData(MatchKeyNames.PhoneE164, "020 7946 0958", "+442079460958")]
    [InlineData(MatchKeyNames.PhoneE164, "+1 650 555 1212 x99", "+16505551212")]
    [InlineData(MatchKeyNames.PhoneE164, "1234567890123456", null)] // one digit more than E.164 has
    [InlineData(MatchKeyNames.FirstNameSpaceless, "Anne-Marie Lou", "anne-marielou")]
    [InlineData(MatchKeyNames.FirstNameAnalytics, "Anne-Marie Lou 2", "annemarie lou")]
    [InlineData(MatchKeyNames.FirstNameGoogle, "Dr. Anne-Marie", "anne-marie")]
    [InlineData(MatchKeyNames.FirstNameGoogle, "Drew", "drew")]
    [InlineData(MatchKeyNames.LastNameSpaceless, "O'Brien", "o'brien")]
    [InlineData(MatchKeyNames.LastNameAnalytics, "O'Brien", "obrien")]
    [InlineData(MatchKeyNames.LastNameGoogle, "Doe, Jr.", "doe")]
    [InlineData(MatchKeyNames.LastNameGoogle, "Doe III", "doe")]
    [InlineData(MatchKeyNames.StateCode, "California", "ca")]
    [InlineData(MatchKeyNames.StateCode, "Bavaria", null)]
    [InlineData(MatchKeyNames.ZipDigits, "94105-1234", "94105")]
    [InlineData(MatchKeyNames.ZipDigits, "SW1A 1AA", null)]
    [InlineData(MatchKeyNames.ExternalIdLower, "CUST 1001", "cust 1001")]
    [InlineData(MatchKeyNames.ExternalIdAsGiven, "CUST 1001", "CUST 1001")]
    [InlineData(MatchKeyNames.ExternalIdAsGiven, "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef")] // a UUID, not a hash
    public void Hash_ByAPlatformsRule_HashesItsForm(string key, string value, string? form) =>
        Assert.Equal(form is null ? [] : [Sha(form)], Keys(key, value).Sha256(key));

    [Theory]
    [InlineData(MatchKeyNames.EmailGoogle, "jane@example.com")]
    [InlineData(MatchKeyNames.EmailReddit, "jane@example.com")]
    [InlineData(MatchKeyNames.FirstNameGoogle, "Jane")]
    [InlineData(MatchKeyNames.ZipDigits, "94105")]
    [InlineData(MatchKeyNames.ExternalIdLower, "cust-1001")]
    public void Hash_FormEqualToThePlainOne_IsKeptOnce(string key, string value)
    {
        var keys = Keys(key, value);
        Assert.False(keys.Values.ContainsKey(key));
        Assert.Equal(keys[Plain(key)], keys[key]);
    }

    [Fact]
    public void Hash_SeveralAddresses_KeepTheirOrderAndLoseRepeats()
    {
        var keys = MatchKeyHasher.Hash(new UserData { Email = ["b@example.com", "a.b@gmail.com", "ab+x@gmail.com", "bad"] }, null);
        Assert.Equal([Sha("b@example.com"), Sha("a.b@gmail.com"), Sha("ab+x@gmail.com")], keys[MatchKeyNames.Email]);
        Assert.Equal([Sha("b@example.com"), Sha("ab@gmail.com")], keys[MatchKeyNames.EmailGoogle]);
        Assert.Equal([Sha("b@example.com"), Sha("ab@gmail.com"), Sha("ab+x@gmail.com")], keys[MatchKeyNames.EmailAnalytics]);
    }

    [Fact]
    public void Hash_GivenAsSha256_ServesWhereFormsUsuallyAgreeButNoPhone()
    {
        var (email, phone) = (Sha("jane@example.com"), Sha("16505551212"));
        var keys = MatchKeyHasher.Hash(new UserData { Email = [email], Phone = [phone, "+44 20 7946 0958"] }, null);
        Assert.Equal([email], keys.Sha256(MatchKeyNames.EmailGoogle));
        Assert.Equal([phone, Sha("442079460958")], keys[MatchKeyNames.Phone]);
        Assert.Equal([Sha("+442079460958")], keys.Sha256(MatchKeyNames.PhoneE164));
    }

    [Fact]
    public void Hash_GivenAsMd5_IsForMetaOnly()
    {
        const string md5 = "9e26471d35a78862c17e467d87cddedf";
        var keys = MatchKeyHasher.Hash(new UserData { Email = [md5], FirstName = md5 }, null);
        Assert.Equal([md5], keys[MatchKeyNames.Email]);
        Assert.Empty(keys.Sha256(MatchKeyNames.Email));
        Assert.Empty(keys.Sha256(MatchKeyNames.EmailGoogle));
        Assert.Empty(keys.Sha256(MatchKeyNames.FirstNameSpaceless));
    }

    [Fact]
    public void Names_OfAPersonHashedByManyRules_NameEachFactOnce() =>
        Assert.Equal(["em", "ph"], MatchKeyHasher.Hash(new UserData { Email = ["a.b@gmail.com"], Phone = ["+1 650 555 1212"] }, null).Names.Order());

    static MatchKeys Keys(string key, string value) => MatchKeyHasher.Hash(Plain(key) switch
    {
        MatchKeyNames.Email => new UserData { Email = [value] },
        MatchKeyNames.Phone => new UserData { Phone = [value] },
        MatchKeyNames.FirstName => new UserData { FirstName = value },
        MatchKeyNames.LastName => new UserData { LastName = value },
        MatchKeyNames.State => new UserData { State = value },
        MatchKeyNames.Zip => new UserData { Zip = value },
        _ => new UserData { ExternalId = [value] },
    }, key == MatchKeyNames.PhoneE164 ? "GB" : null);

    static string Plain(string key) => key[..key.IndexOf('.', StringComparison.Ordinal)];

    static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
