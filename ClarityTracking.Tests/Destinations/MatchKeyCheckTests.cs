using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Destinations;

/// <summary>What each platform says about its keys is what its mapping really sends.</summary>
public sealed class MatchKeyCheckTests
{
    static readonly Dictionary<string, IDestination> ByPlatform = typeof(IDestination).Assembly.GetTypes()
        .Where(t => t.IsAssignableTo(typeof(IDestination)) && !t.IsAbstract).Select(t => (IDestination)Activator.CreateInstance(t)!)
        .ToDictionary(d => d.Info.Platform);

    static readonly string[] OwnSystems = ["webhook", "tinybird", "supabase", "google_sheets"];

    /// <summary>Every key there is, by its plain name.</summary>
    static readonly string[] AllKeys =
    [
        "em", "ph", "fn", "ln", "ct", "st", "zp", "country", "ge", "db", "external_id", "client_ip_address", "client_user_agent", "fbc", "fbp", "ttclid", "ttp",
        "epik", "ScCid", "sc_cookie1", "rdt_cid", "rdt_uuid", "li_fat_id", "msclkid", "gclid", "ga",
    ];

    public static TheoryData<string> Platforms => [.. ByPlatform.Keys.Except(OwnSystems).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Platforms))]
    public void Keys_OfAPlatform_AreThoseThatItsMappingSends(string platform)
    {
        var destination = ByPlatform[platform];
        var full = Full();
        var declared = MatchKeyCheck.Of(full, destination, null);
        Assert.All(declared, check => Assert.Equal((check.Key, MatchKeyState.Present, null), (check.Key, check.State, check.Hint)));
        // both take the name only whole, and parts of the address only beside it
        string[] beside = platform switch { "google_analytics" => ["fn", "ln", "ct", "st", "zp", "country"], "linkedin" => ["fn", "ln", "country"], _ => [] };
        var payload = Map(destination, full);
        foreach (var key in AllKeys.Except(beside))
        {
            var without = Full(key);
            var isSent = Map(destination, without) != payload;
            Assert.True(isSent == declared.Any(check => check.Key == key), $"{key} is {(isSent ? "" : "not ")}sent, and {(isSent ? "not " : "")}declared");
            if (isSent)
                Assert.Contains(MatchKeyCheck.Of(without, destination, null), check => check.Key == key && check.State == MatchKeyState.Missing && check.Hint is not null);
        }
        if (beside.Length > 0)
            Assert.Equal((MatchKeyState.Invalid, MatchKeyState.Missing), (StateOf(Full("fn"), platform, "name"), StateOf(Full("fn", "ln"), platform, "name")));
    }

    [Fact]
    public void Keys_OfOwnSystems_AreNone() => Assert.All(OwnSystems, platform => Assert.Empty(ByPlatform[platform].MatchKeysFor(Full())));

    [Fact]
    public void Keys_OfGoogle_AreWhatMayGoWithTheEvent()
    {
        Assert.Equal(["gclid", "em", "ph"], MatchKeyCheck.Of(Full(), ByPlatform["google_ads"], null).Select(k => k.Key));
        var anonymous = new MetaEvents { ClickIds = new() { ["gbraid"] = new ClickId("g", null) } }.Build();
        Assert.Equal([("gclid", MatchKeyState.Present)], MatchKeyCheck.Of(anonymous, ByPlatform["google_ads"], null).Select(k => (k.Key, k.State)));
        // without a yes to ads data Google Analytics gets nothing of the person
        Assert.DoesNotContain(MatchKeyCheck.Of(new MetaEvents().Build(), ByPlatform["google_analytics"], null), k => k.Key == "em");
    }

    [Theory]
    [InlineData("meta", "ph", "0171 2345678", null, "calling code")]
    [InlineData("tiktok", "ph", "(650) 555-1212", null, "calling code")]
    [InlineData("meta", "ph", "(650) 555-1212", "US", null)]
    [InlineData("meta", "ph", "0171 2345678", "DE", null)]
    [InlineData("meta", "ph", "+49 171 2345678", null, null)]
    [InlineData("meta", "ph", "0049 171 2345678", null, null)]
    [InlineData("meta", "ph", "16505551212", null, null)]
    [InlineData("meta", "ph", "call me", null, "not a phone")]
    [InlineData("reddit", "ph", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176", null, "another form than Reddit's")]
    [InlineData("meta", "em", "undefined", null, "not an email")]
    [InlineData("pinterest", "em", "098f6bcd4621d373cade4e832627b4f6", null, "MD5")]
    [InlineData("pinterest", "st", "Bavaria", null, "two-letter")]
    [InlineData("meta", "st", "Bavaria", null, null)]
    [InlineData("pinterest", "zp", "M1 1AE", null, "digits")]
    [InlineData("meta", "db", "someday", null, "not a date")]
    [InlineData("meta", "country", "Atlantis", null, "no known country")]
    [InlineData("meta", "client_ip_address", "10.0.0.1", null, "public address")]
    [InlineData("meta", "fbp", "fb.1.x", null, "malformed")]
    [InlineData("microsoft", "external_id", "jane@example.com", null, "readable")]
    [InlineData("tiktok", "ct", "Москва", null, "nothing is left")]
    public void State_OfAGivenValue_IsWhetherThePlatformCanUseIt(string platform, string key, string value, string? websiteCountry, string? hint)
    {
        var user = key switch
        {
            "em" => new UserData { Email = [value] },
            "ph" => new UserData { Phone = [value] },
            "st" => new UserData { State = value },
            "zp" => new UserData { Zip = value },
            "ct" => new UserData { City = value },
            "db" => new UserData { DateOfBirth = value },
            "country" => new UserData { Country = value },
            "external_id" => new UserData { ExternalId = [value] },
            _ => UserData.Nothing,
        };
        var given = new Event
        {
            WorkspaceId = Guid.Empty,
            WebsiteId = Guid.Empty,
            Id = Guid.Empty,
            EventId = "e",
            Name = "purchase",
            Source = EventSource.Browser,
            OccurredAt = MetaEvents.Now,
            ReceivedAt = MetaEvents.Now,
            MatchKeys = MatchKeyHasher.Hash(user, websiteCountry),
            Personal = new PersonalData(user, key == "client_ip_address" ? value : null),
            Cookies = key == "fbp" ? new Dictionary<string, string> { ["fbp"] = value } : [],
        };
        var check = MatchKeyCheck.Of(given, ByPlatform[platform], websiteCountry).Single(k => k.Key == key);
        Assert.Equal(hint is null ? MatchKeyState.Present : MatchKeyState.Invalid, check.State);
        if (hint is not null)
            Assert.Contains(hint, check.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain(value, check.Hint ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void State_InPrivacyMode_TellsThatOnlyTheHashIsKept()
    {
        var @event = new MetaEvents { User = new() { City = "Berlin" } }.Build();
        @event.Personal = null;
        var check = MatchKeyCheck.Of(@event, ByPlatform["tiktok"], null).Single(k => k.Key == "ct");
        Assert.Equal(MatchKeyState.Invalid, check.State);
        Assert.Contains("privacy mode", check.Hint, StringComparison.Ordinal);
    }

    static MatchKeyState StateOf(Event @event, string platform, string key) => MatchKeyCheck.Of(@event, ByPlatform[platform], null).Single(k => k.Key == key).State;

    static string Map(IDestination destination, Event @event) => JsonElement.Parse(destination.Map(@event, JsonElement.Parse(destination.Info.Platform switch
    {
        "google_ads" => """{"customer_id":"1234567890","conversion_actions":{"purchase":"987"}}""",
        "linkedin" => """{"rules":{"purchase":"104012"}}""",
        _ => "{}",
    }))).GetRawText();

    static Event Full(params string[] without)
    {
        string? Unless(string key, string value) => without.Contains(key) ? null : value;
        string[] Many(string key, string value) => without.Contains(key) ? [] : [value];
        return new MetaEvents
        {
            User = new()
            {
                Email = Many("em", "jane.doe@example.com"),
                Phone = Many("ph", "+49 171 2345678"),
                FirstName = Unless("fn", "Jane"),
                LastName = Unless("ln", "Doe"),
                City = Unless("ct", "Springfield"),
                State = Unless("st", "IL"),
                Zip = Unless("zp", "62701"),
                Country = Unless("country", "US"),
                Gender = Unless("ge", "f"),
                DateOfBirth = Unless("db", "1990-02-03"),
                ExternalId = Many("external_id", "customer-7"),
            },
            Ip = Unless("client_ip_address", "203.0.113.24"),
            UserAgent = Unless("client_user_agent", MetaEvents.Agent),
            Cookies = new[]
            {
                ("fbc", "fb.1.1700000000000.AbC"), ("fbp", "fb.1.1700000000000.123"), ("ttp", "ttp-1"), ("epik", "epik-1"), ("sc_cookie1", "sc-1"),
                ("rdt_uuid", "1700000000000.6f1e3c9a-8d0b-4b8e-9b43-0b8f6f1c2d3e"), ("ga", "GA1.1.111.222"), ("li_fat_id", "li-1"),
            }.Where(c => !without.Contains(c.Item1)).ToDictionary(c => c.Item1, c => c.Item2),
            ClickIds = new[] { "ttclid", "ScCid", "rdt_cid", "msclkid", "gclid" }.Where(c => !without.Contains(c)).ToDictionary(c => c, c => new ClickId(c + "-1", null)),
            Consent = new Consent(true, true, true, true, null),
        }.Build();
    }
}
