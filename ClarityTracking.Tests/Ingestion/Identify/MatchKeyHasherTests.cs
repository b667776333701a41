using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Tests.Ingestion.Identify;

/// <summary>What the vectors leave open: placeholders, hashes of nothing, calling codes, dates by country, odd input.</summary>
public sealed class MatchKeyHasherTests
{
    static readonly DateOnly Today = new(2026, 11, 20);

    // Fictional numbers as the regulators reserve them, where they do.
    [Theory]
    [InlineData("020 7946 0958", "GB", "442079460958")]
    [InlineData("07700 900123", "United Kingdom", "447700900123")]
    [InlineData("030 23125 000", "DE", "493023125000")]
    [InlineData("01 99 00 12 34", "FR", "33199001234")]
    [InlineData("0491 570 156", "AU", "61491570156")]
    [InlineData("020 123 4567", "NL", "31201234567")]
    [InlineData("044 668 18 00", "CH", "41446681800")]
    [InlineData("(650) 555-1212", "US", "16505551212")]
    [InlineData("650.555.1212", "CA", "16505551212")]
    [InlineData("+44 20 7946 0958", "US", "442079460958")]
    [InlineData("0044 20 7946 0958", "DE", "442079460958")]
    [InlineData("16505551212", "US", "16505551212")]
    [InlineData("442079460958", "GB", "442079460958")]
    // the zero belongs to the number, or the plan has none: left as documented
    [InlineData("06 1234 5678", "IT", "612345678")]
    [InlineData("06 1 234 5678", "HU", "612345678")]
    [InlineData("011 98765 4321", "BR", "11987654321")]
    [InlineData("91 123 45 67 89", "ES", "91123456789")]
    // too short or too long for the country's plan
    [InlineData("0204 7946", "GB", "2047946")]
    [InlineData("020 7946 0958", null, "2079460958")]
    [InlineData("０３-１２３４-５６７８", "JP", "81312345678")]
    [InlineData("6505551212 x 99", "US", "16505551212")]
    public void Phone_NationalOrInternational_GetsTheCallingCodeOnlyWhenItIsSure(string phone, string? country, string digits) =>
        Assert.Equal([Sha(digits)], MatchKeyHasher.Hash(new UserData { Phone = [phone] }, country)[MatchKeyNames.Phone]);

    [Fact]
    public void Phone_PersonsOwnCountryKnown_WinsOverTheWebsites() =>
        Assert.Equal([Sha("442079460958")],
            MatchKeyHasher.Hash(new UserData { Phone = ["020 7946 0958"], Country = "GB" }, "NL")[MatchKeyNames.Phone]);

    [Theory]
    [InlineData("0000000000")]
    [InlineData("111 111 1111")]
    [InlineData("1234567890")]
    [InlineData("+")]
    [InlineData("n/a")]
    public void Phone_Placeholder_IsAbsent(string phone) =>
        Assert.Equal(0, MatchKeyHasher.Hash(new UserData { Phone = [phone] }, "US").Count);

    [Theory]
    [InlineData("null")]
    [InlineData("undefined")]
    [InlineData("noreply@example.com")]
    [InlineData("no-email@example.com")]
    [InlineData("test@test.com")]
    [InlineData("jane@shop.test")]
    [InlineData("jane@shop.invalid")]
    [InlineData("@example.com")]
    [InlineData("jane@")]
    [InlineData("jane@.com")]
    [InlineData("jane@-example.com")]
    [InlineData("jane@example.c")]
    [InlineData("jane@example.123")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("D41D8CD98F00B204E9800998ECF8427E")]
    [InlineData("\u200B \uFEFF")]
    public void Email_PlaceholderOrInvalid_IsAbsent(string email) =>
        Assert.Equal(0, MatchKeyHasher.Hash(new UserData { Email = [email] }, null).Count);

    [Fact]
    public void Email_SameAddressTwice_IsHashedOnce() =>
        Assert.Equal([Sha("a@example.com"), Sha("b@example.com")],
            MatchKeyHasher.Hash(new UserData { Email = ["a@example.com", "A@EXAMPLE.COM ", "b@example.com", "bad"] }, null)[MatchKeyNames.Email]);

