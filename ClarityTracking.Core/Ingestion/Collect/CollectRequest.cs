using System.Text.Json;
using System.Text.Unicode;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Ingestion.Collect;

/// <summary>Why a whole request was refused; nothing of it was stored.</summary>
/// <param name="Code">Stable code of the problem details.</param>
/// <param name="Detail">What to change.</param>
/// <param name="Status">HTTP status.</param>
public sealed record RequestRefusal(string Code, string Detail, int Status);

/// <summary>A parsed body of <c>POST /api/v1/collect</c>: <c>{events:[…], apiKey?, sent_at?}</c>. Dispose it after the events are stored.</summary>
public sealed class CollectRequest : IDisposable
{
    /// <summary>Most bytes of a body, after decompression.</summary>
    public const int LargestBody = 1024 * 1024;

    /// <summary>Most events of a batch.</summary>
    public const int MostEvents = 500;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32 };
    private readonly JsonDocument _document;

    private CollectRequest(JsonDocument document, IReadOnlyList<JsonElement> events, string? apiKey, DateTimeOffset? sentAt) =>
        (_document, Events, ApiKey, SentAt) = (document, events, apiKey, sentAt);

    /// <summary>The events, unread.</summary>
    public IReadOnlyList<JsonElement> Events { get; }

    /// <summary>The key, for beacons that cannot set headers.</summary>
    public string? ApiKey { get; }

    /// <summary>The sender's clock when it sent.</summary>
    public DateTimeOffset? SentAt { get; }

    /// <summary>Parses a body. The bytes must stay as they are until the request is disposed.</summary>
    public static (CollectRequest? Request, RequestRefusal? Refusal) Parse(ReadOnlyMemory<byte> body, bool allowSingle = false)
    {
        if (body.Length == 0)
            return (null, new RequestRefusal("body_empty", "The body is empty. Send {\"events\":[…]}.", 400));
        if (!Utf8.IsValid(body.Span))
            return (null, new RequestRefusal("invalid_utf8", "The body is not valid UTF-8.", 400));
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Strict);
        }
        catch (JsonException error)
        {
            return (null, new RequestRefusal("invalid_json",
                $"The body is not valid JSON, or nested deeper than 32 levels (line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}).", 400));
        }
        RequestRefusal? refusal;
        try
        {
            refusal = Read(document.RootElement, allowSingle, out var events, out var apiKey, out var sentAt);
            if (refusal is null)
                return (new CollectRequest(document, events, apiKey, sentAt), null);
        }
        catch (InvalidOperationException) // the parser checks escapes only when a text is read
        {
            refusal = new RequestRefusal("invalid_text", "A field of the body holds half of a surrogate pair.", 400);
        }
        document.Dispose();
        return (null, refusal);
    }

    public void Dispose() => _document.Dispose();

    private static RequestRefusal? Read(JsonElement root, bool allowSingle, out IReadOnlyList<JsonElement> events, out string? apiKey, out DateTimeOffset? sentAt)
    {
        (events, apiKey, sentAt) = ([], null, null);
        if (root.ValueKind != JsonValueKind.Object)
            return new RequestRefusal("wrong_type", "The body must be a JSON object with events.", 400);
        if (root.TryGetProperty("apiKey"u8, out var key) && key.ValueKind != JsonValueKind.Null)
        {
            if (key.ValueKind != JsonValueKind.String)
                return new RequestRefusal("wrong_type", "apiKey must be a text.", 400);
            apiKey = key.GetString();
        }
        if (root.TryGetProperty("sent_at"u8, out var sent) && TimestampStep.TryRead(sent, out var time))
            sentAt = time;
        if (!root.TryGetProperty("events"u8, out var list))
        {
            if (!allowSingle)
                return new RequestRefusal("events_missing", "events is missing. Send {\"events\":[…]}.", 400);
            events = [root];
            return null;
        }
        if (list.ValueKind != JsonValueKind.Array)
            return new RequestRefusal("wrong_type", "events must be a list.", 400);
        if (list.GetArrayLength() == 0)
            return new RequestRefusal("events_empty", "events is empty.", 400);
        if (list.GetArrayLength() > MostEvents)
            return new RequestRefusal("batch_too_large", $"A request may hold at most {MostEvents} events. Send several.", 413);
        events = [.. list.EnumerateArray()];
        return null;
    }
}
