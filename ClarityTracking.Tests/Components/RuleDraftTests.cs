using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Pages.Rules;

namespace ClarityTracking.Tests.Components;

/// <summary>The inputs of a rule hold every rule that can be saved, and say it in words.</summary>
public sealed class RuleDraftTests
{
    private static readonly Guid Meta = new("00000000-0000-0000-0000-00000000000a");

    [Theory]
    [InlineData("{}", """{"action":"exclude"}""", "Every event", "Keep back from all connections")]
    [InlineData("""{"all":[{"field":"event_name","op":"equals","value":"purchase"},{"field":"value","op":"less","value":"100"}]}""", """{"action":"include"}""",
        "Event name is purchase and value is less than 100", "Let through to all connections")]
    [InlineData("""{"any":[{"field":"utm_source","op":"missing"},{"not":{"any":[{"field":"country","op":"in","value":["AT","DE"]}]}}]}""", """{"action":"route","connections":["00000000-0000-0000-0000-00000000000a"]}""",
        "UTM source is missing or not (country is one of AT, DE)", "Send only to a deleted connection")]
    [InlineData("""{"all":[{"any":[{"field":"properties.seats","op":"at_least","value":3},{"field":"properties.vip","op":"equals","value":true}]},{"field":"properties.code","op":"equals","value":"007"}]}""",
        """{"changes":[{"set":"properties.level","value":7},{"rename":"properties.a","to":"properties.b"},{"remove":"url_query"}]}""",
        "(seats is at least 3 or vip is true) and code is 007", "For all connections: set level to 7, move a to b, remove page query")]
    public void Rule_ThroughItsInputs_ComesBackTheSame(string when, string then, string whenWords, string effect)
    {
        var draft = RuleDraft.Of(Rule(when, then));
        var values = draft.Values();
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(when), values.When!.Value), values.When.ToString());
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(then), values.Then!.Value), values.Then.ToString());
        Assert.Equal((whenWords, effect), (RuleWords.When(draft.When), RuleWords.Effect(draft, [])));
        Assert.Empty(FilterRuleService.Check(values, new HashSet<Guid> { Meta }, out _));
    }

    [Theory]
    [InlineData("""{"field":"url","op":"exists"}""", """{"all":[{"field":"url","op":"exists"}]}""")]
    [InlineData("""{"not":{"field":"url","op":"exists"}}""", """{"not":{"any":[{"field":"url","op":"exists"}]}}""")]
    [InlineData("""{"not":{"all":[{"field":"url","op":"exists"},{"field":"value","op":"exists"}]}}""", """{"not":{"any":[{"all":[{"field":"url","op":"exists"},{"field":"value","op":"exists"}]}]}}""")]
    public void Rule_WrittenOtherwise_MeansTheSame(string when, string same) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(same), RuleDraft.Of(Rule(when, """{"action":"exclude","connections":null,"changes":null}""")).Values().When!.Value));

    [Fact]
    public void Templates_AsTheyAre_CanBeSaved()
    {
        foreach (var template in RuleTemplate.All)
            Assert.Empty(FilterRuleService.Check(template.Make(Array.Empty<ConnectionDetails>()).Values(), new HashSet<Guid>(), out _));
    }

    private static FilterRuleDetails Rule(string when, string then) => new(Guid.Empty, "rule", 10, null, true, JsonElement.Parse(when), JsonElement.Parse(then), default, default);
}
