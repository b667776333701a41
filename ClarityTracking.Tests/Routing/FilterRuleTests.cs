using System.Reflection;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Routing;

/// <summary>What filter rules mean: each comparison, each action, their order, and what is refused.</summary>
public sealed class FilterRuleTests
{
    private static readonly Guid Meta = new("00000000-0000-0000-0000-00000000000a"), Other = new("00000000-0000-0000-0000-00000000000b");

    private static readonly Event Purchase = new()
    {
        WorkspaceId = Guid.Empty,
        WebsiteId = Guid.Empty,
        Id = Guid.CreateVersion7(MetaEvents.Now),
        EventId = "ord-1",
        Name = "purchase",
        Source = EventSource.Browser,
        OccurredAt = MetaEvents.Now,
        ReceivedAt = MetaEvents.Now,
        VisitorId = "v-1",
        SessionId = "s-1",
        Url = "https://Shop.example.com/checkout/Caf%C3%A9?utm_source=news&coupon=A1#top",
        Referrer = "https://www.google.com/",
        Value = 149.90m,
        Currency = "EUR",
        OrderId = "007",
        UserAgent = "Mozilla/5.0",
        Utm = new Dictionary<string, string> { ["source"] = "news", ["campaign"] = "Spring Sale" },
        ClickIds = new Dictionary<string, ClickId> { ["gclid"] = new("abc", null) },
        Consent = new Consent(true, true, true, true, null),
        MatchKeys = new MatchKeys(new Dictionary<string, IReadOnlyList<string>> { ["em"] = ["00ff"] }),
        Properties = JsonElement.Parse("""
            {"plan":"Gold","seats":3,"vip":true,"order":{"ship":"post"},"a.b":"dotted","tags":["new","blue"],"empty":"","nothing":null,"value":149.90,"order_id":"007",
             "items":[{"id":"SKU-1","name":"Serum","category":"Skin","brand":"Glow","price":"49.90","quantity":1},{"id":"SKU-2","price":100,"quantity":2}]}
            """),
        Personal = new PersonalData(new UserData { Country = "Germany", Email = ["jane@example.com"] }, "203.0.113.9"),
    };

