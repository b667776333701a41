using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Web;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Tests.Vectors;

/// <summary>Reads a platform's golden requests and answers (<c>destinations/*.json</c>) and holds a destination to them.</summary>
sealed class DestinationVectors(string path, IDestination destination, string credentials)
{
    readonly JsonElement _file = VectorFile.Read(path);

    internal DateTimeOffset Now => DateTimeOffset.Parse(_file.Text("assumed_now")!, CultureInfo.InvariantCulture);

    internal TheoryData<string> Ids => VectorFile.Ids(path);

    internal TheoryData<int> Answers => [.. Enumerable.Range(0, _file.GetProperty("responses").GetArrayLength())];

    internal JsonElement Case(string id) => VectorFile.Cases(path)[id];

    /// <summary>Where the vectors' context puts a value that an event carries as a click id or a cookie.</summary>
    internal IReadOnlyDictionary<string, string> ClickIds { get; init; } = new Dictionary<string, string>();

    internal IReadOnlyDictionary<string, string> Cookies { get; init; } = new Dictionary<string, string>();

    /// <summary>What stands for the {braces} of the expected request.</summary>
    internal IReadOnlyDictionary<string, string> Braces { get; init; } = new Dictionary<string, string>();

    /// <summary>The connection's settings for a case: those given, and those its context names.</summary>
    internal string Settings(string id, params (string Name, string Value)[] given)
    {
        var settings = new JsonObject();
        foreach (var (name, value) in given)
            settings[name] = value;
        foreach (var name in (string[])["test_event_code", "limited_data_use", "test", "test_id"])
            if (Case(id).GetProperty("context").TryGetProperty(name, out var value))
                settings[name] = JsonNode.Parse(value.GetRawText());
        return settings.ToJsonString();
    }

    /// <summary>The request of a case, which must not be skipped.</summary>
    internal DestinationRequest RequestOf(string id, string settings, string? accessToken = null)
    {
        var vector = Case(id);
        var parsed = JsonElement.Parse(settings);
        var payloads = EventsOf(vector).Select(e =>
        {
            Assert.Null(destination.ReasonToSkip(e, parsed, Now));
            return destination.Map(e, parsed);
        }).ToList();
        return destination.BuildRequest(payloads, new DestinationAccess(destination.Info.DefaultBaseUrl, parsed, JsonElement.Parse(credentials), Now, accessToken));
    }

    /// <summary>Method, address, query, headers and body are exactly the expected ones.</summary>
    /// <param name="id">The case.</param>
    /// <param name="request">What the destination built.</param>
    /// <param name="settle">Changes both bodies where the vector's note leaves a form open; null = nothing is open.</param>
    internal void AssertRequest(string id, DestinationRequest request, Action<JsonNode>? settle = null)
    {
        var expected = JsonNode.Parse(Fill(Case(id).GetProperty("expected").GetRawText()))!;
        Assert.Equal((string?)expected["method"], request.Method.Method);
        Assert.Equal((string?)expected["url"], request.Url.GetLeftPart(UriPartial.Path));
        var query = HttpUtility.ParseQueryString(request.Url.Query);
        Assert.Equal(Members(expected["query"]), query.AllKeys.Select(k => $"{k}={query[k]}").Order(StringComparer.Ordinal));
        Assert.Equal(Members(expected["headers"]), request.Headers.Select(h => $"{h.Key}={h.Value}").Order(StringComparer.Ordinal));
        var body = JsonNode.Parse(request.Body)!;
        var wanted = expected["body"]!;
        settle?.Invoke(body);
        settle?.Invoke(wanted);
        Assert.True(JsonNode.DeepEquals(wanted, body), $"expected {wanted.ToJsonString()}\nbut sent {body.ToJsonString()}");
    }

    /// <summary>What an answer of the file means, in the vectors' words; and what it should.</summary>
    internal (string Expected, string Verdict, DeliveryOutcome Outcome) JudgeAnswer(int index, int events = 1)
    {
        var vector = _file.GetProperty("responses")[index];
        var body = vector.GetProperty("body");
        var text = body.ValueKind switch { JsonValueKind.String => body.GetString()!, JsonValueKind.Null => "", _ => body.GetRawText() };
        var outcome = destination.Judge(new DestinationAnswer(vector.GetProperty("status").GetInt32(), text, events));
        return (vector.Text("verdict")!, Verdict(outcome), outcome);
    }

