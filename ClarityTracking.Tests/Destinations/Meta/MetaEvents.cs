using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Tests.Destinations.Meta;

/// <summary>A purchase in a browser with everything Meta can use; a test changes what matters to it.</summary>
sealed class MetaEvents
{
    internal const string Agent =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";

    internal static readonly DateTimeOffset Now = new(2025, 11, 18, 12, 0, 0, TimeSpan.Zero);
    internal static readonly MetaDestination Meta = new();
    internal static readonly JsonElement NoSettings = Parse("""{"dataset_id":"1234567890"}""");

    internal string Name { get; init; } = "purchase";
    internal string EventId { get; init; } = "ord-5001";
    internal EventSource Source { get; init; } = EventSource.Browser;
    internal bool IsTest { get; init; }
    internal DateTimeOffset OccurredAt { get; init; } = Now.AddHours(-1);
    internal string? Url { get; init; } = "https://shop.example.com/thanks";
    internal string? Referrer { get; init; }
    internal decimal? Value { get; init; } = 149.90m;
    internal string? Currency { get; init; } = "USD";
    internal string? OrderId { get; init; }
    internal string? UserAgent { get; init; } = Agent;
    internal string? Ip { get; init; } = "203.0.113.24";
    internal UserData User { get; init; } = new() { Email = ["jane.doe@example.com"] };
    internal Dictionary<string, ClickId> ClickIds { get; init; } = [];
    internal Dictionary<string, string> Cookies { get; init; } = [];
    internal Consent? Consent { get; init; }
    internal string Properties { get; init; } = "{}";

    internal Event Build() => new()
    {
        WorkspaceId = Guid.Empty,
        WebsiteId = Guid.Empty,
        Id = Guid.CreateVersion7(OccurredAt),
        EventId = EventId,
        Name = Name,
        Source = Source,
        IsTest = IsTest,
        OccurredAt = OccurredAt,
        ReceivedAt = OccurredAt,
        Url = Url,
        Referrer = Referrer,
        Value = Value,
        Currency = Currency,
        OrderId = OrderId,
        UserAgent = UserAgent,
        ClickIds = ClickIds,
        Cookies = Cookies,
        Consent = Consent,
        MatchKeys = MatchKeyHasher.Hash(User, defaultCountry: null),
        Properties = Parse(Properties),
        Personal = new PersonalData(User, Ip),
    };

    /// <summary>What Meta would get.</summary>
    internal JsonElement Map(JsonElement? settings = null) => Parse(Meta.Map(Build(), settings ?? NoSettings));

    internal static DestinationRequest Request(Event @event, JsonElement settings, string credentials = """{"access_token":"EAAtoken"}""") =>
        Meta.BuildRequest([Meta.Map(@event, settings)], new DestinationAccess(Meta.Info.DefaultBaseUrl, settings, Parse(credentials)));

    internal static JsonElement Parse(string json) => JsonElement.Parse(json);

    internal static JsonElement Parse(byte[] json) => JsonElement.Parse(json);
}
