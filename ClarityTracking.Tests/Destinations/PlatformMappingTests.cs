using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Pinterest;
using ClarityTracking.Core.Destinations.Reddit;
using ClarityTracking.Core.Destinations.Snapchat;
using ClarityTracking.Core.Destinations.TikTok;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Destinations;

/// <summary>Names, reasons to skip, edges of the mapping and strange answers of the platforms beside Meta.</summary>
public sealed class PlatformMappingTests
{
    static readonly Dictionary<string, IDestination> Platforms =
        new IDestination[] { new TikTokDestination(), new PinterestDestination(), new SnapchatDestination(), new RedditDestination() }.ToDictionary(d => d.Info.Platform);

    static readonly JsonElement NoSettings = JsonElement.Parse("{}");

    // canonical name: tiktok, pinterest, snapchat, reddit; null = not sent
    [Theory]
    [InlineData("page_view", "Pageview", "page_visit", "PAGE_VIEW", "PAGE_VISIT")]
    [InlineData("view_content", "ViewContent", "view_content", "VIEW_CONTENT", "VIEW_CONTENT")]
    [InlineData("search", "Search", "search", "SEARCH", "SEARCH")]
    [InlineData("add_to_cart", "AddToCart", "add_to_cart", "ADD_CART", "ADD_TO_CART")]
    [InlineData("initiate_checkout", "InitiateCheckout", "initiate_checkout", "START_CHECKOUT", "CUSTOM InitiateCheckout")]
    [InlineData("purchase", "Purchase", "checkout", "PURCHASE", "PURCHASE")]
    [InlineData("lead", "Lead", "lead", "SIGN_UP", "LEAD")]
    [InlineData("schedule", "Schedule", "custom", "RESERVE", "CUSTOM Schedule")]
    [InlineData("complete_registration", "CompleteRegistration", "signup", "SIGN_UP", "SIGN_UP")]
    [InlineData("subscribe", "Subscribe", "subscribe", "SUBSCRIBE", "CUSTOM Subscribe")]
    [InlineData("contact", "Contact", "lead", "CUSTOM_EVENT_1", "CUSTOM Contact")]
    [InlineData("course_enrollment", "CompleteRegistration", "custom", "CUSTOM_EVENT_2", "CUSTOM CourseEnrollment")]
    [InlineData("vip_tour", "vip_tour", "custom", null, "CUSTOM vip_tour")]
    [InlineData("form_submit", null, null, null, null)]
    [InlineData("scroll", null, null, null, null)]
    public void Name_OfEachPlatform_IsTheTables(string name, string? tiktok, string? pinterest, string? snapchat, string? reddit)
    {
        string?[] expected = [tiktok, pinterest, snapchat, reddit];
        Assert.Equal(expected, Platforms.Values.Select(p => NameAt(p, name, NoSettings)));
    }

    [Theory]
    [InlineData("tiktok", """{"events":{"form_submit":"Lead","lead":false}}""", "form_submit", "Lead")]
    [InlineData("tiktok", """{"events":{"form_submit":"Lead","lead":false}}""", "lead", null)]
    [InlineData("snapchat", """{"events":{"vip_tour":"CUSTOM_EVENT_5"}}""", "vip_tour", "CUSTOM_EVENT_5")]
    [InlineData("reddit", """{"events":{"vip_tour":"LEAD"}}""", "vip_tour", "LEAD")]
    [InlineData("reddit", """{"events":{"lead":"Vip"}}""", "lead", "CUSTOM Vip")]
    [InlineData("pinterest", """{"events":{"schedule":"lead"}}""", "schedule", "lead")]
    public void Name_MappedByTheConnection_WinsOverTheTable(string platform, string settings, string name, string? expected) =>
        Assert.Equal(expected, NameAt(Platforms[platform], name, JsonElement.Parse(settings)));

    [Theory]
    [InlineData("tiktok", 7 * 24 - 1, 7 * 24 + 1)]
    [InlineData("pinterest", 7 * 24 - 1, 7 * 24 + 1)]
    [InlineData("snapchat", 37 * 24 - 1, 37 * 24 + 1)]
    [InlineData("reddit", 167, 168)]
    public void ReasonToSkip_Age_EndsWhereThePlatformsDoes(string platform, int youngHours, int oldHours)
    {
        Assert.Null(SkipOf(platform, new MetaEvents { OccurredAt = MetaEvents.Now.AddHours(-youngHours) }));
        Assert.Equal(SkipReason.TooOld, SkipOf(platform, new MetaEvents { OccurredAt = MetaEvents.Now.AddHours(-oldHours) })?.Reason);
    }

