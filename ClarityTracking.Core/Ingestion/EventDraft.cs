using System.Buffers.Binary;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion;

/// <summary>An event on its way through the steps of <see cref="IngestPipeline"/>: each step reads what it needs and adds its part.</summary>
public sealed class EventDraft(JsonElement json)
{
    /// <summary>The event as the sender wrote it.</summary>
    public JsonElement Json { get; } = json;

    public string? EventId { get; set; }

    public string? Name { get; set; }

    public bool IsTest { get; set; }

    public DateTimeOffset OccurredAt { get; set; }

    public string? VisitorId { get; set; }

    public string? SessionId { get; set; }

    public string? Url { get; set; }

    public string? Referrer { get; set; }

    public decimal? Value { get; set; }

    public string? Currency { get; set; }

    public string? OrderId { get; set; }

    public string? UserAgent { get; set; }

    public string? Ip { get; set; }

    public string? BotReason { get; set; }

    public Dictionary<string, ClickId>? ClickIds { get; set; }

    public Dictionary<string, string>? Cookies { get; set; }

    public Dictionary<string, string>? Utm { get; set; }

    public Consent? Consent { get; set; }

    public UserData User { get; set; } = UserData.Nothing;

    public MatchKeys MatchKeys { get; set; } = MatchKeys.None;

    /// <summary>No phone that was told names its country, so its hash matches nobody; counted as absent.</summary>
    public bool PhoneLacksCountry { get; set; }

    /// <summary>As the sender wrote them; Undefined when there are none.</summary>
    public JsonElement Properties { get; set; }

    /// <summary>As they are stored: a JSON object, secrets taken out, address fields left to their columns.</summary>
    public ReadOnlyMemory<byte> PropertiesJson { get; set; }

    public List<string>? Redacted { get; set; }

    /// <summary>The finished event.</summary>
    /// <param name="context">What the request's events share.</param>
    /// <param name="index">Its place in the request: ids of one moment are in the order of arrival, which decides between touches of one moment.</param>
    public Event ToEvent(IngestContext context, int index) => new()
    {
        WorkspaceId = context.Owner.WorkspaceId,
        WebsiteId = context.Owner.WebsiteId,
        Id = IdAt(context.ReceivedAt, index),
        EventId = EventId ?? Guid.CreateVersion7(context.ReceivedAt).ToString(),
        Name = Name!,
        Source = context.Source,
        IsTest = IsTest || context.Owner.IsTest,
        OccurredAt = OccurredAt,
        ReceivedAt = context.ReceivedAt,
        VisitorId = VisitorId,
        SessionId = SessionId,
        Url = Url,
        Referrer = Referrer,
        Value = Value,
        Currency = Currency,
        OrderId = OrderId,
        UserAgent = UserAgent,
        BotReason = BotReason,
        ClickIds = ClickIds!,
        Cookies = Cookies!,
        Utm = Utm!,
        Consent = Consent,
        MatchKeys = MatchKeys,
        PhoneLacksCountry = PhoneLacksCountry,
        Way = context.Way,
        Redacted = Redacted!,
        Personal = context.Owner.PrivacyMode || (User.IsEmpty && Ip is null) ? null : new PersonalData(User.IsEmpty ? null : User, Ip),
    };

    /// <summary>A UUIDv7 whose first random bits (rand_a) are a place in a request (RFC 9562, section 6.2, method 1).</summary>
    private static Guid IdAt(DateTimeOffset at, int index)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(at).TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], (ushort)(0x7000 | (index & 0xFFF)));
        return new Guid(bytes, bigEndian: true);
    }
}
