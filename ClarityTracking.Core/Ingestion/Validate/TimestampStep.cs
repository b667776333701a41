using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// When it happened: ISO 8601 with offset, or milliseconds since 1970. Missing = on arrival. A sender that tells its own clock
/// (<c>sent_at</c>) has a skew of more than a minute taken out.
/// </summary>
internal static class TimestampStep
{
    /// <summary>A browser keeps unsent events for a while; servers may send history.</summary>
    private static readonly TimeSpan OldestFromBrowser = TimeSpan.FromDays(7);
    private static readonly DateTimeOffset OldestFromServer = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan FarthestAhead = TimeSpan.FromMinutes(10);
    private static readonly DateTimeOffset Earliest = DateTimeOffset.UnixEpoch, Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan ToleratedSkew = TimeSpan.FromMinutes(1);

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        if (!draft.Json.TryGetProperty("timestamp"u8, out var field) || field.ValueKind == JsonValueKind.Null)
        {
            draft.OccurredAt = context.ReceivedAt;
            return null;
        }
        if (field.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
            return new Drop(DropReason.WrongType, "timestamp must be ISO 8601 text or milliseconds since 1970.");
        if (!TryRead(field, out var occurred))
            return new Drop(DropReason.TimestampInvalid, "timestamp must be ISO 8601 with an offset (2026-11-20T10:00:00Z) or milliseconds since 1970.");
        // Checked before the correction: what lies further away than this is no clock, and adding to it may leave the calendar.
        if (occurred < Earliest)
            return new Drop(DropReason.TimestampTooOld, "timestamp is before the year 1970.");
        if (occurred >= Latest)
            return new Drop(DropReason.TimestampInFuture, "timestamp is more than 10 minutes ahead of the server's clock.");
        if (context.SentAt is { } sent && sent >= Earliest && sent < Latest && (context.ReceivedAt - sent).Duration() > ToleratedSkew)
            occurred += context.ReceivedAt - sent;

        if (occurred > context.ReceivedAt + FarthestAhead)
            return new Drop(DropReason.TimestampInFuture, "timestamp is more than 10 minutes ahead of the server's clock.");
        var oldest = context.Source == EventSource.Browser ? context.ReceivedAt - OldestFromBrowser : OldestFromServer;
        if (occurred < oldest)
            return new Drop(DropReason.TimestampTooOld, context.Source == EventSource.Browser
                ? "timestamp is more than 7 days old. Send older events with a secret key."
                : "timestamp is before the year 2000.");
        draft.OccurredAt = occurred;
        return null;
    }

    /// <summary>Reads a time of the contract; false when it is none.</summary>
    public static bool TryRead(JsonElement field, out DateTimeOffset time)
    {
        time = default;
        if (field.ValueKind == JsonValueKind.Number)
        {
            if (!field.TryGetDouble(out var ms) || ms is < -62135596800000 or > 253402300799999)
                return false;
            time = DateTimeOffset.FromUnixTimeMilliseconds((long)ms);
            return true;
        }
        return field.ValueKind == JsonValueKind.String && HasOffset(field.GetString()!) && field.TryGetDateTimeOffset(out time)
            && (time = time.ToUniversalTime()) != default;
    }

    /// <summary>A time without offset would be read in the server's own zone: refuse it rather than guess.</summary>
    private static bool HasOffset(string text) =>
        text.EndsWith('Z') || (text.Length > 6 && text.IndexOfAny(['+', '-'], 11 < text.Length ? 11 : text.Length) >= 0);
}
