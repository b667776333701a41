using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.GoogleAds;
using ClarityTracking.Core.Destinations.GoogleAnalytics;
using ClarityTracking.Core.Destinations.LinkedIn;
using ClarityTracking.Core.Destinations.Microsoft;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Destinations.Meta;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Destinations;

/// <summary>What the golden vectors do not say about Google, LinkedIn and Microsoft: odd cookies, refunds, limits, settings, answers.</summary>
public sealed class AnalyticsAndAdsMappingTests
{
    static readonly AnalyticsDestination Analytics = new();
    static readonly GoogleAdsDestination Ads = new();
    static readonly LinkedInDestination LinkedIn = new();
    static readonly MicrosoftDestination Microsoft = new();
    static readonly JsonElement NoSettings = JsonElement.Parse("{}");
    static readonly JsonElement Upload = JsonElement.Parse("""{"customer_id":"1","transport":"google_ads_api","conversion_actions":{"purchase":987,"schedule":55}}""");
    static readonly JsonElement Manager = JsonElement.Parse("""{"customer_id":"1","conversion_actions":{"purchase":987}}""");

    // ---- Google Analytics

    [Theory]
    [InlineData("GS1.1.1763460000.3.1.1763460900.0.0.0", "1763460000")]
    [InlineData("GS2.1.s1763460000$o3$g1$t1763460900$j0$l0$h0", "1763460000")]
    [InlineData("1763460000", "1763460000")]
    [InlineData("GS3.x.whatever", null)]
    [InlineData("GS2.1.sabc$o3", null)]
    public void Analytics_SessionCookie_ItsVisitIsSent(string cookie, string? expected) =>
        Assert.Equal(expected, Params(Gtag(new MetaEvents { Cookies = { ["ga"] = "GA1.1.1.2", ["ga_session"] = cookie } })).Text("session_id"));

    [Theory]
    [InlineData("GA1.1.1111111111.1760000000", "1111111111.1760000000")]
    [InlineData("GA1.2-2.1111111111.1760000000", null)]
    [InlineData("amp-abc", null)]
    [InlineData("GA1.1.1111111111", null)]
    public void Analytics_GaCookie_IsTheClientOrNothing(string cookie, string? expected)
    {
        var @event = new MetaEvents { Cookies = { ["ga"] = cookie } }.Build();
        if (expected is null)
            Assert.Equal(SkipReason.MissingKeys, Analytics.ReasonToSkip(@event, NoSettings, MetaEvents.Now)?.Reason);
        else
            Assert.Equal(expected, JsonElement.Parse(Analytics.Map(@event, NoSettings)).Text("client_id"));
    }

    [Theory]
    [InlineData("Demo booked!", "Demo_booked_")]
    [InlineData("course_enrollment", "course_enrollment")]
    [InlineData("session_start", null)]
    [InlineData("first_visit", null)]
    [InlineData("ga_thing", null)]
    [InlineData("1st", null)]
    public void Analytics_EventName_FitsOrIsNotSent(string name, string? expected)
    {
        var @event = new MetaEvents { Name = name, Cookies = { ["ga"] = "GA1.1.1.2" } }.Build();
        if (expected is null)
            Assert.Equal(SkipReason.Unmapped, Analytics.ReasonToSkip(@event, NoSettings, MetaEvents.Now)?.Reason);
        else
            Assert.Equal(expected, JsonElement.Parse(Analytics.Map(@event, NoSettings)).GetProperty("events")[0].Text("name"));
    }

    [Fact]
    public void Analytics_Refund_NamesTheOrderAndAPurchaseWithoutOrderTheEvent()
    {
        var refund = new MetaEvents { Name = "refund", OrderId = "5001", Value = 10, Cookies = { ["ga"] = "GA1.1.1.2" } };
        Assert.Equal(("refund", "5001"), (Gtag(refund).GetProperty("events")[0].Text("name"), Params(Gtag(refund)).Text("transaction_id")));
        Assert.Equal("ord-5001", Params(Gtag(new MetaEvents { Cookies = { ["ga"] = "GA1.1.1.2" } })).Text("transaction_id"));
    }

    [Theory]
    [InlineData(true, false, null, false)]
    [InlineData(false, true, null, true)]
    [InlineData(null, null, "dnt", false)]
    [InlineData(null, false, "gpc", true)]
    public void Analytics_Consent_OnlyAnalyticsDecides(bool? ads, bool? analytics, string? signal, bool isSent)
    {
        var @event = new MetaEvents { Consent = new Consent(signal is null ? ads : false, null, null, signal is null ? analytics : null, signal), Cookies = { ["ga"] = "GA1.1.1.2" } }.Build();
        Assert.Equal(isSent ? null : SkipReason.Consent, Analytics.ReasonToSkip(@event, NoSettings, MetaEvents.Now)?.Reason);
    }