    [Theory]
    // every comparison, and what it says of a field that is not there
    [InlineData("event_name", "equals", "\"PURCHASE\"", true)]
    [InlineData("event_name", "equals", "\"lead\"", false)]
    [InlineData("event_name", "not_equals", "\"lead\"", true)]
    [InlineData("event_name", "not_equals", "\"purchase\"", false)]
    [InlineData("properties.none", "equals", "\"x\"", false)]
    [InlineData("properties.none", "not_equals", "\"x\"", true)]
    [InlineData("url", "contains", "\"coupon=a1\"", true)]
    [InlineData("url", "contains", "\"coupon=b\"", false)]
    [InlineData("url", "not_contains", "\"coupon=b\"", true)]
    [InlineData("properties.none", "not_contains", "\"x\"", true)]
    [InlineData("utm_campaign", "starts_with", "\"spring\"", true)]
    [InlineData("utm_campaign", "starts_with", "\"sale\"", false)]
    [InlineData("utm_campaign", "ends_with", "\"SALE\"", true)]
    [InlineData("utm_campaign", "ends_with", "\"spring\"", false)]
    [InlineData("country", "in", "[\"at\",\"de\"]", true)]
    [InlineData("country", "in", "[\"at\"]", false)]
    [InlineData("country", "not_in", "[\"at\"]", true)]
    [InlineData("country", "not_in", "[\"DE\"]", false)]
    [InlineData("properties.none", "in", "[\"x\"]", false)]
    [InlineData("properties.none", "not_in", "[\"x\"]", true)]
    [InlineData("items.id", "matches", "\"^sku-\\\\d$\"", true)]
    [InlineData("items.id", "matches", "\"^other\"", false)]
    [InlineData("value", "greater", "149", true)]
    [InlineData("value", "greater", "149.9", false)]
    [InlineData("value", "at_least", "149.9", true)]
    [InlineData("value", "at_least", "150", false)]
    [InlineData("value", "less", "\"150\"", true)]
    [InlineData("value", "less", "149.90", false)]
    [InlineData("value", "at_most", "149.90", true)]
    [InlineData("value", "at_most", "1", false)]
    [InlineData("properties.none", "less", "1", false)]
    [InlineData("properties.plan", "greater", "1", false)]
    [InlineData("utm_term", "exists", null, false)]
    [InlineData("utm_source", "exists", null, true)]
    [InlineData("utm_term", "missing", null, true)]
    [InlineData("utm_source", "missing", null, false)]
    // every field
    [InlineData("url_host", "equals", "\"shop.example.com\"", true)]
    [InlineData("url_path", "equals", "\"/checkout/café\"", true)]
    [InlineData("url_query", "contains", "\"coupon=\"", true)]
    [InlineData("url_query", "contains", "\"top\"", false)]
    [InlineData("referrer", "starts_with", "\"https://www.google\"", true)]
    [InlineData("referrer_host", "ends_with", "\"google.com\"", true)]
    [InlineData("value", "equals", "149.9", true)]
    [InlineData("value", "in", "[1, \"149.900\"]", true)]
    [InlineData("currency", "equals", "\"eur\"", true)]
    [InlineData("order_id", "equals", "\"007\"", true)]
    [InlineData("order_id", "equals", "\"7\"", false)]
    [InlineData("order_id", "equals", "7", true)]
    [InlineData("items.name", "equals", "\"serum\"", true)]
    [InlineData("items.category", "equals", "\"skin\"", true)]
    [InlineData("items.brand", "equals", "\"glow\"", true)]
    [InlineData("items.price", "greater", "99", true)]
    [InlineData("items.price", "less", "49.9", false)]
    [InlineData("items.quantity", "equals", "2", true)]
    [InlineData("items.count", "equals", "2", true)]
    [InlineData("items.id", "not_equals", "\"sku-1\"", false)]
    [InlineData("visitor_id", "equals", "\"v-1\"", true)]
    [InlineData("session_id", "equals", "\"s-1\"", true)]
    [InlineData("click_id", "exists", null, true)]
    [InlineData("click_id", "equals", "\"fbclid\"", false)]
    [InlineData("user_agent", "contains", "\"mozilla\"", true)]
    [InlineData("source", "equals", "\"browser\"", true)]
    [InlineData("is_test", "equals", "false", true)]
    [InlineData("is_test", "equals", "\"true\"", false)]
    [InlineData("properties.plan", "equals", "\"gold\"", true)]
    [InlineData("properties.seats", "at_least", "3", true)]
    [InlineData("properties.seats", "equals", "3.0", true)]
    [InlineData("properties.vip", "equals", "true", true)]
    [InlineData("properties.order.ship", "equals", "\"post\"", true)]
    [InlineData("properties.a.b", "equals", "\"dotted\"", true)]
    [InlineData("properties.tags", "equals", "\"blue\"", true)]
    [InlineData("properties.tags", "in", "[\"red\",\"new\"]", true)]
    [InlineData("properties.empty", "exists", null, false)]
    [InlineData("properties.nothing", "exists", null, false)]
    [InlineData("properties.order", "exists", null, true)]
    public void Comparison_OfAField_IsTrueWhenItShould(string field, string op, string? value, bool isTrue) =>
        Assert.Equal(isTrue, When($$"""{"field":"{{field}}","op":"{{op}}"{{(value is null ? "" : $",\"value\":{value}")}}}""").IsTrueOf(Purchase));

    [Theory]
    [InlineData("{}", true)]
    [InlineData("""{"all":[]}""", true)]
    [InlineData("""{"all":[{"field":"event_name","op":"equals","value":"purchase"},{"field":"value","op":"greater","value":100}]}""", true)]
    [InlineData("""{"all":[{"field":"event_name","op":"equals","value":"purchase"},{"field":"value","op":"greater","value":1000}]}""", false)]
    [InlineData("""{"any":[{"field":"event_name","op":"equals","value":"lead"},{"field":"value","op":"greater","value":100}]}""", true)]
    [InlineData("""{"not":{"any":[{"field":"event_name","op":"equals","value":"lead"},{"field":"value","op":"greater","value":100}]}}""", false)]
    [InlineData("""{"not":{"field":"event_name","op":"equals","value":"lead"}}""", true)]
    public void Groups_OfConditions_JoinThem(string when, bool isTrue) => Assert.Equal(isTrue, When(when).IsTrueOf(Purchase));

    [Fact]
    public void Fields_WithoutTheirData_AreMissing()
    {
        var bare = new Event
        {
            WorkspaceId = Guid.Empty,
            WebsiteId = Guid.Empty,
            Id = Guid.Empty,
            EventId = "1",
            Name = "lead",
            Source = EventSource.Server,
            OccurredAt = MetaEvents.Now,
            ReceivedAt = MetaEvents.Now,
            Url = "no address",
        };
        foreach (var field in EventField.All.Where(f => f.Name is not ("event_name" or "url" or "source" or "is_test")))
            Assert.True(When($$"""{"field":"{{field.Name}}","op":"missing"}""").IsTrueOf(bare), field.Name);
    }

