using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.GoogleAnalytics;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Destinations.Tinybird;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Tests.Destinations.Meta;

namespace ClarityTracking.Tests.Routing;

/// <summary>Which consent a connection needs, by its platform and by its own setting.</summary>
public sealed class ConsentRuleTests
{
    private static readonly Dictionary<string, IDestination> Platforms = new()
    {
        ["meta"] = new MetaDestination(),
        ["google_analytics"] = new AnalyticsDestination(),
        ["tinybird"] = new TinybirdDestination(),
    };

    [Theory]
    // platform, setting, ad_user_data, ad_personalization, ad_storage, analytics_storage, signal, is it sent
    [InlineData("meta", null, null, null, null, null, null, true)]
    [InlineData("meta", null, false, null, null, null, null, false)]
    [InlineData("meta", null, null, null, false, null, null, false)]
    [InlineData("meta", null, true, false, true, false, null, true)]
    [InlineData("meta", """["ad_personalization"]""", false, null, false, null, null, true)]
    [InlineData("meta", """["ad_personalization"]""", true, false, true, true, null, false)]
    [InlineData("meta", """["ad_user_data","analytics_storage"]""", true, null, null, false, null, false)]
    [InlineData("meta", "[]", false, false, false, false, null, true)]
    [InlineData("meta", "[]", true, true, true, true, "gpc", false)]
    [InlineData("meta", "[]", true, true, true, true, "dnt", false)]
    [InlineData("google_analytics", null, false, false, false, null, null, true)]
    [InlineData("google_analytics", null, true, true, true, false, null, false)]
    [InlineData("google_analytics", "[]", true, true, true, false, null, true)]
    [InlineData("google_analytics", """["ad_user_data"]""", false, null, null, null, null, false)]
    [InlineData("google_analytics", null, false, false, null, null, "gpc", true)]
    [InlineData("google_analytics", "[]", false, false, null, null, "dnt", false)]
    [InlineData("tinybird", null, false, false, false, false, "gpc", true)]
    [InlineData("tinybird", """["analytics_storage"]""", true, true, true, false, null, false)]
    public void Consent_OfAConnection_DecidesByItsCategories(string platform, string? setting, bool? data, bool? personal, bool? ads, bool? analytics, string? signal, bool isSent)
    {
        var settings = JsonElement.Parse(setting is null ? "{}" : $$"""{"consent":{{setting}}}""");
        var asked = data is not null || personal is not null || ads is not null || analytics is not null || signal is not null;
        var @event = new MetaEvents { Consent = asked ? new Consent(data, personal, ads, analytics, signal) : null, Cookies = { ["ga"] = "GA1.1.1.2" } }.Build();
        var skip = EventRouter.Route(@event, [], Guid.Empty, Platforms[platform], settings, MetaEvents.Now).Skip;
        Assert.Equal(isSent ? null : SkipReason.Consent, skip?.Reason);
    }

    [Theory]
    [InlineData("[]", null)]
    [InlineData("""["ad_user_data","ad_personalization","ad_storage","analytics_storage"]""", null)]
    [InlineData("null", null)]
    [InlineData("\"ad_user_data\"", "settings.consent")]
    [InlineData("""["marketing"]""", "settings.consent[0]")]
    [InlineData("""["ad_user_data",1]""", "settings.consent[1]")]
    [InlineData("""["ad_user_data","ad_user_data"]""", "settings.consent[1]")]
    public void Consent_AsASetting_IsChecked(string value, string? wrong)
    {
        var errors = Platforms["tinybird"].Check(JsonElement.Parse($$"""{"data_source":"events","consent":{{value}}}"""), null);
        Assert.Equal(wrong is null ? [] : [wrong], errors.Select(e => e.Field));
    }

    [Theory]
    [InlineData(false, null, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    [InlineData(null, null, false)]
    public void RefusedAdsData_SentAllTheSame_IsForMeasuringOnly(bool? data, bool? personal, bool isOptedOut) =>
        Assert.Equal(isOptedOut, new MetaEvents { Consent = new Consent(data, personal, null, null, null) }.Map(JsonElement.Parse("""{"dataset_id":"1","consent":[]}"""))
            .TryGetProperty("opt_out", out _));
}
