using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Reads what every event has: type, ids, the properties object.</summary>
internal static class EnvelopeStep
{
    private const int LongestId = 200, LongestName = 100;

    /// <summary>Event types of the intake contract; any other name comes as <c>custom</c> with <c>properties.event_name</c>.</summary>
    public static readonly FrozenSet<string> EventTypes = new[]
    {
        "page_view", "click", "form_submit", "identify", "scroll", "custom", "search", "session_start", "session_end", "form_interaction",
        "auto_identify", "goal", "page_exit", "view_content", "add_to_cart", "initiate_checkout", "purchase", "lead", "schedule",
        "complete_registration", "subscribe", "contact", "course_enrollment", "newsletter_signup",
    }.ToFrozenSet(StringComparer.Ordinal);

    public static Drop? Read(EventDraft draft)
    {
        if (draft.Json.ValueKind != JsonValueKind.Object)
            return new Drop(DropReason.NotAnObject, "An event must be a JSON object.");
        var fields = new FieldReader(draft.Json);
        draft.EventId = fields.Text("event_id"u8, LongestId, numbersToo: true);
        draft.Name = fields.Text("event_type"u8, LongestName);
        draft.Properties = fields.Object("properties"u8);
        draft.IsTest = fields.Flag("test"u8);
        draft.VisitorId = fields.Text("visitor_id"u8, LongestId);
        draft.SessionId = fields.Text("session_id"u8, LongestId);
        if (fields.Drop is not null)
            return fields.Drop;
        if (draft.Name is null)
            return new Drop(DropReason.EventTypeMissing, "event_type is missing.");
        if (!EventTypes.Contains(draft.Name))
            return new Drop(DropReason.EventTypeUnknown, "event_type is not known. Send an own event as \"custom\" with properties.event_name.");
        return draft.Name == "custom" ? ReadCustomName(draft) : null;
    }

    private static Drop? ReadCustomName(EventDraft draft)
    {
        var fields = new FieldReader(draft.Properties);
        var name = draft.Properties.ValueKind == JsonValueKind.Object ? fields.Text("event_name"u8, LongestName)?.Trim() : null;
        if (fields.Drop is not null)
            return fields.Drop;
        if (string.IsNullOrEmpty(name))
            return new Drop(DropReason.EventNameMissing, "A custom event needs properties.event_name.");
        draft.Name = name;
        return null;
    }
}