    [Theory]
    [InlineData("""{"set":"event_name","value":" lead "}""", "event_name", "purchase", "lead")]
    [InlineData("""{"set":"value","value":10.5}""", "value", "149.90", "10.5")]
    [InlineData("""{"set":"value","value":"20"}""", "value", "149.90", "20")]
    [InlineData("""{"set":"currency","value":"usd"}""", "currency", "EUR", "USD")]
    [InlineData("""{"set":"url","value":"https://example.com/"}""", "url_path", "/checkout/Café", "/")]
    [InlineData("""{"set":"referrer","value":"https://example.com/"}""", "referrer_host", "www.google.com", "example.com")]
    [InlineData("""{"set":"order_id","value":"A-1"}""", "order_id", "007", "A-1")]
    [InlineData("""{"set":"utm_term","value":"shoes"}""", "utm_term", null, "shoes")]
    [InlineData("""{"set":"properties.plan","value":"Free"}""", "properties.plan", "Gold", "Free")]
    [InlineData("""{"set":"properties.level","value":7}""", "properties.level", null, "7")]
    [InlineData("""{"set":"properties.new.level","value":true}""", "properties.new.level", null, "true")]
    [InlineData("""{"set":"properties.plan.inner","value":1}""", "properties.plan", "Gold", "Gold")]
    [InlineData("""{"rename":"properties.plan","to":"properties.tariff"}""", "properties.tariff", null, "Gold")]
    [InlineData("""{"rename":"properties.plan","to":"properties.tariff"}""", "properties.plan", "Gold", null)]
    [InlineData("""{"rename":"properties.seats","to":"value"}""", "value", "149.90", "3")]
    [InlineData("""{"rename":"properties.seats","to":"order_id"}""", "order_id", "007", "3")]
    [InlineData("""{"rename":"properties.order.ship","to":"utm_content"}""", "utm_content", null, "post")]
    [InlineData("""{"rename":"properties.plan","to":"value"}""", "value", "149.90", "149.90")] // no amount: stays where it is
    [InlineData("""{"rename":"properties.plan","to":"value"}""", "properties.plan", "Gold", "Gold")]
    [InlineData("""{"rename":"properties.none","to":"utm_source"}""", "utm_source", "news", "news")]
    [InlineData("""{"remove":"url_query"}""", "url", "https://Shop.example.com/checkout/Caf%C3%A9?utm_source=news&coupon=A1#top", "https://Shop.example.com/checkout/Caf%C3%A9#top")]
    [InlineData("""{"remove":"url"}""", "url", "https://Shop.example.com/checkout/Caf%C3%A9?utm_source=news&coupon=A1#top", null)]
    [InlineData("""{"remove":"utm_source"}""", "utm_source", "news", null)]
    [InlineData("""{"remove":"value"}""", "value", "149.90", null)]
    [InlineData("""{"remove":"value"}""", "properties.value", "149.90", null)] // its twin among the properties goes along
    [InlineData("""{"set":"value","value":10}""", "properties.value", "149.90", "10")]
    [InlineData("""{"set":"order_id","value":"A-1"}""", "properties.order_id", "007", "A-1")]
    [InlineData("""{"remove":"items"}""", "items.id", "SKU-1, SKU-2", null)]
    [InlineData("""{"remove":"properties.order.ship"}""", "properties.order.ship", "post", null)]
    [InlineData("""{"remove":"properties.order.ship.deeper"}""", "properties.order.ship", "post", "post")]
    public void Change_OfAField_IsOnTheCopyOnly(string change, string field, string? before, string? after)
    {
        var stored = JsonSerializer.Serialize(Purchase);
        var routed = FilterRuleSet.Apply([Rule($$"""{"changes":[{{change}}]}""")], Purchase, Meta);
        Assert.Null(routed.Skip);
        Assert.Equal((before, after), (EventField.Find(field)!.Text(Purchase), EventField.Find(field)!.Text(routed.Event)));
        Assert.Equal(stored, JsonSerializer.Serialize(Purchase));
    }