    [Fact]
    public void Analytics_TestMode_AsksTheValidationServer()
    {
        var access = new DestinationAccess(Analytics.Info.DefaultBaseUrl, JsonElement.Parse("""{"measurement_id":"G-ABC123","test":true}"""), JsonElement.Parse("""{"api_secret":"a&b"}"""));
        var request = Analytics.BuildRequest([Analytics.Map(new MetaEvents().Build(), NoSettings)], access);
        Assert.Equal("https://www.google-analytics.com/debug/mp/collect?measurement_id=G-ABC123&api_secret=a%26b", request.Url.AbsoluteUri);
        Assert.DoesNotContain("a%26b", request.Mask(request.Url.AbsoluteUri), StringComparison.Ordinal);
        Assert.IsType<DeliveryOutcome.Delivered>(Analytics.Judge(new DestinationAnswer(200, """{"validationMessages":[]}""", 1)));
    }

    [Fact]
    public void Analytics_OldEvent_IsSkipped()
    {
        var @event = new MetaEvents { OccurredAt = MetaEvents.Now.AddHours(-72), Cookies = { ["ga"] = "GA1.1.1.2" } }.Build();
        Assert.Equal(SkipReason.TooOld, Analytics.ReasonToSkip(@event, NoSettings, MetaEvents.Now)?.Reason);
    }

    // ---- Google Ads

    [Theory]
    [InlineData("refund", "5001", 10.0, """{"remaining_value":"139.90"}""", "RESTATEMENT")]
    [InlineData("refund", "5001", 149.9, """{"remaining_value":0}""", "RETRACTION")]
    [InlineData("refund", "5001", null, "{}", "RETRACTION")]
    [InlineData("booking_canceled", "b-1", 60.0, "{}", "RETRACTION")]
    [InlineData("refund", "5001", 10.0, "{}", null)]
    [InlineData("refund", "5001", 10.0, """{"remaining_value":"some"}""", null)]
    [InlineData("refund", null, null, "{}", null)]
    public void Ads_RefundOrCancellation_AdjustsOrIsSkipped(string name, string? order, double? value, string properties, string? expected)
    {
        var @event = new MetaEvents { Name = name, OrderId = order, Value = (decimal?)value, Properties = properties }.Build();
        var skip = Ads.ReasonToSkip(@event, Upload, MetaEvents.Now);
        Assert.Equal(expected is null ? SkipReason.MissingField : null, skip?.Reason);
        if (expected is null)
            return;
        var payload = JsonElement.Parse(Ads.Map(@event, Upload));
        Assert.Equal((expected, order, $"customers/1/conversionActions/{(name == "refund" ? 987 : 55)}"), (payload.Text("adjustmentType"), payload.Text("orderId"), payload.Text("conversionAction")));
        Assert.Equal(expected == "RESTATEMENT", payload.TryGetProperty("restatementValue", out _));
    }

    [Fact]
    public void Ads_RefundOverDataManager_IsSkippedByName() =>
        Assert.Equal(SkipReason.Unmapped, Ads.ReasonToSkip(new MetaEvents { Name = "refund", OrderId = "5001" }.Build(), Manager, MetaEvents.Now)?.Reason);

    [Theory]
    [InlineData("gclid,gbraid,wbraid", "gclid", true)]
    [InlineData("gbraid,wbraid", "gbraid", false)]
    [InlineData("wbraid", "wbraid", false)]
    public void Ads_ClickIds_OneGoesAndIdentifiersOnlyBesideGclid(string names, string expected, bool withIdentifiers)
    {
        var @event = new MetaEvents { ClickIds = names.Split(',').ToDictionary(n => n, n => new ClickId("X-" + n, null)) }.Build();
        var sent = JsonElement.Parse(Ads.Map(@event, Manager)).GetProperty("event");
        var click = Assert.Single(sent.GetProperty("adIdentifiers").EnumerateObject());
        Assert.Equal((expected, "X-" + expected), (click.Name, click.Value.GetString()));
        Assert.Equal(withIdentifiers, sent.TryGetProperty("userData", out _));
        Assert.Equal(withIdentifiers, JsonElement.Parse(Ads.Map(@event, Upload)).TryGetProperty("userIdentifiers", out _));
    }