    static string Verdict(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Delivered => "delivered",
        DeliveryOutcome.Refused => "permanent",
        DeliveryOutcome.TryLater { Kind: FailureKind.Credential } => "credentials",
        DeliveryOutcome.TryLater { After: not null } => "retry_later",
        DeliveryOutcome.TryLater => "retry_backoff",
        DeliveryOutcome.Mixed { Events: [var only] } => Verdict(only),
        DeliveryOutcome.Mixed => "partial",
        _ => "not_taken",
    };

    string Fill(string json)
    {
        var text = new StringBuilder(json);
        foreach (var (name, value) in Braces)
            text.Replace("{" + name + "}", value);
        return text.ToString();
    }

    static IEnumerable<string> Members(JsonNode? node) =>
        (node as JsonObject)?.Select(m => $"{m.Key}={(string?)m.Value}").Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>();

    /// <summary>The events of a case: most have one, some a batch.</summary>
    internal IReadOnlyList<Event> EventsOf(JsonElement vector)
    {
        var from = vector.GetProperty("event");
        return from.ValueKind == JsonValueKind.Array ? [.. from.EnumerateArray().Select(e => EventOf(e, vector.GetProperty("context")))]
            : [EventOf(from, vector.GetProperty("context"))];
    }

    Event EventOf(JsonElement from, JsonElement context)
    {
        var user = from.GetProperty("user");
        var properties = new JsonObject();
        foreach (var name in (string[])["items", "content_name", "search_string"])
            if (from.TryGetProperty(name, out var value))
                properties[name] = JsonNode.Parse(value.GetRawText());
        var occurred = DateTimeOffset.Parse(from.Text("time")!, CultureInfo.InvariantCulture);
        var person = new UserData
        {
            Email = List(user.Text("email")),
            Phone = List(user.Text("phone")),
            FirstName = user.Text("first_name"),
            LastName = user.Text("last_name"),
            City = user.Text("city"),
            State = user.Text("state"),
            Zip = user.Text("zip"),
            Country = user.Text("country"),
            Company = user.Text("company"),
            ExternalId = List(user.Text("external_id")),
        };
        return new Event
        {
            WorkspaceId = Guid.Empty,
            WebsiteId = Guid.Empty,
            Id = Guid.CreateVersion7(occurred),
            EventId = from.Text("event_id")!,
            Name = from.Text("name")!,
            Source = EventSource.Browser,
            OccurredAt = occurred,
            ReceivedAt = occurred,
            Url = from.Text("url"),
            Referrer = from.Text("referrer"),
            OrderId = from.Text("order_id"),
            Value = from.TryGetProperty("value", out var amount) ? amount.GetDecimal() : null,
            Currency = from.Text("currency"),
            UserAgent = user.Text("user_agent"),
            ClickIds = Named(context, ClickIds).ToDictionary(c => c.Name, c => new ClickId(c.Value, null)),
            Cookies = Named(context, Cookies).ToDictionary(c => c.Name, c => c.Value),
            Consent = ConsentOf(context),
            MatchKeys = MatchKeyHasher.Hash(person, defaultCountry: null),
            Properties = JsonElement.Parse(properties.ToJsonString()),
            Personal = new PersonalData(person, user.Text("ip")),
        };
    }

    static Consent? ConsentOf(JsonElement context)
    {
        var consent = context.TryGetProperty("consent", out var told) ? told : default;
        bool? adStorage = context.TryGetProperty("ad_storage", out var storage) ? storage.GetBoolean() : null;
        return consent.ValueKind != JsonValueKind.Object && adStorage is null ? null
            : new Consent(Allowed(consent, "ad_user_data"), Allowed(consent, "ad_personalization"), adStorage, null, null);
    }

    static bool? Allowed(JsonElement consent, string name) =>
        consent.ValueKind == JsonValueKind.Object && consent.TryGetProperty(name, out var value) ? value.GetBoolean() : null;

    static IEnumerable<(string Name, string Value)> Named(JsonElement context, IReadOnlyDictionary<string, string> names) =>
        names.Where(n => context.Text(n.Key) is not null).Select(n => (n.Value, context.Text(n.Key)!));

    static string[] List(string? value) => value is null ? [] : [value];
}