    [Fact]
    public void FirstName_Decomposed_IsSentAsGivenAndComposed() =>
        Assert.Equal([Sha("jose\u0301"), Sha("josé")], MatchKeyHasher.Hash(new UserData { FirstName = "JOSE\u0301" }, null)[MatchKeyNames.FirstName]);

    [Theory]
    [InlineData("03/04/1990", null, "19900304")]
    [InlineData("03/04/1990", "US", "19900304")]
    [InlineData("03/04/1990", "GB", "19900403")]
    [InlineData("03.04.1990", null, "19900403")]
    [InlineData("04/16/1990", "GB", "19900416")]
    [InlineData("1990-04-03 00:00:00", "GB", "19900403")]
    [InlineData("2026-11-20", null, "20261120")]
    public void DateOfBirth_InTheCountrysOrder_IsYearMonthDay(string date, string? country, string normalised) =>
        Assert.Equal([Sha(normalised)], MatchKeyHasher.Hash(new UserData { DateOfBirth = date }, country, Today)[MatchKeyNames.DateOfBirth]);

    [Theory]
    [InlineData("2026-11-21")]
    [InlineData("20270101")]
    [InlineData("0001-01-01")]
    [InlineData("1899-12-31")]
    [InlineData("1990-02-30")]
    [InlineData("1990")]
    [InlineData("--")]
    [InlineData("1-2-3-4")]
    public void DateOfBirth_NotARealPast_IsAbsent(string date) =>
        Assert.Equal(0, MatchKeyHasher.Hash(new UserData { DateOfBirth = date }, null, Today).Count);

    [Theory]
    [InlineData("California", "US", "ca")]
    [InlineData("California", null, "ca")]
    [InlineData("Georgia", "GE", "georgia")]
    [InlineData("Victoria", "AU", "victoria")]
    public void State_NameOfAStateOfTheUsa_IsShortenedOnlyThere(string state, string? country, string normalised) =>
        Assert.Equal([Sha(normalised)], MatchKeyHasher.Hash(new UserData { State = state }, country)[MatchKeyNames.State]);

    [Theory]
    [InlineData("940351234", "US", "94035")]
    [InlineData("940351234", null, "940351234")]
    [InlineData("SW1A 1AA", "GB", "sw1a1aa")]
    public void Zip_NineDigits_AreFiveInTheUsa(string zip, string? country, string normalised) =>
        Assert.Equal([Sha(normalised)], MatchKeyHasher.Hash(new UserData { Zip = zip }, country)[MatchKeyNames.Zip]);

    [Theory]
    [InlineData("Deutschland", "de")]
    [InlineData("u.s.a.", "us")]
    [InlineData("England", "gb")]
    [InlineData("Czech Republic", "cz")]
    [InlineData("Congo - Kinshasa", null)]
    [InlineData("Atlantis", null)]
    [InlineData("", null)]
    public void Countries_Writing_IsReadOrUnknown(string writing, string? code) => Assert.Equal(code, Countries.Code(writing));

    [Fact]
    public void Hash_LoneSurrogatesAndHugeValues_DoNotThrow()
    {
        var odd = "\uD800abc\uDC00";
        var keys = MatchKeyHasher.Hash(new UserData
        {
            Email = [odd, new string('a', 100_000) + "@example.com"],
            Phone = [odd, new string('1', 100_000)],
            FirstName = odd,
            LastName = new string('İ', 512),
            City = odd,
            State = odd,
            Zip = odd,
            Country = odd,
            Gender = odd,
            DateOfBirth = odd,
            ExternalId = [odd, new string('x', 513)],
        }, odd);

        Assert.False(keys.Has(MatchKeyNames.Email));
        Assert.Equal([Sha(string.Concat(Enumerable.Repeat("i\u0307", 512)))], keys[MatchKeyNames.LastName]);
        Assert.Single(keys[MatchKeyNames.ExternalId]);
    }

    [Fact]
    public void Hash_TextThatGrowsBeyondTheLimitWhenComposed_IsAbsent() =>
        Assert.Equal(0, MatchKeyHasher.Hash(new UserData { LastName = new string('\uFB2C', 500), City = new string('\uFB2C', 500) }, null).Count);

    [Fact]
    public void Hash_NobodyKnown_IsNone() => Assert.Same(MatchKeys.None, MatchKeyHasher.Hash(new UserData(), "US"));

    static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