    [Theory]
    [InlineData("tiktok", """{"test_event_code":"T"}""")]
    [InlineData("pinterest", """{"test":true}""")]
    [InlineData("snapchat", """{"test_id":"T"}""")]
    [InlineData("reddit", """{"test_id":"T"}""")]
    public void ReasonToSkip_TestEvent_GoesOnlyToATestMode(string platform, string settings)
    {
        var test = new MetaEvents { IsTest = true }.Build();
        Assert.Equal(SkipReason.Test, Platforms[platform].ReasonToSkip(test, NoSettings, MetaEvents.Now)?.Reason);
        Assert.Null(Platforms[platform].ReasonToSkip(test, JsonElement.Parse(settings), MetaEvents.Now));
    }

    // what alone is enough: email, phone, external id, address with agent, nothing but the agent and a city
    [Theory]
    [InlineData("tiktok", true, true, true, true)]
    [InlineData("pinterest", true, false, false, true)]
    [InlineData("snapchat", true, true, false, true)]
    [InlineData("reddit", true, true, true, true)]
    public void ReasonToSkip_TooFewKeys_IsSaid(string platform, bool email, bool phone, bool externalId, bool address)
    {
        Assert.Equal(email, IsSent(new UserData { Email = ["jane@example.com"] }, null));
        Assert.Equal(phone, IsSent(new UserData { Phone = ["+1 650 555 1212"] }, null));
        Assert.Equal(externalId, IsSent(new UserData { ExternalId = ["c-1"] }, null));
        Assert.Equal(address, IsSent(UserData.Nothing, "203.0.113.24"));
        Assert.False(IsSent(UserData.Nothing, "10.0.0.1"));
        Assert.False(IsSent(new UserData { City = "Paris", FirstName = "Jane" }, null));

        bool IsSent(UserData user, string? ip) => SkipOf(platform, new MetaEvents { User = user, Ip = ip }) switch
        {
            null => true,
            { Reason: SkipReason.MissingKeys } => false,
            var other => throw new InvalidOperationException(other.Detail),
        };
    }

