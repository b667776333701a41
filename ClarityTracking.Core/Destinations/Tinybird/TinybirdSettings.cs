using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.Tinybird;

/// <summary>What a Tinybird connection needs.</summary>
static partial class TinybirdSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("data_source", "Data source", "Its name in the workspace; the README of this destination has a schema for it.", IsSecret: false, IsRequired: true,
            Shape: Name(), Wanted: "Must be a data source's name: letters, digits and underscores."),
        new("host", "API host", "Of the workspace's region, such as api.us-east.tinybird.co; empty for api.tinybird.co.", IsSecret: false, IsRequired: false,
            Shape: Host(), Wanted: "Must be a host of Tinybird's, such as api.us-east.tinybird.co."),
        new("token", "Token", "Tokens > Create, with append rights (DATASOURCE:APPEND) on the data source.", IsSecret: true, IsRequired: true),
        SettingsCheck.EventsField("form_submit = form_sent"),
    ];

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]{0,127}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^api(\.[a-z0-9-]{1,40}){0,4}\.tinybird\.co\z")]
    private static partial Regex Host();
}
