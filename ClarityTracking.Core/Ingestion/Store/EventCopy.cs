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
        using var json = new JsonCell();
        foreach (var row in rows)
            Write(copy, row, json);
        await copy.CompleteAsync();
    }

    private static void Write(NpgsqlBinaryImporter copy, EventRow row, JsonCell json)
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
        json.Write(copy, e.ClickIds.Count == 0 ? null : e.ClickIds, EventJson.WriteClickIds);
        json.Write(copy, e.Cookies.Count == 0 ? null : e.Cookies, EventJson.WriteTexts);
        json.Write(copy, e.Utm.Count == 0 ? null : e.Utm, EventJson.WriteTexts);
        json.Write(copy, e.Consent, static (w, consent) => JsonSerializer.Serialize(w, consent, JsonColumn.Options));
        json.Write(copy, e.MatchKeys.Count == 0 ? null : e.MatchKeys, EventJson.WriteMatchKeys);
        copy.Write(row.PropertiesJson, NpgsqlDbType.Jsonb);
        json.Write(copy, e.Redacted.Count == 0 ? null : e.Redacted, static (w, names) => JsonSerializer.Serialize(w, names, JsonColumn.Options));
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

    /// <summary>One buffer and one writer for all JSON columns of a COPY.</summary>
    private sealed class JsonCell : IDisposable
    {
        private readonly ArrayBufferWriter<byte> _buffer = new(1024);
        private readonly Utf8JsonWriter _writer;

        public JsonCell() => _writer = new Utf8JsonWriter(_buffer);

        public void Dispose() => _writer.Dispose();

        /// <summary>Writes a value as jsonb, null as NULL.</summary>
        public void Write<T>(NpgsqlBinaryImporter copy, T? value, Action<Utf8JsonWriter, T> write) where T : class
        {
            if (value is null)
            {
                copy.WriteNull();
                return;
            }
            _buffer.ResetWrittenCount();
            _writer.Reset(_buffer);
            write(_writer, value);
            _writer.Flush();
            copy.Write(_buffer.WrittenMemory, NpgsqlDbType.Jsonb);
        }
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
        "COPY dropped_events (workspace_id, website_id, id, received_at, event_id, name, reason, detail, source) FROM STDIN (FORMAT binary)";

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
            copy.Write(row.Source?.Word(), NpgsqlDbType.Text);
        }
        await copy.CompleteAsync();
    }
}
