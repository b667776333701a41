using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Destinations;

/// <summary>The examples that the README of each destination's folder points to are what really happens.</summary>
public sealed class DestinationExampleTests
{
    static readonly string Root = FindRoot();

    static readonly Dictionary<string, IDestination> ByFolder = typeof(IDestination).Assembly.GetTypes()
        .Where(t => t.IsAssignableTo(typeof(IDestination)) && !t.IsAbstract)
        .ToDictionary(t => t.Namespace![(t.Namespace!.LastIndexOf('.') + 1)..], t => (IDestination)Activator.CreateInstance(t)!);

    public static TheoryData<string> Examples => [.. Directory.EnumerateFiles(Root, "*.in.json", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_OfADestination_IsTrue(string path)
    {
        var destination = ByFolder[path[..path.IndexOf('/', StringComparison.Ordinal)]];
        var input = Read(path);
        var settings = input.GetProperty("settings");
        var @event = EventOf(input);

        Assert.Null(destination.ReasonToSkip(@event, settings, @event.ReceivedAt));
        var request = destination.BuildRequest([destination.Map(@event, settings)],
            new DestinationAccess(destination.Info.DefaultBaseUrl, settings, JsonElement.Parse("{}"), @event.ReceivedAt));

        var (expected, body) = (Read(path.Replace(".in.json", ".out.json", StringComparison.Ordinal)), JsonElement.Parse(request.Body));
        Assert.True(JsonElement.DeepEquals(expected, body), body.ToString());
    }

    [Fact]
    public void Destinations_Folders_EachHasAnExampleAndAReadme()
    {
        Assert.NotEmpty(ByFolder);
        Assert.All(ByFolder.Keys, folder =>
        {
            Assert.True(File.Exists(Path.Combine(Root, folder, "README.md")), folder);
            Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(Root, folder, "Examples"), "*.out.json"));
        });
    }

    static Event EventOf(JsonElement input)
    {
        var user = input.TryGetProperty("user", out var told) ? told : JsonElement.Parse("{}");
        var person = new UserData
        {
            Email = List(user, "email"),
            Phone = List(user, "phone"),
            ExternalId = List(user, "external_id"),
            FirstName = user.Text("first_name"),
            LastName = user.Text("last_name"),
            City = user.Text("city"),
            State = user.Text("state"),
            Zip = user.Text("zip"),
            Country = user.Text("country"),
            Company = user.Text("company"),
        };
        var occurred = Time(input, "time");
        return new Event
        {
            WorkspaceId = Guid.Empty,
            WebsiteId = Guid.Empty,
            Id = Guid.CreateVersion7(occurred),
            EventId = input.Text("event_id")!,
            Name = input.Text("name")!,
            Source = Enum.Parse<EventSource>(input.Text("source")!, ignoreCase: true),
            OccurredAt = occurred,
            ReceivedAt = occurred,
            Url = input.Text("url"),
            Referrer = input.Text("referrer"),
            OrderId = input.Text("order_id"),
            Value = input.TryGetProperty("value", out var value) ? value.GetDecimal() : null,
            Currency = input.Text("currency"),
            UserAgent = input.Text("user_agent"),
            ClickIds = Members(input, "click_ids").ToDictionary(c => c.Name,
                c => new ClickId(c.Value.Text("value")!, c.Value.TryGetProperty("first_seen", out _) ? Time(c.Value, "first_seen") : null)),
            Cookies = Members(input, "cookies").ToDictionary(c => c.Name, c => c.Value.GetString()!),
            Consent = input.TryGetProperty("consent", out var consent) ? new Consent(Allowed(consent, "ad_user_data"), Allowed(consent, "ad_personalization"), null, null, null) : null,
            MatchKeys = MatchKeyHasher.Hash(person, defaultCountry: null),
            Properties = input.TryGetProperty("properties", out var properties) ? properties : JsonElement.Parse("{}"),
            Personal = new PersonalData(person, input.Text("ip")),
        };
    }

    static IEnumerable<JsonProperty> Members(JsonElement input, string name) =>
        input.TryGetProperty(name, out var members) ? members.EnumerateObject().ToList() : Enumerable.Empty<JsonProperty>();

    static bool? Allowed(JsonElement consent, string name) => consent.Text(name) switch { "granted" => true, "denied" => false, _ => null };

    static string[] List(JsonElement user, string name) => user.Text(name) is { } value ? [value] : [];

    static DateTimeOffset Time(JsonElement from, string name) => DateTimeOffset.Parse(from.Text(name)!, CultureInfo.InvariantCulture);

    static JsonElement Read(string path) => JsonElement.Parse(File.ReadAllBytes(Path.Combine(Root, path)));

    static string FindRoot()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "ClarityTracking.sln")))
            root = root.Parent;
        return Path.Combine(root!.FullName, "ClarityTracking.Core", "Destinations");
    }
}
