using System.Text.Json;

namespace ClarityTracking.Core.Destinations.Webhook;

/// <summary>Reads and checks a webhook's settings and credentials.</summary>
static class WebhookSettings
{
    const int LongestName = 100;

    internal static readonly ConnectionField[] Fields =
    [
        new("url", "Address", "Where events are posted. Use https: the signature proves the sender, but hides nothing.", IsSecret: false, IsRequired: true, FieldKind.Url),
        new("secret", "Signing secret", "whsec_ and 24 to 64 random bytes in Base64 (printf whsec_; openssl rand -base64 32), or any other 16 characters and more without spaces.", IsSecret: true, IsRequired: true),
        SettingsCheck.EventsField("form_submit = Form sent"),
    ];

    internal static List<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SettingsCheck.Run(Fields, settings, credentials, static name => name.Length <= LongestName,
            $"Must be a name (at most {LongestName} characters), or false to not send it.");
        if (credentials is { } secrets && Key(secrets).Length < StandardWebhook.FewestKeyBytes && errors.TrueForAll(e => e.Field != "credentials.secret"))
            errors.Add(new("credentials.secret", $"Must be {StandardWebhook.SecretPrefix} and at least {StandardWebhook.FewestKeyBytes} bytes in Base64, or at least {StandardWebhook.FewestKeyBytes} other characters."));
        return errors;
    }

    /// <summary>The key to sign with; empty when there is none or its Base64 is broken.</summary>
    internal static byte[] Key(JsonElement credentials) => ConnectionJson.Text(credentials, "secret") is { } secret ? StandardWebhook.KeyOf(secret) : [];
}
