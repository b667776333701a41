namespace ClarityTracking.Core.Destinations.Microsoft;

/// <summary>What a Microsoft Advertising connection needs.</summary>
static class MicrosoftSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("uet_tag_id", "UET tag ID", "Microsoft Advertising > Tools > UET tags, the tag's number.", IsSecret: false, IsRequired: true,
            Shape: SettingsCheck.Digits, Wanted: "Must be the tag's number."),
        new("access_token", "API token", "From the tag's settings, after your account manager has enabled the Conversions API; it works some 15 minutes after it was made.", IsSecret: true, IsRequired: true),
        SettingsCheck.EventsField("form_submit = lead"),
    ];
}
