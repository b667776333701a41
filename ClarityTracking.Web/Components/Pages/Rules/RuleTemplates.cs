using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Web.Components.Pages.Rules;

/// <summary>A rule to begin with.</summary>
/// <param name="Key">In the address.</param>
/// <param name="Title">What it is for.</param>
/// <param name="Text">What it does.</param>
/// <param name="Icon">Material symbol.</param>
/// <param name="Make">The draft.</param>
internal sealed record RuleTemplate(string Key, string Title, string Text, string Icon, Func<IReadOnlyList<ConnectionDetails>, RuleDraft> Make)
{
    public static readonly IReadOnlyList<RuleTemplate> All =
    [
        new("staff", "Leave out staff visits", "Pages below /admin reach no platform.", "badge", _ => new RuleDraft
        {
            Name = "Exclude staff visits",
            When = new() { Mode = GroupMode.Any, Parts = [Row("url_path", Comparison.StartsWith, "/admin"), Row("url_path", Comparison.StartsWith, "/wp-admin")] },
        }),
        new("large", "Only large purchases", "Purchases below an amount do not reach a platform.", "shopping_cart", connections => new RuleDraft
        {
            Name = "Only purchases of 100 and more",
            ConnectionId = connections.Count == 0 ? null : connections[0].Id,
            When = new() { Parts = [Row("event_name", Comparison.Equals, "purchase"), Row("value", Comparison.Less, "100")] },
        }),
        new("query", "Strip queries from addresses", "Platforms get page addresses without what stands after the question mark.", "link_off", _ => new RuleDraft
        {
            Name = "Page addresses without query",
            Action = null,
            Changes = [new() { Verb = ChangeVerb.Remove, Field = "url_query" }],
        }),
    ];

    private static DraftRow Row(string field, Comparison comparison, string value) => new() { Field = field, Comparison = comparison, Value = value };
}