    [Fact]
    public void Ads_ManyIdentifiers_AreCutToWhatEachTransportTakes()
    {
        var @event = new MetaEvents { User = new() { Email = [.. Enumerable.Range(0, 8).Select(i => $"p{i}@example.com")], Phone = [.. Enumerable.Range(0, 8).Select(i => $"+1650555121{i}")] } }.Build();
        Assert.Equal(10, JsonElement.Parse(Ads.Map(@event, Manager)).GetProperty("event").GetProperty("userData").GetProperty("userIdentifiers").GetArrayLength());
        Assert.Equal(5, JsonElement.Parse(Ads.Map(@event, Upload)).GetProperty("userIdentifiers").GetArrayLength());
    }

    [Theory]
    [InlineData("TOO_RECENT_EVENT", "later in 6")]
    [InlineData("CLICK_CONVERSION_ALREADY_EXISTS", "delivered")]
    [InlineData("CLICK_NOT_FOUND", "delivered")]
    [InlineData("EXPIRED_EVENT", "TooOld")]
    [InlineData("UNPARSEABLE_GCLID", "Permanent")]
    [InlineData("CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "Credential")]
    [InlineData("RESOURCE_TEMPORARILY_EXHAUSTED", "RateLimited")]
    public void Ads_RowError_IsJudgedByItsCode(string code, string expected)
    {
        var outcome = Ads.Judge(new DestinationAnswer(200, $$$"""
            {"results":[{}],"partialFailureError":{"code":3,"details":[{"errors":[{"errorCode":{"conversionUploadError":"{{{code}}}"},"message":"m","location":{"fieldPathElements":[{"fieldName":"conversions","index":0}]}}]}]}}
            """, 1));
        Assert.Equal(expected, Word(outcome));
    }

    [Theory]
    [InlineData(400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"events[2].transaction_id","reason":"INVALID_FORMAT"}]}]}}""", "not taken,not taken,Permanent")]
    [InlineData(400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"INVALID_CONVERSION_ACTION_ID"}]}}""", "Credential")]
    [InlineData(400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"no"}}""", "Permanent")]
    [InlineData(400, """{"error":{"details":[{"fieldViolations":[{"field":"events[77].x"}]}]}}""", "Permanent")]
    [InlineData(403, """{"error":{"code":403,"status":"PERMISSION_DENIED"}}""", "Credential")]
    [InlineData(500, """{"error":{"code":500,"status":"INTERNAL"}}""", "Transient")]
    [InlineData(200, """{"partialFailureError":{"code":13,"message":"?"}}""", "Transient")]
    [InlineData(200, """{"partialFailureError":{"details":[{"errors":[7,{"location":[]}]}]}}""", "Permanent")]
    [InlineData(404, "<html>", "Transient")]
    public void Ads_StrangeAnswers_AreJudgedWithoutThrowing(int status, string body, string expected) =>
        Assert.Equal(expected, Ads.Judge(new DestinationAnswer(status, body, 3)) switch
        {
            DeliveryOutcome.Mixed mixed => string.Join(',', mixed.Events.Select(Word)),
            var one => Word(one),
        });

    [Fact]
    public void Ads_Grant_OnlyForARefreshToken()
    {
        Assert.Equal(new TokenGrant.Refresh("Google", "r"), Ads.Grant(JsonElement.Parse("""{"refresh_token":"r","access_token":"a"}""")));
        Assert.Null(Ads.Grant(JsonElement.Parse("""{"access_token":"a"}""")));
    }

    // ---- LinkedIn, Microsoft

    [Fact]
    public void LinkedIn_VisitorRefusesPersonalisedAds_IsSkipped()
    {
        var settings = JsonElement.Parse("""{"rules":{"purchase":1}}""");
        Assert.Equal(SkipReason.Consent, LinkedIn.ReasonToSkip(new MetaEvents { Consent = new(true, false, null, null, null) }.Build(), settings, MetaEvents.Now)?.Reason);
        Assert.Null(LinkedIn.ReasonToSkip(new MetaEvents().Build(), settings, MetaEvents.Now));
        Assert.Equal(SkipReason.MissingKeys, LinkedIn.ReasonToSkip(new MetaEvents { User = new() { Phone = ["+16505551212"], FirstName = "Jane" } }.Build(), settings, MetaEvents.Now)?.Reason);
    }

    [Theory]
    [InlineData(true, true, "G")]
    [InlineData(true, false, "D")]
    [InlineData(null, null, null)]
    public void Microsoft_Consent_IsGrantedOrDenied(bool? storage, bool? personalization, string? expected) =>
        Assert.Equal(expected, JsonElement.Parse(Microsoft.Map(new MetaEvents { Consent = new(null, personalization, storage, null, null) }.Build(), NoSettings)).Text("adStorageConsent"));

    [Fact]
    public void Microsoft_ExternalIdThatIsAnEmail_DoesNotGoInTheClear()
    {
        var payload = Microsoft.Map(new MetaEvents { User = new UserData { ExternalId = ["jane@example.com"] } }.Build(), NoSettings);
        Assert.False(JsonElement.Parse(payload).GetProperty("userData").TryGetProperty("externalId", out _));
    }

    [Fact]
    public void Microsoft_PageLoadWithoutAddress_IsSkipped() =>
        Assert.Equal(SkipReason.MissingField, Microsoft.ReasonToSkip(new MetaEvents { Name = "page_view", Url = null }.Build(), NoSettings, MetaEvents.Now)?.Reason);

    // ---- Settings

    [Theory]
    [InlineData("google_analytics", """{"measurement_id":"UA-1"}""", """{"api_secret":"s"}""", "settings.measurement_id")]
    [InlineData("google_analytics", """{"measurement_id":"G-ABC123","events":{"lead":"session_start"}}""", """{"api_secret":"s"}""", "settings.events.lead")]
    [InlineData("google_analytics", """{"measurement_id":"G-ABC123"}""", "{}", "credentials.api_secret")]
    [InlineData("google_ads", """{"customer_id":"123-456-7890"}""", """{"refresh_token":"r"}""", "settings.conversion_actions")]
    [InlineData("google_ads", """{"customer_id":"abc","conversion_actions":{"purchase":1}}""", """{"refresh_token":"r"}""", "settings.customer_id")]
    [InlineData("google_ads", """{"customer_id":"1234567890","conversion_actions":{"purchase":"one"}}""", """{"refresh_token":"r"}""", "settings.conversion_actions.purchase")]
    [InlineData("google_ads", """{"customer_id":"1234567890","conversion_actions":{"purchase":1}}""", "{}", "credentials.refresh_token")]
    [InlineData("google_ads", """{"customer_id":"1234567890","conversion_actions":{"purchase":1},"transport":"google_ads_api"}""", """{"access_token":"a"}""", "credentials.developer_token")]
    [InlineData("google_ads", """{"customer_id":"1234567890","conversion_actions":{"purchase":1},"transport":"fax"}""", """{"access_token":"a"}""", "settings.transport")]
    [InlineData("google_ads", """{"customer_id":"123-456-7890","manager_id":9998887777,"conversion_actions":{"purchase":1,"lead":false}}""", """{"access_token":"a"}""", null)]
    [InlineData("linkedin", """{"rules":{"lead":"x"}}""", """{"access_token":"a"}""", "settings.rules.lead")]
    [InlineData("linkedin", """{"rules":{"lead":1},"version":"202613"}""", """{"access_token":"a"}""", "settings.version")]
    [InlineData("linkedin", "{}", """{"access_token":"a"}""", "settings.rules")]
    [InlineData("microsoft", """{"uet_tag_id":"tag"}""", """{"access_token":"a"}""", "settings.uet_tag_id")]
    [InlineData("microsoft", """{"uet_tag_id":343012345}""", """{"access_token":"a"}""", null)]
    public void Check_Settings_NamesTheFieldThatIsWrong(string platform, string settings, string credentials, string? field)
    {
        IDestination destination = ((IDestination[])[Analytics, Ads, LinkedIn, Microsoft]).Single(d => d.Info.Platform == platform);
        Assert.Equal(field is null ? [] : [field], destination.Check(JsonElement.Parse(settings), JsonElement.Parse(credentials)).Select(e => e.Field));
    }

    static JsonElement Gtag(MetaEvents @event) => JsonElement.Parse(Analytics.Map(@event.Build(), NoSettings));

    static JsonElement Params(JsonElement body) => body.GetProperty("events")[0].GetProperty("params");

    static string Word(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Delivered => "delivered",
        DeliveryOutcome.Refused refused => refused.Kind.ToString(),
        DeliveryOutcome.TryLater { After: { } after } => $"later in {after.TotalHours}",
        DeliveryOutcome.TryLater later => later.Kind.ToString(),
        _ => "not taken",
    };
}