    [Fact]
    public void Rename_OfReadablePersonalData_StaysWhereItIs()
    {
        var told = Purchase.With(Purchase.Content with { Properties = JsonElement.Parse("""{"who":"jane@example.com","list":["+49 171 2345678"]}""") });
        foreach (var change in (string[])["""{"rename":"properties.who","to":"utm_content"}""", """{"rename":"properties.who","to":"event_name"}""", """{"rename":"properties.list","to":"properties.tags"}"""])
            Assert.Equal(told.Properties.GetRawText(), FilterRuleSet.Apply([Rule($$"""{"changes":[{{change}}]}""")], told, Meta).Event.Properties.GetRawText());
    }

    [Fact]
    public void Copy_OfAnEvent_LosesNothing()
    {
        var other = new Event
        {
            WorkspaceId = Meta,
            WebsiteId = Other,
            Id = Guid.Empty,
            EventId = "1",
            Name = "lead",
            Source = EventSource.Link,
            IsTest = true,
            OccurredAt = default,
            ReceivedAt = default,
            BotReason = "crawler",
            Cookies = new Dictionary<string, string> { ["fbp"] = "fb.1" },
            Redacted = ["token"],
        };
        foreach (var property in typeof(Event).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            foreach (var e in (Event[])[Purchase, other])
                Assert.Equal(Of(e), Of(e.With(e.Content)));
            // of a property that both leave empty nobody would see that it was lost
            Assert.True(Of(Purchase) != Of(other), $"Give {property.Name} a value in one of the two.");

            string Of(Event e) => JsonSerializer.Serialize(property.GetValue(e));
        }
    }

    [Fact]
    public void Rules_Together_TheFirstThatDecidesDoesAndChangesAddUp()
    {
        var include = Rule("""{"action":"include","changes":[{"set":"utm_term","value":"a"}]}""") with { Name = "in" };
        var exclude = Rule("""{"action":"exclude"}""") with { Name = "out" };
        var change = Rule("""{"changes":[{"set":"utm_term","value":"b"},{"rename":"utm_term","to":"utm_content"}]}""");
        var forOther = exclude with { ConnectionId = Other };

        Assert.Null(FilterRuleSet.Apply([include, exclude], Purchase, Meta).Skip);
        var skip = FilterRuleSet.Apply([exclude, include], Purchase, Meta).Skip!;
        Assert.Equal((SkipReason.Filter, "The rule \"out\" excludes it."), (skip.Reason, skip.Detail));
        // changes of rules after the deciding one count too, in their order; what only changes decides nothing
        var both = FilterRuleSet.Apply([include, change], Purchase, Meta).Event;
        Assert.Equal((null, "b"), (both.Utm.GetValueOrDefault("term"), both.Utm.GetValueOrDefault("content")));
        Assert.NotNull(FilterRuleSet.Apply([change, exclude], Purchase, Meta).Skip);
        // of one connection alone
        Assert.Null(FilterRuleSet.Apply([forOther], Purchase, Meta).Skip);
        Assert.NotNull(FilterRuleSet.Apply([forOther], Purchase, Other).Skip);
        Assert.Same(Purchase, FilterRuleSet.Apply([], Purchase, Meta).Event);
    }

    [Fact]
    public void Conditions_SeeTheStoredEvent_NotWhatRulesMadeOfIt()
    {
        var rename = Rule("""{"changes":[{"set":"event_name","value":"lead"}]}""", """{"field":"event_name","op":"equals","value":"purchase"}""");
        var onlyLeads = Rule("""{"action":"exclude"}""", """{"field":"event_name","op":"equals","value":"lead"}""");
        var set = new FilterRuleSet([rename, onlyLeads]);
        Assert.Equal([rename], set.About(Purchase));
        Assert.Equal("lead", FilterRuleSet.Apply(set.About(Purchase), Purchase, Meta).Event.Name);
    }

    [Fact]
    public void Route_ToAConnection_KeepsItFromAllOthers()
    {
        var route = Rule($$"""{"action":"route","connections":["{{Meta}}"]}""") with { Name = "only Meta" };
        Assert.Null(FilterRuleSet.Apply([route, Rule("""{"action":"exclude"}""")], Purchase, Meta).Skip);
        Assert.Equal("The rule \"only Meta\" sends it to other connections only.", FilterRuleSet.Apply([route, Rule("""{"action":"include"}""")], Purchase, Other).Skip?.Detail);
        Assert.Null(FilterRuleSet.Apply([Rule("""{"action":"include"}"""), route], Purchase, Other).Skip);
    }

