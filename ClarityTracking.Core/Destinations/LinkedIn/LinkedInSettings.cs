using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.LinkedIn;

/// <summary>Reads and checks a LinkedIn connection's settings and credentials.</summary>
static partial class LinkedInSettings
{
    internal const string Rules = "rules";

    /// <summary>In use by Segment's destination (2026-08); LinkedIn ends a version about a year after its month.</summary>
    internal const string DefaultVersion = "202603";

    const string WantedRule = "Must be the conversion rule's number, or false to not send the event.";

    internal static readonly ConnectionField[] Fields =
    [
        new(Rules, "Conversion rules", "One line per event, such as lead = 104012: the number in the address of the rule's page in Campaign Manager. The rule's method must be Conversions API.", IsSecret: false, IsRequired: true, FieldKind.Pairs),
        new("access_token", "Access token", "Of an app with the scopes rw_conversions and r_ads; it ends after 60 days.", IsSecret: true, IsRequired: true),
        new("version", "API version", $"Year and month; leave empty for {DefaultVersion}.", IsSecret: false, IsRequired: false,
            Shape: Version(), Wanted: $"Must be a year and month such as {DefaultVersion}."),
        SettingsCheck.EventsField("page_view = 104012"),
    ];

    internal static List<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SettingsCheck.Run(Fields, settings, credentials, SettingsCheck.Digits.IsMatch, WantedRule);
        if (settings.ValueKind == JsonValueKind.Object)
            SettingsCheck.CheckPairs(errors, settings, Rules, SettingsCheck.Digits.IsMatch, WantedRule, numbersToo: true);
        return errors;
    }

    /// <summary>The rule an event counts for; null = not sent. LinkedIn has no event names: a rule knows its own type.</summary>
    internal static string? RuleOf(string name, JsonElement settings) => EventNames.Own(name, settings, out var own) ? own
        : ConnectionJson.Pairs(settings, Rules) is { } rules ? ConnectionJson.Text(rules, name) : null;

    [GeneratedRegex(@"^20[0-9]{2}(0[1-9]|1[0-2])\z")]
    private static partial Regex Version();
}
