using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Ingestion.Enrich;

/// <summary>Reads click ids (with the time they were first seen) and platform cookies as the sender kept them.</summary>
internal static class ClickIdStep
{
    private const int Longest = 1000, LongestName = 40, MostEntries = 40;

    public static Drop? Read(EventDraft draft)
    {
        var fields = new FieldReader(draft.Json);
        var clickIds = fields.Object("click_ids"u8);
        if (clickIds.ValueKind == JsonValueKind.Object)
            ReadClickIds(draft, clickIds, ref fields);
        var cookies = fields.Object("cookies"u8);
        if (cookies.ValueKind == JsonValueKind.Object)
            ReadCookies(draft, cookies, ref fields);
        return fields.Drop;
    }

    private static void ReadClickIds(EventDraft draft, JsonElement json, ref FieldReader fields)
    {
        foreach (var entry in json.EnumerateObject())
        {
            if (!ClickIdNames.All.TryGetValue(entry.Name, out var name))
                continue; // a newer snippet may send ids this version does not know
            var (value, firstSeen) = (entry.Value, (DateTimeOffset?)null);
            if (value.ValueKind == JsonValueKind.Object)
            {
                if (value.TryGetProperty("first_seen"u8, out var seen) && seen.ValueKind != JsonValueKind.Null)
                {
                    if (TimestampStep.TryRead(seen, out var time))
                        firstSeen = time;
                    else
                        fields.Fail(DropReason.TimestampInvalid, "click_ids first_seen"u8, "must be ISO 8601 or milliseconds since 1970");
                }
                value = value.TryGetProperty("value"u8, out var inner) ? inner : default;
            }
            if (fields.TextOf(value, "click_ids"u8, Longest) is { } text)
                (draft.ClickIds ??= [])[name] = new ClickId(text, firstSeen);
        }
    }

    private static void ReadCookies(EventDraft draft, JsonElement json, ref FieldReader fields)
    {
        foreach (var entry in json.EnumerateObject())
        {
            if (entry.Name.Length > LongestName || draft.Cookies?.Count >= MostEntries)
                fields.Fail(DropReason.PropertiesTooLarge, "cookies"u8, $"holds more than {MostEntries} entries or a name longer than {LongestName} characters");
            else if (fields.TextOf(entry.Value, "cookies"u8, Longest) is { } text)
                (draft.Cookies ??= [])[entry.Name] = text;
        }
    }
}
