using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations;

/// <summary>Checks what a user typed against the fields a platform asks for, and the names it shall get for events.</summary>
static partial class SettingsCheck
{
    /// <summary>An id as platforms give them.</summary>
    internal static readonly Regex Id = IdShape();

    /// <summary>Digits only.</summary>
    internal static readonly Regex Digits = DigitsShape();

    /// <summary>A token: printable, one word.</summary>
    internal static readonly Regex Secret = SecretShape();

    /// <summary>The name of the setting that all destinations share.</summary>
    internal const string Events = "events";

    /// <summary>The field of <see cref="Events"/>, the same on every platform's form.</summary>
    /// <param name="example">One line of the platform's own (<c>form_submit = Lead</c>).</param>
    internal static ConnectionField EventsField(string example) => new(Events, "Event names",
        $"One line per event that shall go under another name, such as {example}; off instead of a name does not send it.", IsSecret: false, IsRequired: false, FieldKind.Pairs);

    /// <summary>One error per field, empty when fine.</summary>
    /// <param name="fields">What the platform asks for.</param>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="credentials">Null when they are not being changed.</param>
    /// <param name="isEventName">Whether the platform takes this name for an event.</param>
    /// <param name="wantedName">The error when it does not, one sentence.</param>
    internal static List<FieldError> Run(IReadOnlyList<ConnectionField> fields, JsonElement settings, JsonElement? credentials, Func<string, bool> isEventName, string wantedName)
    {
        if (settings.ValueKind != JsonValueKind.Object)
            return [new("settings", "Must be a JSON object.")];
        var errors = new List<FieldError>();
        foreach (var field in fields)
            if (!field.IsSecret)
                Check(errors, settings, "settings", field);
        CheckPairs(errors, settings, Events, isEventName, wantedName);
        errors.AddRange(ConsentRule.Check(settings));
        if (credentials is not { } secrets)
            return errors;
        if (secrets.ValueKind != JsonValueKind.Object)
            return [.. errors, new("credentials", "Must be a JSON object.")];
        foreach (var field in fields)
            if (field.IsSecret)
                Check(errors, secrets, "credentials", field);
        return errors;
    }

    /// <summary>Checks one setting of names and texts.</summary>
    /// <param name="errors">Where errors are added.</param>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="name">Name of the setting.</param>
    /// <param name="isFine">Whether a text will do.</param>
    /// <param name="wanted">The error when it will not, one sentence.</param>
    /// <param name="numbersToo">Ids that were typed as numbers count as texts.</param>
    internal static void CheckPairs(List<FieldError> errors, JsonElement settings, string name, Func<string, bool> isFine, string wanted, bool numbersToo = false)
    {
        if (!settings.TryGetProperty(name, out var pairs) || pairs.ValueKind == JsonValueKind.Null)
            return;
        if (pairs.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new($"settings.{name}", "Must be an object of names: {\"form_submit\": \"…\", \"page_view\": false}."));
            return;
        }
        foreach (var pair in pairs.EnumerateObject())
            if (pair.Value.ValueKind != JsonValueKind.False
                && (ConnectionJson.Text(pairs, pair.Name) is not { } text || !isFine(text) || (pair.Value.ValueKind == JsonValueKind.Number && !numbersToo)))
                errors.Add(new($"settings.{name}.{pair.Name}", wanted));
    }

    static bool IsWebAddress(string? text) => text is { Length: <= LongestUrl } && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url.Scheme is "https" or "http" && url.Host.Length > 0 && url.UserInfo.Length == 0;

    const int LongestUrl = 2000;

    static void Check(List<FieldError> errors, JsonElement from, string group, ConnectionField field)
    {
        var isGiven = from.TryGetProperty(field.Name, out var value) && value.ValueKind != JsonValueKind.Null
            && !(value.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(value.GetString()));
        if (!isGiven)
        {
            if (field.IsRequired)
                errors.Add(new($"{group}.{field.Name}", "Is required."));
            return;
        }
        var error = field.Kind switch
        {
            FieldKind.Toggle => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "Must be true or false.",
            FieldKind.Text => ConnectionJson.Text(from, field.Name) is { } text && (field.Shape ?? (field.IsSecret ? Secret : null))?.IsMatch(text) != false
                ? null : field.Wanted ?? (field.IsSecret ? "Must be one token without spaces." : "Must be a text."),
            FieldKind.Url => IsWebAddress(ConnectionJson.Text(from, field.Name)) ? null : "Must be an address that begins with https:// or http://, without a user name.",
            FieldKind.Pairs => null, // their names are checked one by one
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        if (error is not null)
            errors.Add(new($"{group}.{field.Name}", error));
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex IdShape();

    [GeneratedRegex(@"^[0-9]{1,32}\z")]
    private static partial Regex DigitsShape();

    [GeneratedRegex(@"^[\x21-\x7E]{1,4096}\z")]
    private static partial Regex SecretShape();
}
