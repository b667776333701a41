using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>Where an event was seen.</summary>
public enum EventSource
{
    /// <summary>The snippet in a visitor's browser.</summary>
    Browser,
    /// <summary>A server of the customer, by secret key.</summary>
    Server,
    /// <summary>A sender's signed webhook.</summary>
    Webhook,
    /// <summary>A redirect through a campaign link.</summary>
    Link,
}

/// <summary>A click id as an ad platform put it into a URL: byte-exact, never decoded twice, never changed in case.</summary>
/// <param name="Value">The id itself.</param>
/// <param name="FirstSeen">When the visitor's browser first carried it (UTC); null when only the event's own time is known.</param>
public sealed record ClickId(string Value, DateTimeOffset? FirstSeen);

/// <summary>What the visitor allowed. Null = never asked or not told.</summary>
/// <param name="AdUserData">May data about the person go to ad platforms?</param>
/// <param name="AdPersonalization">May it be used for personalised ads?</param>
/// <param name="AdStorage">May ad identifiers be kept in the browser?</param>
/// <param name="AnalyticsStorage">May analytics identifiers be kept in the browser?</param>
/// <param name="Signal"><c>gpc</c> or <c>dnt</c> when the browser itself refused (Sec-GPC, DNT); else null.</param>
public sealed record Consent(bool? AdUserData, bool? AdPersonalization, bool? AdStorage, bool? AnalyticsStorage, string? Signal);

/// <summary>
/// One thing that happened, as it is stored: append-only, in weekly partitions of its <see cref="Id"/>.
/// Everything readable about the person is in <see cref="Personal"/>, which is stored encrypted only.
/// </summary>
public sealed class Event
{
    /// <summary>The tenant.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>The website the event belongs to.</summary>
    public required Guid WebsiteId { get; init; }

    /// <summary>Our id: a UUIDv7 whose time is <see cref="ReceivedAt"/>, so it orders and partitions the log.</summary>
    public required Guid Id { get; init; }

    /// <summary>The sender's id, kept on every retry and sent to every platform; made by us when the sender gave none.</summary>
    public required string EventId { get; init; }

    /// <summary>Canonical event name (<c>purchase</c>, <c>page_view</c> ...) or the name of a custom event.</summary>
    public required string Name { get; init; }

    /// <summary>Where it was seen.</summary>
    public required EventSource Source { get; init; }

    /// <summary>Sent with a test key or marked as test: never counted as revenue, delivered only to test modes.</summary>
    public bool IsTest { get; set; }

    /// <summary>When it happened (UTC), by the sender's clock, corrected for a skewed one where the sender told its time.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>When we took it in (UTC).</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Anonymous browser id.</summary>
    public string? VisitorId { get; init; }

    /// <summary>The visit.</summary>
    public string? SessionId { get; init; }

    /// <summary>Full address of the page.</summary>
    public string? Url { get; init; }

    /// <summary>Full address of the page before it.</summary>
    public string? Referrer { get; init; }

    /// <summary>Value in major units of <see cref="Currency"/> (149.90 = 149 dollars 90).</summary>
    public decimal? Value { get; init; }

    /// <summary>ISO 4217, upper case.</summary>
    public string? Currency { get; init; }

    /// <summary>The shop's or booking system's own number.</summary>
    public string? OrderId { get; init; }

    /// <summary>The browser's user agent.</summary>
    public string? UserAgent { get; init; }

    /// <summary>Why this looks like a bot; null = it does not.</summary>
    public string? BotReason { get; init; }

    /// <summary>Click ids by their URL parameter name (<c>fbclid</c>, <c>gclid</c> ...).</summary>
    public IReadOnlyDictionary<string, ClickId> ClickIds { get => field ?? NoClickIds; init; }

    /// <summary>Platform cookies by the short names of the intake contract (<c>fbp</c>, <c>fbc</c>, <c>ga</c> ...).</summary>
    public IReadOnlyDictionary<string, string> Cookies { get => field ?? NoWords; init; }

    /// <summary>Campaign parameters by short name (<c>source</c>, <c>medium</c>, <c>campaign</c>, <c>term</c>, <c>content</c>, <c>id</c>).</summary>
    public IReadOnlyDictionary<string, string> Utm { get => field ?? NoWords; init; }

    /// <summary>What the visitor allowed.</summary>
    public Consent? Consent { get; init; }

    /// <summary>Normalised and hashed match keys.</summary>
    public MatchKeys MatchKeys { get => field ?? MatchKeys.None; init; }

    /// <summary>
    /// No phone that was told names its country. Known while the event is taken in, also in privacy mode; null for an event that was read
    /// back, where the readable phone tells it.
    /// </summary>
    internal bool? PhoneLacksCountry { get; init; }

    /// <summary>How it came here from a browser. Known while the event is taken in, and counted; not stored with it.</summary>
    internal ArrivalWay? Way { get; init; }

    /// <summary>The other properties as the sender gave them (items, content_name, search_string, own fields), secrets redacted. A JSON object.</summary>
    public JsonElement Properties { get; init; } = EmptyObject;

    /// <summary>Names of properties whose values were redacted because they looked like secrets.</summary>
    public IReadOnlyList<string> Redacted { get => field ?? []; init; }

    /// <summary>The readable personal data; null in privacy mode, or when there is none. Stored sealed, opened only to deliver or on a logged request.</summary>
    public PersonalData? Personal { get; set; }

    /// <summary>What of it filter rules may change.</summary>
    internal EventContent Content => new(Name, Url, Referrer, Value, Currency, OrderId, Utm, Properties);

    /// <summary>A copy with other content, for one connection; the stored event stays as it is.</summary>
    internal Event With(EventContent content) => new()
    {
        WorkspaceId = WorkspaceId,
        WebsiteId = WebsiteId,
        Id = Id,
        EventId = EventId,
        Name = content.Name,
        Source = Source,
        IsTest = IsTest,
        OccurredAt = OccurredAt,
        ReceivedAt = ReceivedAt,
        VisitorId = VisitorId,
        SessionId = SessionId,
        Url = content.Url,
        Referrer = content.Referrer,
        Value = content.Value,
        Currency = content.Currency,
        OrderId = content.OrderId,
        UserAgent = UserAgent,
        BotReason = BotReason,
        ClickIds = ClickIds,
        Cookies = Cookies,
        Utm = content.Utm,
        Consent = Consent,
        MatchKeys = MatchKeys,
        Properties = content.Properties,
        Redacted = Redacted,
        Personal = Personal,
    };

    private static readonly Dictionary<string, ClickId> NoClickIds = [];
    private static readonly Dictionary<string, string> NoWords = [];
    internal static readonly JsonElement EmptyObject = JsonDocument.Parse("{}").RootElement.Clone();
}

/// <summary>
/// What of an event filter rules may change for one connection. Who it was, its ids, its consent and its times are not among it, so no rule can
/// write match keys or move an event in time.
/// </summary>
internal readonly record struct EventContent(string Name, string? Url, string? Referrer, decimal? Value, string? Currency, string? OrderId,
    IReadOnlyDictionary<string, string> Utm, JsonElement Properties);
