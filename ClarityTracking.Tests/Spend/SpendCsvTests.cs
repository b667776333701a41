using System.Globalization;
using System.Text;
using ClarityTracking.Core.Spend;

namespace ClarityTracking.Tests.Spend;

/// <summary>What a file means, and which lines are refused.</summary>
public sealed class SpendCsvTests
{
    private static readonly DateOnly Today = new(2026, 11, 21);

    [Theory]
    [InlineData("1234.56", "1234.56")]
    [InlineData("1234,56", "1234.56")]
    [InlineData("1,234.56", "1234.56")]
    [InlineData("1.234,56", "1234.56")]
    [InlineData("1.234.567", "1234567")]
    [InlineData("1 234,5", "1234.5")]
    [InlineData("1'234.5", "1234.5")]
    [InlineData("0.125", "0.125")]
    [InlineData("0", "0")]
    [InlineData("12345.678", "12345.678")]
    [InlineData(".5", "0.5")]
    public void Number_ThatMeansOneThing_IsRead(string text, string value) => Assert.Equal(decimal.Parse(value, CultureInfo.InvariantCulture), SpendCsv.Number(text).Value);

    [Theory]
    [InlineData("1,234", "may be")]
    [InlineData("1.234", "may be")]
    [InlineData("12 €", "currency sign")]
    [InlineData("$12", "currency sign")]
    [InlineData("1,23,456", "groups of three")]
    [InlineData("1.2.3,4,5", "mixed")]
    [InlineData("1e5", "no number")]
    [InlineData("", "no number")]
    [InlineData("99999999999", "too large")]
    [InlineData("1.2345678", "decimals")]
    public void Number_ThatMeansNothingOrTwoThings_IsRefused(string text, string why)
    {
        var (value, error) = SpendCsv.Number(text);
        Assert.Null(value);
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("date,campaign,spend,currency,source\n2026-11-01,Autumn,149.90,EUR,linkedin\n")]
    [InlineData("\uFEFFDay;Campaign name;Amount spent (EUR);Currency;Platform\r\n01.11.2026;Autumn;149,90;eur;LinkedIn\r\n\r\n")]
    [InlineData("DATE\tUTM_CAMPAIGN\tCOST\tCURRENCY\tUTM_SOURCE\n20261101\t\"Autumn\"\t149.9\tEUR\tlinkedin")]
    public void File_OfAnyUsualShape_SaysTheSame(string text)
    {
        var file = Read(text);
        Assert.Empty(file.Errors);
        var row = Assert.Single(file.Rows);
        Assert.Equal((new DateOnly(2026, 11, 1), "linkedin", "Autumn", 149.9m, "EUR"), (row.Day, row.Platform, row.Row.Campaign.Name, row.Row.Spend, row.Currency));
    }

    [Fact]
    public void File_OfTheExample_IsGood()
    {
        var file = Read(SpendCsv.Example);
        Assert.Empty(file.Errors);
        Assert.Equal((3, 670.4m), (file.Rows.Count, file.Rows.Sum(r => r.Row.Spend)));
    }

    [Theory]
    [InlineData("", 1, "name the columns")]
    [InlineData("day,source\n2026-11-01,x", 1, "no column spend")]
    [InlineData("day,spend\n2026-11-01,1", 1, "no column source")]
    [InlineData("day,date,spend,source\n", 1, "Two columns")]
    [InlineData("day,spend,source\n", 0, "no lines")]
    [InlineData("day,spend,source\n2026-11-01,1,x\n11/02/2026,1,x", 3, "read in one way only")]
    [InlineData("day,spend,source\n2026-11-01,1", 2, "2 fields, the header 3")]
    [InlineData("day,spend,source\n2026-11-30,1,x", 2, "in the future")]
    [InlineData("day,spend,source\n2026-11-01,-1,x", 2, "negative")]
    [InlineData("day,spend,source\n2026-11-01,,x", 2, "missing")]
    [InlineData("day,spend,source,clicks\n2026-11-01,1,x,1.5", 2, "no number of clicks")]
    [InlineData("day,spend,source,currency\n2026-11-01,1,x,Euro", 2, "no currency code")]
    [InlineData("day,spend,source\n2026-11-01,1,x\n\n2026-11-01,2,x", 4, "as line 2")]
    [InlineData("day,spend,source,campaign\n2026-11-01,1,x,\"open\n2026-11-02,1,x,y", 2, "quotation marks")]
    [InlineData("day,spend,source\n2026-11-01,1,\0", 0, "NUL")]
    public void File_WithAnError_NamesTheLine(string text, int line, string why)
    {
        var error = Read(text).Errors[0];
        Assert.Equal(line, error.Line);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_InAnotherEncoding_IsRefused() =>
        Assert.Contains("UTF-8", SpendCsv.Read(Encoding.Latin1.GetBytes("day,spend,source\n2026-11-01,1,Möbel"), null, "EUR", Today).Errors[0].Message, StringComparison.Ordinal);

    [Fact]
    public void File_WithManyErrors_TellsTheFirstAndCountsAll()
    {
        var file = Read("day,spend,source\n" + string.Concat(Enumerable.Repeat("never,1,x\n", 500)));
        Assert.Equal((SpendCsv.MostErrors, 500), (file.Errors.Count, file.ErrorCount));
    }

    private static SpendFile Read(string text) => SpendCsv.Read(Encoding.UTF8.GetBytes(text), null, "EUR", Today);
}

/// <summary>Which campaign a conversion's own words name.</summary>
public sealed class SpendMatchTests
{
    private static readonly CampaignKey Autumn = CampaignKey.Of("meta", "1", "11", "Autumn offer"), Winter = CampaignKey.Of("google_ads", "2", "22", "Winter"), Twin = CampaignKey.Of("google_ads", "2", "23", "Winter");

    private static readonly SpendMatch Match = new(
    [
        new(Autumn, "Autumn offer", "111", "Women", "1111", "Red"), new(Autumn, "Autumn", "111", "Women", "1112", "Blue"),
        new(Winter, "Winter", "222", "Words", "2221", ""), new(Twin, "Winter", "223", "Words", "2231", ""),
    ]);

    [Theory]
    [InlineData("facebook", "11", null, null, null, null, "11")]           // id as utm_campaign
    [InlineData("ig", "whatever", "11", null, null, null, "11")]           // utm_id
    [InlineData(null, "autumn_offer", null, null, null, null, "11")]       // name, folded, platform not told
    [InlineData("meta", "Autumn", null, null, null, null, "11")]           // a former name
    [InlineData("facebook", "other", null, "1112", null, null, "11")]      // ad id in utm_content
    [InlineData("facebook", null, null, "Red", null, null, "11")]          // ad name
    [InlineData("facebook", null, null, null, "111", null, "11")]          // ad set in utm_term
    [InlineData("google", "Autumn offer", null, null, null, null, null)]   // another platform's
    [InlineData(null, "Autumn offer", null, null, null, "gclid", null)]    // the click id says so too
    [InlineData("google", "Winter", null, null, null, "gclid", null)]      // two of one name
    [InlineData("google", "22", null, null, null, null, "22")]
    [InlineData("newsletter", "Autumn offer", null, null, null, null, null)]
    [InlineData(null, null, null, null, null, null, null)]
    public void Campaign_ByWordsOfAConversion_IsTheOnlyOneThatFits(string? source, string? campaign, string? id, string? content, string? term, string? click, string? expected) =>
        Assert.Equal(expected, Match.CampaignOf(new UtmTrace(source, null, campaign, id, content, term, click))?.Id);
}