    [Theory]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("snapchat")]
    [InlineData("reddit")]
    public void Map_ServerEventWithoutPageOrPerson_HasNoEmptyMembers(string platform)
    {
        var bare = new MetaEvents { Source = EventSource.Server, Url = null, UserAgent = null, Ip = null, Value = 5, Currency = null, Properties = """{"items":[{},"x"]}""" };
        AssertNothingEmpty(Parse(platform, bare), platform);
    }

    [Theory]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("snapchat")]
    [InlineData("reddit")]
    public void Map_OddItemsAndPersonalProperties_LeavesOutWhatIsNotUsable(string platform)
    {
        var mapped = Parse(platform, new MetaEvents
        {
            Url = "https://shop.example.com/?email=jane%40example.com&x=1",
            Properties = """{"items":[{"id":7,"price":"9.50","quantity":"2"},{"id":"","price":"free","quantity":-1}],"search_string":"jane@example.com","content_name":"+44 20 7946 0958","customer_email":"jane@example.com"}""",
        });
        Assert.DoesNotContain("jane", mapped.GetRawText(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("7946", mapped.GetRawText(), StringComparison.Ordinal);
        AssertNothingEmpty(mapped, platform);
    }

    [Theory]
    [InlineData("tiktok", "Batch.1.event: x", 40002)]
    public void Judge_NamedEventOutsideTheBatch_IsARefusalOfTheBatch(string platform, string message, int code) =>
        Assert.IsType<DeliveryOutcome.Refused>(Platforms[platform].Judge(new(200, JsonSerializer.Serialize(new { code, message }), 1)));

    [Theory]
    [InlineData(200, """{"code":40105,"message":"m"}""", FailureKind.Credential)]
    [InlineData(200, """{"code":40000,"message":"m"}""", FailureKind.Permanent)]
    [InlineData(200, """{"code":50000,"message":"m"}""", FailureKind.Transient)]
    [InlineData(200, """{"message":"m"}""", FailureKind.Transient)]
    [InlineData(200, "", FailureKind.Transient)]
    [InlineData(429, "", FailureKind.RateLimited)]
    [InlineData(400, """{"message":"m"}""", FailureKind.Permanent)]
    [InlineData(503, "<html>", FailureKind.Transient)]
    public void Judge_TikToksAnswer_GoesByTheCode(int status, string body, FailureKind kind) => Assert.Equal(kind, Kind(Platforms["tiktok"].Judge(new(status, body, 1))));

    [Theory]
    [InlineData("pinterest", 401, """{"code":2,"message":"m"}""", FailureKind.Credential)]
    [InlineData("pinterest", 403, """{"code":29,"message":"m"}""", FailureKind.Credential)]
    [InlineData("pinterest", 400, """{"code":4196,"message":"m"}""", FailureKind.Permanent)]
    [InlineData("pinterest", 503, """{"code":4197,"message":"m"}""", FailureKind.Transient)]
    [InlineData("pinterest", 422, """{"code":1,"message":"m","details":"?"}""", FailureKind.Permanent)]
    [InlineData("pinterest", 422, """{"code":1,"details":{"events":[{"status":"failed"}]}}""", FailureKind.Permanent)] // one entry for two events
    [InlineData("pinterest", 200, "<html>login</html>", FailureKind.Transient)]
    [InlineData("snapchat", 401, """{"status":"ERROR"}""", FailureKind.Credential)]
    [InlineData("snapchat", 400, """{"status":"INVALID","reason":"m"}""", FailureKind.Permanent)]
    [InlineData("snapchat", 429, "", FailureKind.RateLimited)]
    [InlineData("snapchat", 500, "", FailureKind.Transient)]
    [InlineData("snapchat", 413, "", FailureKind.Permanent)]
    [InlineData("reddit", 403, """{"success":false,"error":{"reason":"FORBIDDEN","explanation":"m"}}""", FailureKind.Credential)]
    [InlineData("reddit", 400, """{"message":"m","invalid_events":[]}""", FailureKind.Permanent)]
    [InlineData("reddit", 400, """{"message":"m","invalid_events":[{"error_message":"event_at timestamp must be less than 168h0m0s old"}]}""", FailureKind.TooOld)]
    [InlineData("reddit", 502, "Bad gateway", FailureKind.Transient)]
    public void Judge_FailedAnswer_IsOfItsKind(string platform, int status, string body, FailureKind kind) =>
        Assert.Equal(kind, Kind(Platforms[platform].Judge(new(status, body, 2))));

    [Theory]
    [InlineData("pinterest", 200, "{}")]
    [InlineData("snapchat", 200, "")]
    [InlineData("snapchat", 200, """{"status":"OK"}""")]
    [InlineData("reddit", 200, """{"message":"Successfully processed 2 conversion events."}""")]
    public void Judge_SuccessInAnyForm_IsDelivered(string platform, int status, string body) =>
        Assert.IsType<DeliveryOutcome.Delivered>(Platforms[platform].Judge(new(status, body, 2)));

    [Theory]
    [InlineData("tiktok")]
    [InlineData("pinterest")]
    [InlineData("snapchat")]
    [InlineData("reddit")]
    public void BuildRequest_UnderAnotherBaseAddressWithOddIds_EscapesAndMasks(string platform)
    {
        var settings = JsonElement.Parse("""{"pixel_code":"a/b?c","ad_account_id":"a/b?c","pixel_id":"a/b?c"}""");
        var request = Platforms[platform].BuildRequest(["{}"u8.ToArray(), "{}"u8.ToArray()],
            new DestinationAccess(new Uri("http://127.0.0.1:9/base/"), settings, JsonElement.Parse("""{"access_token":"s3cret/to+ken"}""")));
        Assert.StartsWith("/base/", request.Url.AbsolutePath, StringComparison.Ordinal);
        Assert.DoesNotContain("a/b?c", request.Url.AbsoluteUri, StringComparison.Ordinal);
        var kept = request.Mask(request.Url.AbsoluteUri + string.Concat(request.Headers.Values));
        Assert.DoesNotContain("s3cret", kept, StringComparison.Ordinal);
        Assert.Contains("***", kept, StringComparison.Ordinal);
    }

    static string? NameAt(IDestination platform, string name, JsonElement settings)
    {
        var @event = new MetaEvents { Name = name }.Build();
        if (platform.ReasonToSkip(@event, settings, MetaEvents.Now) is { } skip)
            return skip.Reason == SkipReason.Unmapped ? null : throw new InvalidOperationException(skip.Detail);
        var mapped = JsonElement.Parse(platform.Map(@event, settings));
        if (mapped.TryGetProperty("type", out var type))
            return type.TryGetProperty("custom_event_name", out var custom) ? $"{type.GetProperty("tracking_type")} {custom}" : type.GetProperty("tracking_type").GetString();
        return (mapped.TryGetProperty("event", out var tiktok) ? tiktok : mapped.GetProperty("event_name")).GetString();
    }

    static Skip? SkipOf(string platform, MetaEvents @event) => Platforms[platform].ReasonToSkip(@event.Build(), NoSettings, MetaEvents.Now);

    static JsonElement Parse(string platform, MetaEvents @event) => JsonElement.Parse(Platforms[platform].Map(@event.Build(), NoSettings));

    static void AssertNothingEmpty(JsonElement value, string path)
    {
        Assert.False(value.ValueKind == JsonValueKind.Null || (value.ValueKind == JsonValueKind.String && value.GetString()!.Length == 0), path);
        if (value.ValueKind == JsonValueKind.Object)
            foreach (var member in value.EnumerateObject())
                AssertNothingEmpty(member.Value, $"{path}.{member.Name}");
        else if (value.ValueKind == JsonValueKind.Array)
        {
            Assert.True(value.GetArrayLength() > 0, path);
            foreach (var entry in value.EnumerateArray())
                AssertNothingEmpty(entry, path);
        }
    }

    static FailureKind? Kind(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Refused refused => refused.Kind,
        DeliveryOutcome.TryLater later => later.Kind,
        _ => null,
    };
}
