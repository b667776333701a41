using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Reads what the visitor allowed. A browser that sends Sec-GPC or DNT refuses ads data whatever the page says: the event is stored
/// and counted, and the router sends it to no ad platform.
/// </summary>
internal static class ConsentStep
{
    private static readonly Consent Unknown = new(null, null, null, null, null);

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        var envelope = new FieldReader(draft.Json);
        var json = envelope.Object("consent"u8);
        if (envelope.Drop is not null)
            return envelope.Drop;
        var consent = Unknown;
        if (json.ValueKind == JsonValueKind.Object)
        {
            var fields = new FieldReader(json);
            consent = new Consent(fields.Choice("ad_user_data"u8), fields.Choice("ad_personalization"u8), fields.Choice("ad_storage"u8),
                fields.Choice("analytics_storage"u8), null);
            if (fields.Drop is not null)
                return fields.Drop;
        }
        if (context.PrivacySignal is { } signal)
            consent = consent with { AdUserData = false, AdPersonalization = false, Signal = signal };
        draft.Consent = consent == Unknown ? null : consent;
        return null;
    }
}
