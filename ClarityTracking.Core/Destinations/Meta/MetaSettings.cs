using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Reads and checks a Meta connection's settings and credentials.</summary>
static partial class MetaSettings
{
    /// <summary>Supported until 2028-07-29 (Graph API changelog, 2026-11-20).</summary>
    internal const string DefaultApiVersion = "v25.0";

    // Meta's own limit for custom event names
    const int LongestEventName = 50;

    internal static readonly ConnectionField[] Fields =
    [
        new("dataset_id", "Dataset ID", "Events Manager > Data sources > your dataset > Settings (formerly Pixel ID).", IsSecret: false, IsRequired: true),
        new("access_token", "Access token", "Events Manager > Settings > Conversions API > Generate access token.", IsSecret: true, IsRequired: true),
        new("app_secret", "App secret", "Only if your Meta app requires proof of the secret: App settings > Basic.", IsSecret: true, IsRequired: false),
        new("test_event_code", "Test event code", "Events Manager > Test events. Remove it when you are done: such events still count.", IsSecret: false, IsRequired: false),
        new("limited_data_use", "Limited Data Use", "Restricts how Meta uses the data of people in US states with such a law.", IsSecret: false, IsRequired: false, FieldKind.Toggle),
        new("api_version", "Graph API version", $"Leave empty for {DefaultApiVersion}.", IsSecret: false, IsRequired: false),
    ];

    internal static string? Text(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var value))
            return null;
        // an id that was typed as a number is still an id
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Trim(),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.Undefined or JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => null,
        };
        return string.IsNullOrEmpty(text) ? null : text;
    }

    internal static bool LimitedDataUse(JsonElement settings) =>
        settings.ValueKind == JsonValueKind.Object && settings.TryGetProperty("limited_data_use", out var value) && value.ValueKind == JsonValueKind.True;

    internal static JsonElement? Mapping(JsonElement settings) =>
        settings.ValueKind == JsonValueKind.Object && settings.TryGetProperty("events", out var events) && events.ValueKind == JsonValueKind.Object
            ? events : null;

    internal static List<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = new List<FieldError>();
        if (settings.ValueKind != JsonValueKind.Object)
            return [new("settings", "Must be a JSON object.")];

        CheckText(errors, settings, "settings", "dataset_id", isRequired: true, Id(), "Must be the dataset's number, as Events Manager shows it.");
        if (Text(settings, "dataset_id")?.StartsWith("act_", StringComparison.Ordinal) == true)
            errors.Add(new("settings.dataset_id", "This is an ad account (act_…); enter the dataset's number."));
        CheckText(errors, settings, "settings", "api_version", isRequired: false, Version(), $"Must look like {DefaultApiVersion}.");
        CheckText(errors, settings, "settings", "test_event_code", isRequired: false, Id(), "Must be the code from Events Manager > Test events, such as TEST12345.");
        if (settings.TryGetProperty("limited_data_use", out var limited) && limited.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
            errors.Add(new("settings.limited_data_use", "Must be true or false."));
        if (settings.TryGetProperty("events", out var events))
            CheckEvents(errors, events);

        if (credentials is not { } secrets)
            return errors;
        if (secrets.ValueKind != JsonValueKind.Object)
            errors.Add(new("credentials", "Must be a JSON object."));
        else
        {
            CheckText(errors, secrets, "credentials", "access_token", isRequired: true, Secret(), "Must be one token without spaces.");
            CheckText(errors, secrets, "credentials", "app_secret", isRequired: false, Secret(), "Must be one word without spaces.");
        }
        return errors;
    }

    static void CheckText(List<FieldError> errors, JsonElement from, string group, string name, bool isRequired, Regex shape, string message)
    {
        var isGiven = from.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            && !(value.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(value.GetString()));
        if (!isGiven)
        {
            if (isRequired)
                errors.Add(new($"{group}.{name}", "Is required."));
        }
        else if (Text(from, name) is not { } text || !shape.IsMatch(text))
        {
            errors.Add(new($"{group}.{name}", message));
        }
    }

    static void CheckEvents(List<FieldError> errors, JsonElement events)
    {
        if (events.ValueKind == JsonValueKind.Null)
            return;
        if (events.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("settings.events", "Must be an object of event names: {\"form_submit\": \"Lead\", \"page_view\": false}."));
            return;
        }
        foreach (var pair in events.EnumerateObject())
        {
            var isFine = pair.Value.ValueKind == JsonValueKind.False
                || (pair.Value.ValueKind == JsonValueKind.String && pair.Value.GetString() is { } name
                    && name.Length <= LongestEventName && !string.IsNullOrWhiteSpace(name));
            if (!isFine)
                errors.Add(new($"settings.events.{pair.Name}", $"Must be Meta's event name (at most {LongestEventName} characters), or false to not send it."));
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex Id();

    [GeneratedRegex(@"^v[0-9]{1,3}\.[0-9]\z")]
    private static partial Regex Version();

    [GeneratedRegex(@"^[\x21-\x7E]{1,2048}\z")]
    private static partial Regex Secret();
}
