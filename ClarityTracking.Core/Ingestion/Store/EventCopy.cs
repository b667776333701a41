using System.Buffers;
using System.Text.Json;
using ClarityTracking.Core.Data;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>Binary COPY into <c>events</c>. The columns stand in one list, in the order they are written.</summary>
internal static class EventCopy
{
    private const string Sql = """
        COPY events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, visitor_id, session_id,
            url, referrer, value, currency, order_id, user_agent, bot_reason, click_ids, cookies, utm, consent, match_keys, properties,
            redacted, personal_sealed) FROM STDIN (FORMAT binary)
        """;

    public static async Task WriteAsync(NpgsqlConnection connection, IEnumerable<EventRow> rows)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Sql);
        var json = new ArrayBufferWriter<byte>(512);
        foreach (var row in rows)
            Write(copy, row, json);
        await copy.CompleteAsync();
    }

    private static void Write(NpgsqlBinaryImporter copy, EventRow row, ArrayBufferWriter<byte> json)
    {
        var e = row.Event;
        copy.StartRow();
        copy.Write(e.WorkspaceId, NpgsqlDbType.Uuid);
        copy.Write(e.WebsiteId, NpgsqlDbType.Uuid);
        copy.Write(e.Id, NpgsqlDbType.Uuid);
        copy.Write(e.EventId, NpgsqlDbType.Text);
        copy.Write(e.Name, NpgsqlDbType.Text);
        copy.Write(e.Source.Word(), NpgsqlDbType.Text);
        copy.Write(e.IsTest, NpgsqlDbType.Boolean);
        copy.Write(e.OccurredAt.UtcDateTime, NpgsqlDbType.TimestampTz);
        copy.Write(e.ReceivedAt.UtcDateTime, NpgsqlDbType.TimestampTz);
        WriteText(copy, e.VisitorId);
        WriteText(copy, e.SessionId);
        WriteText(copy, e.Url);
        WriteText(copy, e.Referrer);
        if (e.Value is { } value)
            copy.Write(value, NpgsqlDbType.Numeric);
        else
            copy.WriteNull();
        WriteText(copy, e.Currency);
        WriteText(copy, e.OrderId);
        WriteText(copy, e.UserAgent);
        WriteText(copy, e.BotReason);
        WriteJson(copy, json, e.ClickIds.Count == 0 ? null : w => EventJson.WriteClickIds(w, e.ClickIds));
        WriteJson(copy, json, e.Cookies.Count == 0 ? null : w => EventJson.WriteTexts(w, e.Cookies));
        WriteJson(copy, json, e.Utm.Count == 0 ? null : w => EventJson.WriteTexts(w, e.Utm));
        WriteJson(copy, json, e.Consent is null ? null : w => JsonSerializer.Serialize(w, e.Consent, JsonColumn.Options));
        WriteJson(copy, json, e.MatchKeys.Count == 0 ? null : w => EventJson.WriteMatchKeys(w, e.MatchKeys));
        copy.Write(row.PropertiesJson, NpgsqlDbType.Jsonb);
        WriteJson(copy, json, e.Redacted.Count == 0 ? null : w => JsonSerializer.Serialize(w, e.Redacted, JsonColumn.Options));
        if (row.PersonalSealed is { } personal)
            copy.Write(personal, NpgsqlDbType.Bytea);
        else
            copy.WriteNull();
    }

    private static void WriteText(NpgsqlBinaryImporter copy, string? text)
    {
        if (text is null)
            copy.WriteNull();
        else
            copy.Write(text, NpgsqlDbType.Text);
    }

    private static void WriteJson(NpgsqlBinaryImporter copy, ArrayBufferWriter<byte> buffer, Action<Utf8JsonWriter>? write)
    {
        if (write is null)
        {
            copy.WriteNull();
            return;
        }
        buffer.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(buffer))
            write(writer);
        copy.Write(buffer.WrittenMemory, NpgsqlDbType.Jsonb);
    }
}

/// <summary>The JSON columns of an event, as EF reads them back.</summary>
internal static class EventJson
{
    public static void WriteClickIds(Utf8JsonWriter writer, IReadOnlyDictionary<string, ClickId> clickIds)
    {
        writer.WriteStartObject();
        foreach (var (name, id) in clickIds)
        {
            writer.WriteStartObject(name);
            writer.WriteString("value"u8, id.Value);
            if (id.FirstSeen is { } seen)
                writer.WriteString("first_seen"u8, seen);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    public static void WriteTexts(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> texts)
    {
        writer.WriteStartObject();
        foreach (var (name, text) in texts)
            writer.WriteString(name, text);
        writer.WriteEndObject();
    }

    public static void WriteMatchKeys(Utf8JsonWriter writer, Identify.MatchKeys keys)
    {
        writer.WriteStartObject();
        foreach (var (name, hashes) in keys.Values)
        {
            writer.WriteStartArray(name);
            foreach (var hash in hashes)
                writer.WriteStringValue(hash);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }
}

/// <summary>Binary COPY into <c>dropped_events</c>.</summary>
internal static class DroppedEventCopy
{
    private const string Sql =
        "COPY dropped_events (workspace_id, website_id, id, received_at, event_id, name, reason, detail) FROM STDIN (FORMAT binary)";

    public static async Task WriteAsync(NpgsqlConnection connection, IEnumerable<DroppedEvent> rows)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Sql);
        foreach (var row in rows)
        {
            copy.StartRow();
            copy.Write(row.WorkspaceId, NpgsqlDbType.Uuid);
            copy.Write(row.WebsiteId, NpgsqlDbType.Uuid);
            copy.Write(row.Id, NpgsqlDbType.Uuid);
            copy.Write(row.ReceivedAt.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(row.EventId, NpgsqlDbType.Text);
            copy.Write(row.Name, NpgsqlDbType.Text);
            copy.Write(row.Reason, NpgsqlDbType.Text);
            copy.Write(row.Detail, NpgsqlDbType.Text);
        }
        await copy.CompleteAsync();
    }
}
