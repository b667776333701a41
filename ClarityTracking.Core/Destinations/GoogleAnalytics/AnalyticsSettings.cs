using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.GoogleAnalytics;

/// <summary>What a Google Analytics connection needs.</summary>
static partial class AnalyticsSettings
{
    internal static readonly ConnectionField[] Fields =
    [
        new("measurement_id", "Measurement ID", "Admin > Data streams > your web stream.", IsSecret: false, IsRequired: true,
            Shape: MeasurementId(), Wanted: "Must be the web stream's id, such as G-ABC123."),
        new("api_secret", "API secret", "Admin > Data streams > your web stream > Measurement Protocol API secrets > Create.", IsSecret: true, IsRequired: true),
        new("test", "Test mode", "Google checks all events on its validation server and records none; it does not check the secret. Switch it off when you are done.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        SettingsCheck.EventsField("form_submit = generate_lead"),
    ];

    internal static bool IsTest(JsonElement settings) => ConnectionJson.Flag(settings, "test");

    [GeneratedRegex(@"^G-[A-Z0-9]{4,20}\z")]
    private static partial Regex MeasurementId();
}
