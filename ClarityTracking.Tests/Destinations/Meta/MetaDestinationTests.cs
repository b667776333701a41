using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Tests.Destinations.Meta;

public sealed class MetaDestinationTests
{
    static JsonElement Settings(string more) => MetaEvents.Parse($$"""{"dataset_id":"1234567890"{{more}}}""");

    static SkipReason? ReasonToSkip(MetaEvents @event, JsonElement? settings = null) =>
        MetaEvents.Meta.ReasonToSkip(@event.Build(), settings ?? MetaEvents.NoSettings, MetaEvents.Now)?.Reason;

    [Theory]
    [InlineData("page_view", "PageView")]
    [InlineData("view_content", "ViewContent")]
    [InlineData("search", "Search")]
    [InlineData("add_to_cart", "AddToCart")]
    [InlineData("initiate_checkout", "InitiateCheckout")]
    [InlineData("purchase", "Purchase")]
    [InlineData("lead", "Lead")]
    [InlineData("schedule", "Schedule")]
    [InlineData("complete_registration", "CompleteRegistration")]
    [InlineData("subscribe", "Subscribe")]
    [InlineData("contact", "Contact")]
    [InlineData("course_enrollment", "CourseEnrollment")]
    [InlineData("newsletter_signup", "NewsletterSignup")]
    [InlineData("start_trial", "StartTrial")]
    [InlineData("Quiz done", "Quiz done")]
    public void Map_EventName_IsMetas(string name, string expected) =>
        Assert.Equal(expected, new MetaEvents { Name = name }.Map().GetProperty("event_name").GetString());

    [Theory]
    [InlineData("click")]
    [InlineData("scroll")]
    [InlineData("session_start")]
    [InlineData("session_end")]
    [InlineData("form_interaction")]
    [InlineData("form_submit")]
    [InlineData("page_exit")]
    [InlineData("identify")]
    [InlineData("auto_identify")]
    [InlineData("goal")]
    public void ReasonToSkip_Behaviour_IsUnmappedUntilTheConnectionMapsIt(string name)
    {
        Assert.Equal(SkipReason.Unmapped, ReasonToSkip(new MetaEvents { Name = name }));

        var mapped = Settings($$""","events":{"{{name}}":"Lead"}""");
        Assert.Null(ReasonToSkip(new MetaEvents { Name = name }, mapped));
        Assert.Equal("Lead", new MetaEvents { Name = name }.Map(mapped).GetProperty("event_name").GetString());
    }

    [Fact]
    public void ReasonToSkip_EventSwitchedOff_IsUnmapped() =>
        Assert.Equal(SkipReason.Unmapped, ReasonToSkip(new MetaEvents(), Settings(""","events":{"purchase":false}""")));

    [Fact]
    public void ReasonToSkip_CustomEventMappedToPurchase_NeedsAValueToo() =>
        Assert.Equal(SkipReason.MissingField,
            ReasonToSkip(new MetaEvents { Name = "deposit_paid", Value = null }, Settings(""","events":{"deposit_paid":"Purchase"}""")));

    [Fact]
    public void ReasonToSkip_TestEvent_NeedsATestEventCode()
    {
        Assert.Equal(SkipReason.Test, ReasonToSkip(new MetaEvents { IsTest = true }));
        Assert.Equal(SkipReason.Test, ReasonToSkip(new MetaEvents { IsTest = true }, Settings(""","test_event_code":" " """)));
        Assert.Null(ReasonToSkip(new MetaEvents { IsTest = true }, Settings(""","test_event_code":"TEST4711" """)));
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(1, SkipReason.TooOld)]
    public void ReasonToSkip_Age_EndsAtSevenDays(int secondsMore, SkipReason? expected) =>
        Assert.Equal(expected, ReasonToSkip(new MetaEvents { OccurredAt = MetaEvents.Now.AddDays(-7).AddSeconds(-secondsMore) }));

