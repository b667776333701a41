using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Health.Bots;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Pages.Rules;

namespace ClarityTracking.Web.Components.Pages.Bots;

/// <summary>A rule about bots being written.</summary>
public sealed class BotRuleDraft
{
    public string Name { get; set; } = "";

    public BotSaying Verdict { get; set; } = BotSaying.Bot;

    public DraftGroup When { get; init; } = new() { Parts = [new DraftRow { Field = "user_agent", Comparison = Comparison.Contains }] };

    public bool? Enabled { get; init; }

    public static BotRuleDraft Of(BotRuleDetails rule) => new() { Name = rule.Name, Verdict = rule.Verdict, When = RuleDraft.ReadGroup(rule.When), Enabled = rule.Enabled };

    /// <summary>As it is saved and tried.</summary>
    public BotRuleValues Values() =>
        new(Name, Verdict, JsonSerializer.SerializeToElement(When.Parts.Count == 0 ? new JsonObject() : RuleDraft.JsonOf(When)), Enabled);

    /// <summary>Rules to begin with.</summary>
    internal static readonly IReadOnlyList<(string Key, string Title, string Text, string Icon, Func<BotRuleDraft> Make)> Templates =
    [
        ("office", "Our own visits", "Hold back what comes from the office network.", "apartment", () => New("Our own visits", BotSaying.Bot, Row("ip", Comparison.In, "203.0.113.0/24"))),
        ("headless", "Automated browsers", "Test robots and scrapers that drive a browser.", "smart_toy",
            () => New("Automated browsers", BotSaying.Bot, Row("user_agent", Comparison.Matches, "HeadlessChrome|PhantomJS|Selenium|Puppeteer|Playwright"))),
        ("libraries", "HTTP libraries", "Scripts that call intake without a browser.", "terminal",
            () => New("HTTP libraries", BotSaying.Bot, Row("user_agent", Comparison.Matches, "^(curl|Wget|python-requests|Python-urllib|Go-http-client|okhttp|axios|node-fetch|Java|libwww-perl)"))),
        ("trusted", "Trust a monitor", "Let a checkout monitor through that our lists take for a bot.", "verified_user",
            () => New("Our checkout monitor", BotSaying.Human, Row("user_agent", Comparison.Contains, "Pingdom"))),
    ];

    /// <summary>A rule that lets through in future what was held back for a reason; null where no field tells it.</summary>
    internal static BotRuleValues? LetThrough(BotGroup group)
    {
        var detail = group.Reason.Contains(": ", StringComparison.Ordinal) ? group.Reason[(group.Reason.IndexOf(": ", StringComparison.Ordinal) + 2)..] : "";
        return group.Category switch
        {
            "known crawler" or "link preview" or "site check" => New($"Let {detail} through", BotSaying.Human, Row("user_agent", Comparison.Contains, detail)).Values(),
            "referrer spam" => New($"Let {detail} through", BotSaying.Human, Row("referrer_host", Comparison.EndsWith, detail)).Values(),
            _ => null,
        };
    }

    private static BotRuleDraft New(string name, BotSaying verdict, params DraftRow[] rows) => new() { Name = name, Verdict = verdict, When = new() { Mode = GroupMode.Any, Parts = [.. rows] } };

    private static DraftRow Row(string field, Comparison comparison, string value) => new() { Field = field, Comparison = comparison, Value = value };
}