    [Fact]
    public void Rule_ThatCannotBeRead_KeepsItsEventsBack()
    {
        var broken = new FilterRules(Microsoft.Extensions.Logging.Abstractions.NullLogger<FilterRules>.Instance)
            .Ready(Guid.NewGuid(), "later", Meta, """{"field":"weather","op":"equals","value":"sunny"}""", """{"action":"exclude"}""");
        var set = new FilterRuleSet([broken]);
        Assert.Equal(SkipReason.Filter, FilterRuleSet.Apply(set.About(Purchase), Purchase, Meta).Skip?.Reason);
        Assert.Null(FilterRuleSet.Apply(set.About(Purchase), Purchase, Other).Skip);
    }

    [Theory]
    [InlineData("1", "when")]
    [InlineData("""{"all":[],"any":[]}""", "when")]
    [InlineData("""{"al":[]}""", "when")]
    [InlineData("""{"any":[]}""", "when.any")]
    [InlineData("""{"all":{}}""", "when.all")]
    [InlineData("""{"all":[{"all":[]}]}""", "when.all[0].all")]
    [InlineData("""{"all":[{"field":"value","op":"greater","value":1},{"field":"url","op":"contains"}]}""", "when.all[1].value")]
    [InlineData("""{"any":[{"not":{"field":"weather","op":"exists"}}]}""", "when.any[0].not.field")]
    [InlineData("""{"field":"email","op":"exists"}""", "when.field")]
    [InlineData("""{"field":"properties.","op":"exists"}""", "when.field")]
    [InlineData("""{"field":"properties.a..b","op":"exists"}""", "when.field")]
    [InlineData("""{"op":"exists"}""", "when.field")]
    [InlineData("""{"field":"url","op":"like","value":"x"}""", "when.op")]
    [InlineData("""{"field":"url","op":"exists","value":"x"}""", "when.value")]
    [InlineData("""{"field":"url","op":"contains","value":""}""", "when.value")]
    [InlineData("""{"field":"url","op":"contains","value":["a"]}""", "when.value")]
    [InlineData("""{"field":"url","op":"contains","value":"a\u0000b"}""", "when.value")]
    [InlineData("""{"field":"url","op":"contains","value":"\ud800"}""", "when.value")]
    [InlineData("""{"field":"value","op":"greater","value":"much"}""", "when.value")]
    [InlineData("""{"field":"value","op":"equals","value":"much"}""", "when.value")]
    [InlineData("""{"field":"is_test","op":"equals","value":"maybe"}""", "when.value")]
    [InlineData("""{"field":"url","op":"in","value":[]}""", "when.value")]
    [InlineData("""{"field":"url","op":"in","value":["a",{}]}""", "when.value[1]")]
    [InlineData("""{"field":"value","op":"in","value":[1,"x"]}""", "when.value[1]")]
    [InlineData("""{"field":"url","op":"matches","value":"(a"}""", "when.value")]
    [InlineData("""{"field":"url","op":"matches","value":"(?=a)"}""", "when.value")]
    [InlineData("""{"field":"url","op":"matches","value":"((a{1000}){1000}){1000}"}""", "when.value")]
    [InlineData("""{"not":{"not":{"not":{"not":{"not":{"not":{"field":"url","op":"exists"}}}}}}}""", "when.not.not.not.not.not")]
    public void When_ThatIsWrong_IsToldByPlace(string when, string place)
    {
        var reader = new FilterRuleReader();
        reader.ReadWhen(JsonElement.Parse(when));
        Assert.Equal(place, Assert.Single(reader.Errors).Field);
    }

