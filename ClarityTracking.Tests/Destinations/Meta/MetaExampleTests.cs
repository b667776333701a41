using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Destinations.Meta;

/// <summary>The examples the README of the folder points to are what really happens.</summary>
public sealed class MetaExampleTests
{
    [Fact]
    public void MetaDestination_PurchaseExample_IsTrue()
    {
        var input = Read("purchase.in.json");
        var settings = input.GetProperty("settings");
        var user = input.GetProperty("user");
        var click = input.GetProperty("click_ids").GetProperty("fbclid");
        var @event = new MetaEvents
        {
            Name = input.Text("name")!,
            Source = Enum.Parse<EventSource>(input.Text("source")!, ignoreCase: true),
            EventId = input.Text("event_id")!,
            OccurredAt = Time(input, "time"),
            Url = input.Text("url"),
            Referrer = input.Text("referrer"),
            OrderId = input.Text("order_id"),
            Value = input.GetProperty("value").GetDecimal(),
            Currency = input.Text("currency"),
            UserAgent = input.Text("user_agent"),
            Ip = input.Text("ip"),
            User = new UserData { Email = [user.Text("email")!], Phone = [user.Text("phone")!], Country = user.Text("country") },
            ClickIds = new() { ["fbclid"] = new ClickId(click.Text("value")!, Time(click, "first_seen")) },
            Cookies = input.GetProperty("cookies").EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetString()!),
            Properties = input.GetProperty("properties").GetRawText(),
        }.Build();

        var body = MetaEvents.Parse(MetaEvents.Request(@event, settings).Body);

        Assert.True(JsonElement.DeepEquals(Read("purchase.out.json"), body), body.ToString());
    }

    static DateTimeOffset Time(JsonElement from, string name) => DateTimeOffset.Parse(from.Text(name)!, CultureInfo.InvariantCulture);

    static JsonElement Read(string name)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "ClarityTracking.sln")))
            root = root.Parent;
        Assert.NotNull(root);
        return MetaEvents.Parse(File.ReadAllBytes(Path.Combine(root.FullName, "ClarityTracking.Core", "Destinations", "Meta", "Examples", name)));
    }
}
