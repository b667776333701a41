using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Web;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Vectors;

/// <summary>The whole request of five events, and what five answers mean.</summary>
public sealed class MetaDestinationVectorTests
{
    const string File = "destinations/meta.json";

    public static TheoryData<string> Requests => VectorFile.Ids(File);

    public static TheoryData<int> Answers => [.. Enumerable.Range(0, VectorFile.Read(File).GetProperty("responses").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Requests))]
    public void MetaDestination_Vector_SendsExactlyTheExpectedRequest(string id)
    {
        var vector = VectorFile.Cases(File)[id];
        var settings = Settings(vector.GetProperty("context"));
        var @event = EventOf(vector.GetProperty("event"), vector.GetProperty("context"));

        Assert.Null(MetaEvents.Meta.ReasonToSkip(@event, settings, MetaEvents.Now));
        var request = MetaEvents.Request(@event, settings);

        var expected = vector.GetProperty("expected");
        Assert.Equal(expected.Text("method"), request.Method.Method);
        Assert.Equal(expected.Text("url")!.Replace("{dataset_id}", "1234567890", StringComparison.Ordinal), request.Url.GetLeftPart(UriPartial.Path));
        var query = HttpUtility.ParseQueryString(request.Url.Query);
        Assert.Equal(expected.GetProperty("query").EnumerateObject().Select(p => (string?)p.Name), query.AllKeys);
        Assert.Equal("EAAtoken", query["access_token"]);
        var body = MetaEvents.Parse(request.Body);
        Assert.True(JsonElement.DeepEquals(expected.GetProperty("body"), body), $"expected {expected.GetProperty("body")}\nbut sent {body}");
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void MetaDestination_VectorAnswer_IsJudged(int index)
    {
        var vector = VectorFile.Read(File).GetProperty("responses")[index];
        var body = vector.GetProperty("body");

        var outcome = MetaEvents.Meta.Judge(new(vector.GetProperty("status").GetInt32(), body.ValueKind == JsonValueKind.String ? body.GetString()! : body.GetRawText(), 1));

        var verdict = outcome switch
        {
            DeliveryOutcome.Delivered => "delivered",
            DeliveryOutcome.Refused => "permanent",
            DeliveryOutcome.TryLater { Kind: FailureKind.Credential } => "credentials",
            DeliveryOutcome.TryLater => "retry_backoff",
            _ => "unknown",
        };
        Assert.Equal(vector.Text("verdict"), verdict);
    }

    [Fact]
    public void MetaDestinationVectors_Counted_NoneIsSkipped()
    {
        Assert.Equal(5, Requests.Count);
        Assert.Equal(5, Answers.Count);
    }

    static JsonElement Settings(JsonElement context)
    {
        var settings = new JsonObject { ["dataset_id"] = "1234567890" };
        if (context.Text("test_event_code") is { } code)
            settings["test_event_code"] = code;
        if (context.TryGetProperty("limited_data_use", out var limited))
            settings["limited_data_use"] = limited.GetBoolean();
        return MetaEvents.Parse(settings.ToJsonString());
    }

    static Event EventOf(JsonElement from, JsonElement context)
    {
        var user = from.GetProperty("user");
        var properties = new JsonObject();
        foreach (var name in (string[])["items", "content_name", "search_string"])
            if (from.TryGetProperty(name, out var value))
                properties[name] = JsonNode.Parse(value.GetRawText());
        var cookies = new Dictionary<string, string>();
        foreach (var name in (string[])["fbp", "fbc"])
            if (context.Text(name) is { } cookie)
                cookies[name] = cookie;
        var clicks = new Dictionary<string, ClickId>();
        if (context.Text("fbclid") is { } fbclid)
            clicks["fbclid"] = new ClickId(fbclid, DateTimeOffset.FromUnixTimeMilliseconds(context.GetProperty("fbclid_first_seen_ms").GetInt64()));
        return new MetaEvents
        {
            Name = from.Text("name")!,
            EventId = from.Text("event_id")!,
            OccurredAt = DateTimeOffset.Parse(from.Text("time")!, CultureInfo.InvariantCulture),
            Url = from.Text("url"),
            Referrer = from.Text("referrer"),
            OrderId = from.Text("order_id"),
            Value = from.TryGetProperty("value", out var value2) ? value2.GetDecimal() : null,
            Currency = from.Text("currency"),
            UserAgent = user.Text("user_agent"),
            Ip = user.Text("ip"),
            User = new UserData
            {
                Email = List(user.Text("email")),
                Phone = List(user.Text("phone")),
                FirstName = user.Text("first_name"),
                LastName = user.Text("last_name"),
                City = user.Text("city"),
                State = user.Text("state"),
                Zip = user.Text("zip"),
                Country = user.Text("country"),
                ExternalId = List(user.Text("external_id")),
            },
            ClickIds = clicks,
            Cookies = cookies,
            Properties = properties.ToJsonString(),
        }.Build();
    }

    static string[] List(string? value) => value is null ? [] : [value];
}