    [Theory]
    [InlineData("[]", "then")]
    [InlineData("{}", "then")]
    [InlineData("""{"actions":"include"}""", "then")]
    [InlineData("""{"action":"drop"}""", "then.action")]
    [InlineData("""{"action":"route"}""", "then.connections")]
    [InlineData("""{"action":"route","connections":["x"]}""", "then.connections[0]")]
    [InlineData("""{"action":"route","connections":["00000000-0000-0000-0000-00000000000a","00000000-0000-0000-0000-00000000000f"]}""", "then.connections[1]")]
    [InlineData("""{"action":"include","connections":["00000000-0000-0000-0000-00000000000a"]}""", "then.connections")]
    [InlineData("""{"action":"exclude","changes":[{"remove":"url"}]}""", "then.changes")]
    [InlineData("""{"changes":{}}""", "then.changes")]
    [InlineData("""{"changes":[{"set":"value"}]}""", "then.changes[0]")]
    [InlineData("""{"changes":[{"set":"value","remove":"value"}]}""", "then.changes[0]")]
    [InlineData("""{"changes":[{"set":"value","value":null}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"set":"value","value":"free"}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"set":"value","value":1e20}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"remove":"url"},{"set":"currency","value":"Euro"}]}""", "then.changes[1].value")]
    [InlineData("""{"changes":[{"set":"url","value":"javascript:alert(1)"}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"set":"event_name","value":" "}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"set":"url_query","value":"a=b"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"items","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"remove":"event_name"}]}""", "then.changes[0].remove")]
    [InlineData("""{"changes":[{"rename":"event_name","to":"utm_term"}]}""", "then.changes[0].rename")]
    [InlineData("""{"changes":[{"rename":"utm_term","to":"utm_term"}]}""", "then.changes[0].to")]
    [InlineData("""{"changes":[{"rename":"utm_term","to":"items"}]}""", "then.changes[0].to")]
    // who it was, its ids, its consent and its times cannot be written, nor personal data in plain
    [InlineData("""{"changes":[{"set":"event_id","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"visitor_id","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"match_keys.em","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"user.email","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"consent","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"occurred_at","value":"2026-01-01"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"click_id","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"country","value":"DE"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"is_test","value":true}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"properties.email","value":"x"}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"set":"properties.value","value":1}]}""", "then.changes[0].set")]
    [InlineData("""{"changes":[{"rename":"utm_term","to":"properties.buyer.phone"}]}""", "then.changes[0].to")]
    [InlineData("""{"changes":[{"set":"properties.who","value":"jane@example.com"}]}""", "then.changes[0].value")]
    [InlineData("""{"changes":[{"set":"utm_content","value":"+49 171 2345678"}]}""", "then.changes[0].value")]
    public void Then_ThatIsWrong_IsToldByPlace(string then, string place)
    {
        var reader = new FilterRuleReader();
        reader.ReadThen(JsonElement.Parse(then), null, new HashSet<Guid> { Meta, Other });
        var error = Assert.Single(reader.Errors);
        Assert.Equal(place, error.Field);
        Assert.NotEqual("", error.Message);
    }

    [Fact]
    public void Rule_LargerThanItMayBe_IsRefused()
    {
        Refused("when.all[50]", r => r.ReadWhen(Parse(new { all = Enumerable.Repeat(new { field = "url", op = "exists" }, 60) })));
        Refused("when.value", r => r.ReadWhen(Parse(new { field = "url", op = "in", value = Enumerable.Range(0, 501).Select(i => $"{i}") })));
        Refused("when.value", r => r.ReadWhen(Parse(new { field = "url", op = "contains", value = new string('a', 1001) })));
        Refused("when.value", r => r.ReadWhen(Parse(new { field = "url", op = "matches", value = new string('a', 501) })));
        Refused("then.changes", r => r.ReadThen(Parse(new { changes = Enumerable.Repeat(new { remove = "url" }, 21) }), null, null));
        Refused("then.action", r => r.ReadThen(Parse(new { action = "route", connections = new[] { Meta } }), Meta, null));

        static JsonElement Parse(object value) => JsonSerializer.SerializeToElement(value);
        static void Refused(string place, Action<FilterRuleReader> read)
        {
            var reader = new FilterRuleReader();
            read(reader);
            Assert.Equal(place, Assert.Single(reader.Errors).Field);
        }
    }

    [Fact]
    public void Pattern_ThatWouldTakeForever_IsSearchedAtOnce()
    {
        var hostile = Purchase.With(Purchase.Content with { Url = "https://example.com/" + new string('a', 8000) + "!" });
        var condition = When("""{"field":"url","op":"matches","value":"^.*(a+)+(a|aa)+$"}""");
        var started = TimeProvider.System.GetTimestamp();
        Assert.False(condition.IsTrueOf(hostile));
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(2));
    }

    private static Condition When(string json)
    {
        var reader = new FilterRuleReader();
        var condition = reader.ReadWhen(JsonElement.Parse(json));
        Assert.Empty(reader.Errors);
        return condition;
    }

    private static FilterRule Rule(string then, string when = "{}")
    {
        var reader = new FilterRuleReader();
        var (action, routeTo, changes) = reader.ReadThen(JsonElement.Parse(then), null, new HashSet<Guid> { Meta, Other });
        Assert.Empty(reader.Errors);
        return new FilterRule(Guid.NewGuid(), "rule", null, When(when), action, routeTo, changes);
    }
}
