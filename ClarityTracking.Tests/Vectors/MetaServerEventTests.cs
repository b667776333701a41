using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Vectors;

/// <summary>
/// Events as Meta's Business SDK writes them. Binding for us: every field's name, JSON type and value that both can express, that nothing
/// else is sent, and that what the SDK refuses with an error never leaves here. Not binding, named per case in <see cref="Differences"/>:
/// the SDK sends external_id unhashed (the normalise vectors allow both; we hash), and has fields that our events do not
/// (delivery_category of an item, opt_out, subscription_id). Two things are ours alone: every event has an event_id, and a website event
/// without the page's address is skipped, because Meta's documentation demands the address though the SDK does not check it.
/// </summary>
public sealed class MetaServerEventTests
{
    const string File = "meta/server-event.json";
    const string SomePage = "https://www.example.com/some-page";

    static readonly Dictionary<string, string[]> Differences = new()
    {
        ["v-ev-1"] = ["user_data.external_id", "custom_data.contents.delivery_category"],
        ["v-ev-5"] = ["user_data.external_id", "event_id", "event_source_url"],
        ["v-ev-7"] = ["opt_out", "event_id", "event_source_url"],
        ["v-ev-8"] = ["user_data.subscription_id"],
    };

    public static TheoryData<string> Events => VectorFile.Ids(File);

    [Theory]
    [MemberData(nameof(Events))]
    public void MetaDestination_ServerEvent_IsWrittenAsTheSdkWritesIt(string id)
    {
        var vector = VectorFile.Cases(File)[id];
        var input = vector.GetProperty("input");
        var settings = MetaEvents.Parse(input.TryGetProperty("data_processing_options", out _)
            ? """{"dataset_id":"1","limited_data_use":true}""" : """{"dataset_id":"1"}""");
        var isWebsite = input.Text("action_source")!.Equals("website", StringComparison.OrdinalIgnoreCase);
        var pageIsUnknown = input.Text("event_source_url") is null;

        var expected = vector.GetProperty("expected");
        if (expected.Text("error") is not null)
        {
            Assert.Equal(SkipReason.MissingField, MetaEvents.Meta.ReasonToSkip(EventOf(input, SomePage), settings, MetaEvents.Now)?.Reason);
            return;
        }
        if (isWebsite && pageIsUnknown)
            Assert.Equal("system_generated", MetaEvents.Parse(System.Text.Encoding.UTF8.GetString(MetaEvents.Meta.Map(EventOf(input, null), settings))).Text("action_source"));

        var @event = EventOf(input, isWebsite && pageIsUnknown ? SomePage : input.Text("event_source_url"));
        Assert.Null(MetaEvents.Meta.ReasonToSkip(@event, settings, MetaEvents.Now));
        var theirs = JsonNode.Parse(expected.GetProperty("body").GetRawText())!;
        var ours = JsonNode.Parse(MetaEvents.Meta.Map(@event, settings))!;
        foreach (var path in Differences.GetValueOrDefault(id, []))
        {
            Remove(theirs, path.Split('.'));
            Remove(ours, path.Split('.'));
        }
        Assert.True(JsonNode.DeepEquals(theirs, ours), $"the SDK: {theirs.ToJsonString()}\nours:    {ours.ToJsonString()}");
    }

    [Fact]
    public void MetaServerEvents_Counted_NoneIsSkipped()
    {
        Assert.Equal(8, Events.Count);
        Assert.All(Differences.Keys, id => Assert.Contains(id, VectorFile.Cases(File).Keys));
    }

    static void Remove(JsonNode? from, string[] path)
    {
        if (from is JsonArray list)
            foreach (var item in list)
                Remove(item, path);
        else if (from is JsonObject thing && path.Length == 1)
            thing.Remove(path[0]);
        else if (from is JsonObject parent)
            Remove(parent[path[0]], path[1..]);
    }

    static Event EventOf(JsonElement input, string? url)
    {
        var user = input.GetProperty("user");
        var custom = input.TryGetProperty("custom", out var given) ? given : MetaEvents.Parse("{}");
        var properties = new JsonObject();
        foreach (var property in custom.EnumerateObject())
        {
            if (property.Name == "contents")
                properties["items"] = new JsonArray([.. property.Value.EnumerateArray().Select(c => new JsonObject
                {
                    ["id"] = c.Text("id"),
                    ["quantity"] = c.GetProperty("quantity").GetInt32(),
                    ["price"] = c.GetProperty("item_price").GetDecimal(),
                })]);
            else if (property.Name == "custom_properties")
                foreach (var own in property.Value.EnumerateObject())
                    properties[own.Name] = JsonNode.Parse(own.Value.GetRawText());
            else if (property.Name is not ("value" or "currency" or "order_id"))
                properties[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        }
        var cookies = new Dictionary<string, string>();
        foreach (var name in (string[])["fbp", "fbc"])
            if (user.Text(name) is { } cookie)
                cookies[name] = cookie;
        return new MetaEvents
        {
            // Meta's name for the event, mapped from itself
            Name = input.Text("event_name") == "Purchase" ? "purchase" : input.Text("event_name")!,
            EventId = input.Text("event_id") ?? "made-by-us",
            Source = input.Text("action_source") == "system_generated" ? EventSource.Server : EventSource.Browser,
            OccurredAt = DateTimeOffset.FromUnixTimeSeconds(input.GetProperty("event_time").GetInt64()),
            Url = url,
            Value = custom.TryGetProperty("value", out var value) ? value.GetDecimal() : null,
            Currency = custom.Text("currency"),
            OrderId = custom.Text("order_id"),
            UserAgent = user.Text("client_user_agent"),
            Ip = user.Text("client_ip_address"),
            User = new UserData
            {
                Email = Many(user, "emails"),
                Phone = Many(user, "phones"),
                FirstName = Many(user, "first_names").FirstOrDefault(),
                LastName = Many(user, "last_names").FirstOrDefault(),
                City = Many(user, "cities").FirstOrDefault(),
                State = Many(user, "states").FirstOrDefault(),
                Zip = Many(user, "zips").FirstOrDefault(),
                Country = Many(user, "countries").FirstOrDefault(),
                ExternalId = Many(user, "external_ids"),
            },
            Cookies = cookies,
            Properties = properties.ToJsonString(),
        }.Build();
    }

    static string[] Many(JsonElement from, string name) =>
        from.TryGetProperty(name, out var values) ? [.. values.EnumerateArray().Select(v => v.GetString()!)] : [];
}