    public static TheoryData<string, SkipReason?> Fields => new()
    {
        { "complete", null },
        { "no value", SkipReason.MissingField },
        { "value zero", null },
        { "no currency", SkipReason.MissingField },
        { "no such currency", SkipReason.MissingField },
        { "no url", null },
        { "not a web address", null },
        { "no user agent", null },
        { "server without url", null },
        { "lead without value", null },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public void ReasonToSkip_FieldMetaNeeds_IsNamed(string which, SkipReason? expected) => Assert.Equal(expected, ReasonToSkip(which switch
    {
        "no value" => new() { Value = null },
        "value zero" => new() { Value = 0 },
        "no currency" => new() { Currency = null },
        "no such currency" => new() { Currency = "DOLLARS" },
        "no url" => new() { Url = null },
        "not a web address" => new() { Url = "file:///home/x.html" },
        "no user agent" => new() { UserAgent = null },
        "server without url" => new() { Url = null, UserAgent = null, Source = EventSource.Server },
        "lead without value" => new() { Name = "lead", Value = null, Currency = null },
        _ => new(),
    }));

    public static TheoryData<UserData, string?, bool> People => new()
    {
        { new UserData(), null, true },
        { new UserData { City = "Paris", State = "CA", Zip = "94105", Country = "US", Gender = "f" }, null, true },
        { new UserData { DateOfBirth = "1997-02-16" }, null, true },
        { new UserData { FirstName = "Jane", Gender = "f" }, null, true },
        { new UserData { LastName = "Doe", Gender = "f" }, null, true },
        { new UserData { Email = ["not an email"] }, null, true },
        { new UserData(), "10.0.0.1", true },
        { new UserData(), "203.0.113.24", false },
        { new UserData { FirstName = "Jane", LastName = "Doe" }, null, false },
        { new UserData { DateOfBirth = "1997-02-16", City = "Paris" }, null, false },
        { new UserData { ExternalId = ["c-1"] }, null, false },
    };

    [Theory]
    [MemberData(nameof(People))]
    public void ReasonToSkip_TooBroadUserData_IsMissingKeys(UserData user, string? ip, bool isTooBroad)
    {
        // names and gender alone are too broad only without a user agent, so a server's event is asked
        var @event = new MetaEvents { User = user, Ip = ip, Source = EventSource.Server, Url = null, UserAgent = null };
        Assert.Equal(isTooBroad ? SkipReason.MissingKeys : null, ReasonToSkip(@event));
    }

    [Theory]
    [InlineData(EventSource.Browser, true, true, "{}", "website")]
    [InlineData(EventSource.Link, true, true, "{}", "website")]
    [InlineData(EventSource.Server, true, true, "{}", "website")]
    [InlineData(EventSource.Webhook, true, true, "{}", "website")]
    [InlineData(EventSource.Server, false, true, "{}", "system_generated")]
    [InlineData(EventSource.Webhook, true, false, "{}", "system_generated")]
    [InlineData(EventSource.Server, true, true, """{"action_source":"physical_store"}""", "physical_store")]
    [InlineData(EventSource.Server, false, false, """{"action_source":"app"}""", "system_generated")]
    [InlineData(EventSource.Browser, true, true, """{"action_source":"physical_store"}""", "website")]
    public void Map_ActionSource_FollowsWhatIsKnown(EventSource source, bool url, bool agent, string properties, string expected)
    {
        var body = new MetaEvents
        {
            Source = source,
            Properties = properties,
            Url = url ? "https://shop.example.com/" : null,
            UserAgent = agent ? MetaEvents.Agent : null,
        }.Map();
        Assert.Equal(expected, body.GetProperty("action_source").GetString());
        Assert.False(body.TryGetProperty("custom_data", out var custom) && custom.TryGetProperty("action_source", out _));
    }

    [Theory]
    // no cookie: from the click, with the time it was first seen
    [InlineData(null, "Click", 1763100000000, "fb.1.1763100000000.Click")]
    [InlineData(null, "Click", null, "fb.1.1763463600000.Click")]
    // the same click: the cookie byte for byte, its appendix too
    [InlineData("fb.2.1763000000000.Click", "Click", 1763100000000, "fb.2.1763000000000.Click")]
    [InlineData("fb.1.1763000000000.Click.AQUAAQEB", "Click", 1763100000000, "fb.1.1763000000000.Click.AQUAAQEB")]
    // another click: the later one
    [InlineData("fb.1.1763000000000.Old", "New", 1763100000000, "fb.1.1763100000000.New")]
    [InlineData("fb.1.1763000000000.Old", "New", null, "fb.1.1763463600000.New")]
    [InlineData("fb.1.1763200000000.Newer", "Older", 1763100000000, "fb.1.1763200000000.Newer")]
    // case matters
    [InlineData("fb.1.1763000000000.click", "Click", 1763100000000, "fb.1.1763100000000.Click")]
    [InlineData("fb.1.1763000000000.Click", null, null, "fb.1.1763000000000.Click")]
    [InlineData("fb.1.1763000000000.Click.toolongappendix", null, null, null)]
    [InlineData("fb.1.17630000000000000000000000.Click", null, null, null)]
    [InlineData("fb.1.1763000000000.", null, null, null)]
    [InlineData("", "", null, null)]
    public void Map_Fbc_IsTheCookieOrTheLaterClick(string? cookie, string? click, long? firstSeen, string? expected)
    {
        var @event = new MetaEvents
        {
            Cookies = cookie is null ? [] : new() { ["fbc"] = cookie },
            ClickIds = click is null ? [] : new() { ["fbclid"] = new(click, firstSeen is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null) },
        };
        var userData = @event.Map().GetProperty("user_data");
        Assert.Equal(expected, userData.TryGetProperty("fbc", out var fbc) ? fbc.GetString() : null);
    }

    [Fact]
    public void Map_OwnProperties_OnlyThoseThatSayNothingAboutThePerson()
    {
        var custom = new MetaEvents
        {
            Properties = """
                {"content_name":"Facial","content_category":"Beauty","predicted_ltv":300,"is_first_visit":true,"plan_name":"Gold","nothing":null,
                 "empty":"","nested":{"a":1},"list":[1],"email":"jane.doe@example.com","customer_phone":"020 7946 0958","name":"Jane",
                 "referred_by":"pat@example.com","call_me":"+44 20 7946 0958","title":"Thanks","url":"https://www.example.com/","value":5,
                 "content_ids":["A","B"],"num_items":2,"content_type":"product"}
                """,
        }.Map().GetProperty("custom_data");

        Assert.Equal(
            ["currency", "value", "content_name", "content_category", "predicted_ltv", "is_first_visit", "plan_name", "content_ids", "num_items", "content_type"],
            custom.EnumerateObject().Select(p => p.Name));
        Assert.Equal(149.90m, custom.GetProperty("value").GetDecimal());
    }

    [Theory]
    [InlineData("""[{"id":7,"price":"9.99","quantity":"3"}]""", """{"content_type":"product","content_ids":["7"],"contents":[{"id":"7","quantity":3,"item_price":9.99}],"num_items":3}""")]
    [InlineData("""[{"id":"A"},{"name":"no id","quantity":2}]""", """{"content_type":"product","content_ids":["A"],"contents":[{"id":"A","quantity":1}],"num_items":3}""")]
    [InlineData("""[{"name":"no id"}]""", """{"num_items":1}""")]
    [InlineData("""[{"id":"A","price":"free","quantity":-2},"odd",null,4]""", """{"content_type":"product","content_ids":["A"],"contents":[{"id":"A","quantity":1}],"num_items":1}""")]
    [InlineData("[]", null)]
    [InlineData("""{"id":"A"}""", null)]
    public void Map_Items_AreWrittenAsFarAsTheyAreKnown(string items, string? expected)
    {
        var body = new MetaEvents { Value = null, Properties = $$"""{"items":{{items}}}""" }.Map();
        if (expected is null)
            Assert.False(body.TryGetProperty("custom_data", out _));
        else
            Assert.True(JsonElement.DeepEquals(MetaEvents.Parse(expected), body.GetProperty("custom_data")), body.GetProperty("custom_data").ToString());
    }

    [Fact]
    public void Map_ValueWithoutCurrency_IsLeftOut() =>
        Assert.False(new MetaEvents { Name = "lead", Currency = null }.Map().TryGetProperty("custom_data", out _));

    [Theory]
    [InlineData("203.0.113.24", 0, 0)]
    [InlineData(null, 1, 1000)]
    public void Map_LimitedDataUse_NamesAStateOnlyWithoutAnAddress(string? ip, int country, int state)
    {
        var body = new MetaEvents { Ip = ip }.Map(Settings(""","limited_data_use":true"""));
        Assert.Equal("""["LDU"]""", body.GetProperty("data_processing_options").GetRawText());
        Assert.Equal((country, state),
            (body.GetProperty("data_processing_options_country").GetInt32(), body.GetProperty("data_processing_options_state").GetInt32()));
        Assert.False(new MetaEvents().Map().TryGetProperty("data_processing_options", out _));
    }

    [Fact]
    public void BuildRequest_BatchWithProof_HasEveryEventAndNamesItsSecrets()
    {
        var settings = Settings(""","api_version":"v26.0" """);
        var access = new DestinationAccess(new Uri("http://127.0.0.1:9/graph/"), settings, MetaEvents.Parse("""{"access_token":"EAA|tok/en","app_secret":"s3cret"}"""));
        var payloads = new[] { "a", "b", "c" }.Select(id => MetaEvents.Meta.Map(new MetaEvents { EventId = id }.Build(), settings)).ToList();

        var request = MetaEvents.Meta.BuildRequest(payloads, access);

        var proof = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes("s3cret"), Encoding.UTF8.GetBytes("EAA|tok/en")));
        Assert.Equal($"http://127.0.0.1:9/graph/v26.0/1234567890/events?access_token=EAA%7Ctok%2Fen&appsecret_proof={proof}", request.Url.AbsoluteUri);
        Assert.Equal(["EAA|tok/en", "EAA%7Ctok%2Fen", "s3cret", proof], request.Secrets);
        var body = MetaEvents.Parse(request.Body);
        Assert.Equal(["a", "b", "c"], body.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("event_id").GetString()));
        Assert.False(body.TryGetProperty("test_event_code", out _));
        Assert.DoesNotContain("jane", Encoding.UTF8.GetString(request.Body), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("""{"dataset_id":"123"}""", """{"access_token":"EAA"}""", "")]
    [InlineData("""{"dataset_id":123,"events":{"lead":"Contact","page_view":false},"limited_data_use":true,"api_version":"v26.0","test_event_code":"TEST1"}""", """{"access_token":"EAA","app_secret":"x"}""", "")]
    [InlineData("""{"dataset_id":"123"}""", null, "")]
    [InlineData("{}", "{}", "settings.dataset_id credentials.access_token")]
    [InlineData("""{"dataset_id":" ","test_event_code":null}""", """{"access_token":""}""", "settings.dataset_id credentials.access_token")]
    [InlineData("""{"dataset_id":"12/../34"}""", """{"access_token":"two words"}""", "settings.dataset_id credentials.access_token")]
    [InlineData("""{"dataset_id":"act_1"}""", null, "settings.dataset_id")]
    [InlineData("""{"dataset_id":["1"],"api_version":"25","test_event_code":"a b","limited_data_use":"yes"}""", "[]", "settings.dataset_id settings.test_event_code settings.limited_data_use settings.api_version credentials")]
    [InlineData("""{"dataset_id":"1","events":{"lead":true,"search":"","contact":5,"schedule":"Schedule"}}""", null, "settings.events.lead settings.events.search settings.events.contact")]
    [InlineData("""{"dataset_id":"1","events":["lead"]}""", null, "settings.events")]
    [InlineData("[]", null, "settings")]
    public void Check_SettingsAndCredentials_NamesEachWrongField(string settings, string? credentials, string fields) =>
        Assert.Equal(fields, string.Join(' ', MetaEvents.Meta.Check(MetaEvents.Parse(settings), credentials is null ? null : MetaEvents.Parse(credentials))
            .Select(e => e.Field)));

    [Theory]
    [InlineData(null, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Map_PersonalisedAdsRefused_MetaMayOnlyMeasure(bool? allowed, bool isOptedOut)
    {
        var mapped = new MetaEvents { Consent = new Consent(true, allowed, null, null, null) }.Map();
        Assert.Equal(isOptedOut, mapped.TryGetProperty("opt_out", out var optOut) && optOut.GetBoolean());
    }
}
