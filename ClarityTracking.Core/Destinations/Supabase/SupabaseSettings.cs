using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.Supabase;

/// <summary>What a Supabase or PostgREST connection needs.</summary>
static partial class SupabaseSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("url", "Project URL", "Project settings > Data API, such as https://abc.supabase.co; for a PostgREST of your own its whole address.", IsSecret: false, IsRequired: true, FieldKind.Url),
        new("table", "Table", "Its name; the README of this destination has the SQL that makes it.", IsSecret: false, IsRequired: true,
            Shape: Name(), Wanted: "Must be a table's name: letters, digits and underscores."),
        new("schema", "Schema", "Leave empty for the API's first one, which is public at Supabase.", IsSecret: false, IsRequired: false,
            Shape: Name(), Wanted: "Must be a schema's name: letters, digits and underscores."),
        new("api_key", "API key", "A secret key (sb_secret_…) or a token whose role may insert into the table; never the anonymous key.", IsSecret: true, IsRequired: true),
        SettingsCheck.EventsField("form_submit = form_sent"),
    ];

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,62}\\z")]
    private static partial Regex Name();
}
